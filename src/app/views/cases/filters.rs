//! The filter of cases, and the systems whose answers are shown.

use eframe::egui::{Margin, Role, Sense, Ui, WidgetInfo, vec2};

use crate::app::format;
use crate::app::state::people::CasesState;
use crate::app::theme::{self, size, space, text};
use crate::app::widgets::button::{Button, focus_ring};
use crate::app::widgets::field;
use crate::app::widgets::icon::Icon;
use crate::app::widgets::layout;
use crate::app::widgets::text as words;
use crate::study::cases::CaseFilter;

const ANY_EMOTION: &str = "Any emotion";

/// Identities of widgets that are kept for the chips of systems.
const MAX_CHIPS: usize = 1000;

pub(super) fn filters_ui(ui: &mut Ui, cases: &mut CasesState) {
    let t = theme::of(ui);
    layout::padded(
        ui,
        Margin::symmetric(space::L as i8, space::S as i8),
        |ui| {
            let Some(book) = cases.book.value() else {
                return;
            };
            let filter = &mut cases.filter;
            ui.horizontal_wrapped(|ui| {
                let hint = "Words of context, target or answers";
                field::search(ui, &mut filter.words, "Find cases", hint, 250.0);
                let mut options = vec![ANY_EMOTION];
                options.extend(cases.emotions.iter().map(String::as_str));
                let chosen = filter.emotion.clone();
                let chosen = chosen.as_deref().unwrap_or(ANY_EMOTION);
                if let Some(emotion) = field::combo(ui, "Emotion", chosen, &options, 130.0) {
                    filter.emotion = (emotion != ANY_EMOTION).then(|| emotion.to_string());
                }
                let hint = "Their levels differ; where no levels are known, their words";
                field::tick(ui, "Systems disagree", &mut filter.disagree).on_hover_text(hint);
                let hint = "An answer of a chosen system misses a level of the target";
                field::tick(ui, "Level mismatch", &mut filter.misses_target).on_hover_text(hint);
                field::tick(ui, "Pinned", &mut filter.pinned);
            });
            ui.horizontal_wrapped(|ui| {
            ui.spacing_mut().item_spacing = vec2(space::XS, space::XS);
            words::small_label(ui, "Systems", t.secondary);
            for (at, name) in book.systems.iter().enumerate() {
                system_chip(ui, filter, at, name);
            }
            // Another system, which another program may add, must not move the focus to another button.
            ui.skip_ahead_auto_ids(MAX_CHIPS.saturating_sub(book.systems.len()));
            let add = Button::quiet("Add system").with_icon(Icon::Plus).low();
            if ui.add(add.hint("Import a system's responses")).clicked() {
                cases.importing.get_or_insert_default();
                (cases.scoring, cases.notice) = (None, None);
            }
            let score = Button::quiet("Score systems").with_icon(Icon::Tables).low();
            if ui.add(score.hint("Measure the chosen systems")).clicked() {
                cases.scoring.get_or_insert_default();
                (cases.importing, cases.notice) = (None, None);
            }
            // Only one at a time, so that it is named before it goes.
            let chosen = match filter.systems[..] {
                [only] => book.systems.get(only),
                _ => None,
            };
            let hint = match chosen {
                Some(_) => "Delete the chosen system with its responses",
                None => "Choose one system alone to delete it",
            };
            let delete = Button::quiet("Delete system…").low().hint(hint);
            if delete.clicked_if(ui, chosen.is_some()) {
                cases.deleting = chosen.cloned();
            }
            ui.add_space(space::S);
            let found = cases.search.found.len() as u64;
            let all = book.cases.len() as u64;
            let more = if cases.searched { "" } else { "…" };
            let counted = match found == all {
                true if all == 1 => "1 case".to_string(),
                true => format!("{} cases", format::count(all)),
                false => format!(
                    "{} of {} cases{more}",
                    format::count(found),
                    format::count(all)
                ),
            };
            words::label(ui, counted, t.secondary);
            if book.withheld > 0 {
                let held = match book.withheld {
                    1 => "(1 more of a blind study is hidden)".to_string(),
                    n => format!("({} more of blind studies are hidden)", format::count(n as u64)),
                };
                let hint = "Their answers are being judged blind; they appear here once the study is unblinded";
                words::small_label(ui, held, t.secondary)
                    .on_hover_text(hint);
            }
        });
        },
    );
    let rect = ui.min_rect();
    layout::rule_below(ui, rect.x_range());
}

fn system_chip(ui: &mut Ui, filter: &mut CaseFilter, at: usize, name: &str) {
    let t = theme::of(ui);
    let on = filter.systems.contains(&at);
    let colour = if on { t.text } else { t.secondary };
    let galley = words::galley(ui, name, text::small(), colour);
    let room = galley.size() + vec2(16.0, 8.0);
    let (rect, _) = ui.allocate_exact_size(room, Sense::hover());
    let response = ui.interact(rect, ui.scope_id().with(name), Sense::click());
    response.widget_info(|| WidgetInfo::selected(Role::CheckBox, true, on, format!("Show {name}")));
    let fill = layout::fill(t, on, response.hovered(), t.ground);
    layout::surface(ui, rect, size::RADIUS, fill, t.line_stroke());
    ui.painter()
        .galley(rect.center() - galley.size() / 2.0, galley, colour);
    focus_ring(ui, &response, rect);
    if response.clicked() {
        match filter.systems.iter().position(|system| *system == at) {
            Some(place) => {
                filter.systems.remove(place);
            }
            None => {
                filter.systems.push(at);
                filter.systems.sort_unstable();
            }
        }
    }
}
