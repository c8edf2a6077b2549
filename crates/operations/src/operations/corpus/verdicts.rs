//! Verdicts in figures: win rates of each pair of systems, position bias, consistency, and whether judges agree. One code for
//! those of corpora and those of endpoints.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::path::Path;

use serde::Serialize;

use super::super::OperationError;
use super::answers::{Answer, Judging, Narrowing};
use crate::data::corpus::record::{Origin, Preferred, Record, Verdict, last_of_each};
use crate::data::library;
use crate::metrics::{Bootstrap, Estimate};
use crate::study::statistics::agreement::{Metric, Weights, cohen_kappa, krippendorff_alpha};
use crate::study::statistics::{Figure, write_figure};

/// How answers of several systems come to be compared.
const AS_ONE_RECORD: &str = "Rows of several systems are one record where their id says so: import the file again with id = COLUMN and \
                             by_id = true in its mapping.";

/// Two systems against each other. Shares are from 0 to 1; intervals are of 95 %, over conversations.
#[derive(Debug, Serialize)]
pub struct ComparedPair {
    pub first: String,
    pub second: String,
    /// Records that have a verdict.
    pub records: usize,
    pub conversations: usize,
    pub verdicts: usize,
    /// Verdicts of which it is known who was shown first.
    pub in_order: usize,
    /// Repeats that were understood in both orders.
    pub in_both_orders: usize,
    /// Of these, the share that says the same in both.
    pub order_consistency: Option<Estimate>,
    /// Of verdicts that are no tie and whose order is known, the share for the response shown first less that for the one
    /// shown second: 0 is none, 1 is always the first.
    pub position_bias: Option<Estimate>,
    /// Of what one judge was asked several times, the share whose verdicts are all the same.
    pub repeat_consistency: Option<f64>,
    /// Records where `first` has more verdicts than `second`.
    pub wins: usize,
    /// Where they have as many.
    pub ties: usize,
    pub losses: usize,
    /// Of verdicts, the share for `first`, a tie as half.
    pub win_rate: Option<Estimate>,
}

/// A verdict with what it is about.
#[derive(Debug)]
pub(in crate::operations) struct Decided {
    /// Numbers the record.
    pub item: usize,
    pub conversation: String,
    pub verdict: Verdict,
}

/// The verdicts of a corpus.
#[derive(Debug, Serialize)]
pub struct VerdictTable {
    pub corpus: String,
    pub fingerprint: String,
    /// By what was asked, then by who judged: people together, each judge alone.
    pub groups: Vec<VerdictGroup>,
    /// Judges who judged the same, in pairs; people are one of them.
    pub agreement: Vec<JudgesAgreement>,
    /// The score that the verdicts follow from; None of what somebody said.
    pub score: Option<String>,
    /// What a person should know about the figures; each a sentence.
    pub notes: Vec<String>,
}

/// Verdicts of people, or of one judge.
#[derive(Debug, Serialize)]
pub struct VerdictGroup {
    /// What was asked.
    pub name: String,
    pub origin: Option<Origin>,
    /// None of people, and where the judge has no name.
    pub judge: Option<String>,
    /// Different people with names.
    pub people: usize,
    pub pairs: Vec<ComparedPair>,
    /// Pairs of answers that several of the people judged.
    pub judged_by_several: usize,
    /// Krippendorff's α of the people, nominal; None where nothing was judged by several.
    #[serde(serialize_with = "write_alpha")]
    pub alpha: Option<Figure>,
}

/// Two who judged the same pairs of answers.
#[derive(Debug, Serialize)]
pub struct JudgesAgreement {
    pub name: String,
    pub first: String,
    pub second: String,
    /// Pairs of answers that both judged.
    pub n: usize,
    pub conversations: usize,
    /// Share that both judged alike, from 0 to 1.
    pub equal: Option<Estimate>,
    /// Cohen's κ of first, tie and second.
    #[serde(serialize_with = "write_figure")]
    pub kappa: Figure,
}

