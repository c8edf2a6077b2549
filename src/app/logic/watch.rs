//! Keeps what is shown in step with the store, whoever writes to it: this window, another one, or the terminal.
//!
//! A thread looks at the store twice a second and wakes the window only when something has changed. What depends on
//! that is read again for the place in sight, and stays as it is until the answer is there; other places read when they
//! are opened.

use std::time::{Duration, Instant, SystemTime};

use super::Core;
use crate::app::jobs::{AtClose, Job, JobContext, JobError, JobResult, Jobs, Pending};
use crate::app::place::Place;
use crate::app::state::OpenRun;
use crate::data::library;
use crate::store::{RunId, RunStatus, StoreVersions};

/// How often the store is looked at.
const WATCH: Duration = Duration::from_millis(500);
/// After it was read, a thing rests this many times as long as the reading took.
const REST: u32 = 4;
const LONGEST_REST: Duration = Duration::from_secs(20);

/// What the store is like, as far as changes are noticed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Seen {
    /// `None` while there is no store.
    store: Option<StoreVersions>,
    /// When a data set was imported last.
    sets: Option<SystemTime>,
}

/// The parts of the store that have changed since they were read.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Changed {
    pub runs: bool,
    /// What runs in progress have recorded, as the place Compare shows it.
    pub curves: bool,
    pub queue: bool,
    pub systems: bool,
    pub studies: bool,
    /// Checkpoints and data sets.
    pub library: bool,
    /// Whatever a table may contain.
    pub tables: bool,
}

/// Limits how often a thing is read again, so that reading takes a small share of the time however large it is.
#[derive(Debug, Default)]
pub(super) struct Pace {
    asked: Option<Instant>,
    rests_until: Option<Instant>,
}

impl Pace {
    pub fn asked(&mut self) {
        self.asked = Some(Instant::now());
    }

    pub fn arrived(&mut self) {
        if let Some(asked) = self.asked.take() {
            let now = Instant::now();
            let rest = (now - asked) * REST;
            self.rests_until = Some(now + rest.min(LONGEST_REST));
        }
    }

    /// How long it still rests.
    fn left(&self) -> Option<Duration> {
        let left = self.rests_until?.saturating_duration_since(Instant::now());
        (!left.is_zero()).then_some(left)
    }
}

/// A compared run as it was when the comparison was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct ComparedRun {
    run: RunId,
    status: RunStatus,
    results: usize,
}

pub(super) struct Watch {
    pending: Option<Pending<(), Result<Seen, String>>>,
    seen: Seen,
    pub changed: Changed,
    pub list: Pace,
    pub page: Pace,
    pub comparison: Pace,
    pub curves: Pace,
    pub systems: Pace,
    compared: Vec<ComparedRun>,
}

impl Watch {
    pub fn start(jobs: &mut Jobs) -> Self {
        Watch {
            pending: Some(jobs.spawn("Watching the store", AtClose::Wait, watch)),
            seen: Seen::default(),
            changed: Changed::default(),
            list: Pace::default(),
            page: Pace::default(),
            comparison: Pace::default(),
            curves: Pace::default(),
            systems: Pace::default(),
            compared: Vec::new(),
        }
    }

    fn note(&mut self, now: Seen) {
        let (was, is) = (
            self.seen.store.unwrap_or_default(),
            now.store.unwrap_or_default(),
        );
        let changed = &mut self.changed;
        changed.runs |= was.runs != is.runs;
        changed.curves |= was.runs != is.runs;
        changed.queue |= was.queue != is.queue;
        changed.systems |= was.systems != is.systems;
        changed.studies |= was.studies != is.studies;
        changed.library |= was.checkpoints != is.checkpoints || self.seen.sets != now.sets;
        changed.tables |=
            was.runs != is.runs || was.systems != is.systems || was.studies != is.studies;
        self.seen = now;
    }
}

/// The shortest of the times that things rest.
#[derive(Debug, Default)]
pub(super) struct Wait(Option<Duration>);

