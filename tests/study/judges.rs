//! A judge beside people: what people said in a study is compared with it once the study is unblinded, and not before.

use crate::study_support::*;
use emprl::data::corpus::record::Preferred;
use emprl::operations::endpoint::figures_of;
use emprl::store::{AskId, Exchange, Judged, Store, StudyId};
use emprl::study::definition::{Definition, StudyKind};
use emprl::study::judgement::{Answer, Choice, JudgementAction, Rating, Score};
use emprl::study::page::Page;
use serde_json::{Map, Value, json};

const CONTEXTS: usize = 12;

/// Lets everybody answer every page.
fn work(store: &mut Store, study: StudyId, answer: impl Fn(&Page) -> Answer) {
    for annotator in 1..=3 {
        let read = store.reader().unwrap().worklist(study, annotator).unwrap();
        for page in read.pages().to_vec() {
            let action = JudgementAction::Answer(answer(&page));
            store
                .judge_now(study, annotator, page.item, &[action], 900)
                .unwrap();
        }
    }
}

/// What a judge said of the systems, with what is known of it.
fn series(store: &mut Store, kind: &str, judged: impl Fn(usize) -> Vec<(Value, Judged)>) -> AskId {
    let rows = store.reader().unwrap().systems().unwrap();
    let hash = |name: &str| {
        rows.iter()
            .find(|row| row.name == name)
            .unwrap()
            .sha256
            .clone()
    };
    let systems: Map<String, Value> = SYSTEMS[..2]
        .iter()
        .map(|name| (name.to_string(), hash(name).into()))
        .collect();
    let about = json!({"rubric": "warmth", "range": [1, 5], "model": "m", "systems": systems});
    let ask = store.begin_ask(kind, kind, &about).unwrap();
    for place in 0..CONTEXTS {
        for (systems, judged) in judged(place) {
            let exchange = Exchange {
                item: json!([place, systems, 1]).to_string(),
                request: "{}".into(),
                answer: "{}".into(),
                judged: Some(judged),
            };
            store.record_exchange(ask, &exchange).unwrap();
        }
    }
    ask
}

fn study(store: &mut Store, kind: StudyKind) -> StudyId {
    let definition = Definition {
        contexts: CONTEXTS,
        ..definition(kind, 2)
    };
    create(store, &definition)
}

#[test]
fn ratings_of_a_study_agree_with_a_judge_once_it_is_unblinded() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = store_with_systems(dir.path(), 2, CONTEXTS);
    let rating = study(&mut store, StudyKind::Rating);
    let points = |number: usize| [1u8, 2, 3, 4, 5][number % 5];
    work(&mut store, rating, |page| {
        let score = Score::try_from(points(context_number(page))).unwrap();
        Answer::Rating(Rating {
            empathy: score,
            relevance: score,
            fluency: Score::try_from(3).unwrap(),
        })
    });
    let ask = series(&mut store, "rate", |place| {
        let score = |system: usize| {
            (
                json!([SYSTEMS[system]]),
                Judged::Score(f64::from(points(place))),
            )
        };
        vec![score(0), score(1)]
    });
    let blind = figures_of(dir.path(), ask, None, &[]).unwrap();
    assert!(
        blind.agreement.is_empty(),
        "nothing is read of a blind study"
    );
    assert_eq!(blind.n, 2 * CONTEXTS);
    store.unblind(rating, "Ada", "done", false).unwrap();
    let found = figures_of(dir.path(), ask, None, &[]).unwrap();
    let names: Vec<&str> = found.agreement.iter().map(|of| of.first.as_str()).collect();
    assert_eq!(
        names,
        ["empathy (human)", "fluency (human)", "relevance (human)"]
    );
    let all = &found.agreement[0].rows[0];
    assert_eq!(all.n, 2 * CONTEXTS);
    assert!(all.pearson.unwrap().value > 0.999);
    assert_eq!(all.same_scale.as_ref().unwrap().kappa, Ok(1.0));
    assert!(
        found.agreement[1].rows[0].pearson.is_none(),
        "fluency is always 3"
    );
}

