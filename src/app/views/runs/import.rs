//! Importing the runs of other programs: a button, and a dialog with a path.

use std::path::PathBuf;

use eframe::egui::{ScrollArea, Ui};

use crate::app::command::Commands;
use crate::app::format;
use crate::app::logic::Core;
use crate::app::queries::paths::PathKind;
use crate::app::state::{RunImport, State};
use crate::app::theme::space;
use crate::app::views::path_ui;
use crate::app::widgets::button::Button;
use crate::app::widgets::icon::Icon;
use crate::app::widgets::modal::modal;
use crate::app::widgets::notice::{self, Tone};
use crate::app::widgets::path_field::PathField;
use crate::app::widgets::text as words;
use crate::operations::imports::{ImportedRun, Outcome};

const WIDTH: f32 = 560.0;
/// The greatest height of the list of runs.
const TALLEST: f32 = 380.0;
/// How many runs are listed; the rest are counted.
const SHOWN: usize = 12;

/// The width of the button with its word, and of the number of runs behind it.
const ROOM: f32 = 220.0;

/// The button that opens the dialog. True when it was clicked.
pub fn wanted_ui(ui: &mut Ui) -> bool {
    let hint = "Runs of TensorBoard, trackio, W&B or a Transformers trainer";
    // Beside the filter of a narrow window there is room for its icon alone.
    let button = match ui.available_size_before_wrap().x > ROOM {
        true => Button::secondary("Import…")
            .with_icon(Icon::Down)
            .hint(hint),
        false => Button::icon(Icon::Down, "Import…"),
    };
    button.clicked(ui)
}

/// The same where there are no runs yet.
pub fn button_ui(ui: &mut Ui, import: &mut RunImport) {
    ui.add_space(space::S);
    import.open |= wanted_ui(ui);
}

/// The dialog while it is open.
pub fn dialog_ui(ui: &Ui, state: &mut State, commands: &mut Commands) {
    let State { runs, paths, .. } = state;
    let import = &mut runs.import;
    if !import.open {
        return;
    }
    let (closed, dismissed) = modal(ui, "import runs", WIDTH, |ui| {
        words::heading(ui, "Import runs of other programs");
        words::secondary(
            ui,
            "A folder of TensorBoard's event files, a database of trackio, the CSV of a plot of W&B over steps, a run's \
             history from W&B, or a trainer's trainer_state.json. A run that is here already gets what is new.",
        );
        let of = PathField {
            name: "File or folder of runs",
            hint: "File or folder",
            // A folder is chosen in the dialog; a file is typed, pasted or completed.
            kind: PathKind::Folder,
            width: WIDTH,
        };
        path_ui(ui, &mut import.path, paths, of, commands);
        if import.done.is_pending() {
            words::busy(ui, "Reading…");
        }
        notice::failed(ui, "Nothing was imported", import.done.failure());
        if let Some(found) = import.done.value() {
            ScrollArea::vertical()
                .max_height(TALLEST)
                .show(ui, |ui| found_ui(ui, found));
        }
        ui.horizontal(|ui| {
            let ready = !import.path.trim().is_empty() && !import.done.is_pending();
            if Button::primary("Import").clicked_if(ui, ready) {
                let path = PathBuf::from(import.path.trim());
                commands.run(|core| core.import_runs(path));
            }
            Button::secondary("Close").clicked(ui)
        })
        .inner
    });
    if closed || dismissed {
        import.open = false;
        import.done.clear();
        commands.run(Core::list_runs);
    }
}

fn found_ui(ui: &mut Ui, found: &[ImportedRun]) {
    for run in found.iter().take(SHOWN) {
        let number = run.run.map_or(String::new(), |run| format!(" {run}"));
        let outcome = match run.outcome {
            Outcome::Added => format!("is run{number} now"),
            Outcome::Updated => format!("brought up to date, as run{number}"),
            Outcome::Known => format!("is here already, as run{number}"),
        };
        let title = format!("{} {outcome}", run.name);
        let points = format::counted(run.points, "value", "values");
        let metrics = format::counted(run.metrics, "metric", "metrics");
        let mut detail = format!("{points} of {metrics}, from {}.", run.from.title());
        for remark in &run.remarks {
            detail += &format!(" {}.", format::sentence(remark));
        }
        notice::strip(ui, Tone::Info, &title, &detail, |_| {});
    }
    if found.len() > SHOWN {
        let more = format::count((found.len() - SHOWN) as u64);
        words::secondary(ui, format!("And {more} more."));
    }
}
