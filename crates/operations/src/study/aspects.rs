//! What a rating asks: its aspects, each with a scale and what its ends mean. The paper's three are the default.
//!
//! They are chosen before a study is made and go with it everywhere: pages, packs, results, exports. Knows no system.

use std::sync::LazyLock;

use serde::{Deserialize, Serialize};

use super::error::StudyError;
use super::judgement::Score;
use crate::text::alike;

/// Most aspects of a rating, and the least and most points of a scale.
pub const ASPECTS_LIMIT: usize = 6;
pub const LEAST_POINTS: u8 = 2;
pub const MOST_POINTS: u8 = 11;
/// The points of a scale of which nothing else is said.
const USUAL_POINTS: u8 = 5;
/// The longest name or end of a scale, and the longest question, in characters.
const NAME_LIMIT: usize = 40;
const QUESTION_LIMIT: usize = 120;

/// An aspect of a rating.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Aspect {
    pub name: String,
    /// What it means, or is asked.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub question: String,
    /// What 1 means, and the highest point; may be empty.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub low: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub high: String,
    #[serde(default = "usual_points")]
    pub points: u8,
    /// Whether the shuffled words of an attention check must get a low score in it, as in fluency.
    #[serde(default, skip_serializing_if = "is_no")]
    pub check: bool,
}

/// The aspects of a rating, in the order in which they are asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Aspects(pub Vec<Aspect>);

/// A file with what a rating asks.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    aspect: Vec<Aspect>,
}

static PAPER: LazyLock<Aspects> = LazyLock::new(|| {
    let aspect = |name: &str, question: &str, check| Aspect {
        name: name.to_string(),
        question: question.to_string(),
        low: Score::WORDS[0].to_string(),
        high: Score::WORDS[4].to_string(),
        points: USUAL_POINTS,
        check,
    };
    Aspects(vec![
        aspect(
            "Empathy",
            "whether the response expresses understanding of the speaker's situation and feelings and conveys \
             fitting emotions",
            false,
        ),
        aspect(
            "Relevance",
            "whether the response is relevant to the context",
            false,
        ),
        aspect(
            "Fluency",
            "whether the response is natural and fluent",
            true,
        ),
    ])
});

impl Aspect {
    /// An aspect of which nothing is said yet.
    pub fn new(name: &str) -> Aspect {
        Aspect {
            name: name.to_string(),
            question: String::new(),
            low: String::new(),
            high: String::new(),
            points: USUAL_POINTS,
            check: false,
        }
    }

    /// What a point means; empty in between.
    pub fn word(&self, point: u8) -> &str {
        match point {
            1 => &self.low,
            _ if point == self.points => &self.high,
            _ => "",
        }
    }

    /// The highest score that passes an attention check: 2 of 5, and as much of other scales.
    pub fn noticed(&self) -> u8 {
        (self.points * 2 / USUAL_POINTS).max(1)
    }

    /// A line of the instructions.
    fn line(&self) -> String {
        let end = |point: u8, word: &str| match word {
            "" => point.to_string(),
            word => format!("{point} {word}"),
        };
        let colon = if self.question.is_empty() { "" } else { ": " };
        format!(
            "{}{colon}{} ({} … {})",
            self.name,
            self.question.trim_end_matches('.'),
            end(1, &self.low),
            end(self.points, &self.high)
        )
    }
}

