//! One case: the conversation, the target and the answers side by side, its pin and note.

use eframe::egui::{Align, Layout, TextEdit, Ui, vec2};

use crate::app::command::{Command, Commands};
use crate::app::format::sentence;
use crate::app::place::Place;
use crate::app::state::people::CasesState;
use crate::app::state::sound::{SoundName, SoundState};
use crate::app::theme::{self, size, space, text};
use crate::app::views::sound;
use crate::app::widgets::button::Button;
use crate::app::widgets::dialogue::utterance_ui;
use crate::app::widgets::icon::Icon;
use crate::app::widgets::layout;
use crate::app::widgets::levels::levels;
use crate::app::widgets::notice::{self};
use crate::app::widgets::record::{
    Sounds, framed, reasoning_ui, remarks_ui, sound_ui, verdicts_ui,
};
use crate::app::widgets::text as words;
use crate::data::Role;
use crate::data::corpus::record::{EMOTION, Response, SITUATION};
use crate::operations::responses::CaseRemarks;
use crate::report::tables::TableNumber;
use crate::study::cases::{AnswerLevels, Case, CaseSet, Levels};

/// The greatest width of a case: three answers side by side.
const MAX_WIDTH: f32 = 1000.0;

pub(super) fn case_ui(
    ui: &mut Ui,
    cases: &mut CasesState,
    table: &mut TableNumber,
    playing: &SoundState,
    commands: &mut Commands,
) {
    let Some(book) = cases.book.value() else {
        return;
    };
    let Some(case) = cases.shown.and_then(|at| book.cases.get(at)) else {
        layout::padded(ui, space::L, |ui| {
            let words = match book.cases.is_empty() {
                true => "There is no case to show.",
                false => "Choose a case on the left.",
            };
            words::secondary(ui, words);
        });
        return;
    };
    if cases.remarks.wants(&case.key) {
        let key = case.key.clone();
        commands.run(|core| core.load_remarks(key));
    }
    let said = cases.remarks.shown().filter(|(key, _)| **key == case.key);
    let said = said.map(|(_, said)| said);
    layout::scrolled(ui, ("case", &case.key.0), |ui| {
        layout::padded(ui, space::L, |ui| {
            ui.spacing_mut().item_spacing.y = space::S;
            // Conversation and answers end at the same edge.
            ui.set_max_width(MAX_WIDTH.min(ui.available_width()));
            case_head_ui(ui, case, book, &mut cases.note, table, commands);
            notice::failed(ui, "The pin was not saved", cases.refused.as_deref());
            if let Some(situation) = &case.context.situation {
                words::secondary(ui, format!("Situation: {situation}"));
            }
            for (turn, utterance) in case.context.utterances.iter().enumerate() {
                utterance_ui(ui, utterance, Role::of(&case.context.roles, turn));
            }
            let remarks = match said {
                Some(Ok(remarks)) => Some(remarks),
                Some(Err(why)) => {
                    let title = "What its corpus says of it cannot be read";
                    notice::failed(ui, title, Some(why));
                    None
                }
                None => None,
            };
            for (corpus, record) in remarks.into_iter().flat_map(|said| &said.records) {
                let mut labels = record.labels.clone();
                // Shown above.
                labels.remove(EMOTION);
                labels.remove(SITUATION);
                let says_something = !labels.is_empty()
                    || !record.scores.is_empty()
                    || !record.verdicts.is_empty()
                    || !record.sounds.is_empty();
                if says_something {
                    words::small(ui, format!("In the corpus {corpus}"));
                    remarks_ui(ui, &labels, &record.scores);
                    verdicts_ui(ui, &record.verdicts);
                }
                for audio in &record.sounds {
                    let sounds = Sounds {
                        corpus,
                        state: playing,
                    };
                    sound::play(sound_ui(ui, audio, Some(sounds)), commands);
                }
            }
            ui.add_space(space::S);
            let systems = &cases.filter.systems;
            let pressed = answers_ui(ui, case, book, systems, remarks, playing);
            sound::play(pressed, commands);
            ui.add_space(space::XL);
        });
    });
}

