//! Every colour, spacing, radius and text size of the window, dark and light.
//!
//! No other file names a colour. Knows nothing of what is drawn.

mod style;

use eframe::egui::epaint::Shadow;
use eframe::egui::{Color32, FontFamily, FontId, Margin, Stroke, Ui};

pub use style::apply;

use crate::data::{EmpathyLevel, Mechanism};
use crate::report::LINE_COLOURS;

pub mod space {
    pub const XS: f32 = 4.0;
    pub const S: f32 = 8.0;
    pub const M: f32 = 12.0;
    pub const L: f32 = 16.0;
    pub const XL: f32 = 24.0;
    pub const XXL: f32 = 32.0;
}

pub mod size {
    /// The rail; wide enough for its longest word, "Experiments", at the small size.
    pub const RAIL: f32 = 76.0;
    pub const TITLE_ROW: f32 = 52.0;
    pub const STATUS_ROW: f32 = 44.0;
    /// Table rows, buttons and fields.
    pub const ROW: f32 = 28.0;
    pub const RADIUS: u8 = 6;
    pub const LINE: f32 = 1.5;
    /// Of a mean where it is of one run alone.
    pub const LINE_ALONE: f32 = 0.75;
    /// The greatest width of running text.
    pub const PROSE: f32 = 640.0;
}

pub mod text {
    use super::*;

    pub const SMALL: f32 = 11.0;
    pub const BODY: f32 = 13.0;
    pub const HEADING: f32 = 15.0;
    pub const TITLE: f32 = 20.0;

    pub fn small() -> FontId {
        FontId::new(SMALL, FontFamily::Proportional)
    }
    pub fn body() -> FontId {
        FontId::new(BODY, FontFamily::Proportional)
    }
    pub fn heading() -> FontId {
        FontId::new(HEADING, FontFamily::Proportional)
    }
    pub fn title() -> FontId {
        FontId::new(TITLE, FontFamily::Proportional)
    }
    pub fn mono() -> FontId {
        FontId::new(11.0, FontFamily::Monospace)
    }
}

#[derive(Debug, PartialEq)]
pub struct ThemeTokens {
    pub dark: bool,
    /// Behind everything.
    pub ground: Color32,
    /// The rail, rows and side panels.
    pub panel: Color32,
    /// Cards, fields and popups.
    pub raised: Color32,
    pub hover: Color32,
    /// Separators, 1 px.
    pub line: Color32,
    pub text: Color32,
    pub secondary: Color32,
    /// Decoration only: its contrast is too low to be read.
    pub faint: Color32,
    pub accent: Color32,
    /// Accent under the pointer.
    pub accent_hover: Color32,
    /// Text on accent.
    pub on_accent: Color32,
    /// A tint of accent, behind what is selected.
    pub selected: Color32,
    pub good: Color32,
    pub warning: Color32,
    pub bad: Color32,
    shadow: Color32,
    /// Okabe-Ito, brought to 3:1 against ground and panel.
    runs: [Color32; 7],
    mechanisms: [Color32; 3],
    /// No, weak, strong: one hue in three depths, and the text on each.
    levels: [(Color32, Color32); 3],
    /// The ends of the scale of numbers below and above 0, which blend into `hover`. Blue and orange are safe for
    /// colour-blind eyes.
    scale: [Color32; 2],
}

/// In the light theme, lines have the colours of saved plots.
const fn paper_colours() -> [Color32; 7] {
    let mut colours = [Color32::BLACK; 7];
    let mut n = 0;
    while n < colours.len() {
        let (red, green, blue) = LINE_COLOURS[n];
        colours[n] = Color32::from_rgb(red, green, blue);
        n += 1;
    }
    colours
}

const fn rgb(hex: u32) -> Color32 {
    Color32::from_rgb((hex >> 16) as u8, (hex >> 8) as u8, hex as u8)
}

