//! Prints a summary of newly stored responses.

use serde_json::{Value, json};

use crate::cli::input::problem_lines;
use crate::cli::output::{count, number_of};
use crate::cli::{CommandContext, Failure};
use crate::metrics::{Digits, ResponseWords};
use crate::operations::responses::StoredResponses;
use crate::text::shown::{one_line, shell_last};

/// Contexts that are named; the rest is only counted.
const SHOWN_CONTEXTS: usize = 20;

/// Dist-1, Dist-2 and the mean length in words.
fn figures(answers: &[&str]) -> ([Option<f64>; 2], f64) {
    let words = ResponseWords::new(answers);
    let mean_words = words.words() as f64 / words.len().max(1) as f64;
    ([1, 2].map(|n| words.defined_dist(n)), mean_words)
}

/// Of responses of one word there are no two beside each other, and Dist-2 is nothing.
fn percent(dist: Option<f64>) -> String {
    dist.map_or_else(
        || "undefined (no response is that long)".to_string(),
        |dist| format!("{} %", Digits::RESULT.write(dist)),
    )
}

/// The summary as JSON.
pub(in crate::cli) fn document(stored: &StoredResponses) -> Value {
    let responses = &stored.responses;
    let answers = stored.texts();
    let ([dist_1, dist_2], mean_words) = figures(&answers);
    json!({
        "system": stored.system,
        "source": stored.source,
        "sha256": responses.sha256,
        "rows": responses.rows,
        "contexts": stored.contexts.len(),
        "responses": answers.len(),
        "aligned_by": responses.aligned_by,
        "tokenized": responses.tokenized,
        "notes": responses.notes,
        "problems": responses.problems,
        "foreign_contexts": stored.foreign,
        "dist_1": dist_1,
        "dist_2": dist_2,
        "mean_words": mean_words,
        "duplicate_share": responses.duplicate_share(),
    })
}

pub(in crate::cli) fn report(
    ctx: &CommandContext,
    stored: &StoredResponses,
) -> Result<(), Failure> {
    if ctx.out.json {
        return ctx.out.document(&document(stored));
    }
    let responses = &stored.responses;
    let (foreign, order) = (&stored.foreign, &stored.contexts);
    let answers = stored.texts();
    let ([dist_1, dist_2], mean_words) = figures(&answers);
    let number = |n: usize| count(n as u64);
    let mut text = format!(
        "{}: {} to {} of {}, {}\n",
        one_line(&stored.system),
        number_of(answers.len() as u64, "response", "responses"),
        number_of(order.len() as u64, "context", "contexts"),
        one_line(&order.name),
        responses.aligned_by.words()
    );
    for note in &responses.notes {
        text += &format!("note: {note}\n");
    }
    if responses.tokenized {
        text += "They are tokens in lower case: scored as they are, shown to people as they would write.\n";
    }
    if foreign.len() == order.len() {
        text += "note: none of the contexts is in an imported test split; they are kept as in the file\n";
    } else if !foreign.is_empty() {
        let places = foreign.iter().take(SHOWN_CONTEXTS);
        let mut places: Vec<String> = places.map(|at| (at + 1).to_string()).collect();
        let more = foreign.len() - places.len();
        if more > 0 {
            places.push(format!("{more} more"));
        }
        let (are, they) = match foreign.len() {
            1 => ("1 context is".to_string(), "it is"),
            more => (format!("{} contexts are", number(more)), "they are"),
        };
        text += &format!(
            "note: {are} not in the imported test split; {they} kept as in the file: {}\n",
            places.join(", ")
        );
    }
    for line in problem_lines(&responses.problems, order) {
        text += &format!("{line}\n");
    }
    let duplicates = responses.duplicate_share().unwrap_or(0.0);
    text += &format!(
        "Dist-1 {}, Dist-2 {}, {} words per response, {} % repeat an earlier response\n",
        percent(dist_1),
        percent(dist_2),
        Digits::WORDS.write(mean_words),
        Digits::RESULT.write(100.0 * duplicates)
    );
    text += &format!(
        "Intervals, and Emp-F1 by identifiers: `emprl responses score --identifiers RUN{} {}`\n",
        ctx.store_argument(),
        shell_last(&stored.system)
    );
    ctx.out.text(&text)
}
