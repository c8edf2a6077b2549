//! One study: annotators' progress, packs, the fourth annotator, and unblinding.

use eframe::egui::{Align, Align2, Layout, Rect, Role, Sense, Ui, WidgetInfo, pos2, vec2};

use super::contested::contested_ui;
use super::delete::delete_ui;
use super::marks::marks_ui;
use super::parts::{kind_words, pack_row_ui, path_ui, split_words, status_words, totals};
use super::quality::quality_ui;
use super::results;
use super::serving::serving_ui;
use super::standing::standing_ui;
use crate::app::command::Commands;
use crate::app::format::{self, Now};
use crate::app::state::people::{StandingForm, StudiesState};
use crate::app::state::serving::Serving;
use crate::app::theme::{self, space};
use crate::app::widgets::button::Button;
use crate::app::widgets::icon::Icon;
use crate::app::widgets::layout;
use crate::app::widgets::notice::{self, Tone};
use crate::app::widgets::status::progress_line;
use crate::app::widgets::text as words;
use crate::store::StudyRow;
use crate::study::definition::StudyKind;
use crate::study::make::Role as Part;
use crate::study::standing::Standing;

/// Width of the buttons of an annotator.
const BUTTONS: f32 = 352.0;

pub(super) fn study_ui(
    ui: &mut Ui,
    studies: &mut StudiesState,
    serving: &mut Serving,
    now: Now,
    commands: &mut Commands,
) {
    let Some(study) = studies.open_row().cloned() else {
        return;
    };
    ui.horizontal(|ui| {
        if Button::icon(Icon::Left, "Back to all studies").clicked(ui) {
            studies.open = None;
            studies.quality = None;
            studies.unblinding = None;
            studies.deleting = None;
        }
        words::heading(ui, study.name());
        words::small(ui, format!("#{}", study.id));
    });
    let about = format!(
        "{}, {}, made {}. {}",
        kind_words(study.head.kind),
        status_words(&study),
        now.relative(study.head.created_ms),
        match &study.unblinding {
            Some(unblinding) => format!(
                "Unblinded by {} {}: {}",
                unblinding.by,
                now.relative(unblinding.wall_ms),
                unblinding.reason
            ),
            None => "Which system wrote what is hidden until the study is unblinded.".to_string(),
        }
    );
    words::secondary(ui, about);
    ui.add_space(space::S);
    contested_ui(ui, studies, &study, commands);
    annotators_ui(ui, studies, &study, commands);
    standing_ui(ui, studies, &study, commands);
    ui.add_space(space::M);
    actions_ui(ui, studies, serving, &study, commands);
    marks_ui(ui, studies, &study, commands);
    delete_ui(ui, studies, &study, commands);
    if study.unblinding.is_some() && study.is_own {
        ui.add_space(space::L);
        results::results_ui(ui, studies, study.id);
    } else if study.is_own {
        ui.add_space(space::L);
        quality_ui(ui, studies, &study, commands);
    }
}

