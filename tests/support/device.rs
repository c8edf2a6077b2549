//! The device that the trainer's tests compute on: flex, or the one named by `EMPRL_TEST_DEVICE`, so that
//! the same checks run on every back end the program was built for.
#![allow(dead_code)] // each test uses a part of it

use burn::tensor::Device;

/// As experiment files write it.
pub fn device_name() -> String {
    std::env::var("EMPRL_TEST_DEVICE").unwrap_or_else(|_| "flex".into())
}

/// Without autodiff.
pub fn device() -> Device {
    emprl::nn::device::resolve(&device_name()).expect("a device that this program was built for")
}
