//! The place Studies: A/B tests and ratings: creating, judging, packs, unblinding, results.
//!
//! Until a study is unblinded nothing here names its systems.

mod contested;
mod delete;
mod doubted;
mod form;
mod marks;
mod parts;
mod quality;
mod results;
mod serving;
mod standing;
mod study;
mod table;

use eframe::egui::{Align, Align2, Layout, Margin, Rect, Role, Sense, Ui, WidgetInfo, pos2, vec2};
use parts::{kind_words, pack_row_ui, split_words, status_words, totals};
use study::study_ui;

use crate::app::command::Commands;
use crate::app::format::{self, Now};
use crate::app::logic::Core;
use crate::app::state::State;
use crate::app::state::people::{StudiesState, StudyForm};
use crate::app::theme::{self, size, space};
use crate::app::widgets::button::{Button, focus_ring, switch};
use crate::app::widgets::icon::Icon;
use crate::app::widgets::layout;
use crate::app::widgets::notice::{self, Tone};
use crate::app::widgets::remote::{RemoteWords, remote_ui};
use crate::app::widgets::status::progress_line;
use crate::app::widgets::text as words;
use crate::store::StudyMark;
use crate::study::definition::StudyKind;

pub fn studies_ui(ui: &mut Ui, state: &mut State, commands: &mut Commands) {
    drops(ui, commands);
    let now = state.now();
    let people = &mut state.people;
    let studies = &mut people.studies;
    layout::scrolled(ui, "studies", |ui| {
        layout::padded(
            ui,
            Margin::symmetric(space::L as i8, space::M as i8),
            |ui| {
                ui.set_width(ui.available_width());
                ui.spacing_mut().item_spacing.y = space::S;
                if studies.form.is_some() {
                    form::form_ui(ui, studies, &people.systems, commands);
                    return;
                }
                notice_ui(ui, studies, commands);
                doubted::doubted_ui(ui, studies, commands);
                let words =
                    RemoteWords::retry("Reading the studies…", "The studies cannot be read");
                if remote_ui(ui, &studies.rows, words) {
                    commands.run(Core::load_studies);
                }
                match studies.rows.value() {
                    None => {}
                    Some(_) if studies.open_row().is_some() => {
                        study_ui(ui, studies, &mut people.serving, now, commands);
                    }
                    Some(rows) if rows.is_empty() => {
                        let explanation = "A study shows people responses without saying whose they are: two to choose \
                                       between, or one to rate. It is made here, judged here or elsewhere by packs, \
                                       and unblinded when all is judged.";
                        if notice::empty(
                            ui,
                            Icon::Studies,
                            "No studies yet",
                            explanation,
                            "New study",
                        ) {
                            studies.form = Some(StudyForm::new(StudyKind::AbTest));
                        }
                        ui.add_space(space::L);
                        ui.vertical_centered(|ui| {
                            ui.set_max_width(420.0);
                            pack_ui(ui, studies, commands);
                        });
                    }
                    Some(_) => list_ui(ui, studies, now, commands),
                }
            },
        );
    });
}

/// Packs may be dropped on the window.
fn drops(ui: &Ui, commands: &mut Commands) {
    let dropped = ui.input(|input| input.raw.dropped_files.clone());
    for file in dropped {
        let path = file.path().to_path_buf();
        commands.run(|core| core.receive_pack(path));
    }
}

fn notice_ui(ui: &mut Ui, studies: &mut StudiesState, commands: &mut Commands) {
    let mut close = false;
    let mut dismiss = |ui: &mut Ui| close |= Button::icon(Icon::Cross, "Dismiss").clicked(ui);
    if let Some(why) = &studies.refused {
        notice::strip(ui, Tone::Bad, "That did not work", why, &mut dismiss);
    }
    if let Some(words) = &studies.notice {
        let undo = studies.undo_delete;
        notice::strip(ui, Tone::Info, words, "", |ui| {
            if let Some(study) = undo
                && Button::secondary("Undo").clicked(ui)
            {
                let back = StudyMark::Deleted(false);
                commands.run(move |core| core.mark_study(study, back));
            }
            dismiss(ui);
        });
    }
    if close {
        studies.refused = None;
        studies.notice = None;
        studies.undo_delete = None;
    }
}

