//! The form of a new study, with a forecast of what its size can show.

use eframe::egui::{RichText, TextEdit, Ui, vec2};

use super::parts::{line, short_field};
use crate::app::command::{Command, Commands};
use crate::app::place::Place;
use crate::app::state::people::{AspectFields, StudiesState, StudyForm, SystemList};
use crate::app::state::remote::Remote;
use crate::app::theme::{self, size, space, text};
use crate::app::widgets::button::{Button, segments, switch};
use crate::app::widgets::field;
use crate::app::widgets::icon::Icon;
use crate::app::widgets::notice::{self, Tone};
use crate::app::widgets::text as words;
use crate::study::aspects::ASPECTS_LIMIT;
use crate::study::definition::StudyKind;

pub(super) fn form_ui(
    ui: &mut Ui,
    studies: &mut StudiesState,
    systems: &Remote<SystemList>,
    commands: &mut Commands,
) {
    let Some(form) = &mut studies.form else {
        return;
    };
    let mut close = false;
    ui.horizontal(|ui| {
        close = Button::icon(Icon::Left, "Back to all studies").clicked(ui);
        words::heading(ui, "New study");
    });
    ui.scope(|ui| {
        ui.set_max_width(760.0);
        let names: Vec<&str> = systems
            .value()
            .map(|known| known.systems.iter().map(|row| &*row.name).collect())
            .unwrap_or_default();
        if names.is_empty() {
            let why = "Import at least one system's responses first, in Case study.";
            notice::strip(
                ui,
                Tone::Warning,
                "There are no systems to judge",
                why,
                |ui| {
                    if Button::secondary("Go to Case study").clicked(ui) {
                        commands.push(Command::Go(Place::Cases));
                    }
                },
            );
        }
        let before = form.definition();
        fields_ui(ui, form, &names);
        forecast_ui(ui, form, commands);
        if form.definition() != before {
            form.refused = None;
        }
        notice::failed(ui, "The study cannot be made", form.refused.as_deref());
        ui.add_space(space::XS);
        ui.horizontal(|ui| {
            let ready = !form.waiting;
            let make = Button::primary("Make study");
            if make.clicked_if(ui, ready) {
                match form.definition() {
                    Ok(definition) => {
                        form.refused = None;
                        form.waiting = true;
                        commands.run(|core| core.create_study(definition));
                    }
                    Err(why) => form.refused = Some(why),
                }
            }
            close |= Button::secondary("Cancel").clicked(ui);
            if let Ok(definition) = form.definition() {
                let (each, all) = definition.workload();
                words::small(
                    ui,
                    format!("{each} items for each annotator, {all} judgements in all"),
                );
            }
        });
        ui.add_space(space::XL);
    });
    if close {
        studies.form = None;
    }
}

fn fields_ui(ui: &mut Ui, form: &mut StudyForm, names: &[&str]) {
    line(ui, "Annotators are asked", "", |ui| {
        let mut kind = form.kind;
        let kinds = [
            (StudyKind::AbTest, "Which of two is better"),
            (StudyKind::Rating, "How good one is"),
        ];
        if segments(ui, "Kind", &mut kind, &kinds) {
            form.set_kind(kind);
        }
    });
    if form.kind == StudyKind::Rating {
        aspects_ui(ui, form);
    }
    line(
        ui,
        "Systems",
        "In the order in which they are chosen",
        |ui| {
            ui.horizontal_wrapped(|ui| {
                for name in names {
                    let mut on = form.systems.iter().any(|system| system == name);
                    if field::tick(ui, name, &mut on).changed() {
                        match on {
                            true => form.systems.push((*name).to_string()),
                            false => form.systems.retain(|system| system != name),
                        }
                    }
                }
            });
            // This line is always present, so that nothing below moves.
            if form.kind != StudyKind::AbTest || form.systems.len() < 2 {
                words::small(
                    ui,
                    "A run of yours becomes a system by Add system in Case study.",
                );
            } else {
                let meets = match (form.systems.len(), form.every_pair) {
                    (2, _) | (_, false) => {
                        format!(
                            "{} against {}",
                            form.systems[0],
                            form.systems[1..].join(", ")
                        )
                    }
                    (_, true) => "every system against every other".to_string(),
                };
                words::small(ui, meets);
            }
            if form.kind == StudyKind::AbTest && form.systems.len() > 2 {
                let both = [(false, "First against each"), (true, "Every pair")];
                segments(ui, "Pairs", &mut form.every_pair, &both);
                ui.horizontal(|ui| {
                    switch(
                        ui,
                        "Annotators may meet a response again",
                        &mut form.repeats,
                    );
                    ui.label("annotators may meet a response again");
                });
                let warning = form
                    .plan()
                    .and_then(|plan| plan.definition.repeats_give_away());
                if let Some(why) = warning {
                    notice::strip(ui, Tone::Warning, "Less blind", &why, |_| {});
                }
            }
        },
    );
    line(
        ui,
        "Annotators",
        "Names stay in this store; packs and results use pseudonyms",
        |ui| {
            field::search(
                ui,
                &mut form.annotators,
                "Annotators",
                "Three or more names, with commas between",
                360.0,
            );
        },
    );
    if form.kind == StudyKind::AbTest {
        line(
            ui,
            "Fourth annotator",
            "Judges items on which three differ; may also be named later",
            |ui| {
                field::search(
                    ui,
                    &mut form.fourth,
                    "Fourth annotator",
                    "A name, or nothing yet",
                    360.0,
                );
            },
        );
    } else {
        line(ui, "Annotators per item", "", |ui| {
            short_field(ui, "Annotators per item", &mut form.raters, "")
        });
    }
    line(
        ui,
        "Contexts",
        "Of each pair or system; drawn by the seed from those that every system answered",
        |ui| {
            ui.horizontal(|ui| {
                short_field(ui, "Contexts", &mut form.contexts, "");
                ui.add_space(space::S);
                switch(ui, "Keep the shares of emotions", &mut form.stratified);
                ui.label("with the shares of emotions kept");
            });
        },
    );
    line(
        ui,
        "Seed",
        "Draws the contexts; sides and orders also depend on a secret of the study",
        |ui| {
            short_field(ui, "Seed", &mut form.seed, "");
        },
    );
    line(
        ui,
        "Attention checks",
        "Items with a known right answer, added for every annotator",
        |ui| {
            short_field(ui, "Attention checks", &mut form.checks, "items");
            noticed_ui(ui, form);
        },
    );
    line(
        ui,
        "Title",
        "Annotators see it; it must not name a system",
        |ui| {
            field::search(ui, &mut form.title, "Title", "", 360.0);
        },
    );
    line(
        ui,
        "Comments",
        "What annotators are asked to comment on; nobody has to",
        |ui| {
            let hint = "A question, or nothing: then comments are their own";
            field::search(ui, &mut form.comment, "Comments", hint, 360.0);
        },
    );
    form.follow();
    line(
        ui,
        "Instructions",
        "Annotators read them first; they must not name a system",
        |ui| {
            let width = ui.available_width().min(560.0);
            let field = TextEdit::multiline(&mut form.instructions)
                .desired_rows(4)
                .desired_width(width)
                .min_size(vec2(width, 3.0 * size::ROW));
            ui.add(field).accessible_name("Instructions");
        },
    );
}

