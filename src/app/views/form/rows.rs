//! Drawing the form: sections, a row for each setting, a control for each kind.

use eframe::egui;
use eframe::egui::{Align2, Rect, Sense, TextEdit, Ui, Vec2, pos2, vec2};
use toml::Value;

use super::FormDone;
use crate::app::format;
use crate::app::queries::needs::Need;
use crate::app::state::form::Form;
use crate::app::theme::{self, size, space, text};
use crate::app::widgets::button::{Button, segments, switch};
use crate::app::widgets::field;
use crate::app::widgets::icon::{self, Icon};
use crate::app::widgets::layout;
use crate::app::widgets::text as words;
use crate::data::library;
use crate::experiment::{Config, SECTIONS, Setting, SettingKind, Stage, settings, value_words};

impl Form {
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
            let name = "Find a setting";
            field::search(ui, &mut self.filter, name, name, 220.0);
            ui.add_space(space::S);
            let options = [(false, "All"), (true, "Changed")];
            segments(ui, "Show", &mut self.only_changed, &options);
            let changed = self.changed();
            if changed > 0 {
                ui.add_space(space::S);
                let label = match changed {
                    1 => "Revert 1 change".to_string(),
                    n => format!("Revert {n} changes"),
                };
                if Button::quiet(&label).with_icon(Icon::Revert).clicked(ui) {
                    self.revert_all();
                }
            }
        });
    }

    /// One setting. True when the inputs that the run needs may have changed.
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
                let label = layout::column(ui, words_width, |ui| {
                    ui.spacing_mut().item_spacing.y = 1.0;
                    ui.add_space(6.0);
                    let label = ui.horizontal(|ui| {
                        ui.spacing_mut().item_spacing.x = space::XS;
                        let label = words::label(ui, setting.label(), t.text);
                        if changed {
                            let (dot, _) = ui.allocate_exact_size(Vec2::splat(8.0), Sense::hover());
                            ui.painter().circle_filled(dot.center(), 2.5, t.accent);
                        }
                        label
                    });
                    words::small_coloured(ui, setting.help(), t.secondary);
                    ui.add_space(6.0);
                    label.inner
                });
                let label = label.on_hover_ui(|ui| {
                    ui.label(hint(setting));
                });
                layout::column(ui, control, |ui| {
                    ui.spacing_mut().item_spacing.y = 2.0;
                    ui.add_space(6.0);
                    ui.horizontal(|ui| {
                        ui.spacing_mut().item_spacing.x = space::S;
                        let name = setting.label();
                        ui.label_inputs_by(label.id, |ui| self.control_ui(ui, setting, &name));
                        let all = path.ends_with("_limit")
                            && self.values.get(path) == Some(&Value::Integer(0));
                        if let Some(unit) = setting.unit {
                            let all = if all { ": all" } else { "" };
                            words::label(ui, format!("{unit}{all}"), t.secondary);
                        }
                    });
                    let refusal = self.refusal(path).map(str::to_string);
                    if let Some(why) = refusal {
                        words::small_coloured(ui, why, t.bad);
                    } else if let Some(need) = need {
                        let missing = format!("{}: {}", need.what, need.fix);
                        words::small_coloured(ui, missing, t.warning);
                    }
                    ui.add_space(6.0);
                });
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
                        match (stated(setting), range(setting)) {
                            (Some((value, source)), _) => {
                                words::small_label(ui, value, t.secondary).on_hover_text(source);
                            }
                            // Beside its field, where nobody states anything.
                            (None, Some(range)) => {
                                words::small(ui, range).on_hover_text(ACCEPTED);
                            }
                            (None, None) => {}
                        }
                    });
                    if let Some(range) = range(setting).filter(|_| stated(setting).is_some()) {
                        ui.horizontal(|ui| {
                            ui.spacing_mut().interact_size.y = 0.0;
                            ui.spacing_mut().item_spacing.x = space::XS;
                            ui.add_space(size::ROW + space::XS);
                            words::small(ui, range).on_hover_text(ACCEPTED);
                        });
                    }
                });
            });
        });
        layout::rule_below(ui, ui.max_rect().x_range());
        matches!(
            path,
            "data.dialogues" | "data.levels" | "model.source" | "identifiers.encoder"
        ) && before != self.values.get(path).cloned()
    }

    pub(super) fn control_ui(&mut self, ui: &mut Ui, setting: &'static Setting, name: &str) {
        self.control_at_ui(ui, setting.path, setting, name);
    }

    /// The control of a setting at `path`, which is that of a term where a term has it.
    pub(super) fn control_at_ui(
        &mut self,
        ui: &mut Ui,
        path: &str,
        setting: &'static Setting,
        name: &str,
    ) {
        let value = self.value(path);
        let text = value.as_ref().and_then(Value::as_str).unwrap_or_default();
        match setting.kind {
            SettingKind::Bool => {
                let mut on = value.as_ref().and_then(Value::as_bool).unwrap_or_default();
                if switch(ui, name, &mut on).changed() {
                    self.put(path, Value::Boolean(on));
                }
            }
            SettingKind::Choice(options) => {
                if let Some(word) = choice_ui(ui, name, text, options) {
                    self.put(path, Value::String(word.to_string()));
                }
            }
            SettingKind::List(options) => {
                let items = value.as_ref().and_then(Value::as_array);
                let items = items.into_iter().flatten().filter_map(Value::as_str);
                let chosen: Vec<String> = items.map(str::to_string).collect();
                if let Some(list) = list_ui(ui, &chosen, options) {
                    let list = list.into_iter().map(Value::String).collect();
                    self.put(path, Value::Array(list));
                }
            }
            SettingKind::Text if matches!(path, "data.dialogues" | "data.levels") => {
                let options: &[&str] = match path {
                    "data.dialogues" => &[library::BUILTIN, library::EMPATHETIC_DIALOGUES],
                    _ => &[library::BUILTIN, library::MENTAL_HEALTH_SUBREDDITS],
                };
                if let Some(word) = field::combo(ui, name, text, options, 208.0) {
                    self.put(path, Value::String(word.to_string()));
                }
            }
            SettingKind::Terms => self.terms_ui(ui),
            SettingKind::Int { .. }
            | SettingKind::Float { .. }
            | SettingKind::Text
            | SettingKind::Texts => {
                let lines = setting.kind == SettingKind::Texts;
                let number = !lines && setting.kind != SettingKind::Text;
                let shown = |value: &Value| match value {
                    Value::Array(texts) => {
                        let texts: Vec<&str> = texts.iter().filter_map(Value::as_str).collect();
                        texts.join("\n")
                    }
                    value => value_words(value),
                };
                let mut words = match (&self.editing, self.typed.get(path)) {
                    (Some((field, draft)), _) if field == path => draft.clone(),
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
                let (width, align) = match number {
                    true => (104.0, Align2::RIGHT_CENTER),
                    false => (208.0, Align2::LEFT_CENTER),
                };
                let field = match lines {
                    true => TextEdit::multiline(&mut words).desired_rows(3),
                    false => TextEdit::singleline(&mut words),
                };
                let field = field
                    .desired_width(width)
                    .align(align)
                    .min_size(vec2(width, size::ROW));
                let response = ui.add(field);
                if response.changed() {
                    self.type_in(path, setting, words.clone());
                }
                if response.has_focus() {
                    self.editing = Some((path.to_string(), words));
                } else {
                    self.editing.take_if(|(field, _)| field == path);
                }
            }
        }
    }
}