fn annotators_ui(
    ui: &mut Ui,
    studies: &mut StudiesState,
    study: &StudyRow,
    commands: &mut Commands,
) {
    let t = theme::of(ui);
    ui.spacing_mut().item_spacing.y = 0.0;
    for annotator in &study.annotators {
        let (row, response) =
            ui.allocate_exact_size(vec2(ui.available_width(), 40.0), Sense::hover());
        let progress = annotator.progress;
        let who = match (annotator.name.is_empty(), annotator.role) {
            (true, _) => annotator.pseudonym.clone(),
            (false, Part::Rater) => format!("{}  {}", annotator.pseudonym, annotator.name),
            (false, Part::Adjudicator) => {
                format!(
                    "{}  {}, fourth annotator",
                    annotator.pseudonym, annotator.name
                )
            }
        };
        let who = match annotator.standing {
            Standing::Judging => who,
            standing => format!("{who}, {}", standing.key()),
        };
        let painter = ui.painter().with_clip_rect(row.intersect(ui.clip_rect()));
        let middle = row.center().y;
        words::paint_body(
            &painter,
            pos2(row.left(), middle),
            Align2::LEFT_CENTER,
            &who,
            t.text,
        );
        let mut done = format!("{} of {}", progress.answered, progress.assigned);
        if progress.skipped > 0 {
            done.push_str(&format!(", {} skipped", progress.skipped));
        }
        if progress.contested > 0 {
            done.push_str(&format!(", {} contested", progress.contested));
        }
        if progress.flagged > 0 {
            done.push_str(&format!(", {} flagged", progress.flagged));
        }
        response.widget_info(|| WidgetInfo::labeled(Role::Label, true, format!("{who}: {done}")));
        let right = row.right() - BUTTONS - space::L;
        let line = Rect::from_min_size(pos2(right - 130.0, middle + 8.0), vec2(130.0, 3.0));
        let share = progress.answered as f32 / progress.assigned.max(1) as f32;
        progress_line(ui, line, share, t.accent);
        words::paint_small(
            &painter,
            pos2(right, middle - 3.0),
            Align2::RIGHT_CENTER,
            &done,
            t.secondary,
        );
        layout::rule(ui, row.x_range(), row.bottom());
        let buttons = Rect::from_min_max(pos2(row.right() - BUTTONS, row.top() + 6.0), row.max);
        let ui = &mut ui.new_child(
            eframe::egui::UiBuilder::new()
                .max_rect(buttons)
                .layout(Layout::right_to_left(Align::Min)),
        );
        let (study_id, number) = (study.id, annotator.number);
        let judge = format!("Judge as {}", annotator.pseudonym);
        let blind = study.unblinding.is_none();
        if blind && study.is_own {
            let more = format!("Pause, exclude or replace {}", annotator.pseudonym);
            if Button::icon(Icon::More, &more).clicked(ui) {
                studies.standing = Some(StandingForm {
                    annotator: annotator.number,
                    ..StandingForm::default()
                });
            }
        }
        let open = blind && annotator.standing == Standing::Judging;
        let clicked = ui.add_enabled_ui(open, |ui| Button::secondary(&judge).clicked(ui));
        if clicked.inner {
            commands.run(move |core| core.open_judging(study_id, number));
        }
        let pack = format!("Save pack {}", annotator.pseudonym);
        let hint = "The items, and what was judged of them, as one file (.emprl.json): to send out, or to send back";
        if Button::quiet(&pack).hint(hint).clicked(ui) {
            commands.run(move |core| core.write_packs(study_id, Some(number)));
        }
        let own = format!("Save CSV {}", annotator.pseudonym);
        let hint = "This annotator's judgements as rows of a CSV file, to look at elsewhere; it says nothing of systems";
        if Button::quiet(&own).hint(hint).clicked(ui) {
            commands.run(move |core| core.save_judgements(study_id, Some(number)));
        }
    }
}

fn actions_ui(
    ui: &mut Ui,
    studies: &mut StudiesState,
    serving: &mut Serving,
    study: &StudyRow,
    commands: &mut Commands,
) {
    let id = study.id;
    ui.spacing_mut().item_spacing.y = space::S;
    if !study.is_own {
        words::secondary(
            ui,
            "When all is judged, write the pack and send it back to where the study was made.",
        );
    }
    ui.horizontal_wrapped(|ui| {
        let packs = Button::secondary("Save all packs")
            .hint("A file for each annotator, to send out or back");
        if ui.add(packs).clicked() {
            commands.run(move |core| core.write_packs(id, None));
        }
        pack_row_ui(ui, studies, false, commands);
    });
    if !study.is_own {
        return;
    }
    if study.unblinding.is_none() {
        serving_ui(ui, serving, study, commands);
    }
    if study.unblinding.is_some() {
        let export = Button::secondary("Save all judgements")
            .hint("Rows as CSV, and everything needed to compute the results again as JSON");
        if ui.add(export).clicked() {
            commands.run(move |core| core.save_judgements(id, None));
        }
        if study.head.kind == StudyKind::AbTest {
            let pairs = Button::secondary("Keep preference pairs").hint(
                "What the majority preferred, item by item: a file that TRL reads, and a data set for the stage DPO",
            );
            if ui.add(pairs).clicked() {
                commands.run(move |core| core.keep_preferences(id));
            }
        }
        return;
    }
    if study.head.kind == StudyKind::AbTest {
        fourth_ui(ui, studies, study, commands);
    }
    unblind_ui(ui, studies, study, commands);
}

