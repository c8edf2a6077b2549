//! A run on one line, as on the start page.

use eframe::egui;
use eframe::egui::text::{LayoutJob, TextWrapping};
use eframe::egui::{Role, Sense, Ui, WidgetInfo, vec2};

use crate::app::format::{self, Now};
use crate::app::theme::{self, size, space, text};
use crate::app::widgets::button::focus_ring;
use crate::app::widgets::layout;
use crate::app::widgets::status;
use crate::app::widgets::text as words;
use crate::metrics::declared;
use crate::store::RunRow;

pub fn run_line_ui(ui: &mut Ui, run: &RunRow, now: Now) -> bool {
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
    let figure = run.summary.get(declared::VALIDATION_EMP_F1);
    let gain = run.summary.get(declared::VALIDATION_EMP_F1_GAIN);
    let measured = match (figure, gain) {
        (None, _) => "",
        (Some(_), None) => ". Emp-F1 is the last on the validation subset",
        (Some(_), Some(_)) => {
            ". Emp-F1 is the last on the validation subset, and the gain is over the same answers shuffled over the \
             contexts"
        }
    };
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
    let when = now.relative(run.started);
    let at = egui::pos2(rect.right(), middle);
    let when = words::paint_small(&painter, at, egui::Align2::RIGHT_CENTER, when, t.secondary);
    let words = figure.map_or_else(
        || status::word(run.status).to_string(),
        |f1| {
            let f1 = format::metric(declared::VALIDATION_EMP_F1, *f1);
            let gain = gain.map(|gain| format::metric(declared::VALIDATION_EMP_F1_GAIN, *gain));
            let gain = gain.map_or(String::new(), |gain| format!(", gain {gain}"));
            let key = declared::VALIDATION_EMP_F1_HELD_OUT;
            let held_out = run.summary.get(key).map(|f1| format::metric(key, *f1));
            let held_out = held_out.map_or(String::new(), |f1| format!(", held out {f1}"));
            format!("validation Emp-F1 {f1}{held_out}{gain}")
        },
    );
    let at = egui::pos2(when.left().min(rect.right() - 92.0) - space::M, middle);
    let figure = words::paint_small(&painter, at, egui::Align2::RIGHT_CENTER, words, t.secondary);
    let name = format!("{} #{}", run.name, run.id);
    let left = rect.left() + 16.0;
    let mut name = LayoutJob::simple_singleline(name, text::body(), t.text);
    name.wrap = TextWrapping::truncate_at_width(figure.left() - space::M - left);
    let name = painter.layout_job(name);
    let at = egui::pos2(left, middle - name.size().y / 2.0);
    painter.galley(at, name, t.text);
    layout::rule(ui, rect.x_range(), rect.bottom());
    focus_ring(ui, &response, rect);
    response
        .on_hover_text(format!(
            "{}, started {}{measured}",
            status::word(run.status),
            now.clock.exact(run.started)
        ))
        .clicked()
}
