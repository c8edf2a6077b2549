//! The only way in which the window asks for work off its own thread.
//!
//! A *lane* is a named thread that runs closures one after another, with the store kept open between them.
//! Long work is *spawned* on a thread of its own. Either way the window gets a [`Pending`], and is
//! woken for the result and for progress. A panic becomes an error.
//!
//! A dropped `Pending` cancels its job, so that results nobody wants are
//! not computed; [`Pending::detach`] prevents that, and jobs that change the store are always detached. When the
//! window closes, lanes finish their queues; spawned work is cancelled.
//!
//! Knows the store, and nothing that the window shows.

mod context;
mod pending;

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::JoinHandle;

use crossbeam::channel::{Sender, bounded};

pub use context::JobContext;
use pending::fault;
pub use pending::{Job, JobError, JobResult, Pending};

use crate::engine::Waker;

/// How many closures may wait in a lane.
const CAPACITY: usize = 256;

/// The permanent threads. Each runs its jobs in the order in which they were asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lane {
    /// Runs, curves and samples.
    Reader,
    /// What the answers of runs say of each other, which takes seconds.
    Comparing,
    /// Changes of saved runs and of the queue.
    Changes,
    /// Systems, cases, studies, judgements and tables.
    Studies,
    /// Data sets and saved models.
    Library,
    /// Responses of open models.
    Playground,
    /// Completion of paths.
    Paths,
}

impl Lane {
    const ALL: [(Lane, &'static str); 7] = [
        (Lane::Reader, "Reading the store"),
        (Lane::Comparing, "Comparing the runs"),
        (Lane::Changes, "The change"),
        (Lane::Studies, "The work on studies"),
        (Lane::Library, "The work on data and models"),
        (Lane::Playground, "The model"),
        (Lane::Paths, "Completing the path"),
    ];
}

type Work = Box<dyn FnOnce(&mut JobContext) + Send>;

struct Worker {
    queue: Sender<Work>,
    thread: JoinHandle<()>,
}

/// What happens to spawned work when the window closes, after it is cancelled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AtClose {
    /// The window waits for it: it writes something that must be complete.
    Wait,
    Abandon,
}

struct Spawned {
    thread: JoinHandle<()>,
    cancelled: Arc<AtomicBool>,
    at_close: AtClose,
}

/// Every thread that works for the window.
pub struct Jobs {
    store: PathBuf,
    wake: Waker,
    lanes: Vec<Worker>,
    /// Work that lanes have not finished.
    unfinished: Arc<AtomicUsize>,
    spawned: Vec<Spawned>,
}

impl Jobs {
    /// Starts the lanes over a store. `wake` is called after every answer and progress.
    ///
    /// # Errors
    /// The system refuses a thread.
    pub fn start(store: PathBuf, wake: Waker) -> io::Result<Self> {
        let start = |(lane, _): (Lane, _)| {
            let (queue, waiting) = bounded::<Work>(CAPACITY);
            let dir = store.clone();
            let thread = start_thread(&format!("{lane:?}"), move || {
                let mut context = JobContext::new(dir);
                waiting.into_iter().for_each(|work| work(&mut context));
            })?;
            Ok(Worker { queue, thread })
        };
        let lanes = Lane::ALL
            .into_iter()
            .map(start)
            .collect::<io::Result<_>>()?;
        Ok(Jobs {
            store,
            wake,
            lanes,
            unfinished: Arc::default(),
            spawned: Vec::new(),
        })
    }

    /// Queues a job on a lane.
    pub fn ask<T: Send + 'static>(
        &self,
        lane: Lane,
        work: impl FnOnce(&mut JobContext) -> JobResult<T> + Send + 'static,
    ) -> Pending<T> {
        self.ask_reporting(lane, |context, _| work(context))
    }

    /// The same for a job that reports progress or can be stopped midway.
    pub fn ask_reporting<T: Send + 'static, P: Send + 'static>(
        &self,
        lane: Lane,
        work: impl FnOnce(&mut JobContext, &Job<P>) -> JobResult<T> + Send + 'static,
    ) -> Pending<T, P> {
        let (_, what) = Lane::ALL[lane as usize];
        let (work, pending, answer) = self.job(what, work);
        let unfinished = self.unfinished.clone();
        unfinished.fetch_add(1, Ordering::SeqCst);
        let counted: Work = Box::new(move |context| {
            work(context);
            unfinished.fetch_sub(1, Ordering::SeqCst);
        });
        if self.lanes[lane as usize].queue.try_send(counted).is_err() {
            self.unfinished.fetch_sub(1, Ordering::SeqCst);
            self.refuse(&answer, "the store is busy; try again".to_string());
        }
        pending
    }

    /// Whether every lane has finished its jobs. Spawned work does not count.
    pub fn is_idle(&self) -> bool {
        self.unfinished.load(Ordering::SeqCst) == 0
    }

    /// Starts long work on a thread of its own. `what` is the subject of the sentence that says it failed.
    pub fn spawn<T: Send + 'static, P: Send + 'static>(
        &mut self,
        what: &'static str,
        at_close: AtClose,
        work: impl FnOnce(&mut JobContext, &Job<P>) -> JobResult<T> + Send + 'static,
    ) -> Pending<T, P> {
        self.spawned.retain(|spawned| !spawned.thread.is_finished());
        let (work, pending, answer) = self.job(what, work);
        let dir = self.store.clone();
        match start_thread(what, move || work(&mut JobContext::new(dir))) {
            Ok(thread) => self.spawned.push(Spawned {
                thread,
                cancelled: pending.cancelled(),
                at_close,
            }),
            Err(error) => self.refuse(&answer, format!("no thread could be made: {error}")),
        }
        pending
    }

    /// The closure for the thread, the window's handle, and the channel for its result.
    fn job<T: Send + 'static, P: Send + 'static>(
        &self,
        what: &'static str,
        work: impl FnOnce(&mut JobContext, &Job<P>) -> JobResult<T> + Send + 'static,
    ) -> (Work, Pending<T, P>, Sender<JobResult<T>>) {
        let (job, pending, answer) = Pending::new(self.wake.clone());
        let (wake, send) = (self.wake.clone(), answer.clone());
        let run = move |context: &mut JobContext| {
            let run = || match job.is_cancelled() {
                true => Err(JobError::Cancelled),
                false => work(context, &job),
            };
            let result = catch_unwind(AssertUnwindSafe(run)).unwrap_or_else(|_| {
                context.reset();
                Err(fault(what))
            });
            let result = result.map_err(|error| match job.is_cancelled() {
                true => JobError::Cancelled,
                false => error,
            });
            // No receiver: nobody waits for the result.
            if send.send(result).is_ok() {
                wake();
            }
        };
        (Box::new(run), pending, answer)
    }

    /// Fails a job that cannot be started.
    fn refuse<T>(&self, answer: &Sender<JobResult<T>>, why: String) {
        if answer.try_send(Err(JobError::Failed(why))).is_ok() {
            (self.wake)();
        }
    }
}

