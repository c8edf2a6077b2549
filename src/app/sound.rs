//! Plays a file of sound on the system's output. Must not know where it comes from.

use std::fs::File;
use std::io::BufReader;
use std::path::Path;
use std::time::Duration;

use rodio::{DeviceSinkBuilder, play as start};

/// How often it is looked whether it is over.
const GLANCE: Duration = Duration::from_millis(50);

/// Plays a file until it ends or `wait`, which waits for so long, says that it is to stop.
///
/// # Errors
/// The file is no sound that is known, or the system has no output for sound: a sentence.
pub fn play(path: &Path, wait: impl Fn(Duration) -> bool) -> Result<(), String> {
    let wrong = |error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
    let file = File::open(path).map_err(|error| wrong(&error))?;
    let mut output = DeviceSinkBuilder::open_default_sink()
        .map_err(|error| format!("this system has no output for sound: {error}"))?;
    output.log_on_drop(false);
    let playing = start(output.mixer(), BufReader::new(file)).map_err(|error| wrong(&error))?;
    while !playing.empty() {
        if wait(GLANCE) {
            playing.stop();
            break;
        }
    }
    Ok(())
}
