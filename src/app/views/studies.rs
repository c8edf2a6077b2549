//! The place Studies: A/B tests and ratings, made, judged, sent, merged, unblinded, and what they show.
//!
//! Until a study is unblinded nothing here names its systems.

mod form;
mod results;

use std::path::PathBuf;

use eframe::egui::{
    Align, Align2, Frame, Layout, Margin, Rect, RichText, Role, ScrollArea, Sense, TextEdit, Ui,
    WidgetInfo, pos2, vec2,
};

use crate::app::command::{Command, Commands};
use crate::app::desk::Task;
use crate::app::format::{self, Clock};
use crate::app::people::{StudiesState, StudyForm};
use crate::app::state::{Loaded, State};
use crate::app::theme::{self, size, space, text};
use crate::app::widgets::button::{Button, focus_ring};
use crate::app::widgets::field;
use crate::app::widgets::icon::Icon;
use crate::app::widgets::notice::{self, Tone};
use crate::app::widgets::status::progress_line;
use crate::app::widgets::text as words;
use crate::store::{AnnotatorRow, StudyId, StudyRow};
use crate::study::definition::StudyKind;
use crate::study::make::Role as Part;

pub fn studies_ui(ui: &mut Ui, state: &mut State, commands: &mut Commands) {
    drops(ui, commands);
    let clock = (state.clock, state.now_ms);
    let people = &mut state.people;
    let studies = &mut people.studies;
    ScrollArea::vertical().id_salt("studies").auto_shrink(false).show(ui, |ui| {
        let margin = Margin::symmetric(space::L as i8, space::M as i8);
        Frame::new().inner_margin(margin).show(ui, |ui| {
            ui.set_width(ui.available_width());
            ui.spacing_mut().item_spacing.y = space::S;
            if studies.form.is_some() {
                form::form_ui(ui, studies, &people.systems, commands);
                return;
            }
            told_ui(ui, studies);
            match &studies.rows {
                Loaded::Nothing => {
                    words::secondary(ui, "Reading the studies…");
                }
                Loaded::Failed(why) => {
                    notice::strip(ui, Tone::Bad, "The studies cannot be read", why, |ui| {
                        if ui.add(Button::secondary("Try again")).clicked() {
                            commands.push(Command::Desk(Task::Studies));
                        }
                    });
                }
                Loaded::Value(_) if studies.open_row().is_some() => {
                    study_ui(ui, studies, clock, commands);
                }
                Loaded::Value(rows) if rows.is_empty() => {
                    let explanation = "A study shows people responses without saying whose they are: two to choose \
                                       between, or one to rate. It is made here, judged here or elsewhere by packs, \
                                       and unblinded when all is judged.";
                    if notice::empty(ui, Icon::Studies, "No studies yet", explanation, "New study") {
                        studies.form = Some(StudyForm::new(StudyKind::AbTest));
                    }
                    ui.add_space(space::L);
                    ui.vertical_centered(|ui| {
                        ui.set_max_width(420.0);
                        pack_ui(ui, studies, commands);
                    });
                }
                Loaded::Value(_) => list_ui(ui, studies, clock, commands),
            }
        });
    });
}

/// Packs may be dropped on the window.
fn drops(ui: &Ui, commands: &mut Commands) {
    let dropped = ui.input(|input| input.raw.dropped_files.clone());
    for file in dropped {
        let path = file.path().to_path_buf();
        commands.push(Command::Desk(Task::TakePack(path)));
    }
}

fn told_ui(ui: &mut Ui, studies: &mut StudiesState) {
    let mut close = false;
    let mut dismiss = |ui: &mut Ui| close |= ui.add(Button::icon(Icon::Cross, "Dismiss")).clicked();
    if let Some(why) = &studies.refused {
        notice::strip(ui, Tone::Bad, "It was not done", why, &mut dismiss);
    }
    if let Some(words) = &studies.told {
        notice::strip(ui, Tone::Info, words, "", &mut dismiss);
    }
    if close {
        studies.refused = None;
        studies.told = None;
    }
}

pub(super) fn kind_words(kind: StudyKind) -> &'static str {
    match kind {
        StudyKind::AbTest => "A/B test",
        StudyKind::Rating => "Rating",
    }
}