fn write_alpha<S: serde::Serializer>(
    alpha: &Option<Figure>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    match alpha {
        Some(figure) => write_figure(figure, serializer),
        None => serializer.serialize_none(),
    }
}

/// The verdicts of a corpus by pairs of systems: those of this name, those that follow from the score of this name, or all
/// verdicts. A verdict counts where the filter lets the answers of both systems through.
///
/// # Errors
/// There is no such corpus, it is damaged, or it has no such verdicts or scores.
pub fn verdicts(
    store: &Path,
    corpus: &str,
    narrowing: &Narrowing,
    name: Option<&str>,
) -> Result<VerdictTable, OperationError> {
    let by = name.map(|name| narrowing.names.judging(name)).transpose()?;
    if by.is_none() && !narrowing.names.has_verdicts() {
        return Err(narrowing.names.no_verdicts());
    }
    let mut items: HashMap<(String, Option<u32>), usize> = HashMap::new();
    let mut decided = Vec::new();
    let mut systems = BTreeSet::new();
    narrowing.each(store, corpus, |record, answers| {
        for answer in &answers {
            if !systems.contains(answer.system) {
                systems.insert(answer.system.to_string());
            }
        }
        let found: Vec<Verdict> = match by {
            Some(Judging::Score(score)) => of_score(&answers, score),
            Some(Judging::Verdict(name)) => of_answers(record, &answers)
                .filter(|verdict| verdict.name == name)
                .cloned()
                .collect(),
            None => of_answers(record, &answers).cloned().collect(),
        };
        if found.is_empty() {
            return Ok(());
        }
        // Records of one id are about the same.
        let next = items.len();
        let item = *items
            .entry((record.id.clone(), record.turn))
            .or_insert(next);
        let conversation = record.conversation.as_ref().unwrap_or(&record.id);
        decided.extend(found.into_iter().map(|verdict| Decided {
            item,
            conversation: conversation.clone(),
            verdict,
        }));
        Ok(())
    })?;
    let (manifest, _) = library::require_corpus(store, corpus)?;
    let mut notes = Vec::new();
    let score = match by {
        Some(Judging::Score(score)) => Some(score.to_string()),
        _ => None,
    };
    if let Some(score) = &score {
        notes.push(format!(
            "These follow from the score {score:?}: of two answers in a record the one with the higher is better, and equal \
             ones are a tie."
        ));
    }
    if decided.is_empty() {
        let systems: Vec<&str> = systems.iter().map(String::as_str).collect();
        notes.push(match &systems[..] {
            [] => "The filter lets no answer through.".to_string(),
            [only] => format!("Verdicts are on two systems, and all these answers are of {only}."),
            _ if let Some(score) = &score => {
                format!(
                    "No record has two of these answers with the score {score:?}. {AS_ONE_RECORD}"
                )
            }
            _ => "No record has two of these answers with a verdict on them.".to_string(),
        });
    }
    let (decided, again) = last_decided(decided);
    if again > 0 {
        let verdicts = match again {
            1 => "1 verdict is".to_string(),
            n => format!("{n} verdicts are"),
        };
        notes.push(format!(
            "{verdicts} left out, of somebody who judged the same again: the last counts."
        ));
    }
    let groups = groups(decided);
    let agreement = agreement(&groups);
    let of_unknown = groups.iter().any(|group| group.origin.is_none());
    if of_unknown {
        let note = "Where nobody says who judged, it does not count as people; a mapping can say it (origin).";
        notes.push(note.to_string());
    }
    Ok(VerdictTable {
        corpus: manifest.name,
        fingerprint: manifest.fingerprint,
        groups: groups.iter().map(Group::figures).collect(),
        agreement,
        score,
        notes,
    })
}

/// Of what somebody judged again the last; a judge's and a classifier's repeats are all kept. With how many are left out.
fn last_decided(decided: Vec<Decided>) -> (Vec<Decided>, usize) {
    let all: Vec<(usize, &Decided)> = decided.iter().enumerate().collect();
    let (last, again) = last_of_each(all, |(_, one)| Some((one.item, one.verdict.request()?)));
    let places: HashSet<usize> = last.into_iter().map(|(place, _)| place).collect();
    let counted = decided.into_iter().enumerate();
    let counted = counted.filter(|(place, _)| places.contains(place));
    (counted.map(|(_, one)| one).collect(), again)
}

