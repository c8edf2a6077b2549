//! The start page: what the program does, the main action, recent runs, where to go next.

use eframe::egui;
use eframe::egui::{Rect, RichText, Sense, Ui, Vec2, pos2, vec2};

use super::runs::run_line_ui;
use crate::app::command::{Command, Commands};
use crate::app::format;
use crate::app::place::Place;
use crate::app::state::{QUICKSTART, State};
use crate::app::theme::{self, size, space, text};
use crate::app::widgets::button::Button;
use crate::app::widgets::icon::{self, Icon};
use crate::app::widgets::layout;
use crate::app::widgets::notice::{self, Tone};
use crate::app::widgets::remote::{RemoteWords, remote_ui};
use crate::app::widgets::text as words;
use crate::operations::launch::PlannedRun;
use crate::operations::runs::GoesOn;

const RECENT: usize = 5;

pub fn start_ui(ui: &mut Ui, state: &State, commands: &mut Commands) {
    layout::scrolled(ui, "start", |ui| {
        let width = ui.available_width().min(1040.0) - 2.0 * space::XXL;
        let side = ((ui.available_width() - width) / 2.0).max(space::XL);
        layout::padded(
            ui,
            theme::margin(side, side, space::XXL, space::XXL),
            |ui| {
                ui.set_width(width);
                hero_ui(ui, state, commands);
                ui.add_space(space::XXL);
                let gap = space::XL;
                // Wide enough for the longest of its lines.
                let right = 340.0_f32.min(((width - gap) * 0.48).floor());
                ui.horizontal_top(|ui| {
                    ui.spacing_mut().item_spacing.x = gap;
                    column(ui, width - gap - right, |ui| recent_ui(ui, state, commands));
                    column(ui, right, |ui| next_ui(ui, commands));
                });
            },
        );
    });
}

fn column(ui: &mut Ui, width: f32, content: impl FnOnce(&mut Ui)) {
    layout::column(ui, width, |ui| {
        ui.spacing_mut().item_spacing.x = space::S;
        content(ui);
    });
}

fn hero_ui(ui: &mut Ui, state: &State, commands: &mut Commands) {
    let t = theme::of(ui);
    ui.spacing_mut().item_spacing.y = space::S;
    words::strong(ui, "EmpRL Studio", text::title(), t.text);
    ui.scope(|ui| {
        ui.set_max_width(size::PROSE);
        let about = "Trains dialogue models to answer with the empathy that a listener would show, by \
                     reinforcement learning. Start a run, watch its curves and dialogues as it learns, and \
                     compare what comes out.";
        words::secondary(ui, about);
    });
    ui.add_space(space::L);

    if let Some(run) = state.active() {
        words::body(
            ui,
            RichText::new(format!("{} is in progress.", run.name)).color(t.text),
        );
        if Button::primary("Watch it")
            .with_icon(Icon::Live)
            .tall()
            .clicked(ui)
        {
            commands.push(Command::Go(Place::Live));
        }
        return;
    }
    if let Some(row) = state.elsewhere() {
        let words = format!(
            "{} #{} is in progress in another window or program.",
            row.name, row.id
        );
        ui.horizontal(|ui| {
            words::label(ui, words, t.text);
            if Button::secondary("Watch it")
                .with_icon(Icon::Live)
                .clicked(ui)
            {
                commands.push(Command::Go(Place::Live));
            }
        });
        ui.add_space(space::S);
    }
    if state.elsewhere().is_none() {
        interrupted_ui(ui, state, commands);
    }
    let ready = state.experiment(QUICKSTART);
    ui.horizontal(|ui| {
        let button = Button::primary("Quickstart").with_icon(Icon::Play).tall();
        if button.clicked_if(ui, ready.is_some())
            && let Some(file) = ready
        {
            let planned = PlannedRun::of(file);
            commands.run(|core| core.start(planned));
        }
        ui.add_space(space::S);
        ui.vertical(|ui| {
            ui.spacing_mut().item_spacing.y = 2.0;
            ui.add_space(2.0);
            words::label(ui, "About three minutes on this processor", t.text);
            words::small(ui, "No data, weights or network needed");
        });
    });
    if let Some(refused) = &state.experiments.refused {
        notice::strip(ui, Tone::Bad, "The run could not start", refused, |_| {});
    }
    ui.add_space(space::L);
    steps_ui(ui);
}

/// What can be resumed after a crash, and what of it is done again.
fn interrupted_ui(ui: &mut Ui, state: &State, commands: &mut Commands) {
    let Some(row) = state.runs.interrupted() else {
        return;
    };
    let run = row.id;
    let goes_on = state.runs.goes_on.shown();
    let detail = match goes_on.filter(|(known, _)| known.0 == run) {
        Some((_, Ok(Some(goes_on)))) => said(goes_on),
        Some((_, Ok(None))) => "It had begun no stage.".to_string(),
        Some((_, Err(why))) => why.to_string(),
        // Room for what is being read.
        None => String::new(),
    };
    let title = format!("{} #{run} was interrupted", row.name);
    notice::strip(ui, Tone::Warning, &title, &detail, |ui| {
        if Button::primary("Resume").with_icon(Icon::Play).clicked(ui) {
            commands.run(move |core| core.resume_run(run));
        }
        if Button::secondary("Open it").clicked(ui) {
            commands.run(move |core| core.open_run(run));
        }
    });
    if let Some((_, why)) = state.runs.refused.as_ref().filter(|(of, _)| *of == run) {
        notice::strip(ui, Tone::Bad, "It could not be resumed", why, |_| {});
    }
    ui.add_space(space::M);
}

