//! `emprl settings`: all settings with their meaning, range, default and the paper's value.

use serde_json::json;

use super::{CommandContext, Failure};
use crate::experiment::{Config, SECTIONS, SettingKind, settings};

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
    text += "Set one with `emprl run FILE.toml --set KEY=VALUE`, such as --set ppo.steps=100.\n";
    ctx.out.text(&text)
}

fn kind(kind: &SettingKind) -> &'static str {
    match kind {
        SettingKind::Int { .. } => "whole number",
        SettingKind::Float { .. } => "number",
        SettingKind::Bool => "yes or no",
        SettingKind::Choice(_) => "one word of",
        SettingKind::Text => "text",
        SettingKind::List(_) => "list of words of",
    }
}
