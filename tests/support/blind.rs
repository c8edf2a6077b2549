//! What the tests of blindness share: a log that is kept, a study judged to its end, and all that can be read of it.
#![allow(dead_code)] // Each test file uses its own part.

use std::collections::BTreeMap;
use std::io::Write;
use std::sync::{Arc, Mutex};

use emprl::store::{Store, StoreReader, StudyId};
use emprl::study::export::{csv, jsonl, own_rows};
use emprl::study::judgement::{Answer, Choice, JudgementAction};

use crate::study_support::JudgeNow;

/// What the program logs, at every level.
#[derive(Clone, Default)]
pub struct Log(pub Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

pub fn judge_all(store: &mut Store, study: StudyId, annotator: u32, choices: [Choice; 3]) {
    let desk = store.reader().unwrap().worklist(study, annotator).unwrap();
    for (page, choice) in desk.pages().iter().zip(choices.iter().cycle()) {
        let actions = [
            JudgementAction::Answer(Answer::Choice(*choice)),
            JudgementAction::Comment("hm".to_string()),
        ];
        store
            .judge_now(study, annotator, page.item, &actions, 10)
            .unwrap();
    }
}

/// Everything that can be had of a blind study.
pub fn all_that_is_read(reader: &StoreReader, study: StudyId) -> BTreeMap<String, Vec<u8>> {
    let mut read = BTreeMap::new();
    let row = reader.study(study).unwrap();
    read.insert(
        "the study's row".to_string(),
        serde_json::to_vec(&row).unwrap(),
    );
    read.insert(
        "its debug form".to_string(),
        format!("{row:?}").into_bytes(),
    );
    let list = reader.list_studies().unwrap();
    read.insert("the list".to_string(), serde_json::to_vec(&list).unwrap());
    for annotator in row.annotators {
        let n = annotator.number;
        let desk = reader.worklist(study, n).unwrap();
        let rows = own_rows(&desk);
        let pack = reader.pack(study, n).unwrap();
        read.insert(format!("desk {n}"), serde_json::to_vec(&desk).unwrap());
        read.insert(
            format!("debug form of desk {n}"),
            format!("{desk:?}").into_bytes(),
        );
        read.insert(format!("pack {n}"), pack.to_bytes().unwrap());
        read.insert(format!("name of pack {n}"), pack.file_name().into_bytes());
        read.insert(format!("JSONL {n}"), jsonl(&rows).unwrap().into_bytes());
        read.insert(format!("CSV {n}"), csv(&rows).unwrap());
    }
    read
}
