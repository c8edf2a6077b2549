//! A response token by token: chips coloured by a quantity, the colour scale, and a table of all quantities.
//!
//! Knows no run and no store.

mod table;

pub use table::table;

use eframe::egui::{
    Align, EventFilter, Grid, Id, Key, Layout, Rect, Response, RichText, Role, Sense, Stroke,
    StrokeKind, Ui, WidgetInfo, pos2, vec2,
};

use super::button::focus_ring;
use super::text as words;
use crate::app::format;
use crate::app::theme::{self, space, text};
use crate::experiment::{RolloutResponse, RolloutToken, TokenFigures, TokenQuantity};

const CHIP: f32 = 24.0;

/// The colour scale of a quantity, the same for all responses of a step.
#[derive(Clone, Debug, PartialEq)]
pub struct Scale {
    quantity: TokenQuantity,
    /// The greatest finite absolute value.
    most: f32,
    /// The quantities that the tokens have.
    quantities: Vec<TokenQuantity>,
}

impl Scale {
    pub fn of(quantity: TokenQuantity, responses: &[RolloutResponse]) -> Self {
        let all = responses.iter().flat_map(RolloutResponse::figures);
        let distances = all.filter_map(|figures| Some(figures.get(quantity)?.abs()));
        let most = distances.filter(|x| x.is_finite()).fold(0.0, f32::max);
        Scale {
            quantity,
            most,
            quantities: TokenQuantity::of(responses),
        }
    }

    /// All quantities that there are, the coloured one first.
    fn order(&self) -> Vec<TokenQuantity> {
        first(self.quantity, &self.quantities)
    }

    /// A number on the scale: from -1 to 1, or from 0 to 1 if the quantity is one-sided. `None` for NaN.
    pub fn place(&self, number: f32) -> Option<f32> {
        if number.is_nan() {
            return None;
        }
        let place = match number.is_infinite() {
            true => number.signum(),
            false if self.most == 0.0 => 0.0,
            false => number / self.most,
        };
        Some(match self.quantity.is_signed() {
            true => place,
            false => place.abs(),
        })
    }
}

/// These quantities, this one first.
fn first(quantity: TokenQuantity, all: &[TokenQuantity]) -> Vec<TokenQuantity> {
    let mut order = all.to_vec();
    order.sort_by_key(|other| *other != quantity);
    order
}

/// A token piece in readable form, and whether it begins a word.
fn readable(piece: &str) -> (bool, &str) {
    match piece.strip_prefix('▁') {
        Some("") => (true, "·"),
        Some(word) => (true, word),
        None if piece == "</s>" => (true, "end"),
        None => (false, piece),
    }
}

/// All quantities of a token as text, the chosen one first. `what` is the chip or the row that shows them.
fn describe(what: &str, token: &RolloutToken, place: usize, chosen: TokenQuantity) -> String {
    let (_, piece) = readable(&token.piece);
    let Some(figures) = &token.figures else {
        return format!("{what} {}, {piece}: takes no part in the step", place + 1);
    };
    let all: Vec<String> = first(chosen, &TokenQuantity::ALL)
        .into_iter()
        .filter_map(|q| Some(format!("{} {}", q.short(), number(figures, q)?)))
        .collect();
    format!("{what} {}, {piece}: {}", place + 1, all.join(", "))
}

fn number(figures: &TokenFigures, quantity: TokenQuantity) -> Option<String> {
    Some(format::number(f64::from(figures.get(quantity)?)))
}

