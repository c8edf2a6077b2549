//! What a judge's scores and verdicts come to: means, spread, order consistency, position bias, win rates, and how they
//! agree with people.

use std::collections::{BTreeMap, HashMap};

use serde::Serialize;

use super::super::corpus::{
    Agreement, ComparedPair, Decided, Pairs, by_pair, compared, estimate, mean, of_pairs, sign,
};
use super::chat::{Prices, Tally};
use super::judge::{Item, Refused};
use super::subjects::Subject;
use crate::data::corpus::record::{Origin, Preferred, Verdict};
use crate::metrics::Estimate;
use crate::store::{AskId, AskRow, Judged, RecordedAnswer};
use crate::study::arrivals::Arrivals;

/// What a judge said. Intervals are of 95 %, over conversations.
#[derive(Debug, Serialize)]
pub struct JudgeFigures {
    pub ask: AskId,
    /// `rate` or `compare`.
    pub kind: String,
    /// Of the rubric.
    pub name: String,
    pub model: String,
    pub address: String,
    pub temperature: Option<f64>,
    pub range: Option<[f64; 2]>,
    /// How often each request was made.
    pub repeats: u32,
    /// Answers that were understood.
    pub n: usize,
    /// Answers that could not be understood; they count nowhere else.
    pub not_understood: usize,
    /// Requests that were made now; None where nothing was to be asked.
    pub asked: Option<usize>,
    pub refused: Refused,
    pub rated: Vec<RatedSystem>,
    pub compared: Vec<ComparedPair>,
    /// With each score of people, or with their votes.
    pub agreement: Vec<Agreement>,
    /// How people's judgements came in, of all studies that agreement is taken from.
    pub arrivals: Arrivals,
    pub tally: Tally,
}

/// The scores of one system.
#[derive(Debug, Serialize)]
pub struct RatedSystem {
    pub system: String,
    pub responses: usize,
    pub scores: usize,
    /// Of the responses' means over repeats.
    pub mean: Option<Estimate>,
    /// Between responses.
    pub deviation: Option<f64>,
    /// Mean over responses of the deviation between repeats; None of those rated once.
    pub deviation_of_repeats: Option<f64>,
}

/// A score with what it is of.
struct Scored {
    system: String,
    place: usize,
    value: f64,
}

pub(super) fn figures(
    row: &AskRow,
    subjects: &[Subject],
    exchanges: &[RecordedAnswer],
    prices: Option<Prices>,
) -> JudgeFigures {
    let (mut scores, mut verdicts) = (Vec::new(), Vec::new());
    let mut repeats = 0;
    let mut n = 0;
    for exchange in exchanges {
        let Some(item) = Item::parse(&exchange.item).filter(|item| item.place < subjects.len())
        else {
            continue;
        };
        repeats = repeats.max(item.repeat);
        match (exchange.judged, item.systems) {
            (Some(Judged::Score(value)), systems) if systems.len() == 1 => {
                n += 1;
                scores.extend(systems.into_iter().map(|system| Scored {
                    system,
                    place: item.place,
                    value,
                }));
            }
            (Some(Judged::Verdict(preferred)), systems) => {
                let Ok(systems) = systems.try_into() else {
                    continue;
                };
                n += 1;
                verdicts.push(Decided {
                    item: item.place,
                    conversation: subjects[item.place].conversation.clone(),
                    verdict: verdict(row, systems, item.repeat, preferred),
                });
            }
            _ => {}
        }
    }
    let text = |name: &str| row.about[name].as_str().unwrap_or_default().to_string();
    let name = text("rubric");
    let range = row.about["range"].as_array().and_then(|range| {
        let number = |at: usize| range.get(at)?.as_f64();
        Some([number(0)?, number(1)?])
    });
    let mut agreement = agreement_of_scores(&name, range, subjects, &scores);
    agreement.extend(agreement_of_verdicts(&name, subjects, &verdicts));
    JudgeFigures {
        ask: row.id,
        kind: row.kind.clone(),
        model: text("model"),
        address: text("address"),
        temperature: row.about["temperature"].as_f64(),
        range,
        repeats,
        n,
        not_understood: exchanges.len() - n,
        asked: None,
        refused: Vec::new(),
        rated: rated(subjects, &scores),
        compared: compared(&verdicts),
        agreement,
        arrivals: Arrivals::default(),
        tally: Tally::of(exchanges.iter(), prices),
        name,
    }
}