pub static DARK: ThemeTokens = ThemeTokens {
    dark: true,
    ground: rgb(0x0F1114),
    panel: rgb(0x16191D),
    raised: rgb(0x1D2126),
    hover: rgb(0x252A31),
    line: rgb(0x2A3038),
    text: rgb(0xE6E8EB),
    secondary: rgb(0xA3ABB5),
    faint: rgb(0x6E7782),
    accent: rgb(0x5B9DFF),
    accent_hover: rgb(0x7BB0FF),
    on_accent: rgb(0x0B1220),
    selected: rgb(0x1B2A41),
    good: rgb(0x4CC38A),
    warning: rgb(0xF0B429),
    bad: rgb(0xF5656A),
    shadow: Color32::from_black_alpha(110),
    runs: [
        rgb(0x56B4E9),
        rgb(0xE69F00),
        rgb(0x1FB58A),
        rgb(0xD98CBB),
        rgb(0xE8703A),
        rgb(0xF0E442),
        rgb(0x6C8CF5),
    ],
    mechanisms: [rgb(0xE69F00), rgb(0x56B4E9), rgb(0xD98CBB)],
    levels: [
        (rgb(0x232A31), rgb(0xA3ABB5)),
        (rgb(0x1D4A4C), rgb(0xBFE6E3)),
        (rgb(0x4FC4BB), rgb(0x06201E)),
    ],
    scale: [rgb(0x3E8EDB), rgb(0xE8862E)],
};

pub static LIGHT: ThemeTokens = ThemeTokens {
    dark: false,
    ground: rgb(0xF6F7F8),
    panel: rgb(0xFFFFFF),
    raised: rgb(0xFFFFFF),
    hover: rgb(0xEEF0F2),
    line: rgb(0xE1E4E8),
    text: rgb(0x1B1F24),
    secondary: rgb(0x57606A),
    faint: rgb(0x8A939D),
    accent: rgb(0x2563EB),
    accent_hover: rgb(0x1D4ED8),
    on_accent: rgb(0xFFFFFF),
    selected: rgb(0xEBF1FE),
    good: rgb(0x177545),
    warning: rgb(0x8C5D00),
    bad: rgb(0xC62828),
    shadow: Color32::from_black_alpha(36),
    runs: paper_colours(),
    mechanisms: [rgb(0xB26B00), rgb(0x1F7FBF), rgb(0xB0528A)],
    levels: [
        (rgb(0xE9ECEF), rgb(0x57606A)),
        (rgb(0xC4E6E3), rgb(0x0F4A46)),
        (rgb(0x0F766E), rgb(0xFFFFFF)),
    ],
    scale: [rgb(0x3F86D2), rgb(0xE0761A)],
};

/// The tokens of the theme that `ui` is drawn in.
pub fn of(ui: &Ui) -> &'static ThemeTokens {
    if ui.visuals().dark_mode {
        &DARK
    } else {
        &LIGHT
    }
}

impl ThemeTokens {
    /// The colour of the `n`-th line of a chart, or of a run.
    pub fn run(&self, n: usize) -> Color32 {
        self.runs[n % self.runs.len()]
    }

    /// How many colours there are before they repeat.
    pub fn run_count(&self) -> usize {
        self.runs.len()
    }

    pub fn mechanism(&self, mechanism: Mechanism) -> Color32 {
        self.mechanisms[mechanism.index()]
    }

    /// Fill of a level, and the colour of text on it.
    pub fn level(&self, level: EmpathyLevel) -> (Color32, Color32) {
        self.levels[level.index()]
    }