fn case_head_ui(
    ui: &mut Ui,
    case: &Case,
    book: &CaseSet,
    note: &mut String,
    table: &mut TableNumber,
    commands: &mut Commands,
) {
    let pin = |commands: &mut Commands, note: Option<String>| {
        let key = case.key.clone();
        commands.run(move |core| core.pin(key, note));
    };
    ui.horizontal_wrapped(|ui| {
        let emotion = case
            .context
            .emotion
            .as_deref()
            .unwrap_or("no emotion given");
        words::heading(ui, &sentence(emotion));
        ui.add_space(space::S);
        match &case.pin {
            None => {
                let hint = "Keep this case for Table VI";
                if Button::secondary("Pin")
                    .with_icon(Icon::Pin)
                    .hint(hint)
                    .clicked(ui)
                {
                    pin(commands, Some(note.trim().to_string()));
                }
            }
            Some(kept) => {
                if Button::secondary("Unpin").with_icon(Icon::Pin).clicked(ui) {
                    pin(commands, None);
                }
                let width = 220.0_f32.min(ui.available_width() - space::L).max(80.0);
                let field = TextEdit::singleline(note)
                    .hint_text("A note for the pin")
                    .desired_width(width)
                    .min_size(vec2(width, size::ROW));
                let typed = ui.add(field).accessible_name("Note of the pin");
                if typed.lost_focus() && note.trim() != kept {
                    pin(commands, Some(note.trim().to_string()));
                }
            }
        }
        let pinned = book.pinned().len();
        if pinned > 0 {
            let words = match pinned {
                1 => "Table VI with 1 pinned case".to_string(),
                n => format!("Table VI with {n} pinned cases"),
            };
            let button = Button::quiet(&words)
                .with_icon(Icon::Tables)
                .hint("See and export it");
            if ui.add(button).clicked() {
                *table = TableNumber::Cases;
                commands.push(Command::Go(Place::Tables));
            }
        }
    });
}

/// The target, then the answers; up to three side by side.
fn answers_ui(
    ui: &mut Ui,
    case: &Case,
    book: &CaseSet,
    systems: &[usize],
    remarks: Option<&CaseRemarks>,
    playing: &SoundState,
) -> Option<SoundName> {
    let target = case
        .context
        .target
        .as_deref()
        .filter(|target| !target.is_empty());
    let target = target.unwrap_or("(none known)");
    let target_levels = systems
        .iter()
        .find_map(|system| case.answers.get(*system)?.as_ref()?.levels?.target);
    let mut cards: Vec<Card<'_>> = vec![Card {
        name: "Target",
        text: target,
        levels: target_levels.map(CardLevels::Target),
        said: None,
    }];
    for system in systems {
        let Some(name) = book.systems.get(*system) else {
            continue;
        };
        let answer = case.answers.get(*system).and_then(Option::as_ref);
        cards.push(Card {
            name,
            text: answer.map_or("(no answer)", |answer| &answer.text),
            levels: answer
                .and_then(|answer| answer.levels)
                .map(CardLevels::Answer),
            said: remarks.and_then(|remarks| remarks.responses.get(name)),
        });
    }
    let across = (((ui.available_width() + space::M) / 300.0) as usize).clamp(1, 3);
    let width = (ui.available_width() - space::M * (across - 1) as f32) / across as f32;
    let mut pressed = None;
    for row in cards.chunks(across) {
        ui.horizontal_top(|ui| {
            ui.spacing_mut().item_spacing.x = space::M;
            for card in row {
                layout::column(ui, width, |ui| {
                    pressed = card.draw(ui, playing).or(pressed.take());
                });
            }
        });
    }
    pressed
}

struct Card<'a> {
    name: &'a str,
    text: &'a str,
    levels: Option<CardLevels>,
    /// Its corpus, and what that says of it.
    said: Option<&'a (String, Response)>,
}

#[derive(Clone, Copy)]
enum CardLevels {
    Target(Levels),
    Answer(AnswerLevels),
}

impl Card<'_> {
    /// Returns the sound whose button was pressed.
    fn draw(&self, ui: &mut Ui, playing: &SoundState) -> Option<SoundName> {
        let t = theme::of(ui);
        let mut pressed = None;
        let is_target = self.name == "Target";
        framed(ui, |ui| {
            ui.spacing_mut().interact_size.y = 0.0;
            ui.horizontal(|ui| {
                let colour = if is_target { t.secondary } else { t.text };
                words::strong(ui, self.name, text::small(), colour);
                if let Some(CardLevels::Answer(levels)) = self.levels
                    && let Some(agreement) = levels.agreement()
                {
                    ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                        let agreement = format!("{agreement} of 3 as the target");
                        words::small_label(ui, agreement, t.secondary);
                    });
                }
            });
            words::selectable(ui, self.text);
            match self.levels {
                Some(CardLevels::Target(known)) => levels(ui, &known, None),
                Some(CardLevels::Answer(known)) => {
                    levels(ui, &known.response, known.target.as_ref());
                }
                None => {}
            }
            if let Some((corpus, said)) = self.said {
                remarks_ui(ui, &said.labels, &said.scores);
                if let Some(audio) = &said.audio {
                    let sounds = Sounds {
                        corpus,
                        state: playing,
                    };
                    pressed = sound_ui(ui, audio, Some(sounds));
                }
                if let Some(reasoning) = &said.reasoning {
                    reasoning_ui(ui, "case", self.name, reasoning);
                }
            }
        });
        pressed
    }
}
