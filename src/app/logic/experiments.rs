//! The place Experiments: experiment files, their missing inputs, dry runs.

use super::Core;
use crate::app::jobs::{AtClose, Lane};
use crate::app::place::Place;
use crate::app::queries::experiments::experiments;
use crate::app::queries::needs::{Inputs, needs};
use crate::app::state::form::Form;
use crate::app::state::{Needs, QUICKSTART};
use crate::experiment::Config;
use crate::operations::launch::{self, PlannedRun};

impl Core {
    pub(super) fn load_experiments(&mut self) {
        let own = self.options.experiments.clone();
        let files = self.jobs.ask(Lane::Reader, move |_| Ok(experiments(&own)));
        self.state.experiments.files.load(files);
    }

    pub(super) fn poll_experiments(&mut self) {
        let experiments = &mut self.state.experiments;
        experiments.needs.poll();
        experiments.dry_run.poll();
        if experiments.files.poll() {
            if self.state.experiments.form.is_none() {
                self.state.experiments.form = self.state.experiment(QUICKSTART).map(Form::new);
            }
            self.check_needs();
        }
    }

    /// Checks which data and models are missing.
    pub fn check_needs(&mut self) {
        let experiments = &mut self.state.experiments;
        let files = experiments.files.value().map_or(&[][..], Vec::as_slice);
        let inputs = |name: &String, config: &Config| (name.clone(), Inputs::of(config));
        let of_files = files.iter().flatten();
        let of_files: Vec<_> = of_files
            .map(|file| inputs(&file.name, &file.config))
            .collect();
        let of_form = experiments.form.as_ref();
        let of_form = of_form.map(|form| inputs(&form.name, &form.config));
        let pending = self.jobs.ask(Lane::Reader, move |context| {
            let store = context.dir();
            let needs = |(name, inputs)| (name, needs(store, &inputs));
            Ok(Needs {
                files: of_files.into_iter().map(needs).collect(),
                form: of_form.map(needs),
            })
        });
        experiments.needs.load(pending);
    }

    pub fn set_up(&mut self, name: &str) {
        self.state.prefs.place = Place::Experiments;
        self.state.experiments.form = self.state.experiment(name).map(Form::new);
        self.state.experiments.refused = None;
        self.check_needs();
    }

    /// Estimates what a run would be, the first of `of`, without starting it.
    pub fn dry_run(&mut self, planned: PlannedRun, of: usize) {
        let pending = self
            .jobs
            .spawn("The dry run", AtClose::Abandon, move |context, _| {
                Ok(Box::new(launch::dry_run(context.dir(), planned)?))
            });
        let experiments = &mut self.state.experiments;
        experiments.dry_run.clear();
        experiments.dry_run.load(pending);
        experiments.dry_run_of = of;
    }
}
