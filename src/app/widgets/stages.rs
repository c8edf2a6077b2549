//! The stages of a run as tabs, with their progress.

use eframe::egui;
use eframe::egui::{Align2, Rect, Role, Sense, Ui, Vec2, WidgetInfo, pos2, vec2};

use super::button::focus_ring;
use super::icon::{self, Icon};
use super::layout;
use super::status::progress_line;
use super::text as words;
use crate::app::format;
use crate::app::state::progress::{StageProgress, StageState};
use crate::app::theme::{self, size, space, text};
use crate::experiment::Stage;
use crate::store::RunStatus;

const HEIGHT: f32 = 56.0;

pub fn strip(ui: &mut Ui, stages: &[StageProgress], shown: Stage, run: RunStatus) -> Option<Stage> {
    let mut chosen = None;
    if stages.is_empty() {
        return chosen;
    }
    let width = ui.available_width();
    let (row, _) = ui.allocate_exact_size(vec2(width, HEIGHT), Sense::hover());
    let gap = space::S;
    let each = (width - gap * (stages.len() - 1) as f32) / stages.len() as f32;
    for (n, progress) in stages.iter().enumerate() {
        let rect = Rect::from_min_size(
            pos2(row.left() + n as f32 * (each + gap), row.top()),
            vec2(each, HEIGHT),
        );
        if stage_ui(ui, rect, progress, progress.stage == shown, run) {
            chosen = Some(progress.stage);
        }
    }
    chosen
}

fn stage_ui(
    ui: &mut Ui,
    rect: Rect,
    progress: &StageProgress,
    shown: bool,
    run: RunStatus,
) -> bool {
    let t = theme::of(ui);
    let response = ui.interact(rect, ui.scope_id().with(progress.stage), Sense::click());
    let running = progress.state == StageState::Running;
    let (detail, short) = detail(progress, run);
    response.widget_info(|| {
        let label = format!("{}: {detail}", progress.stage.title());
        WidgetInfo::selected(Role::Tab, ui.is_enabled(), shown, label)
    });
    // Hovering outlines, selection fills.
    let (fill, stroke) = match (shown, response.hovered()) {
        (true, _) => (t.selected, egui::Stroke::new(1.0, t.accent)),
        (false, true) => (t.ground, t.line_stroke()),
        (false, false) => (t.ground, egui::Stroke::NONE),
    };
    layout::surface(ui, rect, size::RADIUS, fill, stroke);

    let inner = rect.shrink2(vec2(space::M, space::S));
    let mark = Rect::from_center_size(
        pos2(inner.left() + 7.0, inner.top() + 8.0),
        Vec2::splat(14.0),
    );
    let colour = match progress.state {
        StageState::Done => t.good,
        StageState::Running => super::status::colour(t, run),
        StageState::Waiting => t.faint,
    };
    match progress.state {
        StageState::Done => icon::paint(ui.painter(), mark, Icon::Check, colour),
        StageState::Running => {
            ui.painter().circle_filled(mark.center(), 4.0, colour);
        }
        StageState::Waiting => {
            ui.painter()
                .circle_stroke(mark.center(), 3.5, egui::Stroke::new(1.2, colour));
        }
    }
    let title_colour = if progress.state == StageState::Waiting && !shown {
        t.secondary
    } else {
        t.text
    };
    let painter = ui.painter().with_clip_rect(inner.intersect(ui.clip_rect()));
    let title_at = pos2(inner.left() + 22.0, inner.top() + 8.0);
    words::paint_body(
        &painter,
        title_at,
        Align2::LEFT_CENTER,
        progress.stage.title(),
        title_colour,
    );
    let detail_at = pos2(inner.left() + 22.0, inner.top() + 25.0);
    let whole = painter.layout_no_wrap(detail, text::small(), t.secondary);
    let galley = match whole.size().x <= inner.right() - detail_at.x {
        true => whole,
        false => painter.layout_no_wrap(short, text::small(), t.secondary),
    };
    let up = vec2(0.0, galley.size().y / 2.0);
    painter.galley(detail_at - up, galley, t.secondary);
    let line = Rect::from_min_max(
        pos2(inner.left(), rect.bottom() - 8.0),
        pos2(inner.right(), rect.bottom() - 5.0),
    );
    let line_colour = if running { colour } else { t.good };
    progress_line(ui, line, progress.fraction(), line_colour);
    focus_ring(ui, &response, rect);
    response.clicked()
}

/// The state of a stage, and a shorter version.
fn detail(progress: &StageProgress, run: RunStatus) -> (String, String) {
    let alone = |words: String| (words.clone(), words);
    match progress.state {
        StageState::Waiting => alone("waiting".into()),
        StageState::Done if progress.step == 0 => alone("done".into()),
        StageState::Done => alone(format!("{} steps", format::count(progress.step))),
        StageState::Running => {
            let (step, total) = (format::count(progress.step), format::count(progress.total));
            let at = format!("{step} of {total}");
            match (run, progress.seconds_left()) {
                (RunStatus::Running, Some(left)) => {
                    let left = format::left(left);
                    // The progress bar shows the rest.
                    (format!("{at} · {left}"), left)
                }
                (RunStatus::Running, None) => alone(at),
                (other, _) => {
                    let state = super::status::word(other).to_lowercase();
                    (format!("{at} · {state}"), state)
                }
            }
        }
    }
}
