//! What is chosen of a store for a reviewer, with the tables of it.

use std::collections::BTreeSet;

use super::super::OperationError;
use crate::report::tables::{GatherError, Table, TableNumber, TableSelection, gather};
use crate::store::{Parts, RunId, StoreError, StoreReader, StudyId, StudyRow, SystemId, SystemRow};
use crate::study::definition::StudyKind;

/// What is to be bundled or reported.
#[derive(Clone, Debug, Default)]
pub struct BundleRequest {
    pub runs: Vec<RunId>,
    /// Unblinded; their systems come along.
    pub studies: Vec<StudyId>,
    /// Other systems, by name.
    pub systems: Vec<String>,
}

/// The parts that are chosen of a store.
pub struct Chosen {
    pub parts: Parts,
    pub systems: Vec<SystemRow>,
    pub studies: Vec<StudyRow>,
}

/// Tables with what they were made of.
pub struct MadeTables {
    pub made: Vec<(Table, TableSelection)>,
    /// Why others could not be made; each a sentence.
    pub without: Vec<String>,
}

impl Chosen {
    /// What is asked for, each once.
    ///
    /// # Errors
    /// It is nothing; a run is missing, deleted or in progress; a study is missing, blind or was created elsewhere; a system
    /// is missing.
    pub fn of(reader: &StoreReader, request: &BundleRequest) -> Result<Chosen, OperationError> {
        let known = reader.systems()?;
        let id = |name: &String| {
            let found = known.iter().find(|system| system.name == *name);
            let missing = || StoreError::NoSystem {
                path: reader.dir().to_path_buf(),
                name: name.clone(),
            };
            found.map(|system| system.id).ok_or_else(missing)
        };
        let systems: Vec<SystemId> = (request.systems.iter().map(id)).collect::<Result<_, _>>()?;
        let chosen = Parts {
            runs: once(&request.runs),
            systems,
            studies: once(&request.studies),
        };
        if chosen == Parts::default() {
            return Err(OperationError::NothingChosen);
        }
        let parts = reader.parts(&chosen)?;
        let studies = parts.studies.iter().map(|study| reader.study(*study));
        Ok(Chosen {
            studies: studies.collect::<Result<_, _>>()?,
            systems: known
                .into_iter()
                .filter(|system| parts.systems.contains(&system.id))
                .collect(),
            parts,
        })
    }

    /// The tables that can be made of them, without the paper's own figures.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn tables(&self, reader: &StoreReader) -> Result<MadeTables, OperationError> {
        let scored = reader.scores()?;
        let of_kind = |kind: StudyKind| {
            let studies = self.studies.iter().filter(|study| study.head.kind == kind);
            studies.map(|study| study.id).collect::<Vec<_>>()
        };
        let all: Vec<String> = self.systems.iter().map(|of| of.name.clone()).collect();
        let is_scored = |name: &&String| scored.iter().any(|score| score.system == **name);
        let mut tables = MadeTables {
            made: Vec::new(),
            without: Vec::new(),
        };
        for number in TableNumber::ALL {
            let none = TableSelection::default();
            let runs = self.parts.runs.clone();
            let chosen = match number {
                TableNumber::Identifiers | TableNumber::Ablation => TableSelection { runs, ..none },
                TableNumber::Automatic => TableSelection {
                    runs,
                    systems: all.iter().filter(is_scored).cloned().collect(),
                    ..none
                },
                TableNumber::Rating => TableSelection {
                    studies: of_kind(StudyKind::Rating),
                    ..none
                },
                TableNumber::AbTest => TableSelection {
                    studies: of_kind(StudyKind::AbTest),
                    ..none
                },
                TableNumber::Cases => TableSelection {
                    systems: all.clone(),
                    ..none
                },
            };
            if chosen == TableSelection::default() {
                continue;
            }
            match gather(reader, number, &chosen) {
                Ok(table) => tables.made.push((table.of_ours(), chosen)),
                Err(error @ GatherError::Incomplete { .. }) => {
                    let roman = number.roman();
                    tables
                        .without
                        .push(format!("Without Table {roman}: {error}."));
                }
                Err(error) => return Err(error.into()),
            }
        }
        Ok(tables)
    }
}

/// Each once, in their order.
fn once<T: Copy + Ord>(all: &[T]) -> Vec<T> {
    let all: BTreeSet<T> = all.iter().copied().collect();
    all.into_iter().collect()
}
