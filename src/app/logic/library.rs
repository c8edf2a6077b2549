//! The place Data and models: data sets and saved models.

use std::ops::ControlFlow;
use std::path::PathBuf;

use super::Core;
use crate::app::jobs::{AtClose, Job, Lane};
use crate::app::queries::models::ModelRef;
use crate::app::state::library::{DataTab, FetchProgress};
use crate::fetch::FetchError;
use crate::fetch::hub::Settings;
use crate::operations::fetch::{self, ModelRequest, Progress, Revision};
use crate::operations::{data, models};

impl Core {
    pub fn load_sets(&mut self) {
        let pending = self
            .jobs
            .ask(Lane::Library, |context| Ok(data::list(context.dir())?));
        self.state.library.sets.load(pending);
    }

    /// Lists the saved models, for this place and the playground.
    pub fn load_models(&mut self) {
        let pending = self
            .jobs
            .ask(Lane::Library, |context| Ok(models::list(context.dir())?));
        self.state.playground.models.load(pending);
    }

    pub fn load_summary(&mut self, set: String) {
        let name = set.clone();
        let pending = self.jobs.ask(Lane::Library, move |context| {
            Ok(Box::new(data::summary(context.dir(), &name)?))
        });
        self.state
            .library
            .summaries
            .entry(set)
            .or_default()
            .load(pending);
    }

    pub fn open_set(&mut self) {
        let library = &mut self.state.library;
        let name = library.chosen.clone();
        let pending = self.jobs.ask(Lane::Library, move |context| {
            Ok(data::open(context.dir(), &name)?)
        });
        library.browser.set.load(pending);
    }

    /// Lists the models that the hub's cache has.
    pub fn load_cached_models(&mut self) {
        let hub = self.options.hub.clone();
        self.ask_then(
            Lane::Library,
            |_| Ok(fetch::cached_models(&hub_settings(hub)?)),
            |core, models| match models {
                Ok(models) => {
                    let folders = models.into_iter().map(|model| model.folder);
                    core.state.library.add_folders(folders);
                }
                Err(why) => core.log_error(format!("the cache of models was not read: {why}")),
            },
        );
    }

    /// Fetches a model from the hub, as the form says.
    pub fn fetch_model(&mut self) {
        let form = &mut self.state.library.fetch;
        let (name, file) = (form.name.trim().to_string(), form.file.trim().to_string());
        form.asked.clone_from(&name);
        form.progress = None;
        form.fetched.clear();
        let hub = self.options.hub.clone();
        let pending = self
            .jobs
            .spawn("The fetch", AtClose::Abandon, move |_, job| {
                let request = ModelRequest {
                    name: name.parse()?,
                    revision: Revision::default(),
                    files: Some(file)
                        .filter(|file| !file.is_empty())
                        .into_iter()
                        .collect(),
                    to: None,
                };
                let settings = hub_settings(hub)?;
                Ok(Box::new(fetch::model(settings, &request, &mut |now| {
                    reported(job, now)
                })?))
            });
        self.state.library.fetch.fetched.load(pending);
    }

    /// Fetches a set from its authors and imports it.
    pub fn fetch_set(&mut self, set: String) {
        let (name, hub) = (set.clone(), self.options.hub.clone());
        let pending = self
            .jobs
            .spawn("The fetch", AtClose::Abandon, move |context, job| {
                let settings = hub_settings(hub)?;
                let done = fetch::set(&settings, context.dir(), &name, None, None, &mut |now| {
                    reported(job, now)
                })?;
                Ok(Box::new(done.imported))
            });
        let form = &mut self.state.library.import;
        form.set = set;
        form.progress = None;
        form.report.clear();
        form.report.load(pending);
    }

    /// Imports a set in its original form.
    pub fn import_set(&mut self, set: String, folder: PathBuf) {
        let name = set.clone();
        let pending = self
            .jobs
            .spawn("The import", AtClose::Wait, move |context, _| {
                Ok(Box::new(data::import(context.dir(), &name, &folder)?))
            });
        let form = &mut self.state.library.import;
        form.set = set;
        form.progress = None;
        form.report.clear();
        form.report.load(pending);
    }

    /// Reads a whole model, so that corruption is noticed.
    pub fn check_model(&mut self, folder: PathBuf) {
        let checked = folder.clone();
        let pending = self.jobs.spawn("The check", AtClose::Wait, move |_, _| {
            Ok(Box::new(models::describe(&folder)?))
        });
        let form = &mut self.state.library.check;
        form.checked = checked;
        form.anatomy.clear();
        form.anatomy.load(pending);
    }

    /// Writes a model as a Hugging Face folder.
    pub fn export_model(&mut self, model: ModelRef, folder: PathBuf) {
        let pending = self
            .jobs
            .spawn("The export", AtClose::Wait, move |context, _| {
                let found = model.find(context.dir())?;
                Ok(models::export(&found.folder, &folder)?)
            });
        let form = &mut self.state.library.export;
        form.exported.clear();
        form.exported.load(pending);
    }

    pub(super) fn poll_library(&mut self) {
        let library = &mut self.state.library;
        if library.sets.poll() && library.sets.value().is_some() {
            library.fix_tab();
        }
        for summary in library.summaries.values_mut() {
            summary.poll();
        }
        library.browser.poll();
        let fetch = &mut library.fetch;
        fetch.progress = fetch.fetched.progress().or(fetch.progress.take());
        if fetch.fetched.poll()
            && let Some(fetched) = fetch.fetched.value()
        {
            let folder = fetched.folder.clone();
            library.add_folders([folder]);
        }
        let import = &mut library.import;
        import.progress = import.report.progress().or(import.progress.take());
        if library.check.anatomy.poll() && library.check.anatomy.value().is_some() {
            let checked = library.check.checked.clone();
            library.add_folders([checked]);
        }
        if library.export.exported.poll() {
            match library.export.exported.value() {
                Some(exported) => {
                    let folder = exported.folder.clone();
                    library.add_folders([folder]);
                }
                // Show where it failed.
                None => library.part = DataTab::Models,
            }
        }
        if library.import.report.poll() && library.import.report.value().is_some() {
            let set = library.import.set.clone();
            library.summaries.remove(&set);
            if library.chosen == set {
                library.browser = Default::default();
            }
            self.load_sets();
            self.check_needs();
        }
    }
}

/// Passes the progress of a fetch on, and stops it when its job is cancelled.
fn reported(job: &Job<FetchProgress>, progress: Progress<'_>) -> ControlFlow<()> {
    job.report(progress.into());
    match job.is_cancelled() {
        true => ControlFlow::Break(()),
        false => ControlFlow::Continue(()),
    }
}

fn hub_settings(given: Option<Settings>) -> Result<Settings, FetchError> {
    given.map_or_else(Settings::from_env, Ok)
}
