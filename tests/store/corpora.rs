//! Anybody's corpora: every shape, form and encoding is found by looking and read as records, or refused with what was
//! seen; imported, they are data sets like any other. `tests/fixtures/corpus.py` writes the files.

use std::collections::BTreeMap;
use std::fs;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use emprl::data::corpus::record::{Preferred, Record, Score, Utterance, Verdict};
use emprl::data::corpus::{Corpus, Counts, Mapping, RowProblem, Shape};
use emprl::data::library::{self, AddedTo, Adding, Remarks};
use emprl::data::reader::source::Source;
use emprl::data::{DataError, EmpathyLevel, Role, Split};
use emprl::filter::{Filter, parse};
use emprl::operations::corpus::{
    ChosenBy, CorpusForm, Criteria, ExportRequest, Exported, Narrowing, export, names, select,
    sound_file,
};
use emprl::operations::{OperationError, Progress};
use serde_json::{Value, json};

fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/fixtures/corpus")
        .join(name)
}

fn open(name: &str) -> Corpus {
    Corpus::open(&file(name), None).unwrap_or_else(|error| panic!("{error}"))
}

fn read(corpus: &Corpus) -> (Vec<Record>, Vec<RowProblem>, Counts) {
    let (mut records, mut problems) = (Vec::new(), Vec::new());
    let counts = corpus.each(
        |record| {
            records.push(record.clone());
            Ok(())
        },
        |problem| problems.push(problem),
    );
    (records, problems, counts.unwrap().counts)
}

fn records(name: &str) -> Vec<Record> {
    read(&open(name)).0
}

fn speaker(text: &str) -> Value {
    json!({"role": "speaker", "text": text})
}

fn listener(text: &str) -> Value {
    json!({"role": "listener", "text": text})
}

#[test]
fn every_shape_is_found_by_looking() {
    let shapes: [(&str, Shape, usize, Value); 9] = [
        (
            "flat.jsonl",
            Shape::Flat,
            4,
            json!({
                "id": "0",
                "context": [speaker("I feel lost today, number 0.")],
                "responses": [{
                    "system": "maker",
                    "text": "You are not alone, number 0.",
                    "reasoning": "They feel lost, and it is time 0.",
                }],
                "labels": {"risk": "low"},
                "scores": [{"name": "sample", "value": 0.0}, {"name": "temperature", "value": 0.7}],
            }),
        ),
        (
            "wide.csv",
            Shape::Wide,
            4,
            json!({
                "id": "0",
                "conversation": "c1",
                "context": [speaker("I ran a whole race, and I did not stop once!")],
                "responses": [
                    {
                        "system": "anna",
                        "text": "You kept running, that takes heart.",
                        "scores": [{"name": "rating", "value": 3.0}],
                    },
                    {
                        "system": "anna_b",
                        "text": "Well done, how long was it?",
                        "scores": [{"name": "rating", "value": 2.0}],
                    },
                ],
                "labels": {"emotion": "proud", "situation": "I ran my first race last Sunday."},
            }),
        ),
        (
            "alpaca.json",
            Shape::Alpaca,
            2,
            json!({
                "id": "0",
                "context": [
                    speaker("I have a new job."),
                    listener("That is wonderful news!"),
                    speaker("Thanks."),
                    listener("Welcome."),
                    speaker("It starts on Monday."),
                ],
                "target": "Are you nervous about it?",
            }),
        ),
        (
            "messages.jsonl",
            Shape::Messages,
            8,
            json!({
                "id": "m0:2",
                "conversation": "m0",
                "turn": 2,
                "split": "train",
                "context": [speaker("Day 0 was hard.")],
                "target": "What made it hard?",
                "labels": {"system_prompt": "Be kind."},
            }),
        ),
        (
            "sharegpt.json",
            Shape::ShareGpt,
            2,
            json!({
                "id": "s0:2",
                "conversation": "s0",
                "turn": 2,
                "context": [{"role": "speaker", "text": "I failed again.", "audio": "a/0.wav"}],
                "target": "That is hard to hear.",
                "scores": [{"name": "naturalness", "value": 4.5}],
            }),
        ),
        (
            "dialogues.json",
            Shape::Dialogues,
            9,
            json!({
                "id": "0:2",
                "conversation": "0",
                "turn": 2,
                "context": [speaker("Hello")],
                "target": "What brings you here?",
                "labels": {"problem": "school", "strategy": "Question"},
                "scores": [{"name": "survey.seeker.relief", "value": 2.0}],
            }),
        ),
        (
            "blocks.txt",
            Shape::Flat,
            3,
            json!({
                "id": "0",
                "context": [speaker("i heard a noise at night")],
                "responses": [{"system": "blocks", "text": "oh no ! what was it ?"}],
                "target": "did you look ?",
                "labels": {"emotion": "afraid"},
            }),
        ),
        (
            "columns.json",
            Shape::Wide,
            3,
            json!({
                "id": "0",
                "responses": [
                    {"system": "parrot", "text": "you said that before ."},
                    {"system": "echo-2", "text": "before , before ."},
                ],
                "target": "what did you do then ?",
            }),
        ),
        (
            "preamble.csv",
            Shape::Flat,
            3,
            json!({
                "id": "0",
                "responses": [{"system": "preamble", "text": "That sounds scary."}],
                "target": "Did it hurt you?",
                "scores": [{"name": "level", "value": 1.0}],
            }),
        ),
    ];
    for (name, shape, count, first) in shapes {
        let corpus = open(name);
        let (records, problems, counts) = read(&corpus);
        assert_eq!(corpus.shape(), shape, "{name}");
        assert_eq!(problems, [], "{name}");
        assert_eq!((records.len(), counts.records), (count, count), "{name}");
        assert_eq!(serde_json::to_value(&records[0]).unwrap(), first, "{name}");
    }
}

