//! The page of one saved run: curves, settings, environment, events.

mod notes;

use eframe::egui::{Align, Label, Layout, RichText, Sense, Ui, vec2};

use self::notes::{Draft, notes_ui};
use super::curves::{self, CurvesView};
use super::side::events::{EventsView, events_ui};
use super::side::parts::BodyContext;
use crate::app::command::Commands;
use crate::app::format;
use crate::app::format::sentence;
use crate::app::logic::Core;
use crate::app::queries::stored::StoredRun;
use crate::app::state::model::{RunModel, is_checkpoint};
use crate::app::state::{OpenRun, RunPage, State};
use crate::app::theme::{self, size, space, text};
use crate::app::widgets::button::{Button, segments};
use crate::app::widgets::icon::Icon;
use crate::app::widgets::layout;
use crate::app::widgets::notice::{self, Tone};
use crate::app::widgets::remote::{RemoteWords, failure_ui};
use crate::app::widgets::{status, text as words};
use crate::experiment::{
    Config, Event, EventKind, Held, RecordedSettings, SECTIONS, changes_made, settings, value_words,
};
use crate::operations::runs::Edit;
use crate::store::{RunId, RunStatus};

/// A part of the page.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PageTab {
    #[default]
    Curves,
    Settings,
    Environment,
    Events,
    Notes,
}

#[derive(Debug, Default)]
pub struct PageView {
    /// The run this belongs to.
    run: Option<RunId>,
    tab: PageTab,
    draft: Draft,
    events: EventsView,
    curves: CurvesView,
}

impl PageView {
    /// Saves the unsaved note of the page shown before.
    fn unsaved_edit(&mut self, now: RunId) -> Option<Edit> {
        let run = self.run.filter(|run| *run != now)?;
        self.draft.is_unsaved().then(|| self.draft.save(run))
    }

    fn of(&mut self, run: RunId) -> &mut Self {
        if self.run != Some(run) {
            *self = PageView {
                run: Some(run),
                ..PageView::default()
            };
        }
        self
    }
}

pub fn run_page_ui(ui: &mut Ui, state: &mut State, view: &mut PageView, commands: &mut Commands) {
    let active_here = state.active().map(|run| run.id);
    let State {
        runs,
        live,
        prefs,
        clock,
        baseline,
        ..
    } = state;
    let finished = runs.list.value().map_or(&[][..], Vec::as_slice);
    let Some(open) = &mut runs.open else { return };
    let refused = runs
        .refused
        .as_ref()
        .filter(|(run, _)| *run == open.id)
        .map(|(_, why)| why.clone());
    let OpenRun { id, page } = open;
    if let Some(edit) = view.unsaved_edit(*id) {
        commands.run(|core| core.edit(edit));
    }
    let PageView {
        tab,
        draft,
        events,
        curves: view,
        ..
    } = view.of(*id);
    if let Some(why) = page.failure() {
        let said = RemoteWords {
            pending: "",
            failed: "The run cannot be read",
            action: Some("Back to all runs"),
        };
        layout::padded(ui, space::L, |ui| {
            if failure_ui(ui, why, said) {
                commands.run(Core::close_run);
            }
        });
    }
    let Some(page) = page.value_mut() else { return };
    let RunPage { model, stored } = &mut **page;
    // The run in progress here is ahead of what was read of it.
    let here = live.run.as_mut().filter(|_| active_here == Some(*id));
    let model = here.unwrap_or(model);
    let can_resume = active_here.is_none();
    head_ui(ui, model, tab, can_resume, refused, commands);
    match tab {
        PageTab::Curves => {
            let context = BodyContext {
                prefs,
                commands,
                clock: *clock,
                baseline,
                finished,
                can_change: false,
            };
            curves::body_ui(ui, model, view, context);
        }
        PageTab::Settings => settings_ui(ui, stored, &model.events),
        PageTab::Environment => environment_ui(ui, model, stored, *clock),
        PageTab::Notes => {
            let mut listed = runs.list.value().into_iter().flatten();
            match listed.find(|row| row.entry.row.id == *id) {
                Some(row) => notes_ui(ui, &row.entry.row, draft, commands),
                None => {
                    let deleted = "The run is deleted; bring it back to change its notes.";
                    words::secondary(ui, deleted);
                }
            }
        }
        PageTab::Events => {
            if let Some(place) = events_ui(ui, model, events, *clock) {
                view.side.jump_to = Some(place);
                *tab = PageTab::Curves;
            }
        }
    }
}