fn section_head_ui(ui: &mut Ui, title: &str, fields: &[&Setting], open: bool, form: &Form) -> bool {
    let t = theme::of(ui);
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), 36.0), Sense::click());
    let spoken = format!("Section {title}");
    response.widget_info(|| {
        egui::WidgetInfo::selected(egui::Role::DisclosureTriangle, true, open, &spoken)
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
    let galley = words::galley(ui, title, text::heading(), t.text);
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
    words::paint_small(ui.painter(), at, egui::Align2::RIGHT_CENTER, note, colour);
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

/// Check boxes; what is added goes in the order of `options`.
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

/// A setting's path and default.
fn hint(setting: &Setting) -> String {
    let default = Config::default().get(setting.path);
    let default = default.as_ref().map(value_words).unwrap_or_default();
    format!("{} in a file; {default} by default", setting.path)
}

const ACCEPTED: &str = "Accepted values";

/// The value that the paper states, or TRL's default, and where it is from.
fn stated(setting: &Setting) -> Option<(String, &'static str)> {
    let paper = setting.paper.map(|value| {
        (
            format!("paper {value}"),
            "What the paper states (Sec. IV-B)",
        )
    });
    let trl = || Some((format!("TRL {}", setting.trl?), "The default of TRL 0.25.1"));
    paper.or_else(trl)
}

/// The range of a number.
fn range(setting: &Setting) -> Option<String> {
    match setting.kind {
        SettingKind::Int { min, max } => Some(format!(
            "{} to {}",
            format::count(min.unsigned_abs()),
            format::count(max.unsigned_abs())
        )),
        SettingKind::Float { min, max } => Some(format!(
            "{} to {}",
            value_words(&Value::Float(min)),
            value_words(&Value::Float(max))
        )),
        _ => None,
    }
}
