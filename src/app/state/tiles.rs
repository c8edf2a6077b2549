//! Which metrics each plot of a stage shows.
//!
//! Data only; the drawing is in `curves`.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::app::format::sentence;
use crate::experiment::Stage;
use crate::metrics::declared::{self, MetricDecl, TOTAL_REWARD, as_of_ppo};

/// A plot: its metrics, by key.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Tile {
    pub keys: Vec<String>,
    /// Whether y is logarithmic.
    pub log: bool,
}

impl Tile {
    pub fn of<'a>(keys: impl IntoIterator<Item = &'a str>) -> Self {
        Tile {
            keys: keys.into_iter().map(str::to_string).collect(),
            log: false,
        }
    }

    /// A plot of the first metric of a stage that none of `others` shows; `own` are those whose names are the run's own.
    pub fn next_to<'a>(stage: Stage, own: &[&str], others: impl Iterator<Item = &'a Tile>) -> Self {
        let shown: Vec<&str> = others
            .flat_map(|tile| tile.keys.iter().map(String::as_str))
            .collect();
        let free = choices(stage, own).find(|metric| !shown.contains(&&*metric.key));
        Tile::of(free.as_ref().map(|metric| &*metric.key))
    }

    /// The same plot for a run that logs `rewards`: the paper's reward and its terms are replaced by the run's own.
    pub fn for_rewards(&self, rewards: &[&str]) -> Tile {
        let total = rewards.iter().find(|key| as_of_ppo(key) == TOTAL_REWARD);
        let Some(total) = total else {
            return self.clone();
        };
        let is_term = |key: &&str| {
            declared::term_of(key).is_some() || declared::as_of_ppo(key) == declared::EMPATHY_REWARD
        };
        let own: Vec<&str> = rewards.iter().copied().filter(is_term).collect();
        let mut keys: Vec<&str> = Vec::new();
        for key in self.keys.iter().map(String::as_str) {
            match &*as_of_ppo(key) {
                declared::EMPATHY_REWARD => keys.push(total),
                of_ppo if declared::REWARD_KEYS.contains(&of_ppo) && !own.is_empty() => {
                    keys.extend(&own);
                }
                _ => keys.push(key),
            }
        }
        let mut seen = BTreeSet::new();
        keys.retain(|key| seen.insert(*key));
        Tile {
            log: self.log,
            ..Tile::of(keys)
        }
    }

    /// The declared metrics it shows.
    pub fn metrics(&self) -> impl Iterator<Item = MetricDecl> + '_ {
        self.keys.iter().filter_map(|key| declared::declared(key))
    }

    /// The name of the metric or of the group, and the split it was measured on.
    pub fn title(&self) -> String {
        let metrics: Vec<_> = self.metrics().collect();
        let name = match metrics.as_slice() {
            [] => return "No metric chosen".into(),
            [one] => one.name.to_string(),
            // Their names are all that is known of them.
            [first, more @ ..] if metrics.iter().all(|of| declared::is_recorded(&of.key)) => {
                match more {
                    [second] => format!("{}, {}", first.name, second.name),
                    _ => format!("{} and others", first.name),
                }
            }
            all if common_end(all).is_some() => common_end(all).map(sentence).unwrap_or_default(),
            [first, rest @ ..] if rest.iter().all(|m| m.group == first.group) => first.group.into(),
            [first, rest @ ..]
                if rest
                    .iter()
                    .all(|m| m.group.starts_with(group_stem(first.group))) =>
            {
                group_stem(first.group).into()
            }
            [first, ..] if metrics.len() > 2 => format!("{} and others", first.group),
            all => {
                let names: Vec<_> = all.iter().map(|metric| &*metric.name).collect();
                names.join(", ")
            }
        };
        match metrics.iter().all(|metric| metric.stage == "validation") {
            true => format!("{name} (validation)"),
            false => name,
        }
    }

    pub fn unit(&self) -> &'static str {
        let mut units = self.metrics().map(|metric| metric.unit);
        let first = units.next().unwrap_or_default();
        if units.all(|unit| unit == first) {
            first
        } else {
            ""
        }
    }
}