impl Wait {
    /// Whether to read now; else the time until then counts.
    pub fn is_over(&mut self, pace: &Pace) -> bool {
        let left = pace.left();
        if let Some(left) = left {
            self.0 = Some(self.0.map_or(left, |known| known.min(left)));
        }
        left.is_none()
    }
}

impl Core {
    pub(super) fn poll_watch(&mut self) {
        let Some(pending) = &self.watch.pending else {
            return;
        };
        let (news, ended) = (pending.progress(), pending.poll());
        match news {
            Some(Ok(now)) => self.watch.note(now),
            Some(Err(why)) => self.log_error_once(why),
            None => {}
        }
        if let Some(ended) = ended {
            self.watch.pending = None;
            if let Err(JobError::Failed(why)) = ended {
                self.log_error(why);
            }
        }
    }

    /// Reads again what has changed and is in sight. Returns the time until something that rests is read.
    pub fn refresh(&mut self) -> Option<Duration> {
        let mut wait = Wait::default();
        self.refresh_runs(&mut wait);
        self.refresh_pages(&mut wait);
        self.refresh_comparison(&mut wait);
        self.refresh_curves(&mut wait);
        let queue = &self.state.experiments.queue;
        if self.watch.changed.queue && queue.reading == 0 {
            self.load_queue();
        }
        match self.state.prefs.place {
            Place::Cases => self.refresh_cases(),
            Place::Studies => self.refresh_studies(),
            Place::Tables => self.refresh_tables(&mut wait),
            Place::Playground | Place::Data | Place::Experiments => self.refresh_library(),
            _ => {}
        }
        wait.0
    }

    fn refresh_runs(&mut self, wait: &mut Wait) {
        // The status of a run elsewhere is shown everywhere; a run of this window reports by itself.
        let in_sight = matches!(
            self.state.prefs.place,
            Place::Start | Place::Runs | Place::Compare | Place::Experiments
        );
        let wanted = self.watch.changed.runs && (in_sight || self.state.active().is_none());
        if wanted && !self.state.runs.list.is_pending() && wait.is_over(&self.watch.list) {
            self.list_runs();
        }
    }

    /// Reads the pages of runs again whose rows have changed.
    fn refresh_pages(&mut self, wait: &mut Wait) {
        let place = self.state.prefs.place;
        self.leave_to_others();
        if place == Place::Live
            && self.state.live.run.is_none()
            && let Some(run) = self.state.elsewhere().map(|row| row.id)
            && self.state.live.elsewhere.as_ref().map(|open| open.id) != Some(run)
        {
            self.state.live.elsewhere = Some(OpenRun::new(run));
            self.load_elsewhere();
        }
        let here = self.state.active().map(|run| run.id);
        let behind = |open: Option<&OpenRun>| {
            let open = open.filter(|open| Some(open.id) != here && !open.page.is_pending());
            let row = open.and_then(|open| self.state.runs.row(open.id));
            let page = open.and_then(|open| open.page.value());
            row.zip(page)
                .is_some_and(|(row, page)| !page.stored.detail.row.is_as(row))
        };
        let open = place == Place::Runs && behind(self.state.runs.open.as_ref());
        let elsewhere = place == Place::Live && behind(self.state.live.elsewhere.as_ref());
        if (open || elsewhere) && wait.is_over(&self.watch.page) {
            match open {
                true => self.load_page(),
                false => self.load_elsewhere(),
            }
        }
    }

    /// Forgets the run that ended here once another window or program has resumed it.
    fn leave_to_others(&mut self) {
        if self.active.is_some() || self.is_starting() {
            return;
        }
        let ended = self.state.live.run.as_ref().map(|run| run.id);
        let row = ended.and_then(|run| self.state.runs.row(run));
        if row.is_some_and(|row| row.status.is_active()) {
            self.state.live.run = None;
        }
    }

