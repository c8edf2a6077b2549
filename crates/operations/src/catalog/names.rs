//! The vocabulary of filters and columns: a run's record, metrics, test results, settings.

use std::borrow::Cow;
use std::collections::{BTreeSet, HashMap};
use std::sync::OnceLock;

use crate::experiment::{RecordedSettings, SettingKind, Stage, changeable, setting, settings};
use crate::filter::{Kind, Name, Vocabulary};
use crate::metrics::declared::{self, all, declared};
use crate::store::{CatalogParts, Names as Read, RunStatus};

/// The prefix of test results.
pub(super) const TEST: &str = "test.";

/// The settings changed during a run.
const CHANGED: &str = "changed";

/// Short names of metrics.
pub const ALIASES: [(&str, &str); 11] = [
    ("reward", declared::EMPATHY_REWARD),
    ("kl", declared::KL_FULL),
    ("kl_k1", declared::KL_K1),
    ("ppl", declared::VALIDATION_PPL),
    ("emp_f1", declared::VALIDATION_EMP_F1),
    ("gain", declared::VALIDATION_EMP_F1_GAIN),
    ("held_out", declared::VALIDATION_EMP_F1_HELD_OUT),
    ("held_out_gain", declared::VALIDATION_EMP_F1_HELD_OUT_GAIN),
    ("dist_1", declared::VALIDATION_DIST_1),
    ("dist_2", declared::VALIDATION_DIST_2),
    ("entropy", declared::ENTROPY),
];

/// Figures of a result that are read without its controls and what auditors found.
const WITHOUT_CONTROLS: [&str; 11] = [
    "ppl",
    "dist_1",
    "dist_2",
    "ead_1",
    "ead_2",
    "emp_f1",
    "emotional_reaction_f1",
    "interpretation_f1",
    "exploration_f1",
    "n",
    "words",
];

const TESTED: [(&str, &str); 21] = [
    ("emp_f1", "Emp-F1 in %"),
    (
        "emp_f1_shuffled",
        "Emp-F1 of the answers shuffled over the contexts, in %",
    ),
    (
        "emp_f1_gain",
        "Emp-F1 less that of the answers shuffled over the contexts, in points",
    ),
    (
        "emp_f1_constant",
        "Emp-F1 of the best constant answer, in %",
    ),
    (
        "emp_f1_held_out",
        "Emp-F1 by auditors, which give no reward, in %",
    ),
    (
        "emp_f1_held_out_shuffled",
        "Emp-F1 by auditors of the answers shuffled over the contexts, in %",
    ),
    (
        "emp_f1_held_out_gain",
        "the gain over shuffled by auditors, in points",
    ),
    (
        "kappa_held_out",
        "Cohen's κ by auditors, mean over mechanisms",
    ),
    ("ppl", "perplexity"),
    ("dist_1", "Dist-1 in %"),
    ("dist_2", "Dist-2 in %"),
    ("ead_1", "EAD-1 in %"),
    ("ead_2", "EAD-2 in %"),
    ("emotional_reaction_f1", "emotional reaction F1 in %"),
    ("interpretation_f1", "interpretation F1 in %"),
    ("exploration_f1", "exploration F1 in %"),
    (
        "emotional_reaction_kappa",
        "Cohen's κ of emotional reaction",
    ),
    ("interpretation_kappa", "Cohen's κ of interpretation"),
    ("exploration_kappa", "Cohen's κ of exploration"),
    ("n", "examples answered"),
    ("words", "mean words per response"),
];

/// The full name of a metric with an alias.
pub(super) fn unalias(name: &str) -> &str {
    ALIASES
        .iter()
        .find(|(alias, _)| *alias == name)
        .map_or(name, |(_, key)| key)
}

/// The keys that a name of a metric stands for: a short one for the same quantity in every stage that trains a policy.
pub(super) fn logged_as(name: &str) -> Vec<String> {
    let key = unalias(name);
    match key == name {
        true => vec![key.to_string()],
        false => declared::in_every_stage(key),
    }
}

/// The parts of runs that have the values of these names.
pub fn parts_of<'a>(names: impl IntoIterator<Item = &'a str>) -> CatalogParts {
    let mut parts = CatalogParts::default();
    let mut metrics = BTreeSet::new();
    let mut figures = BTreeSet::new();
    for name in names {
        let key = unalias(name);
        if name == "reward" {
            let keys = declared::RAW_REWARDS.into_iter();
            metrics.extend(keys.flat_map(declared::in_every_stage));
        } else if let Some(figure) = name.strip_prefix(TEST) {
            figures.insert(figure.to_string());
            parts.controls |= !WITHOUT_CONTROLS.contains(&figure);
        } else if name == CHANGED {
            parts.changes = true;
        } else if setting(name).is_some() || RecordedSettings::is_path(name) {
            parts.settings = true;
            parts.changes = true;
        } else if declared(key).is_some() {
            metrics.extend(logged_as(name));
        }
    }
    parts.metrics = Read::These(metrics);
    parts.results = (!figures.is_empty()).then_some(Read::These(figures));
    parts
}

