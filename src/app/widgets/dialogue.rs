//! A sample dialogue: the context as a conversation, target and generated answer with their levels.

use eframe::egui::{Align, FontId, Frame, Label, Layout, Margin, Rect, RichText, Ui, pos2, vec2};

use super::levels;
use super::text as words;
use crate::app::format;
use crate::app::format::sentence;
use crate::app::theme::{self, size, space, text};
use crate::data::{EmpathyLevel, Mechanism, Role};
use crate::experiment::SampleDialogue;

pub fn dialogue(ui: &mut Ui, sample: &SampleDialogue) {
    opening(ui, sample);
    generated(ui, "Generated", sample);
}

/// The emotion, the conversation so far, and the target.
pub fn opening(ui: &mut Ui, sample: &SampleDialogue) {
    let t = theme::of(ui);
    ui.spacing_mut().item_spacing.y = space::S;
    let feeling = if sample.emotion.is_empty() {
        "Dialogue".to_string()
    } else {
        sentence(&sample.emotion)
    };
    let head = words::bold(ui, &format!("{}  {feeling}", sample.index + 1));
    if !sample.situation.is_empty() {
        head.on_hover_text(&sample.situation);
        let situation = RichText::new(&sample.situation)
            .font(text::small())
            .color(t.secondary);
        ui.add(Label::new(situation).wrap());
    }
    for (turn, utterance) in sample.context.iter().enumerate() {
        utterance_ui(ui, utterance, Role::of(&sample.roles, turn));
    }
    let levels = sample.levels.iter();
    let levels = levels.map(|level| (level.mechanism, level.target));
    answer_ui(ui, "Target", &sample.target, levels, None);
}

/// A generated answer, with its levels and its reward.
pub fn generated(ui: &mut Ui, name: &str, sample: &SampleDialogue) {
    let levels = sample.levels.iter();
    let levels = levels.map(|level| (level.mechanism, level.generated));
    answer_ui(ui, name, &sample.generated, levels, Some(sample));
}

/// The target alone.
pub fn target(ui: &mut Ui, target: &str) {
    answer_ui(ui, "Target", target, std::iter::empty(), None);
}

/// An utterance: the speaker's on the left, the listener's on the right.
pub fn utterance_ui(ui: &mut Ui, utterance: &str, role: Role) {
    utterance_in(ui, utterance, role, text::body());
}

/// The same, in another font.
pub fn utterance_in(ui: &mut Ui, utterance: &str, role: Role, font: FontId) {
    let t = theme::of(ui);
    let (align, fill) = match role {
        Role::Speaker => (Align::Min, t.hover),
        Role::Listener => (Align::Max, t.selected),
    };
    ui.with_layout(Layout::top_down(align), |ui| {
        ui.spacing_mut().item_spacing.y = 2.0;
        words::small_label(ui, role.title(), t.secondary);
        let widest = (ui.available_width() - space::XXL).min(size::PROSE) - 2.0 * space::S;
        let galley = ui
            .painter()
            .layout(utterance.to_owned(), font.clone(), t.text, widest);
        // As wide as the text, and a little more, so that it does not wrap again.
        let room = vec2((galley.size().x + 1.0).ceil(), galley.size().y);
        Frame::new()
            .fill(fill)
            .stroke(t.line_stroke())
            .corner_radius(size::RADIUS)
            .inner_margin(Margin::symmetric(space::S as i8, 6))
            .show(ui, |ui| {
                ui.allocate_ui_with_layout(room, Layout::top_down(Align::Min), |ui| {
                    ui.add(
                        Label::new(RichText::new(utterance).font(font).color(t.text))
                            .wrap()
                            .selectable(true),
                    );
                });
            });
    });
}

fn answer_ui(
    ui: &mut Ui,
    name: &str,
    answer: &str,
    levels: impl Iterator<Item = (Mechanism, EmpathyLevel)>,
    generated: Option<&SampleDialogue>,
) {
    let t = theme::of(ui);
    let left = ui.cursor().left();
    let top = ui.cursor().top();
    ui.horizontal(|ui| {
        ui.add_space(space::M);
        ui.vertical(|ui| {
            ui.spacing_mut().item_spacing.y = space::XS;
            ui.horizontal(|ui| {
                ui.spacing_mut().interact_size.y = 14.0;
                let colour = if generated.is_some() { t.accent } else { t.secondary };
                words::strong(ui, name, text::small(), colour);
                if let Some(reward) = generated.and_then(|sample| sample.reward) {
                    ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                        let words = format!("reward {}", format::reward(reward));
                        words::small_label(ui, words, t.text).on_hover_text(
                            "Empathy reward of this answer, from 0 to 1: how closely its identified levels \
                             match those of the target (Eq. 2)",
                        );
                    });
                }
            });
            let shown = if answer.is_empty() { "(empty)" } else { answer };
            let colour = if answer.is_empty() { t.secondary } else { t.text };
            ui.add(Label::new(RichText::new(shown).color(colour)).wrap().selectable(true));
            ui.spacing_mut().interact_size.y = 0.0;
            ui.spacing_mut().item_spacing = vec2(space::XS, space::XS);
            ui.horizontal_wrapped(|ui| {
                for (mechanism, level) in levels {
                    let sample = generated.and_then(|s| s.levels.iter().find(|l| l.mechanism == mechanism));
                    let (target, reward) = sample.map(|level| (level.target, level.reward)).unzip();
                    levels::chip(ui, mechanism, level, target, reward);
                }
            });
        });
    });
    let bar = Rect::from_min_max(pos2(left, top), pos2(left + 2.0, ui.min_rect().bottom()));
    ui.painter().rect_filled(
        bar,
        1,
        if generated.is_some() {
            t.accent
        } else {
            t.line
        },
    );
}