#[test]
fn what_is_not_read_is_said() {
    let wide = open("wide.csv");
    assert_eq!(wide.mapping.left_out["empty"], "nothing in any row");
    let (_, _, counts) = read(&wide);
    assert_eq!((counts.systems["anna"], counts.systems["anna_b"]), (4, 3));
    assert_eq!((counts.scores["rating"], counts.labels["emotion"]), (7, 4));
    let blocks = open("blocks.txt");
    assert!(blocks.mapping.left_out["Cause words"].contains("lists"));
    let preamble = open("preamble.csv");
    assert_eq!(
        preamble.notes,
        ["The header is in line 3; the rows before it are left out."]
    );
}

#[test]
fn every_form_and_packing_gives_the_same_records() {
    for (one, others) in [
        (
            "wide.csv",
            &["wide.zip", "wide.parquet", "wide_zstd.parquet"][..],
        ),
        ("flat.jsonl", &["flat.jsonl.gz"]),
        ("sharegpt.json", &["sharegpt.tar.gz", "sharegpt.parquet"]),
    ] {
        for other in others {
            assert_eq!(records(one), records(other), "{other}");
        }
    }
}

#[test]
fn accents_are_right_in_every_encoding_and_the_encoding_is_said() {
    for (name, said) in [
        ("latin1.csv", "taken for Windows-1252"),
        ("utf16.tsv", "UTF-16"),
        ("semicolon.csv", ""),
    ] {
        let corpus = open(name);
        let records = read(&corpus).0;
        let texts: Vec<(String, Option<&str>)> = records
            .iter()
            .map(|record| (record.context_text(), record.answer()))
            .collect();
        let expected = [
            (
                "Le café a fermé.".to_string(),
                Some("C’était ton préféré ?"),
            ),
            ("J’ai gagné !".to_string(), Some("Bravo à toi !")),
        ];
        assert_eq!(texts, expected, "{name}");
        assert!(
            corpus.notes.join(" ").contains(said),
            "{name}: {:?}",
            corpus.notes
        );
    }
}

#[test]
fn a_file_without_responses_is_refused_with_what_it_has() {
    let opened = Corpus::open(&file("scores_alone.jsonl"), None);
    let error = opened.unwrap_err().to_string();
    for part in [
        "no column holds responses, targets or whole conversations",
        "\"scores.warmth\" (numbers)",
        "--mapping",
    ] {
        assert!(error.contains(part), "no {part:?} in {error}");
    }
    let error = Corpus::open(&file("no_table.tsv"), None)
        .unwrap_err()
        .to_string();
    assert!(error.contains("line 1: has no header"), "{error}");
}

