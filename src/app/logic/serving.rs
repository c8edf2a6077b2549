//! Judging in a browser, served by this window as long as it is open.

use std::thread;
use std::time::Duration;

use super::Core;
use crate::app::jobs::{AtClose, Job, JobContext, JobError, JobResult};
use crate::app::state::serving::JudgedAt;
use crate::operations::studies::desk::Desk;
use crate::operations::studies::{Whom, give_links};
use crate::report::judging::{Completion, Texts};
use crate::store::{Store, StudyId, now_ms};
use crate::web::Server;
use crate::web::judging::{Endings, LINKS, ServedJudging};

/// A new link works for so long.
const LINKS_LAST_MS: i64 = 30 * 24 * 3_600_000;
/// How often it is seen whether serving is to end.
const CHECKED: Duration = Duration::from_millis(200);

impl Core {
    /// Serves a study at an address, with new links for all of its annotators in place of older ones.
    pub fn serve_study(&mut self, study: StudyId, address: String, language: &'static str) {
        let serve = move |context: &mut JobContext, job: &Job<JudgedAt>| -> JobResult<()> {
            let texts = Texts::of_language(language)
                .ok_or_else(|| JobError::Failed(format!("there are no pages in {language}")))??;
            let mut store = Store::open(context.dir())?;
            let server = Server::bind(&address)?;
            let address = server.address();
            let expires = now_ms() + LINKS_LAST_MS;
            let given = give_links(&mut store, study, Whom::All, expires, true)?;
            let links = given.into_iter().filter_map(|link| {
                let url = format!("http://{address}{LINKS}{}", link.token?);
                Some((link.pseudonym, link.name, url))
            });
            let served = ServedJudging {
                desk: Desk::new(store)?,
                texts,
                endings: Endings {
                    completed: Completion::None,
                    screened_out: Completion::None,
                },
                report: Box::new(|why| tracing::warn!("an answer waits: {why}")),
            };
            let stopper = server.stopper();
            job.report(JudgedAt {
                links: links.collect(),
                is_private: server.is_private(),
            });
            thread::scope(|scope| {
                let serving = scope.spawn(|| served.serve(server, None));
                while !serving.is_finished() && job.wait(CHECKED) {}
                stopper.stop();
                match serving.join() {
                    Ok(done) => Ok(done?),
                    Err(panic) => std::panic::resume_unwind(panic),
                }
            })
        };
        let serving = &mut self.state.people.serving;
        serving.study = Some(study);
        serving.job.load(
            self.jobs
                .spawn("Judging in a browser", AtClose::Wait, serve),
        );
    }

    /// Ends the serving; what was sent before is recorded.
    pub fn stop_serving(&mut self) {
        let serving = &mut self.state.people.serving;
        serving.job.cancel();
        serving.study = None;
        serving.at = None;
    }
}
