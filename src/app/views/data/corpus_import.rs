//! Importing anybody's file as a corpus: what it holds, which column is what, and its records as they would be read.

use std::collections::BTreeMap;

use eframe::egui::{TextEdit, Ui, vec2};

use super::{fact, prose};
use crate::app::command::{Command, Commands};
use crate::app::format;
use crate::app::queries::paths::PathKind;
use crate::app::state::corpora::CorpusImport;
use crate::app::state::library::Library;
use crate::app::state::paths::Paths;
use crate::app::theme::{self, size, space, text};
use crate::app::views::path_ui;
use crate::app::widgets::button::Button;
use crate::app::widgets::field;
use crate::app::widgets::icon::Icon;
use crate::app::widgets::layout;
use crate::app::widgets::notice::{self, Tone};
use crate::app::widgets::path_field::PathField;
use crate::app::widgets::record::record_ui;
use crate::app::widgets::text as words;
use crate::data::corpus::Counts;
use crate::data::library::ListedSet;
use crate::operations::corpus::{Inspection, by_reason};

/// Width of the fields for files.
const PATH: f32 = 560.0;
/// How many columns that are left out for one reason are named; the rest are counted.
const SHOWN_COLUMNS: usize = 12;
/// How many skipped rows are listed; the rest are counted.
const SHOWN_SKIPPED: usize = 20;
/// Letters of a text among the first records.
const SHOWN_LETTERS: usize = 300;
/// The greatest width of a record.
const RECORD: f32 = 900.0;

pub(super) fn import_ui(
    ui: &mut Ui,
    library: &mut Library,
    paths: &mut Paths,
    commands: &mut Commands,
) {
    let form = &mut library.corpus;
    words::heading(ui, "Import a corpus");
    prose(
        ui,
        "Anybody's file of conversations, responses, labels or scores: JSON, JSONL, CSV, TSV, Parquet, or blocks of \
         labelled lines; also in .gz, .zip and .tar.gz. Choose it here, or drop it on the window. It is only looked at \
         until you import it.",
    );
    file_ui(ui, form, paths, commands);
    if form.seen.is_pending() {
        let file = form.looked_at.file_name().unwrap_or_default();
        words::busy(ui, format!("Looking at {}…", file.to_string_lossy()));
        return;
    }
    if let Some(why) = form.seen.failure() {
        let title = "The file cannot be imported as it is";
        notice::block(ui, Tone::Bad, title, why, |_| {});
        ui.add_space(space::S);
        mapping_ui(ui, form, commands);
        return;
    }
    let CorpusImport { seen, .. } = form;
    let Some(found) = seen.value() else {
        return;
    };
    about_ui(ui, found);
    let sets = library.sets.value().map_or(&[][..], Vec::as_slice);
    import_row_ui(ui, &mut library.corpus, sets, commands);
    let form = &mut library.corpus;
    if let Some(found) = form.seen.value() {
        left_out_ui(ui, &found.left_out);
        problems_ui(ui, found);
    }
    ui.add_space(space::S);
    mapping_ui(ui, form, commands);
    if let Some(found) = form.seen.value() {
        records_ui(ui, found);
    }
}

fn file_ui(ui: &mut Ui, form: &mut CorpusImport, paths: &mut Paths, commands: &mut Commands) {
    ui.horizontal(|ui| {
        let of = PathField {
            name: "File of the corpus",
            hint: "File of the corpus",
            kind: PathKind::File,
            width: (ui.available_width() - 130.0).min(PATH),
        };
        let before = form.file.clone();
        let is_picked = paths.has_picked(of.name);
        path_ui(ui, &mut form.file, paths, of, commands);
        let picked = is_picked && form.file != before;
        let ready = !form.file.trim().is_empty() && !form.seen.is_pending();
        let look = match form.seen.is_idle() {
            true => Button::primary("Look at it"),
            false => Button::secondary("Look at it"),
        };
        if look.clicked_if(ui, ready) || picked {
            commands.run(|core| core.look_at(false));
        }
    });
    ui.horizontal(|ui| {
        let of = PathField {
            name: "Mapping file",
            hint: "Mapping file (.toml), if you have one",
            kind: PathKind::File,
            width: (ui.available_width() - 130.0).min(PATH),
        };
        path_ui(ui, &mut form.mapping_file, paths, of, commands);
    });
}

