//! What the columns of a corpus are called as a table, and back: exports write these titles, and import by looking reads
//! them, so that a table of our own comes back as it was.
//!
//! A title is plain (`rating_anna`) where it is read as what it stands for, else explicit (`anna.scores.rating`). Must not
//! know what is in cells.

use std::collections::BTreeSet;

use super::find;
use super::names::{self, plain};
use super::record::Score;

/// The columns that every table of ours has, in their order.
pub const FIXED: [&str; 6] = ["id", "conversation", "turn", "split", "context", "target"];
/// All scores one by one, where columns of numbers do not say everything.
pub const SCORES: &str = "scores";
/// The systems of a record in their order, where that is not the columns'.
pub const SYSTEMS: &str = "systems";
/// All verdicts one by one.
pub const VERDICTS: &str = "verdicts";

/// A column of a corpus as a table.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum TableColumn {
    Id,
    Conversation,
    Turn,
    Split,
    Context,
    Target,
    /// Those of the responses in their order, which import reads again.
    Systems,
    /// All of them, which import reads again.
    Verdicts,
    /// All of them with their ranges, origins and raters, which import reads again.
    Scores,
    /// What a system answered.
    Response(String),
    Reasoning(String),
    Audio(String),
    /// A system's label of a name.
    LabelOf(String, String),
    /// A system's score of a name.
    ScoreOf(String, String),
    Label(String),
    Score(String),
    /// What was asked, and the two systems in the order of their names.
    Verdict(String, String, String),
}

/// What a title stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Titled {
    /// One of [`FIXED`], [`SYSTEMS`], [`SCORES`] and [`VERDICTS`].
    Fixed,
    Response(String),
    Reasoning(String),
    Audio(String),
    /// A label or a score: which, the title says, or what the column holds.
    Remark {
        system: Option<String>,
        name: String,
        is_score: Option<bool>,
    },
    /// What most verdicts say of two systems.
    Verdict,
}

/// The systems and names that titles are made of.
#[derive(Debug, Default)]
pub struct Titles {
    /// Those with responses, the longest names first, as one may be the end of another.
    answering: Vec<String>,
    /// What verdicts were asked, and the two systems.
    verdicts: BTreeSet<String>,
}

impl Titles {
    /// Of responses of these systems, and of verdicts of these names and pairs.
    pub fn new(
        answering: impl IntoIterator<Item = String>,
        verdicts: impl IntoIterator<Item = [String; 3]>,
    ) -> Titles {
        let mut answering: Vec<String> = answering.into_iter().collect();
        answering.sort_by_key(|system| std::cmp::Reverse(system.len()));
        let verdicts = verdicts.into_iter();
        Titles {
            answering,
            verdicts: verdicts
                .map(|[name, a, b]| pair_title(&name, &a, &b))
                .collect(),
        }
    }

    /// The title of a column: none of those that are `taken`. With `explicit` the title itself says what it is.
    pub fn title(&self, column: &TableColumn, explicit: bool, taken: &BTreeSet<String>) -> String {
        let mut title = explicit_title(column);
        let plain = plain_title(column);
        let mut candidates = [(!explicit).then_some(plain), Some(title.clone())]
            .into_iter()
            .flatten();
        let fits = |title: &String| !taken.contains(title) && self.means(title, column);
        match candidates.find(fits) {
            Some(title) => title,
            None => {
                while taken.contains(&title) {
                    title.push('_');
                }
                title
            }
        }
    }

    /// Whether a title is read as this column.
    fn means(&self, title: &str, column: &TableColumn) -> bool {
        let remark = |of: &Option<String>, named: &String, score: bool| match self.read(title) {
            Titled::Remark {
                system,
                name,
                is_score,
            } => system == *of && name == *named && is_score.is_none_or(|is| is == score),
            _ => false,
        };
        match column {
            TableColumn::Response(system) => self.read(title) == Titled::Response(system.clone()),
            TableColumn::Reasoning(system) => self.read(title) == Titled::Reasoning(system.clone()),
            TableColumn::Audio(system) => self.read(title) == Titled::Audio(system.clone()),
            TableColumn::LabelOf(system, name) => remark(&Some(system.clone()), name, false),
            TableColumn::ScoreOf(system, name) => remark(&Some(system.clone()), name, true),
            TableColumn::Label(name) => remark(&None, name, false),
            TableColumn::Score(name) => remark(&None, name, true),
            TableColumn::Verdict(..) => self.read(title) == Titled::Verdict,
            _ => self.read(title) == Titled::Fixed,
        }
    }