/// A verdict as the records of a corpus have it. Systems are in the order in which they were shown.
pub(super) fn verdict(
    row: &AskRow,
    [first, second]: [String; 2],
    repeat: u32,
    preferred: Preferred,
) -> Verdict {
    Verdict {
        name: row.about["rubric"].as_str().unwrap_or_default().to_string(),
        first,
        second,
        preferred,
        in_order: true,
        judge: row.about["model"].as_str().map(str::to_string),
        origin: Some(Origin::Judge),
        repeat: Some(repeat),
    }
}

/// Of a sample; None of fewer than two.
fn deviation(values: &[f64]) -> Option<f64> {
    if values.len() < 2 {
        return None;
    }
    let mean = mean(&mut values.iter());
    let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    Some((squares / (values.len() - 1) as f64).sqrt())
}

/// By system, then by place: the scores of all repeats.
fn by_response(scores: &[Scored]) -> BTreeMap<&str, BTreeMap<usize, Vec<f64>>> {
    let mut found: BTreeMap<&str, BTreeMap<usize, Vec<f64>>> = BTreeMap::new();
    for score in scores {
        let of_system = found.entry(&score.system).or_default();
        of_system.entry(score.place).or_default().push(score.value);
    }
    found
}

fn rated(subjects: &[Subject], scores: &[Scored]) -> Vec<RatedSystem> {
    let systems = by_response(scores).into_iter();
    systems
        .map(|(system, responses)| {
            let mut means: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
            for (place, values) in &responses {
                let of = means.entry(&subjects[*place].conversation).or_default();
                of.push(mean(&mut values.iter()));
            }
            let all: Vec<f64> = means.values().flatten().copied().collect();
            let between: Vec<f64> = responses
                .values()
                .filter_map(|values| deviation(values))
                .collect();
            RatedSystem {
                system: system.to_string(),
                responses: responses.len(),
                scores: responses.values().map(Vec::len).sum(),
                mean: estimate(&means, |values| mean(values)),
                deviation: deviation(&all),
                deviation_of_repeats: (!between.is_empty()).then(|| mean(&mut between.iter())),
            }
        })
        .collect()
}

/// By system and conversation: what people gave, and the judge.
type PairsOf = BTreeMap<String, HashMap<String, Pairs>>;

fn agreement_of_scores(
    name: &str,
    range: Option<[f64; 2]>,
    subjects: &[Subject],
    scores: &[Scored],
) -> Vec<Agreement> {
    // By the name of the human score: its pairs, its range, and how many responses have none.
    let mut found: BTreeMap<&str, (PairsOf, Option<[f64; 2]>)> = BTreeMap::new();
    let mut responses = 0;
    for (system, places) in by_response(scores) {
        for (place, values) in places {
            responses += 1;
            let subject = &subjects[place];
            let Some(answer) = subject.answer(system) else {
                continue;
            };
            for (score, human) in &answer.human {
                let (pairs, range) = found.entry(score).or_default();
                *range = range.or(human.range);
                let of_system = pairs.entry(system.to_string()).or_default();
                let of = of_system.entry(subject.conversation.clone()).or_default();
                of.push((human.mean(), mean(&mut values.iter())));
            }
        }
    }
    let of = |(score, (pairs, human_range)): (&str, (PairsOf, Option<[f64; 2]>))| {
        let with = pairs
            .values()
            .flat_map(HashMap::values)
            .map(Vec::len)
            .sum::<usize>();
        let names = [format!("{score} (human)"), format!("{name} (judge)")];
        of_pairs(names, &pairs, [human_range, range], responses - with)
    };
    found.into_iter().map(of).collect()
}