/// The colour scale with the numbers at its ends.
pub fn legend(ui: &mut Ui, scale: &Scale) {
    let t = theme::of(ui);
    let signed = scale.quantity.is_signed();
    let most = f64::from(scale.most);
    let ends = match (signed, scale.quantity) {
        (true, _) => (format::number(-most), format::number(most)),
        (false, TokenQuantity::FullKl | TokenQuantity::TruncatedKl) => {
            ("0".to_string(), format::number(most))
        }
        (false, _) => ("0".to_string(), format::number(-most)),
    };
    let name = format!("Colours from {} to {}", ends.0, ends.1);
    let row = ui.horizontal(|ui| {
        ui.spacing_mut().item_spacing.x = 6.0;
        ui.spacing_mut().interact_size.y = 16.0;
        let label = |ui: &mut Ui, words: &str| words::small_label(ui, words, t.secondary);
        label(ui, &ends.0);
        let (bar, _) = ui.allocate_exact_size(vec2(120.0, 10.0), Sense::hover());
        let steps = 40;
        for n in 0..steps {
            let share = (n as f32 + 0.5) / steps as f32;
            let place = if signed { 2.0 * share - 1.0 } else { share };
            let left = bar.left() + bar.width() * n as f32 / steps as f32;
            let part = Rect::from_min_size(
                pos2(left, bar.top()),
                vec2(bar.width() / steps as f32 + 0.5, bar.height()),
            );
            ui.painter()
                .rect_filled(part.intersect(bar), 0, t.on_scale(place).0);
        }
        if signed {
            ui.painter()
                .vline(bar.center().x, bar.y_range(), Stroke::new(1.0, t.secondary));
        }
        label(ui, &ends.1);
    });
    let hint = "The ends are the greatest distance from 0 among all responses of this step";
    row.response
        .widget_info(|| WidgetInfo::labeled(Role::Label, true, &name));
    row.response.on_hover_text(hint);
}

/// The tokens as chips in running text. `chosen` is the focused or last clicked token; arrows, Home and End move it.
pub fn chips(ui: &mut Ui, response: &RolloutResponse, scale: &Scale, chosen: &mut usize) {
    let before = *chosen;
    let own = ui.scope_id();
    let id = |place: usize| own.with(("token", place));
    let mut has_keyboard = false;
    ui.scope(|ui| {
        ui.spacing_mut().item_spacing = vec2(1.0, space::XS);
        ui.spacing_mut().interact_size.y = CHIP;
        ui.horizontal_wrapped(|ui| {
            for (place, token) in response.tokens.iter().enumerate() {
                let chip = chip(ui, token, id(place), place, scale, before);
                if chip.clicked() || chip.gained_focus() {
                    *chosen = place;
                }
                if place == before && chip.has_focus() {
                    has_keyboard = true;
                    let filter = EventFilter {
                        horizontal_arrows: true,
                        ..EventFilter::default()
                    };
                    ui.memory_mut(|memory| memory.set_focus_lock_filter(chip.id, filter));
                }
                if place == *chosen && place != before {
                    chip.request_focus();
                    ui.request_repaint();
                }
            }
        });
    });
    if has_keyboard && *chosen == before {
        let last = response.tokens.len().saturating_sub(1);
        let pressed = |key| ui.input(|input| input.key_pressed(key));
        *chosen = match () {
            () if pressed(Key::ArrowRight) => (before + 1).min(last),
            () if pressed(Key::ArrowLeft) => before.saturating_sub(1),
            () if pressed(Key::Home) => 0,
            () if pressed(Key::End) => last,
            () => before,
        };
        if *chosen != before {
            ui.memory_mut(|memory| memory.request_focus(id(*chosen)));
            ui.request_repaint();
        }
    }
}

