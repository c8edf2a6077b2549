//! Curves in memory: append-only buffers, a min/max pyramid, smoothing.
//!
//! Pure: takes numbers, gives numbers. Knows no SQL, no window and no name of a metric.

mod buffer;
mod curve;
mod decimate;
mod pyramid;
mod smoothing;

pub use buffer::{Point, Series, XAxis};
pub use curve::Curve;
pub use decimate::{Gap, Polyline};
pub use smoothing::Ema;
