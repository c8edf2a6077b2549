//! The evaluation stage: generator and policy answer the test split, and best-of-n between them where the settings ask
//! for it. Their metrics are the rows of Table II, their responses a file each. Each is compared with the generator at
//! equal length as well.

use std::fs;
use std::path::Path;

use serde_json::json;

use super::artifacts::Artifacts;
use super::error::TrainError;
use super::evaluate::Answers;
use super::material::Encoded;
use super::policy::Policy;
use super::reward;
use super::session::{Ended, Session};
use crate::data::Split;
use crate::data::rows::{Row, write_jsonl};
use crate::experiment::{Config, Report, Stage};
use crate::metrics::{BestOf, TargetLoss};

const STAGE: Stage = Stage::Evaluation;

/// A system that is evaluated.
struct System<'a> {
    name: String,
    policy: &'a Policy,
    /// It is the best of so many responses of the policy.
    best_of: Option<BestOf>,
}

/// Evaluates the run's models; a step is a system.
pub fn run(session: &mut Session<'_>, artifacts: &Artifacts) -> Result<Ended, TrainError> {
    let config = session.config;
    let device = session.device.clone();
    let examiner = artifacts.examiner(config, &device);
    let systems = systems(config, artifacts);
    let total = systems.len() as u64;
    session.begin(STAGE, 0, total);
    let test = &artifacts.material.test;
    let exam = examiner.exam(test);
    let mut baseline: Option<(String, Answers)> = None;
    for (
        step,
        System {
            name,
            policy,
            best_of,
        },
    ) in (1..).zip(systems)
    {
        let (answers, losses) = match best_of {
            Some(best_of) => {
                let identifiers = artifacts.identifiers.as_ref();
                let train = &artifacts.material.train;
                let mut reward = reward::chosen(&config.reward, identifiers, train, &device)?;
                let answers = examiner.best_of(policy, &exam, best_of, reward.as_mut())?;
                // How likely it makes a target is not known.
                (answers, Vec::new())
            }
            None => (
                examiner.answer(policy, &exam),
                examiner.losses(policy, test),
            ),
        };
        let mut system = examiner.results(&name, Split::Test.key(), &exam, &answers, &losses);
        if let (Some(controls), Some((other, others))) = (&mut system.controls, &baseline) {
            let other = (other.as_str(), others);
            controls.equal_length = examiner.at_equal_length(&exam, &answers, other);
        }
        if let (Some(held_out), Some((other, others))) = (&mut system.held_out, &baseline) {
            held_out.equal_length =
                examiner.kappa_at_equal_length(&exam, &answers, (other, others));
        }
        let folder = artifacts.run_folder.join("responses");
        fs::create_dir_all(&folder).map_err(TrainError::io(&folder))?;
        let file = name.to_lowercase().replace(' ', "-");
        let path = folder.join(format!("{file}.jsonl"));
        write_responses(&path, test, &answers, &losses)?;
        session.observer.report(Report::Results { system });
        if best_of.is_some() {
            let samples = examiner.samples(test, &answers, config.evaluation.samples);
            session.samples(STAGE, step, samples);
        }
        session.metrics(STAGE, step, total, vec![]);
        if session.is_stopped() && step < total {
            return Ok(Ended::Stopped);
        }
        baseline.get_or_insert((name, answers));
    }
    session.end(STAGE, total);
    Ok(Ended::Done)
}

/// The generator, the best of n of its responses, and the policy, as far as the run has them.
fn systems<'a>(config: &Config, artifacts: &'a Artifacts) -> Vec<System<'a>> {
    let mut systems = Vec::new();
    if let Some(generator) = &artifacts.generator {
        let mut push = |name: String, best_of| {
            systems.push(System {
                name,
                policy: generator,
                best_of,
            });
        };
        push("Generator".to_string(), None);
        if let Some(best_of) = BestOf::new(config.evaluation.best_of) {
            push(best_of.to_string(), Some(best_of));
        }
    }
    let stages = config
        .run
        .stages
        .iter()
        .filter(|stage| stage.trains_policy());
    let name = stages.filter_map(|stage| stage.system()).next_back();
    systems.extend(artifacts.policy.as_ref().map(|policy| System {
        name: name.unwrap_or("EmpRL").to_string(),
        policy,
        best_of: None,
    }));
    systems
}

fn write_responses(
    path: &Path,
    examples: &[Encoded],
    answers: &Answers,
    losses: &[TargetLoss],
) -> Result<(), TrainError> {
    let rows: Vec<Row> = examples
        .iter()
        .zip(&answers.responses)
        .enumerate()
        .map(|(index, (encoded, response))| {
            let example = &encoded.example;
            let mut row = Row::new(example.context.clone(), response.clone());
            row.set("conversation", example.conversation.clone());
            row.set("turn", json!(example.turn));
            answers.put_figures(index, losses, &mut row);
            row
        })
        .collect();
    let mut text = Vec::new();
    write_jsonl(&mut text, &rows).map_err(TrainError::io(path))?;
    fs::write(path, text).map_err(TrainError::io(path))
}
