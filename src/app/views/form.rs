//! The form of an experiment: every setting, made from the typed descriptors.
//!
//! Holds what was typed until it is a value; wrong values are refused beside their field.

use eframe::egui;
use std::collections::{BTreeMap, BTreeSet};

use eframe::egui::{
    Align, Align2, Label, Layout, Rect, RichText, Sense, TextEdit, Ui, Vec2, pos2, vec2,
};
use toml::Value;

use crate::app::format;
use crate::app::reader::Need;
use crate::app::theme::{self, size, space, text};
use crate::app::widgets::button::{Button, segments, switch};
use crate::app::widgets::field;
use crate::app::widgets::icon::{self, Icon};
use crate::app::widgets::text as words;
use crate::data::library;
use crate::experiment::{
    Config, ExperimentFile, Kind, SECTIONS, Setting, Stage, setting, settings,
};

/// An experiment whose settings are being chosen.
#[derive(Debug)]
pub struct Form {
    pub name: String,
    /// As the file has them.
    file: BTreeMap<String, Value>,
    pub config: Config,
    values: BTreeMap<String, Value>,
    /// What was typed and is no value yet, with what is wrong with it.
    typed: BTreeMap<String, (String, String)>,
    /// The field that has the keyboard, and its text as it was typed: `2.` is on its way to `2.5`.
    editing: Option<(&'static str, String)>,
    /// Settings that contradict each other.
    problems: BTreeMap<String, String>,
    filter: String,
    only_changed: bool,
    open: BTreeSet<&'static str>,
}

/// Settings that stand above the sections.
const ABOVE: [&str; 2] = ["run.device", "run.seed"];

/// What the form asks for beside its own changes.
#[derive(Debug, Default)]
pub struct FormDone {
    /// A setting changed that decides what the run needs.
    pub needs_changed: bool,
}

impl Form {
    pub fn new(file: &ExperimentFile) -> Self {
        let values = file.config.values();
        let mut form = Form {
            name: file.name.clone(),
            file: values.clone(),
            config: file.config.clone(),
            values,
            typed: BTreeMap::new(),
            editing: None,
            problems: BTreeMap::new(),
            filter: String::new(),
            only_changed: false,
            open: ["run", "ppo", "reward"].into_iter().collect(),
        };
        form.check();
        form
    }

    /// How many fields are refused.
    pub fn refused(&self) -> usize {
        self.typed
            .keys()
            .chain(self.problems.keys())
            .collect::<BTreeSet<_>>()
            .len()
    }

    /// How many settings differ from the file.
    pub fn changed(&self) -> usize {
        self.values
            .iter()
            .filter(|(path, value)| self.file.get(*path) != Some(*value))
            .count()
    }

    /// Every setting as the file has it.
    pub fn revert_all(&mut self) {
        for (path, value) in self.file.clone() {
            self.put(&path, value);
        }
        self.typed.clear();
    }

    /// Sets a value that the kind of the setting allows.
    pub fn put(&mut self, path: &str, value: Value) {
        self.typed.remove(path);
        self.editing = None;
        match self.config.set(path, value) {
            Ok(()) => {
                self.values = self.config.values();
                self.check();
            }
            Err(problem) => {
                self.typed
                    .insert(path.to_string(), (String::new(), problem.message));
            }
        }
    }

    /// Takes what was typed: a value, or text with what is wrong with it.
    fn type_in(&mut self, setting: &Setting, words: String) {
        let value = match setting.kind {
            Kind::Int { .. } => words
                .replace(['\u{2009}', ' ', '_'], "")
                .parse()
                .map(Value::Integer)
                .ok(),
            Kind::Float { .. } => words
                .trim()
                .replace(',', ".")
                .parse()
                .map(Value::Float)
                .ok(),
            _ => Some(Value::String(words.trim().to_string())),
        };
        let refusal = match value {
            None => Some(format!(
                "\"{}\" is not a number; it goes from {}",
                words.trim(),
                setting.range()
            )),
            Some(value) => match self.config.set(setting.path, value) {
                Ok(()) => None,
                Err(problem) => Some(problem.message),
            },
        };
        match refusal {
            Some(why) => {
                self.typed.insert(setting.path.to_string(), (words, why));
            }
            None => {
                self.typed.remove(setting.path);
                self.values = self.config.values();
                self.check();
            }
        }
    }

