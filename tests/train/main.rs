//! Training: PPO steps, resuming, alerts, runs on threads.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout
)] // a failed test says why

#[path = "../support/device.rs"]
mod device_support;
#[path = "../support/preferences.rs"]
mod preference_support;
#[path = "../support/quickstart.rs"]
mod quickstart_support;
#[path = "../support/scores.rs"]
mod scores_support;
#[path = "../support/store.rs"]
mod store_support;

/// As in the program: a fifth of training is memory taken and given back.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

mod alerts_pause;
mod auditors;
mod best_of;
mod decoder;
#[cfg(unix)]
mod disk_faults;
mod dpo;
mod earlier_versions;
mod engine_events;
mod engine_runs;
mod identifiers;
mod interrupted_for_memory;
mod kill_anywhere;
mod outside_rewards;
mod ppo_step;
mod resume_is_exact;
mod resume_refused;
mod rollout_is_shown;
mod toy_task;
mod trl_dpo;
mod trl_groups;
mod trl_step;
