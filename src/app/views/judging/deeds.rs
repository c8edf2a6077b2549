//! What keys and buttons of the judging page ask for, and how it is carried out: recorded first, then shown.

use eframe::egui::{Event, Key, Modifiers, Ui};

use crate::app::command::{Command, Commands};
use crate::app::state::people::{Given, Judging};
use crate::app::workers::desk::Task;
use crate::study::definition::StudyKind;
use crate::study::judgement::{Answer, COMMENT_LIMIT, Choice, Deed, Score};

/// What a key or a button asks for.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Asked {
    Answer(Choice),
    Point(u8),
    Skip,
    Flag,
    Comment,
    Undo,
    Read,
    Leave,
}

pub(super) fn keys(ui: &Ui, judging: &Judging) -> Vec<Asked> {
    let mut asked = Vec::new();
    if judging.comment.is_some() {
        let pressed = |key| ui.input_mut(|input| input.consume_key(Modifiers::NONE, key));
        if pressed(Key::Enter) || pressed(Key::Escape) {
            asked.push(Asked::Comment);
        }
        return asked;
    }
    let pressed = |key| {
        ui.input_mut(|input| {
            // A key that is held down answers one item only.
            let fresh = input.events.iter().any(|event| {
                matches!(event, Event::Key { key: k, pressed: true, repeat: false, .. } if *k == key)
            });
            input.consume_key(Modifiers::NONE, key) && fresh
        })
    };
    if pressed(Key::Escape) {
        asked.push(Asked::Leave);
    }
    if judging.reading {
        if pressed(Key::Enter) || pressed(Key::Space) {
            asked.push(Asked::Leave);
        }
        return asked;
    }
    if pressed(Key::Questionmark) || pressed(Key::I) {
        asked.push(Asked::Read);
    }
    if pressed(Key::U) || pressed(Key::Backspace) {
        asked.push(Asked::Undo);
    }
    let kind = judging.desk.value().map(|desk| desk.head.kind);
    match kind {
        Some(StudyKind::AbTest) => {
            let answers = [
                (Key::ArrowLeft, Choice::Left),
                (Key::ArrowRight, Choice::Right),
                (Key::ArrowDown, Choice::Tie),
                (Key::Num1, Choice::Left),
                (Key::Num2, Choice::Right),
                (Key::Num3, Choice::Tie),
            ];
            let answers = answers.into_iter().filter(|(key, _)| pressed(*key));
            asked.extend(answers.map(|(_, choice)| Asked::Answer(choice)));
        }
        Some(StudyKind::Rating) => {
            let digits = [Key::Num1, Key::Num2, Key::Num3, Key::Num4, Key::Num5];
            let points = (1..).zip(digits).filter(|(_, key)| pressed(*key));
            asked.extend(points.map(|(points, _)| Asked::Point(points)));
        }
        None => {}
    }
    for (key, what) in [
        (Key::S, Asked::Skip),
        (Key::F, Asked::Flag),
        (Key::C, Asked::Comment),
    ] {
        if pressed(key) {
            asked.push(what);
        }
    }
    asked
}

pub(super) fn carry_out(judging: &mut Judging, asked: Asked, now: f64, commands: &mut Commands) {
    match asked {
        Asked::Leave if judging.reading => {
            judging.reading = false;
            return;
        }
        Asked::Leave => {
            commands.push(Command::LeaveJudging);
            return;
        }
        Asked::Read => {
            judging.reading = !judging.reading;
            return;
        }
        _ => {}
    }
    if judging.reading || judging.given.is_some() {
        // What is not on disk yet comes first.
        return;
    }
    let (study, annotator) = (judging.study, judging.annotator);
    let mut given = Given {
        answer: None,
        settles: false,
        time: now,
        recorded: false,
    };
    if asked == Asked::Undo {
        if let Some(last) = judging.draft.iter().rposition(Option::is_some) {
            judging.draft[last] = None;
            return;
        }
        judging.given = Some(given);
        commands.push(Command::Desk(Task::Undo { study, annotator }));
        return;
    }
    let Some(page) = judging.page() else { return };
    let item = page.item;
    let flagged = judging
        .desk
        .value()
        .is_some_and(|desk| desk.state(page).flagged);
    let deed = match asked {
        Asked::Answer(choice) => Deed::Answer(Answer::Choice(choice)),
        Asked::Point(points) => {
            let Some(place) = judging.draft.iter().position(Option::is_none) else {
                return;
            };
            judging.draft[place] = Score::try_from(points).ok();
            match judging.rating() {
                Some(rating) => Deed::Answer(Answer::Rating(rating)),
                None => return,
            }
        }
        Asked::Skip => Deed::Skip,
        Asked::Flag => Deed::Flag(!flagged),
        Asked::Comment => {
            match judging.comment.take() {
                // The field was open: what stands in it is the comment.
                Some(comment) => {
                    let comment = comment.trim().chars().take(COMMENT_LIMIT).collect();
                    Deed::Comment(comment)
                }
                None => {
                    let desk = judging.desk.value();
                    let state = desk
                        .zip(judging.page())
                        .map(|(desk, page)| desk.state(page));
                    judging.comment = Some(state.unwrap_or_default().comment);
                    return;
                }
            }
        }
        Asked::Undo | Asked::Read | Asked::Leave => return,
    };
    given.answer = match &deed {
        Deed::Answer(answer) => Some(*answer),
        _ => None,
    };
    given.settles = matches!(deed, Deed::Answer(_) | Deed::Skip);
    judging.given = Some(given);
    let shown_ms = judging.shown_ms();
    commands.push(Command::Desk(Task::Judge {
        study,
        annotator,
        item,
        deeds: vec![deed],
        shown_ms,
    }));
}
