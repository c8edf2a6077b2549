//! Chooses the checkpoint that a run is resumed from. It is verified before anything of the run is touched.
//!
//! Knows the store and the folders of checkpoints, not what is in them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::StartError;
use crate::checkpoint;
use crate::experiment::{EventKind, Severity, Stage};
use crate::store::{CheckpointRow, RunId, RunRef, SetAside, StoreError, StoreReader};

/// How a run is resumed.
#[derive(Clone, Debug)]
pub(super) struct Resumption {
    /// `None` if it has saved no checkpoint yet: from its start.
    pub from: Option<CheckpointRow>,
    /// Whether that is one of those set aside.
    pub from_aside: bool,
    /// The checkpoints it needs, relative to its folder.
    pub needed: Vec<PathBuf>,
    /// Whether a step was asked for.
    is_asked: bool,
    /// Why a later checkpoint was not taken.
    passed_over: Option<String>,
}

impl Resumption {
    pub fn place(&self) -> Option<(Stage, u64)> {
        self.from.as_ref().map(place)
    }

    /// What to record when the run is resumed; `aside` is what is then set aside of it.
    pub fn events(&self, run: RunId, aside: Option<&SetAside>) -> Vec<EventKind> {
        let note = |severity, text| EventKind::Note { severity, text };
        let mut events = vec![EventKind::Resumed];
        if let Some(why) = &self.passed_over {
            events.push(note(Severity::Warning, why.clone()));
        }
        let is_special = self.is_asked || self.passed_over.is_some() || self.from.is_none();
        if let Some(aside) = aside.filter(|_| is_special) {
            let mut text = format!(
                "What it had recorded after that, up to {}, is set aside until the run has passed it",
                words(aside.last)
            );
            // One that was passed over is damaged.
            let later = aside.checkpoints.last();
            if let Some(last) = later.filter(|_| self.passed_over.is_none()) {
                text += &format!("; `emprl run --resume {run}@{}` returns to it", last.step);
            }
            events.push(note(Severity::Info, text));
        }
        events
    }
}

/// Chooses the last usable checkpoint, or that of the step asked for.
///
/// # Errors
/// The run has saved checkpoints, but none can be used, or not the one asked for.
pub(super) fn choose(reader: &StoreReader, of: RunRef) -> Result<Resumption, StartError> {
    let mut record = Record::of(reader, of.run)?;
    match of.step {
        Some(step) => record.at(step),
        None => record.last(),
    }
}

/// The checkpoints of a run, as recorded and as found.
struct Record {
    run: RunId,
    folder: PathBuf,
    own: Vec<CheckpointRow>,
    aside: Option<SetAside>,
    /// What is wrong with those that were verified.
    verified: BTreeMap<PathBuf, Option<String>>,
}

impl Record {
    fn of(reader: &StoreReader, run: RunId) -> Result<Record, StoreError> {
        Ok(Record {
            run,
            folder: reader.run_dir(run),
            own: reader.checkpoints(run)?,
            aside: reader.set_aside(run)?,
            verified: BTreeMap::new(),
        })
    }

    fn aside(&self) -> &[CheckpointRow] {
        self.aside.as_ref().map_or(&[], |aside| &aside.checkpoints)
    }

    fn last(&mut self) -> Result<Resumption, StartError> {
        let mut problems = Vec::new();
        for row in self.own.clone().into_iter().rev() {
            let needed = self.needed(&row, false);
            match self.problem(&needed) {
                None => {
                    let passed_over = problems.first().map(|(last, problem): &(_, String)| {
                        format!(
                            "Resumed from an earlier checkpoint, since that of {} cannot be used: {problem}",
                            words(*last)
                        )
                    });
                    return Ok(Resumption {
                        passed_over,
                        ..resumption(row, false, needed)
                    });
                }
                Some(problem) => problems.push((place(&row), problem)),
            }
        }
        if problems.is_empty() && self.aside().is_empty() {
            return Ok(Resumption {
                from: None,
                from_aside: false,
                needed: Vec::new(),
                is_asked: false,
                passed_over: None,
            });
        }
        let folder = self.folder.join(checkpoint::FOLDER);
        let wrong = match folder.exists() {
            false => format!("{} is not there", folder.display()),
            true => distinct(problems.into_iter().map(|(_, problem)| problem)),
        };
        Err(StartError::NoneUsable {
            run: self.run,
            count: self.own.len() + self.aside().len(),
            wrong,
            usable: self.usable(),
        })
    }

