//! `emprl study results`: who won or how good each system is, how sure that is, and how the annotators worked.

use super::quality::annotators_text;
use crate::cli::output::{moment, number_of};
use crate::cli::{CommandContext, Failure};
use crate::metrics::{Digits, Estimate};
use crate::operations::studies;
use crate::report::{Align, TextTable};
use crate::store::{StoreReader, StudyId};
use crate::study::results::{
    AbResults, Agreement, AspectResults, Findings, RatingResults, Results,
};
use crate::study::statistics::Figure;
use crate::study::statistics::significance::Share;
use crate::text::shown::one_line;

pub(super) fn show(ctx: &CommandContext, study: StudyId) -> Result<(), Failure> {
    let results = studies::results(&StoreReader::open(&ctx.store)?, study)?;
    if ctx.out.json {
        return ctx.out.document(&results);
    }
    let mut text = head(study, &results);
    match &results.found {
        Findings::AbTest(found) => text += &ab_text(found),
        Findings::Rating(found) => text += &rating_text(found),
    }
    text += &annotators_text(&results.annotators);
    ctx.out.text(&text)
}

fn head(study: StudyId, results: &Results) -> String {
    let unblinding = &results.unblinding;
    let mut text = format!(
        "Study {study}: {}\n{}, seed {}. Unblinded {} by {}: {}\n",
        one_line(&results.title),
        number_of(results.contexts as u64, "context", "contexts"),
        results.seed,
        moment(unblinding.wall_ms),
        one_line(&unblinding.by),
        one_line(&unblinding.reason)
    );
    if unblinding.missing > 0 {
        let missing = number_of(unblinding.missing, "judgement was", "judgements were");
        text += &format!("{missing} missing then.\n");
    }
    for sentence in results.arrivals.sentences() {
        text += &format!("{sentence}\n");
    }
    text.push('\n');
    text
}

fn figure(figure: &Figure, digits: Digits) -> String {
    match figure {
        Ok(value) => digits.write(*value),
        Err(undefined) => format!("undefined ({undefined})"),
    }
}

fn share(share: Option<&Share>) -> String {
    share.map_or_else(
        || "–".to_string(),
        |share| {
            Digits::RESULT.with_interval(&Estimate {
                value: 100.0 * share.count as f64 / share.of as f64,
                low: 100.0 * share.low,
                high: 100.0 * share.high,
            })
        },
    )
}

fn estimate(estimate: Option<&Estimate>, digits: Digits) -> String {
    estimate.map_or_else(|| "–".to_string(), |e| digits.with_interval(e))
}

fn ab_text(found: &AbResults) -> String {
    let right = |title| (title, Align::Right);
    let mut table = TextTable::new(&[
        ("A against B", Align::Left),
        right("Items"),
        right("judged"),
        right("Win %"),
        right("Lose %"),
        right("Tie %"),
        right("unresolved"),
        right("by fourth"),
        right("Won of decided %"),
        right("p"),
    ]);
    for pair in &found.pairs {
        table.row([
            format!("{} vs {}", pair.first, pair.second),
            pair.items.to_string(),
            pair.judged.to_string(),
            share(pair.win.as_ref()),
            share(pair.lose.as_ref()),
            share(pair.tie.as_ref()),
            pair.unresolved.map_or(0, |share| share.count).to_string(),
            pair.by_fourth.to_string(),
            share(pair.preference.as_ref()),
            figure(&pair.p, Digits::P),
        ]);
    }
    let mut text = table.text();
    text += "In brackets: Wilson's 95 % intervals. p: exact two-sided sign test of wins against losses.\n";
    for pair in found
        .pairs
        .iter()
        .filter(|pair| pair.open + pair.waiting_for_fourth > 0)
    {
        text += &format!(
            "{} vs {}: {} short of judgements, {} for the fourth annotator.\n",
            one_line(&pair.first),
            one_line(&pair.second),
            number_of(pair.open, "item is", "items are"),
            number_of(pair.waiting_for_fourth, "waits", "wait")
        );
    }
    text += &format!("\n{}", agreement_text("Agreement", &found.agreement));
    match &found.strengths {
        Ok(strengths) if strengths.len() > 2 => {
            let mut table =
                TextTable::new(&[("Bradley-Terry", Align::Left), right("theta"), right("Elo")]);
            for system in strengths {
                table.row([
                    system.system.clone(),
                    Digits::AGREEMENT.write(system.theta),
                    estimate(system.elo.as_ref(), Digits::Decimals(0)),
                ]);
            }
            text += &format!("\n{}", table.text());
            if found.strengths_prior > 0.0 {
                text += &format!(
                    "A system was undefeated: {} of a win was added to both sides of every pair.\n",
                    found.strengths_prior
                );
            }
        }
        Ok(_) => {}
        Err(undefined) => text += &format!("\nBradley-Terry is undefined: {undefined}\n"),
    }
    text
}

