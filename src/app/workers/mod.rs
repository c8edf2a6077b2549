//! What the window has done by threads of their own, so that a frame never waits.
//!
//! ```text
//! reader     runs, curves, samples of the store     desk       systems, cases, studies, tables
//! keeper     changes of saved runs                  librarian  data sets and saved models
//! answerer   answers of models, one at a time       errand     systems that answer or are measured
//! finder     paths as they are typed                launch     runs made ready, dry runs
//! ```
//! Each knows the rooms below the window and no widget; it wakes the window when it has answered.

pub mod answerer;
pub mod book;
pub mod desk;
pub mod errand;
pub mod finder;
pub mod keeper;
pub mod launch;
pub mod librarian;
pub mod reader;
mod worker;