fn of_text(name: &str, text: &str) -> Result<Corpus, DataError> {
    Corpus::of(Source::parse(Path::new(name), text.into())?, None)
}

#[test]
fn bad_rows_are_told_one_by_one_and_hide_no_other() {
    let lines = "{\"context\": \"I am sad.\", \"response\": \"Why is that?\"}\n{\"context\": \"I am\n\
                 {\"context\": \"\", \"response\": \"Oh.\"}\n[]\n{\"context\": \"I am glad.\", \"response\": \"\"}\n";
    let corpus = of_text("mine.jsonl", lines).unwrap();
    let (records, problems, counts) = read(&corpus);
    assert_eq!((records.len(), counts.rows, counts.skipped), (1, 5, 4));
    assert_eq!(records[0].responses[0].system, "mine");
    let told: Vec<String> = problems
        .iter()
        .map(|problem| format!("{} {}", problem.line, problem.what))
        .collect();
    assert_eq!(
        told,
        [
            "2 is cut off",
            "3 has no context",
            "4 is a list where an object with named fields is expected",
            "5 has neither a response nor a target",
        ]
    );
    for (name, text, said) in [
        (
            "a.csv",
            "context,response\nHi.,\nHo.,\n",
            "no column holds responses",
        ),
        (
            "a.jsonl",
            "{\"chosen\": \"a\", \"rejected\": \"b\"}\n",
            "preference pairs",
        ),
        ("a.txt", "I am sorry.\nOh no!\n", "is plain text"),
        (
            "a.csv",
            "conversation_id,turn,utterance\nc1,1,I am so sad.\nc1,2,Oh no why.\n",
            "each row seems to be one utterance of a conversation",
        ),
        (
            "a.json",
            "[{\"context\": \"a\", \"response\": \"b\"},\n{\"con",
            "line 2: the JSON array is cut off",
        ),
    ] {
        let error = of_text(name, text).unwrap_err().to_string();
        assert!(error.contains(said), "no {said:?} in {error}");
    }
}

#[test]
fn a_mapping_can_be_sent_to_a_colleague() {
    for name in [
        "flat.jsonl",
        "wide.csv",
        "dialogues.json",
        "blocks.txt",
        "exchanges.csv",
    ] {
        let corpus = open(name);
        let toml = corpus.mapping.to_toml().unwrap();
        let mapping = Mapping::from_toml(Path::new("m.toml"), &toml).unwrap();
        let again = Corpus::open(&file(name), Some(mapping)).unwrap();
        assert_eq!(again.mapping, corpus.mapping, "{name}");
        assert_eq!(read(&again).0, read(&corpus).0, "{name}");
    }
    let mapping = "format = 1\ntarget = \"answer\"\n[context]\ntext = [\"speaker_uttr\"]\n";
    let mapping = Mapping::from_toml(Path::new("m.toml"), mapping).unwrap();
    let error = Corpus::open(&file("wide.csv"), Some(mapping))
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("has no column \"answer\", which the mapping names; it has dialogue_id"),
        "{error}"
    );
}

/// Exports the corpus `support`.
fn exported(
    store: &Path,
    out: &Path,
    form: CorpusForm,
    narrow: &str,
) -> Result<Exported, OperationError> {
    let names = names(store, "support")?;
    let filter = parse(narrow, &names).unwrap();
    let request = ExportRequest {
        form,
        narrowing: &Narrowing::new(names, filter),
        prefer: Some("rating"),
    };
    export(store, "support", out, &request)
}

