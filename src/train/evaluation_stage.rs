//! The evaluation stage: generator and policy answer the test split. Their metrics are the rows of Table II,
//! their responses a file each. The policy is compared with the generator at equal length as well.

use std::fs;
use std::path::Path;

use serde_json::json;

use super::artifacts::Artifacts;
use super::error::TrainError;
use super::evaluate::Answers;
use super::material::Encoded;
use super::policy::Policy;
use super::session::{Ended, Session};
use crate::data::Split;
use crate::data::rows::{Row, write_jsonl};
use crate::experiment::{Report, Stage};
use crate::metrics::TargetLoss;

const STAGE: Stage = Stage::Evaluation;

/// Evaluates the run's models; a step is a model.
pub fn run(session: &mut Session<'_>, artifacts: &Artifacts) -> Result<Ended, TrainError> {
    let examiner = artifacts.examiner(session.config, &session.device);
    let trained_by = session.config.policy_stages();
    let policy = trained_by.first().map_or("Policy", |stage| stage.system());
    let systems: Vec<(&str, &Policy)> = [
        ("Generator", &artifacts.generator),
        (policy, &artifacts.policy),
    ]
    .into_iter()
    .filter_map(|(name, policy)| Some((name, policy.as_ref()?)))
    .collect();
    let total = systems.len() as u64;
    session.begin(STAGE, 0, total);
    let test = &artifacts.material.test;
    let exam = examiner.exam(test);
    let mut baseline: Option<(&str, Answers)> = None;
    for (step, (name, policy)) in (1..).zip(systems) {
        let answers = examiner.answer(policy, &exam);
        let losses = examiner.losses(policy, test);
        let mut system = examiner.results(name, Split::Test.key(), &exam, &answers, &losses);
        if let (Some(controls), Some((other, others))) = (&mut system.controls, &baseline) {
            controls.equal_length = examiner.at_equal_length(&exam, &answers, (other, others));
        }
        let folder = artifacts.run_folder.join("responses");
        fs::create_dir_all(&folder).map_err(TrainError::io(&folder))?;
        let path = folder.join(format!("{}.jsonl", name.to_lowercase()));
        write_responses(&path, test, &answers, &losses)?;
        session.observer.report(Report::Results { system });
        session.metrics(STAGE, step, total, vec![]);
        if session.is_stopped() && step < total {
            return Ok(Ended::Stopped);
        }
        baseline.get_or_insert((name, answers));
    }
    session.end(STAGE, total);
    Ok(Ended::Done)
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
