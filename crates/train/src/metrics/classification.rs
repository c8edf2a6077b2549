//! Accuracy, F1 and confusion matrix, as scikit-learn computes them.
//!
//! Takes classes as numbers; must not know what they mean.

use serde::{Deserialize, Serialize};

/// How often each gold class was predicted as each class.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Confusion {
    /// `[gold][predicted]`.
    pub counts: Vec<Vec<u64>>,
}

/// The figures of a confusion matrix, in %.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct ClassificationReport {
    pub n: u64,
    /// Share of items predicted rightly.
    pub accuracy: f64,
    /// F1 averaged over classes by how many items have them.
    pub weighted_f1: f64,
    /// F1 averaged evenly over the classes that occur.
    pub macro_f1: f64,
}

impl Confusion {
    /// An empty matrix of `classes` classes.
    pub fn new(classes: usize) -> Confusion {
        Confusion {
            counts: vec![vec![0; classes]; classes],
        }
    }

    /// Counts pairs of gold and predicted class.
    ///
    /// # Panics
    /// If a class is not below `classes`.
    pub fn from_pairs(
        classes: usize,
        pairs: impl IntoIterator<Item = (usize, usize)>,
    ) -> Confusion {
        let mut confusion = Confusion::new(classes);
        for (gold, predicted) in pairs {
            confusion.add(gold, predicted);
        }
        confusion
    }

    ///
    /// # Panics
    /// If a class is beyond the matrix.
    pub fn add(&mut self, gold: usize, predicted: usize) {
        self.counts[gold][predicted] += 1;
    }

    pub fn n(&self) -> u64 {
        self.counts.iter().flatten().sum()
    }

    /// Items whose gold class this is.
    pub fn support(&self, class: usize) -> u64 {
        self.counts[class].iter().sum()
    }

    /// Share of items predicted rightly, 0 to 1; 0 without items.
    pub fn accuracy(&self) -> f64 {
        let right = (0..self.counts.len()).map(|class| self.counts[class][class]);
        share(right.sum::<u64>() as f64, self.n() as f64)
    }

    /// F1 of one class, 0 to 1: `2 tp / (2 tp + fp + fn)`; 0 where the class never occurs.
    pub fn f1(&self, class: usize) -> f64 {
        let right = self.counts[class][class];
        share(
            2.0 * right as f64,
            (self.support(class) + self.predicted(class)) as f64,
        )
    }

    /// F1 averaged over classes by their support, 0 to 1; 0 without items.
    pub fn weighted_f1(&self) -> f64 {
        let classes = 0..self.counts.len();
        let sum: f64 = classes.map(|c| self.f1(c) * self.support(c) as f64).sum();
        share(sum, self.n() as f64)
    }

    /// F1 averaged evenly over the classes that are gold or predicted at least once, 0 to 1.
    pub fn macro_f1(&self) -> f64 {
        let occurring: Vec<f64> = (0..self.counts.len())
            .filter(|&class| self.support(class) + self.predicted(class) > 0)
            .map(|class| self.f1(class))
            .collect();
        share(occurring.iter().sum(), occurring.len() as f64)
    }

    /// Cohen's κ: agreement beyond what the shares of the classes give by chance, at most 1; 0 for a constant
    /// prediction. None without items, or where gold and predicted all have one class: chance then agrees fully.
    pub fn kappa(&self) -> Option<f64> {
        let n = self.n() as f64;
        let by_chance: f64 = (0..self.counts.len())
            .map(|class| self.support(class) as f64 * self.predicted(class) as f64)
            .sum();
        let beyond = n * n - by_chance;
        (beyond > 0.0).then(|| (self.accuracy() * n * n - by_chance) / beyond)
    }

    /// All figures, in %.
    pub fn report(&self) -> ClassificationReport {
        ClassificationReport {
            n: self.n(),
            accuracy: 100.0 * self.accuracy(),
            weighted_f1: 100.0 * self.weighted_f1(),
            macro_f1: 100.0 * self.macro_f1(),
        }
    }

    fn predicted(&self, class: usize) -> u64 {
        self.counts.iter().map(|row| row[class]).sum()
    }
}

fn share(part: f64, whole: f64) -> f64 {
    if whole == 0.0 { 0.0 } else { part / whole }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn confusion(gold: &[usize], predicted: &[usize]) -> Confusion {
        Confusion::from_pairs(3, gold.iter().copied().zip(predicted.iter().copied()))
    }

    #[test]
    fn golden_values() {
        let near = |a: f64, b: f64| assert!((a - b).abs() < 1e-6, "{a} {b}");
        let first = confusion(&[0, 0, 0, 1, 1, 2], &[0, 0, 1, 1, 1, 1]);
        near(first.weighted_f1(), 0.622222);
        near(first.macro_f1(), 0.488889);
        near(first.accuracy(), 4.0 / 6.0);
        near(confusion(&[0, 0, 1], &[0, 2, 1]).weighted_f1(), 0.777778);
        near(confusion(&[0, 1, 2], &[1, 2, 0]).weighted_f1(), 0.0);
        near(first.report().weighted_f1, 62.222222);
        assert_eq!(first.counts, [[2, 1, 0], [0, 2, 0], [0, 1, 0]]);
    }

    #[test]
    fn kappa_is_agreement_beyond_chance_and_undefined_for_one_class() {
        let near = |found: Option<f64>, expected: f64| {
            assert!((found.unwrap() - expected).abs() < 1e-12, "{found:?}");
        };
        // 4 of 6 agree, 14/36 would by chance.
        near(
            confusion(&[0, 0, 0, 1, 1, 2], &[0, 0, 1, 1, 1, 1]).kappa(),
            10.0 / 22.0,
        );
        near(confusion(&[0, 1, 2], &[1, 2, 0]).kappa(), -0.5);
        near(confusion(&[0, 0, 1, 2], &[0, 0, 1, 2]).kappa(), 1.0);
        near(confusion(&[0, 0, 1, 2], &[0, 0, 0, 0]).kappa(), 0.0);
        assert_eq!(confusion(&[1, 1, 1], &[1, 1, 1]).kappa(), None);
        assert_eq!(Confusion::new(3).kappa(), None);
    }

    #[test]
    fn nothing_gives_zero() {
        let none = Confusion::new(3);
        let report = none.report();
        assert_eq!((report.n, report.accuracy), (0, 0.0));
        assert_eq!((report.weighted_f1, report.macro_f1), (0.0, 0.0));
    }
}
