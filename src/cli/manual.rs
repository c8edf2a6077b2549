//! `emprl completions` and `emprl manual`: what the command line says of itself, for shells and for `man`.

use std::fs;
use std::io::{self, Write};
use std::path::PathBuf;

use clap::CommandFactory;
use clap_complete::Shell;

use super::{Cli, CommandContext, Failure};

#[derive(Debug, clap::Args)]
pub struct Completions {
    shell: Shell,
}

impl Completions {
    pub fn run(&self, ctx: &CommandContext) -> Result<(), Failure> {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut Cli::command(), "emprl", &mut script);
        ctx.out.text(&String::from_utf8_lossy(&script))
    }
}

#[derive(Debug, clap::Args)]
pub struct Manual {
    /// Folder of the pages, which is made if need be: emprl.1, emprl-run.1 and so on
    #[arg(value_name = "DIR")]
    folder: PathBuf,
}

impl Manual {
    pub fn run(&self, ctx: &CommandContext) -> Result<(), Failure> {
        let failed = |error: io::Error| {
            Failure::Failed(format!(
                "{}: cannot write manual pages: {error}; name a folder that can be written",
                self.folder.display()
            ))
        };
        let mut command = Cli::command();
        command.build();
        fs::create_dir_all(&self.folder).map_err(failed)?;
        let count = self.write(&command).map_err(failed)?;
        ctx.out.text(&format!(
            "{count} pages are in {}; read one with `man -l {}`\n",
            self.folder.display(),
            self.folder.join("emprl.1").display()
        ))
    }

    /// Writes the page of a command and those of the commands below it; returns how many.
    fn write(&self, command: &clap::Command) -> io::Result<usize> {
        let page = clap_mangen::Man::new(command.clone());
        let mut file = fs::File::create(self.folder.join(page.get_filename()))?;
        page.render(&mut file)?;
        file.flush()?;
        let mut count = 1;
        for below in command.get_subcommands() {
            if below.get_name() != "help" && !below.is_hide_set() {
                count += self.write(below)?;
            }
        }
        Ok(count)
    }
}
