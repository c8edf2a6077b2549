//! Events of a stage as marks on the x axis of its plots.

use std::sync::Arc;

use crate::app::state::model::RunModel;
use crate::app::theme::ThemeTokens;
use crate::app::widgets::chart::{AlongX, ChartMark};
use crate::experiment::{Event, EventKind, Severity, Stage};

/// The marks, cached until something new happens.
#[derive(Debug, Default)]
pub struct EventMarks {
    of: Option<(usize, usize, Stage, AlongX, bool)>,
    marks: Arc<Vec<ChartMark>>,
}

impl EventMarks {
    pub fn marks(
        &mut self,
        run: &RunModel,
        stage: Stage,
        along: AlongX,
        t: &ThemeTokens,
    ) -> Arc<Vec<ChartMark>> {
        let of = (run.events.len(), run.samples.len(), stage, along, t.dark);
        if self.of != Some(of) {
            self.of = Some(of);
            let of_stage = |event: &&Event| event.stage == Some(stage) && event.step > 0;
            let mut marks: Vec<ChartMark> = run
                .events
                .iter()
                .filter(of_stage)
                .filter_map(|event| mark(event, along, t))
                .collect();
            if along == AlongX::Step {
                let evaluated = run.samples.iter().filter(|set| set.stage == stage);
                marks.extend(evaluated.map(|set| ChartMark {
                    x: set.step as f64,
                    colour: t.faint,
                    words: "Evaluation".into(),
                    tall: false,
                }));
            }
            marks.sort_by(|a, b| a.x.total_cmp(&b.x));
            self.marks = Arc::new(marks);
        }
        self.marks.clone()
    }
}

fn mark(event: &Event, along: AlongX, t: &ThemeTokens) -> Option<ChartMark> {
    let (colour, tall) = match (&event.kind, event.kind.severity()) {
        (_, Some(Severity::Alert)) => (t.bad, true),
        (_, Some(Severity::Warning)) => (t.warning, true),
        (EventKind::Control { .. }, _) => (t.accent, event.kind.change().is_some()),
        // A stage begins and ends with the axis; a status follows from a control.
        (EventKind::StageBegun { .. } | EventKind::StageDone | EventKind::Status { .. }, _) => {
            return None;
        }
        _ => (t.secondary, false),
    };
    Some(ChartMark {
        x: match along {
            AlongX::Step => event.step as f64,
            AlongX::Relative | AlongX::Wall => event.wall_ms as f64 / 1e3,
        },
        colour,
        words: event.words(),
        tall,
    })
}
