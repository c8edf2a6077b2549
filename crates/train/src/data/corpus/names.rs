//! What columns, fields and roles are usually called. No system's and no file's own name is among them.

use crate::data::empathy::Mechanism;

pub const ID: &[&str] = &[
    "id",
    "idx",
    "index",
    "sample_id",
    "example_id",
    "record_id",
    "item_id",
    "item",
    "row_id",
    "uid",
    "qid",
    "response_id",
    "rp_id",
];
/// Of those what a row's number is called, also where pandas writes it without being asked: another id tells more.
pub const COUNTS: &[&str] = &["idx", "index"];
/// What was rated, where each row has a score of one thing among several.
pub const ASPECT: &[&str] = &[
    "aspect",
    "aspects",
    "aspect_name",
    "dimension",
    "dimension_name",
    "criterion",
    "criteria",
    "criterion_name",
    "metric",
    "metric_name",
    "facet",
    "attribute",
    "subscale",
    "measure",
    "construct",
];
/// Scores that say nothing of what was rated.
pub const SCORE: &[&str] = &[
    "score", "scores", "rating", "ratings", "rate", "value", "grade", "points", "mark",
];
pub const CONVERSATION: &[&str] = &[
    "conversation",
    "conversation_id",
    "conv_id",
    "dialog_id",
    "dialogue_id",
    "session_id",
    "thread_id",
    "chat_id",
    "seeker_id",
    "sp_id",
];
pub const TURN: &[&str] = &[
    "turn",
    "turn_id",
    "turn_idx",
    "turn_index",
    "turn_number",
    "utterance_idx",
    "exchange_number",
];
pub const SPLIT: &[&str] = &["split", "partition", "subset", "fold", "set"];
pub const SYSTEM: &[&str] = &[
    "system",
    "model",
    "system_name",
    "model_name",
    "model_id",
    "generator",
    "llm",
];
/// What verdicts say of: an id that several rows have.
pub const JUDGED: &[&str] = &[
    "question_id",
    "prompt_id",
    "context_id",
    "case_id",
    "instruction_id",
];
/// Which of two is better, alone or beside what was asked.
pub const WINNER: &[&str] = &[
    "winner",
    "winning",
    "preferred",
    "preference",
    "verdict",
    "better",
    "judgement",
    "judgment",
];
/// The same where nothing but a word of [`OF_WINNER`] stands beside them.
pub const CHOICE: &[&str] = &["choice", "vote", "win"];
/// What stands beside those words without saying what was asked.
pub const OF_WINNER: &[&str] = &[
    "model",
    "system",
    "response",
    "answer",
    "assistant",
    "label",
    "which",
    "is",
    "one",
    "overall",
];
/// The two sides of a comparison, as the ends or the beginnings of names.
pub const SIDES: &[[&str; 2]] = &[
    ["a", "b"],
    ["1", "2"],
    ["first", "second"],
    ["left", "right"],
    ["x", "y"],
];
/// Beside a side: the column of what the system is called.
pub const OF_SIDE: &[&str] = &[
    "system",
    "model",
    "system_name",
    "model_name",
    "generator",
    "bot",
    "agent",
    "assistant",
    "method",
];
pub const TIE: &[&str] = &[
    "tie",
    "ties",
    "tied",
    "draw",
    "equal",
    "equally_good",
    "equally_bad",
    "same",
    "similar",
    "both",
    "both_good",
    "both_bad",
    "neither",
    "none",
    "no_preference",
    "tie_bothbad",
    "tie_both_bad",
];
pub const JUDGE: &[&str] = &[
    "judge",
    "judge_name",
    "judge_model",
    "judge_id",
    "judged_by",
    "annotator",
    "annotator_id",
    "annotator_name",
    "worker",
    "worker_id",
    "rater",
    "rater_id",
    "evaluator",
    "evaluator_id",
    "labeler",
    "labeler_id",
    "coder",
    "coder_id",
    "voter",
];
/// Of those who rate or judge: words of the name of a column that may say who did.
pub const RATES: &[&str] = &[
    "annotator",
    "annotators",
    "worker",
    "rater",
    "evaluator",
    "labeler",
    "labeller",
    "coder",
    "voter",
    "judge",
    "grader",
    "reviewer",
    "assessor",
    "expert",
    "participant",
    "respondent",
    "rated",
    "coded",
    "annotated",
    "labeled",
    "labelled",
];
pub const SHOWN_FIRST: &[&str] = &[
    "shown_first",
    "first_shown",
    "presented_first",
    "displayed_first",
    "order",
    "order_shown",
    "shown_order",
    "presentation_order",
];
/// Which of several times that an answer was judged.
pub const REPEAT: &[&str] = &[
    "repeat",
    "repeat_idx",
    "repeat_index",
    "repeat_id",
    "repetition",
    "trial",
    "trial_idx",
    "attempt",
];
pub const TARGET: &[&str] = &[
    "target",
    "targets",
    "target_response",
    "gold",
    "golden",
    "gold_response",
    "reference",
    "references",
    "ref",
    "ground_truth",
    "truth",
    "true",
    "listener_utterance",
    "listener_utter",
    "listener_uttr",
    "listener_response",
];
/// The likeliest first: where there are several, the others say something else.
pub const CONTEXT: &[&str] = &[
    "context",
    "contexts",
    "dialogue_context",
    "dialog_context",
    "dialogue_history",
    "dialog_history",
    "conversation_history",
    "speaker_utterance",
    "speaker_utter",
    "speaker_uttr",
    "user_utterance",
    "user_message",
    "user_input",
    "user_query",
    "seeker_post",
    "seeker_utterance",
    "patient_utterance",
    "question",
    "query",
    "post",
    "user",
    "speaker",
    "seeker",
    "patient",
    "human",
    "utterance",
    "input",
    "source",
    "src",
    "instruction",
    "prompt",
    "history",
];
/// A response's own name, or the part of it beside the system's.
pub const RESPONSE: &[&str] = &[
    "response",
    "responses",
    "resp",
    "generated",
    "generation",
    "generations",
    "output",
    "outputs",
    "answer",
    "reply",
    "pred",
    "prediction",
    "predicted",
    "greedy",
    "beam",
    "topk",
    "topp",
    "hyp",
    "hypothesis",
    "completion",
    "candidate",
];
/// Of those words the ones that a column of anything else hardly has.
pub const SAYS_RESPONSE: &[&str] = &[
    "response",
    "responses",
    "resp",
    "answer",
    "output",
    "outputs",
    "reply",
];
/// What stands beside those words where a column says something of a response.
pub const OF_RESPONSE: &[&str] = &[
    "type",
    "kind",
    "label",
    "class",
    "category",
    "emotion",
    "sentiment",
    "intent",
    "strategy",
    "act",
    "cue",
    "style",
    "tone",
    "level",
    "quality",
    "empathy",
    "score",
    "rating",
    "rated",
    "risk",
    "length",
    "language",
    "lang",
    "format",
    "status",
    "id",
    "time",
    "date",
    "topic",
    "correct",
    "is",
    "has",
];
/// What stands beside those words without naming a system.
pub const GENERIC: &[&str] = &[
    "text",
    "post",
    "model",
    "system",
    "bot",
    "assistant",
    "agent",
    "ai",
    "final",
    "generated",
    "predicted",
    "pred",
    "sentence",
    "utterance",
    "str",
];
/// Texts beside responses that are none.
pub const REMARKS: &[&str] = &[
    "note",
    "notes",
    "comment",
    "comments",
    "explanation",
    "explanations",
    "rationale",
    "rationales",
    "reason",
    "reasoning",
    "justification",
    "feedback",
    "summary",
    "description",
    "persona",
    "title",
    "url",
    "ts",
    "timestamp",
    "date",
    "time",
    "name",
    "situation",
    "prompt",
    "system_prompt",
];
pub const REASONING: &[&str] = &[
    "reasoning",
    "thought",
    "thoughts",
    "thinking",
    "cot",
    "chain_of_thought",
];
pub const AUDIO: &[&str] = &["audio", "audio_path", "wav", "speech", "audio_file"];
pub const SITUATION: &[&str] = &["situation"];
pub const EMOTION: &[&str] = &["emotion", "emotion_label", "emotion_type"];
pub const TURN_LISTS: &[&str] = &[
    "messages",
    "conversations",
    "conversation",
    "dialog",
    "dialogue",
    "dialogs",
    "turns",
    "utterances",
    "history",
    "context",
];
pub const TURN_ROLE: &[&str] = &[
    "role",
    "from",
    "speaker",
    "sender",
    "author",
    "speaker_role",
];
pub const TURN_TEXT: &[&str] = &["content", "value", "text", "utterance", "message"];