fn stands(study: &StudyRow) -> &'static str {
    match (&study.unblinding, study.is_own) {
        (Some(_), _) => "unblinded",
        (None, true) => "blind",
        (None, false) => "came as a pack",
    }
}

fn list_ui(
    ui: &mut Ui,
    studies: &mut StudiesState,
    (clock, now_ms): (Clock, i64),
    commands: &mut Commands,
) {
    let t = theme::of(ui);
    ui.horizontal(|ui| {
        if ui
            .add(Button::primary("New study").with_icon(Icon::Plus))
            .clicked()
        {
            studies.form = Some(StudyForm::new(StudyKind::AbTest));
        }
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            pack_row_ui(ui, studies, true, commands)
        });
    });
    ui.add_space(space::S);
    let mut open = None;
    ui.spacing_mut().item_spacing.y = 0.0;
    for study in studies.rows.value().map_or(&[][..], Vec::as_slice) {
        let room = vec2(ui.available_width(), 52.0);
        let (rect, response) = ui.allocate_exact_size(room, Sense::click());
        let title = format!("Study {}, {}", study.id, study.head.title);
        response.widget_info(|| WidgetInfo::labeled(Role::Link, true, format!("Open {title}")));
        if response.hovered() {
            ui.painter().rect_filled(rect, size::RADIUS, t.hover);
        }
        let painter = ui.painter().with_clip_rect(rect.intersect(ui.clip_rect()));
        let left = rect.left() + space::S;
        let at = pos2(left, rect.top() + 8.0);
        let title = format!("{}  #{}", study.head.title, study.id);
        painter.text(at, Align2::LEFT_TOP, title, text::body(), t.text);
        let about = format!(
            "{}, {}, made {}",
            kind_words(study.head.kind),
            stands(study),
            clock.relative(study.head.created_ms, now_ms)
        );
        let at = pos2(left, rect.top() + 28.0);
        painter.text(at, Align2::LEFT_TOP, about, text::small(), t.secondary);
        let (answered, assigned) = totals(study);
        let words = format!(
            "{} of {} judgements",
            format::count(answered),
            format::count(assigned)
        );
        let at = pos2(rect.right() - space::S, rect.top() + 16.0);
        painter.text(at, Align2::RIGHT_CENTER, words, text::small(), t.secondary);
        let line = Rect::from_min_size(
            pos2(rect.right() - 140.0, rect.top() + 32.0),
            vec2(132.0, 3.0),
        );
        progress_line(ui, line, answered as f32 / assigned.max(1) as f32, t.accent);
        ui.painter()
            .hline(rect.x_range(), rect.bottom(), t.line_stroke());
        focus_ring(ui, &response, rect);
        if response.clicked() {
            open = Some((study.id, study.unblinding.is_some() && study.is_own));
        }
    }
    if let Some((study, unblinded)) = open {
        studies.open = Some(study);
        studies.told = None;
        if unblinded {
            commands.push(Command::Desk(Task::Results(study)));
        }
    }
}

fn totals(study: &StudyRow) -> (u64, u64) {
    let sum =
        |of: fn(&AnnotatorRow) -> usize| study.annotators.iter().map(|one| of(one) as u64).sum();
    (
        sum(|one| one.progress.answered),
        sum(|one| one.progress.assigned),
    )
}

fn pack_ui(ui: &mut Ui, studies: &mut StudiesState, commands: &mut Commands) {
    words::secondary(
        ui,
        "Or take in a pack that was sent to you: drop it on the window, or",
    );
    ui.horizontal(|ui| pack_row_ui(ui, studies, false, commands));
}

fn pack_row_ui(
    ui: &mut Ui,
    studies: &mut StudiesState,
    from_the_right: bool,
    commands: &mut Commands,
) {
    let ready = !studies.pack.trim().is_empty();
    let mut take = false;
    let button = |ui: &mut Ui| {
        let hint = "To judge it here, or to merge what came back";
        let button = Button::secondary("Take in pack").hint(hint);
        ui.add_enabled_ui(ready, |ui| ui.add(button).clicked())
            .inner
    };
    if from_the_right {
        take |= button(ui);
    }
    let hint = "Path of a pack (.emprl.json)";
    take |= path_ui(ui, &mut studies.pack, "Path of a pack", hint, 260.0);
    if !from_the_right {
        take |= button(ui);
    }
    if take && ready {
        let path = PathBuf::from(studies.pack.trim());
        studies.pack.clear();
        commands.push(Command::Desk(Task::TakePack(path)));
    }
}

