//! The place Experiments: the experiment files as cards, and the form of the chosen one.

mod dry_run;
mod plan;
mod queue;

use eframe::egui;
use eframe::egui::{
    Align, Frame, Label, Layout, Margin, Panel, Rect, RichText, Role, Sense, StrokeKind, Ui,
    UiBuilder, WidgetInfo, pos2, vec2,
};
use toml::Value;

pub use self::plan::PlanView;
use crate::app::command::{Command, Commands};
use crate::app::logic::Core;
use crate::app::queries::needs::Need;
use crate::app::state::State;
use crate::app::state::form::Form;
use crate::app::theme::{self, size, space, text};
use crate::app::widgets::button::{Button, focus_ring};
use crate::app::widgets::field;
use crate::app::widgets::icon::Icon;
use crate::app::widgets::layout;
use crate::app::widgets::notice::{self, Tone};
use crate::app::widgets::text as words;
use crate::experiment::{ExperimentFile, value_words};

/// How many differences are listed on a card; the rest are counted.
const NAMED: usize = 3;

pub fn experiments_ui(
    ui: &mut Ui,
    state: &mut State,
    plan: &mut PlanView,
    commands: &mut Commands,
) {
    let width = (ui.available_width() * 0.32).clamp(250.0, 340.0);
    Panel::left(ui.scope_id().with("cards"))
        .resizable(false)
        .exact_size(width)
        .frame(Frame::new().fill(theme::of(ui).ground))
        .show_separator_line(false)
        .show(ui, |ui| cards_ui(ui, state, commands));
    detail_ui(ui, state, plan, commands);
}

fn cards_ui(ui: &mut Ui, state: &State, commands: &mut Commands) {
    layout::scrolled(ui, "cards", |ui| {
        layout::padded(
            ui,
            theme::margin(space::L, space::S, space::M, space::L),
            |ui| {
                ui.spacing_mut().item_spacing.y = space::S;
                notice::failed(
                    ui,
                    "The experiments cannot be read",
                    state.experiments.files.failure(),
                );
                for file in state.experiments.files.value().into_iter().flatten() {
                    match file {
                        Ok(file) => card_ui(ui, state, file, commands),
                        Err(broken) => {
                            let title = format!("{} cannot be used", broken.name);
                            let why = broken.error.to_string();
                            notice::block(ui, Tone::Bad, &title, &why, |_| {});
                        }
                    }
                }
            },
        );
    });
}

fn card_ui(ui: &mut Ui, state: &State, file: &ExperimentFile, commands: &mut Commands) {
    let t = theme::of(ui);
    let chosen = state
        .experiments
        .form
        .as_ref()
        .is_some_and(|form| form.name == file.name);
    let needs = state.experiments.needs.value();
    let needs = needs.and_then(|needs| needs.files.get(&file.name));
    let needs = needs.map_or(&[][..], Vec::as_slice);
    let card = ui.scope_builder(
        UiBuilder::new()
            .id_salt(("card", &file.name))
            .sense(Sense::click()),
        |ui| {
            let response = ui.response();
            let fill = layout::fill(t, chosen, response.hovered(), t.panel);
            let stroke = if chosen {
                egui::Stroke::new(1.0, t.accent)
            } else {
                t.line_stroke()
            };
            Frame::new()
                .fill(fill)
                .stroke(stroke)
                .corner_radius(size::RADIUS)
                .inner_margin(Margin::same(space::M as i8))
                .show(ui, |ui| {
                    ui.set_width(ui.available_width());
                    ui.spacing_mut().item_spacing.y = space::XS;
                    words::bold(ui, &file.name);
                    ui.add(
                        Label::new(RichText::new(&file.description).color(t.secondary))
                            .wrap()
                            .selectable(false),
                    );
                    ui.scope(|ui| {
                        // Rows as high as tags, not buttons.
                        ui.spacing_mut().interact_size.y = 0.0;
                        ui.spacing_mut().item_spacing = vec2(space::XS, space::XS);
                        ui.horizontal_wrapped(|ui| {
                            for stage in &file.config.run.stages {
                                let fill = if chosen { t.panel } else { t.hover };
                                notice::tag(ui, stage.title(), fill, t.secondary);
                            }
                        });
                    });
                    differences_ui(ui, file);
                    if let Some(need) = needs.first() {
                        let more = if needs.len() > 1 {
                            format!(", and {} more", needs.len() - 1)
                        } else {
                            String::new()
                        };
                        words::small_coloured(ui, format!("{}{more}", need.what), t.warning);
                    }
                });
        },
    );
    let response = card.response;
    response.widget_info(|| {
        WidgetInfo::selected(
            Role::Button,
            true,
            chosen,
            format!("Experiment {}", file.name),
        )
    });
    if response.has_focus() {
        ui.painter().rect_stroke(
            response.rect.expand(1.0),
            size::RADIUS,
            t.focus_ring(),
            StrokeKind::Outside,
        );
    }
    focus_ring(ui, &response, response.rect);
    if response.clicked() {
        commands.push(Command::SetUp(file.name.clone()));
    }
}

