//! Parses the arguments; opens the window or runs one command.

use std::process::ExitCode;

use emprl::allocator;
use emprl::app;
use emprl::cli::{self, Cli};
use emprl::experiment;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    allocator::keep_freed_pages();
    cli::log_to_stderr();
    experiment::set_commit(option_env!("EMPRL_COMMIT"));
    let cli = Cli::from_command_line();
    if cli.wants_window() {
        return cli::ended(cli.store().and_then(|store| {
            let pack = cli.pack();
            app::run(app::Options {
                pack,
                ..app::Options::new(store.path().to_path_buf())
            })
            .map_err(|error| cli::Failure::Failed(error.to_string()))
        }));
    }
    cli.run(app::has_display())
}
