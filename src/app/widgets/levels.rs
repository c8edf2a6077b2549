//! The levels of an answer as three chips, framed where they miss the target's.

use eframe::egui::{Role, Sense, Stroke, StrokeKind, Ui, WidgetInfo, vec2};

use crate::app::theme::{self, space, text};
use crate::data::Mechanism;
use crate::study::cases::Levels;

/// Draws a chip for each mechanism. `against` are the target's levels, where these are an answer's.
pub fn levels(ui: &mut Ui, levels: &Levels, against: Option<&Levels>) {
    ui.scope(|ui| {
        ui.spacing_mut().item_spacing = vec2(space::XS, space::XS);
        ui.spacing_mut().interact_size.y = 0.0;
        ui.horizontal_wrapped(|ui| {
            for mechanism in Mechanism::ALL {
                chip(ui, mechanism, levels, against);
            }
        });
    });
}

fn chip(ui: &mut Ui, mechanism: Mechanism, levels: &Levels, against: Option<&Levels>) {
    let t = theme::of(ui);
    let level = levels[mechanism.index()];
    let (fill, colour) = t.level(level);
    let short = match mechanism {
        Mechanism::EmotionalReaction => "Reaction",
        Mechanism::Interpretation => "Interpretation",
        Mechanism::Exploration => "Exploration",
    };
    let word = level.title().to_lowercase();
    let galley = ui
        .painter()
        .layout_no_wrap(format!("{short} {word}"), text::small(), colour);
    let (rect, response) = ui.allocate_exact_size(galley.size() + vec2(12.0, 6.0), Sense::hover());
    ui.painter().rect_filled(rect, 4, fill);
    ui.painter()
        .galley(rect.center() - galley.size() / 2.0, galley, colour);
    let mut hint = format!("{}: {word}", mechanism.title());
    if let Some(target) = against.map(|target| target[mechanism.index()]) {
        if target == level {
            hint += ", as the target";
        } else {
            hint += &format!(", where the target is {}", target.title().to_lowercase());
            let stroke = Stroke::new(1.0, t.warning);
            ui.painter()
                .rect_stroke(rect, 4, stroke, StrokeKind::Outside);
        }
    }
    response.widget_info(|| WidgetInfo::labeled(Role::Label, true, &hint));
    response.on_hover_text(hint);
}
