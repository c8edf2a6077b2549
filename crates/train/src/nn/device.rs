//! The devices that this program was built for.

use burn::tensor::Device;
use thiserror::Error;

/// Why a device cannot be used.
#[derive(Debug, Error)]
pub enum DeviceError {
    #[error("the device \"{name}\" is not known; this program has {}", .known.join(", "))]
    Unknown {
        name: String,
        known: Vec<&'static str>,
    },
    #[error(
        "the device \"{name}\" is not in this program; build it with `cargo build --release --features {feature}`, or use \"flex\""
    )]
    NotBuilt { name: String, feature: String },
    #[error("the device \"{name}\" cannot be opened: {problem}; or use \"flex\"")]
    Unavailable { name: String, problem: String },
}

/// A device that this program was built for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeviceInfo {
    /// As experiment files write it.
    pub name: &'static str,
    /// As a person reads it.
    pub title: &'static str,
}

/// Every device that this program was built for, whether this machine has it or not.
pub fn built() -> Vec<DeviceInfo> {
    let known = [
        ("flex", "Processor (flex)", true),
        ("tch", "Processor (LibTorch)", cfg!(feature = "tch")),
        (
            TCH_CUDA,
            "Graphics card (LibTorch, CUDA)",
            cfg!(feature = "tch"),
        ),
        (
            TCH_MPS,
            "Graphics card (LibTorch, Metal)",
            cfg!(all(feature = "tch", target_os = "macos")),
        ),
        ("vulkan", "Graphics card (Vulkan)", cfg!(feature = "vulkan")),
        ("cuda", "Graphics card (CUDA)", cfg!(feature = "cuda")),
    ];
    let built = known.into_iter().filter(|(.., is_built)| *is_built);
    built
        .map(|(name, title, _)| DeviceInfo { name, title })
        .collect()
}

/// Those of [`built`] that LibTorch finds; the others may still fail to open.
pub fn available() -> Vec<DeviceInfo> {
    let mut found = built();
    found.retain(|device| match device.name {
        TCH_CUDA => has_cuda(),
        TCH_MPS => has_mps(),
        _ => true,
    });
    found
}

/// NVIDIA's card by LibTorch; `tch-cuda:1` is the second.
const TCH_CUDA: &str = "tch-cuda";
/// Apple's graphics by LibTorch.
const TCH_MPS: &str = "tch-mps";

/// The number of the card that a name such as `tch-cuda` or `tch-cuda:1` means.
fn cuda_index(name: &str) -> Option<usize> {
    match name.strip_prefix(TCH_CUDA)? {
        "" => Some(0),
        rest => rest.strip_prefix(':')?.parse().ok(),
    }
}

#[cfg(feature = "tch")]
fn has_cuda() -> bool {
    tch::Cuda::is_available()
}

#[cfg(not(feature = "tch"))]
fn has_cuda() -> bool {
    false
}

#[cfg(feature = "tch")]
fn has_mps() -> bool {
    tch::utils::has_mps()
}

#[cfg(not(feature = "tch"))]
fn has_mps() -> bool {
    false
}

/// The device of that name, without autodiff.
///
/// # Errors
/// An unknown name, one that needs another build, or a device that does not open.
#[allow(unreachable_patterns, reason = "where every device is built")]
pub fn resolve(name: &str) -> Result<Device, DeviceError> {
    if let Some(index) = cuda_index(name) {
        return cuda(name, index);
    }
    match name {
        "flex" => Ok(Device::flex()),
        #[cfg(feature = "tch")]
        #[allow(deprecated)]
        // burn keeps LibTorch for this release only; the design asks for it
        "tch" => Ok(Device::libtorch()),
        #[cfg(feature = "tch")]
        #[allow(deprecated)]
        TCH_MPS if has_mps() => Ok(Device::libtorch_mps()),
        #[cfg(feature = "tch")]
        TCH_MPS => Err(unavailable(name, "this LibTorch has no Metal")),
        #[cfg(feature = "vulkan")]
        "vulkan" => opened(name, || Device::vulkan(burn::tensor::DeviceKind::default())),
        #[cfg(feature = "cuda")]
        "cuda" => opened(name, || Device::cuda(0)),
        "tch" | TCH_MPS | "vulkan" | "cuda" => Err(not_built(name)),
        _ => Err(DeviceError::Unknown {
            name: name.to_string(),
            known: built().iter().map(|device| device.name).collect(),
        }),
    }
}

#[cfg(feature = "tch")]
fn cuda(name: &str, index: usize) -> Result<Device, DeviceError> {
    let cards = tch::Cuda::device_count();
    match usize::try_from(cards).is_ok_and(|cards| index < cards) {
        #[allow(deprecated)]
        true => Ok(Device::libtorch_cuda(index)),
        false if !has_cuda() => Err(unavailable(
            name,
            "LibTorch finds no card of NVIDIA's; where there is one, build against a LibTorch with CUDA (README, \"A graphics card\")",
        )),
        false => {
            let problem = format!("cards are numbered from 0, and there are {cards}");
            Err(unavailable(name, &problem))
        }
    }
}

#[cfg(not(feature = "tch"))]
fn cuda(name: &str, _: usize) -> Result<Device, DeviceError> {
    Err(not_built(name))
}

#[cfg(feature = "tch")]
fn unavailable(name: &str, problem: &str) -> DeviceError {
    DeviceError::Unavailable {
        name: name.to_string(),
        problem: problem.to_string(),
    }
}

fn not_built(name: &str) -> DeviceError {
    let feature = name.split('-').next().unwrap_or(name);
    DeviceError::NotBuilt {
        name: name.to_string(),
        feature: feature.to_string(),
    }
}

/// A missing driver makes the back end panic; here that becomes an error.
#[cfg(any(feature = "vulkan", feature = "cuda"))]
fn opened(
    name: &str,
    open: impl FnOnce() -> Device + std::panic::UnwindSafe,
) -> Result<Device, DeviceError> {
    std::panic::catch_unwind(|| {
        let device = open();
        let one = burn::tensor::Tensor::<1>::ones([1], &device).into_scalar::<f32>();
        (device, one)
    })
    .ok()
    .filter(|(_, one)| *one == 1.0)
    .map(|(device, _)| device)
    .ok_or_else(|| DeviceError::Unavailable {
        name: name.to_string(),
        problem: "no driver answered; install or update it".into(),
    })
}