/// What follows the colon in every name, such as "Validation loss" for three identifiers.
fn common_end(metrics: &[MetricDecl]) -> Option<&str> {
    let mut ends = metrics
        .iter()
        .map(|metric| metric.name.split_once(": ").map(|(_, end)| end));
    let first = ends.next()??;
    ends.all(|end| end == Some(first)).then_some(first)
}

fn group_stem(group: &str) -> &str {
    group.split(" by ").next().unwrap_or(group)
}

/// The default plots of a stage.
pub fn default_tiles(stage: Stage) -> Vec<Tile> {
    use declared::*;
    match stage {
        Stage::Pretraining => vec![
            Tile::of([PRETRAINING_LOSS, PRETRAINING_VALIDATION_LOSS]),
            Tile::of([PRETRAINING_GRADIENT_NORM]),
            Tile::of([PRETRAINING_LEARNING_RATE]),
            Tile::of([PRETRAINING_TOKENS_PER_SECOND]),
        ],
        Stage::Identifiers => vec![
            Tile::of(IDENTIFIER_LOSS),
            Tile::of(IDENTIFIER_ACCURACY),
            Tile::of(IDENTIFIER_VALIDATION_LOSS),
            Tile::of(IDENTIFIER_WEIGHTED_F1),
        ],
        Stage::Generator => vec![
            Tile::of([GENERATOR_LOSS, GENERATOR_VALIDATION_LOSS]),
            Tile::of([GENERATOR_PPL]),
            Tile::of([GENERATOR_GRADIENT_NORM]),
            Tile::of([GENERATOR_TOKENS_PER_SECOND]),
        ],
        Stage::Ppo => vec![
            Tile::of([EMPATHY_REWARD]),
            Tile::of(REWARD_KEYS),
            Tile::of([KL_K1, KL_K3, KL_FULL]),
            emp_f1_tile(),
            Tile::of([VALIDATION_EMP_F1_GAIN, VALIDATION_EMP_F1_HELD_OUT_GAIN]),
            Tile::of(VALIDATION_KAPPA_KEYS),
            Tile::of([VALIDATION_PPL]),
            Tile::of([VALIDATION_DIST_1, VALIDATION_DIST_2]),
            Tile::of([VALUE_LOSS]),
            Tile::of([ENTROPY]),
            Tile::of([RESPONSE_LENGTH]),
            Tile::of([CLIP_FRACTION, VALUE_CLIP_FRACTION]),
        ],
        Stage::Dpo => vec![
            Tile::of([DPO_LOSS, DPO_VALIDATION_LOSS]),
            Tile::of([DPO_ACCURACY, DPO_VALIDATION_ACCURACY]),
            Tile::of([DPO_MARGIN, DPO_VALIDATION_MARGIN]),
            Tile::of([DPO_CHOSEN_REWARD, DPO_REJECTED_REWARD]),
            Tile::of([DPO_CHOSEN_LOG_PROB, DPO_REJECTED_LOG_PROB]),
            emp_f1_tile(),
            Tile::of([VALIDATION_EMP_F1_GAIN]),
            Tile::of([VALIDATION_PPL]),
            Tile::of([VALIDATION_DIST_1, VALIDATION_DIST_2]),
            Tile::of([DPO_GRADIENT_NORM]),
        ],
        Stage::Grpo | Stage::Rloo => {
            let all = |keys: &[&str]| {
                let own = keys.iter().map(|key| in_stage(stage.key(), key));
                let own: Vec<String> = own.collect();
                Tile::of(own.iter().map(String::as_str))
            };
            vec![
                all(&[EMPATHY_REWARD]),
                all(&REWARD_KEYS),
                all(&[KL_K1, KL_K3, KL_FULL]),
                all(&[GROUP_REWARD_STD]),
                all(&[GROUP_ZERO_STD]),
                emp_f1_tile(),
                Tile::of([VALIDATION_EMP_F1_GAIN]),
                Tile::of(VALIDATION_KAPPA_KEYS),
                Tile::of([VALIDATION_PPL]),
                Tile::of([VALIDATION_DIST_1, VALIDATION_DIST_2]),
                all(&[ENTROPY]),
                all(&[RESPONSE_LENGTH]),
                all(&[GROUP_CLIP_LOW, GROUP_CLIP_HIGH]),
            ]
        }
        // Those of a run that another program recorded follow from what it logged.
        Stage::Evaluation | Stage::Recorded => Vec::new(),
    }
}

