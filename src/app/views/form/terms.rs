//! The terms of the reward: a card for each, with the settings of its kind.

use eframe::egui::{Align, Frame, Layout, Margin, Ui};

use crate::app::state::form::Form;
use crate::app::theme::{self, size, space};
use crate::app::widgets::button::Button;
use crate::app::widgets::icon::Icon;
use crate::app::widgets::text as words;
use crate::experiment::{SettingKind, TERMS, TermSettings};

impl Form {
    pub(super) fn terms_ui(&mut self, ui: &mut Ui) {
        let terms = self.config.reward.term.clone();
        let mut gone = None;
        ui.vertical(|ui| {
            ui.spacing_mut().item_spacing.y = space::S;
            for (at, term) in terms.iter().enumerate() {
                let removed = ui.push_id(at, |ui| self.term_ui(ui, at, term)).inner;
                gone = gone.or(removed.then_some(at));
            }
            let add = Button::secondary("Add a term").with_icon(Icon::Plus);
            if add.clicked(ui) {
                self.add_term();
            }
        });
        if let Some(at) = gone {
            self.remove_term(at);
        }
    }

    /// One term. True where it is to be removed.
    fn term_ui(&mut self, ui: &mut Ui, at: usize, term: &TermSettings) -> bool {
        let t = theme::of(ui);
        let card = Frame::new()
            .stroke(t.line_stroke())
            .corner_radius(size::RADIUS)
            .inner_margin(Margin::same(space::S as i8));
        card.show(ui, |ui| {
            ui.spacing_mut().item_spacing.y = space::XS;
            let head = |ui: &mut Ui| {
                words::bold(ui, &term.name);
                let right = Layout::right_to_left(Align::Center);
                ui.with_layout(right, |ui| {
                    let hint = format!("Remove the term {}", term.name);
                    Button::icon(Icon::Cross, &hint).low().clicked(ui)
                })
                .inner
            };
            let removed = ui.horizontal(head).inner;
            for setting in term.settings() {
                let path = format!("{TERMS}.{at}.{}", setting.field());
                let label = words::small_label(ui, setting.label(), t.secondary);
                let label = label.on_hover_text(setting.help());
                let name = format!("{} of {}", setting.label(), term.name);
                ui.horizontal(|ui| {
                    ui.spacing_mut().item_spacing.x = space::S;
                    ui.label_inputs_by(label.id, |ui| {
                        self.control_at_ui(ui, &path, setting, &name);
                    });
                    if let Some(unit) = setting.unit {
                        words::label(ui, unit, t.secondary);
                    }
                });
                if setting.kind == SettingKind::Texts {
                    words::small(ui, "One a line: the program, then each argument");
                }
                if let Some(why) = self.refusal(&path).map(str::to_string) {
                    words::small_coloured(ui, why, t.bad);
                }
            }
            removed
        })
        .inner
    }
}
