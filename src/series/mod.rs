//! Curves in memory: append-only buffers, a min/max pyramid, smoothing. Pure.
