//! Builds the model of a run from the store.

use super::{RunModel, SampleSet, Track};
use crate::app::queries::stored::StoredRun;
use crate::app::state::progress::{Pace, StageState};
use crate::app::state::remote::Remote;
use crate::experiment::{Event, EventKind, RecordedSettings, Stage};
use crate::store::RunStatus;

impl RunModel {
    pub fn from_store(stored: &mut StoredRun) -> Self {
        let planned = stored
            .config
            .as_ref()
            .map(|config| config.run.stages.clone())
            .or_else(|| {
                let recorded = RecordedSettings::from_toml(&stored.detail.config_toml);
                recorded.map(|_| vec![Stage::Recorded])
            })
            .unwrap_or_default();
        let mut model = RunModel::new(&stored.detail.row, &planned);
        if let Some(config) = &stored.config {
            model.started_with(config);
        }
        for event in std::mem::take(&mut stored.events) {
            model.add_event(event);
        }
        let checkpoints = stored.checkpoints.iter().map(|row| Event {
            wall_ms: row.wall_ms,
            stage: Some(row.stage),
            step: row.step,
            kind: EventKind::Checkpoint {
                path: row.path.clone(),
                bytes: row.bytes,
            },
        });
        // A stage ends at the same time as its last checkpoint is saved, and sorts after it.
        model.events.splice(0..0, checkpoints);
        model.events.sort_by_key(|event| event.wall_ms);
        model.break_curves();
        // The pace of a resumed run is that of its recent steps.
        let goes_on = model.status.is_active();
        for (key, series) in std::mem::take(&mut stored.series) {
            let last = series.last();
            let progress = model.progress(key.stage);
            if let Some(last) = last {
                progress.step = progress.step.max(last.step);
                if goes_on {
                    progress.pace = Pace::of(&series);
                }
            }
            let track = Track::new(series, &model.resumptions);
            model.tracks.insert(key, track);
        }
        let row = &stored.detail.row;
        if let Some(stage) = row.stage {
            model.current = Some(stage);
            let progress = model.progress(stage);
            progress.step = row.step;
            progress.total = progress.total.max(row.total);
        }
        if row.status == RunStatus::Finished {
            model
                .stages
                .iter_mut()
                .for_each(|progress| progress.state = StageState::Done);
        }
        model.samples = stored
            .samples
            .iter()
            .map(|&(stage, step)| SampleSet {
                stage,
                step,
                dialogues: Remote::default(),
            })
            .collect();
        model.rollouts = stored.rollouts.clone();
        model.results = std::mem::take(&mut stored.results);
        model.identifiers = std::mem::take(&mut stored.identifiers);
        model
    }
}
