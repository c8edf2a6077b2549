//! Runs on named threads: queue, events, control, and what becomes of a panic.