fn list_ui(ui: &mut Ui, studies: &mut StudiesState, now: Now, commands: &mut Commands) {
    let t = theme::of(ui);
    ui.horizontal(|ui| {
        if Button::primary("New study")
            .with_icon(Icon::Plus)
            .clicked(ui)
        {
            studies.form = Some(StudyForm::new(StudyKind::AbTest));
        }
        let others = studies.rows.value().map_or(&[][..], Vec::as_slice);
        if others.iter().any(|study| !study.is_current()) {
            switch(ui, "Archived and deleted ones too", &mut studies.shows_all);
            words::label(ui, "archived and deleted ones too", t.secondary);
        }
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            pack_row_ui(ui, studies, true, commands)
        });
    });
    ui.add_space(space::S);
    let mut open = None;
    ui.spacing_mut().item_spacing.y = 0.0;
    let rows = studies.rows.value().map_or(&[][..], Vec::as_slice);
    for study in rows
        .iter()
        .filter(|study| studies.shows_all || study.is_current())
    {
        let room = vec2(ui.available_width(), 52.0);
        let (rect, response) = ui.allocate_exact_size(room, Sense::click());
        let title = format!("Study {}, {}", study.id, study.name());
        response.widget_info(|| WidgetInfo::labeled(Role::Link, true, format!("Open {title}")));
        if response.hovered() {
            ui.painter().rect_filled(rect, size::RADIUS, t.hover);
        }
        let painter = ui.painter().with_clip_rect(rect.intersect(ui.clip_rect()));
        let left = rect.left() + space::S;
        let at = pos2(left, rect.top() + 8.0);
        let title = format!("{}  #{}", study.name(), study.id);
        words::paint_body(&painter, at, Align2::LEFT_TOP, title, t.text);
        let mut about = format!(
            "{}, {}, made {}",
            kind_words(study.head.kind),
            status_words(study),
            now.relative(study.head.created_ms)
        );
        if study.marks.archived {
            about += ", archived";
        }
        if study.marks.deleted {
            about += ", deleted";
        }
        if !study.marks.note.is_empty() {
            about += &format!(". {}", study.marks.note);
        }
        if let Some(split) = split_words(study) {
            about += &format!(". {split}");
        }
        let at = pos2(left, rect.top() + 28.0);
        words::paint_small(&painter, at, Align2::LEFT_TOP, about, t.secondary);
        let (answered, assigned) = totals(study);
        let words = format!(
            "{} of {} judgements",
            format::count(answered),
            format::count(assigned)
        );
        let at = pos2(rect.right() - space::S, rect.top() + 16.0);
        words::paint_small(&painter, at, Align2::RIGHT_CENTER, words, t.secondary);
        let line = Rect::from_min_size(
            pos2(rect.right() - 140.0, rect.top() + 32.0),
            vec2(132.0, 3.0),
        );
        progress_line(ui, line, answered as f32 / assigned.max(1) as f32, t.accent);
        layout::rule(ui, rect.x_range(), rect.bottom());
        focus_ring(ui, &response, rect);
        if response.clicked() {
            open = Some((study.id, study.unblinding.is_some() && study.is_own));
        }
    }
    if let Some((study, unblinded)) = open {
        studies.open = Some(study);
        studies.contested = None;
        studies.notice = None;
        if unblinded {
            commands.run(move |core| core.load_results(study));
        }
    }
}

fn pack_ui(ui: &mut Ui, studies: &mut StudiesState, commands: &mut Commands) {
    words::secondary(
        ui,
        "Or import a pack that was sent to you: drop it on the window, or",
    );
    ui.horizontal(|ui| pack_row_ui(ui, studies, false, commands));
}
