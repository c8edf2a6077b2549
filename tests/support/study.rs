//! What the tests of studies share: a store with systems whose names nobody would write by chance.
#![allow(dead_code)] // Each test file uses its own part.

use std::path::Path;

use emprl::store::{Store, StoreError, StudyId};
use emprl::study::contexts::{Context, OrderedContexts};
use emprl::study::definition::{Definition, StudyKind};
use emprl::study::judgement::{JudgementAction, JudgementRecord};
use emprl::study::make::{NewStudy, make};
use emprl::study::page::{Page, Shown};
use emprl::study::responses::import;
use emprl::study::seal::SealKey;

/// Names and, below, files of the systems.
pub const SYSTEMS: [&str; 3] = ["Qoxmodel", "Zyvbaseline", "Wuqsystem"];
/// A word by which a test, and nobody else, knows a system's responses.
pub const MARKS: [&str; 3] = ["indeed", "perhaps", "certainly"];

/// Judging with all in view that is recorded by then.
pub trait JudgeNow {
    fn judge_now(
        &mut self,
        study: StudyId,
        annotator: u32,
        item: u32,
        actions: &[JudgementAction],
        shown_ms: u64,
    ) -> Result<Vec<JudgementRecord>, StoreError>;

    fn undo_now(
        &mut self,
        study: StudyId,
        annotator: u32,
    ) -> Result<Vec<JudgementRecord>, StoreError>;
}

impl JudgeNow for Store {
    fn judge_now(
        &mut self,
        study: StudyId,
        annotator: u32,
        item: u32,
        actions: &[JudgementAction],
        shown_ms: u64,
    ) -> Result<Vec<JudgementRecord>, StoreError> {
        let known = self.reader()?.worklist(study, annotator)?.known();
        self.judge(study, annotator, known, item, actions, shown_ms)
    }

    fn undo_now(
        &mut self,
        study: StudyId,
        annotator: u32,
    ) -> Result<Vec<JudgementRecord>, StoreError> {
        let known = self.reader()?.worklist(study, annotator)?.known();
        self.undo(study, annotator, known)
    }
}

pub fn contexts(n: usize) -> OrderedContexts {
    let context = |at: usize| Context {
        conversation: Some(format!("c{at}")),
        turn: Some(2),
        emotion: Some(["sad", "proud", "afraid"][at % 3].to_string()),
        situation: Some(format!("Situation {at}.")),
        utterances: vec![
            format!("This is what happened, number {at}."),
            "Oh?".to_string(),
        ],
        roles: Vec::new(),
        target: Some(format!("I am so sorry to hear of number {at}.")),
    };
    OrderedContexts::new("contexts", (0..n).map(context).collect())
}

/// The number in a page's context.
pub fn context_number(page: &Page) -> usize {
    let digits: String = page.context[0]
        .chars()
        .filter(char::is_ascii_digit)
        .collect();
    digits.parse().unwrap()
}

/// Which system a shown response is of; none for an attention check.
pub fn whose(response: &str) -> Option<usize> {
    MARKS.iter().position(|mark| response.contains(mark))
}

/// The texts on a page, left before right.
pub fn texts(page: &Page) -> Vec<&str> {
    match &page.shown {
        Shown::Pair { left, right } => vec![left, right],
        Shown::Single { response } => vec![response],
    }
}

/// A store in `dir` with the first `systems` systems, each with a response to `n` contexts.
pub fn store_with_systems(dir: &Path, systems: usize, n: usize) -> Store {
    let mut store = Store::open(dir).unwrap();
    let order = contexts(n);
    for (name, mark) in SYSTEMS.into_iter().zip(MARKS).take(systems) {
        let files = tempfile::tempdir().unwrap();
        let path = files.path().join(format!("{name}.txt"));
        let lines: Vec<String> = (0..n)
            .map(|at| format!("I {mark} see, about {at}."))
            .collect();
        std::fs::write(&path, lines.join("\n")).unwrap();
        let responses = import(&path, &order, None).unwrap();
        let source = path.file_name().unwrap().to_string_lossy().into_owned();
        store
            .put_system(name, &source, &responses, &order, false)
            .unwrap();
    }
    store
}

pub fn definition(kind: StudyKind, systems: usize) -> Definition {
    let names = |list: &[&str]| list.iter().map(|name| name.to_string()).collect();
    Definition::new(
        kind,
        names(&SYSTEMS[..systems]),
        names(&["Ada", "Ben", "Cem"]),
    )
}

pub fn made(store: &Store, definition: &Definition) -> NewStudy {
    let candidates = store
        .reader()
        .unwrap()
        .candidates(&definition.systems)
        .unwrap();
    make(definition, &candidates, 1_700_000_000_000, 42).unwrap()
}

pub fn create(store: &mut Store, definition: &Definition) -> StudyId {
    let new = made(store, definition);
    store.create_study(&new).unwrap()
}

/// A study whose packs are sealed.
pub fn create_sealed(store: &mut Store, definition: &Definition) -> StudyId {
    let new = made(store, definition);
    let key = SealKey::new([7; 32]);
    store.create_sealed_study(&new, &key).unwrap()
}
