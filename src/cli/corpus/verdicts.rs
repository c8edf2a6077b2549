//! Verdicts in figures, those of corpora and of endpoints alike.

use super::super::output::{count, number_of};
use super::figures::{FEW, of_group};
use crate::data::corpus::record::Origin;
use crate::metrics::Digits;
use crate::operations::corpus::{ComparedPair, JudgesAgreement, VerdictGroup, VerdictTable};
use crate::report::{Align, TextTable};
use crate::study::statistics::Figure;
use crate::text::shown::one_line;

/// All that a corpus has of verdicts.
pub(super) fn verdicts_text(found: &VerdictTable) -> String {
    if found.groups.is_empty() {
        let notes = found.notes.iter();
        let notes: String = notes.map(|note| format!("{}\n", one_line(note))).collect();
        return format!("No verdict is left to count.\n{notes}");
    }
    let mut text = String::new();
    for group in &found.groups {
        text += &format!("{}\n{}\n", group_title(group), pairs_table(&group.pairs));
        if let Some(alpha) = &group.alpha {
            text += &format!(
                "{} by several people: Krippendorff's α {} (nominal).\n\n",
                number_of(
                    group.judged_by_several as u64,
                    "pair of answers is judged",
                    "pairs of answers are judged"
                ),
                figure(alpha)
            );
        }
    }
    if !found.agreement.is_empty() {
        text += &format!(
            "Who judged the same\n{}\n",
            agreement_table(&found.agreement)
        );
    }
    let pairs: Vec<&ComparedPair> = found.groups.iter().flat_map(|group| &group.pairs).collect();
    text += &footnote(&pairs, found.score.is_none());
    for note in &found.notes {
        text += &format!("{}\n", one_line(note));
    }
    text
}

/// Pairs of systems with what their figures mean.
pub(in crate::cli) fn compared_text(pairs: &[ComparedPair]) -> String {
    let all: Vec<&ComparedPair> = pairs.iter().collect();
    format!("{}\n{}", pairs_table(pairs), footnote(&all, true))
}

fn group_title(group: &VerdictGroup) -> String {
    let judge = group.judge.as_ref().map(|judge| one_line(judge));
    let by = match (group.origin, judge) {
        (Some(Origin::Human), _) if group.people > 0 => {
            number_of(group.people as u64, "person", "people")
        }
        (Some(Origin::Human), _) => "people".to_string(),
        (Some(Origin::Judge), Some(judge)) => format!("{judge} (a judge, no person)"),
        (Some(Origin::Judge), None) => "a judge, no person".to_string(),
        (Some(Origin::Model), Some(judge)) => format!("{judge} (a classifier or formula)"),
        (Some(Origin::Model), None) => "a classifier or formula".to_string(),
        (None, Some(judge)) => format!("{judge} (perhaps a person)"),
        (None, None) => return format!("{}; nobody says by whom", one_line(&group.name)),
    };
    format!("{}, by {by}", one_line(&group.name))
}

fn pairs_table(pairs: &[ComparedPair]) -> String {
    let ordered = pairs.iter().any(|pair| pair.in_order > 0);
    let again = pairs.iter().any(|pair| pair.repeat_consistency.is_some());
    let mut columns = vec![
        ("Pair", Align::Left),
        ("Records", Align::Right),
        ("n", Align::Right),
        ("Wins", Align::Right),
        ("Ties", Align::Right),
        ("Losses", Align::Right),
        ("Win rate", Align::Right),
    ];
    if ordered {
        columns.extend([
            ("Position bias", Align::Right),
            ("Order consistency", Align::Right),
        ]);
    }
    if again {
        columns.push(("of repeats", Align::Right));
    }
    let mut table = TextTable::new(&columns);
    for pair in pairs {
        let share = |of| of_group(Digits::SCORE, pair.conversations, of);
        let mut cells = vec![
            format!("{} over {}", one_line(&pair.first), one_line(&pair.second)),
            count(pair.records as u64),
            count(pair.verdicts as u64),
            count(pair.wins as u64),
            count(pair.ties as u64),
            count(pair.losses as u64),
            share(pair.win_rate.as_ref()),
        ];
        if ordered {
            cells.push(share(pair.position_bias.as_ref()));
            cells.push(share(pair.order_consistency.as_ref()));
        }
        if again {
            let share = pair.repeat_consistency;
            cells.push(share.map_or_else(|| "–".to_string(), |share| Digits::SCORE.write(share)));
        }
        table.row(cells);
    }
    table.text()
}

/// `shown` says whether somebody was shown the answers.
fn footnote(pairs: &[&ComparedPair], shown: bool) -> String {
    let mut text = "A record is a win where more of its n verdicts are for the first system than for the second, and a tie \
                    where as many are. A win rate is of verdicts, and counts a tie as half. "
        .to_string();
    if pairs.iter().any(|pair| pair.in_order > 0) {
        text += "Position bias is, of verdicts that are no tie, the share for the response shown first less that for the \
                 other: 0 is none, 1 always the first. Order consistency is the share of pairs judged alike in both orders. ";
    }
    let unknown: usize = pairs.iter().map(|pair| pair.verdicts - pair.in_order).sum();
    if unknown > 0 && shown {
        text += &format!(
            "Of {} nobody says which response was shown first. ",
            number_of(unknown as u64, "verdict", "verdicts")
        );
    }
    text + &format!(
        "Intervals are of 95 %, over conversations; fewer than {FEW} of them have none.\n"
    )
}

fn agreement_table(found: &[JudgesAgreement]) -> String {
    let mut table = TextTable::new(&[
        ("Verdict", Align::Left),
        ("Between", Align::Left),
        ("n", Align::Right),
        ("Equal", Align::Right),
        ("κ", Align::Right),
    ]);
    for both in found {
        table.row([
            one_line(&both.name).into_owned(),
            format!("{} and {}", one_line(&both.first), one_line(&both.second)),
            count(both.n as u64),
            of_group(Digits::SCORE, both.conversations, both.equal.as_ref()),
            figure(&both.kappa),
        ]);
    }
    table.text()
}

fn figure(figure: &Figure) -> String {
    match figure {
        Ok(value) => Digits::AGREEMENT.write(*value),
        Err(_) => "–".to_string(),
    }
}
