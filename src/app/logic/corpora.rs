//! The place Data and models: anybody's corpora, imported, browsed and exported.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use super::Core;
use crate::app::format;
use crate::app::jobs::{AtClose, Job, JobError, JobResult, Lane};
use crate::app::place::Place;
use crate::app::state::corpora::{CorpusBrowser, CorpusExport, ExportedCorpus};
use crate::app::state::library::{DataTab, SetTab};
use crate::data::DataError;
use crate::data::corpus::Mapping;
use crate::filter::parse;
use crate::operations::corpus::{self, ChosenBy, Criteria, ExportRequest, Narrowing};
use crate::operations::{OperationError, Progress};

impl Core {
    /// Shows the page that imports a corpus and looks at a file.
    pub fn look_at_file(&mut self, file: PathBuf) {
        let library = &mut self.state.library;
        (library.part, library.importing) = (DataTab::Sets, true);
        library.corpus.file = file.display().to_string();
        library.corpus.mapping_file.clear();
        self.look_at(false);
    }

    /// Looks at the file of the form: by the mapping as it is edited, else by the file of a mapping, else by looking.
    pub fn look_at(&mut self, edited: bool) {
        let form = &mut self.state.library.corpus;
        let file = PathBuf::from(form.file.trim());
        if form.looked_at != file {
            form.name.clear();
        }
        if !edited {
            form.mapping.clear();
        }
        form.looked_at.clone_from(&file);
        form.imported.clear();
        let text = edited.then(|| form.mapping.clone());
        let mapping_file = Some(form.mapping_file.trim())
            .filter(|path| !path.is_empty())
            .map(PathBuf::from);
        let pending = self
            .jobs
            .spawn("Looking at the file", AtClose::Abandon, move |_, _| {
                let mapping = mapping_of(text.as_deref(), mapping_file.as_deref())?;
                let seen = corpus::inspect_by(&file, mapping).map_err(here)?;
                Ok(Box::new(seen))
            });
        let form = &mut self.state.library.corpus;
        form.seen.clear();
        form.seen.load(pending);
    }

    /// Imports the file that was looked at, by the mapping that is shown.
    pub fn import_corpus(&mut self, replace: bool) {
        let form = &mut self.state.library.corpus;
        let name = form.name.trim().to_string();
        let file = form.looked_at.clone();
        form.asked.clone_from(&name);
        let text = form.mapping_seen.clone();
        let pending = self
            .jobs
            .spawn("The import", AtClose::Wait, move |context, _| {
                let mapping = mapping_of(Some(&text), None)?;
                let manifest = corpus::import_by(context.dir(), &file, &name, mapping, replace)
                    .map_err(here)?;
                Ok(manifest.report.skipped.len())
            });
        let form = &mut self.state.library.corpus;
        form.imported.clear();
        form.imported.load(pending);
    }

    /// Reads what a filter over the chosen corpus can name.
    pub fn load_names(&mut self) {
        let name = self.state.library.chosen.clone();
        let pending = self.jobs.ask(Lane::Library, move |context| {
            Ok(Box::new(corpus::names(context.dir(), &name)?))
        });
        self.state.library.records.names.load(pending);
    }

    /// Finds the records of the chosen corpus that a filter lets through.
    pub fn browse_corpus(&mut self, filter: String) {
        let (name, text) = (self.state.library.chosen.clone(), filter.clone());
        let pending = self
            .jobs
            .ask_reporting(Lane::Library, move |context, job: &Job<()>| {
                let narrowing = narrowing(context.dir(), &name, &text)?;
                let is_stopped = || job.is_cancelled();
                let found = corpus::browse(context.dir(), &name, &narrowing, &is_stopped)?;
                Ok(Box::new(found))
            });
        self.state.library.records.browsed.load(filter, pending);
    }

    /// Reads the record at a place of the chosen corpus.
    pub fn load_record(&mut self, place: usize) {
        let name = self.state.library.chosen.clone();
        let pending = self.jobs.ask(Lane::Library, move |context| {
            let record = corpus::record_at(context.dir(), &name, place)?;
            let gone = || JobError::Failed("the corpus has become shorter; open it again".into());
            record.map(Box::new).ok_or_else(gone)
        });
        self.state.library.records.record.load(place, pending);
    }

    /// Writes what the filter lets through to a new file, as the form says.
    pub fn export_corpus(&mut self) {
        let name = self.state.library.chosen.clone();
        let browser = &mut self.state.library.records;
        let filter = browser.filter.clone();
        let Some(form) = &mut browser.export else {
            return;
        };
        let request = match Asked::of(form) {
            Ok(request) => request,
            Err(why) => {
                form.refused = Some(why);
                return;
            }
        };
        form.refused = None;
        let pending = self
            .jobs
            .spawn("The export", AtClose::Wait, move |context, job| {
                request.export(context.dir(), &name, &filter, job)
            });
        if let Some(form) = &mut self.state.library.records.export {
            form.done.clear();
            form.done.load(pending);
        }
    }

