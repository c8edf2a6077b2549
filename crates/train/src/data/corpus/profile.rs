//! What each column of a file holds, as counted over all rows. Knows cells; must not know what columns mean.

use std::collections::{BTreeSet, HashMap};

use serde_json::{Map, Value};

use super::cells::{decimals_after_comma, is_mark, is_missing, list, number, text};
use super::mapping::{Mapping, ScoreColumn};

/// Most values that are told apart.
const MOST_VALUES: usize = 1000;
/// Characters of a value that may be a category.
const LONGEST_VALUE: usize = 60;
/// Values that a category has in any file.
const FEW_VALUES: usize = 64;
/// Lists of a column that are looked into.
const LISTS_READ: usize = 2000;
/// Words among numbers that are named.
const WORDS_NAMED: usize = 3;
/// Lines that are named of numbers with a comma, and of those with a point.
const LINES_NAMED: usize = 3;
/// Roles that are told apart.
const MOST_ROLES: usize = 16;

#[derive(Debug, Default)]
pub struct Profile {
    pub rows: usize,
    /// In the order in which they were seen.
    pub columns: Vec<Column>,
    places: HashMap<String, usize>,
}

#[derive(Debug, Default)]
pub struct Column {
    pub name: String,
    /// Rows in which it is not missing.
    pub present: usize,
    pub numbers: usize,
    pub booleans: usize,
    /// Texts that are no numbers.
    pub texts: usize,
    /// Of these, such as `-` or `None`, which stand for no score.
    marks: usize,
    /// Of these, numbers as `3,5`.
    with_comma: usize,
    /// Of these, such as `1,234`, of which nobody knows whether they are thousands.
    with_three_decimals: usize,
    /// Numbers with a point.
    with_point: usize,
    /// The first lines of numbers with a comma, and of those with a point.
    lines: [Vec<usize>; 2],
    words: usize,
    /// The different values as long as they are short and not too many.
    values: Option<BTreeSet<String>>,
    pub lists: Lists,
}

/// What the lists of a column hold.
#[derive(Debug, Default)]
pub struct Lists {
    pub count: usize,
    items: usize,
    texts: usize,
    turns: usize,
    /// Fields of objects in the lists, in the order in which they were seen.
    pub fields: Vec<TurnField>,
}

/// A field of the objects in lists.
#[derive(Debug, Default)]
pub struct TurnField {
    pub name: String,
    pub present: usize,
    words: usize,
    /// Its values in the order in which they were seen, as long as they are short and few.
    pub values: Option<Vec<String>>,
}

impl Profile {
    /// Counts the columns of a row that begins on this line.
    pub fn add(&mut self, row: &Map<String, Value>, line: usize) {
        self.rows += 1;
        for (name, value) in row {
            let at = match self.places.get(name) {
                Some(at) => *at,
                None => {
                    self.places.insert(name.clone(), self.columns.len());
                    self.columns.push(Column {
                        name: name.clone(),
                        values: Some(BTreeSet::new()),
                        ..Column::default()
                    });
                    self.columns.len() - 1
                }
            };
            self.columns[at].add(value, line);
        }
    }

    pub fn column(&self, name: &str) -> Option<&Column> {
        self.places.get(name).map(|at| &self.columns[*at])
    }

    /// What is odd in columns by a mapping, and can be seen without reading rows; each a sentence.
    pub fn odd_columns(&self, mapping: &Mapping) -> Vec<String> {
        let mut notes = Vec::new();
        notes.extend(self.decimal_commas(mapping.score_columns()));
        for name in mapping.labels.values() {
            let Some(column) = self.column(name) else {
                continue;
            };
            let mostly = 2 * column.numbers > column.present && !column.is_number();
            if let Some(values) = column.values().filter(|_| mostly) {
                let words = values.iter().filter(|value| value.parse::<f64>().is_err());
                let words: Vec<&str> = words.take(WORDS_NAMED).map(String::as_str).collect();
                notes.push(format!(
                    "{name:?} has numbers in {} of {} rows and is kept as a label, for values such as {words:?}; as a score \
                     in the mapping it has its numbers alone.",
                    column.numbers, column.present
                ));
            }
        }
        notes
    }

