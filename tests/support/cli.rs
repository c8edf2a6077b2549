//! The program itself, run in a store of its own.
#![allow(dead_code)] // every test binary uses a part of it

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;

/// A quickstart cut down to seconds, all four stages.
pub const SHORT: [&str; 17] = [
    "--set=model.vocabulary=400",
    "--set=identifiers.epochs=1",
    "--set=identifiers.max_context=16",
    "--set=identifiers.max_response=16",
    "--set=generator.tuning=both",
    "--set=generator.max_steps=12",
    "--set=generator.validate_every=12",
    "--set=data.validation_limit=16",
    "--set=data.test_limit=24",
    "--set=prefix.encoder=8",
    "--set=ppo.tuning=prefix",
    "--set=ppo.steps=24",
    "--set=ppo.batch=4",
    "--set=ppo.evaluate_every=12",
    "--set=evaluation.subset=8",
    "--set=evaluation.subset_by=first",
    "--set=evaluation.resamples=20",
];

/// A folder with a store in it, and the program at hand.
pub struct Place {
    dir: TempDir,
}

/// What a command left.
pub struct Done {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Done {
    pub fn of(output: Output) -> Done {
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        Done {
            code: output.status.code().unwrap_or(-1),
            stdout: text(output.stdout),
            stderr: text(output.stderr),
        }
    }
}

impl Place {
    pub fn new() -> Place {
        Place {
            dir: tempfile::tempdir().unwrap(),
        }
    }

    pub fn path(&self) -> &Path {
        self.dir.path()
    }

    pub fn store(&self) -> PathBuf {
        self.path().join("store")
    }

    /// Writes a file and gives its path.
    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) -> String {
        let path = self.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, content).unwrap();
        path.display().to_string()
    }

    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_emprl"));
        command
            .args(arguments)
            .current_dir(self.path())
            .env("EMPRL_STORE", self.store())
            .env("XDG_DATA_HOME", self.path().join("home"))
            .env("XDG_CONFIG_HOME", self.path().join("settings"))
            .stdin(Stdio::null());
        for name in [
            "DISPLAY",
            "WAYLAND_DISPLAY",
            "WAYLAND_SOCKET",
            "EMPRL_LOG",
            "RUST_BACKTRACE",
        ] {
            command.env_remove(name);
        }
        command
    }

    /// Runs a command to its end.
    pub fn run(&self, arguments: &[&str]) -> Done {
        Done::of(self.command(arguments).output().unwrap())
    }

    /// Runs a command to its end with this on its standard input.
    pub fn run_with_input(&self, arguments: &[&str], input: &str) -> Done {
        let mut command = self.command(arguments);
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
        let mut stdin = child.stdin.take().unwrap();
        stdin.write_all(input.as_bytes()).unwrap();
        drop(stdin);
        Done::of(child.wait_with_output().unwrap())
    }

    /// Runs a command that must do what it is asked.
    pub fn ok(&self, arguments: &[&str]) -> String {
        let done = self.run(arguments);
        assert_eq!(done.code, 0, "{arguments:?}: {}", done.stderr);
        done.stdout
    }

    /// Its one JSON document.
    pub fn json(&self, arguments: &[&str]) -> Value {
        let text = self.ok(&[arguments, &["--json"]].concat());
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{arguments:?}: {error}: {text}"))
    }

    /// Its JSON lines.
    pub fn lines(&self, arguments: &[&str]) -> Vec<Value> {
        lines(&self.ok(&[arguments, &["--json"]].concat()))
    }

    /// Starts a command whose stdout is read as it comes.
    pub fn start(&self, arguments: &[&str]) -> Child {
        self.command(arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
    }
}

/// Every line must be a JSON object.
pub fn lines(text: &str) -> Vec<Value> {
    text.lines()
        .map(|line| {
            let value: Value = serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}"));
            assert!(value.is_object(), "{line}");
            value
        })
        .collect()
}

/// `emprl run quickstart`, cut down, with more arguments.
pub fn short<'a>(more: &[&'a str]) -> Vec<&'a str> {
    [&["run", "quickstart"], SHORT.as_slice(), more].concat()
}