    /// Fill of a number on a scale from -1 to 1, and the colour of text on it. 0 is neutral; numbers beyond the ends
    /// are clamped. One-sided quantities use the upper half.
    pub fn on_scale(&self, place: f32) -> (Color32, Color32) {
        let end = self.scale[usize::from(place >= 0.0)];
        let fill = self.hover.lerp_to_gamma(end, place.abs().min(1.0));
        let lightness = |colour: Color32| {
            let [r, g, b, _] = eframe::egui::Rgba::from(colour).to_array();
            0.2126 * r + 0.7152 * g + 0.0722 * b
        };
        // The luminance at which black and white have equal contrast.
        let text = match lightness(fill) > 0.179 {
            true => Color32::BLACK,
            false => Color32::WHITE,
        };
        (fill, text)
    }

    /// The shadow of popups.
    pub fn shadow(&self) -> Shadow {
        Shadow {
            offset: [0, 6],
            blur: 20,
            spread: 0,
            color: self.shadow,
        }
    }

    /// Over the window, behind a modal dialog.
    pub fn backdrop(&self) -> Color32 {
        Color32::from_black_alpha(if self.dark { 140 } else { 80 })
    }

    pub fn line_stroke(&self) -> Stroke {
        Stroke::new(1.0, self.line)
    }

    /// The ring around what is focused.
    pub fn focus_ring(&self) -> Stroke {
        Stroke::new(2.0, self.accent)
    }
}

/// A margin of these widths, in points.
pub fn margin(left: f32, right: f32, top: f32, bottom: f32) -> Margin {
    Margin {
        left: left as i8,
        right: right as i8,
        top: top as i8,
        bottom: bottom as i8,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Relative luminance by WCAG.
    fn luminance(colour: Color32) -> f32 {
        let channel = |c: u8| {
            let c = f32::from(c) / 255.0;
            if c <= 0.040_45 {
                c / 12.92
            } else {
                ((c + 0.055) / 1.055).powf(2.4)
            }
        };
        0.2126 * channel(colour.r()) + 0.7152 * channel(colour.g()) + 0.0722 * channel(colour.b())
    }

    fn contrast(a: Color32, b: Color32) -> f32 {
        let (a, b) = (luminance(a), luminance(b));
        (a.max(b) + 0.05) / (a.min(b) + 0.05)
    }

    #[test]
    fn text_is_legible_on_every_surface() {
        for t in [&DARK, &LIGHT] {
            for surface in [t.ground, t.panel, t.raised, t.hover, t.selected] {
                for text in [t.text, t.secondary, t.good, t.bad, t.warning, t.accent] {
                    let ratio = contrast(text, surface);
                    assert!(
                        ratio >= 4.5,
                        "{text:?} on {surface:?}: {ratio:.2} (dark: {})",
                        t.dark
                    );
                }
            }
            for accent in [t.accent, t.accent_hover] {
                assert!(contrast(t.on_accent, accent) >= 4.5);
            }
            for (fill, text) in t.levels {
                assert!(contrast(fill, text) >= 4.5, "{fill:?} {text:?}");
            }
        }
    }

    #[test]
    fn numbers_are_legible_anywhere_on_the_scale() {
        for t in [&DARK, &LIGHT] {
            for place in -120..=120 {
                let (fill, text) = t.on_scale(place as f32 / 100.0);
                let ratio = contrast(fill, text);
                assert!(ratio >= 4.5, "{place}: {ratio:.2} (dark: {})", t.dark);
            }
            let [below, above] = [t.on_scale(-1.0).0, t.on_scale(1.0).0];
            for end in [below, above] {
                assert!(contrast(end, t.on_scale(0.0).0) >= 2.0, "ends stand out");
            }
            assert_eq!(t.on_scale(f32::INFINITY).0, above);
        }
    }

    #[test]
    fn lines_stand_out_from_the_ground() {
        for t in [&DARK, &LIGHT] {
            for line in t.runs.iter().chain(&t.mechanisms) {
                for surface in [t.ground, t.panel] {
                    let ratio = contrast(*line, surface);
                    assert!(
                        ratio >= 3.0,
                        "{line:?} on {surface:?}: {ratio:.2} (dark: {})",
                        t.dark
                    );
                }
            }
        }
    }
}