#[test]
fn an_imported_corpus_is_whole_and_comes_back_as_it_was_exported() {
    let store = tempfile::tempdir().unwrap();
    let corpus = open("dialogues.json");
    let manifest = library::import_corpus(store.path(), "support", &corpus, false).unwrap();
    assert_eq!(manifest.report.files[0].sha256, corpus.source.sha256);
    let folder = store.path().join("data/support");
    let mapping = Mapping::read(&folder.join("mapping.toml")).unwrap();
    assert_eq!(mapping, corpus.mapping);
    let refused = library::import_corpus(store.path(), "support", &corpus, false);
    assert!(refused.unwrap_err().to_string().contains("--replace"));
    let again = library::import_corpus(store.path(), "support", &corpus, true).unwrap();
    assert_eq!(again.fingerprint, manifest.fingerprint);

    let out = store.path().join("out.jsonl");
    let written = exported(store.path(), &out, CorpusForm::Records, "")
        .unwrap()
        .rows;
    let again = Corpus::open(&out, None).unwrap();
    assert_eq!((again.shape(), written), (Shape::Records, 9));
    assert_eq!(read(&again).0, read(&corpus).0);
    assert!(
        exported(store.path(), &out, CorpusForm::Records, "").is_err(),
        "a file is never replaced"
    );
    let csv = store.path().join("out.csv");
    exported(store.path(), &csv, CorpusForm::Csv, "").unwrap();
    let table = read(&Corpus::open(&csv, None).unwrap()).0;
    let texts = |records: &[Record]| -> Vec<(String, Option<String>)> {
        let text = |record: &Record| (record.context_text(), record.target.clone());
        records.iter().map(text).collect()
    };
    assert_eq!(texts(&table), texts(&read(&corpus).0));
    let parquet = store.path().join("out.parquet");
    exported(store.path(), &parquet, CorpusForm::Parquet, "").unwrap();
    assert_eq!(read(&Corpus::open(&parquet, None).unwrap()).0, table);
    assert_eq!(table[8].context[3].role, Role::Listener);

    fs::write(folder.join("records.jsonl"), "").unwrap();
    let error = library::open_dialogues(store.path(), "support")
        .unwrap_err()
        .to_string();
    assert!(error.contains("not the one that was imported"), "{error}");
}