    /// A button that puts a setting back as the file has it.
    pub fn revert_ui(&mut self, ui: &mut Ui, path: &str) {
        let Some(value) = self.file.get(path).cloned() else {
            return;
        };
        let hint = format!("Back to the file's {}", shown(&value));
        if ui.add(Button::icon(Icon::Revert, &hint)).clicked() {
            self.put(path, value);
        }
    }

    /// The field of the seed, which stands above the sections.
    pub fn seed_ui(&mut self, ui: &mut Ui, label: eframe::egui::Id) {
        if let Some(setting) = setting("run.seed") {
            ui.label_inputs_by(label, |ui| self.control_ui(ui, setting, "Seed"));
            if let Some(why) = self.refusal(setting.path) {
                words::small_coloured(ui, why, theme::of(ui).bad);
            }
        }
    }

    fn check(&mut self) {
        self.problems.clear();
        for problem in self.config.problems() {
            self.problems.entry(problem.path).or_insert(problem.message);
        }
    }

    pub fn is_changed(&self, path: &str) -> bool {
        self.values.get(path) != self.file.get(path)
    }

    fn refusal(&self, path: &str) -> Option<&str> {
        self.typed
            .get(path)
            .map(|(_, why)| why.as_str())
            .or(self.problems.get(path).map(String::as_str))
    }

    fn matches(&self, setting: &Setting) -> bool {
        if ABOVE.contains(&setting.path) {
            return false;
        }
        if self.only_changed
            && !self.is_changed(setting.path)
            && self.refusal(setting.path).is_none()
        {
            return false;
        }
        let wanted = self.filter.to_lowercase();
        wanted.split_whitespace().all(|word| {
            setting.path.contains(word)
                || setting.label().to_lowercase().contains(word)
                || setting.help().to_lowercase().contains(word)
        })
    }

    /// Draws the sections.
    pub fn sections_ui(&mut self, ui: &mut Ui, needs: &[Need]) -> FormDone {
        let mut done = FormDone::default();
        ui.spacing_mut().item_spacing.y = 0.0;
        self.tools_ui(ui);
        ui.add_space(space::S);
        let searching = !self.filter.trim().is_empty() || self.only_changed;
        let mut found = false;
        for (section, title) in SECTIONS {
            let fields: Vec<&Setting> = settings()
                .filter(|setting| setting.section() == *section && self.matches(setting))
                .collect();
            if fields.is_empty() {
                continue;
            }
            found = true;
            let refused = fields
                .iter()
                .any(|setting| self.refusal(setting.path).is_some());
            let open = searching || refused || self.open.contains(section);
            if section_head_ui(ui, title, &fields, open, self) && !searching {
                if open {
                    self.open.remove(section);
                } else {
                    self.open.insert(section);
                }
            }
            if open {
                for setting in fields {
                    let need = needs.iter().find(|need| need.path == setting.path);
                    done.needs_changed |= self.row_ui(ui, setting, need);
                }
                ui.add_space(space::M);
            }
        }
        if !found {
            ui.add_space(space::M);
            words::secondary(ui, "No setting matches.");
        }
        done
    }

    fn tools_ui(&mut self, ui: &mut Ui) {
        ui.horizontal(|ui| {
            field::search(
                ui,
                &mut self.filter,
                "Find a setting",
                "Find a setting",
                220.0,
            );
            ui.add_space(space::S);
            let mut only = self.only_changed;
            segments(ui, "Show", &mut only, &[(false, "All"), (true, "Changed")]);
            self.only_changed = only;
            let changed = self.changed();
            if changed > 0 {
                ui.add_space(space::S);
                let label = match changed {
                    1 => "Revert 1 change".to_string(),
                    n => format!("Revert {n} changes"),
                };
                if ui
                    .add(Button::quiet(&label).with_icon(Icon::Revert))
                    .clicked()
                {
                    self.revert_all();
                }
            }
        });
    }

