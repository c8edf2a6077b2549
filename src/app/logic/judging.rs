//! The judging page: a judgement shows as recorded once it is on disk.

use super::Core;
use crate::app::jobs::Lane;
use crate::app::place::Place;
use crate::app::state::judging::Judging;
use crate::operations::studies::judged_elsewhere;
use crate::store::{Store, StoreError, StudyId};
use crate::study::judgement::{JudgementAction, JudgementRecord};
use crate::study::page::Worklist;

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
        let comment = match &action {
            JudgementAction::Comment(comment) => Some(comment.clone()),
            _ => None,
        };
        self.record(comment, move |store, study, annotator, known| {
            store.judge(study, annotator, known, item, &[action], shown_ms)
        });
    }

    /// Undoes the annotator's last judgement.
    pub fn undo_judgement(&mut self) {
        self.record(None, |store, study, annotator, known| {
            store.undo(study, annotator, known)
        });
    }

    /// `comment` is what was typed, to be typed on if it is not recorded.
    fn record(
        &mut self,
        comment: Option<String>,
        write: impl FnOnce(&mut Store, StudyId, u32, usize) -> Result<Vec<JudgementRecord>, StoreError>
        + Send
        + 'static,
    ) {
        let Some(judging) = &self.state.people.judging else {
            return;
        };
        let Some(desk) = judging.desk.value() else {
            return;
        };
        let (study, annotator, known) = (judging.study, judging.annotator, desk.known());
        self.ask_then(
            Lane::Studies,
            move |context| match write(context.store()?, study, annotator, known) {
                Err(StoreError::JudgedElsewhere { .. }) => {
                    let desk = context.reader()?.worklist(study, annotator)?;
                    Ok(Recorded::Elsewhere(desk))
                }
                acts => Ok(Recorded::Here(acts?)),
            },
            move |core, recorded| {
                let mut judging = core.state.people.judging.as_mut();
                judging.take_if(|now| (now.study, now.annotator) != (study, annotator));
                let Some(judging) = judging else {
                    return;
                };
                match recorded {
                    Ok(Recorded::Here(acts)) => judging.recorded(&acts),
                    Ok(Recorded::Elsewhere(desk)) => {
                        let earlier = judging.desk.value();
                        let items = earlier.map_or_else(Vec::new, |old| desk.changed_since(old));
                        judging.read_again(desk, comment, judged_elsewhere(&items));
                    }
                    // The page stays and can be judged again.
                    Err(why) => judging.not_recorded(comment, why),
                }
            },
        );
    }
}

/// What became of a judgement.
enum Recorded {
    Here(Vec<JudgementRecord>),
    /// It was not recorded, as the annotator's items were judged elsewhere: how they stand now.
    Elsewhere(Worklist),
}
