//! The cases that match.

use eframe::egui::Ui;

use crate::app::format::sentence;
use crate::app::state::people::CasesState;
use crate::app::theme::{self, space};
use crate::app::widgets::button::Button;
use crate::app::widgets::found::{FoundRow, found_ui};
use crate::app::widgets::layout;
use crate::study::cases::CaseFilter;

pub(super) fn list_ui(ui: &mut Ui, cases: &mut CasesState) {
    let t = theme::of(ui);
    ui.spacing_mut().item_spacing.y = 0.0;
    if cases.searched && cases.search.found.is_empty() {
        let book = cases.book.value();
        let all_hidden = book.is_some_and(|book| book.cases.is_empty() && book.withheld > 0);
        let pins_hidden = cases.filter.pinned && book.is_some_and(|book| book.withheld_pins > 0);
        layout::padded(ui, space::L, |ui| {
            if all_hidden {
                ui.label("All cases are in studies that are still blind. They appear once these are unblinded.");
                return;
            }
            ui.label(match pins_hidden {
                true => "No other case is pinned: those that are belong to studies that are still blind.",
                false => "No case matches.",
            });
            if Button::secondary("Clear the filter").clicked(ui) {
                let systems = std::mem::take(&mut cases.filter.systems);
                cases.filter = CaseFilter {
                    systems,
                    ..CaseFilter::default()
                };
            }
        });
        return;
    }
    let Some(book) = cases.book.value() else {
        return;
    };
    let chosen = found_ui(ui, "cases", &cases.search.found, cases.shown, |at| {
        let case = book.cases.get(at)?;
        let text = case.context.utterances.last().map_or("", String::as_str);
        let emotion = sentence(case.context.emotion.as_deref().unwrap_or(""));
        Some(FoundRow {
            name: format!("Case {}: {text}", at + 1),
            head: format!("{}  {emotion}", at + 1),
            text,
            text_top: 21.0,
            pinned: case.pin.is_some(),
        })
    });
    let edge = ui.max_rect();
    ui.painter()
        .vline(edge.right() - 0.5, edge.y_range(), t.line_stroke());
    if let Some(at) = chosen {
        cases.show(at);
    }
}
