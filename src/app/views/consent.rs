//! The question whether a reward may start a program.

use eframe::egui::{Label, RichText, Ui};

use crate::app::command::Commands;
use crate::app::logic::Core;
use crate::app::state::State;
use crate::app::theme::{self, space, text};
use crate::app::widgets::button::Button;
use crate::app::widgets::modal::modal;
use crate::app::widgets::text as words;
use crate::operations::programs::call_words;
use crate::text::shown::one_line;

pub fn consent_ui(ui: &Ui, state: &State, commands: &mut Commands) {
    if state.to_allow.is_empty() {
        return;
    }
    let ((allow, refuse), dismissed) = modal(ui, "programs of a reward", 560.0, |ui| {
        words::heading(ui, "May the reward start a program?");
        words::secondary(
            ui,
            "A term of this run's reward starts the program below with these arguments, on this machine and with your rights. Allow it only if you know what it does. Your word holds for exactly this program and these arguments, also when the run is resumed.",
        );
        for call in &state.to_allow {
            let call = RichText::new(one_line(&call_words(call)).into_owned());
            let call = call.font(text::mono()).color(theme::of(ui).text);
            ui.add(Label::new(call).wrap().selectable(true));
        }
        ui.add_space(space::S);
        ui.horizontal(|ui| {
            let refuse = Button::primary("Do not start it").clicked(ui);
            (Button::secondary("Allow and go on").clicked(ui), refuse)
        })
        .inner
    });
    if allow {
        commands.run(Core::allow_programs);
    } else if refuse || dismissed {
        commands.run(Core::refuse_programs);
    }
}
