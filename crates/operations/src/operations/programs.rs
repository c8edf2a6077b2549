//! The programs that a run's reward would start, and a person's word that they may.
//!
//! The word is kept in a file of the person's own, apart from every store: an experiment file or a store that comes
//! from somebody else brings none along. It is for a program with exactly these arguments.

use std::fs::{self, OpenOptions};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use super::OperationError;
use crate::engine::worker::with_absolute_paths;
use crate::experiment::Config;

/// A program and its arguments.
pub type ProgramCall = Vec<String>;

/// A call in one line; what is not a plain word is in quotes, so that every argument can be seen.
pub fn call_words(call: &[String]) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./=:,+".contains(c);
    let word = |word: &String| match !word.is_empty() && word.chars().all(is_plain) {
        true => word.clone(),
        false => format!("{word:?}"),
    };
    call.iter().map(word).collect::<Vec<_>>().join(" ")
}

/// The programs that a person allowed: a JSON list of texts a line.
#[derive(Clone, Debug)]
pub struct AllowedPrograms {
    file: PathBuf,
}

impl AllowedPrograms {
    /// Those of the person who runs this program.
    ///
    /// # Errors
    /// The platform names no folder for settings.
    pub fn of_person() -> Result<Self, OperationError> {
        let folders = directories::ProjectDirs::from("", "", "emprl");
        let folders = folders.ok_or(OperationError::NoConfigFolder)?;
        Ok(AllowedPrograms::in_file(
            folders.config_dir().join("allowed-programs.jsonl"),
        ))
    }

    pub fn in_file(file: PathBuf) -> Self {
        AllowedPrograms { file }
    }

    /// The programs of a run that nobody has allowed yet.
    ///
    /// # Errors
    /// The file is there and cannot be read.
    pub fn missing(&self, config: &Config) -> Result<Vec<ProgramCall>, OperationError> {
        let config = with_absolute_paths(config);
        let mut wanted: Vec<ProgramCall> =
            config.reward.commands().map(<[String]>::to_vec).collect();
        if wanted.is_empty() {
            return Ok(wanted);
        }
        let text = match fs::read_to_string(&self.file) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => String::new(),
            Err(source) => {
                let path = self.file.clone();
                return Err(OperationError::Read { path, source });
            }
        };
        // A line that is no list allows nothing.
        let allowed = text
            .lines()
            .filter_map(|line| serde_json::from_str::<ProgramCall>(line).ok());
        let allowed: Vec<ProgramCall> = allowed.collect();
        wanted.retain(|call| !allowed.contains(call));
        Ok(wanted)
    }

    /// # Errors
    /// A program of the run was not allowed.
    pub fn require(&self, config: &Config) -> Result<(), OperationError> {
        match self.missing(config)? {
            missing if missing.is_empty() => Ok(()),
            programs => Err(OperationError::NotAllowed { programs }),
        }
    }

    /// Keeps a person's word.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn allow(&self, programs: &[ProgramCall]) -> Result<(), OperationError> {
        let failed = |source| OperationError::Write {
            path: self.file.clone(),
            source,
        };
        fs::create_dir_all(self.file.parent().unwrap_or(Path::new("."))).map_err(failed)?;
        let mut lines = String::new();
        for program in programs {
            lines += &serde_json::to_string(program)?;
            lines.push('\n');
        }
        let mut options = OpenOptions::new();
        let mut file = options
            .create(true)
            .append(true)
            .open(&self.file)
            .map_err(failed)?;
        file.write_all(lines.as_bytes()).map_err(failed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(command: &str) -> Config {
        let text =
            format!("[[reward.term]]\nname = \"a\"\nkind = \"command\"\ncommand = {command}");
        Config::from_toml("case", &text).unwrap()
    }

    #[test]
    fn a_program_is_allowed_with_its_arguments_and_no_other() {
        let dir = tempfile::tempdir().unwrap();
        let programs = AllowedPrograms::in_file(dir.path().join("emprl/allowed"));
        programs.require(&Config::default()).unwrap();
        let first = config(r#"["score", "--fast"]"#);
        let refused = programs.require(&first).unwrap_err().to_string();
        assert!(
            refused.contains("score --fast") && refused.contains("--allow-command"),
            "{refused}"
        );
        programs.allow(&programs.missing(&first).unwrap()).unwrap();
        programs.require(&first).unwrap();
        programs
            .require(&config(r#"["score", "--slow"]"#))
            .unwrap_err();
        programs
            .require(&config(r#"["score --fast"]"#))
            .unwrap_err();
    }

    #[test]
    fn a_program_beside_another_experiment_is_another() {
        let script = "src/lib.rs"; // a file of the working directory
        let config = with_absolute_paths(&config(&format!("[\"sh\", {script:?}, \"-v\"]")));
        let call = config.reward.commands().next().unwrap();
        assert_eq!((call[0].as_str(), call[2].as_str()), ("sh", "-v"));
        assert!(Path::new(&call[1]).is_absolute(), "{call:?}");
    }
}
