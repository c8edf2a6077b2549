//! Threads whose stack holds whatever a template's fuel can put into one another.
//!
//! A thread for each conversation costs more than to write it, so one that has room for most can be kept for many.

use std::cell::Cell;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::thread;

use super::jinja;

/// A conversation of the usual length: longer ones have a thread of their own.
const USUAL_MESSAGES: usize = 64;
const USUAL_BYTES: usize = 64 << 10;

thread_local! {
    /// The stack that this thread was given for templates.
    static ROOM: Cell<usize> = const { Cell::new(0) };
}

/// Does work in which conversations of the usual length are written without a thread for each, if there can be one thread
/// with so much room.
pub fn with_room<R: Send>(work: impl Fn() -> R + Sync) -> R {
    let (_, stack) = jinja::limits(USUAL_MESSAGES, USUAL_BYTES);
    let roomy = || {
        ROOM.set(stack);
        work()
    };
    match on_a_stack(stack, roomy) {
        Ok(done) => done.unwrap_or_else(|panic| resume_unwind(panic)),
        Err(_) => work(),
    }
}

/// Does work that needs so much stack: here, where there is room, else on a thread of its own.
///
/// # Errors
/// No thread can be made.
pub(super) fn on_a_stack<R: Send>(
    stack: usize,
    work: impl FnOnce() -> R + Send,
) -> io::Result<thread::Result<R>> {
    if ROOM.get() >= stack {
        return Ok(catch_unwind(AssertUnwindSafe(work)));
    }
    let builder = thread::Builder::new().name("chat template".into());
    thread::scope(|scope| {
        let working = builder.stack_size(stack).spawn_scoped(scope, work)?;
        Ok(working.join())
    })
}
