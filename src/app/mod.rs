//! The window: the shell around the places, what it holds, and how it hears from runs and the store.
//!
//! ```text
//! engine --events, bounded--> logic (at most 5 ms a frame) --> state --> views --> commands --> logic
//! store  --replies, bounded-->
//! ```
//! Views never wait: reading is done on the reader's thread, training on the engine's.

mod command;
mod emblem;
mod format;
pub mod frames;
mod logic;
mod naming;
mod shell;
mod shortcuts;
mod state;
mod theme;
mod views;
mod widgets;
mod workers;

use eframe::egui;
use std::path::PathBuf;

pub use logic::App;

/// How the window is opened.
#[derive(Clone, Debug)]
pub struct Options {
    /// The store's folder.
    pub store: PathBuf,
    /// The folder of a person's own experiment files.
    pub experiments: PathBuf,
}

impl Options {
    /// With this store, and the experiment files of the folder the program was started in.
    pub fn new(store: PathBuf) -> Self {
        Options {
            store,
            experiments: PathBuf::from("experiments"),
        }
    }
}

/// Why there is no window.
#[derive(Debug, thiserror::Error)]
pub enum AppError {
    #[error(
        "no display was found, so there is no window; the same run goes on in the terminal with \
         `cargo run --release -- run experiments/quickstart.toml`"
    )]
    NoDisplay,
    #[error(
        "the window could not be opened ({0}); the same run goes on in the terminal with \
         `cargo run --release -- run experiments/quickstart.toml`"
    )]
    Window(String),
}

/// Opens the window and returns when it is closed.
///
/// # Errors
/// There is no display, or it gives no window.
pub fn run(options: Options) -> Result<(), AppError> {
    if !has_display() {
        return Err(AppError::NoDisplay);
    }
    let clock = format::Clock::local();
    let viewport = egui::ViewportBuilder::default()
        .with_title("EmpRL Studio")
        .with_app_id("emprl")
        .with_inner_size([1280.0, 800.0])
        .with_min_inner_size([900.0, 600.0])
        .with_icon(emblem::emblem());
    let native = eframe::NativeOptions {
        viewport,
        centered: true,
        ..Default::default()
    };
    eframe::run_native(
        "emprl",
        native,
        Box::new(move |creation| {
            let prefs = creation
                .storage
                .and_then(|storage| eframe::get_value(storage, logic::PREFS));
            let app = App::new(
                &creation.egui_ctx,
                options,
                prefs.unwrap_or_default(),
                clock,
            )?;
            Ok(Box::new(app))
        }),
    )
    .map_err(|error| AppError::Window(reason(error)))
}

/// What a person can do something about: winit's own words name its source files.
fn reason(error: eframe::Error) -> String {
    match error {
        eframe::Error::Winit(_) | eframe::Error::WinitEventLoop(_) => {
            "the display does not answer".into()
        }
        eframe::Error::Glutin(_) | eframe::Error::NoGlutinConfigs(..) => {
            "the display has no OpenGL".into()
        }
        other => other.to_string(),
    }
}

/// Whether there is a display to open a window on. Elsewhere than on these systems there always is one.
pub fn has_display() -> bool {
    if !cfg!(any(
        target_os = "linux",
        target_os = "freebsd",
        target_os = "openbsd",
        target_os = "netbsd"
    )) {
        return true;
    }
    ["DISPLAY", "WAYLAND_DISPLAY", "WAYLAND_SOCKET"]
        .iter()
        .any(|name| std::env::var_os(name).is_some_and(|value| !value.is_empty()))
}