fn rating_text(found: &RatingResults) -> String {
    let titles: Vec<String> = found.aspects.iter().map(AspectResults::heading).collect();
    let mut head = vec![
        ("System", Align::Left),
        ("Contexts", Align::Right),
        ("Scores", Align::Right),
    ];
    head.extend(titles.iter().map(|title| (&**title, Align::Right)));
    let mut table = TextTable::new(&head);
    let Some(first) = found.aspects.first() else {
        return String::new();
    };
    for (at, system) in first.systems.iter().enumerate() {
        let mean = found
            .aspects
            .iter()
            .map(|aspect| estimate(aspect.systems[at].mean.as_ref(), Digits::SCORE));
        let facts = [
            system.system.clone(),
            system.contexts.to_string(),
            system.scores.to_string(),
        ];
        table.row(facts.into_iter().chain(mean));
    }
    let mut text = table.text();
    for (at, difference) in first.differences.iter().enumerate() {
        let differences: Vec<String> = found
            .aspects
            .iter()
            .map(|aspect| estimate(aspect.differences[at].difference.as_ref(), Digits::SCORE))
            .collect();
        text += &format!(
            "{} minus {}, {}: {}\n",
            one_line(&difference.system),
            one_line(&difference.minus),
            number_of(difference.contexts as u64, "context", "contexts"),
            differences.join("  ")
        );
    }
    text += "In brackets: 95 % bootstrap intervals over contexts.\n\n";
    for aspect in &found.aspects {
        text += &agreement_text(&one_line(&aspect.title), &aspect.agreement);
    }
    text
}

/// An agreement with its interval over items.
fn with_interval(value: &Figure, interval: Option<&Estimate>) -> String {
    interval.map_or_else(
        || figure(value, Digits::AGREEMENT),
        |estimate| Digits::AGREEMENT.with_interval(estimate),
    )
}

fn agreement_text(name: &str, found: &Agreement) -> String {
    let mut text = format!(
        "{name}: Fleiss' kappa {} ({}), Krippendorff's alpha {} ({})\n",
        with_interval(&found.fleiss_kappa, found.fleiss_interval.as_ref()),
        number_of(found.fleiss_items as u64, "item", "items"),
        with_interval(&found.krippendorff_alpha, found.alpha_interval.as_ref()),
        number_of(found.judgements as u64, "judgement", "judgements")
    );
    for pair in &found.pairs {
        let weighted = match &pair.weighted_kappa {
            Ok(value) => format!(", quadratic {}", Digits::AGREEMENT.write(*value)),
            Err(_) => String::new(),
        };
        text += &format!(
            "  {} and {}, {}: Cohen's kappa {}{weighted}\n",
            one_line(&pair.first),
            one_line(&pair.second),
            number_of(pair.items as u64, "item", "items"),
            figure(&pair.kappa, Digits::AGREEMENT)
        );
    }
    text
}
