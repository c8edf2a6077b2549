//! Responses of any system are aligned with their contexts, and every row that does not fit is listed.

use std::path::{Path, PathBuf};

use crate::shared_data::shared;
use emprl::data::{Example, empathetic_dialogues};
use emprl::study::AlignBy;
use emprl::study::StudyError;
use emprl::study::contexts::{Context, OrderedContexts};
use emprl::study::display::detokenize;
use emprl::study::responses::{Problem, SystemResponses, import};
use emprl::text::word_tokenize;

fn example(conversation: &str, turn: u32, context: &[&str]) -> Example {
    Example {
        conversation: conversation.to_string(),
        turn,
        emotion: "proud".to_string(),
        situation: "I won.".to_string(),
        context: context.iter().map(|text| text.to_string()).collect(),
        roles: Vec::new(),
        target: "Great!".to_string(),
    }
}

fn order() -> OrderedContexts {
    let examples = [
        example("c1", 2, &["I won, \"really\"!"]),
        example("c1", 4, &["I won, \"really\"!", "How?", "By luck."]),
        example("c2", 2, &["My dog died."]),
    ];
    OrderedContexts::from_examples("three contexts", &examples)
}

fn file(name: &str, text: &str) -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join(name);
    std::fs::write(&path, text).unwrap();
    (dir, path)
}

fn imported(name: &str, text: &str) -> Result<SystemResponses, StudyError> {
    let (_dir, path) = file(name, text);
    import(&path, &order(), None)
}

fn said(responses: &SystemResponses) -> Vec<&str> {
    let answers = responses.answers.iter();
    answers
        .map(|answer| answer.as_deref().unwrap_or("-"))
        .collect()
}

#[test]
fn plain_lines_answer_in_order() {
    let found = imported("a.txt", "One.\n\nThree.\n").unwrap();
    assert_eq!(found.aligned_by, AlignBy::Order);
    assert_eq!(said(&found), ["One.", "", "Three."]);
    assert_eq!(found.problems, [Problem::Empty { place: 1, line: 2 }]);
    assert!(!found.tokenized);
    let error = imported("a.txt", "One.\nTwo.\n").unwrap_err().to_string();
    assert!(
        error.contains("2 responses where there are 3 contexts in three contexts"),
        "{error}"
    );
    let error = imported("a.txt", "").unwrap_err().to_string();
    assert!(error.contains("has no rows"), "{error}");
}

#[test]
fn what_we_generate_is_what_a_file_of_it_would_be() {
    let from_file = imported("a.txt", "One.\n\nThree.\n").unwrap();
    let generated = ["One.", "", "Three."].map(str::to_string).to_vec();
    assert_eq!(SystemResponses::generated(generated), from_file);
}

#[test]
fn rows_find_their_conversation_and_turn() {
    let rows = r#"{"conv_id": "c2", "turn": 2, "response": "Third."}
{"conv_id": "c1", "turn": 2, "response": "First."}
{"conv_id": "c9", "turn": 2, "response": "Nowhere."}

{"conv_id": "c1", "turn": 2, "response": "Again."}"#;
    let found = imported("a.jsonl", rows).unwrap();
    assert_eq!(found.aligned_by, AlignBy::ConversationTurn);
    assert_eq!(said(&found), ["First.", "-", "Third."]);
    let words = |problem: &Problem| problem.words(&order());
    let problems: Vec<String> = found.problems.iter().map(words).collect();
    assert_eq!(
        problems,
        [
            "line 3: there is no response at turn 2 of c9; left out",
            "line 5: a second response to context 1, after line 2; the first counts",
            "context 2: no response",
        ]
    );
}

#[test]
fn rows_find_their_index_from_none_or_from_one() {
    let zero = r#"{"idx": 2, "response": "c"}
{"idx": 0, "response": "a"}"#;
    assert_eq!(said(&imported("a.jsonl", zero).unwrap()), ["a", "-", "c"]);
    let one = "Index,Response\n3,\"c, \"\"d\"\"\"\n1,a\n2,\n";
    let found = imported("a.csv", one).unwrap();
    assert_eq!(found.aligned_by, AlignBy::Index);
    assert_eq!(said(&found), ["a", "", "c, \"d\""]);
    assert_eq!(found.problems, [Problem::Empty { place: 1, line: 4 }]);
}

#[test]
fn rows_find_their_words_whatever_the_marks() {
    let rows = r#"{"context": "my dog died", "response": "c"}
{"context": ["i won , really !"], "response": "a"}"#;
    let found = imported("a.jsonl", rows).unwrap();
    assert_eq!(found.aligned_by, AlignBy::Words);
    assert_eq!(said(&found), ["a", "-", "c"]);
}