/// A field of one line. True when Enter was pressed in it.
fn path_ui(ui: &mut Ui, value: &mut String, name: &str, hint: &str, width: f32) -> bool {
    let field = TextEdit::singleline(value)
        .hint_text(hint.to_string())
        .align(Align2::LEFT_CENTER)
        .min_size(vec2(width, size::ROW))
        .desired_width(width);
    let response = ui.add(field).accessible_name(name);
    response.lost_focus() && ui.input(|input| input.key_pressed(eframe::egui::Key::Enter))
}

fn study_ui(
    ui: &mut Ui,
    studies: &mut StudiesState,
    (clock, now_ms): (Clock, i64),
    commands: &mut Commands,
) {
    let Some(study) = studies.open_row().cloned() else {
        return;
    };
    ui.horizontal(|ui| {
        if ui
            .add(Button::icon(Icon::Left, "Back to all studies"))
            .clicked()
        {
            studies.open = None;
            studies.unblinding = None;
        }
        words::heading(ui, &study.head.title);
        words::small(ui, format!("#{}", study.id));
    });
    let about = format!(
        "{}, {}, made {}. {}",
        kind_words(study.head.kind),
        stands(&study),
        clock.relative(study.head.created_ms, now_ms),
        match &study.unblinding {
            Some(unblinding) => format!(
                "Unblinded by {} {}: {}",
                unblinding.by,
                clock.relative(unblinding.wall_ms, now_ms),
                unblinding.reason
            ),
            None => "Which system wrote what is sealed.".to_string(),
        }
    );
    words::secondary(ui, about);
    ui.add_space(space::S);
    annotators_ui(ui, &study, commands);
    ui.add_space(space::M);
    actions_ui(ui, studies, &study, commands);
    if study.unblinding.is_some() && study.is_own {
        ui.add_space(space::L);
        results::results_ui(ui, studies, study.id);
    }
}

fn annotators_ui(ui: &mut Ui, study: &StudyRow, commands: &mut Commands) {
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
        let painter = ui.painter().with_clip_rect(row.intersect(ui.clip_rect()));
        let middle = row.center().y;
        painter.text(
            pos2(row.left(), middle),
            Align2::LEFT_CENTER,
            &who,
            text::body(),
            t.text,
        );
        let mut done = format!("{} of {}", progress.answered, progress.assigned);
        if progress.skipped > 0 {
            done.push_str(&format!(", {} skipped", progress.skipped));
        }
        if progress.flagged > 0 {
            done.push_str(&format!(", {} flagged", progress.flagged));
        }
        response.widget_info(|| WidgetInfo::labeled(Role::Label, true, format!("{who}: {done}")));
        let right = row.right() - 290.0;
        let line = Rect::from_min_size(pos2(right - 130.0, middle + 8.0), vec2(130.0, 3.0));
        let share = progress.answered as f32 / progress.assigned.max(1) as f32;
        progress_line(ui, line, share, t.accent);
        painter.text(
            pos2(right, middle - 3.0),
            Align2::RIGHT_CENTER,
            &done,
            text::small(),
            t.secondary,
        );
        ui.painter()
            .hline(row.x_range(), row.bottom(), t.line_stroke());
        let buttons = Rect::from_min_max(pos2(row.right() - 274.0, row.top() + 6.0), row.max);
        let mut ui = ui.new_child(
            eframe::egui::UiBuilder::new()
                .max_rect(buttons)
                .layout(Layout::right_to_left(Align::Min)),
        );
        let (study_id, number) = (study.id, annotator.number);
        let judge = format!("Judge as {}", annotator.pseudonym);
        let open = study.unblinding.is_none();
        let clicked = ui.add_enabled_ui(open, |ui| ui.add(Button::secondary(&judge)).clicked());
        if clicked.inner {
            commands.push(Command::Desk(Task::OpenDesk {
                study: study_id,
                annotator: number,
            }));
        }
        let pack = format!("Pack {}", annotator.pseudonym);
        let hint = "Write this part as a file: to send out, or to send back";
        if ui.add(Button::quiet(&pack).hint(hint)).clicked() {
            commands.push(Command::Desk(Task::WritePacks {
                study: study_id,
                annotator: Some(number),
            }));
        }
        let own = format!("Export {}", annotator.pseudonym);
        let hint = "Write this annotator's own judgements as CSV; it says nothing of systems";
        if ui.add(Button::quiet(&own).hint(hint)).clicked() {
            commands.push(Command::Desk(Task::ExportJudgements {
                study: study_id,
                annotator: Some(number),
            }));
        }
    }
}

