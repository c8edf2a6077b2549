//! A program that scores responses: rows as JSON lines on its standard input, answers on its standard output.
//!
//! It is started when it is first needed and kept running from batch to batch, so that a model is loaded once. Its
//! standard input is closed when the run ends. No shell reads its arguments.

use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use crossbeam::channel::{Receiver, RecvTimeoutError, SendTimeoutError, Sender, bounded};
use serde::Serialize;

use super::error::Trouble;
use super::outside::{Answer, Row};

/// Bytes of a line that are read.
const LONGEST_LINE: u64 = 1 << 20;
/// Bytes of what it says on its standard error that are kept.
const LAST_WORDS: usize = 2_000;
/// How long a program may take to end once its standard input is closed.
const FAREWELL: Duration = Duration::from_millis(500);

pub(super) struct Program {
    command: Vec<String>,
    running: Option<Running>,
}

struct Running {
    child: Child,
    /// To its standard input; closed to say that no more rows come.
    rows: Option<Sender<Vec<u8>>>,
    lines: Receiver<String>,
    last_words: Arc<Mutex<Vec<u8>>>,
    /// Closed once it has said them.
    silent: Receiver<()>,
}

/// A row as a line. `last` marks the end of what is sent at once, for programs that score many rows together.
#[derive(Serialize)]
struct Line<'a> {
    #[serde(flatten)]
    row: &'a Row<'a>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    last: bool,
}

impl Program {
    pub fn new(command: &[String]) -> Program {
        Program {
            command: command.to_vec(),
            running: None,
        }
    }

    /// Sends rows and waits for as many answers.
    pub fn ask(&mut self, rows: &[Row<'_>], limit: Duration) -> Result<Vec<Answer>, Trouble> {
        let deadline = Instant::now() + limit;
        let mut running = match self.running.take() {
            Some(running) => running,
            None => Running::start(&self.command)?,
        };
        let answers = running.ask(rows, deadline, limit);
        match answers {
            Ok(answers) => {
                self.running = Some(running);
                Ok(answers)
            }
            Err(why) => Err(Trouble {
                why,
                stderr: running.end_now(),
            }),
        }
    }

    /// Ends it; the next rows start it anew.
    pub fn stop(&mut self) {
        self.running = None;
    }
}

impl Running {
    fn start(command: &[String]) -> Result<Running, Trouble> {
        let failed = |error: std::io::Error| {
            let hint = match error.kind() {
                ErrorKind::NotFound => "; check its name, or give its whole path",
                _ => "",
            };
            Trouble::new(format!("it cannot be started ({error}){hint}"))
        };
        let [program, arguments @ ..] = command else {
            return Err(Trouble::new("no program is named"));
        };
        let mut command = Command::new(program);
        command
            .args(arguments)
            // A Python program's answers would else wait in a buffer until it ends.
            .env("PYTHONUNBUFFERED", "1")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        // Ctrl-C in a terminal stops the run after its step, which needs the program.
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        let mut child = command.spawn().map_err(failed)?;
        let pipes = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let (Some(stdin), Some(stdout), Some(stderr)) = pipes else {
            return Err(Trouble::new("its standard input and output are not there"));
        };
        let (rows, to_write) = bounded(1);
        let (read, lines) = bounded(64);
        let (speaks, silent) = bounded(0);
        let last_words = Arc::new(Mutex::new(Vec::new()));
        let kept = last_words.clone();
        let started = in_thread("scorer-rows", move || write_rows(stdin, &to_write))
            .and_then(|()| in_thread("scorer-scores", move || read_lines(stdout, &read)))
            .and_then(|()| {
                in_thread("scorer-errors", move || {
                    keep_last_words(stderr, &kept);
                    drop(speaks);
                })
            });
        let running = Running {
            child,
            rows: Some(rows),
            lines,
            last_words,
            silent,
        };
        started.map(|()| running).map_err(failed)
    }

