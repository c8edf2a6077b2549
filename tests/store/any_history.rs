//! Wherever a run is interrupted, it can be resumed: from the start, and from every checkpoint on its record.

use std::fs;
use std::path::{Path, PathBuf};

use proptest::prelude::*;

use crate::store_support::{key, metrics, new_run};
use emprl::checkpoint::{publish, verify};
use emprl::experiment::{EventKind, Report, Stage};
use emprl::store::{RunId, Store};

const STAGES: [Stage; 3] = [Stage::Identifiers, Stage::Generator, Stage::Ppo];
const METRIC: &str = "ppo/reward/empathy";

#[derive(Clone, Copy, Debug)]
enum Act {
    Step,
    Checkpoint,
    NextStage,
}

/// Where in the writing of one more checkpoint the program is killed.
#[derive(Clone, Copy, Debug)]
enum Kill {
    /// Not in one.
    Between,
    /// Before its manifest is written.
    Writing,
    /// It is whole, and the one of its name is moved aside.
    Swapping,
    /// It is in place, and the one of its name is not yet removed.
    Clearing,
    /// It is in place, but not on record.
    Recording,
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let act = prop_oneof![
        6 => Just(Act::Step),
        2 => Just(Act::Checkpoint),
        1 => Just(Act::NextStage),
    ];
    prop::collection::vec(act, 0..24)
}

fn kill() -> impl Strategy<Value = Kill> {
    prop::sample::select(vec![
        Kill::Between,
        Kill::Writing,
        Kill::Swapping,
        Kill::Clearing,
        Kill::Recording,
    ])
}

fn write(dir: &Path, stage: Stage, step: u64) -> PathBuf {
    let name = format!("{}-{step}", stage.key());
    let content = format!("{name} is whole");
    let done = publish(dir, &name, |folder| {
        Ok(fs::write(folder.join("weights"), content)?)
    });
    done.unwrap().path
}

/// Names in the folder of checkpoints, in order.
fn on_disk(dir: &Path) -> Vec<String> {
    let Ok(entries) = fs::read_dir(dir.join("checkpoints")) else {
        return Vec::new();
    };
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> = names.collect();
    names.sort();
    names
}

/// What the run has done before it is killed: its place, and every step on record.
fn live(store: &mut Store, run: RunId, dir: &Path, acts: &[Act]) -> (usize, u64) {
    let (mut stage, mut step) = (0, 0);
    for act in acts {
        let report = match act {
            Act::Step => {
                step += 1;
                metrics(STAGES[stage], step, &[(METRIC, step as f64)])
            }
            Act::Checkpoint => {
                let path = write(dir, STAGES[stage], step);
                Report::event(
                    STAGES[stage],
                    step,
                    EventKind::Checkpoint { path, bytes: 1 },
                )
            }
            Act::NextStage if stage + 1 < STAGES.len() => {
                (stage, step) = (stage + 1, 0);
                continue;
            }
            Act::NextStage => continue,
        };
        store.record(run, &[(1, report)]).unwrap();
    }
    (stage, step)
}

fn leave(dir: &Path, kill: Kill, stage: Stage, step: u64) {
    let folder = dir.join("checkpoints");
    let name = format!("{}-{step}", stage.key());
    let half = |name: String| {
        fs::create_dir_all(folder.join(&name)).unwrap();
        fs::write(folder.join(name).join("weights"), "half").unwrap();
    };
    match kill {
        Kill::Between => {}
        Kill::Writing => half(format!(".new-{name}")),
        Kill::Swapping => {
            half(format!(".new-{name}"));
            if folder.join(&name).exists() {
                fs::rename(folder.join(&name), folder.join(format!(".old-{name}"))).unwrap();
            }
        }
        Kill::Clearing => {
            write(dir, stage, step);
            half(format!(".old-{name}"));
        }
        Kill::Recording => {
            write(dir, stage, step);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn a_run_can_be_resumed_wherever_it_was_interrupted(
        acts in acts(),
        kill in kill(),
        from in any::<prop::sample::Index>(),
        again in acts(),
    ) {
        let folder = tempfile::tempdir().unwrap();
        let mut store = Store::open(folder.path()).unwrap();
        let lock = store.create_run(&new_run("killed")).unwrap();
        let (run, dir) = (lock.run(), lock.dir().to_path_buf());
        let (stage, step) = live(&mut store, run, &dir, &acts);
        leave(&dir, kill, STAGES[stage], step);
        drop((lock, store));

        let mut store = Store::open(folder.path()).unwrap();
        prop_assert_eq!(store.recover().unwrap(), vec![run]);
        let reader = store.reader().unwrap();
        // Every checkpoint on record is whole, so each can be chosen; or the start.
        let recorded = reader.checkpoints(run).unwrap();
        for checkpoint in &recorded {
            verify(&dir.join(&checkpoint.path)).unwrap();
        }
        let mut choices = vec![None];
        choices.extend(recorded.iter().map(|row| Some((row.stage, row.step))));
        let chosen = *from.get(&choices);
        let lock = store.hold_run(run).unwrap();
        store.resume_run(&lock).unwrap();
        store.return_to(run, chosen, false).unwrap();

        // What is left is what had happened then, on record and step by step; the rest is only set aside.
        let left = reader.checkpoints(run).unwrap();
        let kept = on_disk(&dir);
        for row in &recorded {
            let name = row.path.file_name().unwrap().to_string_lossy();
            prop_assert!(kept.iter().any(|kept| *kept == name), "{} is gone", name);
        }
        let earlier: Vec<_> = recorded
            .into_iter()
            .filter(|row| Some((row.stage, row.step)) <= chosen)
            .collect();
        prop_assert_eq!(&left, &earlier);
        for (at, of) in STAGES.into_iter().enumerate() {
            let points = reader.series(run, &key(of, METRIC), None).unwrap();
            let steps: Vec<u64> = points.iter().map(|(step, ..)| *step).collect();
            let last = match chosen {
                Some((stage, step)) if stage == of => step,
                Some((stage, _)) if of < stage => steps.len() as u64,
                _ => 0,
            };
            prop_assert_eq!(steps, (1..=last).collect::<Vec<_>>(), "stage {}", at);
        }

        // And it goes on from there, to be interrupted again.
        live(&mut store, run, &dir, &again);
        drop((lock, store));
        let mut store = Store::open(folder.path()).unwrap();
        prop_assert_eq!(store.recover().unwrap(), vec![run]);
        for checkpoint in store.reader().unwrap().checkpoints(run).unwrap() {
            verify(&dir.join(&checkpoint.path)).unwrap();
        }
    }
}