#[test]
fn names_are_not_taken_from_other_sets() {
    let store = tempfile::tempdir().unwrap();
    let corpus = open("alpaca.json");
    let pairs = store.path().join("pairs.jsonl");
    fs::write(&pairs, r#"{"prompt": "a", "chosen": "b", "rejected": "c"}"#).unwrap();
    library::import_preferences(store.path(), "pairs", &pairs, None).unwrap();
    library::import_corpus(store.path(), "mine", &corpus, false).unwrap();
    for name in ["builtin", "../up", "Mine", "", "pairs"] {
        let refused = library::import_corpus(store.path(), name, &corpus, true);
        assert!(refused.is_err(), "{name}");
    }
    assert!(library::import_preferences(store.path(), "mine", &pairs, None).is_err());
    assert!(library::open_preferences(store.path(), "mine").is_err());
    let listed = library::list(store.path()).unwrap();
    let own: Vec<(&str, Option<usize>)> = listed
        .iter()
        .skip(3)
        .map(|set| (set.name.as_str(), set.records))
        .collect();
    assert_eq!(own, [("mine", Some(2)), ("pairs", None)]);
}

#[test]
fn a_corpus_is_a_set_of_dialogues() {
    let store = tempfile::tempdir().unwrap();
    for name in ["messages.jsonl", "flat.jsonl", "wide.csv"] {
        let set = name.split('.').next().unwrap();
        library::import_corpus(store.path(), set, &open(name), false).unwrap();
    }
    let set = library::open_dialogues(store.path(), "messages").unwrap();
    let counts = Split::ALL.map(|split| (set.split(split).len(), *set.conversations.get(split)));
    assert_eq!(counts, [(4, 2), (2, 1), (2, 1)]);
    let last = &set.test[1];
    assert_eq!(
        (last.turn, last.context.len(), last.conversation.as_str()),
        (4, 3, "m3")
    );
    assert_eq!(set.fingerprint.len(), 64);
    // One response is an answer as a target is; of several nobody knows which.
    let flat = library::open_dialogues(store.path(), "flat").unwrap();
    assert_eq!(
        flat.train.len() + flat.validation.len() + flat.test.len(),
        4
    );
    let wide = library::open_dialogues(store.path(), "wide").unwrap();
    assert_eq!(
        wide.train.len() + wide.validation.len() + wide.test.len(),
        1
    );
    let error = library::open_levels(store.path(), "flat")
        .unwrap_err()
        .to_string();
    assert!(error.contains("`emotional_reaction`"), "{error}");
}

#[test]
fn splits_that_no_record_gives_are_drawn_by_conversation_alone() {
    let store = tempfile::tempdir().unwrap();
    let row = |n: usize| {
        format!(
            "{{\"conv_id\": \"c{}\", \"context\": \"I am {n}.\", \"target\": \"Oh {n}.\"}}\n",
            n / 2
        )
    };
    let sizes = |rows: usize, name: &str| {
        let text: String = (0..rows).map(row).collect();
        let corpus = of_text("drawn.jsonl", &text).unwrap();
        library::import_corpus(store.path(), name, &corpus, false).unwrap();
        library::open_dialogues(store.path(), name).unwrap()
    };
    let (less, more) = (sizes(300, "less"), sizes(1000, "more"));
    for split in Split::ALL {
        assert_eq!(
            less.split(split),
            &more.split(split)[..less.split(split).len()]
        );
        assert_eq!(
            *more.conversations.get(split) * 2,
            more.split(split).len(),
            "conversations stay whole"
        );
    }
    assert!((60..140).contains(&more.validation.len()) && (60..140).contains(&more.test.len()));
}

#[test]
fn a_corpus_with_the_three_levels_is_a_set_of_levels() {
    let store = tempfile::tempdir().unwrap();
    library::import_corpus(store.path(), "exchanges", &open("exchanges.csv"), false).unwrap();
    let set = library::open_levels(store.path(), "exchanges").unwrap();
    assert_eq!(set.pairs.len(), 6);
    let pair = &set.pairs[1];
    assert_eq!(pair.seeker_post, "It was special1, was it not?");
    assert_eq!(
        pair.levels,
        [
            Some(EmpathyLevel::Weak),
            Some(EmpathyLevel::Strong),
            Some(EmpathyLevel::No)
        ]
    );
    assert_eq!(
        set.pairs[0].seeker_id, pair.seeker_id,
        "one conversation is on one side of a split"
    );
    // EmpatheticDialogues' own names of emotion and situation.
    let dialogues = library::open_dialogues(store.path(), "exchanges").unwrap();
    let all = dialogues
        .train
        .iter()
        .chain(&dialogues.validation)
        .chain(&dialogues.test);
    let example = all
        .clone()
        .find(|example| example.target == "It was special, number 2!")
        .unwrap();
    assert_eq!(example.emotion, "proud");
    assert_eq!(
        example.situation,
        "The day number 2 was a special day, too."
    );
}

#[test]
fn what_trainers_read_comes_back_with_every_turn() {
    let store = tempfile::tempdir().unwrap();
    let corpus = open("dialogues.json");
    library::import_corpus(store.path(), "support", &corpus, false).unwrap();
    let records = read(&corpus).0;
    for (form, shape, file) in [
        (CorpusForm::Messages, Shape::Messages, "messages.jsonl"),
        (CorpusForm::ShareGpt, Shape::ShareGpt, "sharegpt.json"),
        (CorpusForm::Alpaca, Shape::Alpaca, "alpaca.json"),
    ] {
        let out = store.path().join(file);
        let written = exported(store.path(), &out, form, "").unwrap();
        let left_out: usize = written.left_out.values().sum();
        assert_eq!(written.rows + left_out, records.len(), "{file}");
        let again = Corpus::open(&out, None).unwrap();
        assert_eq!((again.shape(), again.rows), (shape, written.rows), "{file}");
        let wanted = records.iter().filter(|record| {
            record
                .context
                .last()
                .is_some_and(|said| said.role == Role::Speaker)
        });
        let wanted: Vec<String> = wanted
            .map(|record| record.target.clone().unwrap())
            .collect();
        let found = read(&again).0;
        // Of a list of turns every answer of the listener is a record: the last of each row is what was exported.
        for answer in &wanted {
            assert!(
                found.iter().any(|record| record.answer() == Some(answer)),
                "{file}: {answer}"
            );
        }
    }
}

#[test]
fn the_best_and_the_worst_answer_are_a_pair_to_learn_from() {
    let store = tempfile::tempdir().unwrap();
    library::import_corpus(store.path(), "support", &open("wide.csv"), false).unwrap();
    let out = store.path().join("pairs.jsonl");
    let written = exported(store.path(), &out, CorpusForm::Preferences, "").unwrap();
    // One row has one answer.
    assert_eq!((written.rows, written.left_out.len()), (3, 1));
    library::import_preferences(store.path(), "preferred", &out, None).unwrap();
    let set = library::open_preferences(store.path(), "preferred").unwrap();
    assert_eq!(set.pairs.len(), 3);
    assert_eq!(set.pairs[0].chosen, "You kept running, that takes heart.");
    assert_eq!(set.pairs[0].rejected, "Well done, how long was it?");
    assert!(set.pairs[0].context[0].ends_with("I did not stop once!"));

    let few = exported(
        store.path(),
        &store.path().join("few.jsonl"),
        CorpusForm::Preferences,
        "system = anna",
    );
    let error = few.unwrap_err().to_string();
    assert!(error.contains("fewer than two answers"), "{error}");
    assert!(!store.path().join("few.jsonl").exists());
    let wrong = exported(
        store.path(),
        &store.path().join("pairs.csv"),
        CorpusForm::Preferences,
        "",
    );
    assert!(wrong.unwrap_err().to_string().contains(".jsonl file"));
}

#[test]
fn a_selection_leaves_out_repetitions_then_takes_the_best() {
    let store = tempfile::tempdir().unwrap();
    library::import_corpus(store.path(), "support", &open("wide.csv"), false).unwrap();
    let chosen = |criteria: &Criteria<'_>| {
        let names = names(store.path(), "support").unwrap();
        let all = Narrowing::new(names, Filter::everything());
        let go_on = &mut |_: Progress<'_>| ControlFlow::Continue(());
        select(store.path(), "support", all, criteria, go_on)
    };
    let best = Criteria {
        by: Some(ChosenBy::Score("rating")),
        at_most: Some(3),
        ..Criteria::default()
    };
    let (selected, narrowing) = chosen(&best).unwrap();
    assert_eq!(
        (selected.answers, selected.chosen, selected.repeated),
        (7, 3, 0)
    );
    assert_eq!(selected.curve.last().map(|point| point.answers), Some(7));
    let out = store.path().join("best.jsonl");
    let request = ExportRequest {
        form: CorpusForm::Records,
        narrowing: &narrowing,
        prefer: None,
    };
    export(store.path(), "support", &out, &request).unwrap();
    let records = read(&Corpus::open(&out, None).unwrap()).0;
    let ratings = |records: &[Record]| -> Vec<f64> {
        let responses = records.iter().flat_map(|record| &record.responses);
        responses.map(|response| response.scores[0].value).collect()
    };
    // Ratings are 3 2, 3, 3 1 and 2 1.
    assert_eq!(ratings(&records), [3.0, 3.0, 3.0]);

    let encoder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/bert_small");
    let diverse = |at_most| Criteria {
        by: Some(ChosenBy::Distance {
            encoder: &encoder,
            device: "flex",
        }),
        at_most,
        ..Criteria::default()
    };
    let (selected, _) = chosen(&diverse(Some(3))).unwrap();
    assert_eq!((selected.answers, selected.chosen), (7, 3));
    let radii: Vec<f64> = selected.cover.iter().map(|point| point.radius).collect();
    assert!(
        radii.len() == 3 && radii.is_sorted_by(|a, b| a >= b) && radii[2] > 0.0,
        "{radii:?}"
    );
    let error = chosen(&diverse(None)).unwrap_err().to_string();
    assert!(error.contains("--at-most"), "{error}");

    let twice = store.path().join("twice.jsonl");
    let line = json!({"context": "I am so very sad today.", "response": "Oh, why is that so?", "model": "a"});
    fs::write(&twice, format!("{line}\n{line}\n")).unwrap();
    let corpus = Corpus::open(&twice, None).unwrap();
    library::import_corpus(store.path(), "support", &corpus, true).unwrap();
    let distinct = Criteria {
        distinct: Some(1.0),
        ..Criteria::default()
    };
    let (selected, _) = chosen(&distinct).unwrap();
    assert_eq!((selected.chosen, selected.repeated), (1, 1));
    let wrong = Criteria {
        distinct: Some(1.5),
        ..Criteria::default()
    };
    assert!(
        chosen(&wrong)
            .unwrap_err()
            .to_string()
            .contains("1.5 is not")
    );
}

