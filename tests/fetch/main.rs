//! What is fetched from the network, against a hub on this machine.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr
)] // a failed test says why

#[path = "../support/cli.rs"]
mod cli_support;
#[path = "../support/hub.rs"]
mod hub_support;

mod commands;
mod data_sets;
mod faults;
mod models;
