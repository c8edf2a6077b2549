//! The annotator's keys and buttons on the judging page. A judgement is recorded first, then shown.

use eframe::egui::{Event, Key, Modifiers, Ui};

use crate::app::command::Commands;
use crate::app::logic::Core;
use crate::app::state::judging::{Comment, Given, Judging};
use crate::study::definition::StudyKind;
use crate::study::judgement::{Answer, COMMENT_LIMIT, Choice, JudgementAction, Score};

/// What a key or a button means.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Input {
    Answer(Choice),
    Point(u8),
    Skip,
    Flag,
    Comment,
    Undo,
    Read,
    Leave,
}

pub(super) fn keys(ui: &Ui, judging: &Judging) -> Vec<Input> {
    let mut inputs = Vec::new();
    if judging.comment.is_some() {
        let pressed = |key| ui.input_mut(|input| input.consume_key(Modifiers::NONE, key));
        if pressed(Key::Enter) || pressed(Key::Escape) {
            inputs.push(Input::Comment);
        }
        return inputs;
    }
    let pressed = |key| {
        ui.input_mut(|input| {
            // Ignore key repeat: a held key answers one item only.
            let fresh = input.events.iter().any(|event| {
                matches!(event, Event::Key { key: k, pressed: true, repeat: false, .. } if *k == key)
            });
            input.consume_key(Modifiers::NONE, key) && fresh
        })
    };
    if pressed(Key::Escape) {
        inputs.push(Input::Leave);
    }
    if judging.reading {
        if pressed(Key::Enter) || pressed(Key::Space) {
            inputs.push(Input::Leave);
        }
        return inputs;
    }
    if pressed(Key::Questionmark) || pressed(Key::I) {
        inputs.push(Input::Read);
    }
    if pressed(Key::U) || pressed(Key::Backspace) {
        inputs.push(Input::Undo);
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
                (Key::Num0, Choice::Tie),
            ];
            let answers = answers.into_iter().filter(|(key, _)| pressed(*key));
            inputs.extend(answers.map(|(_, choice)| Input::Answer(choice)));
        }
        Some(StudyKind::Rating) => {
            let digits = [Key::Num1, Key::Num2, Key::Num3, Key::Num4, Key::Num5];
            let points = (1..).zip(digits).filter(|(_, key)| pressed(*key));
            inputs.extend(points.map(|(points, _)| Input::Point(points)));
        }
        None => {}
    }
    for (key, what) in [
        (Key::S, Input::Skip),
        (Key::F, Input::Flag),
        (Key::C, Input::Comment),
    ] {
        if pressed(key) {
            inputs.push(what);
        }
    }
    inputs
}

/// Handles an input; `now` is in the window's seconds.
pub(super) fn handle(judging: &mut Judging, input: Input, now: f64, commands: &mut Commands) {
    match input {
        Input::Leave if judging.reading => {
            judging.reading = false;
            return;
        }
        Input::Leave => {
            commands.run(Core::leave_judging);
            return;
        }
        Input::Read => {
            judging.reading = !judging.reading;
            return;
        }
        _ => {}
    }
    if judging.reading || judging.given.is_some() {
        // Wait until the last judgement is on disk.
        return;
    }
    let mut given = Given {
        answer: None,
        settles: false,
        time: now,
        recorded: false,
    };
    if input == Input::Undo {
        if let Some(last) = judging.draft.iter().rposition(Option::is_some) {
            judging.draft[last] = None;
            return;
        }
        judging.given = Some(given);
        commands.run(Core::undo_judgement);
        return;
    }
    let Some(page) = judging.page() else { return };
    let item = page.item;
    let flagged = judging
        .desk
        .value()
        .is_some_and(|desk| desk.state(page).flagged);
    let action = match input {
        Input::Answer(choice) => JudgementAction::Answer(Answer::Choice(choice)),
        Input::Point(points) => {
            let Some(place) = judging.draft.iter().position(Option::is_none) else {
                return;
            };
            judging.draft[place] = Score::try_from(points).ok();
            match judging.rating() {
                Some(rating) => JudgementAction::Answer(Answer::Rating(rating)),
                None => return,
            }
        }
        Input::Skip => JudgementAction::Skip,
        Input::Flag => JudgementAction::Flag(!flagged),
        Input::Comment => {
            match judging.comment.take() {
                // The field was open: its text is the comment.
                Some(comment) => {
                    let comment = comment.text.trim().chars().take(COMMENT_LIMIT).collect();
                    JudgementAction::Comment(comment)
                }
                None => {
                    let desk = judging.desk.value();
                    let state = desk
                        .zip(judging.page())
                        .map(|(desk, page)| desk.state(page));
                    judging.comment = Some(Comment::new(state.unwrap_or_default().comment));
                    return;
                }
            }
        }
        Input::Undo | Input::Read | Input::Leave => return,
    };
    given.answer = match &action {
        JudgementAction::Answer(answer) => Some(*answer),
        _ => None,
    };
    given.settles = matches!(action, JudgementAction::Answer(_) | JudgementAction::Skip);
    judging.given = Some(given);
    let shown_ms = judging.shown_ms();
    commands.run(move |core| core.judge(item, action, shown_ms));
}