#[test]
fn a_table_keeps_every_context_whoever_begins_it() {
    let store = tempfile::tempdir().unwrap();
    let file = store.path().join("mix.jsonl");
    let mut rows = String::new();
    for row in 0..6 {
        let mut turns =
            vec![json!({"role": "speaker", "text": format!("I am sad, for the {row} time.")})];
        if row % 2 == 1 {
            turns.insert(0, json!({"role": "listener", "text": "How are you?"}));
        }
        let record =
            json!({"id": row.to_string(), "context": turns, "target": "Oh no, why is that?"});
        rows += &format!("{record}\n");
    }
    fs::write(&file, rows).unwrap();
    let corpus = Corpus::open(&file, None).unwrap();
    library::import_corpus(store.path(), "support", &corpus, false).unwrap();
    for (form, file) in [
        (CorpusForm::Csv, "t.csv"),
        (CorpusForm::Parquet, "t.parquet"),
    ] {
        let out = store.path().join(file);
        exported(store.path(), &out, form, "").unwrap();
        let (records, problems, _) = read(&Corpus::open(&out, None).unwrap());
        assert!(problems.is_empty(), "{problems:?}");
        let contexts = |records: &[Record]| -> Vec<Vec<Utterance>> {
            records
                .iter()
                .map(|record| record.context.clone())
                .collect()
        };
        assert_eq!(contexts(&records), contexts(&read(&corpus).0), "{file}");
    }
}

