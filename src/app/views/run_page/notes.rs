//! A run's name, tags and note, and their editing.

use eframe::egui::{TextEdit, Ui};

use super::scrolled;
use crate::app::command::Commands;
use crate::app::theme::{self, space};
use crate::app::views::runs::tag_hint;
use crate::app::widgets::button::Button;
use crate::app::widgets::icon::Icon;
use crate::app::widgets::{field, notice, text as words};
use crate::operations::runs::Edit;
use crate::store::{RunId, RunRow, is_tag};

/// Name, tag and note as typed.
#[derive(Debug, Default)]
pub(super) struct Draft {
    name: String,
    tag: String,
    note: String,
    /// The note as loaded or saved last.
    saved: String,
    /// The run's note as seen last.
    seen: String,
    /// Whether they have been loaded from the run.
    loaded: bool,
}

impl Draft {
    /// Whether the note has unsaved changes.
    pub fn is_unsaved(&self) -> bool {
        self.note != self.saved
    }

    pub fn save(&mut self, run: RunId) -> Edit {
        self.saved = self.note.clone();
        let text = self.note.clone();
        Edit::Note { run, text }
    }
}

/// The run's name, tags and note.
pub(super) fn notes_ui(ui: &mut Ui, row: &RunRow, draft: &mut Draft, commands: &mut Commands) {
    if !draft.loaded {
        *draft = Draft {
            name: row.name.clone(),
            note: row.note.clone(),
            saved: row.note.clone(),
            seen: row.note.clone(),
            loaded: true,
            ..Draft::default()
        };
    }
    if draft.seen != row.note {
        // It was saved, undone, or changed by another program.
        draft.seen.clone_from(&row.note);
        if !draft.is_unsaved() {
            draft.note.clone_from(&row.note);
            draft.saved.clone_from(&row.note);
        }
    }
    scrolled(ui, "notes", |ui| {
        ui.spacing_mut().item_spacing.y = space::S;
        words::heading(ui, "Name");
        ui.horizontal(|ui| {
            let field = field::search(ui, &mut draft.name, "Name of the run", "A name", 320.0);
            let name = draft.name.trim().to_string();
            let renames = !name.is_empty() && name != row.name;
            let clicked = Button::secondary("Rename").clicked_if(ui, renames);
            if clicked || renames && field::entered(ui, &field) {
                let run = row.id;
                commands.run(move |core| core.edit(Edit::Rename { run, name }));
            }
        });
        ui.add_space(space::M);
        words::heading(ui, "Tags");
        ui.horizontal_wrapped(|ui| {
            for tag in &row.tags {
                let t = theme::of(ui);
                notice::tag(ui, tag, t.hover, t.text);
                let away = format!("Remove the tag {tag}");
                if Button::icon(Icon::Cross, &away).low().clicked(ui) {
                    let edit = Edit::Tag {
                        runs: vec![row.id],
                        add: Vec::new(),
                        remove: vec![tag.clone()],
                    };
                    commands.run(|core| core.edit(edit));
                }
            }
            let typed = field::search(
                ui,
                &mut draft.tag,
                "New tag",
                "A word without blanks",
                150.0,
            );
            let tag = draft.tag.trim().to_string();
            let known = row.tags.contains(&tag);
            let hint = match known {
                true => "The run has this tag already".to_string(),
                false => tag_hint(&tag),
            };
            let adds = is_tag(&tag) && !known;
            let clicked = Button::secondary("Add tag")
                .hint(&hint)
                .clicked_if(ui, adds);
            if clicked || adds && field::entered(ui, &typed) {
                let edit = Edit::Tag {
                    runs: vec![row.id],
                    add: vec![tag],
                    remove: Vec::new(),
                };
                commands.run(|core| core.edit(edit));
                draft.tag.clear();
            }
        });
        ui.add_space(space::M);
        words::heading(ui, "Note");
        let field = TextEdit::multiline(&mut draft.note)
            .desired_width(560.0)
            .desired_rows(8)
            .hint_text("What you want to remember of this run");
        let field = ui.add(field);
        let changed = draft.is_unsaved();
        let keep = ui.add_enabled_ui(changed, |ui| {
            let hint = "It is saved as well when the field is left";
            Button::secondary("Keep the note").hint(hint).clicked(ui)
        });
        if changed && (keep.inner || field.lost_focus()) {
            let edit = draft.save(row.id);
            commands.run(|core| core.edit(edit));
        }
        field.accessible_name("Note");
    });
}