    /// Adds the systems of the chosen corpus to those of the Case study.
    pub fn add_corpus_systems(&mut self) {
        let name = self.state.library.chosen.clone();
        self.state.library.records.adding = true;
        let of = name.clone();
        self.ask_then(
            Lane::Studies,
            move |context| Ok(corpus::add_systems(context.dir(), &name, false)?),
            move |core, added| {
                if core.state.library.chosen != of {
                    return;
                }
                let browser = &mut core.state.library.records;
                browser.adding = false;
                browser.notice = Some(added.map(|added| {
                    let named = |(system, n): (&String, &usize)| {
                        format!("{system} ({})", format::count(*n as u64))
                    };
                    let systems: Vec<String> = added.systems.iter().map(named).collect();
                    let mut words = format!("In the Case study now: {}.", systems.join(", "));
                    if added.without_context > 0 {
                        let left = added.without_context;
                        let left = format::counted(left, "record has", "records have");
                        words += &format!(" {left} no context and make no case.");
                    }
                    words
                }));
            },
        );
    }

    pub(super) fn poll_corpora(&mut self) {
        let library = &mut self.state.library;
        let set = library.set();
        let fingerprint = set.and_then(|set| set.fingerprint.clone());
        library.records.follow(fingerprint.as_deref());
        library.records.poll();
        library.corpus.poll_seen();
        if !library.corpus.imported.poll() {
            return;
        }
        let Some(skipped) = library.corpus.imported.value().copied() else {
            return;
        };
        let form = &library.corpus;
        let name = form.asked.clone();
        let records = form.seen.value().map_or(0, |seen| seen.counts.records);
        let mut words = format!(
            "{name} is in the store: {}",
            format::counted(records, "record", "records")
        );
        if skipped > 0 {
            let skipped = format::counted(skipped, "row", "rows");
            words += &format!(", {skipped} skipped");
        }
        library.corpus = Default::default();
        library.summaries.remove(&name);
        (library.importing, library.tab) = (false, SetTab::Browse);
        library.chosen = name;
        library.browser = Default::default();
        library.records = CorpusBrowser {
            notice: Some(Ok(format!("{words}."))),
            ..CorpusBrowser::default()
        };
        self.load_sets();
        self.check_needs();
    }

    /// Shows the cases of the systems.
    pub fn go_to_cases(&mut self) {
        self.go(Place::Cases);
    }
}

/// What an export's form asks for.
struct Asked {
    form: corpus::CorpusForm,
    file: PathBuf,
    prefer: Option<String>,
    distinct: Option<f64>,
    best: Option<String>,
    at_most: Option<usize>,
}

impl Asked {
    fn of(form: &CorpusExport) -> Result<Asked, String> {
        let given = |text: &str| Some(text.trim().to_string()).filter(|text| !text.is_empty());
        let number = |what: &str, text: &str| match given(text) {
            None => Ok(None),
            Some(text) => match text.parse::<f64>() {
                Ok(number) => Ok(Some(number)),
                Err(_) => Err(format!("{what}: \"{text}\" is not a number")),
            },
        };
        let at_most = given(&form.at_most).map(|text| {
            let number = text.parse().ok().filter(|most| *most > 0);
            number.ok_or_else(|| format!("At most: \"{text}\" is not a whole number of 1 or more"))
        });
        Ok(Asked {
            form: form.form,
            file: form.file.trim().into(),
            prefer: given(&form.prefer),
            distinct: number("Similarity", &form.distinct)?,
            best: given(&form.best),
            at_most: at_most.transpose()?,
        })
    }

    fn export(
        &self,
        store: &Path,
        name: &str,
        filter: &str,
        job: &Job<()>,
    ) -> JobResult<ExportedCorpus> {
        let narrowing = narrowing(store, name, filter)?;
        let criteria = Criteria {
            distinct: self.distinct,
            by: self.best.as_deref().map(ChosenBy::Score),
            at_most: self.at_most,
        };
        let chooses = self.distinct.is_some() || self.best.is_some() || self.at_most.is_some();
        let (selected, narrowing) = match chooses {
            true => {
                let while_wanted = &mut |_: Progress<'_>| match job.is_cancelled() {
                    true => ControlFlow::Break(()),
                    false => ControlFlow::Continue(()),
                };
                let (selected, chosen) =
                    corpus::select(store, name, narrowing, &criteria, while_wanted)?;
                (Some(selected), chosen)
            }
            false => (None, narrowing),
        };
        let request = ExportRequest {
            form: self.form,
            narrowing: &narrowing,
            prefer: self.prefer.as_deref(),
        };
        let exported = corpus::export(store, name, &self.file, &request)?;
        Ok(ExportedCorpus {
            file: self.file.clone(),
            exported,
            selected,
        })
    }
}

fn narrowing(store: &Path, name: &str, filter: &str) -> JobResult<Narrowing> {
    let names = corpus::names(store, name)?;
    let filter = parse(filter, &names).map_err(|error| JobError::Failed(error.to_string()))?;
    Ok(Narrowing::new(names, filter))
}

fn mapping_of(text: Option<&str>, file: Option<&Path>) -> JobResult<Option<Mapping>> {
    let read = match (text, file) {
        (Some(text), _) => Mapping::from_toml(Path::new("the mapping"), text),
        (None, Some(file)) => Mapping::read(file),
        (None, None) => return Ok(None),
    };
    Ok(Some(read.map_err(|error| here(error.into()))?))
}

/// An error whose fix names an option of the command line, with what helps in the window.
fn here(error: OperationError) -> JobError {
    match error {
        OperationError::Data(DataError::File { path, what, fix })
            if fix.contains("--mapping") || fix.contains("emprl corpus") =>
        {
            let fix = "write into the mapping which columns they are, and look again";
            JobError::Failed(format!("{}: {what}; {fix}", path.display()))
        }
        error => error.into(),
    }
}
