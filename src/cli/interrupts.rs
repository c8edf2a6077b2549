//! Ctrl-C and a polite kill: the first stops what is going on, the second ends the program at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use super::Failure;
use super::output::line_on_stderr;

/// Calls `stop` at the first; what was shown is on disk either way.
///
/// # Errors
/// The system does not let them be handled.
pub fn handle(stop: impl Fn() + Send + 'static) -> Result<(), Failure> {
    let count = AtomicUsize::new(0);
    let installed = ctrlc::set_handler(move || {
        if count.fetch_add(1, Ordering::Relaxed) > 0 {
            #[expect(clippy::disallowed_methods, reason = "asked for twice: do not wait")]
            std::process::exit(i32::from(Failure::Stopped.exit_code()));
        }
        stop();
    });
    installed.map_err(|error| Failure::Failed(format!("Ctrl-C cannot be handled: {error}")))
}

/// What is true from the first on, which is answered by a line.
///
/// # Errors
/// As [`handle`].
pub fn noted(says: &'static str) -> Result<Arc<AtomicBool>, Failure> {
    let interrupted = Arc::new(AtomicBool::new(false));
    let interrupt = interrupted.clone();
    handle(move || {
        interrupt.store(true, Ordering::Relaxed);
        line_on_stderr(says);
    })?;
    Ok(interrupted)
}