    /// One setting. True when what the run needs may have changed.
    fn row_ui(&mut self, ui: &mut Ui, setting: &'static Setting, need: Option<&Need>) -> bool {
        let t = theme::of(ui);
        let path = setting.path;
        let changed = self.is_changed(path);
        let before = self.values.get(path).cloned();
        ui.push_id(path, |ui| {
            ui.horizontal_top(|ui| {
                ui.spacing_mut().item_spacing.x = space::S;
                let control = 224.0;
                let words_width = (ui.available_width() - control - 150.0).max(160.0);
                let label = ui.allocate_ui_with_layout(
                    vec2(words_width, 10.0),
                    Layout::top_down(Align::Min),
                    |ui| {
                        ui.set_width(words_width);
                        ui.spacing_mut().item_spacing.y = 1.0;
                        ui.add_space(6.0);
                        let label = ui.horizontal(|ui| {
                            ui.spacing_mut().item_spacing.x = space::XS;
                            let label = ui.label(RichText::new(setting.label()).color(t.text));
                            if changed {
                                let (dot, _) =
                                    ui.allocate_exact_size(Vec2::splat(8.0), Sense::hover());
                                ui.painter().circle_filled(dot.center(), 2.5, t.accent);
                            }
                            label
                        });
                        let help = RichText::new(setting.help())
                            .font(text::small())
                            .color(t.secondary);
                        ui.add(Label::new(help).wrap());
                        ui.add_space(6.0);
                        label.inner
                    },
                );
                let label = label.inner.on_hover_ui(|ui| {
                    ui.label(hint(setting));
                });
                ui.allocate_ui_with_layout(
                    vec2(control, 10.0),
                    Layout::top_down(Align::Min),
                    |ui| {
                        ui.set_width(control);
                        ui.spacing_mut().item_spacing.y = 2.0;
                        ui.add_space(6.0);
                        ui.horizontal(|ui| {
                            ui.spacing_mut().item_spacing.x = space::S;
                            let name = setting.label();
                            ui.label_inputs_by(label.id, |ui| self.control_ui(ui, setting, &name));
                            if let Some(unit) = setting.unit {
                                ui.label(RichText::new(unit).color(t.secondary));
                            }
                        });
                        let refusal = self.refusal(path).map(str::to_string);
                        if let Some(why) = refusal {
                            words::small_coloured(ui, why, t.bad);
                        } else if let Some(need) = need {
                            words::small_coloured(
                                ui,
                                format!("{}: {}", need.what, need.mend),
                                t.warning,
                            );
                        }
                        ui.add_space(6.0);
                    },
                );
                ui.vertical(|ui| {
                    ui.spacing_mut().item_spacing.y = 0.0;
                    ui.add_space(6.0);
                    ui.horizontal(|ui| {
                        ui.set_min_height(size::ROW);
                        ui.spacing_mut().item_spacing.x = space::XS;
                        if changed {
                            self.revert_ui(ui, path);
                        } else {
                            ui.add_space(size::ROW + space::XS);
                        }
                        if let Some(paper) = setting.paper {
                            let words = RichText::new(format!("paper {paper}"))
                                .font(text::small())
                                .color(t.secondary);
                            ui.label(words)
                                .on_hover_text("What the paper states (Sec. IV-B)");
                        }
                    });
                    if let Some(range) = range(setting) {
                        ui.horizontal(|ui| {
                            ui.spacing_mut().interact_size.y = 0.0;
                            ui.spacing_mut().item_spacing.x = space::XS;
                            ui.add_space(size::ROW + space::XS);
                            words::small(ui, range).on_hover_text("Values that are taken");
                        });
                    }
                });
            });
        });
        let line = ui.cursor().top();
        ui.painter()
            .hline(ui.max_rect().x_range(), line, t.line_stroke());
        ui.add_space(1.0);
        matches!(path, "data.dialogues" | "data.levels" | "model.source")
            && before != self.values.get(path).cloned()
    }

