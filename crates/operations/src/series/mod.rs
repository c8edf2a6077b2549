//! Curves in memory: append-only buffers, a min/max pyramid, smoothing.
//!
//! Knows no SQL, no window and no metrics.

mod band;
mod buffer;
mod curve;
mod decimate;
mod pyramid;
mod smoothing;

pub use band::{Band, BandPoint};
pub use buffer::{Point, Series, XAxis};
pub use curve::Curve;
pub use decimate::{Gap, Polyline};
pub use smoothing::Ema;