impl Aspects {
    /// The paper's three.
    pub fn paper() -> &'static Aspects {
        &PAPER
    }

    /// Reads a file of TOML, with an `[[aspect]]` for each.
    ///
    /// # Errors
    /// It is none, or an aspect cannot be asked.
    pub fn from_toml(text: &str) -> Result<Aspects, StudyError> {
        let file: File = toml::from_str(text).map_err(|error| StudyError::Definition {
            what: format!("the aspects cannot be read: {}", error.to_string().trim()),
            fix: "write an [[aspect]] for each, with name, question, low, high and points"
                .to_string(),
        })?;
        let aspects = Aspects(file.aspect);
        aspects.check()?;
        Ok(aspects)
    }

    /// What a file of them holds.
    pub fn to_toml(&self) -> Result<String, toml::ser::Error> {
        #[derive(Serialize)]
        struct File<'a> {
            aspect: &'a [Aspect],
        }
        toml::to_string(&File { aspect: &self.0 })
    }

    /// Checks that they can be asked.
    ///
    /// # Errors
    /// There are none or too many, one has no name or another's, a text is too long, or a scale too short or long.
    pub fn check(&self) -> Result<(), StudyError> {
        let wrong = |what: String, fix: &str| {
            let fix = fix.to_string();
            Err(StudyError::Definition { what, fix })
        };
        if self.0.is_empty() || self.0.len() > ASPECTS_LIMIT {
            let what = format!(
                "a rating has 1 to {ASPECTS_LIMIT} aspects, not {}",
                self.0.len()
            );
            return wrong(what, "add one, or leave some out");
        }
        for (at, aspect) in self.0.iter().enumerate() {
            let name = &aspect.name;
            if alike(name).is_empty() {
                return wrong(format!("aspect {} has no name", at + 1), "name it");
            }
            let same = |other: &Aspect| alike(&other.name) == alike(name);
            if self.0[..at].iter().any(same) {
                return wrong(format!("two aspects are named {name}"), "rename one");
            }
            for (what, text, most) in [
                ("name", name, NAME_LIMIT),
                ("question", &aspect.question, QUESTION_LIMIT),
                ("low end", &aspect.low, NAME_LIMIT),
                ("high end", &aspect.high, NAME_LIMIT),
            ] {
                if text.chars().count() > most || text.contains(char::is_control) {
                    let what = format!(
                        "the {what} of aspect {} has over {most} characters, or a line break",
                        at + 1
                    );
                    return wrong(what, "shorten it, on one line");
                }
            }
            if !(LEAST_POINTS..=MOST_POINTS).contains(&aspect.points) {
                let what = format!("the scale of {name} has {} points", aspect.points);
                let fix = format!("give it {LEAST_POINTS} to {MOST_POINTS}");
                return wrong(what, &fix);
            }
        }
        if self.0.iter().filter(|aspect| aspect.check).count() > 1 {
            return wrong(
                "attention checks look at several aspects".to_string(),
                "let `check` be true of one",
            );
        }
        Ok(())
    }

    /// The instructions of a rating that asks them, after a first line.
    pub fn instructions(&self, first: &str) -> String {
        let lines = self.0.iter().map(Aspect::line);
        let lines = std::iter::once(first.to_string()).chain(lines);
        lines.collect::<Vec<_>>().join("\n")
    }

    /// All their texts.
    pub fn texts(&self) -> impl Iterator<Item = &str> {
        self.0.iter().flat_map(|aspect| {
            [&aspect.name, &aspect.question, &aspect.low, &aspect.high].map(String::as_str)
        })
    }

    /// The aspect of attention checks, by its place.
    pub fn checked(&self) -> Option<(usize, &Aspect)> {
        self.0.iter().enumerate().find(|(_, aspect)| aspect.check)
    }
}

fn usual_points() -> u8 {
    USUAL_POINTS
}

fn is_no(flag: &bool) -> bool {
    !flag
}

#[cfg(test)]
mod tests {
    use super::*;

    const WARMTH: &str = "[[aspect]]\nname = \"Warmth\"\nquestion = \"How warm is it?\"\nlow = \"cold\"\n\
                          high = \"warm\"\npoints = 7\n[[aspect]]\nname = \"Sense\"\ncheck = true\n";

    #[test]
    fn a_file_says_what_is_asked() {
        let aspects = Aspects::from_toml(WARMTH).unwrap();
        assert_eq!((aspects.0[0].points, aspects.0[1].points), (7, 5));
        assert_eq!(aspects.0[0].word(7), "warm");
        assert_eq!(aspects.0[0].word(4), "");
        assert_eq!(aspects.checked().unwrap().0, 1);
        let again = Aspects::from_toml(&aspects.to_toml().unwrap()).unwrap();
        assert_eq!(again, aspects);
        assert_eq!(
            aspects.instructions("Rate it."),
            "Rate it.\nWarmth: How warm is it? (1 cold … 7 warm)\nSense (1 … 5)"
        );
        Aspects::paper().check().unwrap();
    }

    #[test]
    fn what_cannot_be_asked_is_refused() {
        let refused = |from: &str, to: &str| {
            assert!(WARMTH.contains(from), "{from}");
            let found = Aspects::from_toml(&WARMTH.replace(from, to));
            found.unwrap_err().to_string()
        };
        assert!(refused("points = 7", "points = 12").contains("has 12 points; give it 2 to 11"));
        assert!(refused("points = 7", "points = 1").contains("1 points"));
        assert!(refused("\"Sense\"", "\"WARMTH \"").contains("two aspects"));
        assert!(refused("\"Sense\"", "\" \"").contains("aspect 2 has no name"));
        assert!(refused("cold", &"x".repeat(41)).contains("low end of aspect 1"));
        assert!(refused("low =", "lowest =").contains("lowest"));
        assert!(refused("high = \"warm\"", "check = true").contains("several aspects"));
        let many = "[[aspect]]\nname = \"x\"\n".repeat(7);
        assert!(Aspects::from_toml(&many).is_err());
        assert!(Aspects::from_toml("aspect = []").is_err());
    }

    #[test]
    fn what_passes_a_check_is_a_low_score_of_any_scale() {
        let noticed = |points| {
            let aspect = Aspect {
                points,
                ..Aspect::new("x")
            };
            aspect.noticed()
        };
        assert_eq!([2, 3, 5, 7, 10, 11].map(noticed), [1, 1, 2, 2, 4, 4]);
    }
}