    fn ask(
        &mut self,
        rows: &[Row<'_>],
        deadline: Instant,
        limit: Duration,
    ) -> Result<Vec<Answer>, String> {
        let mut text = Vec::new();
        for (at, row) in rows.iter().enumerate() {
            let last = at + 1 == rows.len();
            serde_json::to_writer(&mut text, &Line { row, last })
                .map_err(|error| error.to_string())?;
            text.push(b'\n');
        }
        let too_long = || {
            format!(
                "it took longer than {} s for {} rows (each is answered by a line of its own, which must not wait in a buffer)",
                limit.as_secs_f64(),
                rows.len()
            )
        };
        let to_program = self.rows.as_ref().ok_or("it has ended")?;
        match to_program.send_deadline(text, deadline) {
            Ok(()) => {}
            Err(SendTimeoutError::Timeout(_)) => return Err(too_long()),
            Err(SendTimeoutError::Disconnected(_)) => return Err(self.ended()),
        }
        let mut answers = Vec::with_capacity(rows.len());
        while answers.len() < rows.len() {
            let line = match self.lines.recv_deadline(deadline) {
                Ok(line) => line,
                Err(RecvTimeoutError::Timeout) => return Err(too_long()),
                Err(RecvTimeoutError::Disconnected) => return Err(self.ended()),
            };
            if line.trim().is_empty() {
                continue;
            }
            let answer = serde_json::from_str(&line);
            answers.push(answer.map_err(|error| not_an_answer(&line, &error))?);
        }
        Ok(answers)
    }

    /// How it ended of its own accord.
    fn ended(&mut self) -> String {
        match self.wait(FAREWELL) {
            Some(status) if status.success() => {
                "it ended before it had answered every row; it must go on reading until its standard input is closed"
                    .to_string()
            }
            Some(status) => format!("it ended ({status})"),
            None => "it closed its standard output".to_string(),
        }
    }

    fn wait(&mut self, limit: Duration) -> Option<std::process::ExitStatus> {
        let until = Instant::now() + limit;
        loop {
            match self.child.try_wait() {
                Ok(Some(status)) => return Some(status),
                Ok(None) if Instant::now() < until => thread::sleep(Duration::from_millis(5)),
                _ => return None,
            }
        }
    }

    /// Kills it and gives its last words.
    fn end_now(mut self) -> String {
        // It has ended already, or will now; either way its last words are on their way.
        let _ = self.child.kill();
        self.wait(FAREWELL);
        // Not for long: a program that it started may hold its standard error open.
        let _ = self.silent.recv_timeout(FAREWELL);
        let last_words = self
            .last_words
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        String::from_utf8_lossy(&last_words).trim().to_string()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.rows = None;
        if self.wait(FAREWELL).is_none() {
            // It may have ended just now.
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

fn in_thread(name: &str, work: impl FnOnce() + Send + 'static) -> std::io::Result<()> {
    let thread = thread::Builder::new().name(name.to_string());
    thread.spawn(work).map(drop)
}

/// Writes until no more rows come or the program reads no more.
fn write_rows(mut stdin: ChildStdin, rows: &Receiver<Vec<u8>>) {
    for text in rows {
        if stdin.write_all(&text).and_then(|()| stdin.flush()).is_err() {
            return;
        }
    }
}

/// Reads until the program ends or nobody listens.
fn read_lines(stdout: ChildStdout, lines: &Sender<String>) {
    let mut stdout = BufReader::new(stdout);
    loop {
        let mut line = Vec::new();
        match stdout
            .by_ref()
            .take(LONGEST_LINE)
            .read_until(b'\n', &mut line)
        {
            Ok(1..)
                if lines
                    .send(String::from_utf8_lossy(&line).into_owned())
                    .is_ok() => {}
            _ => return,
        }
    }
}

fn keep_last_words(mut stderr: ChildStderr, kept: &Mutex<Vec<u8>>) {
    let mut part = [0; 4096];
    while let Ok(count @ 1..) = stderr.read(&mut part) {
        let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.extend_from_slice(&part[..count]);
        let extra = kept.len().saturating_sub(LAST_WORDS);
        kept.drain(..extra);
    }
}

fn not_an_answer(line: &str, error: &serde_json::Error) -> String {
    let shown: String = line.trim().chars().take(80).collect();
    format!(
        "it wrote {shown:?}, which is not {{\"id\": 0, \"score\": 0.5}} ({error}); what is not an answer belongs on its standard error"
    )
}