    /// What is read with decimal commas of these columns; each a sentence.
    pub fn decimal_commas<'a>(&self, scores: impl Iterator<Item = &'a ScoreColumn>) -> Vec<String> {
        let note = |score: &ScoreColumn| {
            let column = self.column(&score.column)?;
            let [comma, point] = &column.lines;
            let mixed = !comma.is_empty() && !point.is_empty();
            match (score.decimal_comma, mixed) {
                (true, false) => Some(format!(
                    "{:?} has decimal commas, and 3,5 is read as 3.5.",
                    score.column
                )),
                (true, true) => Some(format!(
                    "{:?} has decimals after commas ({}) and after points ({}): 3,5 is read as 3.5 (decimal_comma = true in \
                     its part of the mapping).",
                    score.column,
                    lines_of(comma),
                    lines_of(point)
                )),
                (false, _) => None,
            }
        };
        scores.filter_map(note).collect()
    }
}

/// `line 3`, `lines 3, 5`, `lines 3, 5, 8, …`, as more may follow than are kept.
fn lines_of(lines: &[usize]) -> String {
    let shown: Vec<String> = lines.iter().map(usize::to_string).collect();
    let more = if lines.len() == LINES_NAMED {
        ", …"
    } else {
        ""
    };
    match lines.len() {
        1 => format!("line {}", shown.join("")),
        _ => format!("lines {}{more}", shown.join(", ")),
    }
}

impl Column {
    fn add(&mut self, value: &Value, line: usize) {
        if is_missing(value) {
            return;
        }
        self.present += 1;
        if let Some(items) = list(value) {
            self.values = None;
            self.lists.add(&items);
            return;
        }
        let Some(text) = text(value) else { return };
        match value {
            Value::Bool(_) => self.booleans += 1,
            _ if number(value).is_some() => {
                self.numbers += 1;
                if text.contains('.') {
                    self.with_point += 1;
                    self.name_line(1, line);
                }
            }
            _ => {
                self.texts += 1;
                self.marks += usize::from(is_mark(value));
                if let Some(decimals) = decimals_after_comma(&text) {
                    self.with_comma += 1;
                    self.name_line(0, line);
                    self.with_three_decimals += usize::from(decimals == 3);
                }
            }
        }
        self.words += text.split_whitespace().count();
        if let Some(values) = &mut self.values {
            let fits = text.chars().count() <= LONGEST_VALUE;
            if fits && (values.len() < MOST_VALUES || values.contains(&text)) {
                values.insert(text);
            } else {
                self.values = None;
            }
        }
    }

    fn name_line(&mut self, of: usize, line: usize) {
        if self.lines[of].len() < LINES_NAMED {
            self.lines[of].push(line);
        }
    }

    /// The different values, where they are short and not too many.
    pub fn values(&self) -> Option<&BTreeSet<String>> {
        self.values.as_ref()
    }

    pub fn is_empty(&self) -> bool {
        self.present == 0
    }

    pub fn is_number(&self) -> bool {
        self.present > 0 && self.numbers == self.present
    }

    /// Whether numbers are written as `3,5` in it, all that are no whole ones or some of them.
    pub fn has_decimal_commas(&self) -> bool {
        self.with_comma > self.with_three_decimals
    }

    /// Numbers, but for at most one in five values that are no mark of a missing one: those are said to be none when they
    /// are read.
    pub fn is_score(&self) -> bool {
        let commas = match self.has_decimal_commas() {
            true => self.with_comma,
            false => 0,
        };
        let numbers = self.numbers + commas;
        numbers > 0 && 5 * numbers >= 4 * (self.present - self.marks)
    }

