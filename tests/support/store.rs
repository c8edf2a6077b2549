//! What the tests of the store share.
#![allow(dead_code)] // Each test file uses its own part.

use emprl::data::Role;
use emprl::experiment::{
    Environment, Report, RewardTerm, RolloutResponse, RolloutToken, SampleDialogue, SampleLevel,
    Stage, TokenFigures,
};
use emprl::metrics::{
    Audit, AuditFigures, ConstantAnswer, Controls, EqualLength, EqualLengthKappa, Estimate,
    HeldOut, LengthTercile, SystemResults, Truncation,
};
use emprl::store::{MetricKey, NewRun};

pub fn new_run(name: &str) -> NewRun {
    NewRun {
        name: name.to_string(),
        experiment: "quickstart".to_string(),
        seed: 7,
        device: "flex".to_string(),
        config_toml: "seed = 7\n".to_string(),
        environment: Environment::capture(),
        fingerprints: [("dialogues".to_string(), "abc".to_string())].into(),
    }
}

pub fn metrics(stage: Stage, step: u64, values: &[(&str, f64)]) -> Report {
    Report::Metrics {
        stage,
        step,
        total: 1_000,
        values: values
            .iter()
            .map(|(name, value)| (name.to_string(), *value))
            .collect(),
    }
}

pub fn key(stage: Stage, name: &str) -> MetricKey {
    MetricKey {
        stage,
        name: name.to_string(),
    }
}

pub fn dialogue(index: u32, generated: &str, reward: Option<f64>) -> SampleDialogue {
    let levels: Vec<SampleLevel> = match reward {
        // Levels and mechanisms are read from their own written form.
        Some(reward) => serde_json::from_str::<Vec<SampleLevel>>(
            r#"[{"mechanism": "exploration", "target": 2, "generated": 0, "reward": 0.5}]"#,
        )
        .expect("a level")
        .into_iter()
        .map(|level| SampleLevel { reward, ..level })
        .collect(),
        None => Vec::new(),
    };
    SampleDialogue {
        index,
        emotion: "proud".to_string(),
        situation: "I won \"first\" prize".to_string(),
        context: vec!["I won!".to_string(), "How?\nTell".to_string()],
        roles: vec![Role::Speaker, Role::Speaker],
        target: "That is great.".to_string(),
        generated: generated.to_string(),
        levels,
        reward,
    }
}

/// A response of three tokens, the first of which takes no part.
pub fn response(index: u32, value: f32) -> RolloutResponse {
    let figures = |log_prob: f32| TokenFigures {
        log_prob,
        reference_log_prob: -0.1,
        full_kl: f32::MIN_POSITIVE,
        value: Some(value),
        reward: Some(-1.0e-7),
        advantage: -value,
        returns: Some(3.402_823e38),
        truncated: None,
    };
    let token = |piece: &str, figures| RolloutToken {
        piece: piece.to_string(),
        figures,
    };
    RolloutResponse {
        index,
        context: vec!["I \"won\"!".to_string(), "How?\nTell".to_string()],
        roles: vec![Role::Speaker, Role::Speaker],
        target: "That is great.".to_string(),
        response: "a ß".to_string(),
        ended: index.is_multiple_of(2),
        score: 0.1,
        terms: vec![RewardTerm {
            name: "exploration".to_string(),
            value: 0.3,
        }],
        shaped: value,
        group: None,
        tokens: vec![
            token("▁a", None),
            token("▁ß", Some(figures(-1.0 / 3.0))),
            token("</s>", Some(figures(f32::NEG_INFINITY))),
        ],
    }
}

pub fn estimate(value: f64) -> Estimate {
    Estimate {
        value,
        low: value - 1.0,
        high: value + 1.0,
    }
}

pub fn results(system: &str, ppl: Option<f64>) -> SystemResults {
    SystemResults {
        system: system.to_string(),
        split: "test".to_string(),
        n: 100,
        ppl: ppl.map(estimate),
        ppl_hf: ppl.map(|ppl| estimate(ppl + 3.0)),
        dist_1: estimate(0.5),
        dist_2: estimate(2.5),
        ead: ppl.map(|_| [estimate(0.7), estimate(2.6)]),
        emp_f1: ppl.map(|_| estimate(61.0)),
        mechanism_f1: ppl.map(|_| [estimate(1.0), estimate(2.0), estimate(f64::NAN)]),
        mean_words: 12.5,
        truncation: ppl.map(|_| Truncation {
            max_context: 64,
            max_response: 40,
            contexts: 12.5,
            responses: 0.25,
            targets: None,
        }),
        controls: ppl.map(|_| controls()),
        held_out: ppl.map(|_| held_out()),
        as_imported: None,
    }
}

/// By two auditors, with a κ that is undefined.
pub fn held_out() -> HeldOut {
    let figures = |emp_f1: f64| AuditFigures {
        emp_f1: estimate(emp_f1),
        mechanism_f1: [estimate(emp_f1); 3],
        shuffled: Some(estimate(emp_f1 - 0.5)),
        gain: Some(estimate(0.5)),
        kappa: [Some(estimate(0.05)), None, Some(estimate(0.0))],
        mean_kappa: None,
    };
    let audit = |auditor: &str, emp_f1| Audit {
        auditor: auditor.to_string(),
        figures: figures(emp_f1),
    };
    HeldOut {
        mean: figures(58.0),
        auditors: vec![audit("run 2", 56.0), audit("logistic", 60.0)],
        equal_length: Some(EqualLengthKappa {
            baseline: "Generator".to_string(),
            kappa: estimate(0.05),
            baseline_kappa: estimate(0.02),
            difference: estimate(0.03),
        }),
    }
}

/// With a κ that is undefined.
pub fn controls() -> Controls {
    let emp_f1 = estimate(61.0);
    Controls {
        shuffled: estimate(60.0),
        gain: estimate(1.0),
        constant: Some(ConstantAnswer {
            response: "That is good.".to_string(),
            emp_f1,
        }),
        macro_f1: [emp_f1; 3],
        kappa: [Some(estimate(0.1)), None, Some(estimate(0.0))],
        target_shares: [[83.4, 12.0, 4.6]; 3],
        response_shares: [[98.6, 1.0, 0.4]; 3],
        equal_length: Some(EqualLength {
            baseline: "Generator".to_string(),
            mean_words: 5.1,
            emp_f1,
            baseline_emp_f1: estimate(60.5),
            difference: estimate(0.5),
        }),
        by_target_length: vec![LengthTercile {
            least: 1,
            most: 8,
            n: 34,
            emp_f1,
        }],
    }
}