/// All names for filters and columns.
pub fn vocabulary() -> &'static impl Vocabulary {
    static NAMES: OnceLock<Names> = OnceLock::new();
    NAMES.get_or_init(Names::new)
}

struct Names {
    names: Vec<Name>,
    places: HashMap<String, usize>,
}

impl Vocabulary for Names {
    fn name(&self, name: &str) -> Option<Cow<'_, Name>> {
        let known = self.places.get(name);
        let known = known.map(|at| Cow::Borrowed(&self.names[*at]));
        known.or_else(|| recorded(name).map(Cow::Owned))
    }

    fn names(&self) -> &[Name] {
        &self.names
    }
}

impl Names {
    fn new() -> Names {
        let mut names = record();
        let curve = Kind::Number { curve: true };
        for (alias, key) in ALIASES {
            let help = declared(key).map_or(String::new(), |metric| described(key, &metric.name));
            names.push(named(alias, curve.clone(), &help));
        }
        for (figure, help) in TESTED {
            let help = format!("{help} on the test split, of the run's last system");
            names.push(named(
                &format!("{TEST}{figure}"),
                Kind::Number { curve: false },
                &help,
            ));
        }
        for metric in all() {
            names.push(named(&metric.key, curve.clone(), &metric.name));
        }
        for setting in settings() {
            let kind = match setting.kind {
                SettingKind::Int { .. } | SettingKind::Float { .. } => {
                    Kind::Number { curve: false }
                }
                SettingKind::Bool => Kind::Flag,
                SettingKind::Choice(words) => choice(words.iter().copied()),
                SettingKind::Text => Kind::Text,
                SettingKind::List(_) | SettingKind::Texts | SettingKind::Terms => Kind::List,
            };
            let changes = match changeable().any(|other| other.path == setting.path) {
                true => "; of a run in which it was changed, every value counts",
                false => "",
            };
            let help = format!("setting: {}{changes}", setting.label());
            names.push(named(setting.path, kind, &help));
        }
        let places = names
            .iter()
            .enumerate()
            .map(|(at, name)| (name.name.clone(), at))
            .collect();
        Names { names, places }
    }
}

/// A metric or a setting of runs that other programs recorded: what they are called is those programs' to choose.
fn recorded(name: &str) -> Option<Name> {
    if declared::is_recorded(name) {
        let metric = declared(name)?;
        let curve = Kind::Number { curve: true };
        return Some(named(name, curve, &format!("{}, recorded", metric.name)));
    }
    let is_setting = RecordedSettings::is_path(name);
    is_setting.then(|| named(name, Kind::Any, "setting of another program"))
}

fn record() -> Vec<Name> {
    let number = Kind::Number { curve: false };
    vec![
        named(
            "status",
            choice(RunStatus::ALL.iter().map(|status| status.key())),
            "how it stands",
        ),
        named("tag", Kind::List, "what a person called it by"),
        named("name", Kind::Text, "its name"),
        named("experiment", Kind::Text, "the experiment file"),
        named("seed", number.clone(), "seed of every random draw"),
        named("device", Kind::Text, "where it was computed"),
        named(
            "stage",
            choice(Stage::ALL.iter().map(|stage| stage.key())),
            "its last stage",
        ),
        named("step", number.clone(), "its last step in that stage"),
        named("id", number.clone(), "its number"),
        named("started", Kind::Day, "the day it began, in UTC"),
        named("ended", Kind::Day, "the day it ended, in UTC"),
        named("minutes", number, "how long it has lasted"),
        named("note", Kind::Text, "what a person wrote of it"),
        named("archived", Kind::Flag, "put aside"),
        named(
            "changed",
            choice(changeable().map(|setting| setting.path)),
            "a setting changed while it ran; the word alone finds every such run",
        ),
    ]
}

fn described(key: &str, name: &str) -> String {
    let of = if key.starts_with("validation/") {
        " on the validation subset"
    } else {
        ""
    };
    format!("{name}{of}")
}

fn choice<'a>(words: impl Iterator<Item = &'a str>) -> Kind {
    Kind::Choice(words.map(str::to_string).collect())
}

fn named(name: &str, kind: Kind, help: &str) -> Name {
    Name {
        name: name.to_string(),
        kind,
        help: help.to_string(),
    }
}
