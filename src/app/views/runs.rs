//! The place Runs: every saved run in a table; sorted, filtered, opened.

mod table;

use eframe::egui;
use std::cmp::Ordering;

use eframe::egui::{Frame, Margin, RichText, Role, Sense, Ui, WidgetInfo, vec2};

use crate::app::command::{Command, Commands, Place};
use crate::app::format::{self, Clock};
use crate::app::state::{Loaded, State};
use crate::app::theme::{self, size, space, text};
use crate::app::widgets::button::{Button, focus_ring};
use crate::app::widgets::field;
use crate::app::widgets::icon::Icon;
use crate::app::widgets::notice::{self, Tone};
use crate::app::widgets::status;
use crate::app::widgets::text as words;
use crate::metrics::declared;
use crate::store::RunRow;

/// A column of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Field {
    Id,
    Name,
    Experiment,
    Seed,
    Status,
    Stage,
    Started,
    EmpF1,
    Reward,
    Kl,
    Ppl,
}

/// Every column, with its width; those without one share what is left.
const FIELDS: [(Field, Option<f32>); 11] = [
    (Field::Id, Some(44.0)),
    (Field::Name, None),
    (Field::Experiment, None),
    (Field::Seed, Some(44.0)),
    (Field::Status, Some(104.0)),
    (Field::Stage, Some(148.0)),
    (Field::Started, Some(118.0)),
    (Field::EmpF1, Some(64.0)),
    (Field::Reward, Some(64.0)),
    (Field::Kl, Some(64.0)),
    (Field::Ppl, Some(64.0)),
];

/// Narrower than this, what a run's page says as well is left out.
const NARROW: f32 = 960.0;

fn fields(width: f32) -> Vec<(Field, Option<f32>)> {
    let spare = [Field::Experiment, Field::Seed];
    FIELDS
        .into_iter()
        .filter(|(field, _)| width >= NARROW || !spare.contains(field))
        .collect()
}

impl Field {
    fn title(self) -> &'static str {
        match self {
            Field::Id => "Run",
            Field::Name => "Name",
            Field::Experiment => "Experiment",
            Field::Seed => "Seed",
            Field::Status => "Status",
            Field::Stage => "Stage",
            Field::Started => "Started",
            Field::EmpF1 => "Emp-F1",
            Field::Reward => "Reward",
            Field::Kl => "KL",
            Field::Ppl => "PPL",
        }
    }

    /// The metric whose last value stands in the column.
    fn metric(self) -> Option<&'static str> {
        match self {
            Field::EmpF1 => Some(declared::VALIDATION_EMP_F1),
            Field::Reward => Some(declared::EMPATHY_REWARD),
            Field::Kl => Some(declared::KL_FULL),
            Field::Ppl => Some(declared::VALIDATION_PPL),
            _ => None,
        }
    }

    fn is_number(self) -> bool {
        matches!(self, Field::Id | Field::Seed) || self.metric().is_some()
    }

    fn hint(self) -> String {
        match self.metric().and_then(declared) {
            Some(metric) => format!("{}: the last value. {}", metric.name, metric.definition),
            None => format!("Sort by {}", self.title().to_lowercase()),
        }
    }

    fn compare(self, a: &RunRow, b: &RunRow) -> Ordering {
        if let Some(metric) = self.metric() {
            // Runs without a value stay at the end when the greatest come first.
            let value = |row: &RunRow| {
                row.summary
                    .get(metric)
                    .copied()
                    .unwrap_or(f64::NEG_INFINITY)
            };
            return value(a).total_cmp(&value(b));
        }
        match self {
            Field::Id => a.id.cmp(&b.id),
            Field::Name => a.name.cmp(&b.name),
            Field::Experiment => a.experiment.cmp(&b.experiment),
            Field::Seed => a.seed.cmp(&b.seed),
            Field::Status => status::word(a.status).cmp(status::word(b.status)),
            Field::Stage => (a.stage, a.step).cmp(&(b.stage, b.step)),
            Field::Started => a.started.cmp(&b.started),
            Field::EmpF1 | Field::Reward | Field::Kl | Field::Ppl => Ordering::Equal,
        }
    }
}

/// The order of the table.
#[derive(Clone, Copy, Debug)]
pub struct Sort {
    by: Field,
    descending: bool,
}

impl Default for Sort {
    fn default() -> Self {
        Sort {
            by: Field::Id,
            descending: true,
        }
    }
}

/// Runs that hold every word of the filter, in the order asked for.
fn arranged<'a>(rows: &'a [RunRow], filter: &str, sort: Sort) -> Vec<&'a RunRow> {
    let wanted: Vec<String> = filter
        .to_lowercase()
        .split_whitespace()
        .map(str::to_string)
        .collect();
    let mut found: Vec<&RunRow> = rows
        .iter()
        .filter(|row| {
            let text = format!(
                "{} {} {} {} {} {} {}",
                row.id,
                row.name,
                row.experiment,
                status::word(row.status),
                row.stage.map_or("", |stage| stage.title()),
                row.device,
                row.note
            )
            .to_lowercase();
            wanted.iter().all(|word| text.contains(word))
        })
        .collect();
    found.sort_by(|a, b| {
        let order = sort.by.compare(a, b);
        if sort.descending {
            order.reverse()
        } else {
            order
        }
    });
    found
}

