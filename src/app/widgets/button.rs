//! Buttons of three ranks, segmented controls and switches.

use eframe::egui;
use eframe::egui::{
    Align2, Color32, KeyboardShortcut, Rect, Response, Role, Sense, Stroke, StrokeKind, Ui, Vec2,
    Widget, WidgetInfo, pos2, vec2,
};

use super::icon::{self, Icon};
use super::layout;
use super::text::paint_strong;
use crate::app::theme::{self, ThemeTokens, size, space, text};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rank {
    Primary,
    Secondary,
    Quiet,
}

/// A button: a verb, and perhaps an icon before it.
#[must_use = "add it to a Ui"]
pub struct Button<'a> {
    words: &'a str,
    icon: Option<Icon>,
    rank: Rank,
    shortcut: Option<KeyboardShortcut>,
    hint: Option<&'a str>,
    icon_only: bool,
    alarming: bool,
    height: f32,
}

impl<'a> Button<'a> {
    fn new(words: &'a str, rank: Rank) -> Self {
        Button {
            words,
            icon: None,
            rank,
            shortcut: None,
            hint: None,
            icon_only: false,
            alarming: false,
            height: size::ROW,
        }
    }

    /// The main action of a page.
    pub fn primary(words: &'a str) -> Self {
        Self::new(words, Rank::Primary)
    }

    /// Any other action.
    pub fn secondary(words: &'a str) -> Self {
        Self::new(words, Rank::Secondary)
    }

    /// A minor action, without a frame until it is hovered.
    pub fn quiet(words: &'a str) -> Self {
        Self::new(words, Rank::Quiet)
    }

    /// Only an icon; the words become its tooltip and its name for screen readers.
    pub fn icon(icon: Icon, words: &'a str) -> Self {
        Button {
            icon: Some(icon),
            icon_only: true,
            hint: Some(words),
            ..Self::new(words, Rank::Quiet)
        }
    }

    pub fn with_icon(mut self, icon: Icon) -> Self {
        self.icon = Some(icon);
        self
    }

    /// Shown in the tooltip; the caller handles the key.
    pub fn shortcut(mut self, shortcut: KeyboardShortcut) -> Self {
        self.shortcut = Some(shortcut);
        self
    }

    /// With its icon in the colour of errors.
    pub fn alarming(mut self) -> Self {
        self.alarming = true;
        self
    }

    pub fn hint(mut self, hint: &'a str) -> Self {
        self.hint = Some(hint);
        self
    }

    /// A larger button, for the start page.
    pub fn tall(mut self) -> Self {
        self.height = 40.0;
        self
    }

    /// A lower button, for plot titles and table rows.
    pub fn low(mut self) -> Self {
        self.height = 22.0;
        self
    }

    /// Adds it; true when it was clicked.
    pub fn clicked(self, ui: &mut Ui) -> bool {
        ui.add(self).clicked()
    }

    /// Adds it, disabled unless `enabled`; true when it was clicked.
    pub fn clicked_if(self, ui: &mut Ui, enabled: bool) -> bool {
        ui.add_enabled_ui(enabled, |ui| self.clicked(ui)).inner
    }
}

struct Look {
    fill: Color32,
    stroke: Stroke,
    text: Color32,
}

fn look(t: &ThemeTokens, rank: Rank, response: &Response, enabled: bool) -> Look {
    let pressed = response.is_pointer_button_down_on();
    let hovered = response.hovered() && enabled;
    match rank {
        Rank::Primary if !enabled => Look {
            fill: t.hover,
            stroke: Stroke::NONE,
            text: t.secondary,
        },
        Rank::Primary => Look {
            fill: if hovered && !pressed {
                t.accent_hover
            } else {
                t.accent
            },
            stroke: Stroke::NONE,
            text: t.on_accent,
        },
        Rank::Secondary => Look {
            fill: if hovered { t.hover } else { t.raised },
            stroke: t.line_stroke(),
            text: if enabled { t.text } else { t.secondary },
        },
        Rank::Quiet => Look {
            fill: if hovered {
                t.hover
            } else {
                Color32::TRANSPARENT
            },
            stroke: Stroke::NONE,
            text: if hovered { t.text } else { t.secondary },
        },
    }
}

