//! `emprl record`: records a run of another program from lines of JSON on standard input.

use std::io::{self, BufRead, BufReader, Read};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crossbeam::channel::{Receiver, RecvTimeoutError, Sender, bounded};
use serde_json::json;

use super::output::{count, line_on_stderr, number_of};
use super::{CommandContext, Failure, interrupts};
use crate::operations::record::{NoMore, Recorded, RecordedAs, Recording, Taken};

/// Lines that may be waiting; then their program does.
const BACKLOG: usize = 4_096;
/// Lines of one transaction, at most.
const BATCH: usize = 4_096;
/// A line may be read for so long before it is on disk.
const AT_LATEST: Duration = Duration::from_millis(100);
/// Between two signs that the run goes on, while there are no lines.
const HEARTBEAT: Duration = Duration::from_secs(5);
/// The longest line, in bytes.
const LONGEST: u64 = 16 << 20;
/// What is said of lines on stderr, at most; the rest is counted.
const SAID: usize = 20;

/// Record a run of another program, from lines of JSON on standard input.
///
/// It is plotted, watched live, compared, noted, filtered and exported like the runs of this program. The lines are what
/// training programs log anyway, such as the dictionaries of Transformers and TRL:
///
///   {"step": 10, "loss": 0.7, "objective/kl": 1.2}        any numbers by any names
///   {"config": {"learning_rate": 1e-5, "seed": 1}}        settings, best first
///   {"step": 10, "samples": [{"context": "…", "response": "…", "target": "…"}]}
///   {"step": 10, "event": "saved", "text": "to disk"}     "severity" may be "warning" or "alert"
///   {"total_steps": 500}
///   {"finish": "completed"}                               or "failed" (with "error"), "stopped", "interrupted"
///
/// The step is step, else global_step, train/global_step or _step; without one it is one more than the last. NaN,
/// Infinity and -Infinity, as Python writes them, are recorded and said. A line that is none of these is passed over and
/// counted.
///
/// Input that ends without "finish" is of a run that finished; but where {"finish": "expected"} came before, or where the
/// last line is cut off, it was interrupted, as it is where this command is killed. `assets/emprl_record.py` writes the
/// lines from Python, for a Transformers or TRL trainer too.
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub struct Record {
    /// Name of the run
    #[arg(long)]
    name: Option<String>,
    /// What it belongs to, as runs of this program do to an experiment file
    #[arg(long)]
    experiment: Option<String>,
    /// Its seed; else the setting "seed"
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// Give it a tag; may be given again
    #[arg(long = "tag", value_name = "TAG")]
    tags: Vec<String>,
}

/// What the reading thread hands on.
enum Next {
    Line(String),
    TooLong,
    Failed(io::Error),
}

impl Record {
    pub fn run(self, ctx: &CommandContext) -> Result<(), Failure> {
        let of = RecordedAs {
            name: self.name,
            experiment: self.experiment,
            seed: self.seed,
            tags: self.tags,
        };
        let interrupted = interrupts::noted(
            "Recording until its program ends, as it has been asked to stop too. Ctrl-C again ends at once.",
        )?;
        let mut recording = Recording::begin(&ctx.store, &of)?;
        let run = recording.run();
        let words = format!("Recording run {run}.\n");
        ctx.out
            .show_line(&json!({"event": "recording", "run": run}), || words)?;
        let (sender, lines) = bounded(BACKLOG);
        let reading = thread::Builder::new().name("standard-input".to_string());
        reading.spawn(move || read_lines(io::stdin(), &sender))?;
        let mut said = Said::default();
        let failed = take_all(&mut recording, &lines, &mut said, &interrupted)?;
        let no_more = match interrupted.load(Ordering::Relaxed) {
            true => NoMore::Stopped,
            false => NoMore::Ended,
        };
        let recorded = recording.end(no_more)?;
        said.end();
        let document = json!({"event": "ended", "recorded": recorded});
        ctx.out.show_line(&document, || words_of(&recorded))?;
        match failed {
            Some(error) => Err(Failure::Failed(format!(
                "standard input cannot be read ({error}); what came before is recorded"
            ))),
            None => Ok(()),
        }
    }
}

