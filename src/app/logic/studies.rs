//! The place Studies: creating, assigning, packs, unblinding, and results.

use std::path::PathBuf;

use super::Core;
use crate::app::jobs::{JobContext, JobResult, Lane};
use crate::app::state::people::{DoubtedPack, StudyPlan};
use crate::operations::studies::{
    self, CreatedStudy, Forecast, KeptPreferences, Place, ReceivedPack,
};
use crate::store::{MergeTerms, PackDoubts, StudyId, StudyMark};
use crate::study::definition::Definition;
use crate::study::history::Decision;
use crate::study::signs::Sign;
use crate::study::standing::Standing;

/// Of what tells systems apart the clearest.
const SIGNS_SHOWN: usize = 3;

impl Core {
    pub fn load_studies(&mut self) {
        self.watch.changed.studies = false;
        let read = |context: &mut JobContext| Ok(studies::list(context.dir())?);
        let pending = self.jobs.ask(Lane::Studies, read);
        self.state.people.studies.rows.load(pending);
    }

    pub(super) fn poll_studies(&mut self) {
        let people = &mut self.state.people;
        if people.studies.rows.poll() {
            self.load_missing_results();
        }
        let people = &mut self.state.people;
        if let Some(form) = &mut people.studies.form {
            form.forecast.poll();
        }
        people.serving.poll();
        if let Some(judging) = &mut people.judging {
            judging.poll();
        }
    }

    /// Forecasts what a study can show, and says what gives its systems away.
    pub fn forecast_study(&mut self, plan: StudyPlan) {
        let Some(form) = &mut self.state.people.studies.form else {
            return;
        };
        let wanted = plan.clone();
        let pending = self.jobs.ask(Lane::Studies, move |context| {
            let definition = &wanted.definition;
            let signs = studies::signs(context.reader()?, definition)?;
            let ties = wanted.ties_percent as f64 / 100.0;
            let forecast = studies::forecast(definition.kind, definition.contexts as u64, ties);
            Ok(forecast_words(definition, &signs, &forecast))
        });
        form.forecast.load(plan, pending);
    }

    pub fn create_study(&mut self, definition: Definition) {
        self.ask_then(
            Lane::Studies,
            move |context| Ok(studies::create(context.store()?, &definition)?),
            |core, created| {
                let studies = &mut core.state.people.studies;
                match created {
                    Ok(created) => {
                        studies.form = None;
                        studies.open = Some(created.study);
                        core.show_studies(created_words(&created));
                    }
                    Err(why) => {
                        if let Some(form) = &mut studies.form {
                            form.waiting = false;
                            form.refused = Some(why);
                        }
                    }
                }
            },
        );
    }

    /// Assigns the items on which three annotators differ to the fourth, who may be named here.
    pub fn assign(&mut self, study: StudyId, adjudicator: Option<String>) {
        self.ask_study(
            move |context| {
                Ok(studies::assign(
                    context.store()?,
                    study,
                    adjudicator.as_deref(),
                )?)
            },
            |core, given| {
                core.state.people.studies.fourth.clear();
                core.show_studies(match given {
                    0 => "No further item waits for a fourth annotator.".to_string(),
                    1 => "The fourth annotator has 1 more item.".to_string(),
                    given => format!("The fourth annotator has {given} more items."),
                });
            },
        );
    }

    /// Ends the judging and loads the results. `unfinished`: it was shown what is not judged yet.
    pub fn unblind(&mut self, study: StudyId, by: String, reason: String, unfinished: bool) {
        self.ask_study(
            move |context| Ok(context.store()?.unblind(study, &by, &reason, unfinished)?),
            move |core, _| {
                core.state.people.studies.unblinding = None;
                core.show_studies(format!("Study {study} is unblinded; that is on record."));
                core.load_results(study);
            },
        );
    }

    /// Loads the items that one annotator answered differently at several places.
    pub fn load_contested(&mut self, study: StudyId) {
        self.ask_study(
            move |context| Ok(studies::contested(context.reader()?, study)?),
            move |core, items| core.state.people.studies.contested = Some((study, items)),
        );
    }

    /// Loads how the annotators of a study work.
    pub fn load_quality(&mut self, study: StudyId) {
        self.ask_study(
            move |context| Ok(studies::quality(context.reader()?, study)?),
            move |core, quality| core.state.people.studies.quality = Some((study, quality)),
        );
    }

    /// Pauses, excludes or resumes an annotator.
    pub fn set_standing(
        &mut self,
        study: StudyId,
        annotator: u32,
        standing: Standing,
        reason: String,
    ) {
        self.ask_study(
            move |context| {
                let store = context.store()?;
                Ok(studies::set_standing(
                    store, study, annotator, standing, &reason,
                )?)
            },
            move |core, ()| {
                core.show_studies(match standing {
                    Standing::Judging => format!("A{annotator} can judge again."),
                    Standing::Paused => format!("A{annotator} is paused; what they judged counts."),
                    Standing::Excluded => {
                        format!(
                            "A{annotator} is excluded; what they judged is kept and counts nowhere."
                        )
                    }
                });
            },
        );
    }

