#[path = "../support/shared_data.rs"]
mod shared_data;
#[path = "../support/store.rs"]
mod store_support;

mod checkpoints;
mod import_builtin;
mod import_sources;
mod keeping;
mod opening;
mod queue;
mod records;
mod sharing;
