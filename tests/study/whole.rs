//! Whole studies, from responses to results: an A/B test with a fourth annotator and a rating, whose results are
//! those of SciPy and scikit-learn.

use crate::study_support::*;
use emprl::metrics::{Bootstrap, Estimate};
use emprl::store::{Store, StoreError, StudyId};
use emprl::study::definition::StudyKind;
use emprl::study::export::{csv, full_rows, jsonl, own_rows};
use emprl::study::judgement::{Answer, Choice, JudgementAction, Rating, Score};
use emprl::study::make::Role;
use emprl::study::page::Page;
use emprl::study::record::Unblinded;
use emprl::study::results::{Findings, results};
use emprl::study::statistics::significance::Share;
use serde_json::Value;

fn fixture(part: &str) -> Value {
    let text = include_str!("../fixtures/study_whole.json");
    serde_json::from_str::<Value>(text).unwrap()[part].take()
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap()
}

/// The letters of a list of strings.
fn letters(value: &Value) -> Vec<Vec<char>> {
    let rows = value.as_array().unwrap().iter();
    rows.map(|row| row.as_str().unwrap().chars().collect())
        .collect()
}

/// The side on which a page shows the first system, turned into the choice that a vote is.
fn choice(page: &Page, vote: char) -> Choice {
    let first_left = whose(texts(page)[0]) == Some(0);
    match (vote, first_left) {
        ('t', _) => Choice::Tie,
        ('w', true) | ('l', false) => Choice::Left,
        _ => Choice::Right,
    }
}

/// Lets an annotator work until nothing is open; `answer` says what they do with a page.
fn work(
    store: &mut Store,
    study: StudyId,
    annotator: u32,
    answer: impl Fn(&Page) -> JudgementAction,
) {
    let mut desk = store.reader().unwrap().worklist(study, annotator).unwrap();
    while let Some(at) = desk.next() {
        let page = desk.pages()[at].clone();
        if desk.state(&page).skipped {
            break;
        }
        let acts = store
            .judge_now(study, annotator, page.item, &[answer(&page)], 1500)
            .unwrap();
        acts.iter().for_each(|act| desk.apply(act));
    }
    let read = store.reader().unwrap().worklist(study, annotator).unwrap();
    assert_eq!(read, desk, "what the page knows is what is on disk");
}

fn same_share(found: Option<Share>, expected: &Value) {
    let found = found.unwrap();
    assert_eq!(found.count, expected[0].as_u64().unwrap());
    assert_eq!(found.of, expected[1].as_u64().unwrap());
    assert!(
        (found.low - number(&expected[2])).abs() < 1e-10,
        "{found:?} {expected}"
    );
    assert!(
        (found.high - number(&expected[3])).abs() < 1e-10,
        "{found:?} {expected}"
    );
}

/// The value exactly, the interval as near as two bootstraps are.
fn same_estimate(found: Option<Estimate>, expected: &Value) {
    let found = found.unwrap();
    assert!(
        (found.value - number(&expected[0])).abs() < 1e-12,
        "{found:?} {expected}"
    );
    let width = number(&expected[2]) - number(&expected[1]);
    assert!(
        (found.low - number(&expected[1])).abs() < 0.06 * width,
        "{found:?} {expected}"
    );
    assert!(
        (found.high - number(&expected[2])).abs() < 0.06 * width,
        "{found:?} {expected}"
    );
}

fn bootstrap() -> Bootstrap {
    Bootstrap {
        resamples: 10_000,
        seed: 3,
    }
}

