//! Beside the plots of the run in progress: the settings that may be changed while it goes on.

use std::collections::BTreeMap;

use eframe::egui::{Align, Align2, Key, Label, Layout, RichText, ScrollArea, TextEdit, Ui, vec2};

use super::side::parts::{BodyContext, inset};
use crate::app::command::Command;
use crate::app::state::model::RunModel;
use crate::app::theme::{self, size, space, text};
use crate::app::widgets::button::Button;
use crate::app::widgets::text as words;
use crate::experiment::{CHANGEABLE_STAGE, Change, changeable};

/// What was typed and not yet sent, by setting.
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
    let t = theme::of(ui);
    ScrollArea::vertical()
        .id_salt(("controls", run.id))
        .auto_shrink(false)
        .show(ui, |ui| {
            inset(ui, |ui| {
                let when = match run.current == Some(CHANGEABLE_STAGE) {
                    true => {
                        "A new value holds from the next step on. It stands on the curves and in a \
                         checkpoint saved at that step, so that a resumed run goes on with it."
                    }
                    false => "These are settings of PPO: a new value waits until that stage runs.",
                };
                ui.add(Label::new(RichText::new(when).color(t.secondary)).wrap());
                ui.add_space(space::S);
                for setting in changeable() {
                    let Some(now) = run.changeable.get(setting.path).copied() else {
                        continue;
                    };
                    ui.add_space(space::S);
                    let label = words::bold(ui, &setting.label());
                    label.on_hover_text(format!("{}\n{}", setting.path, setting.help()));
                    let typed = view
                        .typed
                        .entry(setting.path)
                        .or_insert_with(|| now.to_string());
                    let changed = typed.trim().parse::<f64>() != Ok(now);
                    let mut send = false;
                    ui.horizontal(|ui| {
                        let width = (ui.available_width() - 100.0).clamp(80.0, 200.0);
                        let field = TextEdit::singleline(typed)
                            .align(Align2::LEFT_CENTER)
                            .min_size(vec2(width, size::ROW))
                            .desired_width(width);
                        let response = ui.add(field).accessible_name(setting.path);
                        send |= response.lost_focus()
                            && changed
                            && ui.input(|input| input.key_pressed(Key::Enter));
                        ui.with_layout(Layout::left_to_right(Align::Center), |ui| {
                            if changed {
                                let name = format!("Set {}", setting.path);
                                let button = Button::primary("Set").hint(&name);
                                send |= ui.add(button).accessible_name(&name).clicked();
                            }
                        });
                    });
                    let range = format!("now {now}, {}", setting.range());
                    words::small(ui, range);
                    if let Some(why) = view.refused.get(setting.path) {
                        ui.add(
                            Label::new(RichText::new(why).font(text::small()).color(t.bad)).wrap(),
                        );
                    }
                    if send {
                        match parse(setting.path, typed) {
                            Ok(change) => {
                                view.refused.remove(setting.path);
                                context.commands.push(Command::Change(change));
                            }
                            Err(why) => {
                                view.refused.insert(setting.path, why);
                            }
                        }
                    }
                }
                ui.add_space(space::L);
            });
        });
}

fn parse(path: &'static str, typed: &str) -> Result<Change, String> {
    let number = typed.trim().replace(',', ".");
    let value = number
        .parse()
        .map_err(|_| format!("\"{typed}\" is not a number"))?;
    Change::new(path, value).map_err(|problem| format!("{path} {}", problem.message))
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn what_is_typed_becomes_a_change_or_says_why_not() {
        assert_eq!(
            parse("ppo.lr", " 1e-5").map(|change| change.value()),
            Ok(1e-5)
        );
        assert!(parse("ppo.lr", "fast").is_err_and(|why| why.contains("not a number")));
        assert!(parse("ppo.lr", "7").is_err_and(|why| why.contains("0 to 1")));
    }
}
