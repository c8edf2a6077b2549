//! Sweeps: one experiment at every point of a grid over some of its settings.

use toml::Value;

use super::setting::SettingKind;
use super::values::fit;
use super::{Config, Problem, Setting, setting};

/// Runs that one sweep may be.
pub const MOST: usize = 500;

/// A setting with the values it is to take.
#[derive(Clone, Debug, PartialEq)]
pub struct Axis {
    pub path: String,
    pub values: Vec<Value>,
}

/// A point of the grid.
#[derive(Clone, Debug, PartialEq)]
pub struct SweepRun {
    /// What it differs by, such as `ppo.lr=1e-5 seed 2`.
    pub label: String,
    pub config: Config,
}

impl Axis {
    /// Reads values with commas between them; of whole numbers also `1..5`, both ends included.
    ///
    /// # Errors
    /// There is no such setting, none of the values, or one that the setting does not take.
    pub fn parse(path: &str, text: &str) -> Result<Axis, Problem> {
        let wrong = |message: String| Problem {
            path: path.to_string(),
            message,
        };
        let known = setting(path).ok_or_else(|| wrong("is no setting".into()))?;
        let mut values: Vec<Value> = Vec::new();
        for word in text
            .split(',')
            .map(str::trim)
            .filter(|word| !word.is_empty())
        {
            match range(known, word) {
                Some(numbers) if numbers.clone().count() > MOST => {
                    return Err(wrong(format!("`{word}` is more than {MOST} values")));
                }
                Some(numbers) => values.extend(numbers.map(Value::Integer)),
                None => values.push(value(known, word).map_err(wrong)?),
            }
        }
        if values.is_empty() {
            return Err(wrong("give its values with commas between them".into()));
        }
        for value in &values {
            fit(&known.kind, value.clone()).map_err(wrong)?;
        }
        Ok(Axis {
            path: path.to_string(),
            values,
        })
    }
}

fn range(known: &Setting, word: &str) -> Option<std::ops::RangeInclusive<i64>> {
    if !matches!(known.kind, SettingKind::Int { .. }) {
        return None;
    }
    let (first, last) = word.split_once("..")?;
    Some(first.trim().parse().ok()?..=last.trim().parse().ok()?)
}

fn value(known: &Setting, word: &str) -> Result<Value, String> {
    match known.kind {
        SettingKind::Int { .. } => word
            .parse()
            .map(Value::Integer)
            .map_err(|_| format!("`{word}` is no whole number")),
        SettingKind::Float { .. } => word
            .parse()
            .map(Value::Float)
            .map_err(|_| format!("`{word}` is no number")),
        SettingKind::Bool => match word {
            "true" | "yes" => Ok(Value::Boolean(true)),
            "false" | "no" => Ok(Value::Boolean(false)),
            _ => Err(format!("`{word}` is neither yes nor no")),
        },
        SettingKind::Choice(_) | SettingKind::Text => Ok(Value::String(word.to_string())),
        SettingKind::List(_) | SettingKind::Texts | SettingKind::Terms => {
            Err("is a list, which a sweep cannot vary".into())
        }
    }
}

/// Every combination of the values, the last axis fastest. Without axes: the one run itself.
///
/// # Errors
/// There are more than [`MOST`] runs, a setting is given twice, or a run's settings contradict each other.
pub fn grid(config: &Config, axes: &[Axis]) -> Result<Vec<SweepRun>, Problem> {
    let count = axes
        .iter()
        .try_fold(1usize, |count, axis| count.checked_mul(axis.values.len()));
    if let Some(axis) = axes.iter().find(|_| count.is_none_or(|count| count > MOST)) {
        return Err(Problem {
            path: axis.path.clone(),
            message: format!("more than {MOST} runs; give fewer values"),
        });
    }
    let mut runs = vec![SweepRun {
        label: String::new(),
        config: config.clone(),
    }];
    for (at, axis) in axes.iter().enumerate() {
        if axes[..at].iter().any(|other| other.path == axis.path) {
            return Err(Problem {
                path: axis.path.clone(),
                message: "is varied twice".into(),
            });
        }
        let mut more = Vec::new();
        for run in &runs {
            for value in &axis.values {
                let mut config = run.config.clone();
                config.set(&axis.path, value.clone())?;
                let label = format!("{} {}", run.label, named(&axis.path, value));
                let label = label.trim().to_string();
                more.push(SweepRun { label, config });
            }
        }
        runs = more;
    }
    for run in &runs {
        if let Some(problem) = run.config.problems().into_iter().next() {
            return Err(problem);
        }
    }
    Ok(runs)
}

fn named(path: &str, value: &Value) -> String {
    let words = match value {
        Value::String(text) => text.clone(),
        Value::Float(number) if *number != 0.0 && number.abs() < 1e-3 => format!("{number:e}"),
        other => other.to_string(),
    };
    match path {
        "run.seed" => format!("seed {words}"),
        _ => format!("{path}={words}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::experiment::ExperimentFile;

    #[test]
    fn values_are_read_with_ranges_and_refused_with_a_reason() {
        let axis = Axis::parse("run.seed", "1..3, 7").unwrap();
        assert_eq!(axis.values, [1, 2, 3, 7].map(Value::Integer));
        let axis = Axis::parse("ppo.lr", "1e-5, 2e-5").unwrap();
        assert_eq!(axis.values, [1e-5, 2e-5].map(Value::Float));
        for (path, text) in [
            ("ppo.nothing", "1"),
            ("ppo.lr", ""),
            ("ppo.lr", "much"),
            ("ppo.steps", "1.5"),
            ("ppo.lr", "-1"),
            ("run.seed", "1..1000000000000"),
            ("run.stages", "ppo"),
        ] {
            assert!(Axis::parse(path, text).is_err(), "{path} {text}");
        }
    }

    #[test]
    fn a_grid_is_every_combination_with_a_name() {
        let whole = ExperimentFile::preset("quickstart")
            .unwrap()
            .unwrap()
            .config;
        let axes = [
            Axis::parse("ppo.lr", "1e-5,2e-5").unwrap(),
            Axis::parse("run.seed", "1..2").unwrap(),
        ];
        let runs = grid(&whole, &axes).unwrap();
        let labels: Vec<&str> = runs.iter().map(|run| run.label.as_str()).collect();
        assert_eq!(
            labels,
            [
                "ppo.lr=1e-5 seed 1",
                "ppo.lr=1e-5 seed 2",
                "ppo.lr=2e-5 seed 1",
                "ppo.lr=2e-5 seed 2"
            ]
        );
        assert_eq!((runs[3].config.ppo.lr, runs[3].config.run.seed), (2e-5, 2));
        assert_eq!(grid(&whole, &[]).unwrap().len(), 1);
        assert!(grid(&whole, &[axes[0].clone(), axes[0].clone()]).is_err());
        let many = Axis::parse("run.seed", "1..400").unwrap();
        assert!(grid(&whole, &[many, axes[0].clone()]).is_err());
    }
}