#[test]
fn an_ab_test_from_responses_to_results() {
    let expected = fixture("ab");
    let (votes, fourths) = (letters(&expected["votes"]), letters(&expected["fourth"]));
    let dir = tempfile::tempdir().unwrap();
    let mut store = store_with_systems(dir.path(), 2, 100);
    let study = create(&mut store, &definition(StudyKind::AbTest, 2));

    let vote = |page: &Page, annotator: u32| {
        let vote = votes[context_number(page)][annotator as usize - 1];
        JudgementAction::Answer(Answer::Choice(choice(page, vote)))
    };
    for annotator in 1..=2 {
        work(&mut store, study, annotator, |page| vote(page, annotator));
    }
    assert_eq!(
        store.assign_to_fourth(study, None).unwrap(),
        0,
        "nobody differs yet"
    );
    work(&mut store, study, 3, |page| vote(page, 3));
    let nobody = store.assign_to_fourth(study, None).unwrap_err();
    assert!(
        matches!(nobody, StoreError::NoAdjudicator { .. }),
        "{nobody}"
    );
    let split = expected["split"].as_u64().unwrap() as usize;
    let row = |store: &Store| store.reader().unwrap().study(study).unwrap();
    assert_eq!(row(&store).split_unassigned, split);
    let early = store.unblind(study, "Ada", "done", false).unwrap_err();
    assert!(
        matches!(early, StoreError::Unfinished { missing: 0, split: waiting, .. } if waiting == split as u64),
        "{early}"
    );
    let given = store.assign_to_fourth(study, Some("Dee")).unwrap();
    assert_eq!(given, split);
    let fourth = 4;
    assert_eq!(row(&store).split_unassigned, 0);
    assert_eq!(store.assign_to_fourth(study, None).unwrap(), 0, "each once");
    let desk = store.reader().unwrap().worklist(study, fourth).unwrap();
    for page in desk.pages() {
        let mut three = votes[context_number(page)].clone();
        three.sort_unstable();
        assert_eq!(
            three,
            ['l', 't', 'w'],
            "exactly the items on which three differ"
        );
    }
    work(&mut store, study, fourth, |page| {
        match fourths[context_number(page)][0] {
            '-' => JudgementAction::Skip,
            vote => JudgementAction::Answer(Answer::Choice(choice(page, vote))),
        }
    });

    store.unblind(study, "Ada", "all is judged", true).unwrap();
    let late = store.assign_to_fourth(study, None).unwrap_err();
    assert!(matches!(late, StoreError::Unblinded { .. }), "{late}");
    let unblinded = store.reader().unwrap().unblinded(study).unwrap();
    let found = results(&unblinded, &bootstrap());
    let Findings::AbTest(ab) = &found.found else {
        panic!("an A/B test");
    };
    let pair = &ab.pairs[0];
    assert_eq!(
        (pair.first.as_str(), pair.second.as_str()),
        (SYSTEMS[0], SYSTEMS[1])
    );
    assert_eq!(
        (pair.items, pair.judged, pair.open, pair.waiting_for_fourth),
        (100, 100, 0, 0)
    );
    assert_eq!(pair.by_fourth, expected["by_fourth"].as_u64().unwrap());
    same_share(pair.win, &expected["win"]);
    same_share(pair.lose, &expected["lose"]);
    same_share(pair.tie, &expected["tie"]);
    same_share(pair.unresolved, &expected["unresolved"]);
    same_share(pair.preference, &expected["preference"]);
    let exact = pair.preference_exact.unwrap();
    assert!((exact.low - number(&expected["preference_exact"][0])).abs() < 1e-10);
    assert!((exact.high - number(&expected["preference_exact"][1])).abs() < 1e-10);
    assert!((pair.p.unwrap() - number(&expected["p"])).abs() < 1e-12);
    same_estimate(pair.margin, &expected["margin"]);
    let agreement = &ab.agreement;
    assert_eq!(
        (
            agreement.items,
            agreement.fleiss_items,
            agreement.judgements
        ),
        (100, 100, 300)
    );
    assert!((agreement.fleiss_kappa.unwrap() - number(&expected["fleiss"])).abs() < 1e-12);
    assert!((agreement.krippendorff_alpha.unwrap() - number(&expected["alpha"])).abs() < 1e-12);
    for (value, interval) in [
        (agreement.fleiss_kappa, agreement.fleiss_interval),
        (agreement.krippendorff_alpha, agreement.alpha_interval),
    ] {
        let (value, interval) = (value.unwrap(), interval.unwrap());
        assert_eq!(interval.value, value);
        assert!(
            interval.low < value && value < interval.high,
            "{interval:?}"
        );
    }
    for (pair, kappa) in agreement
        .pairs
        .iter()
        .zip(expected["cohen"].as_array().unwrap())
    {
        assert!(
            (pair.kappa.unwrap() - number(kappa)).abs() < 1e-12,
            "{pair:?}"
        );
    }
    let strengths = ab.strengths.as_ref().unwrap();
    assert!((strengths[0].theta - number(&expected["theta"])).abs() < 1e-9);
    let elo = strengths[0].elo.unwrap();
    assert!(elo.low < elo.value && elo.value < elo.high);

    let first = &found.annotators[0];
    assert_eq!(
        (first.progress.answered, first.median_ms, first.total_ms),
        (100, Some(1500), 150_000)
    );
    assert_eq!(first.over_time.len(), 4);
    assert_eq!((first.over_time[3].from, first.over_time[3].to), (76, 100));
    assert_eq!(found.annotators[3].role, Role::Adjudicator);
    let differ = |a: usize, b: usize| votes.iter().filter(|v| v[a] != v[b]).count() as f64;
    let distance = (differ(0, 1) + differ(0, 2)) / 200.0;
    assert!((first.distance.unwrap() - distance).abs() < 1e-12);

    // All that is needed to compute them again.
    let text = serde_json::to_string(&unblinded).unwrap();
    assert!(!text.contains("Cem\""), "names of people stay in the store");
    let again: Unblinded = serde_json::from_str(&text).unwrap();
    let json = |found| serde_json::to_value(found).unwrap();
    assert_eq!(json(results(&again, &bootstrap())), json(found));
    exports_hold_every_judgement(&unblinded, &votes);
}

