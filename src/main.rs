//! Parses the arguments; opens the window or runs one command.

use std::process::ExitCode;

use emprl::app;
use emprl::cli::{self, Cli};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    keep_freed_pages();
    cli::log_to_stderr();
    let cli = Cli::from_command_line();
    if cli.wants_window() {
        return cli::ended(cli.store().and_then(|store| {
            app::run(app::Options::new(store))
                .map_err(|error| cli::Failure::Failed(error.to_string()))
        }));
    }
    cli.run(app::has_display())
}

/// Training frees and takes the same large blocks over and over: giving them back to the system in
/// between costs a fifth of its time.
fn keep_freed_pages() {
    /// `mi_option_purge_delay` in mimalloc's list of options, which its bindings leave out.
    const PURGE_DELAY: libmimalloc_sys::mi_option_t = 15;
    const NEVER: std::ffi::c_long = -1;
    // SAFETY: sets a number in mimalloc's table of options, before there is a second thread.
    unsafe { libmimalloc_sys::mi_option_set(PURGE_DELAY, NEVER) };
}
