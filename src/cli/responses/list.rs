//! Lists systems, pins cases, and finds cases by words.

use serde_json::json;

use crate::cli::input::show_notes;
use crate::cli::output::{count, moment, number_of};
use crate::cli::{CommandContext, Failure};
use crate::metrics::{Digits, Estimate, SystemResults, truncation_sentences};
use crate::operations::responses::{self, Systems, find_cases};
use crate::report::{Align, TextTable};
use crate::store::{Store, StoreReader};
use crate::study::contexts::ContextKey;
use crate::text::shown::one_line;

/// The figures of a tokenised system's tokens, beside those that it is ranked by.
fn as_imported(system: &str, tokens: &SystemResults) -> String {
    let figure = |estimate: Option<&Estimate>| {
        estimate.map_or_else(
            || "–".to_string(),
            |estimate| Digits::RESULT.with_interval(estimate),
        )
    };
    format!(
        "{system} was imported as lower-case tokens and is ranked detokenised, as people see it; of the tokens as imported: \
         Dist-1 {}, Dist-2 {}, Emp-F1 {}, gain over shuffled {}, {} words",
        figure(Some(&tokens.dist_1)),
        figure(Some(&tokens.dist_2)),
        figure(tokens.emp_f1.as_ref()),
        figure(tokens.controls.as_ref().map(|of| &of.gain)),
        Digits::WORDS.write(tokens.mean_words)
    )
}

/// Lists the systems, or only those of these names.
pub(super) fn list(ctx: &CommandContext, names: Option<&[String]>) -> Result<(), Failure> {
    let Systems {
        mut systems,
        mut scores,
    } = responses::list(&ctx.store)?;
    if let Some(names) = names {
        systems.retain(|system| names.contains(&system.name));
        scores.retain(|score| names.contains(&score.system));
    }
    let score = |name: &str| scores.iter().find(|score| score.system == name);
    let cautions: Vec<String> = scores
        .iter()
        .filter_map(|score| Some(format!("{}.", score.results.caution()?)))
        .collect();
    if ctx.out.json {
        show_notes(&cautions);
        let rows = systems.iter().map(|system| {
            let mut row = json!(system);
            row["score"] = json!(score(&system.name));
            row
        });
        return ctx.out.document(&rows.collect::<Vec<_>>());
    }
    if systems.is_empty() {
        return ctx.out.text(&format!(
            "No systems in {} yet. `emprl responses import FILE --system NAME` imports one.\n",
            ctx.store.display()
        ));
    }
    let mut table = TextTable::new(&[
        ("System", Align::Left),
        ("From", Align::Left),
        ("Responses", Align::Right),
        ("Problems", Align::Right),
        ("Imported", Align::Left),
        ("Dist-1 (%)", Align::Right),
        ("Dist-2 (%)", Align::Right),
        ("Emp-F1 (%)", Align::Right),
        ("Gain over shuffled", Align::Right),
        ("Words", Align::Right),
    ]);
    for system in &systems {
        let results = score(&system.name).map(|score| &score.results);
        let estimate = |estimate: Option<&Estimate>| {
            estimate.map_or_else(
                || "–".to_string(),
                |estimate| Digits::RESULT.with_interval(estimate),
            )
        };
        table.row([
            system.name.clone(),
            system.source.clone(),
            count(system.responses),
            count(system.problems.len() as u64),
            moment(system.imported_ms),
            estimate(results.map(|results| &results.dist_1)),
            estimate(results.map(|results| &results.dist_2)),
            estimate(results.and_then(|results| results.emp_f1.as_ref())),
            estimate(results.and_then(|results| Some(&results.controls.as_ref()?.gain))),
            results.map_or_else(
                || "–".to_string(),
                |results| Digits::WORDS.write(results.mean_words),
            ),
        ]);
    }
    let mut text = table.text();
    for score in &scores {
        text += &score
            .results
            .as_imported
            .as_ref()
            .map_or_else(String::new, |tokens| {
                format!("{}\n", one_line(&as_imported(&score.system, tokens)))
            });
        if let Some(identifiers) = &score.identifiers {
            let what = match score.results.emp_f1 {
                Some(_) => "Emp-F1",
                None => "levels",
            };
            let (system, by) = (one_line(&score.system), one_line(identifiers));
            text += &format!("{system}: {what} by {by}\n");
        }
    }
    let truncation = scores
        .iter()
        .map(|score| (score.system.as_str(), score.results.truncation.as_ref()));
    for line in truncation_sentences(truncation).into_iter().chain(cautions) {
        text += &format!("{}\n", one_line(&line));
    }
    text += "In brackets: 95 % bootstrap intervals over responses. PPL is not known of responses alone.\n";
    ctx.out.text(&text)
}

pub(super) fn pin(ctx: &CommandContext, case: &str, note: Option<&String>) -> Result<(), Failure> {
    let key = ContextKey(case.to_string());
    Store::open(&ctx.store)?.set_pin(&key, note.map(String::as_str))?;
    if ctx.out.json {
        return ctx
            .out
            .document(&json!({"case": case, "pinned": note.is_some(), "note": note}));
    }
    let done = match note {
        Some(_) => "pinned",
        None => "no longer pinned",
    };
    ctx.out
        .text(&format!("Case {} is {done}.\n", one_line(case)))
}

pub(super) fn cases(ctx: &CommandContext, words: &[String]) -> Result<(), Failure> {
    let book = StoreReader::open(&ctx.store)?.cases()?;
    let found = find_cases(&book, words);
    if ctx.out.json {
        return ctx.out.document(&json!({
            "systems": book.systems,
            "withheld": book.withheld,
            "withheld_pins": book.withheld_pins,
            "cases": found,
        }));
    }
    let mut text = String::new();
    for case in &found {
        let last = case.context.utterances.last().map_or("", String::as_str);
        let emotion = case.context.emotion.as_deref().unwrap_or("");
        let (emotion, last) = (one_line(emotion), one_line(last));
        text += &format!("{}  {emotion}: {last}\n", case.key);
        let answers = book.systems.iter().zip(&case.answers);
        for (system, answer) in answers.filter_map(|(s, answer)| Some((s, answer.as_ref()?))) {
            let (system, answer) = (one_line(system), one_line(&answer.text));
            text += &format!("    {system}: {answer}\n");
        }
    }
    let kind = if words.is_empty() { "pinned " } else { "" };
    let number = |n: usize| number_of(n as u64, &format!("{kind}case"), &format!("{kind}cases"));
    text += &format!("{}\n", number(found.len()));
    let hidden = if words.is_empty() {
        book.withheld_pins
    } else {
        book.withheld
    };
    match (hidden, words.is_empty()) {
        (0, _) => {}
        (n, true) => {
            text += &format!(
                "{} in studies that are still blind: hidden until they are unblinded\n",
                number(n)
            );
        }
        (n, false) => {
            text += &format!(
                "{} in studies that are still blind: hidden until they are unblinded, and not searched\n",
                number(n)
            );
        }
    }
    ctx.out.text(&text)
}
