//! The sound of a corpus that is being played.

use super::remote::Remote;

/// A sound, as its record names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SoundName {
    pub corpus: String,
    pub audio: String,
}

/// The sound that was started last.
#[derive(Debug, Default)]
pub struct SoundState {
    pub started: Option<SoundName>,
    /// Until it ends.
    pub playing: Remote<()>,
}

impl SoundState {
    pub fn is_playing(&self, name: &SoundName) -> bool {
        self.playing.is_pending() && self.started.as_ref() == Some(name)
    }

    /// Why this sound could not be played.
    pub fn refused(&self, name: &SoundName) -> Option<&str> {
        let started = self.started.as_ref() == Some(name);
        started.then(|| self.playing.failure()).flatten()
    }
}
