//! Whatever happens to a run's disk, no recorded step is lost, the error is clear, and once the fault is gone the run
//! goes on to the same bits.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::Duration;

use crate::kill_anywhere::{Seen, expected, many_rounds, reached, read, start, start_with};
use crate::store_support::*;
use emprl::experiment::{EventKind, Stage};
use emprl::store::{RunId, Store, StoreReader};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Fault {
    /// The folder of checkpoints is elsewhere, as with a share that is not mounted.
    Unmounted,
    /// A file is in its place.
    Replaced,
    /// A byte of the last checkpoint differs.
    Flipped,
    /// The last checkpoint ends early.
    Truncated,
    /// The last checkpoint is not there.
    Removed,
    /// No file can grow, as on a full disk.
    Full,
}

const FAULTS: [Fault; 6] = [
    Fault::Unmounted,
    Fault::Replaced,
    Fault::Flipped,
    Fault::Truncated,
    Fault::Removed,
    Fault::Full,
];

#[test]
fn no_fault_of_the_disk_loses_a_recorded_step() {
    break_disk(12);
}

#[test]
#[ignore = "for hours: EMPRL_TEST_ROUNDS says how many faults"]
fn no_fault_of_the_disk_loses_a_recorded_step_however_many_there_are() {
    break_disk(many_rounds());
}

fn break_disk(rounds: usize) {
    let dir = tempfile::tempdir().unwrap();
    let mut random = ChaCha8Rng::seed_from_u64(8);
    let expected = expected(1_000_000);
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    let mut count = |what: String| *counts.entry(what).or_default() += 1;
    // A few checkpoints, to begin with.
    let run = {
        let seen = killed(start(dir.path(), None), 1_000);
        assert!(seen.saved.len() > 2, "{seen:?}");
        seen.run.unwrap()
    };
    for round in 0..rounds {
        let fault = FAULTS[round % FAULTS.len()];
        let place = Place::of(dir.path(), run);
        let (before, fallen) = (place.record(), place.fell_back());
        let undo = place.strike(fault, &mut random);
        let seen = match fault {
            // It tries again for a second to record that it failed.
            Fault::Full => killed(full(dir.path(), run, &mut random), 2_500),
            _ => killed(start(dir.path(), Some(run)), random.random_range(100..300)),
        };
        let said = format!("round {round}, {fault:?}: {seen:?}");
        let after = Place::of(dir.path(), run);
        after.check(&expected, &before, &said);
        let outcome = match (&seen.refused, &seen.failed) {
            (Some(why), _) => {
                let named = match fault {
                    Fault::Full => dir.path(),
                    _ => &place.checkpoints,
                };
                assert!(why.contains(&named.display().to_string()), "{said}");
                assert_eq!(after.record().points, before.points, "{said}");
                "refused"
            }
            (None, Some(why)) => {
                assert!(fault == Fault::Full, "{said}");
                let names_place = why.contains(&dir.path().display().to_string());
                assert!(names_place, "{said}");
                "failed"
            }
            _ if after.fell_back() > fallen => "fell back",
            _ if seen.shown.is_empty() => "killed before its first step",
            _ => "went on",
        };
        count(format!("{fault:?}: {outcome}"));
        undo();
        // The fault is gone: it goes on, to its next checkpoint at least.
        for attempt in 0.. {
            assert!(attempt < 50, "after round {round}, {fault:?}");
            let before = Place::of(dir.path(), run).record();
            let seen = killed(start(dir.path(), Some(run)), 250 + 50 * attempt);
            let said = format!("after round {round}, {fault:?}: {seen:?}");
            assert!(seen.refused.is_none() && seen.failed.is_none(), "{said}");
            Place::of(dir.path(), run).check(&expected, &before, &said);
            if !seen.saved.is_empty() {
                break;
            }
        }
        count("resumed exactly".to_string());
    }
    println!("{rounds} faults: {counts:#?}");
    println!(
        "step {} reached",
        Place::of(dir.path(), run).record().reached
    );
    assert_eq!(counts["resumed exactly"], rounds);
    assert!(counts.contains_key("Unmounted: refused"), "{counts:?}");
    assert!(counts.contains_key("Flipped: fell back"), "{counts:?}");
}

