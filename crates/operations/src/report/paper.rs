//! The paper's values, shown as "reported" beside what was measured here, and never mixed with it.

use crate::data::Mechanism;

/// Accuracy and weighted F1 in % of an identifier from T5-base (Table I).
pub fn identifier(mechanism: Mechanism) -> (f64, f64) {
    match mechanism {
        Mechanism::EmotionalReaction => (87.68, 87.70),
        Mechanism::Interpretation => (85.25, 83.79),
        Mechanism::Exploration => (94.98, 94.80),
    }
}

/// A row of the paper's figures; None if it gives none.
pub type Reported = (&'static str, &'static [Option<f64>]);

/// PPL, Dist-1, Dist-2 and Emp-F1 of each system (Table II).
pub const AUTOMATIC: [Reported; 9] = [
    ("MoEL", &[Some(36.97), Some(0.44), Some(2.16), Some(59.31)]),
    ("MIME", &[Some(37.36), Some(0.47), Some(2.02), Some(59.69)]),
    ("EmpDG", &[Some(37.26), Some(0.49), Some(2.23), Some(58.54)]),
    ("KEMP", &[Some(36.39), Some(0.61), Some(2.65), Some(54.29)]),
    ("CEM", &[Some(36.12), Some(0.66), Some(2.99), Some(63.32)]),
    ("SEEK", &[Some(37.25), Some(0.72), Some(3.11), Some(63.08)]),
    ("CASE", &[Some(35.59), Some(0.78), Some(3.98), Some(64.72)]),
    ("ChatGPT", &[None, Some(4.22), Some(23.99), Some(64.79)]),
    (
        "EmpRL",
        &[Some(12.87), Some(4.55), Some(27.71), Some(66.40)],
    ),
];

/// Empathy, relevance and fluency of each system, rated from 1 to 5 (Table III).
pub const RATING: [Reported; 9] = [
    ("MoEL", &[Some(1.94), Some(1.89), Some(3.21)]),
    ("MIME", &[Some(2.15), Some(2.18), Some(3.24)]),
    ("EmpDG", &[Some(2.04), Some(2.11), Some(3.26)]),
    ("KEMP", &[Some(1.97), Some(1.92), Some(3.20)]),
    ("CEM", &[Some(2.03), Some(2.01), Some(3.19)]),
    ("SEEK", &[Some(2.01), Some(1.98), Some(3.12)]),
    ("CASE", &[Some(2.23), Some(2.21), Some(3.33)]),
    ("ChatGPT", &[Some(4.25), Some(4.32), Some(4.52)]),
    ("EmpRL", &[Some(3.49), Some(3.47), Some(3.90)]),
];

/// Shares in % that EmpRL won, lost and tied against each system (Table IV).
pub const AB_TEST: [Reported; 8] = [
    ("MoEL", &[Some(68.0), Some(14.0), Some(18.0)]),
    ("MIME", &[Some(63.0), Some(19.0), Some(18.0)]),
    ("EmpDG", &[Some(64.0), Some(17.0), Some(19.0)]),
    ("KEMP", &[Some(62.0), Some(20.0), Some(18.0)]),
    ("CEM", &[Some(66.0), Some(21.0), Some(13.0)]),
    ("SEEK", &[Some(63.0), Some(15.0), Some(22.0)]),
    ("CASE", &[Some(58.0), Some(20.0), Some(22.0)]),
    ("ChatGPT", &[Some(12.0), Some(40.0), Some(48.0)]),
];

/// The system that the paper proposes, whose wins Table IV counts.
pub const EMPRL: &str = "EmpRL";

/// A system's rank in the paper's tables: the baselines in order, then other systems, EmpRL last.
pub fn rank(system: &str) -> usize {
    if system.eq_ignore_ascii_case(EMPRL) {
        return usize::MAX;
    }
    let known = AUTOMATIC
        .iter()
        .position(|(name, _)| name.eq_ignore_ascii_case(system));
    known.unwrap_or(AUTOMATIC.len())
}

/// PPL, Dist-1, Dist-2 and Emp-F1 of the ablations (Table V).
pub const ABLATION: [Reported; 5] = [
    (
        "EmpRL",
        &[Some(12.87), Some(4.55), Some(27.71), Some(66.40)],
    ),
    (
        "w/o KL Penalty",
        &[Some(28.71), Some(1.64), Some(7.08), Some(58.15)],
    ),
    (
        "w/o Empathy Reward",
        &[Some(12.79), Some(4.26), Some(26.10), Some(64.99)],
    ),
    (
        "w/o RL",
        &[Some(11.99), Some(4.25), Some(26.09), Some(65.90)],
    ),
    (
        "w/o RL, Prefix-tuning",
        &[Some(12.17), Some(4.01), Some(24.90), Some(65.77)],
    ),
];

/// The row of Table V for an experiment: the last of these that its file name contains.
pub const ABLATION_OF: [(&str, &str); 4] = [
    ("without-kl", "w/o KL Penalty"),
    ("without-empathy", "w/o Empathy Reward"),
    ("without-rl", "w/o RL"),
    ("without-rl-and-prefix", "w/o RL, Prefix-tuning"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn systems_stand_as_in_the_paper() {
        let mut names = ["CEM", "EmpRL", "Another", "kemp", "MOEL", "MIME"];
        names.sort_by_key(|name| rank(name));
        assert_eq!(names, ["MOEL", "MIME", "kemp", "CEM", "Another", "EmpRL"]);
    }
}