fn differences_ui(ui: &mut Ui, file: &ExperimentFile) {
    let t = theme::of(ui);
    if file.differs.is_empty() {
        words::small(ui, "The program's defaults");
        return;
    }
    let mut parts: Vec<String> = file
        .differs
        .iter()
        .take(NAMED)
        .map(|difference| format!("{} {}", difference.path, value_words(&difference.value)))
        .collect();
    if file.differs.len() > NAMED {
        parts.push(format!("{} more", file.differs.len() - NAMED));
    }
    let from = file.parent.as_deref().unwrap_or("the defaults");
    let words = format!("Differs from {from}: {}", parts.join(", "));
    let all: Vec<String> = file
        .differs
        .iter()
        .map(|difference| {
            format!(
                "{} = {} (there {})",
                difference.path,
                value_words(&difference.value),
                value_words(&difference.parent)
            )
        })
        .collect();
    ui.add(
        Label::new(RichText::new(words).font(text::small()).color(t.secondary))
            .wrap()
            .selectable(false),
    )
    .on_hover_text(all.join("\n"));
}

fn detail_ui(ui: &mut Ui, state: &mut State, plan: &mut PlanView, commands: &mut Commands) {
    layout::padded(ui, theme::margin(space::L, space::L, space::M, 0.0), |ui| {
        let busy = state.is_full();
        let now = state.now();
        dry_run::dry_run_ui(ui, &mut state.experiments);
        let Some(name) = state
            .experiments
            .form
            .as_ref()
            .map(|form| form.name.clone())
        else {
            queue::queue_ui(ui, &state.experiments.queue, now, commands);
            words::secondary(ui, "Choose an experiment to see its settings.");
            return;
        };
        let description = state
            .experiment(&name)
            .map(|file| file.description.clone())
            .unwrap_or_default();
        let runs = &state.runs;
        let experiments = &mut state.experiments;
        let needs = experiments.needs.value();
        let needs = needs.map_or(&[][..], |needs| needs.of_form(&name));
        let Some(form) = &mut experiments.form else {
            return;
        };
        let mut needs_changed = false;

        ui.horizontal_top(|ui| {
            let room = ui.available_width() - 130.0;
            layout::column(ui, room, |ui| {
                ui.spacing_mut().item_spacing.y = 2.0;
                words::strong(ui, &name, text::title(), theme::of(ui).text);
                words::secondary(ui, description);
            });
            ui.with_layout(Layout::right_to_left(Align::Min), |ui| {
                let refused = form.refused();
                let (ready, hint) = if busy {
                    (
                        false,
                        "Another run is in progress; stop it first, wait, or allow more at once in Settings"
                            .to_string(),
                    )
                } else if refused > 0 {
                    (false, format!("{}; see below", settings_refused(refused)))
                } else if plan.is_sweep() {
                    (
                        false,
                        "Settings vary: queue the runs below, or remove the rows".to_string(),
                    )
                } else if !needs.is_empty() {
                    (
                        false,
                        "Something that it needs is missing; see below".to_string(),
                    )
                } else {
                    (true, "Start a run with these settings".to_string())
                };
                let button = Button::primary("Start run")
                    .with_icon(Icon::Play)
                    .hint(&hint);
                if button.clicked_if(ui, ready) {
                    let planned = plan.planned(form);
                    commands.run(|core| core.start(planned));
                }
            });
        });
        ui.add_space(space::M);
        ui.horizontal(|ui| {
            let t = theme::of(ui);
            let device = words::label(ui, "Device", t.secondary);
            let named = form.config.run.device.clone();
            let title = state.devices.iter().find(|(name, _)| *name == named);
            let title = title.map_or(named.as_str(), |(_, title)| *title);
            let hint = "Where tensors live: the back ends that this program was built with";
            let device = device.on_hover_text(hint);
            let titles: Vec<&str> = state.devices.iter().map(|(_, title)| *title).collect();
            if let Some(chosen) = field::combo(ui, "Device", title, &titles, 188.0)
                && let Some((name, _)) = state.devices.iter().find(|(_, known)| *known == chosen)
            {
                form.put("run.device", Value::String(name.to_string()));
            }
            changed_ui(ui, form, "run.device", device.rect);
            ui.add_space(space::M);
            let seed = words::label(ui, "Seed", t.secondary);
            let seed = seed.on_hover_text("Every random draw of the run derives from it");
            form.seed_ui(ui, seed.id);
            changed_ui(ui, form, "run.seed", seed.rect);
        });
        ui.add_space(space::S);
        if let Some(why) = &experiments.refused {
            notice::strip(ui, Tone::Bad, "The run could not start", why, |_| {});
            ui.add_space(space::S);
        }
        let runnable = form.refused() == 0 && needs.is_empty();
        plan::plan_ui(ui, plan, form, runs, runnable, commands);
        ui.add_space(space::S);
        queue::queue_ui(ui, &experiments.queue, now, commands);
        needs_ui(ui, needs, commands);
        layout::scrolled(ui, ("form", &name), |ui| {
            // Room for the scroll bar.
            ui.set_max_width((ui.available_width() - space::M).min(900.0));
            needs_changed = form.sections_ui(ui, needs).needs_changed;
            ui.add_space(space::XL);
        });
        if needs_changed {
            commands.run(Core::check_needs);
        }
    });
}

