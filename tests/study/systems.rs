//! Systems' responses are read from the store as they came, and as contexts that several systems answered.

use crate::shared_data::shared;
use crate::study_support::*;
use emprl::data::empathetic_dialogues;
use emprl::store::{Store, StoreError};
use emprl::study::contexts::OrderedContexts;
use emprl::study::definition::{Definition, StudyKind};
use emprl::study::make::{Content, make};
use emprl::study::page::Shown;
use emprl::study::responses::{Problem, import};

#[test]
fn responses_are_read_as_they_came() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = Store::open(dir.path()).unwrap();
    let order = contexts(4);
    let path = dir.path().join("tokens.jsonl");
    let rows = [
        r#"{"conv_id": "c0", "turn": 2, "response": "i 'm sorry ."}"#,
        r#"{"conv_id": "c2", "turn": 2, "response": "what happened ?"}"#,
        r#"{"conv_id": "c3", "turn": 2, "response": ""}"#,
    ];
    std::fs::write(&path, rows.join("\n")).unwrap();
    let responses = import(&path, &order, None).unwrap();
    store
        .put_system("tokens", "tokens.jsonl", &responses, &order, false)
        .unwrap();
    let reader = store.reader().unwrap();
    let answers = reader.answers("tokens").unwrap();
    let said: Vec<(usize, &str)> = answers
        .iter()
        .map(|answer| (answer.position, answer.response.as_str()))
        .collect();
    assert_eq!(said, [(0, "i 'm sorry ."), (2, "what happened ?"), (3, "")]);
    assert_eq!(answers[1].context, order.keys()[2]);
    assert_eq!(
        reader.contexts().unwrap()[&answers[1].context],
        order.contexts()[2]
    );
    let row = &reader.systems().unwrap()[0];
    assert_eq!(
        (row.name.as_str(), row.rows, row.responses, row.tokenized),
        ("tokens", 3, 3, true)
    );
    assert_eq!(row.problems[0], Problem::Empty { place: 3, line: 3 });
    assert_eq!(row.problems[1], Problem::Missing { place: 1 });

    // For people in another form, and only where every system answered.
    let plain = dir.path().join("plain.txt");
    std::fs::write(&plain, "A.\nB.\nC.\nD.\n").unwrap();
    let plain = import(&plain, &order, None).unwrap();
    store
        .put_system("plain", "plain.txt", &plain, &order, false)
        .unwrap();
    let both = ["plain".to_string(), "tokens".to_string()];
    let candidates = reader.candidates(&both).unwrap();
    assert_eq!(candidates.len(), 3);
    let first = candidates
        .iter()
        .find(|c| c.key == order.keys()[0])
        .unwrap();
    assert_eq!(first.answers, ["A.", "I'm sorry."]);
    assert_eq!(first.emotion.as_deref(), Some("sad"));

    let twice = store
        .put_system("plain", "plain.txt", &plain, &order, false)
        .unwrap_err();
    assert!(matches!(twice, StoreError::SystemExists { .. }), "{twice}");
    store
        .put_system("plain", "again.txt", &plain, &order, true)
        .unwrap();
    assert_eq!(reader.systems().unwrap()[0].source, "again.txt");
    store.remove_system("plain").unwrap();
    let gone = store.remove_system("plain").unwrap_err();
    assert!(matches!(gone, StoreError::NoSystem { .. }), "{gone}");
    assert!(reader.answers("plain").is_err());
    assert_eq!(reader.systems().unwrap().len(), 1);
}

#[test]
fn systems_aligned_in_different_orders_meet_at_the_same_contexts() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = Store::open(dir.path()).unwrap();
    let order = contexts(6);
    let turned = OrderedContexts::new("turned", order.contexts().iter().rev().cloned().collect());
    for (name, order) in [("forth", &order), ("back", &turned)] {
        let path = dir.path().join(name);
        let lines: Vec<String> = order
            .contexts()
            .iter()
            .map(|context| format!("{name} {}", context.conversation.as_ref().unwrap()))
            .collect();
        std::fs::write(&path, lines.join("\n")).unwrap();
        let responses = import(&path, order, None).unwrap();
        store
            .put_system(name, name, &responses, order, false)
            .unwrap();
    }
    let both = ["forth".to_string(), "back".to_string()];
    let candidates = store.reader().unwrap().candidates(&both).unwrap();
    assert_eq!(candidates.len(), 6);
    for candidate in candidates {
        let conversation = candidate.answers[0].strip_prefix("forth ").unwrap();
        assert_eq!(candidate.answers[1], format!("back {conversation}"));
    }
}

#[test]
fn published_systems_make_a_study() {
    let (Some(systems), Some(dialogues)) =
        (shared("system_responses"), shared("empathetic_dialogues"))
    else {
        return;
    };
    let dir = tempfile::tempdir().unwrap();
    let mut store = Store::open(dir.path()).unwrap();
    let (set, _) = empathetic_dialogues::read(&dialogues).unwrap();
    let (order, _) =
        OrderedContexts::from_file(&systems.join("contexts.jsonl"), &set.test).unwrap();
    let names = ["CEM", "KEMP", "MIME", "MoEL", "Transformer"];
    for name in names {
        let file = format!("{}.txt", name.to_lowercase());
        let responses = import(&systems.join(&file), &order, None).unwrap();
        store
            .put_system(name, &file, &responses, &order, false)
            .unwrap();
    }
    let reader = store.reader().unwrap();
    let people = ["Ada", "Ben", "Cem"].map(str::to_string).to_vec();
    let systems = names.map(str::to_string).to_vec();
    let candidates = reader.candidates(&systems).unwrap();
    assert_eq!(candidates.len(), 5255);
    let mut definition = Definition::new(StudyKind::AbTest, systems, people);
    (definition.stratified, definition.attention_checks) = (true, 5);
    let new = make(&definition, &candidates, 0, 0).unwrap();
    assert_eq!((new.items.reveal().len(), new.remarks.naming), (405, 0));
    let study = store.create_study(&new).unwrap();
    let desk = reader.worklist(study, 2).unwrap();
    assert_eq!(desk.pages().len(), 405);
    for page in desk.pages() {
        let Shown::Pair { left, right } = &page.shown else {
            panic!("a pair");
        };
        let item = &new.items.reveal()[page.item as usize - 1];
        let is_check = item.content == Content::Check;
        for text in [left, right] {
            // Nobody can tell the systems by how their files were written.
            assert!(is_check || !text.contains(" ."), "{text}");
            let first = text.chars().next().unwrap();
            assert!(is_check || !first.is_lowercase(), "{text}");
        }
    }
}
