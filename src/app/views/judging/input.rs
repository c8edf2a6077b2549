//! The annotator's keys and buttons on the judging page. A judgement is recorded first, then shown.

use eframe::egui::{Event, Key, Modifiers, Ui};

use crate::app::command::Commands;
use crate::app::logic::Core;
use crate::app::state::judging::{Comment, Given, Judging};
use crate::study::definition::StudyKind;
use crate::study::judgement::{Answer, COMMENT_LIMIT, Choice, JudgementAction};

/// The part of an answer in view that a key scrolls by.
pub(super) const PART: f32 = 0.8;

/// What a key or a button means.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Input {
    Answer(Choice),
    /// Of the aspect that is next.
    Point(u8),
    /// Of the aspect at this place, whether it has one or not.
    Score(usize, u8),
    Skip,
    Flag,
    /// Opens the comment with what was typed behind the key, or closes it.
    Comment(String),
    Undo,
    /// To the judged item before, to look at it.
    Back,
    /// To the one after, and at last to the item to judge.
    Forward,
    /// Scrolls answers that are longer than shown, by this part of what is in view.
    Scroll(f32),
    Read,
    Leave,
}

/// What the keys pressed since the last frame mean, in their order.
pub(super) fn keys(ui: &Ui, judging: &Judging) -> Vec<Input> {
    if judging.comment.is_some() {
        let pressed = |key| ui.input_mut(|input| input.consume_key(Modifiers::NONE, key));
        let is_done = pressed(Key::Enter) || pressed(Key::Escape);
        return is_done
            .then(|| Input::Comment(String::new()))
            .into_iter()
            .collect();
    }
    let kind = judging.desk.value().map(|desk| desk.head.kind);
    let events = ui.input_mut(|input| std::mem::take(&mut input.events));
    let mut inputs = Vec::new();
    let mut others = Vec::new();
    let mut events = events.into_iter();
    while let Some(event) = events.next() {
        let input = match &event {
            Event::Key {
                key,
                pressed: true,
                modifiers,
                ..
            } if modifiers.matches_logically(Modifiers::NONE) => {
                meaning(*key, judging.reading, kind)
            }
            _ => None,
        };
        match input {
            None => others.push(event),
            Some(Input::Scroll(by)) => inputs.push(Input::Scroll(by)),
            // A held key answers one item only.
            Some(_) if matches!(event, Event::Key { repeat: true, .. }) => {}
            // What is typed behind it is the comment, although its field is not there yet.
            Some(Input::Comment(_)) => {
                inputs.push(Input::Comment(typed(events.by_ref(), "c")));
            }
            Some(input) => inputs.push(input),
        }
    }
    ui.input_mut(|input| input.events = others);
    inputs
}

/// The text typed in these events, without the letter of the key before them.
fn typed(events: impl Iterator<Item = Event>, letter: &str) -> String {
    let texts = events.filter_map(|event| match event {
        Event::Text(text) => Some(text),
        _ => None,
    });
    let mut texts = texts.peekable();
    texts.next_if(|text| text.eq_ignore_ascii_case(letter));
    texts.collect()
}

/// What a key means, while the instructions are read or with an item of this kind in view.
fn meaning(key: Key, reading: bool, kind: Option<StudyKind>) -> Option<Input> {
    Some(match (key, kind) {
        (Key::Escape, _) => Input::Leave,
        (Key::Enter | Key::Space, _) if reading => Input::Leave,
        _ if reading => return None,
        (Key::Questionmark | Key::I, _) => Input::Read,
        (Key::U | Key::Backspace, _) => Input::Undo,
        (Key::S, _) => Input::Skip,
        (Key::F, _) => Input::Flag,
        (Key::C, _) => Input::Comment(String::new()),
        (Key::B, _) => Input::Back,
        (Key::N, _) => Input::Forward,
        (Key::J, _) => Input::Scroll(PART),
        (Key::K, _) => Input::Scroll(-PART),
        (Key::ArrowLeft | Key::Num1, Some(StudyKind::AbTest)) => Input::Answer(Choice::Left),
        (Key::ArrowRight | Key::Num2, Some(StudyKind::AbTest)) => Input::Answer(Choice::Right),
        (Key::ArrowDown | Key::Num3 | Key::Num0, Some(StudyKind::AbTest)) => {
            Input::Answer(Choice::Tie)
        }
        (Key::Num1, Some(StudyKind::Rating)) => Input::Point(1),
        (Key::Num2, Some(StudyKind::Rating)) => Input::Point(2),
        (Key::Num3, Some(StudyKind::Rating)) => Input::Point(3),
        (Key::Num4, Some(StudyKind::Rating)) => Input::Point(4),
        (Key::Num5, Some(StudyKind::Rating)) => Input::Point(5),
        (Key::Num6, Some(StudyKind::Rating)) => Input::Point(6),
        (Key::Num7, Some(StudyKind::Rating)) => Input::Point(7),
        (Key::Num8, Some(StudyKind::Rating)) => Input::Point(8),
        (Key::Num9, Some(StudyKind::Rating)) => Input::Point(9),
        (Key::Num0, Some(StudyKind::Rating)) => Input::Point(10),
        (Key::Minus, Some(StudyKind::Rating)) => Input::Point(11),
        _ => return None,
    })
}

/// Handles an input; `now` is in the window's seconds.
pub(super) fn handle(judging: &mut Judging, input: Input, now: f64, commands: &mut Commands) {
    match input {
        Input::Leave if judging.reading => {
            judging.reading = false;
            return;
        }
        Input::Leave if judging.looking.is_some() => {
            judging.go_on();
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
    if judging.reading {
        return;
    }
    if let Input::Point(points) = input
        && !is_on_scale(judging, points)
    {
        return;
    }
    let answers = matches!(
        input,
        Input::Answer(_) | Input::Point(_) | Input::Score(..) | Input::Skip
    );
    if judging.looking.is_none() && answers && !judging.is_meant(now) {
        return;
    }
    if judging.given.is_some() {
        // The last judgement is not on disk yet.
        judging.too_early = true;
        return;
    }
    match input {
        Input::Back => return judging.look_back(),
        Input::Forward => return judging.look_forward(),
        // What is looked at is not answered; the page says so.
        _ if judging.looking.is_some() => return,
        _ => judging.too_early = false,
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
            let Some(aspect) = judging.aspect() else {
                return;
            };
            match scored(judging, aspect, points) {
                Some(action) => action,
                None => return,
            }
        }
        Input::Score(aspect, points) => match scored(judging, aspect, points) {
            Some(action) => action,
            None => return,
        },
        Input::Skip => JudgementAction::Skip,
        Input::Flag => JudgementAction::Flag(!flagged),
        Input::Comment(typed) => {
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
                    let earlier = state.unwrap_or_default().comment;
                    judging.comment = Some(Comment::new(earlier + &typed));
                    return;
                }
            }
        }
        Input::Undo
        | Input::Back
        | Input::Forward
        | Input::Scroll(_)
        | Input::Read
        | Input::Leave => return,
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

/// Whether the aspect that is next has so many points. Once all are scored, every point is refused for another reason.
fn is_on_scale(judging: &Judging, points: u8) -> bool {
    let next = judging.aspect().and_then(|at| judging.aspects().get(at));
    next.is_none_or(|aspect| points <= aspect.points)
}

/// Scores the aspect at this place; the answer once all are scored.
fn scored(judging: &mut Judging, aspect: usize, points: u8) -> Option<JudgementAction> {
    *judging.draft.get_mut(aspect)? = Some(points);
    judging.rating().map(JudgementAction::Answer)
}