/// Verdicts against what people preferred: by their votes, else by their scores.
fn agreement_of_verdicts(name: &str, subjects: &[Subject], verdicts: &[Decided]) -> Vec<Agreement> {
    let mut found: BTreeMap<String, (PairsOf, usize)> = BTreeMap::new();
    for ([first, second], verdicts) in by_pair(verdicts) {
        let mut records: BTreeMap<usize, f64> = BTreeMap::new();
        for decided in verdicts {
            *records.entry(decided.item).or_default() += decided.verdict.direction(first);
        }
        for (place, sum) in records {
            let subject = &subjects[place];
            let mut people: BTreeMap<String, f64> = BTreeMap::new();
            let pair = (first.to_string(), second.to_string());
            if let Some(votes) = subject.votes.get(&pair) {
                people.insert("votes".into(), *votes as f64);
            }
            if let (Some(one), Some(other)) = (subject.answer(first), subject.answer(second)) {
                for (score, human) in &one.human {
                    if let Some(against) = other.human.get(score) {
                        people.insert(score.clone(), human.mean() - against.mean());
                    }
                }
            }
            for (score, preferred) in people {
                let (pairs, _) = found.entry(score).or_default();
                let of_pair = pairs.entry(format!("{first} or {second}")).or_default();
                let of = of_pair.entry(subject.conversation.clone()).or_default();
                of.push((sign(preferred), sign(sum)));
            }
        }
    }
    let of = |(score, (pairs, without)): (String, (PairsOf, usize))| {
        let names = [
            format!("preferred by {score} (human)"),
            format!("{name} (judge)"),
        ];
        of_pairs(names, &pairs, [Some([-1.0, 1.0]); 2], without)
    };
    found.into_iter().map(of).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::operations::endpoint::subjects::{Human, SubjectAnswer};

    fn subject(name: &str, human: [f64; 2]) -> Subject {
        let answer = |system: &str, value: f64| SubjectAnswer {
            system: system.into(),
            text: format!("{system} answers"),
            human: BTreeMap::from([(
                "rating".to_string(),
                Human {
                    sum: value,
                    n: 1.0,
                    range: Some([1.0, 5.0]),
                },
            )]),
        };
        Subject {
            name: name.into(),
            conversation: name.into(),
            context: String::new(),
            utterances: Vec::new(),
            answers: vec![answer("anna", human[0]), answer("bert", human[1])],
            votes: BTreeMap::new(),
        }
    }

    fn row(kind: &str) -> AskRow {
        AskRow {
            id: AskId(1),
            kind: kind.into(),
            about: json!({"rubric": "warmth", "model": "m", "range": [1, 5], "temperature": 0.0}),
            answered: 0,
            begun_ms: 0,
            ended_ms: None,
        }
    }

    fn exchange(
        place: usize,
        systems: &[&str],
        repeat: u32,
        judged: Option<Judged>,
    ) -> RecordedAnswer {
        RecordedAnswer {
            item: json!([place, systems, repeat]).to_string(),
            answer: String::new(),
            judged,
        }
    }

    /// Verdicts of all records, by what is shown first and how often it was asked.
    fn compared_by(judge: impl Fn(usize, &str) -> Option<Preferred>) -> JudgeFigures {
        let subjects = ["a", "b", "c", "d"].map(|name| subject(name, [4.0, 2.0]));
        let mut exchanges = Vec::new();
        for place in 0..subjects.len() {
            for systems in [["anna", "bert"], ["bert", "anna"]] {
                let judged = judge(place, systems[0]).map(Judged::Verdict);
                exchanges.push(exchange(place, &systems, 1, judged));
            }
        }
        figures(&row("compare"), &subjects, &exchanges, None)
    }

    #[test]
    fn a_judge_that_always_says_first_has_position_bias_1_and_consistency_0() {
        let found = compared_by(|_, _| Some(Preferred::First));
        let [pair] = &found.compared[..] else {
            panic!("one pair")
        };
        let exactly = |value| {
            Some(Estimate {
                value,
                low: value,
                high: value,
            })
        };
        assert_eq!(pair.position_bias, exactly(1.0));
        assert_eq!(pair.order_consistency, exactly(0.0));
        assert_eq!(pair.win_rate, exactly(0.5));
        assert_eq!((pair.wins, pair.ties, pair.losses), (0, 4, 0));
        assert_eq!(
            (found.n, found.not_understood, pair.in_both_orders),
            (8, 0, 4)
        );
    }

    #[test]
    fn a_judge_that_knows_what_it_likes_has_no_bias_and_agrees_with_people() {
        let found = compared_by(|place, first| {
            Some(match (place, first) {
                (3, _) => Preferred::Tie,
                (_, "anna") => Preferred::First,
                _ => Preferred::Second,
            })
        });
        let pair = &found.compared[0];
        assert_eq!(
            (pair.first.as_str(), pair.wins, pair.ties, pair.losses),
            ("anna", 3, 1, 0)
        );
        assert_eq!(pair.position_bias.map(|bias| bias.value), Some(0.0));
        assert_eq!(pair.order_consistency.map(|of| of.value), Some(1.0));
        assert_eq!(pair.win_rate.map(|rate| rate.value), Some(0.875));
        let [agreement] = &found.agreement[..] else {
            panic!("{:?}", found.agreement)
        };
        assert_eq!(agreement.first, "preferred by rating (human)");
        assert_eq!(
            (
                agreement.rows[0].n,
                agreement.rows[0].mean_first,
                agreement.rows[0].mean_second
            ),
            (4, 1.0, 0.75)
        );
    }

    #[test]
    fn what_is_not_understood_is_counted_and_counts_nowhere_else() {
        let found = compared_by(|place, _| (place > 0).then_some(Preferred::First));
        assert_eq!(
            (found.n, found.not_understood, found.compared[0].records),
            (6, 2, 3)
        );
        let none = compared_by(|_, _| None);
        assert_eq!(
            (none.n, none.not_understood, none.compared.len()),
            (0, 8, 0)
        );
    }

    #[test]
    fn ratings_have_a_mean_a_spread_over_repeats_and_agreement_with_people() {
        let subjects = [
            subject("a", [1.0, 2.0]),
            subject("b", [3.0, 2.0]),
            subject("c", [5.0, 4.0]),
        ];
        let mut exchanges = Vec::new();
        for (place, value) in [(0, 1.0), (1, 3.0), (2, 5.0)] {
            let score = |value| Some(Judged::Score(value));
            exchanges.push(exchange(place, &["anna"], 1, score(value)));
            exchanges.push(exchange(place, &["anna"], 2, score(value)));
            exchanges.push(exchange(place, &["bert"], 1, score(value)));
            exchanges.push(exchange(place, &["bert"], 2, score(6.0 - value)));
        }
        let found = figures(&row("rate"), &subjects, &exchanges, None);
        let [anna, bert] = &found.rated[..] else {
            panic!("two systems")
        };
        assert_eq!((anna.responses, anna.scores, found.repeats), (3, 6, 2));
        assert_eq!(anna.mean.map(|mean| mean.value), Some(3.0));
        assert_eq!(
            (anna.deviation, anna.deviation_of_repeats),
            (Some(2.0), Some(0.0))
        );
        // 1 and 5, 3 and 3, 5 and 1: twice √8, once 0.
        let spread = bert.deviation_of_repeats.unwrap();
        assert!((spread - 2.0 * 8f64.sqrt() / 3.0).abs() < 1e-12, "{spread}");
        let [agreement] = &found.agreement[..] else {
            panic!("one human score")
        };
        let of_anna = agreement
            .rows
            .iter()
            .find(|row| row.system.as_deref() == Some("anna"));
        let of_anna = of_anna.unwrap();
        assert_eq!(
            of_anna.pearson.map(|pearson| (pearson.value * 1e9).round()),
            Some(1e9)
        );
        assert_eq!(of_anna.same_scale.as_ref().unwrap().kappa, Ok(1.0));
    }
}
