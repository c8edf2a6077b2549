//! Writes preference pairs as TRL and other programs read them: conversations of user and assistant.

use serde_json::{Value, json};

use super::PreferencePair;
use crate::data::sets::Role;

/// One JSON object a line: `prompt`, `chosen` and `rejected` as lists of messages, and `judgement` where the pair comes
/// from a study.
pub fn trl_rows(pairs: &[PreferencePair]) -> String {
    let mut text = String::new();
    for pair in pairs {
        let prompt: Vec<Value> = pair
            .turns()
            .iter()
            .map(|(role, content)| message(role, content))
            .collect();
        let mut row = json!({
            "prompt": prompt,
            "chosen": [message(Role::Listener, &pair.chosen)],
            "rejected": [message(Role::Listener, &pair.rejected)],
        });
        if let Some(judgement) = &pair.judgement {
            row["judgement"] = json!(judgement);
        }
        text += &row.to_string();
        text.push('\n');
    }
    text
}

fn message(role: Role, content: &str) -> Value {
    let role = match role {
        Role::Speaker => "user",
        Role::Listener => "assistant",
    };
    json!({"role": role, "content": content})
}
