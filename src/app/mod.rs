//! The window: its places, their state, and how it never blocks.
//!
//! ```text
//! engine --events, bounded--> logic (at most 5 ms a frame) --> state --> views --> commands --> logic
//! jobs   --results---------->
//! ```
//!
//! - `jobs` is the only way to work off the window's thread; a `Remote` in the state holds a job's result, and
//!   `widgets::remote` draws a placeholder until it is there.
//! - `logic::Core` owns the state, the jobs and the run in progress, and knows no view. A place's actions are its
//!   methods, one file per place: they run an operation (`crate::operations`) or a query (`queries`) in a job, and
//!   handle the result.
//! - `views` draw from the state. The user's actions go into `Commands`, which run after the frame: a few commands
//!   of the window itself, and actions on the core as `commands.run(|core| core.assign(..))`.
//! - `window::App` is on top: it owns the core, what views keep between frames, and the commands.
//!
//! So an action of the store touches its operation, its place's logic and its view; a new place touches the
//! table in `place`, its view (named in `views`) and its logic.

mod command;
mod emblem;
mod format;
pub mod frames;
mod jobs;
mod logic;
mod naming;
mod place;
mod queries;
mod shell;
mod shortcuts;
#[cfg(feature = "audio")]
mod sound;
mod state;
mod theme;
mod views;
mod widgets;
mod window;

use eframe::egui;
use std::path::PathBuf;

use crate::fetch::hub;

pub use window::App;

/// How the window is opened.
#[derive(Clone, Debug)]
pub struct Options {
    pub store: PathBuf,
    /// The folder of a person's own experiment files.
    pub experiments: PathBuf,
    /// Where models are fetched from, and their cache; None for what the environment says.
    pub hub: Option<hub::Settings>,
    /// The file of the programs that the person allowed; None for that of the platform's settings.
    pub programs: Option<PathBuf>,
    /// A pack to open at once.
    pub pack: Option<PathBuf>,
}

impl Options {
    /// With this store, and the experiment files of the working directory.
    pub fn new(store: PathBuf) -> Self {
        Options {
            store,
            experiments: PathBuf::from("experiments"),
            hub: None,
            programs: None,
            pack: None,
        }
    }
}

/// Why there is no window.
#[derive(Debug, thiserror::Error)]
pub enum AppError {
    #[error(
        "no display was found, so there is no window; run the same in the terminal with \
         `cargo run --release -- run experiments/quickstart.toml`"
    )]
    NoDisplay,
    #[error(
        "the window could not be opened ({0}); run the same in the terminal with \
         `cargo run --release -- run experiments/quickstart.toml`"
    )]
    Window(String),
}

/// Opens the window; returns when it is closed.
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
                .and_then(|storage| eframe::get_value(storage, window::PREFS));
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

/// A message the user can act on: winit's own name its source files.
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