fn fourth_ui(ui: &mut Ui, studies: &mut StudiesState, study: &StudyRow, commands: &mut Commands) {
    let there = study
        .annotators
        .iter()
        .any(|one| one.role == Part::Adjudicator);
    if let Some(split) = split_words(study) {
        notice::strip(ui, Tone::Warning, &split, "", |_| {});
    }
    ui.horizontal_wrapped(|ui| {
        let mut ready = true;
        if !there {
            path_ui(
                ui,
                &mut studies.fourth,
                "Fourth annotator",
                "Name of a fourth annotator",
                200.0,
            );
            ready = !studies.fourth.trim().is_empty();
        }
        let button = Button::secondary("Give split items to the fourth")
            .hint("Items on which three differ go to the fourth annotator");
        if button.clicked_if(ui, ready) {
            let name = studies.fourth.trim().to_string();
            let (study, adjudicator) = (study.id, (!there).then_some(name));
            commands.run(move |core| core.assign(study, adjudicator));
        }
    });
}

fn unblind_ui(ui: &mut Ui, studies: &mut StudiesState, study: &StudyRow, commands: &mut Commands) {
    let (answered, assigned) = totals(study);
    let Some((by, reason)) = &mut studies.unblinding else {
        let button = Button::secondary("Unblind…").hint("Ends the judging and shows the results");
        if ui.add(button).clicked() {
            let reason = if answered == assigned && study.split_unassigned == 0 {
                "All is judged."
            } else {
                ""
            };
            studies.unblinding = Some((String::new(), reason.to_string()));
        }
        return;
    };
    let missing = assigned - answered;
    let contested: usize = study
        .annotators
        .iter()
        .map(|one| one.progress.contested)
        .sum();
    let between = match contested {
        0 => String::new(),
        1 => {
            " 1 of the missing was answered differently at several places and waits for a decision."
                .to_string()
        }
        n => format!(
            " {} of the missing were answered differently at several places and wait for a decision.",
            format::count(n as u64)
        ),
    };
    let detail = match missing {
        1 => "1 judgement is missing. Unblinding ends the judging, is recorded with a name and a reason, and cannot be \
              taken back."
            .to_string(),
        0 => "Unblinding ends the judging, is recorded with a name and a reason, and cannot be taken back."
            .to_string(),
        n => format!(
            "{} judgements are missing. Unblinding ends the judging, is recorded with a name and a reason, and cannot \
             be taken back.",
            format::count(n)
        ),
    };
    let split = split_words(study).map_or_else(String::new, |split| format!(" {split}"));
    let detail = detail + &between + &split;
    let unfinished = missing > 0 || study.split_unassigned > 0;
    let mut cancel = false;
    let mut go = false;
    let tone = if unfinished {
        Tone::Warning
    } else {
        Tone::Info
    };
    notice::block(ui, tone, "Unblind this study?", &detail, |ui| {
        ui.add_space(space::XS);
        ui.horizontal_wrapped(|ui| {
            path_ui(ui, by, "Who unblinds", "Your name", 150.0);
            path_ui(ui, reason, "Why", "Why", 240.0);
            let ready = !by.trim().is_empty() && !reason.trim().is_empty();
            go = Button::primary("Unblind study").clicked_if(ui, ready);
            cancel = Button::secondary("Keep it blind").clicked(ui);
        });
    });
    if go {
        let (by, reason) = (by.clone(), reason.clone());
        let study = study.id;
        commands.run(move |core| core.unblind(study, by, reason, unfinished));
    }
    if cancel {
        studies.unblinding = None;
    }
}
