//! What a judge's scores and verdicts come to: means, spread, order consistency, position bias, win rates, and how they
//! agree with people.

use std::collections::{BTreeMap, HashMap};

use serde::Serialize;

use super::super::corpus::{Agreement, Pairs, of_pairs};
use super::chat::{Prices, Tally};
use super::judge::{Item, Refused};
use super::subjects::Subject;
use crate::metrics::{Bootstrap, Estimate};
use crate::store::{AskId, AskRow, Judged, Preferred, RecordedAnswer};

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

/// Two systems against each other. Shares are from 0 to 1.
#[derive(Debug, Serialize)]
pub struct ComparedPair {
    pub first: String,
    pub second: String,
    /// Records that have a verdict.
    pub records: usize,
    pub verdicts: usize,
    /// Repeats that were understood in both orders.
    pub in_both_orders: usize,
    /// Of these, the share that says the same in both.
    pub order_consistency: Option<Estimate>,
    /// Of verdicts that are no tie, the share for the response shown first less that for the one shown second: 0 is none,
    /// 1 is always the first.
    pub position_bias: Option<Estimate>,
    /// Of requests with several verdicts, the share whose verdicts are all the same.
    pub repeat_consistency: Option<f64>,
    /// Records where `first` has more verdicts than `second`.
    pub wins: usize,
    /// Where they have as many.
    pub ties: usize,
    pub losses: usize,
    /// Of verdicts, the share for `first`, a tie as half.
    pub win_rate: Option<Estimate>,
}

/// A score with what it is of.
struct Scored {
    system: String,
    place: usize,
    value: f64,
}

/// A verdict with what it is of.
struct Decided {
    place: usize,
    /// As they were shown.
    systems: [String; 2],
    repeat: u32,
    preferred: Preferred,
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
                    place: item.place,
                    systems,
                    repeat: item.repeat,
                    preferred,
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
        compared: compared(subjects, &verdicts),
        agreement,
        tally: Tally::of(exchanges.iter(), prices),
        name,
    }
}

/// A figure over values by conversation, whose values are drawn together.
fn estimate<T>(
    by_conversation: &BTreeMap<&str, Vec<T>>,
    figure: impl Fn(&mut dyn Iterator<Item = &T>) -> f64,
) -> Option<Estimate> {
    let clusters: Vec<&Vec<T>> = by_conversation.values().collect();
    Bootstrap::default().estimate(clusters.len(), |drawn| {
        figure(&mut drawn.iter().flat_map(|place| clusters[*place]))
    })
}

fn mean(values: &mut dyn Iterator<Item = &f64>) -> f64 {
    let (sum, n) = values.fold((0.0, 0.0), |(sum, n), value| (sum + value, n + 1.0));
    sum / n
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

/// Which of two systems, in the order of their names, a verdict is for: 1 the first, -1 the second, 0 neither.
fn direction(decided: &Decided, first: &str) -> f64 {
    let shown = match decided.preferred {
        Preferred::First => 1.0,
        Preferred::Second => -1.0,
        Preferred::Tie => 0.0,
    };
    if decided.systems[0] == first {
        shown
    } else {
        -shown
    }
}

/// By the names of two systems, in order.
fn by_pair(verdicts: &[Decided]) -> BTreeMap<[&str; 2], Vec<&Decided>> {
    let mut found: BTreeMap<[&str; 2], Vec<&Decided>> = BTreeMap::new();
    for decided in verdicts {
        let mut pair = decided.systems.each_ref().map(String::as_str);
        pair.sort_unstable();
        found.entry(pair).or_default().push(decided);
    }
    found
}

fn compared(subjects: &[Subject], verdicts: &[Decided]) -> Vec<ComparedPair> {
    let conversation = |place: usize| subjects[place].conversation.as_str();
    let pairs = by_pair(verdicts).into_iter();
    pairs
        .map(|([first, second], verdicts)| {
            let mut directions: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
            let mut positions: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
            let mut repeats: BTreeMap<(usize, u32), Vec<&Decided>> = BTreeMap::new();
            let mut requests: BTreeMap<(usize, bool), Vec<Preferred>> = BTreeMap::new();
            let mut records: BTreeMap<usize, f64> = BTreeMap::new();
            for decided in &verdicts {
                let direction = direction(decided, first);
                let of = directions.entry(conversation(decided.place)).or_default();
                of.push(0.5 + direction / 2.0);
                match decided.preferred {
                    Preferred::Tie => {}
                    preferred => {
                        let place = if preferred == Preferred::First {
                            1.0
                        } else {
                            -1.0
                        };
                        positions
                            .entry(conversation(decided.place))
                            .or_default()
                            .push(place);
                    }
                }
                repeats
                    .entry((decided.place, decided.repeat))
                    .or_default()
                    .push(decided);
                let request = (decided.place, decided.systems[0] == first);
                requests.entry(request).or_default().push(decided.preferred);
                *records.entry(decided.place).or_default() += direction;
            }
            let mut consistent: BTreeMap<&str, Vec<f64>> = BTreeMap::new();
            for ((place, _), both) in &repeats {
                if let [one, other] = both[..] {
                    let same = direction(one, first) == direction(other, first);
                    consistent
                        .entry(conversation(*place))
                        .or_default()
                        .push(f64::from(same));
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
                verdicts: verdicts.len(),
                in_both_orders: consistent.values().map(Vec::len).sum(),
                order_consistency: estimate(&consistent, |values| mean(values)),
                position_bias: estimate(&positions, |values| mean(values)),
                repeat_consistency: (!again.is_empty()).then(|| mean(&mut again.iter())),
                wins: count(|sum| sum > 0.0),
                ties: count(|sum| sum == 0.0),
                losses: count(|sum| sum < 0.0),
                win_rate: estimate(&directions, |values| mean(values)),
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
            *records.entry(decided.place).or_default() += direction(decided, first);
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

fn sign(value: f64) -> f64 {
    match value {
        value if value > 0.0 => 1.0,
        value if value < 0.0 => -1.0,
        _ => 0.0,
    }
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