    /// What a title stands for.
    pub fn read(&self, title: &str) -> Titled {
        if FIXED.contains(&title) || [SYSTEMS, SCORES, VERDICTS].contains(&title) {
            return Titled::Fixed;
        }
        if self.verdicts.contains(title) || title.starts_with("verdicts.") {
            return Titled::Verdict;
        }
        if let Some(system) = answering(title) {
            return Titled::Response(system.to_string());
        }
        let of_record = |name: &str, is_score| Titled::Remark {
            system: None,
            name: name.to_string(),
            is_score,
        };
        if let Some(name) = title.strip_prefix("labels.") {
            return of_record(name, Some(false));
        }
        if let Some(name) = title.strip_prefix("scores.") {
            return of_record(name, Some(true));
        }
        for system in &self.answering {
            let of_system = |name: &str, is_score| Titled::Remark {
                system: Some(system.clone()),
                name: name.to_string(),
                is_score,
            };
            if let Some(rest) = title.strip_prefix(system.as_str()) {
                if let Some(name) = rest.strip_prefix(".labels.") {
                    return of_system(name, Some(false));
                }
                if let Some(name) = rest.strip_prefix(".scores.") {
                    return of_system(name, Some(true));
                }
            }
            let before = title.strip_suffix(system.as_str());
            match before.and_then(|before| before.strip_suffix('_')) {
                Some("reasoning") => return Titled::Reasoning(system.clone()),
                Some("audio") => return Titled::Audio(system.clone()),
                Some(name) if !name.is_empty() => return of_system(name, None),
                _ => {}
            }
        }
        of_record(title, None)
    }
}

/// The system whose responses a title is of.
pub fn answering(title: &str) -> Option<&str> {
    if let Some(system) = title.strip_prefix("responses.") {
        return Some(system);
    }
    let system = title.strip_prefix("response_")?;
    // `response_type` says something of responses, and is none.
    let plain = plain(system);
    let says = plain
        .split('_')
        .all(|word| names::OF_RESPONSE.contains(&word));
    (!says && !system.is_empty()).then_some(system)
}

/// Whether a score says more than its number in a column of its name does.
pub fn says_more(score: &Score) -> bool {
    score.rater.is_some()
        || !score.probabilities.is_empty()
        || score.range != find::range(&score.name)
        || score.origin != find::origin(&score.name)
}

fn pair_title(name: &str, first: &str, second: &str) -> String {
    format!("{name}_{first}_{second}")
}

fn plain_title(column: &TableColumn) -> String {
    match column {
        TableColumn::Id => "id".into(),
        TableColumn::Conversation => "conversation".into(),
        TableColumn::Turn => "turn".into(),
        TableColumn::Split => "split".into(),
        TableColumn::Context => "context".into(),
        TableColumn::Target => "target".into(),
        TableColumn::Systems => SYSTEMS.into(),
        TableColumn::Verdicts => VERDICTS.into(),
        TableColumn::Scores => SCORES.into(),
        TableColumn::Response(system) => format!("response_{system}"),
        TableColumn::Reasoning(system) => format!("reasoning_{system}"),
        TableColumn::Audio(system) => format!("audio_{system}"),
        TableColumn::LabelOf(system, name) | TableColumn::ScoreOf(system, name) => {
            format!("{name}_{system}")
        }
        TableColumn::Label(name) | TableColumn::Score(name) => name.clone(),
        TableColumn::Verdict(name, first, second) => pair_title(name, first, second),
    }
}

fn explicit_title(column: &TableColumn) -> String {
    match column {
        TableColumn::Response(system) => format!("responses.{system}"),
        TableColumn::LabelOf(system, name) => format!("{system}.labels.{name}"),
        TableColumn::ScoreOf(system, name) => format!("{system}.scores.{name}"),
        TableColumn::Label(name) => format!("labels.{name}"),
        TableColumn::Score(name) => format!("scores.{name}"),
        TableColumn::Verdict(..) => format!("verdicts.{}", plain_title(column)),
        _ => plain_title(column),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_title_is_read_as_the_column_that_it_is_of() {
        let systems = ["a", "b_a", "type", "human score"].map(str::to_string);
        let asked = ["winner", "a", "a"].map(str::to_string);
        let titles = Titles::new(systems.clone(), [asked]);
        let names = [
            "rating",
            "rating_b",
            "id",
            "scores",
            "reasoning",
            "x_a",
            "response_x",
            "labels.y",
            "winner_a",
        ];
        let mut columns = Vec::new();
        for system in &systems {
            columns.push(TableColumn::Response(system.clone()));
            columns.push(TableColumn::Reasoning(system.clone()));
            columns.push(TableColumn::Audio(system.clone()));
            for name in names {
                columns.push(TableColumn::LabelOf(system.clone(), name.to_string()));
                columns.push(TableColumn::ScoreOf(system.clone(), name.to_string()));
            }
        }
        for name in names {
            columns.push(TableColumn::Label(name.to_string()));
            columns.push(TableColumn::Score(name.to_string()));
        }
        let mut taken: BTreeSet<String> = FIXED.map(str::to_string).into();
        for column in &columns {
            let title = titles.title(column, false, &taken);
            assert!(titles.means(&title, column), "{column:?}: {title}");
            assert!(taken.insert(title));
        }
        let plain = TableColumn::ScoreOf("a".into(), "rating".into());
        assert_eq!(titles.title(&plain, false, &BTreeSet::new()), "rating_a");
        assert_eq!(
            titles.title(&plain, true, &BTreeSet::new()),
            "a.scores.rating"
        );
    }
}
