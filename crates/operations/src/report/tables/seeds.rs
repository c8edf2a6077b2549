//! Rows of means over seeds in Tables II and V: of runs whose settings differ in the seed alone.

use std::collections::BTreeMap;

use toml::Value;

use super::GatherError;
use super::fill::{Ours, mean_cells};
use crate::experiment::{Config, Event, MadeChange, changes_made};
use crate::metrics::Bootstrap;
use crate::report::answers::RunAnswers;
use crate::report::over_seeds::{SeededAnswers, over_seeds};
use crate::store::{RunDetail, RunId, StoreReader};

/// Runs by what they share.
#[derive(Default)]
pub(super) struct Seeds {
    groups: Vec<SeedGroup>,
}

/// Runs of one row of the table with the same settings but for the seed.
struct SeedGroup {
    row: String,
    settings: BTreeMap<String, Value>,
    changes: Vec<MadeChange>,
    runs: Vec<RunId>,
    answers: Vec<(u64, RunAnswers)>,
}

impl Seeds {
    /// Adds the answers of a run's system, whose means belong into this row; a run that kept none, or whose settings
    /// cannot be read, has no part in a mean.
    pub(super) fn add(
        &mut self,
        reader: &StoreReader,
        detail: &RunDetail,
        system: &str,
        row: &str,
    ) -> Result<(), GatherError> {
        let run = detail.row.id;
        let Some(rows) = reader.test_answers(run, system)? else {
            return Ok(());
        };
        let Ok(config) = Config::from_toml(&format!("run {run}"), &detail.config_toml) else {
            return Ok(());
        };
        let mut settings = config.values();
        settings.remove("run.seed");
        let events = reader.events(run)?;
        let changes = changes_made(events.iter().map(Event::placed));
        let answers = (detail.row.seed, RunAnswers::new(&rows));
        let same = |group: &&mut SeedGroup| {
            group.row == row && group.settings == settings && group.changes == changes
        };
        match self.groups.iter_mut().find(same) {
            Some(group) => {
                group.runs.push(run);
                group.answers.push(answers);
            }
            None => self.groups.push(SeedGroup {
                row: row.to_string(),
                settings,
                changes,
                runs: vec![run],
                answers: vec![answers],
            }),
        }
        Ok(())
    }

    /// Adds a row for each group of several runs, and what weakens it to the notes.
    pub(super) fn rows(self, ours: &mut Vec<Ours>, notes: &mut Vec<String>) {
        let several = self.groups.into_iter().filter(|group| group.runs.len() > 1);
        for group in several {
            let runs: Vec<String> = group.runs.iter().map(RunId::to_string).collect();
            let label = format!(
                "{} (mean of {} seeds: runs {})",
                group.row,
                runs.len(),
                runs.join(", ")
            );
            let seeded = SeededAnswers {
                name: label.clone(),
                runs: group.answers,
            };
            let found = over_seeds(&[seeded], &Bootstrap::default());
            let Some(figures) = found.groups.first() else {
                continue;
            };
            let (cells, beside) = mean_cells(figures);
            notes.push(format!(
                "{label}: {} examples that all of them answered; 95 % intervals by a hierarchical bootstrap over seeds and \
                 conversations.",
                found.examples
            ));
            notes.extend(found.caution());
            ours.push(Ours {
                of: group.row,
                label,
                cells,
                beside,
            });
        }
    }
}
