//! What the window reads for its places: functions over the store and the disk, and their results.
//!
//! They know nothing of threads, of the window's state and of what is drawn. Caches are passed in.

pub mod compared;
pub mod experiments;
pub mod lengths;
pub mod models;
pub mod needs;
pub mod paths;
pub mod responses;
pub mod runs;
pub mod stored;