impl Drop for Jobs {
    fn drop(&mut self) {
        for spawned in &self.spawned {
            spawned.cancelled.store(true, Ordering::Relaxed);
        }
        let lanes = std::mem::take(&mut self.lanes);
        let threads: Vec<_> = lanes.into_iter().map(|lane| lane.thread).collect();
        let spawned = self.spawned.drain(..);
        let spawned = spawned.filter(|spawned| spawned.at_close == AtClose::Wait);
        for thread in threads.into_iter().chain(spawned.map(|one| one.thread)) {
            // A panic has already been reported.
            let _: std::thread::Result<()> = thread.join();
        }
    }
}

fn start_thread(name: &str, work: impl FnOnce() + Send + 'static) -> io::Result<JoinHandle<()>> {
    std::thread::Builder::new().name(name.into()).spawn(work)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn jobs() -> Jobs {
        Jobs::start("no such store".into(), Arc::new(|| {})).unwrap()
    }

    fn wait<T, P>(pending: &Pending<T, P>) -> JobResult<T> {
        loop {
            match pending.poll() {
                Some(result) => return result,
                None => std::thread::yield_now(),
            }
        }
    }

    /// Keeps a lane busy until the sender is dropped.
    fn block(jobs: &Jobs, lane: Lane) -> Sender<()> {
        let (go, waiting) = bounded::<()>(0);
        let blocked = jobs.ask(lane, move |_| Ok(waiting.recv().is_ok()));
        drop(blocked.detach());
        go
    }

    #[test]
    fn a_lane_finishes_its_queue_when_the_window_closes_except_for_dropped_jobs() {
        let jobs = jobs();
        let go = block(&jobs, Lane::Studies);
        let (done, order) = bounded(8);
        for number in 0..4 {
            let done = done.clone();
            let asked = jobs.ask(Lane::Studies, move |_| Ok(done.send(number).is_ok()));
            drop(match number {
                2 => asked,
                _ => asked.detach(),
            });
        }
        drop((go, jobs, done));
        assert_eq!(order.iter().collect::<Vec<_>>(), [0, 1, 3]);
    }

    #[test]
    fn a_full_lane_says_that_it_is_busy() {
        let jobs = jobs();
        let go = block(&jobs, Lane::Reader);
        let asked: Vec<_> = (0..=CAPACITY + 1)
            .map(|_| jobs.ask(Lane::Reader, |_| Ok(())))
            .collect();
        let refused = asked.last().and_then(Pending::poll).unwrap().unwrap_err();
        assert!(refused.to_string().contains("busy"), "{refused}");
        drop(go);
        assert_eq!(wait(&asked[0]), Ok(()));
    }

    #[test]
    fn a_panic_becomes_an_error_and_clears_the_caches() {
        let jobs = jobs();
        let keep = |value: u8| {
            jobs.ask(Lane::Library, move |context| {
                context.put_cache(value);
                Ok(())
            })
        };
        let kept = || jobs.ask(Lane::Library, |context| Ok(context.take_cache::<u8>()));
        wait(&keep(7)).unwrap();
        assert_eq!(wait(&kept()), Ok(7));
        wait(&keep(7)).unwrap();
        let panicked = jobs.ask::<()>(Lane::Library, |_| panic!("on purpose"));
        let error = wait(&panicked).unwrap_err().to_string();
        assert!(
            error.starts_with("The work on data and models failed"),
            "{error}"
        );
        assert_eq!(wait(&kept()), Ok(0));
    }

    #[test]
    fn a_spawned_job_reports_progress_and_is_cancelled() {
        let mut jobs = jobs();
        let pending: Pending<(), u32> = jobs.spawn("Counting", AtClose::Wait, |_, job| {
            let mut count = 0;
            while job.wait(Duration::from_millis(1)) {
                count += 1;
                job.report(count);
            }
            Err(JobError::Failed("it was stopped".into()))
        });
        while pending.progress().is_none() {
            std::thread::yield_now();
        }
        pending.cancel();
        assert_eq!(wait(&pending), Err(JobError::Cancelled));
        // What runs still is stopped when the window closes, without being asked.
        let forever = jobs.spawn("Waiting", AtClose::Wait, |_, job: &Job<()>| {
            while job.wait(Duration::from_secs(9)) {}
            Ok(())
        });
        drop(forever.detach());
    }
}