#[test]
fn votes_of_a_study_agree_with_a_judge_once_it_is_unblinded() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = store_with_systems(dir.path(), 2, CONTEXTS);
    let ab = study(&mut store, StudyKind::AbTest);
    // The first system is better in every other context.
    work(&mut store, ab, |page| {
        let first_is_left = whose(texts(page)[0]) == Some(0);
        let first = context_number(page).is_multiple_of(2);
        Answer::Choice(if first == first_is_left {
            Choice::Left
        } else {
            Choice::Right
        })
    });
    let ask = series(&mut store, "compare", |place| {
        let verdict = |swapped: bool| {
            let systems = if swapped {
                [SYSTEMS[1], SYSTEMS[0]]
            } else {
                [SYSTEMS[0], SYSTEMS[1]]
            };
            let first = (place % 2 == 0) != swapped;
            let preferred = if first {
                Preferred::First
            } else {
                Preferred::Second
            };
            (json!(systems), Judged::Verdict(preferred))
        };
        vec![verdict(false), verdict(true)]
    });
    assert!(
        figures_of(dir.path(), ask, None, &[])
            .unwrap()
            .agreement
            .is_empty()
    );
    store.unblind(ab, "Ada", "done", false).unwrap();
    let found = figures_of(dir.path(), ask, None, &[]).unwrap();
    let [agreement] = &found.agreement[..] else {
        panic!("{:?}", found.agreement)
    };
    assert_eq!(agreement.first, "preferred by votes (human)");
    assert_eq!(agreement.rows[0].n, CONTEXTS);
    assert_eq!(
        agreement.rows[0].same_scale.as_ref().unwrap().kappa,
        Ok(1.0)
    );
    assert_eq!(found.compared[0].order_consistency.unwrap().value, 1.0);
    assert_eq!(found.compared[0].position_bias.unwrap().value, 0.0);
}

#[test]
fn what_came_in_late_is_said_beside_a_judges_agreement() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = store_with_systems(dir.path(), 2, CONTEXTS);
    let rating = study(&mut store, StudyKind::Rating);
    let of = |points: [u8; 3]| Answer::rated(None, &points).unwrap();
    let mut late = store.reader().unwrap().pack(rating, 3).unwrap();
    for annotator in 1..=2 {
        let read = store.reader().unwrap().worklist(rating, annotator).unwrap();
        for page in read.pages().to_vec() {
            let points = 1 + (context_number(&page) % 5) as u8;
            let action = JudgementAction::Answer(of([points, points, 3]));
            store
                .judge_now(rating, annotator, page.item, &[action], 900)
                .unwrap();
        }
    }
    store.unblind(rating, "Ada", "no more time", true).unwrap();
    late.acts = vec![emprl::study::judgement::JudgementRecord {
        seq: 1,
        item: late.pages[0].item,
        action: JudgementAction::Answer(of([5, 5, 5])),
        shown_ms: 900,
        wall_ms: 9,
    }];
    store.merge_pack(&late).unwrap();
    let ask = series(&mut store, "rate", |place| {
        let score = 1.0 + (place % 5) as f64;
        vec![(json!([SYSTEMS[0]]), Judged::Score(score))]
    });
    let found = figures_of(dir.path(), ask, None, &[]).unwrap();
    assert_eq!(
        found.arrivals.sentences(),
        ["1 judgement came in after the unblinding, and is left out."]
    );
}

#[test]
fn own_aspects_of_a_rating_are_scores_on_their_own_scale() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = store_with_systems(dir.path(), 2, CONTEXTS);
    let mut own = Definition {
        contexts: CONTEXTS,
        ..definition(StudyKind::Rating, 2)
    };
    let file = "[[aspect]]\nname = \"Warmth\"\npoints = 5\n";
    own.ask(emprl::study::aspects::Aspects::from_toml(file).unwrap());
    let rating = create(&mut store, &own);
    let head = store.reader().unwrap().study(rating).unwrap().head;
    work(&mut store, rating, |page| {
        head.rated(&[1 + (context_number(page) % 5) as u8]).unwrap()
    });
    store.unblind(rating, "Ada", "done", false).unwrap();
    let ask = series(&mut store, "rate", |place| {
        let score = 1.0 + (place % 5) as f64;
        vec![(json!([SYSTEMS[0]]), Judged::Score(score))]
    });
    let found = figures_of(dir.path(), ask, None, &[]).unwrap();
    let [agreement] = &found.agreement[..] else {
        panic!("{:?}", found.agreement)
    };
    assert_eq!(agreement.first, "Warmth (1-5) (human)");
}