/// Columns of one turn each, with its number behind: `turn_1`.
pub const TURN_COLUMNS: &[&str] = &["turn", "utterance", "utter", "utt", "message", "msg"];
/// The last words of columns that number rows.
pub const NUMBERS_ROWS: &[&str] = &[
    "id", "idx", "index", "no", "nr", "number", "item", "row", "unnamed",
];

const SPEAKERS: &[&str] = &[
    "speaker",
    "user",
    "usr",
    "human",
    "seeker",
    "help_seeker",
    "client",
    "patient",
    "prompter",
    "customer",
];
const LISTENERS: &[&str] = &[
    "listener",
    "assistant",
    "sys",
    "gpt",
    "bot",
    "chatbot",
    "model",
    "supporter",
    "helper",
    "counselor",
    "counsellor",
    "therapist",
    "doctor",
    "clinician",
    "agent",
    "ai",
];

/// The side that a role's name is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    Speaker,
    Listener,
    System,
}

pub fn side(role: &str) -> Option<Side> {
    let plain = plain(role);
    let is = |names: &[&str]| names.contains(&plain.as_str());
    match () {
        () if is(SPEAKERS) => Some(Side::Speaker),
        () if is(LISTENERS) => Some(Side::Listener),
        () if plain == "system" => Some(Side::System),
        () => None,
    }
}

