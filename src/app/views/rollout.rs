//! The side panel's rollout tab: one response token by token, as colours and as numbers.

use std::sync::Arc;

use eframe::egui::scroll_area::ScrollBarVisibility;
use eframe::egui::{Align, Layout, RichText, ScrollArea, Ui};

use super::side::parts::{BodyContext, inset, line, reading_ui, refused_ui, step_ui};
use crate::app::format;
use crate::app::state::model::RunModel;
use crate::app::theme::{self, size, space, text};
use crate::app::widgets::button::Button;
use crate::app::widgets::icon::Icon;
use crate::app::widgets::layout;
use crate::app::widgets::tokens::{self, Scale};
use crate::app::widgets::{dialogue, field, text as words};
use crate::data::Role;
use crate::experiment::{RewardTerm, RolloutResponse, Stage, TokenQuantity};

#[derive(Debug, Default)]
pub struct RolloutView {
    /// The chosen step; `None` for the latest.
    chosen: Option<(Stage, u64)>,
    /// Index of the response.
    response: usize,
    /// What the colours show.
    quantity: TokenQuantity,
    /// Index of the focused or last clicked token.
    token: usize,
}

impl RolloutView {
    pub fn show(&mut self, step: (Stage, u64)) {
        self.chosen = Some(step);
    }

    pub fn show_latest(&mut self) {
        self.chosen = None;
    }
}

pub fn rollout_ui(
    ui: &mut Ui,
    run: &mut RunModel,
    view: &mut RolloutView,
    context: &mut BodyContext<'_>,
) {
    let Some(latest) = run.rollouts.len().checked_sub(1) else {
        inset(ui, |ui| {
            words::secondary(
                ui,
                "Responses of the policy in training appear here from its first evaluation on, token by token: log-probabilities under policy and reference, KL, advantage and, in PPO, value and reward.",
            );
        });
        return;
    };
    let chosen = view.chosen;
    let mut at = chosen
        .and_then(|chosen| run.rollouts.iter().position(|step| *step == chosen))
        .unwrap_or(latest);
    inset(ui, |ui| {
        if let Some(other) = step_ui(ui, "Rollouts", &run.rollouts, at) {
            view.chosen = (other < latest).then(|| run.rollouts[other]);
            at = other;
        }
    });
    let (stage, step) = run.rollouts[at];
    if run.rollout.wants(&(stage, step)) {
        let run = run.id;
        context
            .commands
            .run(move |core| core.load_rollout(run, (stage, step)));
    }
    let responses = match run.rollout.shown() {
        Some((_, Ok(responses))) => Arc::clone(responses),
        Some((known, Err(why))) if *known == (stage, step) => {
            refused_ui(ui, why);
            return;
        }
        _ => {
            reading_ui(ui);
            return;
        }
    };
    let Some(last) = responses.len().checked_sub(1) else {
        inset(ui, |ui| {
            words::secondary(ui, "No response of this step was kept.");
        });
        return;
    };
    view.response = view.response.min(last);
    inset(ui, |ui| response_choice_ui(ui, &responses, view));
    ui.add_space(space::S);
    layout::scrolled(ui, ("rollout", run.id), |ui| {
        inset(ui, |ui| response_ui(ui, &responses, view));
    });
}

fn response_choice_ui(ui: &mut Ui, responses: &[RolloutResponse], view: &mut RolloutView) {
    let last = responses.len() - 1;
    let names: Vec<String> = responses
        .iter()
        .map(|response| {
            let score = format::reward(f64::from(response.score));
            match response.group {
                Some(group) => format!(
                    "Context {} · response {} · reward {score}",
                    group.context + 1,
                    response.index + 1
                ),
                None => format!("Response {} · reward {score}", response.index + 1),
            }
        })
        .collect();
    let before = view.response;
    ui.horizontal(|ui| {
        ui.spacing_mut().item_spacing.x = space::XS;
        if Button::icon(Icon::Left, "Response before").clicked_if(ui, view.response > 0) {
            view.response -= 1;
        }
        let options: Vec<&str> = names.iter().map(String::as_str).collect();
        // Leave room for the next button and the count.
        let width = (ui.available_width() - 100.0).clamp(120.0, 210.0);
        let chosen = ui.scope(|ui| {
            ui.set_max_width(width);
            field::combo(ui, "Response", &names[before], &options, width)
        });
        if let Some(name) = chosen.inner
            && let Some(n) = names.iter().position(|known| known == name)
        {
            view.response = n;
        }
        if Button::icon(Icon::Right, "Next response").clicked_if(ui, before < last) {
            view.response += 1;
        }
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            words::small(ui, format!("{} of {}", before + 1, last + 1));
        });
    });
    if view.response != before {
        view.token = 0;
    }
}