fn exports_hold_every_judgement(unblinded: &Unblinded, votes: &[Vec<char>]) {
    let rows = full_rows(unblinded);
    let text = jsonl(&rows).unwrap();
    let table = String::from_utf8(csv(&rows).unwrap()).unwrap();
    assert_eq!(text.lines().count(), rows.len());
    assert_eq!(table.lines().count(), rows.len() + 1);
    let mut wins = 0;
    for line in text
        .lines()
        .filter(|line| line.contains("\"annotator\":\"A1\""))
    {
        let row: Value = serde_json::from_str(line).unwrap();
        wins += usize::from(row["outcome"] == "win");
        // What was said and on which side the system was agree with what it means.
        let left = row["choice"] == "left";
        if row["choice"] != "tie" {
            assert_eq!(
                row["outcome"] == "win",
                left == row["system_left"].as_bool().unwrap()
            );
        }
    }
    assert_eq!(wins, votes.iter().filter(|three| three[0] == 'w').count());
}

#[test]
fn a_rating_from_responses_to_results() {
    let expected = fixture("rating");
    let scores = letters(&expected["scores"]);
    let dir = tempfile::tempdir().unwrap();
    let mut store = store_with_systems(dir.path(), 2, 110);
    let mut definition = definition(StudyKind::Rating, 2);
    definition.attention_checks = 4;
    let study = create(&mut store, &definition);
    // Contexts are drawn, so the fixture's go to the drawn ones in order.
    let reader = store.reader().unwrap();
    let desk = reader.worklist(study, 1).unwrap();
    let mut drawn: Vec<usize> = desk
        .pages()
        .iter()
        .filter(|page| whose(texts(page)[0]).is_some())
        .map(context_number)
        .collect();
    drawn.sort_unstable();
    drawn.dedup();
    assert_eq!((drawn.len(), desk.pages().len()), (100, 204));
    let score = |points: u8| Score::try_from(points).unwrap();
    for annotator in 1..=3 {
        work(&mut store, study, annotator, |page| {
            let rating = |points: [u8; 3]| {
                let [empathy, relevance, fluency] = points.map(score);
                JudgementAction::Answer(Answer::Rating(Rating {
                    empathy,
                    relevance,
                    fluency,
                }))
            };
            let Some(system) = whose(texts(page)[0]) else {
                // The third annotator notices no check.
                return rating([1, 1, if annotator == 3 { 5 } else { 2 }]);
            };
            let at = drawn.binary_search(&context_number(page)).unwrap();
            let first = system * 9 + (annotator as usize - 1) * 3;
            rating([0, 1, 2].map(|aspect| scores[at][first + aspect] as u8 - b'0'))
        });
    }
    store.unblind(study, "Ada", "all is judged", true).unwrap();
    let unblinded = store.reader().unwrap().unblinded(study).unwrap();
    let found = results(&unblinded, &bootstrap());
    let Findings::Rating(rating) = &found.found else {
        panic!("a rating");
    };
    for (aspect, expected) in rating
        .aspects
        .iter()
        .zip(expected["aspects"].as_array().unwrap())
    {
        for (system, mean) in aspect
            .systems
            .iter()
            .zip(expected["means"].as_array().unwrap())
        {
            assert_eq!((system.contexts, system.scores), (100, 300));
            same_estimate(system.mean, mean);
        }
        same_estimate(aspect.differences[0].difference, &expected["difference"]);
        let agreement = &aspect.agreement;
        assert_eq!((agreement.items, agreement.fleiss_items), (200, 200));
        assert!((agreement.krippendorff_alpha.unwrap() - number(&expected["alpha"])).abs() < 1e-12);
        assert!((agreement.fleiss_kappa.unwrap() - number(&expected["fleiss"])).abs() < 1e-12);
        for (at, pair) in agreement.pairs.iter().enumerate() {
            assert!((pair.kappa.unwrap() - number(&expected["cohen"][at])).abs() < 1e-12);
            let weighted = pair.weighted_kappa.unwrap();
            assert!((weighted - number(&expected["weighted"][at])).abs() < 1e-12);
        }
    }
    let passed = |at: usize| {
        let checks = found.annotators[at].checks.unwrap();
        (checks.answered, checks.passed)
    };
    assert_eq!((passed(0), passed(2)), ((4, 4), (4, 0)));
    assert!(found.annotators[0].sides.is_none());
}

