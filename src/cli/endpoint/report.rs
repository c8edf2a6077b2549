//! Prints what will be sent, what it took, and what judges said.

use crate::cli::corpus::{agreement_text, compared_text};
use crate::cli::output::{count, moment, number_of};
use crate::metrics::{Digits, Estimate};
use crate::operations::endpoint::{JudgeFigures, Outline, Refusal, Tally};
use crate::report::{Align, TextTable};
use crate::store::AskRow;
use crate::text::shown::one_line;

/// Refusals that are named; the rest is only counted.
const SHOWN_REFUSALS: usize = 5;

/// What will be sent where.
pub(super) fn outline_lines(outline: &Outline) -> Vec<String> {
    let missing = outline.requests - outline.recorded;
    let mut lines = vec![format!(
        "{} to {}, model {}, {} at once{}",
        number_of(missing as u64, "request", "requests"),
        one_line(&outline.address),
        one_line(&outline.model),
        outline.at_once,
        match outline.recorded {
            0 => ".".to_string(),
            recorded => format!("; {} are answered already.", count(recorded as u64)),
        }
    )];
    lines.push(match &outline.key_variable {
        Some(variable) => format!("The key in {variable} is sent along, and kept nowhere."),
        None => "No key is sent.".to_string(),
    });
    if outline.key_unencrypted {
        lines.push("note: the connection is not encrypted, so the key can be read on its way; use https://".into());
    }
    lines.extend(outline.notes.iter().map(|note| format!("note: {note}")));
    lines
}

pub(super) fn tally_lines(tally: &Tally) -> Vec<String> {
    let mut line = format!(
        "{}: {} tokens of prompts, {} of answers",
        number_of(tally.answers, "answer", "answers"),
        count(tally.prompt_tokens),
        count(tally.answer_tokens)
    );
    if tally.without_usage > 0 {
        line += &format!(" ({} do not say their tokens)", count(tally.without_usage));
    }
    if let Some(cost) = tally.cost {
        line += &format!("; at the given prices {}", Digits::Decimals(4).write(cost));
    }
    let mut lines = vec![line + "."];
    if tally.cut > 0 {
        lines.push(format!(
            "note: {} at the longest length; --max-tokens raises it.",
            number_of(tally.cut, "answer ended", "answers ended")
        ));
    }
    if tally.prompts_cut > 0 {
        lines.push(format!(
            "note: of {} the server read only the end, since it is longer than its model reads.",
            number_of(tally.prompts_cut, "prompt", "prompts")
        ));
    }
    if tally.empty > 0 {
        lines.push(format!(
            "note: {} empty.",
            number_of(tally.empty, "answer is", "answers are")
        ));
    }
    lines
}

pub(super) fn refusal_lines(refused: &[Refusal]) -> Vec<String> {
    let shown = refused.iter().take(SHOWN_REFUSALS);
    let mut lines: Vec<String> = shown
        .map(|refusal| format!("note: refused: {}", one_line(&refusal.why)))
        .collect();
    let more = refused.len() - lines.len();
    if more > 0 {
        let more = number_of(more as u64, "more was refused", "more were refused");
        lines.push(format!("note: {more}; the same command asks them again"));
    }
    lines
}

pub(super) fn list_text(found: &[AskRow]) -> String {
    if found.is_empty() {
        return "Nothing was asked yet.\n".to_string();
    }
    let mut table = TextTable::new(&[
        ("Series", Align::Right),
        ("Kind", Align::Left),
        ("Of", Align::Left),
        ("Model", Align::Left),
        ("Address", Align::Left),
        ("T", Align::Right),
        ("Answered", Align::Right),
        ("Begun", Align::Left),
        ("", Align::Left),
    ]);
    for row in found {
        let text = |name: &str| {
            row.about[name]
                .as_str()
                .map(|text| one_line(text).into_owned())
        };
        let of = match (
            text("data"),
            text("corpus"),
            row.about["systems"].as_object(),
        ) {
            (Some(data), ..) => data,
            (None, Some(corpus), _) => corpus,
            (None, None, Some(systems)) => systems.keys().cloned().collect::<Vec<_>>().join(", "),
            _ => String::new(),
        };
        let temperature = row.about["temperature"].as_f64();
        table.row([
            row.id.0.to_string(),
            row.kind.clone(),
            one_line(&of).into_owned(),
            text("model").unwrap_or_default(),
            text("address").unwrap_or_default(),
            temperature.map_or_else(String::new, |t| t.to_string()),
            count(row.answered),
            moment(row.begun_ms),
            match row.ended_ms {
                Some(_) => "complete",
                None => "not complete: the same command goes on",
            }
            .to_string(),
        ]);
    }
    table.text()
}

pub(super) fn figures_text(found: &JudgeFigures) -> String {
    let temperature = found
        .temperature
        .map_or_else(String::new, |t| format!(", temperature {t}"));
    let mut text = format!(
        "Series {}: {} by {} (a judge, no person){temperature}, {}\n",
        found.ask.0,
        one_line(&found.name),
        one_line(&found.model),
        match found.repeats {
            0 | 1 => "asked once".to_string(),
            n => format!("asked {n} times"),
        },
    );
    text += &format!(
        "{} understood, {} not.\n",
        number_of(found.n as u64, "answer is", "answers are"),
        count(found.not_understood as u64)
    );
    for line in tally_lines(&found.tally)
        .into_iter()
        .chain(refusal_lines(&found.refused))
    {
        text += &format!("{line}\n");
    }
    if !found.rated.is_empty() {
        text += &format!("\n{}", rated_text(found));
    }
    if !found.compared.is_empty() {
        text += &format!("\n{}", compared_text(&found.compared));
    }
    for agreement in &found.agreement {
        text += &format!("\n{} against {}\n", agreement.first, agreement.second);
        text += &agreement_text(agreement);
    }
    if !found.agreement.is_empty() {
        for sentence in found.arrivals.sentences() {
            text += &format!("\nOf what people judged in studies: {sentence}\n");
        }
    }
    if found.agreement.is_empty() && found.n > 0 {
        text += "\nThere are no human scores of these to compare with; --human names scores of a corpus that people gave.\n";
    }
    text
}

fn rated_text(found: &JudgeFigures) -> String {
    let mean = match found.range {
        Some([low, high]) => format!("Mean ({low} to {high})"),
        None => "Mean".to_string(),
    };
    let mut table = TextTable::new(&[
        ("System", Align::Left),
        ("Responses", Align::Right),
        ("Scores", Align::Right),
        (&mean, Align::Right),
        ("Deviation", Align::Right),
        ("of repeats", Align::Right),
    ]);
    let number = |value: Option<f64>| {
        value.map_or_else(|| "–".to_string(), |value| Digits::SCORE.write(value))
    };
    for row in &found.rated {
        table.row([
            one_line(&row.system).into_owned(),
            count(row.responses as u64),
            count(row.scores as u64),
            estimate(row.mean.as_ref()),
            number(row.deviation),
            number(row.deviation_of_repeats),
        ]);
    }
    table.text()
}

fn estimate(estimate: Option<&Estimate>) -> String {
    estimate.map_or_else(
        || "–".to_string(),
        |estimate| Digits::SCORE.with_interval(estimate),
    )
}