    /// Excludes an annotator and gives their items to somebody else.
    pub fn replace_annotator(
        &mut self,
        study: StudyId,
        annotator: u32,
        name: String,
        reason: String,
    ) {
        self.ask_study(
            move |context| {
                let store = context.store()?;
                Ok(studies::replace(store, study, annotator, &name, &reason)?)
            },
            move |core, number| {
                core.show_studies(format!(
                    "A{annotator} is excluded, and A{number} has all of their items."
                ));
            },
        );
    }

    /// Decides which answer to a contested item counts, or that none does.
    pub fn decide(&mut self, study: StudyId, annotator: u32, item: u32, decision: Decision) {
        self.ask_study(
            move |context| {
                Ok(context
                    .store()?
                    .decide(study, annotator, &[(item, decision)])?)
            },
            move |core, ()| {
                core.load_contested(study);
                core.load_studies();
            },
        );
    }

    /// Changes a lead's own mark of a study.
    pub fn mark_study(&mut self, study: StudyId, mark: StudyMark) {
        let words = match &mark {
            StudyMark::Name(_) | StudyMark::Note(_) => None,
            StudyMark::Archived(true) => Some(format!("Study {study} is archived.")),
            StudyMark::Archived(false) => Some(format!("Study {study} is back among the others.")),
            StudyMark::Deleted(true) => Some(format!("Study {study} is deleted.")),
            StudyMark::Deleted(false) => Some(format!("Study {study} is back.")),
        };
        let deleted = mark == StudyMark::Deleted(true);
        self.ask_study(
            move |context| Ok(studies::mark(context.store()?, study, &mark)?),
            move |core, ()| {
                let studies = &mut core.state.people.studies;
                studies.undo_delete = deleted.then_some(study);
                if deleted {
                    studies.open = studies.open.filter(|open| *open != study);
                }
                match words {
                    Some(words) => core.show_studies(words),
                    None => core.load_studies(),
                }
            },
        );
    }

    /// Decides all contested items of an annotator by a place.
    pub fn decide_all(&mut self, study: StudyId, annotator: u32, place: Place) {
        self.ask_study(
            move |context| {
                Ok(studies::decide_all(
                    context.store()?,
                    study,
                    annotator,
                    place,
                )?)
            },
            move |core, _| {
                core.load_contested(study);
                core.load_studies();
            },
        );
    }

    /// Deletes a study for good.
    pub fn delete_study(&mut self, study: StudyId, with_judgements: bool) {
        self.ask_study(
            move |context| Ok(studies::delete(context.store()?, study, with_judgements)?),
            move |core, ()| {
                let studies = &mut core.state.people.studies;
                studies.open = studies.open.filter(|open| *open != study);
                core.show_studies(format!("Study {study} is deleted."));
                core.load_cases();
            },
        );
    }

    /// Loads the results of the open study if it was unblinded elsewhere.
    fn load_missing_results(&mut self) {
        let studies = &self.state.people.studies;
        let unblinded = studies
            .open_row()
            .filter(|row| row.unblinding.is_some() && row.is_own)
            .map(|row| row.id);
        let loaded = studies.results.as_ref().map(|(study, _)| *study);
        if let Some(study) = unblinded.filter(|study| loaded != Some(*study)) {
            self.load_results(study);
        }
    }

    /// Computes the results of an unblinded study.
    pub fn load_results(&mut self, study: StudyId) {
        self.ask_study(
            move |context| Ok(Box::new(studies::results(context.reader()?, study)?)),
            move |core, results| core.state.people.studies.results = Some((study, results)),
        );
    }

    /// Writes packs into the store's folder `packs`, for one annotator or all.
    pub fn write_packs(&mut self, study: StudyId, annotator: Option<u32>) {
        let folder = self.options.store.join("packs");
        let target = folder.clone();
        self.ask_study(
            move |context| {
                let reader = context.reader()?;
                Ok(studies::write_packs(reader, study, annotator, &target)?)
            },
            move |core, packs| {
                core.show_studies(match packs.as_slice() {
                    [one] => format!("Written to {}", one.file.display()),
                    packs => format!("{} packs are in {}", packs.len(), folder.display()),
                });
            },
        );
    }

    /// Imports a pack: merges it where its study was created here, else opens it for judging. One that is not as it was
    /// sent, or late, waits for a word.
    pub fn receive_pack(&mut self, file: PathBuf) {
        self.state.people.studies.doubted = None;
        self.ask_study(
            move |context| {
                let pack = studies::read_pack(&file)?;
                let doubts = match context.existing()? {
                    Some(reader) => studies::pack_doubts(reader, &pack)?,
                    None => PackDoubts::default(),
                };
                if doubts != PackDoubts::default() {
                    return Ok(Import::Doubted(DoubtedPack { file, doubts }));
                }
                let terms = MergeTerms::default();
                let received = studies::receive_pack(context.store()?, &pack, terms)?;
                Ok(Import::Received(received))
            },
            |core, import| match import {
                Import::Received(received) => core.show_received(&received),
                Import::Doubted(doubted) => {
                    let studies = &mut core.state.people.studies;
                    studies.notice = None;
                    studies.refused = None;
                    studies.doubted = Some(doubted);
                }
            },
        );
    }

