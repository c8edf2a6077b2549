//! A record of a corpus: its context by role, target and responses side by side, and all that is said of them.

use eframe::egui::{
    Align, Color32, Frame, Id, Layout, Margin, Rect, Role as Accessible, Sense, Ui, Vec2,
    WidgetInfo, pos2, vec2,
};

use super::button::{Button, focus_ring};
use super::dialogue::utterance_ui;
use super::icon::{self, Icon};
use super::layout;
use super::notice;
use super::text as words;
use crate::app::format;
use crate::app::state::sound::{SoundName, SoundState};
use crate::app::theme::{self, size, space, text};
use crate::data::corpus::Record;
use crate::data::corpus::record::{Labels, Origin, Response, Score, Verdict};

/// Letters of a label with its value that stand in a chip; longer ones are lines.
const CHIP: usize = 48;
/// The least width of a response's card.
const CARD: f32 = 184.0;

/// The sounds of a corpus in the store, which can be played where the program was built to.
#[derive(Clone, Copy)]
pub struct Sounds<'a> {
    pub corpus: &'a str,
    pub state: &'a SoundState,
}

/// Draws a record. `salt` tells it from others on the page; of longer texts than `limit` the beginning is shown. Returns
/// the sound whose button was pressed.
pub fn record_ui(
    ui: &mut Ui,
    record: &Record,
    salt: &str,
    limit: Option<usize>,
    sounds: Option<Sounds<'_>>,
) -> Option<SoundName> {
    let mut pressed = None;
    ui.spacing_mut().item_spacing.y = space::S;
    let head = words::heading(ui, &beginning(&record.id, Some(80)));
    head.on_hover_text(&record.id);
    let place = place_words(record);
    if !place.is_empty() {
        words::secondary(ui, place);
    }
    remarks_ui(ui, &record.labels, &record.scores);
    verdicts_ui(ui, &record.verdicts);
    for said in &record.context {
        utterance_ui(ui, &beginning(&said.text, limit), said.role);
        remarks_ui(ui, &said.labels, &[]);
        if let Some(audio) = &said.audio {
            pressed = sound_ui(ui, audio, sounds).or(pressed);
        }
    }
    if record.context.is_empty() {
        words::secondary(ui, "This record has no context.");
    }
    if let Some(target) = &record.target {
        let colour = theme::of(ui).secondary;
        card_ui(ui, "Target", colour, |ui| {
            words::selectable(ui, beginning(target, limit));
        });
    }
    let across = (((ui.available_width() + space::M) / (CARD + space::M)) as usize).clamp(1, 3);
    let across = across.min(record.responses.len().max(1));
    let width = (ui.available_width() - space::M * (across - 1) as f32) / across as f32;
    for (row, responses) in record.responses.chunks(across).enumerate() {
        ui.horizontal_top(|ui| {
            ui.spacing_mut().item_spacing.x = space::M;
            for (at, response) in responses.iter().enumerate() {
                let salt = format!("{salt} {row} {at}");
                layout::column(ui, width, |ui| {
                    let found = response_ui(ui, response, &salt, limit, sounds);
                    pressed = found.or(pressed.take());
                });
            }
        });
    }
    pressed
}

/// A sound with a button to play it, where it can be. Returns it where the button was pressed.
pub fn sound_ui(ui: &mut Ui, audio: &str, sounds: Option<Sounds<'_>>) -> Option<SoundName> {
    let shown = format!("Sound: {audio}");
    let Some(sounds) = sounds.filter(|_| cfg!(feature = "audio")) else {
        words::secondary(ui, shown);
        return None;
    };
    let name = SoundName {
        corpus: sounds.corpus.to_string(),
        audio: audio.to_string(),
    };
    let mut pressed = false;
    ui.horizontal_wrapped(|ui| {
        let button = match sounds.state.is_playing(&name) {
            true => Button::secondary("Stop").with_icon(Icon::Stop),
            false => Button::secondary("Play").with_icon(Icon::Play),
        };
        pressed = button.clicked(ui);
        words::secondary(ui, shown);
    });
    notice::failed(ui, "It cannot be played", sounds.state.refused(&name));
    pressed.then_some(name)
}

/// Conversation, turn and split.
fn place_words(record: &Record) -> String {
    let conversation = record.conversation.as_ref().filter(|of| **of != record.id);
    let parts = [
        conversation.map(|of| format!("Conversation {}", beginning(of, Some(80)))),
        record.turn.map(|turn| format!("turn {turn}")),
        record.split.map(|split| format!("{split} split")),
    ];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    format::sentence(&parts.join(" · "))
}

