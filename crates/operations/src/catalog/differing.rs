//! Which settings differ among many runs, from their texts: to parse ten thousand of them would take seconds.

use std::collections::{BTreeSet, HashMap};

use crate::experiment::{RecordedSettings, settings};

/// Collects settings texts one after another; holds the first alone.
#[derive(Clone, Debug, Default)]
pub struct DifferingSettings {
    first: Option<HashMap<String, String>>,
    paths: BTreeSet<String>,
}

impl DifferingSettings {
    /// Takes the settings of a run, as the store keeps them.
    pub fn add(&mut self, config_toml: &str) {
        let Some(first) = &self.first else {
            let values = values(config_toml);
            let own = |(path, value): (String, &str)| (path, value.to_string());
            self.first = Some(values.map(own).collect());
            return;
        };
        let mut seen = 0;
        for (path, value) in values(config_toml) {
            let same = first.get(&path);
            seen += usize::from(same.is_some());
            if same.is_none_or(|same| same != value) {
                self.paths.insert(path);
            }
        }
        if seen < first.len() {
            let there: BTreeSet<String> = values(config_toml).map(|(path, _)| path).collect();
            let missing = first.keys().filter(|path| !there.contains(*path));
            self.paths.extend(missing.cloned());
        }
    }

    /// The paths of the settings that differ, in the order of the configuration; those of other programs behind, by name.
    pub fn paths(&self) -> Vec<String> {
        let known = settings().map(|known| known.path);
        let has_part = |list: &str| {
            let mut parts = self.paths.iter().filter_map(|path| path.strip_prefix(list));
            parts.any(|rest| rest.starts_with('.'))
        };
        let recorded = self.paths.iter();
        let recorded = recorded.filter(|path| RecordedSettings::is_path(path));
        known
            .filter(|path| self.paths.contains(*path) || has_part(path))
            .map(str::to_string)
            .chain(recorded.cloned())
            .collect()
    }
}

/// Paths and values: each setting is on a line of its own, below its table's head. Of a list of tables, each has its
/// number in the path.
fn values(toml: &str) -> impl Iterator<Item = (String, &str)> {
    let mut table = String::new();
    let mut lists = 0;
    toml.lines().filter_map(move |line| {
        let between = |open, close| line.strip_prefix(open)?.strip_suffix(close);
        if let Some(list) = between("[[", "]]") {
            table = format!("{list}.{lists}");
            lists += 1;
            return None;
        }
        if let Some(head) = between("[", "]") {
            table = head.to_string();
            return None;
        }
        let quoted = line.strip_prefix('"').and_then(|rest| rest.find("\" = "));
        let (name, value) = match quoted {
            Some(end) => (&line[..end + 2], &line[end + 5..]),
            None => line.split_once(" = ")?,
        };
        // Another program's name of a setting may be anything, and is in quotes.
        let name = match name.starts_with('"') {
            true => serde_json::from_str(name).ok()?,
            false => name.to_string(),
        };
        Some((format!("{table}.{name}"), value))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::experiment::Config;

    #[test]
    fn the_settings_that_differ_are_found_in_the_texts() {
        let mut config = Config::default();
        let mut differing = DifferingSettings::default();
        differing.add(&config.to_toml());
        differing.add(&config.to_toml());
        assert_eq!(differing.paths(), [""; 0]);
        config.set("run.seed", 7.into()).unwrap();
        config.set("ppo.lr", 0.5.into()).unwrap();
        differing.add(&config.to_toml());
        let mut found = differing.paths();
        found.sort();
        assert_eq!(found, ["ppo.lr", "run.seed"]);
    }

    #[test]
    fn settings_of_another_program_differ_by_their_own_names() {
        let text = |json: serde_json::Value| {
            let mut settings = RecordedSettings::default();
            assert_eq!(settings.add(json.as_object().unwrap()), 0);
            settings.to_toml()
        };
        let mut differing = DifferingSettings::default();
        differing.add(&text(serde_json::json!({"a = \"b": 1, "same": "x\ny = 2"})));
        differing.add(&text(
            serde_json::json!({"a = \"b": 2, "same": "x\ny = 2", "more": true}),
        ));
        assert_eq!(differing.paths(), ["recorded.a = \"b", "recorded.more"]);
    }

    #[test]
    fn terms_of_the_reward_differ_as_a_list() {
        let terms = |weight: &str| {
            format!(
                "[[reward.term]]\nname = \"a\"\nkind = \"length\"\nweight = {weight}\n\
                 [[reward.term]]\nname = \"b\"\nkind = \"repetition\""
            )
        };
        let text = |terms: &str| Config::from_toml("case", terms).unwrap().to_toml();
        for (other, differ) in [
            (terms("2.0"), true),
            (terms("1.0"), false),
            (String::new(), true),
        ] {
            let mut differing = DifferingSettings::default();
            differing.add(&text(&terms("1.0")));
            differing.add(&text(&other));
            let expected: &[&str] = if differ { &["reward.term"] } else { &[] };
            assert_eq!(differing.paths(), expected, "{other}");
        }
    }

    #[test]
    fn a_setting_that_only_one_of_them_has_differs() {
        for texts in [["[ppo]\nlr = 1", "[ppo]"], ["[ppo]", "[ppo]\nlr = 1"]] {
            let mut differing = DifferingSettings::default();
            texts.iter().for_each(|text| differing.add(text));
            assert_eq!(differing.paths(), ["ppo.lr"]);
        }
    }
}
