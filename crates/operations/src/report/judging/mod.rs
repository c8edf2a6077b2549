//! The judging page of a browser as HTML: an annotator's own pages, which cannot name a system.
//!
//! What is asked and answered by a browser is elsewhere; here are only words and marks. Knows no HTTP, no store and no
//! clock.

mod crowd;
mod pack;
mod page;
mod texts;

pub use crowd::{Completion, TRIES};
pub(in crate::report) use pack::known_by;
pub use pack::{pack_html, pack_html_name, pack_in_html};
pub use page::{Document, document, done_html, instructions_html, item_html, notice_html};
pub use texts::{LANGUAGES, Texts, TextsError};

/// The script of the page, ours alone.
pub const SCRIPT: &str = include_str!("../../../../../assets/judging/judging.js");
/// Its looks.
pub const STYLE: &str = include_str!("../../../../../assets/judging/judging.css");
