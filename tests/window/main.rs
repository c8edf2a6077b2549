//! The window, driven by label without a display.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr
)] // a failed test says why

#[path = "../support/blind.rs"]
mod blind_support;
#[path = "../support/cli.rs"]
mod cli_support;
#[path = "../support/hub.rs"]
mod hub_support;
#[path = "../support/judging.rs"]
mod judging_support;
#[path = "../support/quickstart.rs"]
mod quickstart_support;
#[path = "../support/scores.rs"]
mod scores_support;
#[path = "../support/seeds.rs"]
mod seeds_support;
#[path = "../support/serve.rs"]
mod serve_support;
#[path = "../support/shared_data.rs"]
mod shared_data;
#[path = "../support/study.rs"]
mod study_support;
#[path = "../support/window.rs"]
mod window_support;

mod browser;
mod cases;
mod compare;
mod corpora;
mod data;
mod experiments;
mod fetch;
mod following;
mod keys;
mod kill_anywhere;
mod on_a_display;
mod palette;
mod places;
mod playground;
mod queue;
mod rewards;
mod rollout;
mod runs;
mod seeds;
mod studies;
mod study_edits;
mod study_opposite_truths;
mod systems;
mod theme;
mod whole_study;