fn actions_ui(ui: &mut Ui, studies: &mut StudiesState, study: &StudyRow, commands: &mut Commands) {
    let id = study.id;
    ui.spacing_mut().item_spacing.y = space::S;
    if !study.is_own {
        words::secondary(
            ui,
            "When all is judged, write the pack and send it back to where the study was made.",
        );
    }
    ui.horizontal_wrapped(|ui| {
        let packs = Button::secondary("Write all packs")
            .hint("A file for each annotator, to send out or back");
        if ui.add(packs).clicked() {
            commands.push(Command::Desk(Task::WritePacks {
                study: id,
                annotator: None,
            }));
        }
        pack_row_ui(ui, studies, false, commands);
    });
    if !study.is_own {
        return;
    }
    if study.unblinding.is_some() {
        let export = Button::secondary("Export all judgements")
            .hint("Rows as CSV, and everything needed to compute the results again as JSON");
        if ui.add(export).clicked() {
            commands.push(Command::Desk(Task::ExportJudgements {
                study: id,
                annotator: None,
            }));
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
        if ui
            .add_enabled_ui(ready, |ui| ui.add(button).clicked())
            .inner
        {
            let name = studies.fourth.trim().to_string();
            commands.push(Command::Desk(Task::Assign {
                study: study.id,
                adjudicator: (!there).then_some(name),
            }));
        }
    });
}

fn unblind_ui(ui: &mut Ui, studies: &mut StudiesState, study: &StudyRow, commands: &mut Commands) {
    let (answered, assigned) = totals(study);
    let Some((by, reason)) = &mut studies.unblinding else {
        let button = Button::secondary("Unblind…").hint("Ends the judging and shows the results");
        if ui.add(button).clicked() {
            studies.unblinding = Some((String::new(), "All is judged.".to_string()));
        }
        return;
    };
    let missing = assigned - answered;
    let detail = match missing {
        0 => "It ends the judging, is recorded with a name and a reason, and cannot be taken back."
            .to_string(),
        n => format!(
            "{} judgements are missing. It ends the judging, is recorded with a name and a reason, and cannot \
             be taken back.",
            format::count(n)
        ),
    };
    let mut cancel = false;
    let mut go = false;
    let tone = if missing > 0 {
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
            go = ui
                .add_enabled_ui(ready, |ui| {
                    ui.add(Button::primary("Unblind study")).clicked()
                })
                .inner;
            cancel = ui.add(Button::secondary("Keep it blind")).clicked();
        });
    });
    if go {
        let (by, reason) = (by.clone(), reason.clone());
        commands.push(Command::Desk(Task::Unblind {
            study: study.id,
            by,
            reason,
        }));
    }
    if cancel {
        studies.unblinding = None;
    }
}

/// A line of a form: a name, and what is set.
pub(super) fn line(ui: &mut Ui, name: &str, hint: &str, content: impl FnOnce(&mut Ui)) {
    let t = theme::of(ui);
    ui.horizontal_top(|ui| {
        let (rect, response) = ui.allocate_exact_size(vec2(150.0, size::ROW), Sense::hover());
        let at = pos2(rect.left(), rect.center().y);
        ui.painter()
            .text(at, Align2::LEFT_CENTER, name, text::body(), t.secondary);
        if !hint.is_empty() {
            response.on_hover_text(hint);
        }
        ui.vertical(content);
    });
}

/// A short field of a form.
pub(super) fn short_field(ui: &mut Ui, name: &str, value: &mut String, unit: &str) {
    let t = theme::of(ui);
    ui.horizontal(|ui| {
        field::search(ui, value, name, "", 72.0);
        if !unit.is_empty() {
            ui.label(RichText::new(unit).color(t.secondary));
        }
    });
}

pub(super) fn study_title(id: StudyId) -> String {
    format!("study {id}")
}