#[test]
fn a_row_with_another_context_is_left_out() {
    let rows = r#"{"idx": 0, "context": "My dog died.", "response": "c"}
{"idx": 2, "context": "My dog died.", "response": "c"}"#;
    let found = imported("a.jsonl", rows).unwrap();
    assert_eq!(said(&found), ["-", "-", "c"]);
    let first = found.problems[0].words(&order());
    assert_eq!(
        first,
        "line 1: its context has other words than context 1; left out"
    );
    let rows = r#"{"idx": 0, "context": "My dog died.", "response": "c"}"#;
    let error = imported("a.jsonl", rows).unwrap_err();
    assert!(
        matches!(error, StudyError::NoMatch { rows: 1, .. }),
        "{error}"
    );
}

#[test]
fn files_of_a_wrong_form_are_refused_with_the_line() {
    let error = |name: &str, text: &str| imported(name, text).unwrap_err().to_string();
    let no_column = error("a.csv", "index,answer\n1,a\n");
    assert!(
        no_column.contains("line 1: no column is called `response`"),
        "{no_column}"
    );
    let ragged = error("a.csv", "index,response\n1,a\n2,b,c\n");
    assert!(ragged.contains("line 3"), "{ragged}");
    let broken = error("a.jsonl", "{\"response\": \"a\"}\n{\"response\":\n");
    assert!(
        broken.contains("line 2: the JSON object is cut off"),
        "{broken}"
    );
    let (_dir, path) = file("a.jsonl", "{\"response\": \"a\"}\n");
    let by_index = import(&path, &order(), Some(AlignBy::Index)).unwrap_err();
    assert!(
        by_index
            .to_string()
            .contains("1 of 1 row has no idx (line 1)"),
        "{by_index}"
    );
    let missing = import(Path::new("nowhere.txt"), &order(), None).unwrap_err();
    assert!(missing.to_string().contains("not found"), "{missing}");
}

#[test]
fn the_same_context_twice_keeps_two_places() {
    let context = |text: &str| Context {
        conversation: None,
        turn: None,
        emotion: None,
        situation: None,
        utterances: vec![text.to_string()],
        roles: Vec::new(),
        target: None,
    };
    let order = OrderedContexts::new(
        "twice",
        vec![context("Hi."), context("Ho."), context("Hi!")],
    );
    let keys = order.keys();
    assert!(keys[0] != keys[1] && keys[0] != keys[2]);
    let (_dir, path) = file(
        "a.jsonl",
        "{\"context\": \"hi\", \"response\": \"a\"}\n{\"context\": \"hi\", \"response\": \"c\"}\n",
    );
    let found = import(&path, &order, None).unwrap();
    assert_eq!(said(&found), ["a", "-", "c"]);
    // Signs alone make a context too.
    assert_eq!(order.with_words(&["!".to_string()]), [0usize; 0]);
}

#[test]
fn published_responses_import_without_a_touch() {
    let (Some(systems), Some(dialogues)) =
        (shared("system_responses"), shared("empathetic_dialogues"))
    else {
        return;
    };
    let (set, _) = empathetic_dialogues::read(&dialogues).unwrap();
    let contexts = systems.join("contexts.jsonl");
    let (order, foreign) = OrderedContexts::from_file(&contexts, &set.test).unwrap();
    assert_eq!(order.len(), 5255);
    // Two conversations run together, under no identifier.
    assert_eq!(foreign, [717, 718, 1272, 1273, 3551, 3552]);
    let quoted = &order.contexts()[40].utterances[2];
    assert!(
        quoted.contains("\"knowing\""),
        "the set's own spelling: {quoted}"
    );
    assert_eq!(order.contexts()[0].turn, Some(2));
    for (name, duplicates) in [
        ("cem", 4796),
        ("kemp", 3108),
        ("mime", 544),
        ("moel", 3261),
        ("transformer", 3788),
    ] {
        let path = systems.join(format!("{name}.txt"));
        let found = import(&path, &order, None).unwrap();
        assert_eq!((found.rows, found.problems.len()), (5255, 0), "{name}");
        assert!(found.tokenized, "{name}");
        let share = found.duplicate_share().unwrap();
        assert!(
            (share * 5255.0 - f64::from(duplicates)).abs() < 1e-6,
            "{name}: {share}"
        );
        let answers = found.answers.iter().flatten();
        let kept = answers.clone().filter(|answer| {
            let words = word_tokenize(&detokenize(answer).to_lowercase());
            words
                .iter()
                .map(String::as_str)
                .eq(answer.split_whitespace())
        });
        // What people are shown has the same words; NLTK parts a few otherwise than the authors did.
        assert!(kept.count() > 5150, "{name}");
        // Without the order in which the baselines answer, nothing is aligned by guess.
        let own = OrderedContexts::from_examples("the test split", &set.test);
        let error = import(&path, &own, None).unwrap_err().to_string();
        assert!(
            error.contains("5255 responses where there are 5257"),
            "{error}"
        );
    }
    // The contexts' own targets, given as rows of a system: six are null.
    let targets = import(&contexts, &order, None).unwrap();
    assert_eq!(targets.aligned_by, AlignBy::Index);
    assert!(!targets.tokenized);
    assert_eq!(targets.problems.len(), 6);
    for (problem, place) in targets.problems.iter().zip(foreign) {
        let line = place + 1;
        assert_eq!(*problem, Problem::Empty { place, line });
    }
}
