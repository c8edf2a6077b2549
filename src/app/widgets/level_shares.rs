//! Which levels targets and responses have: shares of no, weak and strong by mechanism.

use eframe::egui::{Grid, RichText, ScrollArea, Ui, vec2};

use super::text as words;
use crate::app::theme::{self, space, text};
use crate::data::Mechanism;
use crate::metrics::SystemResults;
use crate::metrics::written::fixed;

/// Draws the shares beside those of the targets; nothing where no system has them.
pub fn shares_ui(ui: &mut Ui, systems: &[SystemResults]) {
    let known: Vec<_> = systems
        .iter()
        .filter_map(|system| Some((system, system.controls.as_ref()?)))
        .collect();
    let Some((_, first)) = known.first() else {
        return;
    };
    let t = theme::of(ui);
    let small = |words: &str| RichText::new(words).font(text::small()).color(t.secondary);
    let shares = |levels: &[f64; 3]| levels.map(|share| fixed(share, 1)).join(" · ");
    ScrollArea::horizontal()
        .id_salt("level shares")
        .show(ui, |ui| {
            ui.spacing_mut().interact_size.y = 0.0;
            let gap = vec2(space::L, space::S);
            Grid::new("level shares").spacing(gap).show(ui, |ui| {
                ui.label(small("No · weak · strong, in %"));
                ui.label(small("Targets"));
                for (system, _) in &known {
                    ui.label(small(&system.system));
                }
                ui.end_row();
                for mechanism in Mechanism::ALL {
                    let at = mechanism.index();
                    words::label(ui, mechanism.title(), t.text);
                    words::label(ui, shares(&first.target_shares[at]), t.text);
                    for (_, controls) in &known {
                        words::label(ui, shares(&controls.response_shares[at]), t.text);
                    }
                    ui.end_row();
                }
            });
            ui.add_space(space::M);
        });
    ui.add_space(space::S);
}