fn response_ui(
    ui: &mut Ui,
    response: &Response,
    salt: &str,
    limit: Option<usize>,
    sounds: Option<Sounds<'_>>,
) -> Option<SoundName> {
    let mut pressed = None;
    let colour = theme::of(ui).text;
    card_ui(ui, &response.system, colour, |ui| {
        words::selectable(ui, beginning(&response.text, limit));
        remarks_ui(ui, &response.labels, &response.scores);
        if let Some(audio) = &response.audio {
            pressed = sound_ui(ui, audio, sounds);
        }
        if let Some(reasoning) = &response.reasoning {
            reasoning_ui(ui, salt, &response.system, &beginning(reasoning, limit));
        }
    });
    pressed
}

fn card_ui(ui: &mut Ui, name: &str, colour: Color32, content: impl FnOnce(&mut Ui)) {
    framed(ui, |ui| {
        words::strong(ui, name, text::small(), colour);
        content(ui);
    });
}

/// The frame of an answer, over the whole width.
pub fn framed(ui: &mut Ui, content: impl FnOnce(&mut Ui)) {
    let t = theme::of(ui);
    Frame::new()
        .fill(t.panel)
        .stroke(t.line_stroke())
        .corner_radius(size::RADIUS)
        .inner_margin(Margin::same(space::M as i8))
        .show(ui, |ui| {
            ui.set_width(ui.available_width());
            ui.spacing_mut().item_spacing.y = space::XS;
            content(ui);
        });
}

/// Labels as chips, long ones as lines; scores with their range and who gave them.
pub fn remarks_ui(ui: &mut Ui, labels: &Labels, scores: &[Score]) {
    let t = theme::of(ui);
    let words_of = |(label, value): (&String, &String)| format!("{label}: {value}");
    let (short, long): (Vec<String>, Vec<String>) = labels
        .iter()
        .map(words_of)
        .partition(|words| words.chars().count() <= CHIP && !words.contains('\n'));
    if !short.is_empty() {
        ui.scope(|ui| {
            ui.spacing_mut().item_spacing = Vec2::splat(space::XS);
            ui.spacing_mut().interact_size.y = 0.0;
            ui.horizontal_wrapped(|ui| {
                for words in &short {
                    super::notice::tag(ui, words, t.hover, t.text);
                }
            });
        });
    }
    for words in long {
        words::small_coloured(ui, words, t.secondary);
    }
    for given in score_lines(scores) {
        words::small_coloured(ui, given, t.text);
    }
}

/// A line for each verdict.
pub fn verdicts_ui(ui: &mut Ui, verdicts: &[Verdict]) {
    let t = theme::of(ui);
    for line in verdict_lines(verdicts) {
        words::small_coloured(ui, line, t.text);
    }
}

/// A line for what several said alike: "empathy: anna over bert, given by people (2)".
pub fn verdict_lines(verdicts: &[Verdict]) -> Vec<String> {
    let mut lines: Vec<(String, usize)> = Vec::new();
    for verdict in verdicts {
        let [first, second] = verdict.pair();
        let said = match verdict.winner() {
            Some(winner) if winner == first => format!("{first} over {second}"),
            Some(_) => format!("{second} over {first}"),
            None => format!("{first} and {second} alike"),
        };
        let by = match (verdict.origin, &verdict.judge) {
            (Some(Origin::Judge) | None, Some(judge)) => {
                format!("{judge}, {}", origin_words(verdict.origin))
            }
            (origin, _) => origin_words(origin).to_string(),
        };
        let line = format!("{}: {said}, {by}", verdict.name);
        match lines.iter_mut().find(|(known, _)| *known == line) {
            Some((_, n)) => *n += 1,
            None => lines.push((line, 1)),
        }
    }
    let line = |(line, n): (String, usize)| match n {
        1 => line,
        n => format!("{line} ({n})"),
    };
    lines.into_iter().map(line).collect()
}