/// What a rating asks: the paper's aspects, or a row of fields for each of the study's own.
fn aspects_ui(ui: &mut Ui, form: &mut StudyForm) {
    line(
        ui,
        "Aspects",
        "Each is scored on a scale of its own",
        |ui| {
            let both = [
                (false, "Empathy, relevance, fluency, 1 to 5"),
                (true, "Of your own"),
            ];
            segments(ui, "Aspects", &mut form.own_aspects, &both);
            if !form.own_aspects {
                return;
            }
            let mut removed = None;
            let several = form.aspects.len() > 1;
            for (at, aspect) in form.aspects.iter_mut().enumerate() {
                let n = at + 1;
                ui.horizontal(|ui| {
                    ui.spacing_mut().item_spacing.x = space::XS;
                    for (value, name, hint, width) in [
                        (&mut aspect.name, "Aspect", "Name", 96.0),
                        (
                            &mut aspect.question,
                            "Question of aspect",
                            "Question",
                            200.0,
                        ),
                        (&mut aspect.low, "Low end of aspect", "1 means", 84.0),
                        (
                            &mut aspect.high,
                            "High end of aspect",
                            "The most means",
                            104.0,
                        ),
                        (&mut aspect.points, "Points of aspect", "Points", 44.0),
                    ] {
                        field::search(ui, value, &format!("{name} {n}"), hint, width);
                    }
                    let remove = Button::icon(Icon::Cross, "Remove this aspect");
                    if several && remove.clicked(ui) {
                        removed = Some(at);
                    }
                });
            }
            if let Some(at) = removed {
                form.aspects.remove(at);
                form.checked = form.checked.saturating_sub(usize::from(at <= form.checked));
            }
            ui.horizontal(|ui| {
            let more = form.aspects.len() < ASPECTS_LIMIT;
            if Button::secondary("Add an aspect").clicked_if(ui, more) {
                form.aspects.push(AspectFields {
                    points: "5".to_string(),
                    ..AspectFields::default()
                });
            }
            words::small(
                ui,
                "Name, question, what 1 and the highest point mean, and how many points: 2 to 11",
            );
        });
        },
    );
}

/// In which of a rating's own aspects the shuffled words of an attention check must get a low score.
fn noticed_ui(ui: &mut Ui, form: &mut StudyForm) {
    let is_own = form.kind == StudyKind::Rating && form.own_aspects;
    if !is_own || form.checks.trim() == "0" {
        return;
    }
    let options: Vec<(usize, String)> = form
        .aspects
        .iter()
        .enumerate()
        .map(|(at, aspect)| (at, aspect.name.clone()))
        .collect();
    ui.horizontal(|ui| {
        ui.label("noticed by a low score in");
        let name = "Attention checks are noticed in";
        if let Some(at) = field::choose(ui, name, form.checked, &options, 160.0) {
            form.checked = at;
        }
    });
}

/// What a study of this size can show.
fn forecast_ui(ui: &mut Ui, form: &mut StudyForm, commands: &mut Commands) {
    let t = theme::of(ui);
    if form.kind == StudyKind::AbTest {
        line(ui, "Ties expected", "For the forecast only", |ui| {
            short_field(ui, "Ties expected", &mut form.ties, "%");
        });
    }
    if let Some(plan) = form.plan()
        && form.forecast.wants(&plan)
    {
        commands.run(move |core| core.forecast_study(plan));
    }
    line(ui, "It can show", "", |ui| {
        ui.set_max_width(560.0);
        ui.add_space(space::XS);
        let (forecast, colour) = match form.forecast.shown() {
            None => ("", t.text),
            Some((_, Ok(forecast))) => (forecast.as_str(), t.text),
            Some((_, Err(why))) => (why, t.bad),
        };
        let words = RichText::new(forecast).font(text::body()).color(colour);
        ui.add(eframe::egui::Label::new(words).wrap());
    });
}
