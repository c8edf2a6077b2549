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
        "the device \"{name}\" is not in this program; build it with `cargo build --release --features {name}`, or use \"flex\""
    )]
    NotBuilt { name: String },
    #[error("the device \"{name}\" cannot be opened: {problem}; use \"flex\", or fix the driver")]
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

/// Every device that this program was built for.
pub fn available() -> Vec<DeviceInfo> {
    let known = [
        ("flex", "Processor (flex)", true),
        ("tch", "Processor (LibTorch)", cfg!(feature = "tch")),
        ("vulkan", "Graphics card (Vulkan)", cfg!(feature = "vulkan")),
        ("cuda", "Graphics card (CUDA)", cfg!(feature = "cuda")),
    ];
    let built = known.into_iter().filter(|(.., is_built)| *is_built);
    built
        .map(|(name, title, _)| DeviceInfo { name, title })
        .collect()
}

/// The device of that name, without autodiff.
///
/// # Errors
/// An unknown name, one that needs another build, or a device that does not open.
#[allow(unreachable_patterns, reason = "where every device is built")]
pub fn resolve(name: &str) -> Result<Device, DeviceError> {
    match name {
        "flex" => Ok(Device::flex()),
        #[cfg(feature = "tch")]
        #[allow(deprecated)]
        // burn keeps LibTorch for this release only; the design asks for it
        "tch" => Ok(Device::libtorch()),
        #[cfg(feature = "vulkan")]
        "vulkan" => opened(name, || Device::vulkan(burn::tensor::DeviceKind::default())),
        #[cfg(feature = "cuda")]
        "cuda" => opened(name, || Device::cuda(0)),
        "tch" | "vulkan" | "cuda" => Err(DeviceError::NotBuilt { name: name.into() }),
        _ => Err(DeviceError::Unknown {
            name: name.to_string(),
            known: available().iter().map(|device| device.name).collect(),
        }),
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
        problem: "no driver answered".into(),
    })
}
