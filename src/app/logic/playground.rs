//! The place Playground: prompts for the models, and the open models.

use super::Core;
use crate::app::jobs::{Job, JobContext, Lane};
use crate::app::queries::responses::OpenModels;
use crate::app::state::reply::ReplyProgress;

impl Core {
    /// Starts every reply that has no job yet.
    pub fn begin_replies(&mut self) {
        for reply in self.state.playground.unstarted() {
            let prompt = reply.prompt.clone();
            let respond = move |context: &mut JobContext, job: &Job<ReplyProgress>| {
                let mut models = context.take_cache::<OpenModels>();
                let mut report = |progress, open| {
                    job.report((progress, open));
                    !job.is_cancelled()
                };
                let response = models.respond(context.dir(), &prompt, &mut report);
                context.put_cache(models);
                Ok(response?)
            };
            reply.pending = Some(self.jobs.ask_reporting(Lane::Playground, respond));
        }
    }

    pub fn stop_replies(&mut self) {
        self.state.playground.stop();
    }

    /// Closes the open models, which frees their memory.
    pub fn close_models(&mut self) {
        self.ask_then(
            Lane::Playground,
            |context| {
                drop(context.take_cache::<OpenModels>());
                Ok(())
            },
            |core, closed| match closed {
                Ok(()) => core.state.playground.open.clear(),
                Err(why) => core.log_error(format!("the models were not closed: {why}")),
            },
        );
    }

    pub(super) fn poll_playground(&mut self) {
        let playground = &mut self.state.playground;
        if playground.models.poll()
            && let Some(models) = playground.models.value()
        {
            self.state.library.add_folders(models.folders.clone());
            self.state.playground.choose_sides();
        }
        if self.state.playground.poll() {
            // A panic closes all of them.
            self.list_open_models();
        }
    }

    fn list_open_models(&mut self) {
        self.ask_then(
            Lane::Playground,
            |context| {
                let models = context.take_cache::<OpenModels>();
                let open = models.list();
                context.put_cache(models);
                Ok(open)
            },
            |core, open| core.state.playground.open = open.unwrap_or_default(),
        );
    }
}