/// The plots of a run that another program recorded, by the names it gave: one for each, but for an evaluation, which is
/// beside the same of the training; what rises by itself comes last.
pub fn recorded_tiles(keys: &[&str]) -> Vec<Tile> {
    const BY_ITSELF: [&str; 4] = ["epoch", "step", "num_tokens", "learning_rate"];
    let last = |key: &str| {
        let end = declared::shown_key(key)
            .rsplit('/')
            .next()
            .unwrap_or_default();
        BY_ITSELF.iter().any(|of| end.ends_with(of)) || end.starts_with('_')
    };
    let (evaluated, trained): (Vec<&str>, Vec<&str>) =
        keys.iter().partition(|key| evaluation_of(key).is_some());
    let mut tiles: Vec<Tile> = trained.iter().map(|key| Tile::of([*key])).collect();
    for key in evaluated {
        let name = evaluation_of(key).unwrap_or_default();
        let same = |tile: &&mut Tile| {
            let names = tile.keys.first().map(|key| declared::shown_key(key));
            names.is_some_and(|of| {
                let of = of
                    .strip_prefix("train_")
                    .or(of.strip_prefix("train/"))
                    .unwrap_or(of);
                of == name
            })
        };
        match tiles.iter_mut().find(same) {
            Some(tile) => tile.keys.push(key.to_string()),
            None => tiles.push(Tile::of([key])),
        }
    }
    tiles.sort_by_key(|tile| tile.keys.iter().any(|key| last(key)));
    tiles
}

/// What an evaluation measured that is called as a `Trainer` calls it: `loss` for `eval_loss`.
fn evaluation_of(key: &str) -> Option<&str> {
    let name = declared::shown_key(key);
    name.strip_prefix("eval_").or(name.strip_prefix("eval/"))
}

/// The most plots that stand in Compare before anybody has chosen any.
const COMPARED: usize = 9;

/// The default plots of several runs: one metric each, of those that any of them has logged.
pub fn compared_tiles(logged: &BTreeSet<&str>) -> Vec<Tile> {
    use declared::*;
    let has = |key: &str| {
        let keys = in_every_stage(key);
        keys.into_iter().find(|key| logged.contains(key.as_str()))
    };
    let reward = RAW_REWARDS.into_iter().find_map(has);
    let wanted = [
        VALIDATION_EMP_F1,
        VALIDATION_EMP_F1_GAIN,
        VALIDATION_EMP_F1_HELD_OUT_GAIN,
        KL_FULL,
        VALIDATION_PPL,
        VALIDATION_DIST_2,
        RESPONSE_LENGTH,
        ENTROPY,
        VALUE_LOSS,
        DPO_LOSS,
        DPO_ACCURACY,
        GENERATOR_LOSS,
        GENERATOR_VALIDATION_LOSS,
        IDENTIFIER_LOSS[0],
        IDENTIFIER_LOSS[1],
        IDENTIFIER_LOSS[2],
        PRETRAINING_LOSS,
    ];
    let mut keys: Vec<String> = reward
        .into_iter()
        .chain(wanted.into_iter().filter_map(has))
        .take(COMPARED)
        .collect();
    if keys.is_empty() {
        // What is logged by no stage that is known here.
        let others = all_with(logged.iter().copied());
        let others = others.filter(|metric| logged.contains(&*metric.key));
        keys.extend(others.take(COMPARED).map(|metric| metric.key.to_string()));
    }
    keys.iter().map(|key| Tile::of([key.as_str()])).collect()
}