    /// Imports a pack on the terms that were given for it.
    pub fn receive_doubted(&mut self, file: PathBuf, terms: MergeTerms) {
        self.state.people.studies.doubted = None;
        self.ask_study(
            move |context| {
                let pack = studies::read_pack(&file)?;
                Ok(studies::receive_pack(context.store()?, &pack, terms)?)
            },
            |core, received| core.show_received(&received),
        );
    }

    /// Says what came with a pack, and shows what is contested or found by it.
    fn show_received(&mut self, received: &ReceivedPack) {
        let study = received.merged.study;
        self.show_studies(received_words(received));
        if received.merged.contested > 0 {
            self.state.people.studies.open = Some(study);
            self.load_contested(study);
        }
        if received.merged.is_late {
            self.load_results(study);
        }
    }

    /// Writes judgements into the store's folder `exports`: an annotator's own, or everybody's once unblinded.
    pub fn save_judgements(&mut self, study: StudyId, annotator: Option<u32>) {
        let folder = self.options.store.join("exports");
        self.ask_study(
            move |context| {
                let reader = context.reader()?;
                Ok(studies::save_judgements(reader, study, annotator, &folder)?)
            },
            |core, file| core.show_studies(format!("Written to {}", file.display())),
        );
    }

    /// Writes the preference pairs of an unblinded A/B test into the store's folder `exports`, and imports them.
    pub fn keep_preferences(&mut self, study: StudyId) {
        let folder = self.options.store.join("exports");
        self.ask_study(
            move |context| {
                let store = context.dir().to_path_buf();
                let reader = context.reader()?;
                Ok(studies::keep_preferences(&store, reader, study, &folder)?)
            },
            |core, kept| {
                core.show_studies(kept_words(&kept));
                core.load_sets();
            },
        );
    }

    /// Queues a job about a study; the page shows its failure.
    fn ask_study<T: Send + 'static>(
        &mut self,
        work: impl FnOnce(&mut JobContext) -> JobResult<T> + Send + 'static,
        then: impl FnOnce(&mut Core, T) + 'static,
    ) {
        self.ask_then(Lane::Studies, work, |core, result| match result {
            Ok(value) => then(core, value),
            Err(why) => {
                core.state.people.studies.notice = None;
                core.state.people.studies.refused = Some(why);
            }
        });
    }

    /// Shows a notice and reloads the studies.
    fn show_studies(&mut self, words: String) {
        self.state.people.studies.notice = Some(words);
        self.state.people.studies.refused = None;
        self.load_studies();
    }
}

fn forecast_words(definition: &Definition, signs: &[Sign], forecast: &Forecast) -> String {
    let mut words = forecast.to_string();
    if let Some(drawn) = definition.drawn_words() {
        words.push_str(&format!("\n{drawn}."));
    }
    for sign in signs.iter().take(SIGNS_SHOWN) {
        words.push_str(&format!("\nGiven away: {}.", sign.words()));
    }
    words
}

/// What became of a pack that is imported.
enum Import {
    Received(ReceivedPack),
    Doubted(DoubtedPack),
}

fn created_words(created: &CreatedStudy) -> String {
    let mut words = format!("Study {} is made.", created.study);
    let remarks = &created.remarks;
    if remarks.identical > 0 {
        let identical = remarks.identical;
        words.push_str(&format!(
            " In {identical} items both responses are the same."
        ));
    }
    if remarks.naming > 0 {
        let naming = remarks.naming;
        words.push_str(&format!(
            " In {naming} items a text says the name of a system."
        ));
    }
    words
}

fn kept_words(kept: &KeptPreferences) -> String {
    let written = &kept.written;
    let pairs = match written.pairs {
        1 => "1 preference pair is".to_string(),
        n => format!("{n} preference pairs are"),
    };
    let left_out = written.left_out.as_ref();
    let left_out = left_out.map_or_else(String::new, |words| format!(" {words}"));
    format!(
        "{pairs} in the data set {} and in {}.{left_out}",
        kept.set,
        written.file.display()
    )
}

fn received_words(received: &ReceivedPack) -> String {
    let (pseudonym, merged) = (&received.pseudonym, &received.merged);
    match received.made_here {
        true => format!(
            "{pseudonym} merged into study {}: {}",
            merged.study,
            studies::merged_words(merged)
        ),
        false => format!("Study {} can be judged here by {pseudonym}", merged.study),
    }
}