impl Widget for Button<'_> {
    fn ui(self, ui: &mut Ui) -> Response {
        let t = theme::of(ui);
        let tall = self.height > size::ROW;
        let font = if tall { text::heading() } else { text::body() };
        let galley = (!self.icon_only).then(|| {
            ui.painter()
                .layout_no_wrap(self.words.to_owned(), font, Color32::PLACEHOLDER)
        });
        let icon_side = if tall { 16.0 } else { 14.0 };
        let padding = match (self.icon_only, tall) {
            (true, _) => (self.height - icon_side) / 2.0,
            (false, true) => space::L + space::XS,
            (false, false) => space::M,
        };
        let icon_room = match (self.icon, self.icon_only) {
            (None, _) => 0.0,
            (Some(_), true) => icon_side,
            (Some(_), false) => icon_side + space::S,
        };
        let width = 2.0 * padding + icon_room + galley.as_ref().map_or(0.0, |g| g.size().x);
        let (rect, response) =
            ui.allocate_exact_size(vec2(width.ceil(), self.height), Sense::click());
        let enabled = ui.is_enabled();
        response.widget_info(|| WidgetInfo::labeled(Role::Button, enabled, self.words));

        if ui.is_rect_visible(rect) {
            let look = look(t, self.rank, &response, enabled);
            layout::surface(ui, rect, size::RADIUS, look.fill, look.stroke);
            let mut x = rect.left() + padding;
            if let Some(icon) = self.icon {
                let box_ = Rect::from_center_size(
                    pos2(x + icon_side / 2.0, rect.center().y),
                    Vec2::splat(icon_side),
                );
                let colour = if self.alarming { t.bad } else { look.text };
                icon::paint(ui.painter(), box_, icon, colour);
                x += icon_room;
            }
            if let Some(galley) = galley {
                let at = pos2(x, rect.center().y - galley.size().y / 2.0);
                if self.rank == Rank::Primary {
                    paint_strong(ui, at, galley, look.text);
                } else {
                    ui.painter().galley(at, galley, look.text);
                }
            }
            focus_ring(ui, &response, rect);
        }

        let hint = match (self.hint, self.shortcut) {
            (None, None) => return response,
            (Some(hint), None) => hint.to_string(),
            (None, Some(keys)) => ui.format_shortcut(&keys),
            (Some(hint), Some(keys)) => format!("{hint} ({})", ui.format_shortcut(&keys)),
        };
        if enabled {
            response.on_hover_text(hint)
        } else {
            response.on_disabled_hover_text(hint)
        }
    }
}

/// The ring around what is focused.
pub fn focus_ring(ui: &Ui, response: &Response, rect: Rect) {
    if response.has_focus() {
        let t = theme::of(ui);
        ui.painter().rect_stroke(
            rect.expand(1.0),
            size::RADIUS + 1,
            t.focus_ring(),
            StrokeKind::Outside,
        );
    }
}

/// A segmented control. True when another value was chosen.
pub fn segments<T: PartialEq + Copy>(
    ui: &mut Ui,
    name: &str,
    value: &mut T,
    options: &[(T, &str)],
) -> bool {
    let options: Vec<(T, &str, &str)> = options
        .iter()
        .map(|(of, words)| (*of, *words, ""))
        .collect();
    explained_segments(ui, name, value, &options)
}

/// The same, with tooltips.
pub fn explained_segments<T: PartialEq + Copy>(
    ui: &mut Ui,
    name: &str,
    value: &mut T,
    options: &[(T, &str, &str)],
) -> bool {
    let t = theme::of(ui);
    let mut changed = false;
    ui.scope(|ui| {
        ui.spacing_mut().item_spacing.x = 0.0;
        let widths: Vec<f32> = options
            .iter()
            .map(|(_, words, _)| {
                let galley = ui
                    .painter()
                    .layout_no_wrap((*words).to_owned(), text::body(), t.text);
                (galley.size().x + 2.0 * space::M).ceil()
            })
            .collect();
        let total: f32 = widths.iter().sum();
        let (rect, _) = ui.allocate_exact_size(vec2(total + 4.0, size::ROW), Sense::hover());
        let track = if t.dark { t.ground } else { t.hover };
        layout::surface(ui, rect, size::RADIUS, track, t.line_stroke());
        let mut x = rect.left() + 2.0;
        for ((option, words, hint), width) in options.iter().zip(widths) {
            let cell = Rect::from_min_size(pos2(x, rect.top() + 2.0), vec2(width, size::ROW - 4.0));
            x += width;
            let chosen = *option == *value;
            let response = ui.interact(cell, ui.scope_id().with((name, words)), Sense::click());
            response.widget_info(|| {
                WidgetInfo::selected(
                    Role::RadioButton,
                    ui.is_enabled(),
                    chosen,
                    format!("{name} {words}"),
                )
            });
            if chosen {
                let fill = if t.dark { t.hover } else { t.raised };
                layout::surface(ui, cell, size::RADIUS - 2, fill, t.line_stroke());
            }
            let colour = if chosen || response.hovered() {
                t.text
            } else {
                t.secondary
            };
            ui.painter().text(
                cell.center(),
                Align2::CENTER_CENTER,
                words,
                text::body(),
                colour,
            );
            focus_ring(ui, &response, cell);
            if response.clicked() && !chosen {
                *value = *option;
                changed = true;
            }
            if !hint.is_empty() {
                response.on_hover_text(*hint);
            }
        }
    });
    changed
}

pub fn switch(ui: &mut Ui, name: &str, on: &mut bool) -> Response {
    let t = theme::of(ui);
    let (rect, mut response) = ui.allocate_exact_size(vec2(32.0, size::ROW), Sense::click());
    if response.clicked() {
        *on = !*on;
        response.mark_changed();
    }
    response.widget_info(|| WidgetInfo::selected(Role::Switch, ui.is_enabled(), *on, name));
    let track = Rect::from_center_size(rect.center(), vec2(32.0, 18.0));
    let amount = ui.ctx().animate_bool_with_time(response.id, *on, 0.08);
    let enabled = ui.is_enabled();
    let fill = if *on && enabled { t.accent } else { t.hover };
    layout::surface(
        ui,
        track,
        9,
        fill,
        Stroke::new(1.0, if *on { fill } else { t.faint }),
    );
    let x = egui::lerp(track.left() + 9.0..=track.right() - 9.0, amount);
    let knob = if *on && enabled {
        t.on_accent
    } else {
        t.secondary
    };
    ui.painter()
        .circle_filled(pos2(x, track.center().y), 6.0, knob);
    focus_ring(ui, &response, track);
    response
}
