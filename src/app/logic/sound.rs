//! Sounds of corpora: one is played at a time.

use crate::app::jobs::{AtClose, Job, JobContext, JobError};
use crate::app::sound;
use crate::app::state::sound::SoundName;
use crate::operations::corpus::sound_file;

use super::Core;

impl Core {
    /// Stops the sound if it is being played, else plays it from its beginning instead of any other.
    pub fn toggle_sound(&mut self, name: SoundName) {
        let was_playing = self.state.library.sound.is_playing(&name);
        self.state.library.sound.playing.clear();
        if was_playing {
            return;
        }
        let SoundName { corpus, audio } = name.clone();
        let play = move |context: &mut JobContext, job: &Job<()>| {
            let path = sound_file(context.dir(), &corpus, &audio)?;
            sound::play(&path, |time| job.wait(time)).map_err(JobError::Failed)
        };
        let pending = self.jobs.spawn("The sound", AtClose::Abandon, play);
        self.state.library.sound.started = Some(name);
        self.state.library.sound.playing.load(pending);
    }
}
