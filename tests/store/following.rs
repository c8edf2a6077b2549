//! Who watches a store learns which part of it has changed, and nothing while nothing has.

use std::time::Duration;

use crate::store_support::{metrics, new_run};
use crate::study_support::{JudgeNow, create, definition, store_with_systems};
use emprl::experiment::{EventKind, Report, Stage};
use emprl::store::{NewQueuedRun, RunStatus, Store, StoreReader, StoreVersions, StudyId, now_ms};
use emprl::study::definition::StudyKind;
use emprl::study::judgement::{Answer, Choice, JudgementAction};

/// The parts that have changed since the last look, by name.
struct Watcher {
    reader: StoreReader,
    before: StoreVersions,
}

impl Watcher {
    fn changed(&mut self) -> Vec<&'static str> {
        let now = self.reader.versions().unwrap();
        let was = std::mem::replace(&mut self.before, now);
        let parts = [
            ("runs", was.runs != now.runs),
            ("checkpoints", was.checkpoints != now.checkpoints),
            ("queue", was.queue != now.queue),
            ("systems", was.systems != now.systems),
            ("studies", was.studies != now.studies),
        ];
        let changed = parts.into_iter().filter(|(_, changed)| *changed);
        changed.map(|(part, _)| part).collect()
    }
}

#[test]
fn each_change_is_one_of_its_own_part() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = Store::open(dir.path()).unwrap();
    let reader = StoreReader::open(dir.path()).unwrap();
    let before = reader.versions().unwrap();
    let mut watcher = Watcher { reader, before };
    assert_eq!(watcher.changed(), [""; 0]);

    let lock = store.create_run(&new_run("first")).unwrap();
    let run = lock.run();
    assert_eq!(watcher.changed(), ["runs"]);
    assert!(watcher.before.active);
    let record = |store: &mut Store, report: Report| {
        store.record(run, &[(now_ms() + 5, report)]).unwrap();
    };
    record(&mut store, metrics(Stage::Ppo, 3, &[("a", 1.0)]));
    assert_eq!(watcher.changed(), ["runs"]);
    assert_eq!(watcher.changed(), [""; 0]);
    let kind = EventKind::Checkpoint {
        path: "checkpoints/ppo-3".into(),
        bytes: 7,
    };
    record(&mut store, Report::event(Stage::Ppo, 3, kind));
    // The run too, unless its heartbeat is of the same millisecond.
    assert!(watcher.changed().contains(&"checkpoints"));
    store
        .set_status(run, RunStatus::Finished, None, now_ms())
        .unwrap();
    drop(lock);
    assert_eq!(watcher.changed(), ["runs"]);
    assert!(!watcher.before.active);
    for change in [
        |store: &mut Store, run| store.rename(run, "other"),
        |store: &mut Store, run| store.set_note(run, "a note"),
        |store: &mut Store, run| store.tag(run, &["paper".into()], &[]),
        |store: &mut Store, run| store.archive(run, true),
        |store: &mut Store, run| store.delete(run),
    ] {
        change(&mut store, run).unwrap();
        assert_eq!(watcher.changed(), ["runs"]);
    }

    let queued = |name: &str| NewQueuedRun {
        experiment: "quickstart".into(),
        name: name.into(),
        config_toml: String::new(),
        reuse: None,
    };
    let ids = store.enqueue(&[queued("a"), queued("b")]).unwrap();
    assert_eq!(watcher.changed(), ["queue"]);
    store.swap_queued(ids[0], ids[1]).unwrap();
    assert_eq!(watcher.changed(), ["queue"]);
    store.unqueue(&ids[..1]).unwrap();
    assert_eq!(watcher.changed(), ["queue"]);
}

#[test]
fn systems_studies_and_judgements_are_changes_of_theirs() {
    let dir = tempfile::tempdir().unwrap();
    drop(Store::open(dir.path()).unwrap());
    let reader = StoreReader::open(dir.path()).unwrap();
    let before = reader.versions().unwrap();
    let mut watcher = Watcher { reader, before };
    let mut store = store_with_systems(dir.path(), 2, 6);
    assert_eq!(watcher.changed(), ["systems"]);
    let mut definition = definition(StudyKind::AbTest, 2);
    definition.contexts = 6;
    create(&mut store, &definition);
    assert_eq!(watcher.changed(), ["studies"]);
    let desk = watcher.reader.worklist(StudyId(1), 1).unwrap();
    let answer = [JudgementAction::Answer(Answer::Choice(Choice::Left))];
    let item = desk.pages()[0].item;
    store.judge_now(StudyId(1), 1, item, &answer, 900).unwrap();
    assert_eq!(watcher.changed(), ["studies"]);
    store.undo_now(StudyId(1), 1).unwrap();
    assert_eq!(watcher.changed(), ["studies"]);
    assert_eq!(watcher.changed(), [""; 0]);
}

#[test]
fn a_run_whose_process_is_gone_is_a_change_though_nothing_is_written() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = Store::open(dir.path()).unwrap();
    let lock = store.create_run(&new_run("first")).unwrap();
    let reader = StoreReader::open(dir.path()).unwrap();
    let before = reader.versions().unwrap();
    let mut watcher = Watcher { reader, before };
    assert_eq!(watcher.changed(), [""; 0]);
    drop(lock);
    // A process that another test is just starting may hold it for a moment more.
    let changed = (0..200).find_map(|_| {
        let changed = watcher.changed();
        std::thread::sleep(Duration::from_millis(10));
        (!changed.is_empty()).then_some(changed)
    });
    assert_eq!(changed.unwrap(), ["runs"]);
}
