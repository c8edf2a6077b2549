//! The tokens as a style of egui.

use std::sync::Arc;

use eframe::egui;
use eframe::egui::epaint::FontColorTransferFunction;
use eframe::egui::epaint::text::TextOptions;
use eframe::egui::style::{
    HandleShape, ScrollStyle, Selection, Style, TextCursorStyle, WidgetVisuals, Widgets,
};
use eframe::egui::{Color32, Context, CornerRadius, Margin, Stroke, TextStyle, Visuals, vec2};

use super::{DARK, LIGHT, ThemeTokens, size, space, text};

/// Sets the style of both themes.
pub fn apply(ctx: &Context) {
    ctx.set_style_of(egui::Theme::Dark, Arc::new(style(&DARK)));
    ctx.set_style_of(egui::Theme::Light, Arc::new(style(&LIGHT)));
}

fn style(t: &ThemeTokens) -> Style {
    let mut style = Style {
        text_styles: [
            (TextStyle::Small, text::small()),
            (TextStyle::Body, text::body()),
            (TextStyle::Button, text::body()),
            (TextStyle::Monospace, text::mono()),
            (TextStyle::Heading, text::heading()),
        ]
        .into(),
        visuals: visuals(t),
        animation_time: 0.1,
        explanation_tooltips: false,
        ..Style::default()
    };
    let spacing = &mut style.spacing;
    spacing.item_spacing = vec2(space::S, space::S);
    spacing.button_padding = vec2(space::S, space::XS);
    spacing.interact_size = vec2(size::ROW, size::ROW);
    spacing.window_margin = Margin::same(space::L as i8);
    spacing.menu_margin = Margin::same(space::S as i8);
    spacing.menu_spacing = space::XS;
    spacing.icon_width = 16.0;
    spacing.icon_width_inner = 10.0;
    spacing.icon_spacing = space::S;
    spacing.slider_rail_height = 4.0;
    spacing.slider_width = 120.0;
    spacing.tooltip_width = 340.0;
    spacing.combo_height = 320.0;
    spacing.indent = space::L;
    spacing.scroll = ScrollStyle {
        bar_width: 8.0,
        floating_width: 4.0,
        bar_inner_margin: 2.0,
        bar_outer_margin: 2.0,
        dormant_handle_opacity: 0.35,
        ..ScrollStyle::floating()
    };
    spacing.scroll.fade.strength = 0.0;
    style.interaction.tooltip_delay = 0.35;
    style.interaction.selectable_labels = false;
    style
}

fn visuals(t: &ThemeTokens) -> Visuals {
    let base = if t.dark {
        Visuals::dark()
    } else {
        Visuals::light()
    };
    let radius = CornerRadius::same(size::RADIUS);
    let state = |fill: Color32, stroke: Stroke, text: Color32| WidgetVisuals {
        bg_fill: fill,
        weak_bg_fill: fill,
        bg_stroke: stroke,
        corner_radius: radius,
        fg_stroke: Stroke::new(1.5, text),
        expansion: 0.0,
    };
    let line = t.line_stroke();
    Visuals {
        dark_mode: t.dark,
        // The only weight of the font is light; coverage is raised until it reads as regular.
        text_options: TextOptions {
            color_transfer_function: FontColorTransferFunction::Gamma(if t.dark {
                0.55
            } else {
                0.62
            }),
            ..TextOptions::default()
        },
        weak_text_color: Some(t.secondary),
        widgets: Widgets {
            noninteractive: state(t.panel, line, t.text),
            inactive: state(t.raised, line, t.text),
            hovered: state(t.hover, Stroke::new(1.0, t.faint), t.text),
            active: state(t.hover, t.focus_ring(), t.text),
            open: state(t.hover, line, t.text),
        },
        selection: Selection {
            bg_fill: t.selected,
            stroke: t.focus_ring(),
        },
        hyperlink_color: t.accent,
        faint_bg_color: t.panel,
        extreme_bg_color: t.ground,
        text_edit_bg_color: Some(if t.dark { t.ground } else { t.raised }),
        code_bg_color: t.hover,
        warn_fg_color: t.warning,
        error_fg_color: t.bad,
        window_corner_radius: radius,
        window_shadow: t.shadow(),
        window_fill: t.raised,
        window_stroke: line,
        menu_corner_radius: radius,
        panel_fill: t.ground,
        popup_shadow: t.shadow(),
        text_cursor: TextCursorStyle {
            stroke: Stroke::new(1.5, t.accent),
            ..TextCursorStyle::default()
        },
        button_frame: true,
        striped: false,
        slider_trailing_fill: true,
        handle_shape: HandleShape::Circle,
        disabled_alpha: 0.5,
        ..base
    }
}
