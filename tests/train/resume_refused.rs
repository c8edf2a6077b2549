//! A run is resumed only from a checkpoint that is whole, and until that is known nothing of it is touched.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::store_support::*;
use emprl::checkpoint::publish;
use emprl::engine::{
    Listener, RunBody, RunEnd, RunError, RunOutcome, StartRequest, Supervisor, What,
};
use emprl::experiment::{EventKind, Report, Stage};
use emprl::store::{RunId, RunRef, RunStatus, StoreReader};
use emprl::train::observer::Observer;

const LONG: Duration = Duration::from_secs(30);

/// Counts to `until`, saves every tenth step, and fails there unless that is its last step, 50. `by` tells branches
/// apart.
fn counting(until: u64, by: f64) -> RunBody {
    Box::new(move |observer, context| {
        let mut step = match &context.from {
            Some(from) => {
                let state = context.dir.join(&from.path).join("step");
                fs::read_to_string(state)?.parse()?
            }
            None => {
                if until > 10 {
                    // A stage before, whose steps count from 1 too.
                    save(observer, &context.dir, Stage::Generator, 30)?;
                }
                0
            }
        };
        let begun = EventKind::StageBegun { total: 50 };
        observer.report(Report::event(Stage::Ppo, 0, begun));
        while step < until {
            step += 1;
            let value = step as f64 * by;
            observer.report(metrics(Stage::Ppo, step, &[("ppo/reward", value)]));
            if step % 10 == 0 {
                save(observer, &context.dir, Stage::Ppo, step)?;
            }
        }
        match until {
            50 => Ok(RunOutcome::Finished),
            _ => Err("the power went".into()),
        }
    })
}

fn save(observer: &mut dyn Observer, run: &Path, stage: Stage, step: u64) -> Result<(), RunError> {
    let saved = publish(run, &format!("{stage}-{step}"), |dir| {
        Ok(fs::write(dir.join("step"), step.to_string())?)
    })?;
    let (path, bytes) = (saved.path, saved.bytes);
    let saved = EventKind::Checkpoint { path, bytes };
    observer.report(Report::event(stage, step, saved));
    Ok(())
}

struct Place {
    dir: tempfile::TempDir,
    supervisor: Supervisor,
    reader: StoreReader,
    run: RunId,
}

impl Place {
    /// A run that failed at step `until`.
    fn failed_at(until: u64) -> Place {
        let dir = tempfile::tempdir().unwrap();
        let supervisor = Supervisor::new(dir.path()).unwrap();
        let reader = StoreReader::open(dir.path()).unwrap();
        let handle = supervisor.start(StartRequest {
            what: What::New(Box::new(new_run("damaged"))),
            listener: Listener::Nobody,
            waker: None,
            body: counting(until, 1.0),
        });
        let run = handle.wait_for_start().unwrap();
        assert!(matches!(handle.wait(Some(LONG)), Some(RunEnd::Failed(..))));
        Place {
            dir,
            supervisor,
            reader,
            run,
        }
    }

    fn resume(&self, step: Option<u64>, body: RunBody) -> RunEnd {
        let run = self.run;
        let handle = self.supervisor.start(StartRequest {
            what: What::Resume(RunRef { run, step }),
            listener: Listener::Nobody,
            waker: None,
            body,
        });
        handle.wait(Some(LONG)).unwrap()
    }

    fn checkpoints(&self) -> PathBuf {
        self.reader.run_dir(self.run).join("checkpoints")
    }

    /// The curve, as (step, value).
    fn curve(&self) -> Vec<(u64, f64)> {
        let key = key(Stage::Ppo, "ppo/reward");
        let points = self.reader.series(self.run, &key, None).unwrap();
        points
            .into_iter()
            .map(|(step, value, _)| (step, value))
            .collect()
    }