/// Takes lines until there are no more, and writes them in time; the error where the input cannot be read.
fn take_all(
    recording: &mut Recording,
    lines: &Receiver<Next>,
    said: &mut Said,
    interrupted: &AtomicBool,
) -> Result<Option<io::Error>, Failure> {
    loop {
        let first = match lines.recv_timeout(HEARTBEAT) {
            Ok(line) => line,
            Err(RecvTimeoutError::Timeout) => {
                recording.write()?;
                continue;
            }
            Err(RecvTimeoutError::Disconnected) => return Ok(None),
        };
        let until = Instant::now() + AT_LATEST;
        let mut next = Some(first);
        let mut taken = 0;
        let mut ended = false;
        while let Some(line) = next.take() {
            taken += 1;
            let becomes = match line {
                Next::Line(line) => recording.take(&line),
                Next::TooLong => recording.too_long(),
                Next::Failed(error) => {
                    recording.write()?;
                    return Ok(Some(error));
                }
            };
            ended = becomes == Taken::End;
            said.say(recording.lines(), becomes);
            if ended || taken >= BATCH {
                break;
            }
            next = lines.recv_deadline(until).ok();
        }
        recording.write()?;
        if ended {
            if interrupted.load(Ordering::Relaxed) {
                tracing::debug!("the program said its end after it was asked to stop");
            }
            return Ok(None);
        }
    }
}

/// Reads lines until there are no more, or nobody takes them.
fn read_lines(input: impl Read, to: &Sender<Next>) {
    let mut input = BufReader::with_capacity(1 << 16, input);
    let mut bytes = Vec::new();
    loop {
        bytes.clear();
        let read = match input.by_ref().take(LONGEST).read_until(b'\n', &mut bytes) {
            Ok(0) => return,
            Ok(_) if bytes.len() as u64 == LONGEST && !bytes.ends_with(b"\n") => {
                match input.skip_until(b'\n') {
                    Ok(_) => Next::TooLong,
                    Err(error) => Next::Failed(error),
                }
            }
            Ok(_) => Next::Line(String::from_utf8_lossy(&bytes).into_owned()),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => Next::Failed(error),
        };
        let is_last = matches!(read, Next::Failed(_));
        if to.send(read).is_err() || is_last {
            return;
        }
    }
}

/// What was said on stderr, each kind up to a number.
#[derive(Default)]
struct Said {
    lines: usize,
    unsaid: usize,
}

impl Said {
    fn say(&mut self, line: u64, taken: Taken) {
        let sentences = match taken {
            Taken::Whole | Taken::End => return,
            Taken::But(sentences) => sentences,
            Taken::PassedOver(error) => vec![format!("{error}; passed over")],
        };
        for sentence in sentences {
            match self.lines < SAID {
                true => line_on_stderr(&format!("line {line}: {sentence}")),
                false => self.unsaid += 1,
            }
            self.lines += 1;
        }
    }

    fn end(&self) {
        if self.unsaid > 0 {
            let more = number_of(self.unsaid as u64, "remark", "remarks");
            line_on_stderr(&format!("{more} more on such lines"));
        }
    }
}

fn words_of(recorded: &Recorded) -> String {
    let mut text = format!(
        "Run {} is {}: {} of {} in {}",
        recorded.run,
        recorded.status,
        number_of(recorded.points, "value", "values"),
        number_of(recorded.metrics as u64, "metric", "metrics"),
        number_of(recorded.lines, "line", "lines"),
    );
    if recorded.samples > 0 {
        text += &format!(", {}", number_of(recorded.samples, "sample", "samples"));
    }
    if recorded.nonfinite > 0 {
        text += &format!("; {} not finite", count(recorded.nonfinite));
    }
    if recorded.passed_over > 0 {
        let lines = number_of(recorded.passed_over, "line was", "lines were");
        text += &format!("; {lines} passed over");
    }
    text + ".\n"
}