#[test]
fn a_study_nobody_judged_has_undefined_results() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = store_with_systems(dir.path(), 3, 12);
    for kind in [StudyKind::AbTest, StudyKind::Rating] {
        let mut definition = definition(kind, 3);
        definition.contexts = 10;
        definition.repeats = true;
        definition.title = format!("Number {}", kind.key());
        let study = create(&mut store, &definition);
        let unblinding = store.unblind(study, "Ada", "given up", true).unwrap();
        assert_eq!(
            unblinding.missing,
            if kind == StudyKind::AbTest { 60 } else { 90 }
        );
        let unblinded = store.reader().unwrap().unblinded(study).unwrap();
        let found = serde_json::to_value(results(&unblinded, &Bootstrap::default())).unwrap();
        let text = found.to_string();
        assert!(
            !text.contains("NaN") && text.contains("undefined"),
            "{text}"
        );
        if kind == StudyKind::AbTest {
            let pair = &found["found"]["ab_test"]["pairs"][1];
            assert_eq!(
                (pair["open"].as_u64(), pair["judged"].as_u64()),
                (Some(10), Some(0))
            );
            assert!(pair["win"].is_null() && pair["p"]["undefined"].is_string());
            assert!(found["found"]["ab_test"]["strengths"]["undefined"].is_string());
        }
    }
}

#[test]
fn own_rows_are_as_the_annotator_saw_them() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = store_with_systems(dir.path(), 2, 10);
    let mut definition = definition(StudyKind::AbTest, 2);
    definition.contexts = 5;
    let study = create(&mut store, &definition);
    let item = store.reader().unwrap().worklist(study, 2).unwrap().pages()[3].item;
    let actions = [
        JudgementAction::Answer(Answer::Choice(Choice::Left)),
        JudgementAction::Comment("a \"b\", c".to_string()),
        JudgementAction::Flag(true),
    ];
    store.judge_now(study, 2, item, &actions, 900).unwrap();
    let rows = own_rows(&store.reader().unwrap().worklist(study, 2).unwrap());
    assert_eq!(rows.len(), 5);
    assert_eq!((rows[3].position, rows[3].item), (4, item));
    assert_eq!(
        (rows[3].choice, rows[3].flagged, rows[3].shown_ms),
        (Some(Choice::Left), true, 900)
    );
    assert!(rows[3].answered.as_ref().unwrap().ends_with('Z'));
    let table = String::from_utf8(csv(&rows).unwrap()).unwrap();
    assert!(table.contains("\"a \"\"b\"\", c\""), "{table}");
    assert!(jsonl(&rows).unwrap().contains("\"choice\":\"left\""));
}
