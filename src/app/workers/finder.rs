//! Paths as a person gives them: names of folders that fit what is typed, and the system's dialog.
//!
//! Both are looked up off the window's thread. Knows no widget; wakes the window through the function it is
//! given.

use std::fs;
use std::path::{MAIN_SEPARATOR, Path, PathBuf};
use std::time::{Duration, Instant};

use crossbeam::channel::{Receiver, Sender, TrySendError, bounded};

use crate::engine::Waker;

/// How many questions may wait.
const WAITING: usize = 8;
/// Names offered at once.
const OFFERED: usize = 8;
/// A dialog that gives nothing within this time was never seen by anybody.
const SEEN: Duration = Duration::from_millis(400);
/// Names of a folder that are looked at.
const LOOKED: usize = 4096;

/// What a field wants to know. Fields are told apart by their names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ask {
    /// What fits the path typed so far; `files` as well as folders, or folders only.
    Complete { typed: String, files: bool },
    /// Opens the system's dialog.
    Browse {
        field: String,
        title: String,
        files: bool,
    },
}

/// What is known for fields of paths.
#[derive(Debug, Default)]
pub struct Paths {
    /// What was typed, and the paths that begin so.
    pub fitting: (String, Vec<String>),
    /// The field whose dialog is open.
    pub browsing: Option<String>,
    /// What was chosen in a dialog, for the field of that name.
    picked: Option<(String, Picked)>,
}

/// What came of a dialog.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Picked {
    Path(PathBuf),
    /// It was left without a choice.
    Nothing,
    /// There was no dialog to choose in.
    NoDialog,
}

impl Paths {
    pub fn take(&mut self, heard: Heard) {
        match heard {
            Heard::Fitting { typed, paths } => self.fitting = (typed, paths),
            Heard::Picked { field, picked } => {
                self.browsing = None;
                self.picked = Some((field, picked));
            }
        }
    }

    /// What came of the dialog of a field, once.
    pub fn picked(&mut self, field: &str) -> Option<Picked> {
        let picked = self.picked.take_if(|(name, _)| name == field);
        picked.map(|(_, picked)| picked)
    }
}

/// What was found.
#[derive(Debug)]
pub enum Heard {
    Fitting { typed: String, paths: Vec<String> },
    Picked { field: String, picked: Picked },
}

/// The way to what looks paths up, as the window holds it. Its threads end by themselves: an open dialog is
/// not waited for.
pub struct Finder {
    typed: Sender<(String, bool)>,
    heard: Receiver<Heard>,
    send: Sender<Heard>,
    wake: Waker,
}

impl Finder {
    /// Starts the thread that completes; `wake` is called after every answer.
    ///
    /// # Errors
    /// The system refuses another thread.
    pub fn start(wake: Waker) -> std::io::Result<Self> {
        let (typed, waiting) = bounded::<(String, bool)>(WAITING);
        let (send, heard) = bounded::<Heard>(WAITING);
        let finder = Finder {
            typed,
            heard,
            send: send.clone(),
            wake: wake.clone(),
        };
        std::thread::Builder::new()
            .name("paths".into())
            .spawn(move || {
                while let Ok(mut asked) = waiting.recv() {
                    // Only what was typed last is of interest.
                    while let Ok(later) = waiting.try_recv() {
                        asked = later;
                    }
                    let (typed, files) = asked;
                    let paths = fitting(&typed, files);
                    if send.send(Heard::Fitting { typed, paths }).is_err() {
                        return;
                    }
                    wake();
                }
            })?;
        Ok(finder)
    }

    /// Asks. False when it cannot be asked now.
    pub fn ask(&self, ask: Ask) -> bool {
        match ask {
            Ask::Complete { typed, files } => match self.typed.try_send((typed, files)) {
                Ok(()) => true,
                Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => false,
            },
            Ask::Browse {
                field,
                title,
                files,
            } => {
                let (send, wake) = (self.send.clone(), self.wake.clone());
                let thread = std::thread::Builder::new()
                    .name("file dialog".into())
                    .spawn(move || {
                        let begun = Instant::now();
                        // Some systems want a dialog elsewhere; then there is none.
                        let path = std::panic::catch_unwind(|| {
                            let dialog = rfd::FileDialog::new().set_title(title);
                            match files {
                                true => dialog.pick_file(),
                                false => dialog.pick_folder(),
                            }
                        });
                        let picked = match path.unwrap_or_default() {
                            Some(path) => Picked::Path(path),
                            None if begun.elapsed() < SEEN => Picked::NoDialog,
                            None => Picked::Nothing,
                        };
                        // The window may be gone.
                        let _ = send.send(Heard::Picked { field, picked });
                        wake();
                    });
                thread.is_ok()
            }
        }
    }

    /// The next answer, if one is there.
    pub fn heard(&self) -> Option<Heard> {
        self.heard.try_recv().ok()
    }
}

/// Paths that begin with what is typed, in order; folders end with a separator. Hidden ones only where a
/// dot is typed.
fn fitting(typed: &str, files: bool) -> Vec<String> {
    let cut = typed.rfind(['/', MAIN_SEPARATOR]).map_or(0, |at| at + 1);
    let (folder, begun) = typed.split_at(cut);
    let place = match folder {
        "" => Path::new("."),
        folder => Path::new(folder),
    };
    let Ok(entries) = fs::read_dir(place) else {
        return Vec::new();
    };
    let lower = begun.to_lowercase();
    let mut found: Vec<String> = entries
        .take(LOOKED)
        .filter_map(|entry| {
            let entry = entry.ok()?;
            let name = entry.file_name().into_string().ok()?;
            let hidden = name.starts_with('.') && !begun.starts_with('.');
            if hidden || !name.to_lowercase().starts_with(&lower) {
                return None;
            }
            let is_folder = entry.path().is_dir();
            let end = if is_folder { "/" } else { "" };
            (is_folder || files).then(|| format!("{folder}{name}{end}"))
        })
        .collect();
    found.sort();
    found.truncate(OFFERED);
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_fits_is_offered_folders_with_a_separator() {
        let dir = tempfile::tempdir().unwrap();
        for folder in ["Models", "more", "other", ".hidden"] {
            fs::create_dir(dir.path().join(folder)).unwrap();
        }
        fs::write(dir.path().join("moel.txt"), "").unwrap();
        let at = |name: &str| format!("{}/{name}", dir.path().display());
        assert_eq!(fitting(&at("mo"), false), [at("Models/"), at("more/")]);
        assert_eq!(
            fitting(&at("mo"), true),
            [at("Models/"), at("moel.txt"), at("more/")]
        );
        assert_eq!(fitting(&at(".h"), false), [at(".hidden/")]);
        assert_eq!(fitting(&at(""), false).len(), 3);
        assert!(fitting(&at("none/x"), true).is_empty());
    }
}
