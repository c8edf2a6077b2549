//! Choosing the run that is laid under the plots of another.

use eframe::egui::{
    Id, Popup, PopupCloseBehavior, RichText, ScrollArea, Sense, Stroke, Ui, pos2, vec2,
};

use crate::app::command::Commands;
use crate::app::queries::runs::Listed;
use crate::app::state::baseline::Baseline;
use crate::app::theme::{self, space, text};
use crate::app::widgets::button::Button;
use crate::app::widgets::field;
use crate::app::widgets::icon::Icon;
use crate::app::widgets::text as words;
use crate::store::{RunId, RunStatus};

/// The most runs that the menu shows at once; the search finds the others.
const SHOWN: usize = 60;

/// The menu of finished runs above the plots of `run`.
pub fn baseline_ui(
    ui: &mut Ui,
    run: RunId,
    baseline: &Baseline,
    listed: &[Listed],
    commands: &mut Commands,
) {
    let hint = "Lays the curves of a finished run under these plots, drawn faint";
    let button = match ui.available_width() > 330.0 {
        true => Button::quiet("Baseline…").hint(hint),
        false => Button::icon(Icon::Compare, "Baseline…"),
    };
    let button = ui.add(button);
    Popup::menu(&button)
        .close_behavior(PopupCloseBehavior::CloseOnClickOutside)
        .width(280.0)
        .show(|ui| {
            let t = theme::of(ui);
            ui.spacing_mut().button_padding = vec2(space::S, space::XS);
            ui.visuals_mut().widgets.inactive.bg_stroke = t.line_stroke();
            let id = Id::unique("find a baseline");
            let mut search = field::remembered(ui, id);
            let width = ui.available_width();
            field::search(ui, &mut search, "Find a run", "Find a run", width);
            ui.data_mut(|data| data.insert_temp(id, search.clone()));
            let wanted = search.to_lowercase();
            let mut picked = None;
            if ui
                .selectable_label(baseline.run().is_none(), "No baseline")
                .clicked()
            {
                picked = Some(None);
            }
            let finished = listed
                .iter()
                .map(|listed| &listed.entry.row)
                .filter(|row| row.status == RunStatus::Finished && row.id != run);
            let named = finished.map(|row| (row.id, format!("{} #{}", row.name, row.id)));
            let mut found = named
                .filter(|(_, name)| name.to_lowercase().contains(&wanted))
                .peekable();
            if found.peek().is_none() {
                words::secondary(ui, "No other run has finished");
            }
            ScrollArea::vertical().max_height(260.0).show(ui, |ui| {
                for (other, name) in found.by_ref().take(SHOWN) {
                    let chosen = baseline.run() == Some(other);
                    if ui.selectable_label(chosen, name).clicked() {
                        picked = Some(Some(other));
                    }
                }
            });
            if found.next().is_some() {
                words::secondary(ui, "More are found by their names");
            }
            if let Some(picked) = picked {
                commands.run(move |core| core.lay_under(picked));
                ui.close();
            }
        });
}

/// Which run lies under the plots of `run`.
pub fn baseline_line_ui(ui: &mut Ui, run: RunId, baseline: &Baseline, commands: &mut Commands) {
    let Some(open) = baseline.open.as_ref().filter(|open| open.id != run) else {
        return;
    };
    let t = theme::of(ui);
    ui.horizontal(|ui| {
        ui.spacing_mut().item_spacing.x = space::S;
        let (key, _) = ui.allocate_exact_size(vec2(16.0, 20.0), Sense::hover());
        let ends = [
            pos2(key.left(), key.center().y),
            pos2(key.right(), key.center().y),
        ];
        ui.painter()
            .line_segment(ends, Stroke::new(2.0, t.secondary.gamma_multiply(0.45)));
        let said = match (open.page.value(), open.page.failure()) {
            (_, Some(why)) => format!("Run {} cannot be read: {why}", open.id),
            (Some(page), None) => format!(
                "Baseline: {} #{}, drawn faint; not along the clock",
                page.model.name, open.id
            ),
            (None, None) => format!("Reading run {}…", open.id),
        };
        let said = RichText::new(said).font(text::small()).color(t.secondary);
        ui.add(eframe::egui::Label::new(said).truncate());
        if Button::icon(Icon::Cross, "Take the baseline away")
            .low()
            .clicked(ui)
        {
            commands.run(|core| core.lay_under(None));
        }
    });
}
