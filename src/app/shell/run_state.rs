//! The runs in progress in the title row, visible from every place: this window's, else one of another program.

use eframe::egui::{Popup, Rect, Role, Sense, Ui, WidgetInfo, pos2, vec2};

use crate::app::command::{Command, Commands};
use crate::app::format;
use crate::app::place::Place;
use crate::app::state::State;
use crate::app::theme::{self, size, space, text};
use crate::app::widgets::button::{Button, focus_ring};
use crate::app::widgets::layout;
use crate::app::widgets::status::{self, progress_line};
use crate::app::widgets::text as words;
use crate::experiment::Stage;
use crate::store::{RunId, RunStatus};

/// The run in progress as the title row shows it.
struct Progress<'a> {
    id: RunId,
    name: &'a str,
    status: RunStatus,
    /// The stage with its step and total.
    at: Option<(Stage, u64, u64)>,
    fraction: f32,
    /// What is written behind: the time left, or where the run is.
    more: String,
}

impl<'a> Progress<'a> {
    fn of(state: &'a State) -> Option<Self> {
        if let Some(run) = state.active() {
            let progress = run.current_progress();
            let more = match (run.status, state.live.stopping) {
                (_, true) => "stopping…".to_string(),
                (RunStatus::Paused, _) => "paused".to_string(),
                _ => progress
                    .and_then(|p| p.seconds_left())
                    .map(format::left)
                    .unwrap_or_default(),
            };
            return Some(Progress {
                id: run.id,
                name: &run.name,
                status: run.status,
                at: progress.map(|p| (p.stage, p.step, p.total)),
                fraction: progress.map_or(0.0, |p| p.fraction()),
                more,
            });
        }
        let beside = state.others().next();
        let row = beside.or_else(|| state.elsewhere())?;
        let more = match (row.status, beside) {
            (RunStatus::Paused, None) => "paused elsewhere",
            (_, None) => "elsewhere",
            (RunStatus::Paused, Some(_)) => "paused",
            (_, Some(_)) => "",
        };
        Some(Progress {
            id: row.id,
            name: &row.name,
            status: row.status,
            at: row.stage.map(|stage| (stage, row.step, row.total)),
            fraction: (row.step as f32 / row.total.max(1) as f32).min(1.0),
            more: more.to_string(),
        })
    }

    fn stage_words(&self) -> String {
        // A run being prepared has no number yet.
        let number = (self.id.0 > 0).then(|| format!("#{} ", self.id));
        let number = number.unwrap_or_default();
        self.at
            .map_or(format!("{number}Preparing"), |(stage, step, total)| {
                let (step, total) = (format::count(step), format::count(total));
                format!("{number}{} {step}/{total}", stage.title())
            })
    }
}

/// The status of the run in progress, visible from every place; a click leads to Live.
pub(super) fn run_state_ui(ui: &mut Ui, state: &State, commands: &mut Commands) {
    let t = theme::of(ui);
    if let Some(name) = &state.live.launching {
        words::label(ui, format!("Starting {name}…"), t.secondary);
        return;
    }
    let Some(run) = Progress::of(state) else {
        return;
    };
    let colour = status::colour(t, run.status);
    let (stage, more) = (run.stage_words(), &run.more);
    let stage_galley = words::galley(ui, &stage, text::body(), t.text);
    let more_galley = words::galley(ui, more, text::body(), t.secondary);
    // Room for the longest texts, so that the layout does not jump.
    let long = |words: String| words::galley(ui, words, text::body(), t.text).size().x;
    let counted = run.at.map_or(0.0, |(_, step, total)| {
        let step = format::count(step);
        let total = format::count(total);
        long(stage.clone()) - long(step) + long(total)
    });
    let name = run.name;
    let left_width = long(format::left(1.0)).max(more_galley.size().x);
    let width = (stage_galley.size().x.max(counted) + 20.0 + space::S + left_width).max(220.0);
    let (rect, response) =
        ui.allocate_exact_size(vec2(width + 2.0 * space::M, 36.0), Sense::click());
    response.widget_info(|| {
        WidgetInfo::labeled(
            Role::Link,
            true,
            format!("Run in progress: {name}, {stage}, {more}"),
        )
    });
    let fill = if response.hovered() { t.hover } else { t.panel };
    layout::surface(ui, rect, size::RADIUS, fill, t.line_stroke());
    let inner = rect.shrink2(vec2(space::M, 0.0));
    let y = inner.center().y - 3.0;
    ui.painter()
        .circle_filled(pos2(inner.left() + 4.0, y), 4.0, colour);
    ui.painter().galley(
        pos2(inner.left() + 16.0, y - stage_galley.size().y / 2.0),
        stage_galley,
        t.text,
    );
    let at = pos2(
        inner.right() - more_galley.size().x,
        y - more_galley.size().y / 2.0,
    );
    ui.painter().galley(at, more_galley, t.secondary);
    let line = Rect::from_min_size(
        pos2(inner.left(), rect.bottom() - 6.0),
        vec2(inner.width(), 2.0),
    );
    progress_line(ui, line, run.fraction, colour);
    focus_ring(ui, &response, rect);
    if response.on_hover_text("Watch the run").clicked() {
        watch(run.id, state, commands);
    }
    others_ui(ui, state, run.id, commands);
}

/// Shows a run in progress in Live.
fn watch(run: RunId, state: &State, commands: &mut Commands) {
    match state.live.others.contains(&run) {
        true => commands.run(move |core| core.bring_to_live(run)),
        false => commands.push(Command::Go(Place::Live)),
    }
}

/// A menu of the runs of this window in progress besides the one that is `shown`.
fn others_ui(ui: &mut Ui, state: &State, shown: RunId, commands: &mut Commands) {
    let others: Vec<_> = state.others().filter(|row| row.id != shown).collect();
    if others.is_empty() {
        return;
    }
    let words = format!("+{}", others.len());
    let button = Button::quiet(&words).hint("Other runs of this window in progress");
    let button = ui.add(button);
    Popup::menu(&button).show(|ui| {
        for row in others {
            let (id, name) = (row.id, &row.name);
            let at = row.stage.map(|stage| {
                let (step, total) = (format::count(row.step), format::count(row.total));
                format!(", {} {step}/{total}", stage.title())
            });
            let words = format!("#{id} {name}{}", at.unwrap_or_default());
            if ui.button(words).clicked() {
                watch(id, state, commands);
                ui.close();
            }
        }
    });
}