/// From where a run goes on, and how many steps are done again.
fn said(goes_on: &GoesOn) -> String {
    let GoesOn {
        stage,
        reached,
        from,
    } = *goes_on;
    let at = format!("At {}, step {}.", stage.title(), format::count(reached));
    let again = match goes_on.again() {
        1 => "one step is done again.".to_string(),
        steps => format!("{} steps are done again.", format::count(steps)),
    };
    match (goes_on.again(), from) {
        (0, _) => format!("{at} It goes on from there; nothing is done again."),
        (_, 0) => format!("{at} It begins this stage anew: {again}"),
        _ => format!("{at} It goes on from step {}: {again}", format::count(from)),
    }
}

/// The four stages of Quickstart, side by side.
fn steps_ui(ui: &mut Ui) {
    let t = theme::of(ui);
    const PARTS: [(&str, &str); 4] = [
        (
            "Identifiers",
            "Three classifiers learn how strongly an answer reacts, interprets and explores.",
        ),
        (
            "Generator",
            "A small T5 learns to answer from a corpus that comes with the program.",
        ),
        (
            "PPO",
            "It is rewarded for the empathy levels of the listener's own answer, and held by a KL penalty.",
        ),
        (
            "Evaluation",
            "Perplexity, Dist-1, Dist-2 and Emp-F1, before and after.",
        ),
    ];
    let gap = space::L;
    let each = ((ui.available_width() - 3.0 * gap) / 4.0).floor();
    ui.horizontal_top(|ui| {
        ui.spacing_mut().item_spacing.x = gap;
        for (n, (title, what)) in PARTS.iter().enumerate() {
            column(ui, each, |ui| {
                ui.spacing_mut().item_spacing.y = space::XS;
                let (line, _) = ui.allocate_exact_size(vec2(each, 2.0), Sense::hover());
                ui.painter().rect_filled(line, 1, t.line);
                ui.add_space(space::XS);
                words::bold(ui, &format!("{}  {title}", n + 1));
                words::small_coloured(ui, *what, t.secondary);
            });
        }
    });
}

fn recent_ui(ui: &mut Ui, state: &State, commands: &mut Commands) {
    words::heading(ui, "Recent runs");
    ui.add_space(space::XS);
    ui.spacing_mut().item_spacing.y = 0.0;
    let Some(listed) = state.runs.list.value() else {
        let words = RemoteWords {
            pending: "Reading the store…",
            failed: "The store cannot be read",
            action: None,
        };
        remote_ui(ui, &state.runs.list, words);
        return;
    };
    if listed.is_empty() {
        let nothing = "None yet. Every run is kept here with its curves, from its first step on.";
        words::secondary(ui, nothing);
    }
    for row in state.runs.rows().take(RECENT) {
        if run_line_ui(ui, row, state.now()) {
            let run = row.id;
            commands.run(move |core| core.open_run(run));
        }
    }
    if listed.len() > RECENT {
        ui.add_space(space::XS);
        if Button::quiet("All runs").clicked(ui) {
            commands.push(Command::Go(Place::Runs));
        }
    }
}

fn next_ui(ui: &mut Ui, commands: &mut Commands) {
    words::heading(ui, "Then");
    ui.add_space(space::XS);
    ui.spacing_mut().item_spacing.y = space::S;
    if entry_ui(
        ui,
        Icon::Experiments,
        "Set up an experiment",
        "Every setting, with its range and the paper's value.",
    ) {
        commands.push(Command::Go(Place::Experiments));
    }
    ui.add_space(space::XS);
    if entry_ui(
        ui,
        Icon::Data,
        "Import the paper's data",
        "EmpatheticDialogues, Mental Health Subreddits.",
    ) {
        commands.push(Command::Go(Place::Data));
    }
}

/// A link to another place. True when it was clicked.
fn entry_ui(ui: &mut Ui, icon: Icon, title: &str, detail: &str) -> bool {
    let t = theme::of(ui);
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), 48.0), Sense::click());
    response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Link, true, title));
    let fill = if response.hovered() { t.hover } else { t.panel };
    layout::surface(ui, rect, size::RADIUS, fill, t.line_stroke());
    let mark = Rect::from_center_size(pos2(rect.left() + 24.0, rect.center().y), Vec2::splat(18.0));
    icon::paint(ui.painter(), mark, icon, t.secondary);
    let painter = ui.painter().with_clip_rect(rect.shrink(space::XS));
    let at = pos2(rect.left() + 48.0, rect.center().y - 8.0);
    words::paint_body(&painter, at, egui::Align2::LEFT_CENTER, title, t.text);
    let at = pos2(rect.left() + 48.0, rect.center().y + 9.0);
    words::paint_small(&painter, at, egui::Align2::LEFT_CENTER, detail, t.secondary);
    let arrow = Rect::from_center_size(
        pos2(rect.right() - 20.0, rect.center().y),
        Vec2::splat(14.0),
    );
    icon::paint(ui.painter(), arrow, Icon::Right, t.secondary);
    crate::app::widgets::button::focus_ring(ui, &response, rect);
    response.clicked()
}
