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
    NotBuilt { name: String, feature: &'static str },
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
    let mut devices = vec![DeviceInfo {
        name: "flex",
        title: "Processor (flex)",
    }];
    if cfg!(feature = "tch") {
        devices.push(DeviceInfo {
            name: "tch",
            title: "Processor (LibTorch)",
        });
    }
    if cfg!(feature = "vulkan") {
        devices.push(DeviceInfo {
            name: "vulkan",
            title: "Graphics card (Vulkan)",
        });
    }
    if cfg!(feature = "cuda") {
        devices.push(DeviceInfo {
            name: "cuda",
            title: "Graphics card (CUDA)",
        });
    }
    devices
}

/// The device of that name, without autodiff.
///
/// # Errors
/// An unknown name, one that needs another build, or a device that does not open.
pub fn resolve(name: &str) -> Result<Device, DeviceError> {
    match name {
        "flex" => Ok(Device::flex()),
        "tch" => tch(name),
        "vulkan" => vulkan(name),
        "cuda" => cuda(name),
        _ => Err(DeviceError::Unknown {
            name: name.to_string(),
            known: available().iter().map(|device| device.name).collect(),
        }),
    }
}

#[cfg(feature = "tch")]
#[allow(deprecated)] // burn keeps LibTorch for this release only; the design asks for it
fn tch(_: &str) -> Result<Device, DeviceError> {
    Ok(Device::libtorch())
}

#[cfg(not(feature = "tch"))]
fn tch(name: &str) -> Result<Device, DeviceError> {
    Err(DeviceError::NotBuilt {
        name: name.to_string(),
        feature: "tch",
    })
}

#[cfg(feature = "vulkan")]
fn vulkan(name: &str) -> Result<Device, DeviceError> {
    opened(name, || Device::vulkan(burn::tensor::DeviceKind::default()))
}

#[cfg(not(feature = "vulkan"))]
fn vulkan(name: &str) -> Result<Device, DeviceError> {
    Err(DeviceError::NotBuilt {
        name: name.to_string(),
        feature: "vulkan",
    })
}

#[cfg(feature = "cuda")]
fn cuda(name: &str) -> Result<Device, DeviceError> {
    opened(name, || Device::cuda(0))
}

#[cfg(not(feature = "cuda"))]
fn cuda(name: &str) -> Result<Device, DeviceError> {
    Err(DeviceError::NotBuilt {
        name: name.to_string(),
        feature: "cuda",
    })
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
