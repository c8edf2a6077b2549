//! The whole circle: people judge an A/B test, what the majority preferred becomes preference pairs, a run learns from
//! them, and its record says which judgements these were. Nothing of it can be had while the study is blind.

use std::path::Path;

use crate::study_support::*;
use emprl::data::library;
use emprl::experiment::{Config, EventKind, Report, Stage, Tuning};
use emprl::metrics::declared;
use emprl::operations::studies::{keep_preferences, write_preferences};
use emprl::store::{Store, StudyId};
use emprl::study::definition::StudyKind;
use emprl::study::judgement::{Answer, Choice, JudgementAction};
use emprl::study::page::Page;
use emprl::train::checkpoint::Checkpoints;
use emprl::train::observer::{Directive, Observer};
use emprl::train::pipeline;

const CONTEXTS: usize = 24;

/// The first system is preferred, but for every sixth context (a tie) and every eighth (the other one); one annotator of
/// three always prefers the other. The fifth context is left open.
fn choice(page: &Page, annotator: u32) -> Option<Choice> {
    let number = context_number(page);
    let first_left = whose(texts(page)[0]) == Some(0);
    let first = if first_left {
        Choice::Left
    } else {
        Choice::Right
    };
    let other = if first_left {
        Choice::Right
    } else {
        Choice::Left
    };
    Some(match number {
        5 if annotator > 1 => return None,
        _ if annotator == 3 => other,
        n if n % 6 == 1 => Choice::Tie,
        n if n % 8 == 2 => other,
        _ => first,
    })
}

fn judge(store: &mut Store, study: StudyId) {
    for annotator in 1..=3 {
        let pages = store
            .reader()
            .unwrap()
            .worklist(study, annotator)
            .unwrap()
            .pages()
            .to_vec();
        for page in pages {
            if let Some(choice) = choice(&page, annotator) {
                let answer = JudgementAction::Answer(Answer::Choice(choice));
                store
                    .judge_now(study, annotator, page.item, &[answer], 900)
                    .unwrap();
            }
        }
    }
}

#[derive(Default)]
struct Record {
    notes: Vec<String>,
    systems: Vec<String>,
    accuracy: f64,
}

impl Observer for Record {
    fn report(&mut self, report: Report) {
        match report {
            Report::Event {
                kind: EventKind::Note { text, .. },
                ..
            } => self.notes.push(text),
            Report::Results { system } => self.systems.push(system.system),
            Report::Metrics { values, .. } => {
                let accuracy = values
                    .iter()
                    .find(|(key, _)| key == declared::DPO_VALIDATION_ACCURACY);
                self.accuracy = accuracy.map_or(self.accuracy, |(_, value)| *value);
            }
            _ => {}
        }
    }

    fn directive(&mut self) -> Directive {
        Directive::Continue
    }
}

fn settings(set: &str) -> Config {
    let mut config = crate::quickstart_support::tiny();
    config.run.stages = vec![Stage::Generator, Stage::Dpo, Stage::Evaluation];
    config.data.preferences = set.to_string();
    config.data.train_limit = 48;
    config.data.validation_limit = 4;
    config.data.test_limit = 4;
    config.generator.tuning = Tuning::Full;
    config.generator.epochs = 1;
    config.dpo.tuning = Tuning::Full;
    config.dpo.batch = 4;
    config.dpo.epochs = 6;
    config.dpo.lr = 2e-3;
    config.dpo.validation_share = 0.2;
    config
}

fn said(store: &Path, study: StudyId, file: &Path) -> String {
    let reader = emprl::store::StoreReader::open(store).unwrap();
    write_preferences(&reader, study, file)
        .unwrap_err()
        .to_string()
}

#[test]
fn from_judgements_to_a_trained_policy() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = store_with_systems(dir.path(), 2, CONTEXTS);
    let mut wanted = definition(StudyKind::AbTest, 2);
    wanted.contexts = CONTEXTS;
    let study = create(&mut store, &wanted);
    judge(&mut store, study);
    let file = dir.path().join("pairs.jsonl");

    // Blind, nothing is told, not even how many there would be.
    let refused = said(dir.path(), study, &file);
    assert!(refused.contains("blind"), "{refused}");
    assert!(!file.exists());
    for name in SYSTEMS {
        assert!(!refused.contains(name), "{refused}");
    }

    store
        .unblind(study, "Dee", "enough is judged", true)
        .unwrap();
    let reader = store.reader().unwrap();
    let written = write_preferences(&reader, study, &file).unwrap();
    // Contexts 1, 7, 13, 19 are ties, 5 is open.
    assert_eq!((written.pairs, written.ties, written.undecided), (19, 4, 1));
    assert_eq!(
        written.left_out.as_deref(),
        Some("Items left out: 4 tied, 1 is open or undecided.")
    );
    let kept = keep_preferences(dir.path(), &reader, study, &dir.path().join("exports")).unwrap();
    assert_eq!(kept.set, format!("study-{study}"));
    assert_eq!(
        std::fs::read(&kept.written.file).unwrap(),
        std::fs::read(&file).unwrap()
    );

    let set = library::open_preferences(dir.path(), &kept.set).unwrap();
    assert_eq!(set.pairs.len(), 19);
    for pair in &set.pairs {
        let judged = pair.judgement.as_ref().unwrap();
        let number = pair.context[0]
            .trim_end_matches('.')
            .rsplit(' ')
            .next()
            .unwrap();
        let number: usize = number.parse().unwrap();
        let chosen = usize::from(number % 8 == 2);
        assert!(pair.chosen.contains(MARKS[chosen]) && pair.rejected.contains(MARKS[1 - chosen]));
        assert_eq!(judged.chosen_system, SYSTEMS[chosen]);
        assert_eq!(judged.rejected_system, SYSTEMS[1 - chosen]);
        let (votes, alone) = (judged.votes, chosen == 1);
        assert_eq!(
            (votes.chosen, votes.rejected),
            if alone { (3, 0) } else { (2, 1) }
        );
        assert_eq!(pair.context.len(), 2);
    }
    let [from] = &set.studies()[..] else {
        panic!("one study")
    };
    assert_eq!((from.items.len(), from.votes), (19, 57));

    let config = settings(&kept.set);
    assert_eq!(config.problems(), []);
    let mut record = Record::default();
    let checkpoints = Checkpoints::of(&dir.path().join("run"));
    pipeline::run(&config, dir.path(), checkpoints, None, &mut record).unwrap();
    assert_eq!(record.systems, ["Generator", "DPO"]);
    assert!(record.accuracy >= 0.5, "{}", record.accuracy);
    let told = record
        .notes
        .iter()
        .find(|note| note.contains("Preference pairs"))
        .unwrap();
    for part in [
        &*from.study,
        SYSTEMS[0],
        SYSTEMS[1],
        "57 judgements",
        "items ",
    ] {
        assert!(told.contains(part), "{part} in {told}");
    }
}

#[test]
fn a_rating_has_none() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = store_with_systems(dir.path(), 2, 8);
    let mut wanted = definition(StudyKind::Rating, 2);
    wanted.contexts = 4;
    let study = create(&mut store, &wanted);
    store.unblind(study, "Dee", "a trial", true).unwrap();
    let refused = said(dir.path(), study, &dir.path().join("pairs.jsonl"));
    assert!(refused.contains("it is a rating"), "{refused}");
}
