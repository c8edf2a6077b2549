//! What a press of a sound's button does. A program that was not built to play sounds has no such button.

use crate::app::command::Commands;
use crate::app::state::sound::SoundName;

#[cfg(feature = "audio")]
pub(super) fn play(pressed: Option<SoundName>, commands: &mut Commands) {
    if let Some(name) = pressed {
        commands.run(move |core| core.toggle_sound(name));
    }
}

#[cfg(not(feature = "audio"))]
pub(super) fn play(_: Option<SoundName>, _: &mut Commands) {}
