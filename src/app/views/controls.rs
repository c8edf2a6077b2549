//! Beside the plots of the run in progress: the settings that can be changed while it runs.

use std::collections::BTreeMap;

use eframe::egui::{Align2, Key, Label, RichText, TextEdit, Ui, vec2};

use super::side::parts::{BodyContext, inset};
use crate::app::state::model::RunModel;
use crate::app::theme::{self, size, space};
use crate::app::widgets::button::Button;
use crate::app::widgets::layout;
use crate::app::widgets::text as words;
use crate::experiment::{Change, Setting, Stage, changeable, number_words};

/// Width of the button beside a field.
const BUTTON: f32 = 56.0;
/// The height of the line below a field: that of a low button.
const LINE: f32 = 22.0;

/// Values typed and not yet sent, by setting.
#[derive(Debug, Default)]
pub struct ControlsView {
    typed: BTreeMap<&'static str, String>,
    refused: BTreeMap<&'static str, String>,
}

pub fn controls_ui(
    ui: &mut Ui,
    run: &RunModel,
    view: &mut ControlsView,
    context: &mut BodyContext<'_>,
) {
    layout::scrolled(ui, ("controls", run.id), |ui| {
        inset(ui, |ui| {
            let when = match (run.current.is_some_and(Stage::trains_policy), run.policy_stage()) {
                (true, _) => {
                    "A new value applies from the next step. It is marked on the curves and saved in \
                         checkpoints, so that a resumed run keeps it."
                        .to_string()
                }
                (false, Some(stage)) => format!(
                    "These are settings of {}: a new value waits until that stage runs.",
                    stage.title()
                ),
                (false, None) => {
                    "Settings can be changed while a policy is trained; this run trains none.".into()
                }
            };
            words::secondary(ui, when);
            ui.add_space(space::XS);
            waiting_ui(ui, run);
            ui.add_space(space::S);
            for setting in changeable() {
                if let Some(now) = run.changeable.get(setting.path) {
                    setting_ui(ui, run, setting, *now, view, context);
                }
            }
            ui.add_space(space::L);
        });
    });
}

/// The pending changes and what they wait for: always one line, so that the fields below do not move.
fn waiting_ui(ui: &mut Ui, run: &RunModel) {
    let t = theme::of(ui);
    let named: Vec<String> = run.waiting.iter().map(Change::words).collect();
    let count = match named.len() {
        1 => "1 change waits".to_string(),
        n => format!("{n} changes wait"),
    };
    let words = match run.blocked_by() {
        _ if named.is_empty() => RichText::new("No change waits").color(t.secondary),
        Some(what) => RichText::new(format!("{count} {what}")).color(t.warning),
        None => RichText::new(format!("{count} for the next step")).color(t.secondary),
    };
    let label = ui.add(Label::new(words).truncate());
    if !named.is_empty() {
        label.on_hover_text(named.join("\n"));
    }
}

fn setting_ui(
    ui: &mut Ui,
    run: &RunModel,
    setting: &'static Setting,
    now: f64,
    view: &mut ControlsView,
    context: &mut BodyContext<'_>,
) {
    let t = theme::of(ui);
    let name = setting.label();
    let path = setting.path;
    ui.add_space(space::S);
    words::bold(ui, &name).on_hover_text(format!("{}\n{path} in experiment files", setting.help()));
    let typed = view.typed.entry(path).or_insert_with(|| number_words(now));
    let mut send = false;
    let (wanted, idle) = ui
        .horizontal(|ui| {
            let width = (ui.available_width() - BUTTON - space::L).clamp(80.0, 200.0);
            let field = TextEdit::singleline(typed)
                .align(Align2::LEFT_CENTER)
                .min_size(vec2(width, size::ROW))
                .desired_width(width);
            let response = ui.add(field).accessible_name(&name);
            if let Some(unit) = setting.unit {
                words::label(ui, unit, t.secondary);
            }
            send |= response.lost_focus() && ui.input(|input| input.key_pressed(Key::Enter));
            // Read after the field: the last letter may have arrived in the same frame as Enter.
            let wanted = parse(setting, typed);
            let idle = wanted
                .as_ref()
                .ok()
                .and_then(|change| run.no_difference(change));
            ui.add_enabled_ui(idle.is_none(), |ui| {
                let label = format!("Set {name}");
                let button = match idle {
                    Some(why) => Button::secondary("Set").hint(why),
                    None => Button::primary("Set").hint(&label),
                };
                send |= ui.add(button).accessible_name(&label).clicked();
            });
            (wanted, idle)
        })
        .inner;
    state_ui(ui, run, setting, now, context);
    if send {
        match wanted {
            Ok(change) => {
                view.refused.remove(path);
                if idle.is_none() {
                    context.commands.run(move |core| core.change(change));
                }
            }
            Err(why) => {
                view.refused.insert(path, why);
            }
        }
    } else if wanted.is_ok() {
        view.refused.remove(path);
    }
    if let Some(why) = view.refused.get(path) {
        words::small_coloured(ui, why, t.bad);
    }
}

/// A setting's value and range, or its pending change and a button that withdraws it.
fn state_ui(
    ui: &mut Ui,
    run: &RunModel,
    setting: &Setting,
    now: f64,
    context: &mut BodyContext<'_>,
) {
    let t = theme::of(ui);
    let mut waiting = run.waiting.iter();
    let next = waiting.find(|change| change.path() == setting.path);
    ui.horizontal(|ui| {
        ui.spacing_mut().item_spacing.x = space::S;
        ui.spacing_mut().interact_size.y = LINE;
        ui.set_min_height(LINE);
        let now = format!("now {}", number_words(now));
        let Some(change) = next else {
            words::small(ui, format!("{now}; {}", setting.range()));
            return;
        };
        let blocked = run.blocked_by().unwrap_or("for the next step".into());
        let value = number_words(change.value());
        words::small_coloured(ui, format!("{now}; {value} waits {blocked}"), t.warning);
        let hint = format!("Take back: {}", change.words());
        let button = Button::quiet("Take back").low().hint(&hint);
        if ui.add(button).accessible_name(&hint).clicked() {
            let change = *change;
            context
                .commands
                .run(move |core| core.withdraw_change(&change));
        }
    });
}

fn parse(setting: &Setting, typed: &str) -> Result<Change, String> {
    let number = typed.trim().replace(',', ".");
    let value = number
        .parse()
        .map_err(|_| format!("\"{typed}\" is not a number"))?;
    Change::new(setting.path, value)
        .map_err(|problem| format!("{} {}", setting.label(), problem.message))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::experiment::setting;

    #[test]
    fn typed_text_becomes_a_change_or_an_error() {
        let lr = setting("ppo.lr").unwrap();
        assert_eq!(parse(lr, " 1e-5").map(|change| change.value()), Ok(1e-5));
        assert_eq!(parse(lr, "0,5").map(|change| change.value()), Ok(0.5));
        assert!(parse(lr, "fast").is_err_and(|why| why.contains("not a number")));
        let why = parse(lr, "7").unwrap_err();
        assert_eq!(why, "Learning rate must be a number from 0 to 1");
    }
}
