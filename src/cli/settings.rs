//! `emprl settings`: all settings with their meaning, range, default and the paper's value.

use serde_json::json;

use super::{CommandContext, Failure};
use crate::experiment::{
    Config, SECTIONS, Setting, SettingKind, TERMS, TermKind, settings, term_settings,
};

#[derive(Debug, clap::Args)]
pub struct Settings {
    /// Experiment file, or the name of one that comes with the program: shows its values too
    experiment: Option<String>,
}

impl Settings {
    pub fn run(&self, ctx: &CommandContext) -> Result<(), Failure> {
        let name = self.experiment.as_deref();
        let file = name.map(super::input::experiment).transpose()?;
        list(ctx, file.as_ref().map(|file| &file.config))
    }
}

/// Prints every setting, with the values of `own` beside the defaults where it is given.
pub fn list(ctx: &CommandContext, own: Option<&Config>) -> Result<(), Failure> {
    let defaults = Config::default().values();
    let own = own.map(Config::values);
    if ctx.out.json {
        let rows: Vec<_> = settings()
            .chain(term_settings())
            .map(|setting| {
                let mut row = json!({
                    "path": setting.path,
                    "label": setting.label(),
                    "help": setting.help(),
                    "kind": kind(&setting.kind),
                    "range": setting.range(),
                    "unit": setting.unit,
                    "default": defaults.get(setting.path),
                    "paper": setting.paper,
                    "trl": setting.trl,
                });
                if setting.section() == TERMS {
                    row["path"] = format!("{TERMS}.NAME.{}", setting.field()).into();
                    row["of_kind"] = json!(kind_of_term(setting));
                }
                if let Some(own) = &own {
                    row["value"] = json!(own.get(setting.path));
                }
                row
            })
            .collect();
        return ctx.out.document(&rows);
    }
    let mut text = String::new();
    for (section, title) in SECTIONS {
        text += &format!("{title}\n");
        for setting in settings().filter(|setting| setting.section() == *section) {
            let mut facts = Vec::new();
            if let Some(value) = own.as_ref().and_then(|own| own.get(setting.path)) {
                facts.push(format!("here {value}"));
            }
            if let Some(value) = defaults.get(setting.path) {
                facts.push(format!("default {value}"));
            }
            match (setting.range().as_str(), setting.unit) {
                ("", _) => {}
                (range, Some(unit)) => facts.push(format!("{range} {unit}")),
                (range, None) => facts.push(range.to_string()),
            }
            facts.extend(setting.paper.map(|paper| format!("paper {paper}")));
            facts.extend(setting.trl.map(|default| format!("TRL {default}")));
            text += &format!("  {}  ({})\n", setting.path, facts.join("; "));
            let help: Vec<&str> = setting.help().split_whitespace().collect();
            text += &format!("      {}\n", help.join(" "));
        }
        text.push('\n');
    }
    text += "Terms of the reward, each a [[reward.term]] in a file\n";
    for setting in term_settings() {
        let of_kind = match kind_of_term(setting) {
            Some(kind) => format!("kind {kind}"),
            None => "every kind".to_string(),
        };
        let range = match (setting.range().as_str(), setting.unit) {
            ("", _) => String::new(),
            (range, unit) => format!("; {range} {}", unit.unwrap_or_default()),
        };
        let field = setting.field();
        text += &format!("  {TERMS}.NAME.{field}  ({of_kind}{})\n", range.trim_end());
        text += &format!("      {}\n", setting.help());
    }
    text += "\nSet one with `emprl run FILE.toml --set KEY=VALUE`, such as --set ppo.steps=100.\n";
    ctx.out.text(&text)
}

/// The kind of term that has a setting; None for one that all have.
fn kind_of_term(setting: &Setting) -> Option<&'static str> {
    let mut kinds = TermKind::ALL.into_iter().zip(TermKind::WORDS);
    let has = |kind: TermKind| kind.settings().iter().any(|own| std::ptr::eq(own, setting));
    kinds.find(|(kind, _)| has(*kind)).map(|(_, word)| *word)
}

fn kind(kind: &SettingKind) -> &'static str {
    match kind {
        SettingKind::Int { .. } => "whole number",
        SettingKind::Float { .. } => "number",
        SettingKind::Bool => "yes or no",
        SettingKind::Choice(_) => "one word of",
        SettingKind::Text => "text",
        SettingKind::List(_) => "list of words of",
        SettingKind::Texts => "list of texts",
        SettingKind::Terms => "list of terms",
    }
}