    /// All that is recorded, and every file of the checkpoints.
    fn everything(&self) -> String {
        let (run, reader) = (self.run, &self.reader);
        let row = reader.run(run).unwrap().row;
        let mut files: Vec<_> = files(&self.checkpoints());
        files.sort();
        format!(
            "{row:?} {:?} {:?} {:?} {files:?}",
            self.curve(),
            reader.events(run).unwrap(),
            reader.checkpoints(run).unwrap(),
        )
    }

    fn notes(&self) -> Vec<String> {
        let events = self.reader.events(self.run).unwrap().into_iter();
        let notes = events.filter(|event| matches!(event.kind, EventKind::Note { .. }));
        notes.map(|event| event.words()).collect()
    }
}

fn files(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => found.extend(files(&path)),
            false => found.push((path.clone(), fs::read(&path).unwrap())),
        }
    }
    found
}

fn times(steps: std::ops::RangeInclusive<u64>, by: f64) -> Vec<(u64, f64)> {
    steps.map(|step| (step, step as f64 * by)).collect()
}

#[test]
fn without_its_checkpoints_folder_it_is_refused_and_unchanged_and_goes_on_once_it_is_back() {
    let place = Place::failed_at(37);
    let (folder, elsewhere) = (place.checkpoints(), place.dir.path().join("unmounted"));
    fs::rename(&folder, &elsewhere).unwrap();
    let before = place.everything();
    for step in [None, Some(20)] {
        let end = place.resume(step, counting(50, 1.0));
        assert!(matches!(end, RunEnd::NotStarted(_)), "{end}");
        let words = end.to_string();
        assert!(words.contains(&folder.display().to_string()), "{words}");
        assert!(words.contains("is not there"), "{words}");
        assert!(words.contains("Nothing of the run was changed"), "{words}");
        assert_eq!(place.everything(), before);
    }
    fs::rename(&elsewhere, &folder).unwrap();
    let end = place.resume(None, counting(50, 1.0));
    assert!(matches!(end, RunEnd::Finished(_)), "{end}");
    assert_eq!(place.curve(), times(1..=50, 1.0));
    assert_eq!(place.reader.set_aside(place.run).unwrap(), None);
    assert_eq!(place.notes(), [""; 0]);
}

#[test]
fn with_a_damaged_last_checkpoint_it_falls_back_with_a_word_and_keeps_what_came_after() {
    let place = Place::failed_at(37);
    fs::write(place.checkpoints().join("ppo-30/step"), "13").unwrap();
    // Asked for by name, it is refused.
    let before = place.everything();
    let end = place.resume(Some(30), counting(50, 1.0));
    let words = end.to_string();
    assert!(words.contains("ppo-30"), "{words}");
    assert!(words.contains("SHA-256"), "{words}");
    assert!(
        words.contains("it can be resumed from PPO step 20, PPO step 10"),
        "{words}"
    );
    assert_eq!(place.everything(), before);

    let end = place.resume(None, counting(23, 1.0));
    assert!(matches!(end, RunEnd::Failed(..)), "{end}");
    assert_eq!(place.curve(), times(1..=23, 1.0));
    let aside = place.reader.set_aside(place.run).unwrap().unwrap();
    assert_eq!((aside.first.1, aside.last.1), (21, 37));
    let notes = place.notes();
    assert!(
        notes[0].contains("that of PPO step 30 cannot be used"),
        "{notes:?}"
    );
    assert!(
        notes[1].contains("up to PPO step 37, is set aside"),
        "{notes:?}"
    );
    assert!(
        !notes[1].contains("returns to it"),
        "a damaged one: {notes:?}"
    );

    let end = place.resume(None, counting(50, 1.0));
    assert!(matches!(end, RunEnd::Finished(_)), "{end}");
    assert_eq!(place.curve(), times(1..=50, 1.0));
    assert_eq!(place.reader.set_aside(place.run).unwrap(), None);
}