/// A line for each score: "rating 4, 5 (1 to 5), given by people".
pub fn score_lines(scores: &[Score]) -> Vec<String> {
    let mut lines: Vec<(&Score, Vec<String>)> = Vec::new();
    for score in scores {
        let mut value = format::typeset(&score.value.to_string());
        if let Some(rater) = &score.rater {
            value += &format!(" by {rater}");
        }
        let is_same = |known: &&mut (&Score, Vec<String>)| {
            known.0.name == score.name
                && known.0.range == score.range
                && known.0.origin == score.origin
        };
        match lines.iter_mut().find(is_same) {
            Some((_, values)) => values.push(value),
            None => lines.push((score, vec![value])),
        }
    }
    let line = |(score, values): (&Score, Vec<String>)| {
        let number = |value: f64| format::typeset(&value.to_string());
        let range = score.range;
        let range = range.map(|[low, high]| format!(" ({} to {})", number(low), number(high)));
        let unknown = match (&range, score.origin) {
            (None, None) => ", range and origin not known",
            (None, Some(_)) => ", range not known",
            (Some(_), None) => ", origin not known",
            (Some(_), Some(_)) => "",
        };
        let origin = score
            .origin
            .map(|origin| format!(", {}", origin_words(Some(origin))));
        format!(
            "{} {}{}{}{unknown}",
            score.name,
            values.join(", "),
            range.unwrap_or_default(),
            origin.unwrap_or_default()
        )
    };
    lines.into_iter().map(line).collect()
}

/// Who gave a score.
pub fn origin_words(origin: Option<Origin>) -> &'static str {
    match origin {
        Some(Origin::Human) => "given by people",
        Some(Origin::Model) => "from a classifier or formula",
        Some(Origin::Judge) => "given by a judge, a language model",
        None => "origin not known",
    }
}

/// What a system wrote before it answered, folded away.
pub fn reasoning_ui(ui: &mut Ui, salt: &str, system: &str, reasoning: &str) {
    let t = theme::of(ui);
    let id = Id::unique(("reasoning", salt, system));
    let mut open: bool = ui.data(|data| data.get_temp(id)).unwrap_or_default();
    let galley = words::galley(ui, "Reasoning", text::small(), t.secondary);
    let room = vec2(galley.size().x + 20.0, 22.0);
    let (rect, response) = ui.allocate_exact_size(room, Sense::click());
    let name = format!("Reasoning of {system}");
    response
        .widget_info(|| WidgetInfo::selected(Accessible::DisclosureTriangle, true, open, &name));
    if response.clicked() {
        open = !open;
        ui.data_mut(|data| data.insert_temp(id, open));
    }
    if response.hovered() {
        ui.painter().rect_filled(rect, 4, t.hover);
    }
    let mark = Rect::from_center_size(pos2(rect.left() + 8.0, rect.center().y), Vec2::splat(10.0));
    match open {
        true => icon::paint(ui.painter(), mark, Icon::Chevron, t.secondary),
        false => icon::paint_closed(ui.painter(), mark, t.secondary),
    }
    let at = pos2(rect.left() + 18.0, rect.center().y - galley.size().y / 2.0);
    ui.painter().galley(at, galley, t.secondary);
    focus_ring(ui, &response, rect);
    if open {
        ui.with_layout(Layout::top_down(Align::Min), |ui| {
            words::selectable(ui, reasoning);
        });
    }
}

/// At most so many letters.
fn beginning(text: &str, limit: Option<usize>) -> String {
    let Some((end, _)) = limit.and_then(|limit| text.char_indices().nth(limit)) else {
        return text.to_string();
    };
    format!("{}…", &text[..end])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::corpus::record::Preferred;

    #[test]
    fn verdicts_that_say_the_same_stand_in_a_line() {
        let verdict = |first: &str, preferred, judge: &str, origin| Verdict {
            name: "empathy".into(),
            first: first.into(),
            second: "b".into(),
            preferred,
            in_order: false,
            judge: Some(judge.into()),
            origin: Some(origin),
            repeat: None,
        };
        let said = [
            verdict("a", Preferred::First, "w1", Origin::Human),
            verdict("a", Preferred::First, "w2", Origin::Human),
            verdict("c", Preferred::Tie, "m", Origin::Judge),
        ];
        assert_eq!(
            verdict_lines(&said),
            [
                "empathy: a over b, given by people (2)",
                "empathy: b and c alike, m, given by a judge, a language model",
            ]
        );
    }

    #[test]
    fn scores_of_one_kind_stand_in_a_line_with_range_and_origin() {
        let score = |value: f64, origin| Score {
            name: "rating".into(),
            value,
            range: Some([1.0, 5.0]),
            origin,
            probabilities: Vec::new(),
            rater: None,
        };
        let human = Some(Origin::Human);
        let scores = [score(4.0, human), score(4.5, human), score(2.0, None)];
        assert_eq!(
            score_lines(&scores),
            [
                "rating 4, 4.5 (1 to 5), given by people",
                "rating 2 (1 to 5), origin not known"
            ]
        );
    }
}
