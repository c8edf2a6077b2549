//! What a run is asked to do: the one typed tree of settings, experiment files, environment.
//!
//! Pure: it reads and writes text, and knows no tensor, no SQL and no window.

mod progress;
mod stage;

pub use progress::{Report, SampleDialogue, SampleLevel, Severity};
pub use stage::Stage;