#[test]
fn where_no_checkpoint_is_whole_it_is_refused_with_what_is_wrong() {
    let place = Place::failed_at(37);
    fs::remove_file(place.checkpoints().join("generator-30/step")).unwrap();
    for step in [10, 20, 30] {
        fs::remove_file(place.checkpoints().join(format!("ppo-{step}/step"))).unwrap();
    }
    let before = place.everything();
    let end = place.resume(None, counting(50, 1.0));
    let words = end.to_string();
    assert!(
        words.contains("has saved 4 checkpoints, and none can be used"),
        "{words}"
    );
    assert!(words.contains("is missing from the checkpoint"), "{words}");
    assert_eq!(place.everything(), before);
}

#[test]
fn from_an_earlier_step_the_later_ones_are_kept_and_can_be_returned_to() {
    let place = Place::failed_at(37);
    let run = place.run;
    let end = place.resume(Some(10), counting(23, 2.0));
    assert!(matches!(end, RunEnd::Failed(..)), "{end}");
    let expected = [times(1..=10, 1.0), times(11..=23, 2.0)].concat();
    assert_eq!(place.curve(), expected, "one branch is shown");
    let words = place.notes().join("\n");
    assert!(
        words.contains(&format!("`emprl run --resume {run}@30` returns to it")),
        "{words}"
    );
    assert!(place.checkpoints().join("ppo-30").is_dir());

    // Without a step, the branch in progress goes on.
    let end = place.resume(None, counting(24, 2.0));
    assert!(matches!(end, RunEnd::Failed(..)), "{end}");
    let expected = [times(1..=10, 1.0), times(11..=24, 2.0)].concat();
    assert_eq!(place.curve(), expected);

    let end = place.resume(Some(30), counting(50, 1.0));
    assert!(matches!(end, RunEnd::Finished(_)), "{end}");
    assert_eq!(
        place.curve(),
        times(1..=50, 1.0),
        "as if it had never gone back"
    );
}

#[test]
fn a_run_that_had_saved_nothing_starts_over_and_keeps_its_steps_until_it_has_passed_them() {
    let place = Place::failed_at(7);
    let end = place.resume(None, counting(3, 1.0));
    assert!(matches!(end, RunEnd::Failed(..)), "{end}");
    assert_eq!(place.curve(), times(1..=3, 1.0));
    let aside = place.reader.set_aside(place.run).unwrap().unwrap();
    assert_eq!(
        (aside.first.1, aside.last.1),
        (0, 7),
        "with the beginning of the stage"
    );
    let events = place.reader.events(place.run).unwrap();
    let words: Vec<String> = events.iter().map(|event| event.words()).collect();
    assert!(
        words.contains(&"Resumed from its start".to_string()),
        "{words:?}"
    );
    let end = place.resume(None, counting(10, 1.0));
    assert!(matches!(end, RunEnd::Failed(..)), "{end}");
    assert_eq!(place.reader.set_aside(place.run).unwrap(), None);
    assert_eq!(place.curve(), times(1..=10, 1.0));
}

#[test]
fn where_the_trainer_cannot_load_it_nothing_recorded_is_touched() {
    let place = Place::failed_at(37);
    let body: RunBody = Box::new(|observer, _| {
        // Of a stage that was done before.
        observer.report(Report::Identifiers { scores: Vec::new() });
        Err("the weights do not fit".into())
    });
    let end = place.resume(Some(10), body);
    assert!(matches!(end, RunEnd::Failed(..)), "{end}");
    let row = place.reader.run(place.run).unwrap().row;
    assert_eq!((row.status, row.step), (RunStatus::Failed, 37));
    assert_eq!(place.curve(), times(1..=37, 1.0));
    assert_eq!(place.reader.set_aside(place.run).unwrap(), None);
    let end = place.resume(None, counting(50, 1.0));
    assert!(matches!(end, RunEnd::Finished(_)), "{end}");
    assert_eq!(place.curve(), times(1..=50, 1.0));
}
