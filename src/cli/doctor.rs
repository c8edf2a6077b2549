//! `emprl doctor`: checks devices, store, data and display, and says how to fix problems.

use std::path::Path;

use serde_json::{Value, json};

use super::failure::one_line;
use super::{CommandContext, Failure};
use crate::data::library;
use crate::experiment::{Environment, size_words};
use crate::operations::devices;
use crate::operations::fetch::Settings;
use crate::store::{self, RunStatus, StoreError, StoreReader};

#[derive(Debug, clap::Args)]
pub struct Doctor {}

/// The result of a check.
struct Finding {
    what: String,
    problem: Option<String>,
}

impl Doctor {
    pub fn run(&self, ctx: &CommandContext) -> Result<(), Failure> {
        let environment = Environment::capture();
        let devices = devices();
        let store = kept(&ctx.store);
        let data = data(&ctx.store);
        let display = display(ctx.display);
        let hub = hub();
        let memory = memory_stats::memory_stats().map(|memory| memory.physical_mem as u64);
        // A card that is not there is no fault of the others.
        let failed = devices.iter().all(|f| f.problem.is_some()) || store.problem.is_some();
        if ctx.out.json {
            let findings = |findings: &mut dyn Iterator<Item = &Finding>| -> Vec<Value> {
                findings
                    .map(|f| json!({"what": f.what, "ok": f.problem.is_none(), "problem": f.problem}))
                    .collect()
            };
            ctx.out.document(&json!({
                "program": environment,
                "memory_in_use": memory,
                "devices": findings(&mut devices.iter()),
                "store": findings(&mut [&store].into_iter()),
                "data": findings(&mut data.iter()),
                "hub": findings(&mut [&hub].into_iter()),
                "display": findings(&mut [&display].into_iter()),
                "ok": !failed,
            }))?;
        } else {
            let commit = environment
                .commit
                .as_deref()
                .unwrap_or("outside a checkout");
            let mut text = format!(
                "emprl {} ({commit}), burn {}\n{}, {} processors, {}\n",
                environment.program,
                environment.burn,
                environment.system,
                environment.processors,
                match environment.instructions.as_slice() {
                    [] => "no AVX2: training will be slow".to_string(),
                    found => found.join(", "),
                }
            );
            if let Some(memory) = memory {
                text += &format!("{} of memory in use by this program\n", size_words(memory));
            }
            text.push('\n');
            for finding in devices
                .iter()
                .chain([&store])
                .chain(&data)
                .chain([&hub, &display])
            {
                match &finding.problem {
                    None => text += &format!("  ok    {}\n", finding.what),
                    Some(problem) => {
                        text.push_str(&format!("  –     {}: {problem}\n", finding.what))
                    }
                }
            }
            ctx.out.text(&text)?;
        }
        match failed {
            false => Ok(()),
            true => Err(Failure::Failed(
                "something above must be fixed before runs can start".to_string(),
            )),
        }
    }
}

fn devices() -> Vec<Finding> {
    let found = devices::check().into_iter().map(|device| Finding {
        what: format!("device {}: {}", device.name, device.title),
        problem: device.problem.map(|error| one_line(&error)),
    });
    found.collect()
}

/// Where models would be fetched from; asks nobody.
fn hub() -> Finding {
    match Settings::from_env() {
        Ok(hub) => Finding {
            what: format!(
                "hub {}, cache {}, {}{}",
                hub.endpoint,
                hub.cache.display(),
                match hub.token {
                    Some(token) => format!("token from {}", token.source),
                    None => "no token".to_string(),
                },
                if hub.offline {
                    ", not used (HF_HUB_OFFLINE)"
                } else {
                    ""
                },
            ),
            problem: None,
        },
        Err(error) => Finding {
            what: "hub".to_string(),
            problem: Some(one_line(&error)),
        },
    }
}

/// Checks the store without creating it.
fn kept(dir: &Path) -> Finding {
    let what = format!("store {}", dir.display());
    let reader = match StoreReader::open(dir) {
        Ok(reader) => reader,
        Err(StoreError::Missing { .. }) => {
            return match store::creatable(dir) {
                Ok(()) => Finding {
                    what: format!("{what}: created by the first run or import"),
                    problem: None,
                },
                Err(why) => Finding {
                    what,
                    problem: Some(format!(
                        "it cannot be created ({why}); choose another folder with --store DIR"
                    )),
                },
            };
        }
        Err(error) => {
            return Finding {
                what,
                problem: Some(one_line(&error)),
            };
        }
    };
    let problem = match (reader.refusal(), reader.run_rows()) {
        (_, Err(error)) => Some(one_line(&error)),
        (Some(refusal), Ok(_)) => Some(one_line(&refusal)),
        (None, Ok(runs)) => {
            let damaged = runs.iter().filter(|run| run.status == RunStatus::Damaged);
            let damaged: Vec<String> = damaged.map(|run| run.id.to_string()).collect();
            if damaged.is_empty() {
                return Finding {
                    what: format!("{what}: runs kept: {}", runs.len()),
                    problem: None,
                };
            }
            Some(format!(
                "damaged runs: {}; `emprl runs list` says what is wrong with them",
                damaged.join(", ")
            ))
        }
    };
    Finding { what, problem }
}

fn not_imported(set: &library::ListedSet) -> Option<String> {
    let name = &set.name;
    (!set.imported).then(|| {
        format!("not imported; `emprl data fetch {name}` fetches it, `emprl data import {name} DIR` reads it")
    })
}

fn data(store: &Path) -> Vec<Finding> {
    match library::list(store) {
        Ok(sets) => sets
            .iter()
            .map(|set| Finding {
                what: format!("data set {}", set.name),
                problem: set.damaged.clone().or_else(|| not_imported(set)),
            })
            .collect(),
        Err(error) => vec![Finding {
            what: "data sets".to_string(),
            problem: Some(one_line(&error)),
        }],
    }
}

fn display(found: bool) -> Finding {
    Finding {
        what: "display for the window".to_string(),
        problem: (!found).then(|| "none; use the terminal: emprl run quickstart".to_string()),
    }
}