fn head_ui(
    ui: &mut Ui,
    run: &RunModel,
    tab: &mut PageTab,
    can_resume: bool,
    refused: Option<String>,
    commands: &mut Commands,
) {
    layout::padded(
        ui,
        theme::margin(space::L, space::L, space::M, space::XS),
        |ui| {
            ui.horizontal(|ui| {
                segments(
                    ui,
                    "Show",
                    tab,
                    &[
                        (PageTab::Curves, "Curves"),
                        (PageTab::Settings, "Settings"),
                        (PageTab::Environment, "Environment"),
                        (PageTab::Events, "Events"),
                        (PageTab::Notes, "Notes"),
                    ],
                );
                ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                    let ended_early = matches!(
                        run.status,
                        RunStatus::Stopped | RunStatus::Interrupted | RunStatus::Failed
                    );
                    if ended_early && !run.is_recorded() {
                        let hint = if can_resume {
                            "Continue from the last checkpoint"
                        } else {
                            "Another run is in progress; stop it first"
                        };
                        if Button::primary("Resume")
                            .with_icon(Icon::Play)
                            .hint(hint)
                            .clicked_if(ui, can_resume)
                        {
                            let run = run.id;
                            commands.run(move |core| core.resume_run(run));
                        }
                    }
                    status::status(ui, run.status);
                });
            });
            if let Some(error) = run
                .error
                .as_ref()
                .filter(|_| run.status == RunStatus::Failed)
            {
                ui.add_space(space::S);
                notice::strip(ui, Tone::Bad, "The run failed", error, |_| {});
            }
            if let Some(why) = refused {
                ui.add_space(space::S);
                notice::strip(ui, Tone::Bad, "The run cannot be resumed", &why, |_| {});
            }
        },
    );
}

fn settings_ui(ui: &mut Ui, stored: &StoredRun, events: &[Event]) {
    scrolled(ui, "settings", |ui| {
        if let Some(recorded) = RecordedSettings::from_toml(&stored.detail.config_toml) {
            return recorded_settings_ui(ui, recorded);
        }
        let Some(config) = &stored.config else {
            let why = "They were draft by another version of the program; as they were saved:";
            words::secondary(ui, why);
            ui.add(
                Label::new(RichText::new(&stored.detail.config_toml).font(text::mono()))
                    .selectable(true),
            );
            return;
        };
        let values = config.values();
        let defaults = Config::default().values();
        let changes = changes_made(events.iter().map(Event::placed));
        let mut note = String::from("What differs from the program's defaults is marked by a dot.");
        if !changes.is_empty() {
            note +=
                " What was changed during the run has the values that followed behind the first.";
        }
        words::secondary(ui, note);
        for (section, title) in SECTIONS {
            ui.add_space(space::L);
            words::heading(ui, title);
            ui.add_space(space::XS);
            for setting in settings().filter(|setting| setting.section() == *section) {
                let value = values.get(setting.path);
                let value = value.map(|first| Held::over(first, setting.path, &changes).words());
                let value = value.unwrap_or_default();
                let changed = values.get(setting.path) != defaults.get(setting.path);
                pair_ui(
                    ui,
                    &setting.label(),
                    setting.help(),
                    &value,
                    setting.unit.unwrap_or(""),
                    changed,
                );
            }
        }
        ui.add_space(space::XL);
    });
}

/// The settings of a run that another program made, as that named them.
fn recorded_settings_ui(ui: &mut Ui, settings: RecordedSettings) {
    let words = match settings.is_empty() {
        true => "The program that made this run said nothing of its settings.",
        false => "As the program that made this run named them.",
    };
    words::secondary(ui, words);
    ui.add_space(space::S);
    for (path, value) in settings.values() {
        let name = path.strip_prefix("recorded.").unwrap_or(&path);
        fact_ui(ui, name, &value_words(&value));
    }
    ui.add_space(space::XL);
}

