//! Notices: an empty place, a warning, an error, a command to type.

use eframe::egui;
use eframe::egui::{
    Align, Color32, Frame, Label, Layout, Margin, Rect, Response, RichText, Sense, Stroke, Ui,
    Vec2, vec2,
};

use super::button::Button;
use super::icon::{self, Icon};
use super::text as words;
use crate::app::theme::{self, ThemeTokens, size, space, text};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    Info,
    Warning,
    Bad,
}

impl Tone {
    fn colour(self, t: &ThemeTokens) -> Color32 {
        match self {
            Tone::Info => t.accent,
            Tone::Warning => t.warning,
            Tone::Bad => t.bad,
        }
    }
}

/// An empty place: what belongs here, and the action that fills it. True when it was clicked.
pub fn empty(ui: &mut Ui, icon: Icon, title: &str, explanation: &str, action: &str) -> bool {
    let t = theme::of(ui);
    let mut chosen = false;
    ui.add_space((ui.available_height() * 0.28).clamp(space::XL, 180.0));
    ui.vertical_centered(|ui| {
        let (rect, _) = ui.allocate_exact_size(Vec2::splat(32.0), Sense::hover());
        icon::paint(ui.painter(), rect, icon, t.faint);
        ui.add_space(space::XS);
        ui.add(Label::new(
            RichText::new(title).font(text::heading()).color(t.text),
        ));
        ui.scope(|ui| {
            ui.set_max_width(420.0);
            ui.add(Label::new(RichText::new(explanation).color(t.secondary)).wrap());
        });
        ui.add_space(space::S);
        chosen = ui.add(Button::primary(action)).clicked();
    });
    chosen
}

/// A strip across a page. `actions` draws buttons at its right end.
pub fn strip(ui: &mut Ui, tone: Tone, title: &str, detail: &str, actions: impl FnOnce(&mut Ui)) {
    framed(ui, tone, |ui| {
        ui.horizontal(|ui| {
            ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                actions(ui);
                ui.with_layout(Layout::left_to_right(Align::Min), |ui| {
                    text_ui(ui, tone, title, detail, |_| {})
                });
            });
        });
    });
}

/// A strip that says why something failed, if it did.
pub fn failed(ui: &mut Ui, title: &str, why: Option<&str>) {
    if let Some(why) = why {
        strip(ui, Tone::Bad, title, why, |_| {});
    }
}

/// A block across a page, with `below` what can be done.
pub fn block(ui: &mut Ui, tone: Tone, title: &str, detail: &str, below: impl FnOnce(&mut Ui)) {
    framed(ui, tone, |ui| {
        ui.horizontal_top(|ui| text_ui(ui, tone, title, detail, below));
    });
}

fn framed(ui: &mut Ui, tone: Tone, content: impl FnOnce(&mut Ui)) {
    let t = theme::of(ui);
    Frame::new()
        .fill(t.panel)
        .stroke(Stroke::new(1.0, tone.colour(t).gamma_multiply(0.55)))
        .corner_radius(size::RADIUS)
        .inner_margin(Margin::symmetric(space::M as i8, space::S as i8))
        .show(ui, |ui| {
            ui.set_width(ui.available_width());
            content(ui);
        });
}

fn text_ui(ui: &mut Ui, tone: Tone, title: &str, detail: &str, below: impl FnOnce(&mut Ui)) {
    let t = theme::of(ui);
    let icon = if tone == Tone::Info {
        Icon::Info
    } else {
        Icon::Warning
    };
    let (rect, _) = ui.allocate_exact_size(vec2(16.0, 18.0), Sense::hover());
    icon::paint(
        ui.painter(),
        Rect::from_center_size(rect.center(), Vec2::splat(15.0)),
        icon,
        tone.colour(t),
    );
    ui.vertical(|ui| {
        ui.spacing_mut().item_spacing.y = 2.0;
        words::bold(ui, title);
        if !detail.is_empty() {
            ui.add(
                Label::new(RichText::new(detail).color(t.secondary))
                    .wrap()
                    .selectable(true),
            );
        }
        below(ui);
    });
}

/// A terminal command with a copy button. True when it was clicked.
pub fn command_line(ui: &mut Ui, command: &str) -> bool {
    let t = theme::of(ui);
    let mut copied = false;
    Frame::new()
        .fill(t.hover)
        .corner_radius(size::RADIUS)
        .inner_margin(Margin {
            left: space::M as i8,
            right: space::XS as i8,
            top: space::XS as i8,
            bottom: space::XS as i8,
        })
        .show(ui, |ui| {
            ui.horizontal(|ui| {
                ui.spacing_mut().item_spacing.x = space::S;
                let width = (ui.available_width() - size::ROW - space::S).max(40.0);
                let painter = ui.painter();
                let galley = painter.layout(command.to_owned(), text::mono(), t.text, width);
                // A margin above and below the text.
                let height = size::ROW.max(galley.size().y + 2.0 * space::S);
                ui.allocate_ui_with_layout(
                    vec2(width, height),
                    Layout::left_to_right(Align::Center),
                    |ui| {
                        ui.set_min_width(width);
                        let label = RichText::new(command).font(text::mono()).color(t.text);
                        ui.add(Label::new(label).wrap().selectable(true));
                    },
                );
                copied = ui
                    .add(Button::icon(Icon::Copy, "Copy the command"))
                    .clicked();
            });
        });
    copied
}

/// A small tag, such as the name of a stage.
pub fn tag(ui: &mut Ui, words: &str, fill: Color32, colour: Color32) -> Response {
    let galley = ui
        .painter()
        .layout_no_wrap(words.to_owned(), text::small(), colour);
    let (rect, response) = ui.allocate_exact_size(galley.size() + vec2(12.0, 6.0), Sense::hover());
    ui.painter().rect_filled(rect, 4, fill);
    ui.painter()
        .galley(rect.center() - galley.size() / 2.0, galley, colour);
    response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Label, true, words));
    response
}