/// What was found in the file.
fn about_ui(ui: &mut Ui, found: &Inspection) {
    ui.add_space(space::S);
    let encoding = found.encoding.as_ref();
    let encoding = encoding.map_or_else(String::new, |encoding| format!(", {encoding}"));
    fact(
        ui,
        "Form",
        &format!("{}{encoding}", format::sentence(&found.form)),
    );
    fact(ui, "Shape", &format::sentence(&found.shape.to_string()));
    counts_ui(ui, &found.counts);
    fact(ui, "SHA-256", &found.sha256);
    for note in &found.notes {
        words::body(ui, format!("Note: {note}"));
    }
}

fn counts_ui(ui: &mut Ui, counts: &Counts) {
    let number = |n: usize| format::count(n as u64);
    let rows = match counts.skipped {
        0 => format!("{}, all of them read", number(counts.rows)),
        skipped => format!(
            "{}, {} of them skipped",
            number(counts.rows),
            number(skipped)
        ),
    };
    fact(ui, "Rows", &rows);
    let records = format!(
        "{}: {} with a context, {} with a target",
        number(counts.records),
        number(counts.with_context),
        number(counts.with_target)
    );
    fact(ui, "Records", &records);
    for (what, of) in [
        ("Responses", &counts.systems),
        ("Labels", &counts.labels),
        ("Scores", &counts.scores),
        ("Verdicts", &counts.verdicts),
        ("Splits", &counts.splits),
    ] {
        if !of.is_empty() {
            let named = |(name, n): (&String, &usize)| format!("{name} {}", number(*n));
            let all: Vec<String> = of.iter().map(named).collect();
            fact(ui, what, &all.join(", "));
        }
    }
    let training = match (counts.examples, counts.labelled) {
        (0, _) => {
            "Nothing to train on: no record has a context with a target or exactly one response"
                .to_string()
        }
        (examples, labelled) => format!(
            "{} for dialogues, {} for levels",
            format::counted(examples, "example", "examples"),
            format::counted(labelled, "labelled pair", "labelled pairs")
        ),
    };
    fact(ui, "For training", &training);
}

/// The name, and the button that imports.
fn import_row_ui(
    ui: &mut Ui,
    form: &mut CorpusImport,
    sets: &[ListedSet],
    commands: &mut Commands,
) {
    ui.add_space(space::S);
    let name = form.name.trim().to_string();
    let there = sets.iter().find(|set| set.name == name);
    let is_corpus = there.is_some_and(|set| set.records.is_some());
    ui.horizontal_wrapped(|ui| {
        let hint = "Name of the corpus";
        let typed = field::search(ui, &mut form.name, hint, hint, 260.0);
        let ready = !name.is_empty() && !form.is_edited() && !form.imported.is_pending();
        let replace = format!("Replace {name}");
        let (button, replaces) = match there {
            Some(_) if is_corpus => (Button::secondary(&replace), true),
            _ => (Button::primary("Import").with_icon(Icon::Down), false),
        };
        let ready = ready && (there.is_none() || is_corpus);
        if button.clicked_if(ui, ready) || (field::entered(ui, &typed) && ready && !replaces) {
            commands.run(move |core| core.import_corpus(replaces));
        }
    });
    let said = match there {
        Some(set) if is_corpus => format!(
            "{name} is a corpus of {} already. Replacing it removes these; runs keep what they recorded of it.",
            format::counted(set.records.unwrap_or_default(), "record", "records")
        ),
        Some(_) => format!("{name} is another kind of data set already. Choose another name."),
        None if form.is_edited() => {
            "The mapping was changed. Look again before you import.".to_string()
        }
        None => "Lower-case letters, digits, - and _. It names the set in settings and results."
            .to_string(),
    };
    words::secondary(ui, said);
    if form.imported.is_pending() {
        words::busy(ui, format!("Importing {}…", form.asked));
    }
    notice::failed(ui, "The corpus was not imported", form.imported.failure());
}

