//! Lists systems, pins cases, and finds cases by words.

use serde_json::json;

use crate::cli::output::{count, moment};
use crate::cli::{CommandContext, Failure};
use crate::metrics::{Digits, Estimate};
use crate::operations::responses::{self, Systems, find_cases};
use crate::report::{Align, TextTable};
use crate::store::{Store, StoreReader};
use crate::study::contexts::ContextKey;
use crate::text::shown::one_line;

pub(super) fn list(ctx: &CommandContext) -> Result<(), Failure> {
    let Systems { systems, scores } = responses::list(&ctx.store)?;
    let score = |name: &str| scores.iter().find(|score| score.system == name);
    if ctx.out.json {
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
            results.map_or_else(
                || "–".to_string(),
                |results| Digits::WORDS.write(results.mean_words),
            ),
        ]);
    }
    let mut text = table.text();
    for score in &scores {
        if let Some(identifiers) = &score.identifiers {
            let by = one_line(identifiers);
            text += &format!("{}: Emp-F1 by {by}\n", one_line(&score.system));
        }
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
    text += &format!("{} cases\n", count(found.len() as u64));
    if book.withheld > 0 {
        text += &format!(
            "{} more are in studies that are still blind, and are left out\n",
            count(book.withheld as u64)
        );
    }
    ctx.out.text(&text)
}