fn chip(
    ui: &mut Ui,
    token: &RolloutToken,
    id: Id,
    place: usize,
    scale: &Scale,
    chosen: usize,
) -> Response {
    let t = theme::of(ui);
    let (begins, piece) = readable(&token.piece);
    if begins && place > 0 {
        ui.add_space(space::XS);
    }
    let number = token
        .figures
        .and_then(|figures| figures.get(scale.quantity));
    let at = number.map(|number| scale.place(number));
    let (fill, colour) = match at {
        Some(Some(at)) => t.on_scale(at),
        // NaN is framed; what takes no part has no colour.
        Some(None) => (t.panel, t.bad),
        None => (t.panel, t.secondary),
    };
    let galley = words::galley(ui, piece, text::body(), colour);
    let room = vec2(galley.size().x + 8.0, CHIP);
    let (rect, _) = ui.allocate_exact_size(room, Sense::hover());
    // One tab stop: the arrows lead to the other chips.
    let sense = match place == chosen {
        true => Sense::click(),
        false => Sense::CLICK | Sense::HOVER,
    };
    let response = ui.interact(rect, id, sense);
    let label = describe("Token", token, place, scale.quantity);
    response
        .widget_info(|| WidgetInfo::selected(Role::ListBoxOption, true, place == chosen, &label));
    ui.painter().rect_filled(rect, 4, fill);
    if at == Some(None) {
        ui.painter()
            .rect_stroke(rect, 4, Stroke::new(1.5, t.bad), StrokeKind::Inside);
    }
    if place == chosen && !response.has_focus() {
        ui.painter()
            .rect_stroke(rect, 4, Stroke::new(1.0, t.secondary), StrokeKind::Outside);
    }
    ui.painter()
        .galley(rect.center() - galley.size() / 2.0, galley, colour);
    focus_ring(ui, &response, rect);
    response.on_hover_ui(|ui| all_figures(ui, token, place))
}

/// The tooltip of a token.
fn all_figures(ui: &mut Ui, token: &RolloutToken, place: usize) {
    let t = theme::of(ui);
    // The font has no glyphs for the tokenizer's marks.
    words::bold(ui, &format!("{}  {}", place + 1, readable(&token.piece).1));
    ui.spacing_mut().interact_size.y = 0.0;
    let Some(figures) = &token.figures else {
        words::secondary(ui, "Takes no part in the step (ppo.skip_first_token)");
        return;
    };
    Grid::new("figures")
        .num_columns(2)
        .spacing(vec2(space::L, 2.0))
        .show(ui, |ui| {
            for quantity in TokenQuantity::ALL {
                let Some(number) = number(figures, quantity) else {
                    continue;
                };
                let title = RichText::new(quantity.title())
                    .font(text::small())
                    .color(t.secondary);
                ui.label(title);
                ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                    words::label(ui, number, t.text);
                });
                ui.end_row();
            }
        });
}

#[cfg(test)]
mod tests {
    use super::*;

    fn response(log_probs: &[f32]) -> RolloutResponse {
        let token = |log_prob: &f32| RolloutToken {
            piece: "▁a".into(),
            figures: Some(TokenFigures {
                log_prob: *log_prob,
                reference_log_prob: -1.0,
                full_kl: 0.0,
                value: Some(0.0),
                reward: Some(0.0),
                advantage: 0.0,
                returns: Some(0.0),
                truncated: None,
            }),
        };
        RolloutResponse {
            index: 0,
            context: Vec::new(),
            roles: Vec::new(),
            target: String::new(),
            response: String::new(),
            ended: true,
            score: 0.0,
            terms: Vec::new(),
            shaped: 0.0,
            group: None,
            tokens: log_probs.iter().map(token).collect(),
        }
    }

    #[test]
    fn the_scale_covers_the_whole_step_and_may_be_one_sided() {
        let responses = [response(&[-1.0, -3.0]), response(&[-0.5, f32::NAN])];
        let k1 = Scale::of(TokenQuantity::K1, &responses);
        assert_eq!(
            [-2.0, 0.0, 0.5].map(|x| k1.place(x)),
            [-1.0, 0.0, 0.25].map(Some)
        );
        assert_eq!(k1.place(f32::NAN), None);
        assert_eq!(k1.place(f32::NEG_INFINITY), Some(-1.0));
        let log_prob = Scale::of(TokenQuantity::LogProb, &responses);
        assert_eq!(log_prob.place(-1.5), Some(0.5), "one side only");
        let nothing = Scale::of(TokenQuantity::FullKl, &responses);
        assert_eq!(nothing.place(0.0), Some(0.0), "all are 0");
    }

    #[test]
    fn pieces_are_shown_without_tokenizer_marks() {
        assert_eq!(readable("▁hope"), (true, "hope"));
        assert_eq!(readable("ful"), (false, "ful"));
        assert_eq!(readable("▁"), (true, "·"));
        assert_eq!(readable("</s>"), (true, "end"));
    }
}
