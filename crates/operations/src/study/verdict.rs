//! The verdict of several annotators: the majority of three, or a fourth if three differ. Knows labels only.

use serde::{Deserialize, Serialize};

/// The outcome of an A/B item for the first system of its pair.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    Win,
    Lose,
    Tie,
}

impl Outcome {
    /// All outcomes, in the order of Table IV.
    pub const ALL: [Outcome; 3] = [Outcome::Win, Outcome::Lose, Outcome::Tie];

    /// Its place in [`Outcome::ALL`].
    pub const fn index(self) -> usize {
        self as usize
    }
}

/// The fourth annotator's vote.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fourth<L> {
    Waiting,
    Said(L),
    Abstained,
}

/// The verdict on an item.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict<L> {
    /// Too few votes to decide.
    Open,
    /// Two or three of the three agree.
    Majority(L),
    /// Three differ, and the fourth has not voted.
    NeedsFourth,
    /// Three differ, and the fourth agrees with one of them.
    ByFourth(L),
    /// Three differ, and the fourth abstained or agrees with none.
    Unresolved,
}

impl<L> Verdict<L> {
    pub fn label(self) -> Option<L> {
        match self {
            Verdict::Majority(label) | Verdict::ByFourth(label) => Some(label),
            Verdict::Open | Verdict::NeedsFourth | Verdict::Unresolved => None,
        }
    }
}

/// The verdict of up to three votes and the fourth's. Two equal votes decide.
pub fn verdict<L: Copy + PartialEq>(votes: &[L], fourth: Fourth<L>) -> Verdict<L> {
    let agreed = |label: &&L| votes.iter().filter(|vote| vote == label).count() > 1;
    if let Some(label) = votes.iter().find(agreed) {
        return Verdict::Majority(*label);
    }
    if votes.len() < super::definition::AB_RATERS {
        return Verdict::Open;
    }
    match fourth {
        Fourth::Waiting => Verdict::NeedsFourth,
        Fourth::Said(label) if votes.contains(&label) => Verdict::ByFourth(label),
        Fourth::Said(_) | Fourth::Abstained => Verdict::Unresolved,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_27_votes_of_three() {
        let mut split = 0;
        for code in 0..27 {
            let votes = [code / 9, code / 3 % 3, code % 3].map(|at| Outcome::ALL[at]);
            let found = verdict(&votes, Fourth::Waiting);
            let most = Outcome::ALL
                .into_iter()
                .find(|label| votes.iter().filter(|vote| *vote == label).count() >= 2);
            match most {
                Some(label) => {
                    assert_eq!(found, Verdict::Majority(label));
                    // A fourth changes nothing.
                    for other in Outcome::ALL {
                        assert_eq!(verdict(&votes, Fourth::Said(other)), found);
                    }
                    assert_eq!(verdict(&votes, Fourth::Abstained), found);
                }
                None => {
                    split += 1;
                    assert_eq!(found, Verdict::NeedsFourth);
                    for label in Outcome::ALL {
                        assert_eq!(
                            verdict(&votes, Fourth::Said(label)),
                            Verdict::ByFourth(label)
                        );
                    }
                    assert_eq!(verdict(&votes, Fourth::Abstained), Verdict::Unresolved);
                }
            }
        }
        assert_eq!(split, 6);
    }

    #[test]
    fn a_fourth_who_agrees_with_nobody_leaves_it_unresolved() {
        assert_eq!(verdict(&[1, 2, 3], Fourth::Said(4)), Verdict::Unresolved);
    }

    #[test]
    fn two_of_three_decide_before_the_third_has_spoken() {
        use Outcome::{Lose, Win};
        assert_eq!(
            verdict(&[Win, Win], Fourth::Waiting),
            Verdict::Majority(Win)
        );
        assert_eq!(verdict(&[Win, Lose], Fourth::Waiting), Verdict::Open);
        assert_eq!(verdict::<Outcome>(&[], Fourth::Waiting), Verdict::Open);
        assert_eq!(Verdict::ByFourth(Lose).label(), Some(Lose));
        assert_eq!(Verdict::<Outcome>::Unresolved.label(), None);
    }
}
