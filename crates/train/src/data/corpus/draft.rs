//! A mapping to begin with, for a file whose columns say nothing to who looks at their names.

use std::path::Path;

use super::cells;
use super::mapping::MAPPING_FORMAT;
use super::profile::Profile;
use crate::data::error::DataError;
use crate::data::reader::source::{Found, Source};

/// Letters of an example.
const SHOWN_LETTERS: usize = 160;

/// What stands in every draft: each part of a mapping, to be uncommented and filled in.
const PARTS: &str = r#"
# Name a column where a name in capitals stands, and take the # away. What is not named is left out.

# id = "COLUMN"
# conversation = "COLUMN"       # what has one is never parted by a split
# target = "COLUMN"             # the listener's own answer

# [context]
# text = ["COLUMN"]

# [[responses]]                 # of each system
# system = "NAME"               # or system_column = "COLUMN"
# text = "COLUMN"

# [labels]
# emotion = "COLUMN"

# [scores.rating]
# column = "COLUMN"
# range = [1.0, 5.0]
# decimal_comma = true          # where 3,5 is a number
# origin = "human"              # or "model", "judge"
# named_by = "COLUMN"           # what was rated, where each row has a score of one thing among several

# [raters]                      # who gave the scores, where several rated the same answers in rows of their own
# column = "COLUMN"
# judges = ["NAME"]             # language models among them

# [verdicts.better]             # which of two systems is better
# column = "COLUMN"
# system_columns = ["COLUMN A", "COLUMN B"]   # or systems = ["NAME", "NAME"]
# first = ["A"]                 # what stands for each in the column, beside their names
# second = ["B"]
# tie = ["tie"]
# judge_column = "COLUMN"
# judges = ["NAME"]             # language models among them
# origin = "human"

# [turns]                       # a conversation in one column, in place of [context]
# list = "COLUMN"
# separator = " EOS "           # between turns that are one text
# forms = ["{who}: {text}"]     # how each is written; the first that fits counts
# role = "who"
# speaker = ["user"]
# listener = ["bot"]
# text = "text"
# last = true                   # only the last turn of a row answers
"#;

/// The draft of a mapping: the columns with what they hold, and what can be said of them.
///
/// # Errors
/// The file cannot be read, or holds no rows.
pub fn draft(path: &Path) -> Result<String, DataError> {
    let (source, header) = match Source::open(path) {
        Ok(source) => (source, true),
        // The first error is the one to report.
        Err(error) => match Source::open_as(path, Some(false)) {
            Ok(source) => (source, false),
            Err(_) => return Err(error),
        },
    };
    let mut profile = Profile::default();
    let mut first = None;
    for found in source.rows()? {
        if let Found::Row(row) = found? {
            let row = cells::columns(row.fields);
            profile.add(&row, 0);
            first.get_or_insert(row);
        }
    }
    let Some(first) = first else {
        return Err(DataError::file(path, "has no rows", "give at least one"));
    };
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let mut text = format!(
        "# A mapping to begin with for {}, whose columns are\n",
        comment(&name)
    );
    for column in &profile.columns {
        let example = first.get(&column.name).and_then(cells::label);
        let example =
            example.map_or_else(String::new, |example| format!(": {}", comment(&example)));
        let named = toml::Value::from(column.name.as_str());
        text += &format!(
            "#   {} ({}){example}\n",
            comment(&named.to_string()),
            column.kind()
        );
    }
    text += &format!("\nformat = {MAPPING_FORMAT}\n");
    if !header {
        text += "header = false\n";
    }
    Ok(text + PARTS)
}

/// A text as a part of a comment: its beginning, on one line.
fn comment(text: &str) -> String {
    let letters = text.chars().take(SHOWN_LETTERS);
    let shown = |letter: char| if letter.is_control() { ' ' } else { letter };
    let mut line: String = letters.map(shown).collect();
    if line.len() < text.len() {
        line.push('…');
    }
    line
}

#[cfg(test)]
mod tests {
    use super::super::Mapping;
    use super::*;

    #[test]
    fn a_draft_is_a_mapping_and_names_all_columns() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.tsv");
        std::fs::write(&path, "1 Hello there, you\n0 Hi \u{1b}[2J\n").unwrap();
        let text = draft(&path).unwrap();
        assert!(
            text.contains("#   \"1\" (texts): 1 Hello there, you\n"),
            "{text}"
        );
        let mapping = Mapping::from_toml(&path, &text).unwrap();
        assert_eq!((mapping.header, mapping.columns().len()), (Some(false), 0));
        // Each part is one where it is uncommented; turns take the place of the context.
        let all = PARTS
            .replace("\n# ", "\n")
            .replace("\nName a", "\n# Name a");
        let (rest, turns) = all.split_once("\n[turns]").unwrap();
        let read =
            |text: String| Mapping::from_toml(&path, &format!("format = 1\n{text}")).unwrap();
        let mapping = read(rest.to_string());
        assert_eq!((mapping.verdicts.len(), mapping.scores.len()), (1, 1));
        assert!(read(format!("[turns]{turns}")).turns.unwrap().last);
    }
}
