//! Best of n: the reward's best among seeded draws of the generator, in a run and outside of it.

use std::ops::ControlFlow;

use emprl::data::library;
use emprl::data::rows::read_jsonl;
use emprl::experiment::{Config, Report, SampleDialogue, Stage, Tuning};
use emprl::metrics::{BestOf, SystemResults};
use emprl::train::best_of::Targeted;
use emprl::train::checkpoint::Checkpoints;
use emprl::train::material::Material;
use emprl::train::observer::{Directive, Observer};
use emprl::train::pipeline;
use emprl::train::policy::Policy;
use emprl::train::saved::{Drawing, SavedIdentifiers, SavedModel};

#[derive(Default)]
struct Record {
    results: Vec<SystemResults>,
    samples: Vec<SampleDialogue>,
}

impl Observer for Record {
    fn report(&mut self, report: Report) {
        match report {
            Report::Results { system } => self.results.push(system),
            Report::Samples {
                stage: Stage::Evaluation,
                dialogues,
                ..
            } => self.samples = dialogues,
            _ => {}
        }
    }

    fn directive(&mut self) -> Directive {
        Directive::Continue
    }
}

fn settings() -> Config {
    let mut config = crate::quickstart_support::tiny();
    config.run.device = crate::device_support::device_name();
    config.run.stages = vec![Stage::Identifiers, Stage::Generator, Stage::Evaluation];
    config.data.train_limit = 48;
    config.data.validation_limit = 8;
    config.data.test_limit = 10;
    crate::quickstart_support::with_hasty_identifiers(&mut config);
    config.generator.tuning = Tuning::Full;
    config.generator.epochs = 3;
    config.evaluation.best_of = 4;
    config
}

#[test]
fn it_beats_its_generator_by_the_reward_and_is_the_same_outside_the_run() {
    let store = tempfile::tempdir().unwrap();
    let config = settings();
    assert_eq!(config.problems(), []);
    let mut record = Record::default();
    let folder = store.path().join("run");
    let checkpoints = Checkpoints::of(&folder);
    pipeline::run(&config, store.path(), checkpoints, None, &mut record).unwrap();
    let names: Vec<&str> = record
        .results
        .iter()
        .map(|row| row.system.as_str())
        .collect();
    assert_eq!(names, ["Generator", "best of 4"]);
    let row = &record.results[1];
    assert_eq!(row.best_of(), BestOf::new(4));
    assert!(row.ppl.is_none() && row.emp_f1.is_some() && row.n == 10);
    assert!(row.controls.as_ref().unwrap().equal_length.is_some());
    assert!(!record.samples.is_empty() && record.samples[0].reward.is_some());

    let last = |stage| {
        Checkpoints::of(&folder)
            .latest(stage)
            .unwrap()
            .unwrap()
            .folder
    };
    let device = &config.run.device;
    let model = SavedModel::open(&last(Stage::Generator), device).unwrap();
    let identifiers = SavedIdentifiers::open(&last(Stage::Identifiers), device).unwrap();
    let dialogues = library::open_dialogues(store.path(), "builtin").unwrap();
    let tokenizer = Policy::load(&last(Stage::Generator), &crate::device_support::device())
        .unwrap()
        .1;
    let material =
        Material::prepare(Some(&dialogues), &config.data, config.run.seed, &tokenizer).unwrap();
    let test: Vec<Targeted<'_>> = material
        .test
        .iter()
        .map(|encoded| Targeted {
            context: encoded.example.turns(),
            target: &encoded.example.target,
        })
        .collect();
    let drawing = Drawing {
        settings: &config.sampling,
        greedy: false,
        seed: config.run.seed,
    };
    let best = |n| {
        let best_of = BestOf::new(n).unwrap();
        let go_on = &mut |_| ControlFlow::Continue(());
        let size = (best_of, config.data.max_source);
        let reward = (&identifiers, &config.reward);
        model
            .best_of(
                size,
                &test,
                reward,
                (&drawing, config.evaluation.batch),
                go_on,
            )
            .unwrap()
    };
    let found: Vec<String> = best(4).into_iter().map(|answer| answer.response).collect();
    let written = read_jsonl(&folder.join("responses/best-of-4.jsonl")).unwrap();
    let written: Vec<String> = written.into_iter().filter_map(|row| row.response).collect();
    assert_eq!(found, written, "the same draws, judged alike");

    // More draws contain the fewer, so that the reward never falls.
    let reward = |responses: &[String]| -> Vec<f32> {
        let contexts: Vec<String> = test.iter().map(|one| one.context.text()).collect();
        let judged = |texts: Vec<&str>| {
            let pairs: Vec<_> = contexts.iter().map(String::as_str).zip(texts).collect();
            identifiers.identify(&pairs, 16, &mut |_| {})
        };
        let targets = judged(test.iter().map(|one| one.target).collect());
        let answers = judged(responses.iter().map(String::as_str).collect());
        let agreement = targets.iter().zip(&answers);
        agreement
            .map(|(target, answer)| {
                (0..3)
                    .map(|at| answer[at].probs[target[at].level.index()])
                    .product()
            })
            .collect()
    };
    let two: Vec<String> = best(2).into_iter().map(|answer| answer.response).collect();
    let (fewer, more) = (reward(&two), reward(&found));
    assert!(
        fewer
            .iter()
            .zip(&more)
            .all(|(fewer, more)| more >= &(fewer - 1e-5))
    );
    assert!(more.iter().sum::<f32>() > fewer.iter().sum::<f32>());
}
