//! Regular expressions of a person's own, which take time in proportion to the text.

use regex::Regex;

/// A regular expression.
#[derive(Clone, Debug)]
pub struct Pattern(Regex);

impl Pattern {
    /// Compiles an expression.
    ///
    /// # Errors
    /// It is none: why, in one line.
    pub fn new(expression: &str) -> Result<Pattern, String> {
        let why = |error: regex::Error| {
            let text = error.to_string();
            text.lines().last().unwrap_or_default().trim().to_string()
        };
        Regex::new(expression).map(Pattern).map_err(why)
    }

    /// Groups with brackets.
    pub fn groups(&self) -> usize {
        self.0.captures_len() - 1
    }

    /// What the first group that took part holds in the last match.
    pub fn last_group<'a>(&self, text: &'a str) -> Option<&'a str> {
        let last = self.0.captures_iter(text).last()?;
        let mut groups = last.iter().skip(1);
        groups.find_map(|group| group).map(|group| group.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_match_counts() {
        let pattern = Pattern::new(r"(?i)score: *(\d)|(\d)/5").unwrap();
        assert_eq!(pattern.groups(), 2);
        assert_eq!(pattern.last_group("Score: 1. No, 3/5."), Some("3"));
        assert_eq!(pattern.last_group("none"), None);
        assert!(Pattern::new("(a").unwrap_err().contains("unclosed"));
    }
}