    fn refresh_comparison(&mut self, wait: &mut Wait) {
        let compare = &self.state.compare;
        if self.state.prefs.place != Place::Compare
            || compare.runs.is_empty()
            || compare.compared.is_pending()
            || self.state.runs.list.value().is_none()
        {
            return;
        }
        if self.compared_runs() != self.watch.compared && wait.is_over(&self.watch.comparison) {
            self.load_compared();
        }
    }

    /// The compared runs as they are now.
    fn compared_runs(&self) -> Vec<ComparedRun> {
        let listed = self.state.runs.listed();
        let of = |run: &RunId| {
            let listed = listed.iter().find(|listed| listed.entry.row.id == *run)?;
            Some(ComparedRun {
                run: *run,
                status: listed.entry.row.status,
                results: listed.entry.results.len(),
            })
        };
        self.state.compare.runs.iter().filter_map(of).collect()
    }

    /// Notes that the compared runs are being read.
    pub(super) fn note_compared(&mut self) {
        self.watch.compared = self.compared_runs();
        self.watch.comparison.asked();
    }

    fn refresh_cases(&mut self) {
        let people = &self.state.people;
        if self.watch.changed.systems
            && !people.cases.book.is_pending()
            && !people.systems.is_pending()
        {
            self.load_cases();
            self.load_systems();
        }
    }

    fn refresh_studies(&mut self) {
        let people = &self.state.people;
        // An annotator's own page is left alone.
        if people.judging.is_some() {
            return;
        }
        let (rows, systems) = (&people.studies.rows, &people.systems);
        let (rows, systems) = (rows.is_pending(), systems.is_pending());
        if self.watch.changed.studies && !rows {
            let shown = people.studies.results.as_ref().map(|(study, _)| *study);
            self.load_studies();
            if let Some(study) = shown {
                self.load_results(study);
            }
        }
        if self.watch.changed.systems && !systems {
            self.load_systems();
        }
    }

    fn refresh_tables(&mut self, wait: &mut Wait) {
        let people = &self.state.people;
        let busy = people.systems.is_pending()
            || people.studies.rows.is_pending()
            || people.tables.made.is_pending();
        if self.watch.changed.tables && !busy && wait.is_over(&self.watch.systems) {
            self.load_systems();
            self.load_studies();
            self.watch.changed.tables = false;
            self.state.people.tables.made.invalidate();
        }
    }

    fn refresh_library(&mut self) {
        if !self.watch.changed.library {
            return;
        }
        self.watch.changed.library = false;
        match self.state.prefs.place {
            Place::Experiments => self.check_needs(),
            Place::Data => {
                self.load_sets();
                self.load_models();
            }
            _ => self.load_models(),
        }
    }
}

/// Reports what the store is like at first and after each change, until it is cancelled.
fn watch(context: &mut JobContext, job: &Job<Result<Seen, String>>) -> JobResult<()> {
    let (mut seen, mut written, mut failed) = (Seen::default(), None, None);
    loop {
        match poll(context, seen, &mut written) {
            Ok(now) => {
                failed = None;
                if now != seen {
                    seen = now;
                    job.report(Ok(now));
                }
            }
            Err(JobError::Failed(why)) if failed.as_ref() != Some(&why) => {
                failed = Some(why.clone());
                job.report(Err(why));
            }
            Err(_) => {}
        }
        if !job.wait(WATCH) {
            return Ok(());
        }
    }
}

/// `written` is the number of the last change that was looked at.
fn poll(context: &mut JobContext, seen: Seen, written: &mut Option<i64>) -> JobResult<Seen> {
    let sets = library::last_import(context.dir());
    let Some(reader) = context.existing()? else {
        return Ok(Seen { store: None, sets });
    };
    let changes = reader.changes()?;
    let unchanged = seen.store.filter(|_| *written == Some(changes));
    let store = match unchanged.filter(|versions| !versions.active) {
        Some(same) => same,
        None => reader.versions()?,
    };
    *written = Some(changes);
    Ok(Seen {
        store: Some(store),
        sets,
    })
}