fn environment_ui(ui: &mut Ui, run: &RunModel, stored: &StoredRun, clock: format::Clock) {
    scrolled(ui, "environment", |ui| {
        words::heading(ui, "Run");
        ui.add_space(space::XS);
        fact_ui(ui, "Experiment", &run.experiment);
        fact_ui(ui, "Seed", &run.seed.to_string());
        fact_ui(ui, "Device", &run.device);
        fact_ui(ui, "Started", &clock.exact(run.started_ms));
        if let Some(ended) = run.ended_ms {
            fact_ui(ui, "Ended", &clock.exact(ended));
            let lasted = format::duration((ended - run.started_ms) as f64 / 1e3);
            fact_ui(ui, "Lasted", &lasted);
        }
        if let Some(fields) = stored.detail.environment.as_object() {
            ui.add_space(space::L);
            let made_by = match run.is_recorded() {
                true => "Recorded by",
                false => "Made by",
            };
            words::heading(ui, made_by);
            ui.add_space(space::XS);
            for (name, value) in fields {
                fact_ui(ui, &sentence(&name.replace('_', " ")), &json_words(value));
            }
        }
        if !stored.detail.fingerprints.is_empty() {
            ui.add_space(space::L);
            words::heading(ui, "Fingerprints of data and weights");
            ui.add_space(space::XS);
            for (name, value) in &stored.detail.fingerprints {
                fact_ui(ui, name, value);
            }
        }
        if run.events.iter().any(is_checkpoint) {
            ui.add_space(space::L);
            words::heading(ui, "Checkpoints");
            ui.add_space(space::XS);
        }
        for event in &run.events {
            let (EventKind::Checkpoint { path, bytes }, Some(stage)) = (&event.kind, event.stage)
            else {
                continue;
            };
            let name = format!("{} {}", stage.title(), format::count(event.step));
            let value = format!("{}, {}", format::bytes(*bytes), path.display());
            pair_ui(ui, &name, &clock.exact(event.wall_ms), &value, "", false);
        }
        ui.add_space(space::XL);
    });
}

fn fact_ui(ui: &mut Ui, name: &str, value: &str) {
    pair_ui(ui, name, "", value, "", false);
}

fn json_words(value: &serde_json::Value) -> String {
    match value {
        serde_json::Value::String(text) => text.clone(),
        serde_json::Value::Null => "unknown".into(),
        serde_json::Value::Array(items) => {
            items.iter().map(json_words).collect::<Vec<_>>().join(", ")
        }
        other => other.to_string(),
    }
}

fn scrolled(ui: &mut Ui, id: &str, content: impl FnOnce(&mut Ui)) {
    layout::scrolled(ui, id, |ui| {
        layout::padded(ui, theme::margin(space::L, space::L, space::M, 0.0), |ui| {
            ui.set_max_width(760.0);
            ui.spacing_mut().item_spacing.y = 0.0;
            content(ui);
        });
    });
}

fn pair_ui(ui: &mut Ui, name: &str, hint: &str, value: &str, unit: &str, marked: bool) {
    let t = theme::of(ui);
    ui.allocate_ui_with_layout(
        vec2(ui.available_width(), size::ROW),
        Layout::left_to_right(Align::Center),
        |ui| {
            ui.set_min_height(size::ROW);
            ui.spacing_mut().item_spacing.x = space::XS;
            let (dot, _) = ui.allocate_exact_size(vec2(10.0, 10.0), Sense::hover());
            if marked {
                ui.painter().circle_filled(dot.center(), 2.5, t.accent);
            }
            ui.allocate_ui_with_layout(
                vec2(230.0, size::ROW),
                Layout::left_to_right(Align::Center),
                |ui| {
                    ui.set_min_width(230.0);
                    let response =
                        ui.add(Label::new(RichText::new(name).color(t.secondary)).truncate());
                    if !hint.is_empty() {
                        response.on_hover_text(hint);
                    }
                },
            );
            ui.add(
                Label::new(RichText::new(value).color(t.text))
                    .truncate()
                    .selectable(true),
            );
            if !unit.is_empty() {
                words::label(ui, unit, t.secondary);
            }
        },
    );
}