/// Kills the victim after so many milliseconds, if it has not ended by then.
fn killed(mut child: Child, after: u64) -> Seen {
    let out = child.stdout.take().unwrap();
    let killer = std::thread::Builder::new()
        .name("killer".to_string())
        .spawn(move || {
            std::thread::sleep(Duration::from_millis(after));
            // It may have ended.
            let _ = child.kill();
            child.wait().unwrap();
        })
        .unwrap();
    let seen = read(out);
    killer.join().unwrap();
    seen
}

/// Resumes the run where no file can grow much past the largest there is.
fn full(dir: &Path, run: RunId, random: &mut ChaCha8Rng) -> Child {
    let sizes = ["emprl.db", "emprl.db-wal"].map(|name| {
        let file = fs::metadata(dir.join(name));
        file.map_or(0, |file| file.len())
    });
    let largest = sizes.into_iter().max().unwrap();
    // Of 512 bytes.
    let blocks = largest / 512 + random.random_range(0..1_000);
    let mut command = Command::new("sh");
    // Ignored, the signal becomes an error of the write.
    let script = format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$0\" \"$@\"");
    command
        .args(["-c", &script])
        .arg(std::env::current_exe().unwrap());
    start_with(command, dir, Some(run))
}

struct Place {
    reader: StoreReader,
    run: RunId,
    checkpoints: PathBuf,
}

/// What is on record.
struct Recorded {
    /// The run's own, by step.
    points: Vec<(u64, f64)>,
    /// With what is set aside.
    reached: u64,
}

impl Place {
    fn of(dir: &Path, run: RunId) -> Place {
        let mut store = Store::open(dir).unwrap();
        store.recover().unwrap();
        let reader = store.reader().unwrap();
        let checkpoints = reader.run_dir(run).join("checkpoints");
        Place {
            reader,
            run,
            checkpoints,
        }
    }

    fn record(&self) -> Recorded {
        let key = key(Stage::Ppo, "ppo/reward");
        let points = self.reader.series(self.run, &key, None).unwrap();
        Recorded {
            points: points
                .into_iter()
                .map(|(step, value, _)| (step, value))
                .collect(),
            reached: reached(&self.reader, self.run),
        }
    }

    /// No step is lost, and none differs from a run that nothing happened to.
    fn check(&self, expected: &[f64], before: &Recorded, said: &str) {
        let now = self.record();
        for (at, (step, value)) in now.points.iter().enumerate() {
            assert_eq!((*step, *value), (at as u64 + 1, expected[at]), "{said}");
        }
        assert!(
            now.reached >= before.reached,
            "{} before, {said}",
            before.reached
        );
    }

    /// How often the run was resumed from an earlier checkpoint than its last.
    fn fell_back(&self) -> usize {
        let events = self.reader.events(self.run).unwrap();
        let notes = events
            .iter()
            .filter(|event| matches!(event.kind, EventKind::Note { .. }));
        notes
            .filter(|event| event.words().contains("cannot be used"))
            .count()
    }

    /// Does the damage; gives back how it is undone.
    fn strike(&self, fault: Fault, random: &mut ChaCha8Rng) -> Box<dyn FnOnce()> {
        let folder = self.checkpoints.clone();
        let aside = folder.with_file_name("elsewhere");
        let last = self.reader.checkpoints(self.run).unwrap().pop().unwrap();
        let last = self.reader.run_dir(self.run).join(last.path);
        let state = last.join("state");
        match fault {
            Fault::Unmounted => {
                fs::rename(&folder, &aside).unwrap();
                Box::new(move || fs::rename(aside, folder).unwrap())
            }
            Fault::Replaced => {
                fs::rename(&folder, &aside).unwrap();
                fs::write(&folder, "not a folder").unwrap();
                Box::new(move || {
                    fs::remove_file(&folder).unwrap();
                    fs::rename(aside, folder).unwrap();
                })
            }
            Fault::Flipped => {
                let mut bytes = fs::read(&state).unwrap();
                let at = random.random_range(0..bytes.len());
                bytes[at] ^= 1 << random.random_range(0..8);
                fs::write(&state, bytes).unwrap();
                Box::new(|| {})
            }
            Fault::Truncated => {
                let bytes = fs::read(&state).unwrap();
                let kept = random.random_range(0..bytes.len());
                fs::write(&state, &bytes[..kept]).unwrap();
                Box::new(|| {})
            }
            Fault::Removed => {
                fs::remove_dir_all(&last).unwrap();
                Box::new(|| {})
            }
            Fault::Full => Box::new(|| {}),
        }
    }
}