#[test]
fn a_damaged_set_hides_no_other_and_one_that_was_being_replaced_comes_back() {
    let store = tempfile::tempdir().unwrap();
    for name in ["first", "second", "third"] {
        library::import_corpus(store.path(), name, &open("wide.csv"), false).unwrap();
    }
    let data = store.path().join("data");
    fs::write(data.join("second/manifest.json"), "{").unwrap();
    // As an import leaves it that is killed between its two renames.
    fs::rename(data.join("third"), data.join(".replaced-third")).unwrap();

    let sets = library::list(store.path()).unwrap();
    let own: Vec<(&str, bool)> = sets
        .iter()
        .filter(|set| !library::NAMES.contains(&set.name.as_str()))
        .map(|set| (set.name.as_str(), set.damaged.is_some()))
        .collect();
    assert_eq!(own, [("first", false), ("second", true), ("third", false)]);
    assert!(data.join("third/records.jsonl").is_file());
    let found = library::all_corpora(store.path()).unwrap();
    assert_eq!((found.corpora.len(), found.damaged.len()), (2, 1));
    // What is damaged can be imported again.
    library::import_corpus(store.path(), "second", &open("wide.csv"), true).unwrap();
    let sets = library::list(store.path()).unwrap();
    assert!(sets.iter().all(|set| set.damaged.is_none()));
}

