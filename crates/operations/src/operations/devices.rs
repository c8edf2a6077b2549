//! The devices that this program can compute on.

use crate::nn::device::{self, DeviceError};

/// A device that this program was built for.
#[derive(Debug)]
pub struct DeviceCheck {
    /// In experiment files.
    pub name: &'static str,
    /// On screen.
    pub title: &'static str,
    /// Why it cannot be used.
    pub problem: Option<DeviceError>,
}

/// Opens every device that this program was built for.
pub fn check() -> Vec<DeviceCheck> {
    let check = |info: device::DeviceInfo| DeviceCheck {
        name: info.name,
        title: info.title,
        problem: device::resolve(info.name).err(),
    };
    device::built().into_iter().map(check).collect()
}
