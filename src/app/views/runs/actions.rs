//! Actions on the selected runs.

use eframe::egui::{Frame, Label, Margin, RichText, Ui};

use super::{RunsView, Shelf};
use crate::app::command::Commands;
use crate::app::format;
use crate::app::queries::runs::Listed;
use crate::app::theme::{self, size, space};
use crate::app::widgets::button::Button;
use crate::app::widgets::field;
use crate::app::widgets::icon::Icon;
use crate::app::widgets::modal::modal;
use crate::app::widgets::text as words;
use crate::operations::runs::Edit;
use crate::store::{RunId, is_tag};

/// What the button beside a tag's field does, or what it waits for.
pub fn tag_hint(tag: &str) -> String {
    match tag {
        "" => "Type a tag first: one word, without spaces or commas".to_string(),
        tag if is_tag(tag) => format!("Add the tag {tag}"),
        _ => "A tag is one word, without spaces or commas".to_string(),
    }
}

/// The actions on the selected runs. The strip keeps its space without a selection, so that rows do not move.
pub fn strip_ui(
    ui: &mut Ui,
    view: &mut RunsView,
    empty: bool,
    shown: &[&Listed],
    commands: &mut Commands,
) {
    if empty && view.chosen.is_empty() && view.filter.wrong().is_none() {
        return;
    }
    let t = theme::of(ui);
    // Actions leave runs alone that the filter hides.
    let in_sight = |run: &&RunId| shown.iter().any(|row| row.entry.row.id == **run);
    let runs: Vec<RunId> = view.chosen.iter().filter(in_sight).copied().collect();
    let hidden = view.chosen.len() - runs.len();
    let margin = Margin::symmetric(space::M as i8, space::XS as i8);
    let frame = Frame::new()
        .fill(t.panel)
        .corner_radius(size::RADIUS)
        .inner_margin(margin);
    frame.show(ui, |ui| {
        ui.horizontal_wrapped(|ui| {
            ui.set_min_width(ui.available_width());
            ui.set_min_height(size::ROW);
            if let Some(wrong) = view.filter.wrong() {
                // Shown here it moves nothing, and an unclear filter blocks actions.
                let label = RichText::new(wrong).color(t.bad);
                ui.add(Label::new(label).truncate()).on_hover_text(wrong);
                return;
            }
            if view.chosen.is_empty() {
                let hint = "Tick runs to compare, tag, archive or delete them; a click on its name opens a run.";
                words::label(ui, hint, t.secondary);
                return;
            }
            words::label(ui, format!("{} chosen", format::count(runs.len() as u64)), t.text);
            if hidden > 0 {
                let words = format!("and {} out of sight, left as they are", format::count(hidden as u64));
                words::label(ui, words, t.secondary);
            }
            match view.shelf {
                _ if runs.is_empty() => {}
                Shelf::Deleted => {
                    if Button::secondary("Bring back").clicked(ui) {
                        let runs = runs.clone();
                        commands.run(|core| core.edit(Edit::Undelete(runs)));
                    }
                    if Button::secondary("Remove for good…").clicked(ui) {
                        view.confirm = Some(runs.clone());
                    }
                }
                shelf => kept_ui(ui, view, shelf, &runs, shown, commands),
            }
            if Button::quiet("Choose none").clicked(ui) {
                view.chosen.clear();
            }
        });
    });
    ui.add_space(space::S);
}

fn kept_ui(
    ui: &mut Ui,
    view: &mut RunsView,
    shelf: Shelf,
    runs: &[RunId],
    shown: &[&Listed],
    commands: &mut Commands,
) {
    let hint = if runs.len() > 1 {
        "Show them beside each other"
    } else {
        "Choose two runs or more"
    };
    if Button::primary("Compare")
        .with_icon(Icon::Compare)
        .hint(hint)
        .clicked_if(ui, runs.len() > 1)
    {
        // In table order: the others are compared with the first.
        let order = shown.iter().map(|row| row.entry.row.id);
        let order = order.filter(|run| runs.contains(run)).collect();
        commands.run(|core| core.compare(order));
    }
    let field = field::search(ui, &mut view.tag, "Tag", "A tag", 92.0);
    let tag = view.tag.trim().to_string();
    let having: Vec<RunId> = shown
        .iter()
        .filter(|row| row.entry.row.tags.contains(&tag))
        .map(|row| row.entry.row.id)
        .collect();
    ui.add_enabled_ui(is_tag(&tag), |ui| {
        let hint = tag_hint(&tag);
        let clicked = Button::secondary("Add tag").hint(&hint).clicked(ui);
        if clicked || is_tag(&tag) && field::entered(ui, &field) {
            // Only those without it, so that undo leaves the others alone.
            let runs = runs
                .iter()
                .copied()
                .filter(|run| !having.contains(run))
                .collect();
            let edit = Edit::Tag {
                runs,
                add: vec![tag.clone()],
                remove: Vec::new(),
            };
            commands.run(|core| core.edit(edit));
            view.tag.clear();
        }
        if Button::secondary("Remove tag").clicked(ui) {
            let has = having.iter().copied().filter(|run| runs.contains(run));
            let edit = Edit::Tag {
                runs: has.collect(),
                add: Vec::new(),
                remove: vec![tag.clone()],
            };
            commands.run(|core| core.edit(edit));
            view.tag.clear();
        }
    });
    let archived = shelf == Shelf::Kept;
    let archive = if archived {
        "Archive"
    } else {
        "Back among the others"
    };
    if Button::secondary(archive).clicked(ui) {
        let runs = runs.to_vec();
        commands.run(move |core| core.edit(Edit::Archive { runs, archived }));
        view.chosen.clear();
    }
    let active = shown
        .iter()
        .any(|row| runs.contains(&row.entry.row.id) && row.entry.row.status.is_active());
    let hint = match active {
        true => "A run in progress is not deleted; stop it first",
        false => "They can be brought back, under Deleted",
    };
    if Button::secondary("Delete")
        .hint(hint)
        .clicked_if(ui, !active)
    {
        let runs = runs.to_vec();
        commands.run(|core| core.edit(Edit::Delete(runs)));
        view.chosen.clear();
    }
}

/// Asks before runs are removed for good.
pub fn confirm_ui(ui: &Ui, view: &mut RunsView, commands: &mut Commands) {
    let Some(runs) = view.confirm.clone() else {
        return;
    };
    let ((remove, keep), dismissed) = modal(ui, "remove for good", 400.0, |ui| {
        let what = match runs.as_slice() {
            [run] => format!("Remove run {run} for good?"),
            many => format!("Remove {} runs for good?", format::count(many.len() as u64)),
        };
        words::heading(ui, &what);
        words::secondary(
            ui,
            "Curves, dialogues, results and checkpoints are removed from the disk. This cannot be undone.",
        );
        ui.add_space(space::S);
        ui.horizontal(|ui| {
            let remove = Button::primary("Remove for good").clicked(ui);
            let keep = Button::secondary("Keep them").clicked(ui);
            (remove, keep)
        })
        .inner
    });
    if remove {
        commands.run(|core| core.delete_for_good(runs));
        view.chosen.clear();
    }
    if remove || keep || dismissed {
        view.confirm = None;
    }
}