#[test]
fn what_is_added_counts_where_it_was_committed_and_nowhere_else() {
    let store = tempfile::tempdir().unwrap();
    library::import_corpus(store.path(), "support", &open("wide.csv"), false).unwrap();
    let begin =
        |fingerprint: &str| Adding::begin(store.path(), "support", "judge", "a judge", fingerprint);
    let warm = |record: usize, response: Option<usize>, value: f64| AddedTo {
        record,
        remarks: vec![Remarks {
            response,
            labels: [("judge_tone".to_string(), "warm".to_string())].into(),
            scores: vec![Score {
                name: "judge_warmth".into(),
                value,
                range: None,
                origin: None,
                probabilities: Vec::new(),
                rater: None,
            }],
            verdicts: vec![Verdict {
                name: "judge_winner".into(),
                first: "a".into(),
                second: "b".into(),
                preferred: Preferred::Tie,
                in_order: false,
                judge: None,
                origin: None,
                repeat: None,
            }],
        }],
    };
    let mut adding = begin("one").unwrap();
    adding
        .commit(
            &[warm(0, None, 1.0), warm(1, Some(0), 2.0)],
            2,
            &[("cut", 1)].into(),
        )
        .unwrap();
    let busy = begin("one").unwrap_err().to_string();
    assert!(busy.contains("another program"), "{busy}");
    drop(adding);
    // What a kill left behind the last commit.
    let file = store.path().join("data/support/additions/judge.jsonl");
    let whole = fs::read_to_string(&file).unwrap();
    fs::write(&file, format!("{whole}{{\"record\":2,\"rem")).unwrap();
    let scores = |records: &[Record]| -> Vec<usize> {
        let of = |scores: &[Score]| scores.iter().filter(|of| of.name == "judge_warmth").count();
        let one = |record: &Record| {
            let given = usize::from(!record.verdicts.is_empty());
            assert_eq!(given, record.verdicts.len());
            of(&record.scores)
                + record
                    .responses
                    .iter()
                    .map(|r| of(&r.scores))
                    .sum::<usize>()
        };
        records.iter().map(one).collect()
    };
    let all = || {
        let mut all = Vec::new();
        let read = library::each_record(store.path(), "support", |record| {
            all.push(record);
            Ok::<_, DataError>(())
        });
        read.map(|()| all)
    };
    let before = all().unwrap();
    assert_eq!(scores(&before)[..3], [1, 1, 0]);
    assert_eq!(before[1].responses[0].labels["judge_tone"], "warm");
    let (_, entry) = library::require_corpus(store.path(), "support").unwrap();
    assert_eq!(entry.counts.scores["judge_warmth"], 2);
    assert_eq!(entry.counts.verdicts["judge_winner"], 2);
    for (place, record) in before.iter().enumerate() {
        let found = library::record_at(store.path(), "support", place).unwrap();
        assert_eq!(found.as_ref(), Some(record));
    }

    let mut adding = begin("one").unwrap();
    assert_eq!(
        (adding.addition().records, adding.addition().answers),
        (2, 2)
    );
    adding
        .commit(&[warm(2, Some(0), 3.0)], 4, &[("cut", 2)].into())
        .unwrap();
    let addition = adding.finish().unwrap();
    assert_eq!((addition.tally["cut"], addition.finished), (3, true));
    assert_eq!(scores(&all().unwrap())[..3], [1, 1, 1]);
    let other = begin("two").unwrap_err().to_string();
    assert!(other.contains("by a judge"), "{other}");
    // Runs that learn from the corpus read it as it was imported.
    let set = library::open_dialogues(store.path(), "support").unwrap();
    assert_eq!(
        set.fingerprint,
        library::require_corpus(store.path(), "support")
            .unwrap()
            .0
            .fingerprint
    );

    // A line about a response that is not there, and a file that is cut short, are named.
    let mut adding = Adding::begin(store.path(), "support", "wrong", "a judge", "x").unwrap();
    adding
        .commit(&[warm(0, Some(99), 3.0)], 1, &BTreeMap::new())
        .unwrap();
    let error = all().unwrap_err().to_string();
    assert!(
        error.contains("wrong.jsonl, line 1") && error.contains("response 99"),
        "{error}"
    );
    drop(adding);
    library::delete_addition(store.path(), "support", "wrong").unwrap();
    fs::write(&file, &whole[..10]).unwrap();
    let error = begin("one").unwrap_err().to_string();
    assert!(error.contains("cut short"), "{error}");
    let error = all().unwrap_err().to_string();
    assert!(error.contains("judge.jsonl"), "{error}");
    fs::write(file.with_extension("json"), "{").unwrap();
    assert!(library::require_corpus(store.path(), "support").is_err());
    library::delete_addition(store.path(), "support", "judge").unwrap();
    assert_eq!(scores(&all().unwrap())[..3], [0, 0, 0]);
    fs::write(file.with_extension("json"), "{").unwrap();
    library::delete_corpus(store.path(), "support").unwrap();
    assert!(library::delete_corpus(store.path(), "support").is_err());
    assert!(!store.path().join("data/support").exists());
}

#[test]
fn a_sound_lies_beside_the_file_that_was_imported() {
    let (store, files) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let path = files.path().join("speech.json");
    fs::copy(file("sharegpt.json"), &path).unwrap();
    library::import_corpus(
        store.path(),
        "speech",
        &Corpus::open(&path, None).unwrap(),
        false,
    )
    .unwrap();
    let of = |audio: &str| sound_file(store.path(), "speech", audio);
    let missing = of("a/0.wav").unwrap_err().to_string();
    assert!(
        missing.contains("0.wav: there is no such file"),
        "{missing}"
    );
    fs::create_dir(files.path().join("a")).unwrap();
    fs::write(files.path().join("a/0.wav"), "RIFF").unwrap();
    let found = of("a/0.wav").unwrap();
    assert_eq!(fs::read(&found).unwrap(), b"RIFF");
    assert_eq!(of(&found.display().to_string()).unwrap(), found);
    let web = of("https://h/0.wav").unwrap_err().to_string();
    assert!(web.contains("in a browser"), "{web}");
}
