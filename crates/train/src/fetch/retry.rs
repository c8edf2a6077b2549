//! What is tried again, how often and after what pause.

use std::time::{Duration, Instant};

use super::{FetchError, Tracker};

/// The longest pause that a server can ask for.
const LONGEST_WAIT: Duration = Duration::from_secs(60);
/// How often a pause asks whether the fetch is to stop.
const NAP: Duration = Duration::from_millis(50);

/// How often a request may fail in a row, and the pause after the first failure; it doubles with each.
#[derive(Clone, Copy, Debug)]
pub struct Retry {
    pub times: u32,
    pub pause: Duration,
}

impl Default for Retry {
    fn default() -> Self {
        Retry {
            times: 5,
            pause: Duration::from_millis(500),
        }
    }
}

/// Why a request failed.
pub(super) enum Trouble {
    /// It may succeed if it is made again.
    Passing {
        why: String,
        wait: Duration,
    },
    Lasting(FetchError),
}

impl Trouble {
    pub fn passing(why: impl ToString) -> Trouble {
        Trouble::Passing {
            why: why.to_string(),
            wait: Duration::ZERO,
        }
    }
}

impl From<FetchError> for Trouble {
    fn from(error: FetchError) -> Self {
        Trouble::Lasting(error)
    }
}

/// The failures of one request in a row.
pub(super) struct Attempts {
    retry: Retry,
    failed: u32,
}

impl Attempts {
    pub fn new(retry: Retry) -> Attempts {
        Attempts { retry, failed: 0 }
    }

    /// Something arrived: the count begins anew.
    pub fn reset(&mut self) {
        self.failed = 0;
    }

    /// Waits before another attempt.
    ///
    /// # Errors
    /// The trouble is lasting, there was too much of it, or the fetch was stopped.
    pub fn again(
        &mut self,
        url: &str,
        trouble: Trouble,
        tracker: &mut Tracker<'_>,
    ) -> Result<(), FetchError> {
        let (why, wait) = match trouble {
            Trouble::Passing { why, wait } => (why, wait),
            Trouble::Lasting(error) => return Err(error),
        };
        self.failed += 1;
        if self.failed >= self.retry.times {
            return Err(FetchError::Cut {
                url: url.to_string(),
                times: self.failed,
                why,
            });
        }
        tracing::info!("{url}: {why}; trying again");
        let pause = self.retry.pause * 2u32.saturating_pow(self.failed - 1);
        let until = Instant::now() + pause.max(wait.min(LONGEST_WAIT));
        while Instant::now() < until {
            tracker.tell()?;
            std::thread::sleep(NAP.min(until.saturating_duration_since(Instant::now())));
        }
        Ok(())
    }
}