fn left_out_ui(ui: &mut Ui, left_out: &BTreeMap<String, String>) {
    if left_out.is_empty() {
        return;
    }
    ui.add_space(space::S);
    words::bold(ui, "Left out");
    for (reason, columns) in by_reason(left_out) {
        let shown = columns.iter().take(SHOWN_COLUMNS).copied();
        let mut named = shown.collect::<Vec<_>>().join(", ");
        let more = columns.len().saturating_sub(SHOWN_COLUMNS);
        if more > 0 {
            named += &format!(
                " and {}",
                format::counted(more, "more column", "more columns")
            );
        }
        let said = ui.scope(|ui| {
            ui.set_max_width(RECORD.min(ui.available_width()));
            words::body(ui, format!("{named}: {reason}"));
        });
        if more > 0 {
            said.response.on_hover_text(columns.join(", "));
        }
    }
}

fn problems_ui(ui: &mut Ui, found: &Inspection) {
    if found.problems.is_empty() {
        return;
    }
    ui.add_space(space::S);
    words::bold(ui, "Skipped rows");
    for problem in found.problems.iter().take(SHOWN_SKIPPED) {
        words::secondary(ui, format!("Line {} {}", problem.line, problem.what));
    }
    let more = found.problems.len().saturating_sub(SHOWN_SKIPPED);
    if more > 0 {
        words::secondary(ui, format::counted(more, "more row", "more rows"));
    }
}

/// Which column is what, as text that can be changed.
fn mapping_ui(ui: &mut Ui, form: &mut CorpusImport, commands: &mut Commands) {
    words::bold(ui, "Mapping");
    prose(
        ui,
        "Which column is what. Change it here and look again, or copy it to a file for a colleague.",
    );
    ui.horizontal(|ui| {
        let ready = !form.mapping.trim().is_empty() && !form.seen.is_pending();
        let again = match form.is_edited() || form.seen.failure().is_some() {
            true => Button::primary("Look again"),
            false => Button::secondary("Look again"),
        };
        let hint = "Read the file anew by the mapping above";
        if again.hint(hint).clicked_if(ui, ready) {
            commands.run(|core| core.look_at(true));
        }
        if Button::quiet("Copy")
            .with_icon(Icon::Copy)
            .hint("Copy the mapping")
            .clicked(ui)
        {
            commands.push(Command::Copy(form.mapping.clone()));
        }
        if form.is_edited() {
            words::small(ui, "Changed since the file was looked at");
        }
    });
    let width = (ui.available_width() - space::L).clamp(200.0, size::PROSE);
    let field = TextEdit::multiline(&mut form.mapping)
        .font(text::mono())
        .desired_width(width)
        .desired_rows(6)
        .min_size(vec2(width, 3.0 * size::ROW));
    ui.add(field).accessible_name("Mapping");
}

fn records_ui(ui: &mut Ui, found: &Inspection) {
    ui.add_space(space::M);
    let title = match found.records.len() < found.counts.records {
        true => format!(
            "The first {} records as they would be read",
            found.records.len()
        ),
        false => "All records as they would be read".to_string(),
    };
    words::heading(ui, &title);
    let colour = theme::of(ui).line_stroke();
    for (at, record) in found.records.iter().enumerate() {
        ui.scope(|ui| {
            ui.set_max_width(RECORD.min(ui.available_width()));
            let y = ui.cursor().top();
            let x = ui.available_rect_before_wrap().x_range();
            ui.painter().hline(x, y, colour);
            ui.add_space(space::S);
            record_ui(
                ui,
                record,
                &format!("first {at}"),
                Some(SHOWN_LETTERS),
                None,
            );
        });
    }
    layout::rule_below(ui, ui.min_rect().x_range());
}
