//! The levels of an answer as chips, framed where they miss the target's.

use eframe::egui::{Rect, Response, Role, Sense, Stroke, StrokeKind, Ui, WidgetInfo, vec2};

use super::text as words;
use crate::app::format;
use crate::app::theme::{self, space, text};
use crate::data::{EmpathyLevel, Mechanism};
use crate::study::cases::Levels;
use crate::train::saved::Identified;

/// A chip for each mechanism. `against`: the target's levels, for an answer.
pub fn levels(ui: &mut Ui, levels: &Levels, against: Option<&Levels>) {
    chips(ui, |ui| {
        for mechanism in Mechanism::ALL {
            let target = against.map(|target| target[mechanism.index()]);
            chip(ui, mechanism, levels[mechanism.index()], target, None);
        }
    });
}

/// A chip for each mechanism with the probability of its level; the tooltip has all three.
pub fn identified(ui: &mut Ui, identified: &[Identified; 3]) {
    chips(ui, |ui| {
        for mechanism in Mechanism::ALL {
            let Identified { level, probs } = identified[mechanism.index()];
            let word = level.title().to_lowercase();
            let share = format::fixed(f64::from(probs[level.index()]), 2);
            let label = format!("{} {word} {share}", short(mechanism));
            let all: Vec<String> = EmpathyLevel::ALL
                .iter()
                .zip(probs)
                .map(|(level, share)| {
                    let word = level.title().to_lowercase();
                    format!("{word} {}", format::fixed(f64::from(share), 3))
                })
                .collect();
            let hint = format!("{}: {}", mechanism.title(), all.join(", "));
            plain_chip(ui, level, label, hint);
        }
    });
}

/// A chip for each mechanism that is labelled.
pub fn labelled(ui: &mut Ui, levels: &[Option<EmpathyLevel>; 3]) {
    chips(ui, |ui| {
        for mechanism in Mechanism::ALL {
            if let Some(level) = levels[mechanism.index()] {
                let word = level.title().to_lowercase();
                let label = format!("{} {word}", short(mechanism));
                plain_chip(ui, level, label, format!("{}: {word}", mechanism.title()));
            }
        }
    });
}

fn chips(ui: &mut Ui, content: impl FnOnce(&mut Ui)) {
    ui.scope(|ui| {
        ui.spacing_mut().item_spacing = vec2(space::XS, space::XS);
        ui.spacing_mut().interact_size.y = 0.0;
        ui.horizontal_wrapped(content);
    });
}

fn plain_chip(ui: &mut Ui, level: EmpathyLevel, label: String, hint: String) {
    let (_, response) = chip_of(ui, level, label);
    response.widget_info(|| WidgetInfo::labeled(Role::Label, true, &hint));
    response.on_hover_text(hint);
}

fn chip_of(ui: &mut Ui, level: EmpathyLevel, label: String) -> (Rect, Response) {
    let (fill, colour) = theme::of(ui).level(level);
    let galley = words::galley(ui, label, text::small(), colour);
    let (rect, response) = ui.allocate_exact_size(galley.size() + vec2(12.0, 6.0), Sense::hover());
    ui.painter().rect_filled(rect, 4, fill);
    ui.painter()
        .galley(rect.center() - galley.size() / 2.0, galley, colour);
    (rect, response)
}

fn short(mechanism: Mechanism) -> &'static str {
    match mechanism {
        Mechanism::EmotionalReaction => "Reaction",
        Mechanism::Interpretation => "Interpretation",
        Mechanism::Exploration => "Exploration",
    }
}

/// A chip for a mechanism, framed where it misses the level of `target`; the reward of the mechanism is in its
/// tooltip.
pub fn chip(
    ui: &mut Ui,
    mechanism: Mechanism,
    level: EmpathyLevel,
    target: Option<EmpathyLevel>,
    reward: Option<f64>,
) {
    let t = theme::of(ui);
    let word = level.title().to_lowercase();
    let (rect, response) = chip_of(ui, level, format!("{} {word}", short(mechanism)));
    let mut hint = format!("{}: {word}", mechanism.title());
    match target {
        Some(target) if target == level => hint += ", as the target",
        Some(target) => {
            hint += &format!(", where the target is {}", target.title().to_lowercase());
            let stroke = Stroke::new(1.0, t.warning);
            ui.painter()
                .rect_stroke(rect, 4, stroke, StrokeKind::Outside);
        }
        None => {}
    }
    if let Some(reward) = reward {
        hint += &format!("; reward {}", format::fixed(reward, 3));
    }
    response.widget_info(|| WidgetInfo::labeled(Role::Label, true, &hint));
    response.on_hover_text(hint);
}