    /// Why it is no column of scores though it has many numbers, with what makes it one.
    pub fn is_nearly_score(&self) -> Option<String> {
        let numbers = self.numbers + self.with_comma;
        if self.is_score() || 2 * numbers <= self.present {
            return None;
        }
        let fix = format!(
            "[scores.NAME] with column = {} in the mapping",
            toml::Value::from(self.name.as_str())
        );
        Some(match 5 * numbers >= 4 * (self.present - self.marks) {
            true => format!(
                "numbers such as 1,234, where the comma may stand before decimals or thousands; {fix} and decimal_comma = \
                 true reads decimals"
            ),
            false => format!(
                "numbers in {} of {} rows, and something else in the others; {fix} reads the numbers alone",
                self.numbers, self.present
            ),
        })
    }

    /// Mostly texts.
    pub fn is_text(&self) -> bool {
        self.texts * 2 > self.present
    }

    /// Mostly lists.
    pub fn is_list(&self) -> bool {
        self.lists.count * 2 > self.present
    }

    /// Words of a value in the mean.
    pub fn mean_words(&self) -> f64 {
        self.words as f64 / self.present.max(1) as f64
    }

    /// Short texts, few of them different. What has a digit and never recurs is a name or a time.
    pub fn is_category(&self) -> bool {
        let Some(values) = &self.values else {
            return false;
        };
        let recurs = values.len() * 2 <= self.present;
        let words_alone = || {
            values
                .iter()
                .all(|value| !value.contains(|c: char| c.is_ascii_digit()))
        };
        let few = values.len() <= FEW_VALUES.max(self.present / 100);
        self.present > 0
            && few
            && self.mean_words() <= 4.0
            && (recurs || words_alone() && self.mean_words() <= 2.0)
    }

    /// Texts of several words, most of them different.
    pub fn is_prose(&self) -> bool {
        self.is_text() && !self.is_category() && self.mean_words() >= 2.0
    }

    /// The kind of its content, for a message.
    pub fn kind(&self) -> &'static str {
        match self {
            _ if self.is_empty() => "nothing",
            _ if self.is_list() => "lists",
            _ if self.is_number() => "numbers",
            _ if self.is_category() => "categories",
            _ => "texts",
        }
    }
}

impl Lists {
    fn add(&mut self, items: &[Value]) {
        self.count += 1;
        if self.count > LISTS_READ {
            return;
        }
        for item in items {
            self.items += 1;
            match item {
                Value::String(_) => self.texts += 1,
                Value::Object(turn) => {
                    self.turns += 1;
                    for (name, value) in &super::cells::columns(turn.clone()) {
                        self.field(name, value);
                    }
                }
                _ => {}
            }
        }
    }

    fn field(&mut self, name: &str, value: &Value) {
        let Some(text) = text(value) else { return };
        let at = self.fields.iter().position(|field| field.name == name);
        let at = at.unwrap_or_else(|| {
            self.fields.push(TurnField {
                name: name.to_string(),
                values: Some(Vec::new()),
                ..TurnField::default()
            });
            self.fields.len() - 1
        });
        let field = &mut self.fields[at];
        field.present += 1;
        field.words += text.split_whitespace().count();
        if let Some(values) = &mut field.values
            && !values.contains(&text)
        {
            match values.len() < FEW_VALUES && text.chars().count() <= LONGEST_VALUE {
                true => values.push(text),
                false => field.values = None,
            }
        }
    }

    /// Nearly all items are objects.
    pub fn are_turns(&self) -> bool {
        self.turns > 0 && self.turns * 10 >= self.items * 9
    }

    /// Nearly all items are texts.
    pub fn are_texts(&self) -> bool {
        self.texts > 0 && self.texts * 10 >= self.items * 9
    }

    /// Items of a list in the mean, of those that were looked into.
    pub fn mean_items(&self) -> f64 {
        self.items as f64 / self.count.clamp(1, LISTS_READ) as f64
    }
}

impl TurnField {
    /// Whether its values may be roles.
    pub fn has_roles(&self) -> bool {
        let roles = self.values.as_ref();
        roles.is_some_and(|roles| roles.len() <= MOST_ROLES)
    }

    /// Words of a value in the mean.
    pub fn mean_words(&self) -> f64 {
        self.words as f64 / self.present.max(1) as f64
    }
}