/// A name in small letters, its words joined by `_`: `userInput`, `User input` and `user-input` are the same.
pub fn plain(name: &str) -> String {
    let mut plain = String::with_capacity(name.len());
    let mut lower_before = false;
    for letter in name.chars() {
        if !letter.is_alphanumeric() {
            if !plain.is_empty() && !plain.ends_with('_') {
                plain.push('_');
            }
            lower_before = false;
            continue;
        }
        if letter.is_uppercase() && lower_before {
            plain.push('_');
        }
        lower_before = letter.is_lowercase();
        plain.extend(letter.to_lowercase());
    }
    while plain.ends_with('_') {
        plain.pop();
    }
    plain
}

/// Whether a column is called one of `names`.
pub fn is_called(name: &str, names: &[&str]) -> bool {
    names.contains(&plain(name).as_str())
}

/// What a column says of a system whose name its own ends or begins with: `warmth` of `bert` in `warmth_bert`.
pub fn beside(column: &str, system: &str) -> Option<String> {
    let (column, system) = (plain(column), plain(system));
    let rest = column
        .strip_suffix(&system)
        .and_then(|rest| rest.strip_suffix('_'))
        .or_else(|| column.strip_prefix(&system)?.strip_prefix('_'))?;
    let nested = ["scores_", "labels_"];
    let rest = nested
        .into_iter()
        .find_map(|kind| rest.strip_prefix(kind))
        .unwrap_or(rest);
    (!rest.is_empty() && !system.is_empty()).then(|| rest.to_string())
}

/// The mechanism whose levels a column of this name holds.
pub fn mechanism(name: &str) -> Option<Mechanism> {
    let plain = plain(name);
    let bare = plain
        .strip_suffix("_level")
        .or_else(|| plain.strip_suffix("_label"))
        .or_else(|| plain.strip_prefix("level_"))
        .unwrap_or(&plain);
    match bare {
        "emotional_reaction" | "emotional_reactions" | "er" => Some(Mechanism::EmotionalReaction),
        "interpretation" | "interpretations" | "ip" => Some(Mechanism::Interpretation),
        "exploration" | "explorations" | "ex" => Some(Mechanism::Exploration),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_the_same_however_they_are_written() {
        for name in [
            "userInput",
            "User input",
            "user-input",
            "USER_INPUT",
            " user.input_",
        ] {
            assert_eq!(plain(name), "user_input", "{name}");
        }
        assert_eq!(mechanism("ER_level"), Some(Mechanism::EmotionalReaction));
        assert_eq!(mechanism("ER_g"), None);
        assert_eq!(side("Help-Seeker"), Some(Side::Speaker));
    }
}
