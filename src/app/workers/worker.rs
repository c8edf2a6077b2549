//! A thread that answers the window: questions go to it over one bounded channel, answers come back over
//! another.
//!
//! Whoever asks never waits. Knows neither the store nor a widget.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread::JoinHandle;
use std::time::Duration;

use crossbeam::channel::{Receiver, Sender, bounded};

use crate::engine::Waker;

/// The thread, as the window holds it. Dropped, it carries out what was asked already, then ends.
pub struct Worker<Question, Answer> {
    questions: Option<Sender<Question>>,
    answers: Receiver<Answer>,
    thread: Option<JoinHandle<()>>,
}

/// The way back to the window.
pub struct Answers<Answer> {
    send: Sender<Answer>,
    wake: Waker,
}

impl<Answer> Clone for Answers<Answer> {
    fn clone(&self) -> Self {
        Answers {
            send: self.send.clone(),
            wake: self.wake.clone(),
        }
    }
}

impl<Answer> Answers<Answer> {
    /// Waits for room. Once the window is gone nobody waits for answers, and they are dropped.
    pub fn send(&self, answer: Answer) {
        if self.send.send(answer).is_ok() {
            (self.wake)();
        }
    }

    /// Passed over when the window is busy: for what later answers make up for.
    pub fn offer(&self, answer: Answer) {
        if self.send.try_send(answer).is_ok() {
            (self.wake)();
        }
    }
}

impl<Question: Send + 'static, Answer: Send + 'static> Worker<Question, Answer> {
    /// Starts the thread. It ends when `work` returns, which it does once there are no more questions.
    /// At most `room` questions wait; `wake` is called after every answer.
    ///
    /// # Errors
    /// The system refuses another thread.
    pub fn start(
        name: &str,
        room: usize,
        wake: Waker,
        work: impl FnOnce(Receiver<Question>, Answers<Answer>) + Send + 'static,
    ) -> std::io::Result<Self> {
        let (questions, waiting) = bounded(room);
        let (send, answers) = bounded(room);
        let back = Answers { send, wake };
        let thread = std::thread::Builder::new()
            .name(name.into())
            .spawn(move || work(waiting, back))?;
        Ok(Worker {
            questions: Some(questions),
            answers,
            thread: Some(thread),
        })
    }

    /// Asks; gives the question back when too many wait already.
    ///
    /// # Errors
    /// Too many questions wait.
    pub fn ask(&self, question: Question) -> Result<(), Question> {
        match &self.questions {
            None => Err(question),
            Some(questions) => questions
                .try_send(question)
                .map_err(|refused| refused.into_inner()),
        }
    }

    /// The next answer, if one is there.
    pub fn answer(&self) -> Option<Answer> {
        self.answers.try_recv().ok()
    }
}

impl<Question, Answer> Drop for Worker<Question, Answer> {
    fn drop(&mut self) {
        self.questions = None;
        let Some(thread) = self.thread.take() else {
            return;
        };
        // A thread that is still answering waits for room; make some until it is done.
        while !thread.is_finished() {
            let _ = self.answers.recv_timeout(Duration::from_millis(20));
        }
        let _ = thread.join();
    }
}

/// Does something that may fail by a fault of the program, so that whoever waits for it is told.
///
/// # Errors
/// It panicked: says so of `what`.
pub fn guarded<T>(what: &str, work: impl FnOnce() -> T) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(work)).map_err(|_| {
        format!("{what} failed in a way that is a fault of this program; please report it")
    })
}

/// An error in words.
pub fn said(error: impl std::fmt::Display) -> String {
    error.to_string()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    fn doubling(room: usize) -> (Worker<u64, u64>, Arc<AtomicUsize>) {
        let woken = Arc::new(AtomicUsize::new(0));
        let count = woken.clone();
        let wake: Waker = Arc::new(move || {
            count.fetch_add(1, Ordering::SeqCst);
        });
        let worker = Worker::start("doubling", room, wake, |questions, answers| {
            for question in questions {
                answers.send(2 * question);
            }
        });
        (worker.unwrap(), woken)
    }

    #[test]
    fn what_waits_when_the_window_closes_is_carried_out() {
        let (worker, woken) = doubling(4);
        for question in 0..4 {
            worker.ask(question).unwrap();
        }
        drop(worker);
        assert_eq!(woken.load(Ordering::SeqCst), 4);
    }

    #[test]
    fn a_question_too_many_is_given_back() {
        let (go, begin) = bounded::<()>(0);
        let worker: Worker<u64, u64> =
            Worker::start("slow", 1, Arc::new(|| {}), move |questions, _| {
                let _ = begin.recv();
                for _ in questions {}
            })
            .unwrap();
        assert_eq!(worker.ask(1), Ok(()));
        assert_eq!(worker.ask(2), Err(2));
        drop(go);
    }

    #[test]
    fn a_panic_is_told() {
        assert_eq!(guarded("The sum", || 3), Ok(3));
        let told = guarded("The sum", || -> u8 { panic!("on purpose") }).unwrap_err();
        assert!(told.starts_with("The sum failed"), "{told}");
    }
}