    fn at(&mut self, step: u64) -> Result<Resumption, StartError> {
        let Some((row, from_aside)) = self.named(step) else {
            let rows = self.own.iter().chain(self.aside());
            let mut steps: Vec<(Stage, u64)> = rows.map(place).collect();
            steps.sort_unstable();
            steps.dedup();
            let run = self.run;
            return Err(StartError::NoCheckpoint { run, step, steps });
        };
        let needed = self.needed(&row, from_aside);
        match self.problem(&needed) {
            None => Ok(Resumption {
                is_asked: true,
                ..resumption(row, from_aside, needed)
            }),
            Some(wrong) => Err(StartError::Unusable {
                run: self.run,
                step,
                wrong,
                usable: self.usable(),
            }),
        }
    }

    /// The checkpoint, and the last one of every stage before.
    fn needed(&self, row: &CheckpointRow, from_aside: bool) -> Vec<PathBuf> {
        let first = self.aside.as_ref().filter(|_| from_aside);
        let own = self.own.iter();
        let own = own.filter(|own| first.is_none_or(|aside| place(own) < aside.first));
        let aside = if from_aside { self.aside() } else { &[] };
        let mut last = BTreeMap::new();
        for other in own.chain(aside).filter(|other| other.stage < row.stage) {
            last.insert(other.stage, other.path.clone());
        }
        last.into_values().chain([row.path.clone()]).collect()
    }

    /// What is wrong with the first of these that cannot be used.
    fn problem(&mut self, needed: &[PathBuf]) -> Option<String> {
        let folder = &self.folder;
        needed.iter().find_map(|path| {
            let known = self.verified.entry(path.clone());
            known.or_insert_with(|| wrong(&folder.join(path))).clone()
        })
    }

    /// All checkpoints with whether they are set aside, by stage and step.
    fn all(&self) -> Vec<(CheckpointRow, bool)> {
        let own = self.own.iter().map(|row| (row.clone(), false));
        let aside = self.aside().iter().map(|row| (row.clone(), true));
        let mut all: Vec<_> = own.chain(aside).collect();
        // Where both have one of the same step, the run's own is the last.
        all.sort_by_key(|(row, is_aside)| (row.stage, row.step, !is_aside));
        all
    }

    /// What `RUN@STEP` names: the one of the latest stage.
    fn named(&self, step: u64) -> Option<(CheckpointRow, bool)> {
        self.all().into_iter().rfind(|(row, _)| row.step == step)
    }

    /// The last few that can be asked for and used, the latest first.
    fn usable(&mut self) -> Vec<String> {
        const SHOWN: usize = 6;
        let mut usable = Vec::new();
        for found in self.all().into_iter().rev() {
            let needed = self.needed(&found.0, found.1);
            if self.named(found.0.step).as_ref() == Some(&found) && self.problem(&needed).is_none()
            {
                usable.push(words(place(&found.0)));
            }
            if usable.len() == SHOWN {
                break;
            }
        }
        usable
    }
}

fn resumption(from: CheckpointRow, from_aside: bool, needed: Vec<PathBuf>) -> Resumption {
    Resumption {
        from: Some(from),
        from_aside,
        needed,
        is_asked: false,
        passed_over: None,
    }
}

/// What is wrong with a checkpoint.
fn wrong(folder: &Path) -> Option<String> {
    match folder.is_dir() {
        false => Some(format!("{} is not there", folder.display())),
        true => Some(checkpoint::verify(folder).err()?.to_string()),
    }
}

fn place(row: &CheckpointRow) -> (Stage, u64) {
    (row.stage, row.step)
}

fn words((stage, step): (Stage, u64)) -> String {
    format!("{} step {step}", stage.title())
}

/// The first few of these, each once.
fn distinct(problems: impl Iterator<Item = String>) -> String {
    const SHOWN: usize = 3;
    let mut shown: Vec<String> = Vec::new();
    for problem in problems {
        if !shown.contains(&problem) {
            shown.push(problem);
        }
    }
    let more = shown.len().saturating_sub(SHOWN);
    shown.truncate(SHOWN);
    if more > 0 {
        shown.push(format!("and {more} more"));
    }
    shown.join("; ")
}