/// The verdicts of a record on these of its answers of which each counts: of what somebody judged again the last.
pub(super) fn counted_of_answers<'a>(
    record: &'a Record,
    answers: &[Answer<'_>],
) -> Vec<&'a Verdict> {
    let all = of_answers(record, answers).collect();
    last_of_each(all, |verdict| verdict.request()).0
}

/// The verdicts of a record on these of its answers; of systems whose answers nobody knows, all.
pub(super) fn of_answers<'a>(
    record: &'a Record,
    answers: &[Answer<'_>],
) -> impl Iterator<Item = &'a Verdict> {
    let there: HashSet<&str> = Answer::of(record)
        .into_iter()
        .map(|answer| answer.system)
        .collect();
    let kept: HashSet<String> = answers
        .iter()
        .map(|answer| answer.system.to_string())
        .collect();
    record.verdicts.iter().filter(move |verdict| {
        verdict
            .pair()
            .into_iter()
            .all(|system| kept.contains(system) || !there.contains(system))
    })
}

/// Of every two answers that have this score themselves, which has the higher.
fn of_score(answers: &[Answer<'_>], score: &str) -> Vec<Verdict> {
    let mut scored: Vec<(&Answer<'_>, f64)> = Vec::new();
    for answer in answers {
        let known = scored
            .iter()
            .any(|(other, _)| other.system == answer.system);
        if let Some(value) = answer.own_score(score).filter(|_| !known) {
            scored.push((answer, value));
        }
    }
    let mut found = Vec::new();
    for (at, (first, one)) in scored.iter().enumerate() {
        for (second, other) in &scored[at + 1..] {
            let preferred = match one.total_cmp(other) {
                _ if one == other => Preferred::Tie,
                std::cmp::Ordering::Greater => Preferred::First,
                _ => Preferred::Second,
            };
            found.push(Verdict {
                name: score.to_string(),
                first: first.system.to_string(),
                second: second.system.to_string(),
                preferred,
                in_order: false,
                judge: None,
                origin: origin_of(first, score).filter(|by| origin_of(second, score) == Some(*by)),
                repeat: None,
            });
        }
    }
    found
}

fn origin_of(answer: &Answer<'_>, score: &str) -> Option<Origin> {
    let scores = answer.own_scores(score).iter();
    let mut named = scores.filter(|of| of.name == score);
    named.next()?.origin
}

/// The verdicts of people, or of one judge, on one question.
struct Group {
    name: String,
    origin: Option<Origin>,
    judge: Option<String>,
    decided: Vec<Decided>,
}

fn groups(decided: Vec<Decided>) -> Vec<Group> {
    type Key = (String, Option<Origin>, Option<String>);
    let mut found: BTreeMap<Key, Vec<Decided>> = BTreeMap::new();
    for one in decided {
        let verdict = &one.verdict;
        let judge = match verdict.origin {
            Some(Origin::Human) => None,
            _ => verdict.judge.clone(),
        };
        let key = (verdict.name.clone(), verdict.origin, judge);
        found.entry(key).or_default().push(one);
    }
    let group = |((name, origin, judge), decided)| Group {
        name,
        origin,
        judge,
        decided,
    };
    found.into_iter().map(group).collect()
}

impl Group {
    /// Who judged, in words.
    fn title(&self) -> String {
        let kind = match self.origin {
            Some(Origin::Human) => "people",
            Some(Origin::Model) => "a classifier or formula",
            Some(Origin::Judge) => "a judge",
            None => "somebody",
        };
        match &self.judge {
            Some(judge) => judge.clone(),
            None => kind.to_string(),
        }
    }

    fn figures(&self) -> VerdictGroup {
        let people: BTreeSet<&str> = self
            .decided
            .iter()
            .filter(|_| self.origin == Some(Origin::Human))
            .filter_map(|one| one.verdict.judge.as_deref())
            .collect();
        // By pair of answers and by person: what each said of it.
        let mut said: BTreeMap<(usize, [&str; 2]), BTreeMap<&str, f64>> = BTreeMap::new();
        for one in &self.decided {
            let pair = one.verdict.pair();
            if let Some(person) = one
                .verdict
                .judge
                .as_deref()
                .filter(|of| people.contains(of))
            {
                let of_pair = said.entry((one.item, pair)).or_default();
                *of_pair.entry(person).or_default() += one.verdict.direction(pair[0]);
            }
        }
        let several: Vec<Vec<f64>> = said
            .values()
            .filter(|of_pair| of_pair.len() > 1)
            .map(|of_pair| of_pair.values().map(|sum| sign(*sum)).collect())
            .collect();
        VerdictGroup {
            name: self.name.clone(),
            origin: self.origin,
            judge: self.judge.clone(),
            people: people.len(),
            pairs: compared(&self.decided),
            judged_by_several: several.len(),
            alpha: (!several.is_empty()).then(|| krippendorff_alpha(&several, Metric::Nominal)),
        }
    }

    /// By pair of answers: its conversation, and which the most verdicts are for.
    fn majority(&self) -> BTreeMap<(usize, [&str; 2]), (&str, f64)> {
        let mut found: BTreeMap<(usize, [&str; 2]), (&str, f64)> = BTreeMap::new();
        for one in &self.decided {
            let pair = one.verdict.pair();
            let of_pair = found
                .entry((one.item, pair))
                .or_insert((one.conversation.as_str(), 0.0));
            of_pair.1 += one.verdict.direction(pair[0]);
        }
        for (_, sum) in found.values_mut() {
            *sum = sign(*sum);
        }
        found
    }
}

fn agreement(groups: &[Group]) -> Vec<JudgesAgreement> {
    let mut found = Vec::new();
    for (at, one) in groups.iter().enumerate() {
        let of_one = one.majority();
        for other in groups[at + 1..]
            .iter()
            .filter(|other| asks_the_same(&one.name, &other.name))
        {
            let of_other = other.majority();
            let mut equal: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
            let (mut firsts, mut seconds) = (Vec::new(), Vec::new());
            for (pair, (conversation, said)) in &of_one {
                if let Some((_, against)) = of_other.get(pair) {
                    let of = equal.entry(*conversation).or_default();
                    of.push(f64::from(said == against));
                    firsts.push((said + 1.0) as usize);
                    seconds.push((against + 1.0) as usize);
                }
            }
            if firsts.is_empty() {
                continue;
            }
            found.push(JudgesAgreement {
                name: one.name.clone(),
                first: one.title(),
                second: other.title(),
                n: firsts.len(),
                conversations: equal.len(),
                equal: estimate(&equal, |values| mean(values)),
                kappa: cohen_kappa(&firsts, &seconds, 3, Weights::Unweighted),
            });
        }
    }
    found
}

/// Whether two verdicts answer one question: by their names, which of an addition begin with its own.
fn asks_the_same(one: &str, other: &str) -> bool {
    let is_addition_of = |longer: &str, name: &str| {
        let begin = longer.strip_suffix(name);
        begin.is_some_and(|begin| begin.ends_with('_'))
    };
    one == other || is_addition_of(one, other) || is_addition_of(other, one)
}

/// 1, -1 or 0.
pub(in crate::operations) fn sign(value: f64) -> f64 {
    match value {
        value if value > 0.0 => 1.0,
        value if value < 0.0 => -1.0,
        _ => 0.0,
    }
}

/// A figure over values by conversation, whose values are drawn together.
pub(in crate::operations) fn estimate<T>(
    by_conversation: &BTreeMap<&str, Vec<T>>,
    figure: impl Fn(&mut dyn Iterator<Item = &T>) -> f64,
) -> Option<Estimate> {
    let clusters: Vec<&Vec<T>> = by_conversation.values().collect();
    Bootstrap::default().estimate(clusters.len(), |drawn| {
        figure(&mut drawn.iter().flat_map(|place| clusters[*place]))
    })
}

pub(in crate::operations) fn mean(values: &mut dyn Iterator<Item = &f64>) -> f64 {
    let (sum, n) = values.fold((0.0, 0.0), |(sum, n), value| (sum + value, n + 1.0));
    sum / n
}

/// By the names of two systems, in order.
pub(in crate::operations) fn by_pair(verdicts: &[Decided]) -> BTreeMap<[&str; 2], Vec<&Decided>> {
    let mut found: BTreeMap<[&str; 2], Vec<&Decided>> = BTreeMap::new();
    for decided in verdicts {
        found
            .entry(decided.verdict.pair())
            .or_default()
            .push(decided);
    }
    found
}

/// Every pair of systems that the verdicts are on.
pub(in crate::operations) fn compared(verdicts: &[Decided]) -> Vec<ComparedPair> {
    let pairs = by_pair(verdicts).into_iter();
    pairs
        .map(|([first, second], verdicts)| compare(first, second, &verdicts))
        .collect()
}

fn compare(first: &str, second: &str, verdicts: &[&Decided]) -> ComparedPair {
    let mut directions: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
    let mut positions: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
    let mut repeats: BTreeMap<_, Vec<&Decided>> = BTreeMap::new();
    let mut requests: BTreeMap<(usize, &str, Option<bool>), Vec<Preferred>> = BTreeMap::new();
    let mut records: BTreeMap<usize, f64> = BTreeMap::new();
    for decided in verdicts.iter().copied() {
        let verdict = &decided.verdict;
        let direction = verdict.direction(first);
        let conversation = decided.conversation.as_str();
        let of = directions.entry(conversation).or_default();
        of.push(0.5 + direction / 2.0);
        let as_named = verdict.first == first;
        if verdict.in_order {
            if verdict.preferred != Preferred::Tie {
                let of = positions.entry(conversation).or_default();
                of.push(verdict.direction(&verdict.first));
            }
            let judge = verdict.judge.as_deref();
            let again = repeats.entry((decided.item, judge, verdict.repeat));
            again.or_default().push(decided);
        }
        if let Some(judge) = verdict.judge.as_deref() {
            let order = verdict.in_order.then_some(as_named);
            let preferred = match as_named {
                true => verdict.preferred,
                false => verdict.preferred.swapped(),
            };
            let request = requests.entry((decided.item, judge, order));
            request.or_default().push(preferred);
        }
        *records.entry(decided.item).or_default() += direction;
    }
    let mut consistent: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
    for both in repeats.values() {
        if let [one, other] = both[..]
            && one.verdict.first != other.verdict.first
        {
            let same = one.verdict.direction(first) == other.verdict.direction(first);
            let of = consistent.entry(one.conversation.as_str()).or_default();
            of.push(f64::from(same));
        }
    }
    let again = requests.values().filter(|verdicts| verdicts.len() > 1);
    let again: Vec<f64> = again
        .map(|verdicts| f64::from(verdicts.iter().all(|verdict| *verdict == verdicts[0])))
        .collect();
    let count = |is: fn(f64) -> bool| records.values().filter(|sum| is(**sum)).count();
    ComparedPair {
        first: first.to_string(),
        second: second.to_string(),
        records: records.len(),
        conversations: directions.len(),
        verdicts: verdicts.len(),
        in_order: verdicts.iter().filter(|one| one.verdict.in_order).count(),
        in_both_orders: consistent.values().map(Vec::len).sum(),
        order_consistency: estimate(&consistent, |values| mean(values)),
        position_bias: estimate(&positions, |values| mean(values)),
        repeat_consistency: (!again.is_empty()).then(|| mean(&mut again.iter())),
        wins: count(|sum| sum > 0.0),
        ties: count(|sum| sum == 0.0),
        losses: count(|sum| sum < 0.0),
        win_rate: estimate(&directions, |values| mean(values)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decided(
        item: usize,
        judge: &str,
        origin: Origin,
        said: [&str; 2],
        preferred: Preferred,
    ) -> Decided {
        Decided {
            item,
            conversation: format!("c{item}"),
            verdict: Verdict {
                name: "winner".into(),
                first: said[0].into(),
                second: said[1].into(),
                preferred,
                in_order: true,
                judge: Some(judge.into()),
                origin: Some(origin),
                repeat: None,
            },
        }
    }

    #[test]
    fn a_pair_is_the_same_whichever_was_shown_first() {
        let verdicts = [
            decided(0, "w", Origin::Human, ["a", "b"], Preferred::First),
            decided(0, "w", Origin::Human, ["b", "a"], Preferred::First),
            decided(1, "w", Origin::Human, ["b", "a"], Preferred::Second),
            decided(2, "w", Origin::Human, ["a", "b"], Preferred::Tie),
        ];
        let [pair] = &compared(&verdicts)[..] else {
            panic!("one pair")
        };
        assert_eq!((pair.records, pair.verdicts, pair.in_order), (3, 4, 4));
        assert_eq!((pair.wins, pair.ties, pair.losses), (1, 2, 0));
        // By hand: 1, 0, 1 and a half.
        assert_eq!(pair.win_rate.unwrap().value, 2.5 / 4.0);
        // First, first, second.
        assert!((pair.position_bias.unwrap().value - 1.0 / 3.0).abs() < 1e-12);
        assert_eq!(
            (pair.in_both_orders, pair.order_consistency.unwrap().value),
            (1, 0.0)
        );
    }

    #[test]
    fn who_judges_the_same_again_counts_once_with_what_they_said_last() {
        let said = |judge, origin, preferred| decided(0, judge, origin, ["a", "b"], preferred);
        let (first, second) = (Preferred::First, Preferred::Second);
        let (counted, again) = last_decided(vec![
            said("w", Origin::Human, first),
            said("v", Origin::Human, first),
            said("m", Origin::Judge, first),
            said("w", Origin::Human, second),
            said("m", Origin::Judge, second),
            // In the other order.
            decided(0, "w", Origin::Human, ["b", "a"], first),
        ]);
        let counted: Vec<(&str, Preferred)> = counted
            .iter()
            .filter_map(|one| Some((one.verdict.judge.as_deref()?, one.verdict.preferred)))
            .collect();
        let expected = [
            ("v", first),
            ("m", first),
            ("w", second),
            ("m", second),
            ("w", first),
        ];
        assert_eq!((counted, again), (expected.to_vec(), 1));
    }

    #[test]
    fn people_are_one_and_a_judge_is_never_among_them() {
        let said =
            |item, judge, origin, preferred| decided(item, judge, origin, ["a", "b"], preferred);
        let (human, judge) = (Origin::Human, Origin::Judge);
        let (first, second) = (Preferred::First, Preferred::Second);
        let groups = groups(vec![
            said(0, "w1", human, first),
            said(0, "w2", human, first),
            said(1, "w1", human, second),
            said(1, "w2", human, first),
            said(2, "w1", human, second),
            said(0, "m", judge, first),
            said(1, "m", judge, first),
            said(2, "m", judge, second),
        ]);
        let figures: Vec<VerdictGroup> = groups.iter().map(Group::figures).collect();
        let [people, alone] = &figures[..] else {
            panic!("two groups")
        };
        assert_eq!((people.people, people.judge.as_deref()), (2, None));
        assert_eq!((alone.people, alone.judge.as_deref()), (0, Some("m")));
        assert_eq!((people.judged_by_several, people.pairs[0].verdicts), (2, 5));
        // By hand: values 1, 1 and -1, 1; observed 1/2 · 2/2, expected 2 · 3 / (4 · 3): α = 1 - (1/2)/(1/2).
        assert!(people.alpha.unwrap().unwrap().abs() < 1e-12);
        let agreement = agreement(&groups);
        let [both] = &agreement[..] else {
            panic!("{agreement:?}")
        };
        assert_eq!(
            (both.first.as_str(), both.second.as_str(), both.n),
            ("people", "m", 3)
        );
        // Item 1 is a tie among people.
        assert!((both.equal.unwrap().value - 2.0 / 3.0).abs() < 1e-12);
    }
}
