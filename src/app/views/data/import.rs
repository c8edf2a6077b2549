//! Fetching a set from its authors, or importing one from a folder.

use std::path::Path;

use eframe::egui::Ui;

use super::fact;
use super::fetch::progress_ui;
use super::sets::table;
use crate::app::command::Commands;
use crate::app::format;
use crate::app::naming::{fetch_command, import_command, set_title};
use crate::app::queries::paths::PathKind;
use crate::app::state::library::{FetchProgress, Library};
use crate::app::state::paths::Paths;
use crate::app::theme::space;
use crate::app::views::path_ui;
use crate::app::widgets::button::Button;
use crate::app::widgets::icon::Icon;
use crate::app::widgets::notice::{self, Tone};
use crate::app::widgets::path_field::PathField;
use crate::app::widgets::text as words;
use crate::data::ImportReport;
use crate::data::library::{EMPATHETIC_DIALOGUES, ListedSet};

/// How many skipped rows are listed; the rest are counted.
const SHOWN_SKIPPED: usize = 20;

pub(super) fn import_ui(
    ui: &mut Ui,
    library: &mut Library,
    set: &ListedSet,
    paths: &mut Paths,
    store: &Path,
    commands: &mut Commands,
) {
    let files = match set.name.as_str() {
        EMPATHETIC_DIALOGUES => "train.csv, valid.csv and test.csv, as they are distributed",
        _ => {
            "emotional-reactions-reddit.csv, interpretations-reddit.csv and explorations-reddit.csv, as they are \
             distributed"
        }
    };
    let form = &mut library.import;
    ui.horizontal_wrapped(|ui| {
        let hint = "Downloads the set from where its authors publish it, and imports it";
        let fetch = Button::primary("Fetch").with_icon(Icon::Down).hint(hint);
        if fetch.clicked_if(ui, !form.report.is_pending()) {
            let name = set.name.to_string();
            commands.run(|core| core.fetch_set(name));
        }
        let size = match set.name.as_str() {
            EMPATHETIC_DIALOGUES => "28 MB",
            _ => "4.6 MB",
        };
        words::small(ui, format!("{size}, from where its authors publish it."));
    });
    ui.add_space(space::S);
    words::body(ui, format!("Or a folder with {files}."));
    ui.horizontal(|ui| {
        let of = PathField {
            name: "Folder of the set",
            hint: "Folder of the set",
            kind: PathKind::Folder,
            width: (ui.available_width() - 110.0).min(560.0),
        };
        path_ui(ui, &mut form.folder, paths, of, commands);
        let ready = !form.folder.trim().is_empty() && !form.report.is_pending();
        let import = Button::secondary("Import").with_icon(Icon::Down);
        if import.clicked_if(ui, ready) {
            let (name, folder) = (set.name.to_string(), form.folder.trim().into());
            commands.run(|core| core.import_set(name, folder));
        }
    });
    let fetching = |at: &FetchProgress| at.of == 0 || at.done < at.of;
    if form.report.is_pending() && form.progress.as_ref().is_some_and(fetching) {
        let title = format!("Fetching {}", set_title(&form.set));
        if progress_ui(ui, &title, form.progress.as_ref()) {
            form.report.cancel();
        }
    } else if form.report.is_pending() {
        words::busy(ui, format!("Importing {}…", set_title(&form.set)));
    } else if set.imported {
        words::small(ui, "What was imported before is replaced.");
    }
    if form.set == set.name {
        notice::failed(ui, "The set was not imported", form.report.failure());
        if let Some(report) = form.report.value() {
            report_ui(ui, report);
        }
    }
    ui.add_space(space::M);
    words::small(ui, "The same in a terminal");
    ui.scope(|ui| {
        ui.set_max_width(560.0);
        notice::command_line(ui, &fetch_command(&set.name, store));
        notice::command_line(ui, &import_command(&set.name, store));
    });
}

/// What an import kept and skipped.
fn report_ui(ui: &mut Ui, report: &ImportReport) {
    let number = |count: usize| format::count(count as u64);
    let kept: usize = report.files.iter().map(|file| file.kept).sum();
    let skipped: usize = report.files.iter().map(|file| file.skipped).sum();
    let title = format!("{} is in the store", set_title(&report.name));
    let detail = format!("{} rows kept, {} skipped", number(kept), number(skipped));
    notice::strip(ui, Tone::Info, &title, &detail, |_| {});
    let rows: Vec<_> = report
        .files
        .iter()
        .map(|file| {
            let counts = [file.read, file.kept, file.skipped].map(number).to_vec();
            (file.file.clone(), counts)
        })
        .collect();
    table(ui, &["Rows read", "Kept", "Skipped"], &rows);
    for row in report.skipped.iter().take(SHOWN_SKIPPED) {
        let words = format!("Skipped {}, line {}: {}", row.file, row.line, row.reason);
        words::secondary(ui, words);
    }
    if let Some(more) = report
        .skipped
        .len()
        .checked_sub(SHOWN_SKIPPED)
        .filter(|more| *more > 0)
    {
        let words = format!("{} more rows were skipped.", number(more));
        words::secondary(ui, words);
    }
    for remark in &report.remarks {
        words::secondary(ui, format!("Note: {remark}."));
    }
    for file in &report.files {
        fact(ui, &file.file, &format!("SHA-256 {}", file.sha256));
    }
}
