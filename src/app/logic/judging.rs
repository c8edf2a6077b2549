//! The judging page: a judgement shows as recorded once it is on disk.

use super::Core;
use crate::app::jobs::{JobResult, Lane};
use crate::app::place::Place;
use crate::app::state::judging::Judging;
use crate::store::{Store, StudyId};
use crate::study::judgement::{JudgementAction, JudgementRecord};

impl Core {
    /// Opens the judging page for an annotator.
    pub fn open_judging(&mut self, study: StudyId, annotator: u32) {
        let mut judging = Judging::new(study, annotator);
        judging
            .desk
            .load(self.jobs.ask(Lane::Studies, move |context| {
                Ok(context.reader()?.worklist(study, annotator)?)
            }));
        let people = &mut self.state.people;
        people.studies.notice = None;
        people.judging = Some(judging);
        self.state.prefs.place = Place::Studies;
    }

    pub fn leave_judging(&mut self) {
        self.state.people.judging = None;
        self.load_studies();
    }

    /// Records what the annotator did with an item, which was shown for `shown_ms`.
    pub fn judge(&mut self, item: u32, action: JudgementAction, shown_ms: u64) {
        self.record(move |store, study, annotator| {
            Ok(store.judge(study, annotator, item, &[action], shown_ms)?)
        });
    }

    /// Undoes the annotator's last judgement.
    pub fn undo_judgement(&mut self) {
        self.record(|store, study, annotator| Ok(store.undo(study, annotator)?));
    }

    fn record(
        &mut self,
        write: impl FnOnce(&mut Store, StudyId, u32) -> JobResult<Vec<JudgementRecord>> + Send + 'static,
    ) {
        let Some(judging) = &self.state.people.judging else {
            return;
        };
        let (study, annotator) = (judging.study, judging.annotator);
        self.ask_then(
            Lane::Studies,
            move |context| write(context.store()?, study, annotator),
            move |core, acts| {
                let mut judging = core.state.people.judging.as_mut();
                judging.take_if(|now| (now.study, now.annotator) != (study, annotator));
                match (judging, acts) {
                    (None, _) => {}
                    (Some(judging), Ok(acts)) => judging.recorded(&acts),
                    (Some(judging), Err(why)) => {
                        // Nothing was recorded: the page stays and can be judged again.
                        judging.given = None;
                        judging.refused = Some(why);
                    }
                }
            },
        );
    }
}