fn response_ui(ui: &mut Ui, responses: &[RolloutResponse], view: &mut RolloutView) {
    let response = &responses[view.response];
    view.token = view.token.min(response.tokens.len().saturating_sub(1));
    ui.spacing_mut().item_spacing.y = space::S;
    for (turn, utterance) in response.context.iter().enumerate() {
        dialogue::utterance_ui(ui, utterance, Role::of(&response.roles, turn));
    }
    dialogue::target(ui, &response.target);
    ui.add_space(space::XS);
    line(ui);
    summary_ui(ui, response);
    ui.horizontal(|ui| {
        ui.spacing_mut().item_spacing.x = space::S;
        words::label(ui, "Colour", theme::of(ui).secondary);
        let quantities = TokenQuantity::of(responses);
        if !quantities.contains(&view.quantity) {
            view.quantity = TokenQuantity::default();
        }
        let options = quantities.into_iter();
        let options: Vec<_> = options
            .map(|quantity| (quantity, quantity.title().to_string()))
            .collect();
        if let Some(quantity) = field::choose(ui, "Colour by", view.quantity, &options, 170.0) {
            view.quantity = quantity;
        }
    });
    let scale = Scale::of(view.quantity, responses);
    tokens::legend(ui, &scale);
    if response.tokens.is_empty() {
        words::secondary(ui, "The response is empty.");
        return;
    }
    ui.push_id(view.response, |ui| {
        tokens::chips(ui, response, &scale, &mut view.token);
    });
    words::secondary(ui, view.quantity.definition());
    ui.add_space(space::XS);
    // Hide the scroll bar until the table itself is visible.
    let in_sight = ui.cursor().top() + size::ROW < ui.clip_rect().bottom();
    ScrollArea::horizontal()
        .id_salt(("figures of the tokens", view.response))
        .scroll_bar_visibility(match in_sight {
            true => ScrollBarVisibility::AlwaysVisible,
            false => ScrollBarVisibility::AlwaysHidden,
        })
        .show_viewport(ui, |ui, sight| {
            let scrolled = sight.left();
            if let Some(token) = tokens::table(ui, response, &scale, view.token, scrolled) {
                view.token = token;
            }
            ui.add_space(space::M);
        });
    ui.add_space(space::L);
}

/// Reward, KL and length of a response.
fn summary_ui(ui: &mut Ui, response: &RolloutResponse) {
    let t = theme::of(ui);
    let figure = |value: f64| format::number(value);
    let count = response.tokens.len();
    let mut parts = vec![
        format!("reward {}", format::reward(f64::from(response.score))),
        format!("KL k1 {}", figure(response.sum(TokenQuantity::K1))),
        format!("full KL {}", figure(response.sum(TokenQuantity::FullKl))),
        format!("{count} token{}", if count == 1 { "" } else { "s" }),
        match response.ended {
            true => "ended".to_string(),
            false => "cut at the longest length".to_string(),
        },
    ];
    if let Some(group) = response.group {
        let [advantage, mean, std] =
            [group.advantage, group.mean, group.std].map(|x| figure(f64::from(x)));
        parts.insert(
            1,
            format!("advantage {advantage} in a group of {mean} ± {std}"),
        );
    }
    if response.shaped != response.score {
        let shaped = format!("shaped {}", figure(f64::from(response.shaped)));
        parts.insert(1, shaped);
    }
    let words = RichText::new(parts.join(" · "))
        .font(text::small())
        .color(t.text);
    ui.add(eframe::egui::Label::new(words).wrap())
        .on_hover_text(
            "Sums over the tokens of this response; the reward is that of the whole response",
        );
    if !response.terms.is_empty() {
        let value = |term: &RewardTerm| format::reward(f64::from(term.value));
        let terms = response.terms.iter();
        let terms = terms.map(|term| format!("{} {}", term.title(), value(term)));
        words::small_coloured(ui, terms.collect::<Vec<_>>().join(" · "), t.secondary)
            .on_hover_text("What the reward is made of");
    }
}
