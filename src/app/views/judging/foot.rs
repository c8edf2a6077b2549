//! The foot of the judging page: skip, flag, comment and undo, and why an answer was not recorded.

use eframe::egui::{EventFilter, Sense, TextEdit, Ui, UiBuilder, vec2};

use super::answers::answers_scroll;
use super::input::{Input, PART};
use super::parts::{CARDS, column, keycaps_ui};
use crate::app::state::judging::{Comment, Judging};
use crate::app::theme::{self, size, space};
use crate::app::widgets::notice::{self, Tone};
use crate::app::widgets::text as words;

/// Height of the comment's line.
const COMMENT: f32 = 16.0;
const TOO_EARLY: &str =
    "Not counted: it came before this item was in view. Wait a moment, then answer.";

const SCROLLS: &str = "The answers are longer than shown: J and K scroll them, Page down and Page up the conversation";
/// A click scrolls on, as J does.
const SCROLL_KEYS: (&[&str], &str, Input) = (&["J", "K"], "Scroll answers", Input::Scroll(PART));

pub(super) fn foot_ui(ui: &mut Ui, judging: &mut Judging, inputs: &mut Vec<Input>) {
    let t = theme::of(ui);
    if let Some(why) = &judging.refused {
        notice::strip(ui, Tone::Bad, "Not recorded; answer again", why, |_| {});
        ui.add_space(space::S);
    }
    if judging.reading || judging.page().is_none() {
        return;
    }
    let head = judging.desk.value().map(|desk| &desk.head);
    let asked = head.and_then(|head| head.comment.clone());
    if let Some(comment) = &mut judging.comment {
        ui.add_space(COMMENT);
        comment_ui(ui, comment, asked.as_deref(), inputs);
        return;
    }
    let state = judging
        .desk
        .value()
        .zip(judging.page())
        .map(|(desk, page)| desk.state(page))
        .unwrap_or_default();
    // The line is always reserved, so that nothing moves where an item has a comment.
    let (line, _) = ui.allocate_exact_size(vec2(ui.available_width(), COMMENT), Sense::hover());
    let scrolls = judging
        .page()
        .is_some_and(|page| answers_scroll(ui, judging, page));
    let said = match (judging.looking, judging.too_early, state.comment.is_empty()) {
        (Some(at), ..) => Some((
            format!(
                "Looking back at item {}, which stays as it is; Esc goes on",
                at + 1
            ),
            t.text,
        )),
        (None, true, _) => Some((TOO_EARLY.to_string(), t.bad)),
        (None, false, false) => Some((format!("Comment: {}", state.comment), t.secondary)),
        (None, false, true) if scrolls => Some((SCROLLS.to_string(), t.secondary)),
        (None, false, true) => None,
    };
    if let Some((said, colour)) = said {
        let mut line = ui.new_child(UiBuilder::new().max_rect(line));
        column(&mut line, CARDS, |ui| {
            words::small_label(ui, said, colour);
        });
    }
    if judging.looking.is_some() {
        let looks = [
            (&["B"][..], "Further back", Input::Back),
            (&["N"], "Forward", Input::Forward),
        ];
        let looks: Vec<_> = looks
            .into_iter()
            .chain(scrolls.then_some(SCROLL_KEYS))
            .collect();
        keycaps_ui(ui, &looks, false, inputs);
        return;
    }
    let flag = if state.flagged { "Flagged" } else { "Flag" };
    let rest = [
        (&["S"][..], "Skip", Input::Skip),
        (&["F"], flag, Input::Flag),
        (
            &["C"],
            asked.as_deref().map_or("Comment", shortened),
            Input::Comment(String::new()),
        ),
        (&["U"], "Undo", Input::Undo),
        (&["B"], "Look back", Input::Back),
    ];
    let rest: Vec<_> = rest
        .into_iter()
        .chain(scrolls.then_some(SCROLL_KEYS))
        .collect();
    keycaps_ui(ui, &rest, false, inputs);
}

/// What comments are asked for, where it fits a key.
fn shortened(asked: &str) -> &str {
    match asked.chars().count() <= 40 {
        true => asked,
        false => "Comment",
    }
}

fn comment_ui(ui: &mut Ui, comment: &mut Comment, asked: Option<&str>, inputs: &mut Vec<Input>) {
    column(ui, CARDS, |ui| {
        let id = ui.make_persistent_id("comment");
        if !comment.focused {
            // Before it is drawn, so that it takes what is typed in this frame.
            ui.memory_mut(|memory| memory.request_focus(id));
        }
        let field = TextEdit::singleline(&mut comment.text)
            .id(id)
            .hint_text(asked.unwrap_or("A comment for whoever made the study; Enter keeps it"))
            .desired_width(f32::INFINITY)
            .min_size(vec2(0.0, size::ROW));
        let response = ui.add(field).accessible_name("Comment");
        if response.has_focus() {
            comment.focused = true;
        } else if comment.focused {
            inputs.push(Input::Comment(String::new()));
        }
        ui.memory_mut(|memory| {
            let filter = EventFilter {
                escape: true,
                ..EventFilter::default()
            };
            memory.set_focus_lock_filter(response.id, filter);
        });
    });
}
