//! Writing what a filter lets through of a corpus to a file, whole or a choice of it.

use eframe::egui::{Align, Ui};

use super::{fact, padded, prose};
use crate::app::command::Commands;
use crate::app::format;
use crate::app::logic::Core;
use crate::app::queries::paths::PathKind;
use crate::app::state::corpora::{CorpusBrowser, CorpusExport, ExportedCorpus};
use crate::app::state::paths::Paths;
use crate::app::theme::{self, space};
use crate::app::views::path_ui;
use crate::app::widgets::button::Button;
use crate::app::widgets::cells::cell;
use crate::app::widgets::field;
use crate::app::widgets::layout;
use crate::app::widgets::notice::{self, Tone};
use crate::app::widgets::path_field::PathField;
use crate::app::widgets::text as words;
use crate::operations::corpus::CorpusForm;

const WIDTH: f32 = 420.0;
const NO_SCORE: &str = "Any";

pub(super) fn export_ui(
    ui: &mut Ui,
    browser: &mut CorpusBrowser,
    paths: &mut Paths,
    commands: &mut Commands,
) {
    let found = browser.found();
    let answers = found.map_or(0, |found| found.answers);
    let records = found.map_or(0, |found| found.found.len());
    let withheld = found.map_or(0, |found| found.withheld);
    let scores: Vec<String> = found.map_or_else(Vec::new, |found| {
        found
            .scores
            .iter()
            .map(|score| score.name.clone())
            .collect()
    });
    let mut judging = scores.clone();
    let verdicts = found.into_iter().flat_map(|found| found.verdicts.keys());
    judging.extend(verdicts.map(|name| format!("verdict.{name}")));
    let Some(form) = &mut browser.export else {
        return;
    };
    let mut close = false;
    layout::scrolled(ui, "export of a corpus", |ui| {
        padded(ui, |ui| {
            ui.set_width(ui.available_width());
            ui.spacing_mut().item_spacing.y = space::S;
            words::heading(ui, "Export");
            let answers = format::counted(answers, "answer", "answers");
            let records = format::counted(records, "record", "records");
            words::secondary(ui, format!("{answers} in {records} that the filter finds."));
            if withheld > 0 {
                let withheld = format::counted(withheld, "record", "records");
                let said = format!(
                    "Of {withheld} that are hidden for blind studies, the file has those that match too."
                );
                words::secondary(ui, said);
            }
            form_ui(ui, form, &judging);
            select_ui(ui, form, &scores);
            file_ui(ui, form, paths, commands);
            close = buttons_ui(ui, form, commands);
            notice::failed(
                ui,
                "Nothing was exported",
                form.refused.as_deref().or(form.done.failure()),
            );
            if let Some(done) = form.done.value() {
                done_ui(ui, done);
            }
            ui.add_space(space::XL);
        });
    });
    if close {
        browser.export = None;
    }
}

fn title(form: CorpusForm) -> &'static str {
    match form {
        CorpusForm::Records => "Records (JSONL)",
        CorpusForm::Csv => "Table (CSV)",
        CorpusForm::Tsv => "Table (TSV)",
        CorpusForm::Parquet => "Table (Parquet)",
        CorpusForm::Messages => "Messages (JSONL)",
        CorpusForm::ShareGpt => "ShareGPT (JSONL)",
        CorpusForm::Alpaca => "Alpaca (JSONL)",
        CorpusForm::Preferences => "Preference pairs (JSONL)",
    }
}

fn about(form: CorpusForm) -> &'static str {
    match form {
        CorpusForm::Records => "Everything, a record a line. It can be imported again.",
        CorpusForm::Csv | CorpusForm::Tsv | CorpusForm::Parquet => {
            "A row a record, a column for each label, score, system and compared pair. It can be imported again."
        }
        CorpusForm::Messages | CorpusForm::ShareGpt | CorpusForm::Alpaca => {
            "A row an answer, as trainers read it."
        }
        CorpusForm::Preferences => {
            "For DPO: the best and the worst answer of each record by a score, or the two answers of each verdict that is no tie."
        }
    }
}