    fn control_ui(&mut self, ui: &mut Ui, setting: &'static Setting, name: &str) {
        let path = setting.path;
        let value = self.values.get(path).cloned();
        match setting.kind {
            Kind::Bool => {
                let mut on = value.and_then(|value| value.as_bool()).unwrap_or_default();
                if switch(ui, name, &mut on).changed() {
                    self.put(path, Value::Boolean(on));
                }
            }
            Kind::Choice(options) => {
                let chosen = value
                    .as_ref()
                    .and_then(Value::as_str)
                    .unwrap_or_default()
                    .to_string();
                if let Some(word) = choice_ui(ui, name, &chosen, options) {
                    self.put(path, Value::String(word.to_string()));
                }
            }
            Kind::List(options) => {
                let chosen: Vec<String> = value
                    .as_ref()
                    .and_then(Value::as_array)
                    .map(|items| {
                        items
                            .iter()
                            .filter_map(|item| item.as_str().map(str::to_string))
                            .collect()
                    })
                    .unwrap_or_default();
                if let Some(list) = list_ui(ui, &chosen, options) {
                    self.put(
                        path,
                        Value::Array(list.into_iter().map(Value::String).collect()),
                    );
                }
            }
            Kind::Text if matches!(path, "data.dialogues" | "data.levels") => {
                let chosen = value
                    .as_ref()
                    .and_then(Value::as_str)
                    .unwrap_or_default()
                    .to_string();
                let options: &[&str] = match path {
                    "data.dialogues" => &[library::BUILTIN, library::EMPATHETIC_DIALOGUES],
                    _ => &[library::BUILTIN, library::MENTAL_HEALTH_SUBREDDITS],
                };
                if let Some(word) = field::combo(ui, name, &chosen, options, 208.0) {
                    self.put(path, Value::String(word.to_string()));
                }
            }
            Kind::Int { .. } | Kind::Float { .. } | Kind::Text => {
                let number = !matches!(setting.kind, Kind::Text);
                let mut words = match (&self.editing, self.typed.get(path)) {
                    (Some((field, draft)), _) if *field == path => draft.clone(),
                    (_, Some((typed, _))) => typed.clone(),
                    (_, None) => value.as_ref().map(shown).unwrap_or_default(),
                };
                let wrong = self.refusal(path).is_some();
                let t = theme::of(ui);
                if wrong {
                    let visuals = &mut ui.visuals_mut().widgets;
                    for state in [&mut visuals.inactive, &mut visuals.hovered] {
                        state.bg_stroke = egui::Stroke::new(1.0, t.bad);
                    }
                }
                let width = if number { 104.0 } else { 208.0 };
                let align = if number {
                    Align2::RIGHT_CENTER
                } else {
                    Align2::LEFT_CENTER
                };
                let field = TextEdit::singleline(&mut words)
                    .desired_width(width)
                    .align(align)
                    .min_size(vec2(width, size::ROW));
                let response = ui.add(field);
                if response.changed() {
                    self.type_in(setting, words.clone());
                }
                if response.has_focus() {
                    self.editing = Some((path, words));
                } else if self
                    .editing
                    .as_ref()
                    .is_some_and(|(field, _)| *field == path)
                {
                    self.editing = None;
                }
            }
        }
    }
}

fn section_head_ui(ui: &mut Ui, title: &str, fields: &[&Setting], open: bool, form: &Form) -> bool {
    let t = theme::of(ui);
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), 36.0), Sense::click());
    response.widget_info(|| {
        egui::WidgetInfo::selected(
            egui::Role::DisclosureTriangle,
            true,
            open,
            format!("Section {title}"),
        )
    });
    if response.hovered() {
        ui.painter().rect_filled(rect, size::RADIUS, t.hover);
    }
    let mark = Rect::from_center_size(pos2(rect.left() + 10.0, rect.center().y), Vec2::splat(12.0));
    if open {
        icon::paint(ui.painter(), mark, Icon::Chevron, t.secondary);
    } else {
        icon::paint_closed(ui.painter(), mark, t.secondary);
    }
    let galley = ui
        .painter()
        .layout_no_wrap(title.to_owned(), text::heading(), t.text);
    let at = pos2(rect.left() + 24.0, rect.center().y - galley.size().y / 2.0);
    words::paint_strong(ui, at, galley, t.text);
    let changed = fields
        .iter()
        .filter(|setting| form.is_changed(setting.path))
        .count();
    let note = match changed {
        0 => how_many(fields.len()),
        n => format!("{}, {n} changed", how_many(fields.len())),
    };
    let colour = if changed > 0 { t.accent } else { t.secondary };
    let at = pos2(rect.right() - space::S, rect.center().y);
    ui.painter()
        .text(at, egui::Align2::RIGHT_CENTER, note, text::small(), colour);
    crate::app::widgets::button::focus_ring(ui, &response, rect);
    response.clicked()
}

