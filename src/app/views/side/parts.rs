//! What the parts of a run's body share: their context, the step chooser, margins and lines.

use eframe::egui::{Align, Layout, Sense, Ui, vec2};

use crate::app::command::Commands;
use crate::app::format::{self, Clock, sentence};
use crate::app::queries::runs::Listed;
use crate::app::state::Prefs;
use crate::app::state::baseline::Baseline;
use crate::app::theme::{self, space};
use crate::app::widgets::button::Button;
use crate::app::widgets::field;
use crate::app::widgets::icon::Icon;
use crate::app::widgets::layout;
use crate::app::widgets::notice::{self, Tone};
use crate::app::widgets::text as words;
use crate::experiment::Stage;

/// What the body is drawn with, besides the run.
pub struct BodyContext<'a> {
    pub prefs: &'a mut Prefs,
    pub commands: &'a mut Commands,
    pub clock: Clock,
    /// What is laid under the plots.
    pub baseline: &'a mut Baseline,
    /// The runs among which a baseline is chosen.
    pub finished: &'a [Listed],
    /// Whether the run is in progress here and its settings can be changed.
    pub can_change: bool,
}

/// Chooses one of several steps, with buttons for the one before and after. `what` names them for screen readers.
/// Returns the index of the new one.
pub fn step_ui(ui: &mut Ui, what: &str, steps: &[(Stage, u64)], at: usize) -> Option<usize> {
    let last = steps.len().checked_sub(1)?;
    let mut chosen = None;
    let one = what.trim_end_matches('s').to_lowercase();
    ui.horizontal(|ui| {
        ui.spacing_mut().item_spacing.x = space::XS;
        let words = format!("{} before", sentence(&one));
        if Button::icon(Icon::Left, &words).clicked_if(ui, at > 0) {
            chosen = Some(at - 1);
        }
        let names: Vec<String> = steps.iter().map(|step| step_name(*step)).collect();
        let latest_first: Vec<&str> = names.iter().rev().map(String::as_str).collect();
        let name = format!("Step of the {}", what.to_lowercase());
        if let Some(name) = field::combo(ui, &name, &names[at], &latest_first, 120.0) {
            chosen = names.iter().position(|known| known == name);
        }
        let words = format!("Next {one}");
        if Button::icon(Icon::Right, &words).clicked_if(ui, at < last) {
            chosen = Some(at + 1);
        }
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            words::small(
                ui,
                format!(
                    "{} of {}",
                    format::count(at as u64 + 1),
                    format::count(last as u64 + 1)
                ),
            );
        });
    });
    chosen
}

pub fn step_name((stage, step): (Stage, u64)) -> String {
    format!("{} {}", stage.title(), format::count(step))
}

pub fn inset(ui: &mut Ui, content: impl FnOnce(&mut Ui)) {
    layout::padded(
        ui,
        theme::margin(space::L, space::L, space::XS, 0.0),
        |ui| {
            ui.set_width(ui.available_width());
            content(ui);
        },
    );
}

pub fn line(ui: &mut Ui) {
    let (rect, _) = ui.allocate_exact_size(vec2(ui.available_width(), 1.0), Sense::hover());
    layout::rule(ui, rect.x_range(), rect.center().y);
}

pub fn reading_ui(ui: &mut Ui) {
    inset(ui, |ui| {
        words::secondary(ui, "Reading…");
    });
}

pub fn refused_ui(ui: &mut Ui, why: &str) {
    inset(ui, |ui| {
        notice::strip(ui, Tone::Bad, "It cannot be read", why, |_| {})
    });
}