/// `judging` are the scores and verdicts by which answers can be better than others.
fn form_ui(ui: &mut Ui, form: &mut CorpusExport, judging: &[String]) {
    ui.horizontal_wrapped(|ui| {
        let forms = CorpusForm::ALL.map(|form| (form, title(form).to_string()));
        if let Some(chosen) = field::choose(ui, "Form", form.form, &forms, 200.0) {
            form.form = chosen;
        }
        if form.form == CorpusForm::Preferences {
            words::small(ui, "by");
            score_ui(
                ui,
                "Score or verdict of preferences",
                &mut form.prefer,
                judging,
                "Choose a score or verdict",
            );
        }
    });
    words::secondary(ui, about(form.form));
}

fn score_ui(ui: &mut Ui, name: &str, chosen: &mut String, scores: &[String], none: &str) {
    let mut options = vec![none];
    options.extend(scores.iter().map(String::as_str));
    let now = if chosen.is_empty() {
        none
    } else {
        chosen.as_str()
    };
    if let Some(picked) = field::combo(ui, name, now, &options, 160.0) {
        *chosen = if picked == none {
            String::new()
        } else {
            picked.to_string()
        };
    }
}

/// Which answers of those found.
fn select_ui(ui: &mut Ui, form: &mut CorpusExport, scores: &[String]) {
    ui.add_space(space::S);
    words::bold(ui, "Choose among them");
    choice_ui(ui, "The best by", |ui| {
        score_ui(ui, "Best by", &mut form.best, scores, NO_SCORE);
    });
    choice_ui(ui, "At most", |ui| {
        let hint = "All answers";
        field::search(ui, &mut form.at_most, "At most", hint, 160.0);
    });
    choice_ui(ui, "Without similar", |ui| {
        let hint = "Such as 0.8; else all";
        field::search(ui, &mut form.distinct, "Similarity", hint, 160.0);
    });
    prose(
        ui,
        "Answers as similar as that to an earlier one in a similar context are left out. 1 leaves out the same words alone; \
         it is the share of common runs of five characters.",
    );
}

/// A choice with its name before it.
fn choice_ui(ui: &mut Ui, name: &str, content: impl FnOnce(&mut Ui)) {
    let t = theme::of(ui);
    ui.horizontal(|ui| {
        cell(ui, 110.0, Align::Min, |ui| {
            words::label(ui, name, t.secondary);
        });
        content(ui);
    });
}

fn file_ui(ui: &mut Ui, form: &mut CorpusExport, paths: &mut Paths, commands: &mut Commands) {
    ui.add_space(space::S);
    let of = PathField {
        name: "File to write",
        hint: match form.form {
            CorpusForm::Csv => "New file, ending in .csv",
            CorpusForm::Tsv => "New file, ending in .tsv",
            CorpusForm::Parquet => "New file, ending in .parquet",
            _ => "New file, ending in .jsonl",
        },
        kind: PathKind::NewFile,
        width: ui.available_width().min(WIDTH),
    };
    path_ui(ui, &mut form.file, paths, of, commands);
}

/// True when the form is to be closed.
fn buttons_ui(ui: &mut Ui, form: &CorpusExport, commands: &mut Commands) -> bool {
    let mut close = false;
    ui.horizontal(|ui| {
        let needs_score = form.form == CorpusForm::Preferences && form.prefer.is_empty();
        let ready = !form.file.trim().is_empty() && !form.done.is_pending() && !needs_score;
        if Button::primary("Export").clicked_if(ui, ready) {
            commands.run(Core::export_corpus);
        }
        close = Button::quiet("Close").clicked(ui);
    });
    if form.done.is_pending() {
        words::busy(ui, "Writing…");
    }
    close
}

fn done_ui(ui: &mut Ui, done: &ExportedCorpus) {
    let number = |n: usize| format::count(n as u64);
    let rows = format::counted(done.exported.rows, "row is written", "rows are written");
    notice::strip(
        ui,
        Tone::Info,
        &rows,
        &done.file.display().to_string(),
        |_| {},
    );
    for (reason, n) in &done.exported.left_out {
        words::secondary(ui, format!("Left out {}: {reason}", number(*n)));
    }
    let Some(selected) = &done.selected else {
        return;
    };
    fact(ui, "Answers", &number(selected.answers));
    if selected.repeated > 0 {
        fact(ui, "Repetitions", &number(selected.repeated));
    }
    if selected.without_score > 0 {
        fact(ui, "Without score", &number(selected.without_score));
    }
    fact(ui, "Chosen", &number(selected.chosen));
}