/// What a plot of several runs can show: what any of them has logged, each quantity once.
pub fn compared_choices(logged: &BTreeSet<&str>) -> Vec<MetricDecl> {
    let mut seen = BTreeSet::new();
    declared::all_with(logged.iter().copied())
        .filter(|metric| logged.contains(&*metric.key))
        .filter(|metric| seen.insert(as_of_ppo(&metric.key).into_owned()))
        .collect()
}

/// The plots below the result table.
pub fn evaluation_tiles() -> [Tile; 2] {
    [emp_f1_tile(), Tile::of([declared::VALIDATION_PPL])]
}

/// Emp-F1 beside that of auditors and its controls, which are on the same scale.
fn emp_f1_tile() -> Tile {
    Tile::of([
        declared::VALIDATION_EMP_F1,
        declared::VALIDATION_EMP_F1_HELD_OUT,
        declared::VALIDATION_EMP_F1_SHUFFLED,
        declared::VALIDATION_EMP_F1_CONSTANT,
    ])
}

/// The metrics that can be shown for a stage of a run; `own` are those whose names are the run's own. The stage's, those of
/// evaluations, and memory; of another program's run, what that logged.
pub fn choices(stage: Stage, own: &[&str]) -> impl Iterator<Item = MetricDecl> {
    declared::all_with(own.iter().copied()).filter(move |metric| {
        let is_ours = ["memory", "validation"].contains(&metric.stage);
        metric.stage == stage.key() || (is_ours && stage != Stage::Recorded)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plots_of_the_papers_reward_show_the_reward_of_the_run() {
        let defaults = default_tiles(Stage::Ppo);
        let paper: Vec<&str> = [declared::EMPATHY_REWARD]
            .into_iter()
            .chain(declared::REWARD_KEYS)
            .collect();
        let shown = |rewards: &[&str]| -> Vec<Vec<String>> {
            let tiles = defaults.iter().map(|tile| tile.for_rewards(rewards).keys);
            tiles.collect()
        };
        let defaults_shown = shown(&[]);
        assert_eq!(shown(&paper), defaults_shown);
        let own = [TOTAL_REWARD, "ppo/reward/questions", "ppo/reward/words"];
        let other = shown(&own);
        assert_eq!(
            (&other[0][..], &other[1][..]),
            (&[own[0].into()][..], &[own[1].into(), own[2].into()][..])
        );
        assert_eq!(other[2..], defaults_shown[2..]);
        let tile = defaults[1].for_rewards(&own);
        assert_eq!(tile.metrics().count(), 2, "any term is declared");
        let whole = shown(&[TOTAL_REWARD]);
        assert_eq!(whole[0], [TOTAL_REWARD]);
        assert_eq!(whole[1], defaults_shown[1], "a reward without terms");
    }

    #[test]
    fn another_programs_evaluations_are_beside_the_same_of_the_training() {
        let keys = [
            "epoch",
            "eval_loss",
            "eval/kl",
            "train/kl",
            "loss",
            "eval_runtime",
        ];
        let keys = keys.map(|name| declared::recorded_key(name).unwrap());
        let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
        let shown: Vec<Vec<String>> = recorded_tiles(&keys)
            .iter()
            .map(|tile| {
                tile.metrics()
                    .map(|metric| metric.name.to_string())
                    .collect()
            })
            .collect();
        let expected: [&[&str]; 4] = [
            &["train/kl", "eval/kl"],
            &["loss", "eval_loss"],
            &["eval_runtime"],
            &["epoch"],
        ];
        assert_eq!(shown, expected);
        let offered: Vec<_> = choices(Stage::Recorded, &keys).collect();
        assert_eq!(offered.len(), keys.len(), "nothing of ours");
    }

    #[test]
    fn every_default_plot_shows_declared_metrics() {
        for stage in Stage::ALL {
            for tile in default_tiles(stage) {
                assert_eq!(tile.metrics().count(), tile.keys.len(), "{tile:?}");
                assert!(
                    !tile.title().contains("others"),
                    "{tile:?}: {}",
                    tile.title()
                );
            }
        }
    }
}