fn settings_refused(count: usize) -> String {
    match count {
        1 => "1 setting is refused".to_string(),
        n => format!("{n} settings are refused"),
    }
}

/// For a setting that differs from the file: a dot, and a button that reverts it.
fn changed_ui(ui: &mut Ui, form: &mut Form, path: &str, label: Rect) {
    let t = theme::of(ui);
    if form.is_changed(path) {
        ui.painter()
            .circle_filled(pos2(label.left() - 6.0, label.center().y), 2.5, t.accent);
        form.revert_ui(ui, path);
    }
}

fn needs_ui(ui: &mut Ui, needs: &[Need], commands: &mut Commands) {
    if needs.is_empty() {
        return;
    }
    let title = match needs {
        [one] => one.what.clone(),
        many => format!("{} things are missing", many.len()),
    };
    notice::block(ui, Tone::Warning, &title, "", |ui| {
        ui.spacing_mut().item_spacing.y = space::XS;
        for need in needs {
            let words = if needs.len() > 1 {
                format!("{}: {}.", need.what, need.fix)
            } else {
                format!("Fix: {}.", need.fix)
            };
            words::secondary(ui, words);
            if let Some(command) = &need.command
                && notice::command_line(ui, command)
            {
                commands.push(Command::Copy(command.clone()));
            }
        }
        ui.add_space(space::XS);
        if Button::secondary("Check again")
            .with_icon(Icon::Revert)
            .clicked(ui)
        {
            commands.run(Core::check_needs);
        }
    });
    ui.add_space(space::M);
}