pub fn runs_ui(ui: &mut Ui, state: &mut State, commands: &mut Commands) {
    let rows = match &state.runs.rows {
        Loaded::Nothing => {
            padded(ui, |ui| {
                words::secondary(ui, "Reading the store…");
            });
            return;
        }
        Loaded::Failed(why) => {
            padded(ui, |ui| {
                notice::strip(ui, Tone::Bad, "The store cannot be read", why, |ui| {
                    if ui.add(Button::secondary("Try again")).clicked() {
                        commands.push(Command::ReloadRuns);
                    }
                });
            });
            return;
        }
        Loaded::Value(rows) => rows,
    };
    if rows.is_empty() {
        let explanation = "Every run is kept here with its curves, settings, dialogues and results, from its first step on.";
        if notice::empty(
            ui,
            Icon::Runs,
            "No runs yet",
            explanation,
            "Choose an experiment",
        ) {
            commands.push(Command::Go(Place::Experiments));
        }
        return;
    }
    padded(ui, |ui| {
        ui.horizontal(|ui| {
            field::search(
                ui,
                &mut state.runs.filter,
                "Filter runs",
                "Name, experiment, status…",
                280.0,
            );
            let shown = arranged(rows, &state.runs.filter, state.runs.sort).len();
            let t = theme::of(ui);
            let words = if shown == rows.len() {
                match shown {
                    1 => "1 run".to_string(),
                    n => format!("{} runs", format::count(n as u64)),
                }
            } else {
                format!(
                    "{} of {} runs",
                    format::count(shown as u64),
                    format::count(rows.len() as u64)
                )
            };
            ui.label(RichText::new(words).color(t.secondary));
        });
        ui.add_space(space::S);
        let shown = arranged(rows, &state.runs.filter, state.runs.sort);
        if shown.is_empty() {
            ui.add_space(space::L);
            ui.label("No run matches this filter.");
            if ui.add(Button::secondary("Clear the filter")).clicked() {
                state.runs.filter.clear();
            }
            return;
        }
        table::table_ui(
            ui,
            &shown,
            &mut state.runs.sort,
            (state.clock, state.now_ms),
            commands,
        );
    });
}

fn padded(ui: &mut Ui, content: impl FnOnce(&mut Ui)) {
    let margin = Margin {
        left: space::L as i8,
        right: space::L as i8,
        top: space::M as i8,
        bottom: 0,
    };
    Frame::new().inner_margin(margin).show(ui, content);
}

/// A run in one line, as on the start page. True when it was clicked.
pub fn run_line_ui(ui: &mut Ui, run: &RunRow, clock: Clock, now_ms: i64) -> bool {
    let t = theme::of(ui);
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), 36.0), Sense::click());
    response.widget_info(|| {
        let words = format!(
            "Open run {}, {}, {}",
            run.id,
            run.name,
            status::word(run.status).to_lowercase()
        );
        WidgetInfo::labeled(Role::Link, true, words)
    });
    if response.hovered() {
        ui.painter()
            .rect_filled(rect.expand2(vec2(space::S, 0.0)), size::RADIUS, t.hover);
    }
    let painter = ui.painter().with_clip_rect(rect.intersect(ui.clip_rect()));
    let middle = rect.center().y;
    painter.circle_filled(
        egui::pos2(rect.left() + 4.0, middle),
        3.5,
        status::colour(t, run.status),
    );
    let name = format!("{} #{}", run.name, run.id);
    painter.text(
        egui::pos2(rect.left() + 16.0, middle),
        egui::Align2::LEFT_CENTER,
        name,
        text::body(),
        t.text,
    );
    let when = clock.relative(run.started, now_ms);
    let at = egui::pos2(rect.right(), middle);
    let when = painter.text(
        at,
        egui::Align2::RIGHT_CENTER,
        when,
        text::small(),
        t.secondary,
    );
    let figure = run.summary.get(declared::VALIDATION_EMP_F1);
    let words = figure.map_or_else(
        || status::word(run.status).to_string(),
        |f1| format!("Emp-F1 {}", format::number(*f1)),
    );
    let at = egui::pos2(when.left().min(rect.right() - 100.0) - space::M, middle);
    painter.text(
        at,
        egui::Align2::RIGHT_CENTER,
        words,
        text::small(),
        t.secondary,
    );
    ui.painter()
        .hline(rect.x_range(), rect.bottom(), t.line_stroke());
    focus_ring(ui, &response, rect);
    response
        .on_hover_text(format!(
            "{}, started {}",
            status::word(run.status),
            clock.exact(run.started)
        ))
        .clicked()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::store::{RunId, RunStatus};

    fn run(id: i64, name: &str, f1: Option<f64>) -> RunRow {
        RunRow {
            id: RunId(id),
            name: name.into(),
            experiment: "quickstart".into(),
            seed: 1,
            device: "flex".into(),
            status: RunStatus::Finished,
            stage: None,
            step: 0,
            total: 0,
            started: id,
            ended: None,
            heartbeat: 0,
            error: None,
            note: String::new(),
            tags: Vec::new(),
            archived: false,
            deleted: None,
            summary: f1
                .map(|f1| (declared::VALIDATION_EMP_F1.to_string(), f1))
                .into_iter()
                .collect::<BTreeMap<_, _>>(),
        }
    }

    #[test]
    fn runs_are_filtered_by_every_word_and_sorted() {
        let rows = [
            run(1, "first", Some(40.0)),
            run(2, "second", None),
            run(3, "third", Some(60.0)),
        ];
        let ids = |filter: &str, sort: Sort| {
            arranged(&rows, filter, sort)
                .iter()
                .map(|r| r.id.0)
                .collect::<Vec<_>>()
        };
        assert_eq!(ids("", Sort::default()), [3, 2, 1]);
        assert_eq!(ids("QUICK fin second", Sort::default()), [2]);
        assert_eq!(
            ids(
                "",
                Sort {
                    by: Field::EmpF1,
                    descending: true
                }
            ),
            [3, 1, 2]
        );
        assert!(ids("nothing", Sort::default()).is_empty());
    }
}
