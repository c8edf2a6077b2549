//! The form as it is drawn: sections, a row for each setting, a control for each kind.

use eframe::egui;
use eframe::egui::{
    Align, Align2, Label, Layout, Rect, RichText, Sense, TextEdit, Ui, Vec2, pos2, vec2,
};
use toml::Value;

use super::FormDone;
use crate::app::format;
use crate::app::queries::needs::Need;
use crate::app::state::form::Form;
use crate::app::theme::{self, size, space, text};
use crate::app::widgets::button::{Button, segments, switch};
use crate::app::widgets::field;
use crate::app::widgets::icon::{self, Icon};
use crate::app::widgets::text as words;
use crate::data::library;
use crate::experiment::{Config, SECTIONS, Setting, SettingKind, Stage, settings, value_words};

impl Form {
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
                            let all = path.ends_with("_limit")
                                && self.values.get(path) == Some(&Value::Integer(0));
                            match setting.unit {
                                Some(unit) if all => {
                                    ui.label(
                                        RichText::new(format!("{unit}: all")).color(t.secondary),
                                    );
                                }
                                Some(unit) => {
                                    ui.label(RichText::new(unit).color(t.secondary));
                                }
                                None => {}
                            }
                        });
                        let refusal = self.refusal(path).map(str::to_string);
                        if let Some(why) = refusal {
                            words::small_coloured(ui, why, t.bad);
                        } else if let Some(need) = need {
                            words::small_coloured(
                                ui,
                                format!("{}: {}", need.what, need.fix),
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
                        match (setting.paper, range(setting)) {
                            (Some(paper), _) => {
                                let words = RichText::new(format!("paper {paper}"))
                                    .font(text::small())
                                    .color(t.secondary);
                                ui.label(words)
                                    .on_hover_text("What the paper states (Sec. IV-B)");
                            }
                            // Beside its field, where nothing of the paper's stands there.
                            (None, Some(range)) => {
                                words::small(ui, range).on_hover_text(TAKEN);
                            }
                            (None, None) => {}
                        }
                    });
                    if let Some(range) = range(setting).filter(|_| setting.paper.is_some()) {
                        ui.horizontal(|ui| {
                            ui.spacing_mut().interact_size.y = 0.0;
                            ui.spacing_mut().item_spacing.x = space::XS;
                            ui.add_space(size::ROW + space::XS);
                            words::small(ui, range).on_hover_text(TAKEN);
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

    pub(super) fn control_ui(&mut self, ui: &mut Ui, setting: &'static Setting, name: &str) {
        let path = setting.path;
        let value = self.values.get(path).cloned();
        match setting.kind {
            SettingKind::Bool => {
                let mut on = value.and_then(|value| value.as_bool()).unwrap_or_default();
                if switch(ui, name, &mut on).changed() {
                    self.put(path, Value::Boolean(on));
                }
            }
            SettingKind::Choice(options) => {
                let chosen = value
                    .as_ref()
                    .and_then(Value::as_str)
                    .unwrap_or_default()
                    .to_string();
                if let Some(word) = choice_ui(ui, name, &chosen, options) {
                    self.put(path, Value::String(word.to_string()));
                }
            }
            SettingKind::List(options) => {
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
            SettingKind::Text if matches!(path, "data.dialogues" | "data.levels") => {
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
            SettingKind::Int { .. } | SettingKind::Float { .. } | SettingKind::Text => {
                let number = !matches!(setting.kind, SettingKind::Text);
                let mut words = match (&self.editing, self.typed.get(path)) {
                    (Some((field, draft)), _) if *field == path => draft.clone(),
                    (_, Some((typed, _))) => typed.clone(),
                    (_, None) => value.as_ref().map(value_words).unwrap_or_default(),
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
    let default = default.as_ref().map(value_words).unwrap_or_default();
    format!("{} in a file; {default} by default", setting.path)
}

const TAKEN: &str = "Values that are taken";

/// The least and the greatest number that a setting takes.
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