fn how_many(settings: usize) -> String {
    match settings {
        1 => "1 setting".into(),
        n => format!("{n} settings"),
    }
}

fn choice_ui(
    ui: &mut Ui,
    name: &str,
    chosen: &str,
    options: &'static [&'static str],
) -> Option<&'static str> {
    let letters: usize = options.iter().map(|word| word.len() + 3).sum();
    if letters > 26 {
        return field::combo(ui, name, chosen, options, 208.0);
    }
    let mut now = options
        .iter()
        .copied()
        .find(|word| *word == chosen)
        .unwrap_or_default();
    let pairs: Vec<(&'static str, &str)> = options.iter().map(|word| (*word, *word)).collect();
    segments(ui, name, &mut now, &pairs).then_some(now)
}

/// Boxes to tick; those ticked are kept in the order of `options`, unless they stood otherwise.
fn list_ui(
    ui: &mut Ui,
    chosen: &[String],
    options: &'static [&'static str],
) -> Option<Vec<String>> {
    let mut changed = None;
    ui.vertical(|ui| {
        ui.spacing_mut().item_spacing.y = 0.0;
        for word in options {
            let mut on = chosen.iter().any(|have| have == word);
            let title = Stage::from_key(word).map_or(*word, Stage::title);
            if field::tick(ui, title, &mut on).changed() {
                let mut list = chosen.to_vec();
                if on {
                    let place = |word: &str| options.iter().position(|option| *option == word);
                    let at = list
                        .iter()
                        .position(|have| place(have) > place(word))
                        .unwrap_or(list.len());
                    list.insert(at, word.to_string());
                } else {
                    list.retain(|have| have != word);
                }
                changed = Some(list);
            }
        }
    });
    changed
}

/// Where a setting stands in a file, and what it is when no file says.
fn hint(setting: &Setting) -> String {
    let default = Config::default().get(setting.path);
    let default = default.as_ref().map(shown).unwrap_or_default();
    format!("{} in a file; {default} by default", setting.path)
}

/// The least and the greatest number that a setting takes.
fn range(setting: &Setting) -> Option<String> {
    match setting.kind {
        Kind::Int { min, max } => Some(format!(
            "{} to {}",
            format::count(min.unsigned_abs()),
            format::count(max.unsigned_abs())
        )),
        Kind::Float { min, max } => Some(format!(
            "{} to {}",
            shown(&Value::Float(min)),
            shown(&Value::Float(max))
        )),
        _ => None,
    }
}

/// A value as a person writes it.
pub fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Float(number) => {
            let plain = format!("{number}");
            if *number != 0.0 && (number.abs() < 1e-3 || number.abs() >= 1e6) {
                format!("{number:e}")
            } else {
                plain
            }
        }
        Value::Array(items) => items.iter().map(shown).collect::<Vec<_>>().join(", "),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::experiment::presets;

    fn form() -> Form {
        Form::new(&presets().unwrap()[0])
    }

    #[test]
    fn what_is_typed_is_a_value_or_refused_with_the_range() {
        let mut form = form();
        let steps = setting("ppo.steps").unwrap();
        form.type_in(steps, "12".into());
        assert_eq!(form.config.ppo.steps, 12);
        assert_eq!(form.changed(), 1);
        assert_eq!(form.refused(), 0);
        form.type_in(steps, "many".into());
        assert_eq!(form.refused(), 1);
        assert!(form.refusal("ppo.steps").unwrap().contains("not a number"));
        assert_eq!(form.config.ppo.steps, 12);
        form.revert_all();
        assert_eq!(form.refused(), 0);
        assert_eq!(form.changed(), 0);
    }

    #[test]
    fn contradictions_stand_beside_their_field() {
        let mut form = form();
        form.put(
            "run.stages",
            Value::Array(vec![Value::String("ppo".into())]),
        );
        assert!(form.refusal("run.stages").is_some());
        assert_eq!(form.refused(), 1);
    }

    #[test]
    fn values_are_shown_as_they_are_written() {
        assert_eq!(shown(&Value::Float(1.41e-5)), "1.41e-5");
        assert_eq!(shown(&Value::Float(0.95)), "0.95");
        assert_eq!(shown(&Value::Integer(24_000)), "24000");
    }
}
