//! Best of n: of n responses of one system, the one that a reward likes best. Knows names and numbers only.

use std::fmt;

/// A system that draws so many responses and keeps the best; at least 2.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BestOf(u32);

const NAME: &str = "best of ";

impl BestOf {
    /// `None` for fewer than 2, of which there is none to choose.
    pub fn new(n: usize) -> Option<Self> {
        let n = u32::try_from(n).ok()?;
        (n >= 2).then_some(BestOf(n))
    }

    /// The system of this name, if it is one: `best of 8`.
    pub fn named(system: &str) -> Option<Self> {
        BestOf::new(system.strip_prefix(NAME)?.parse().ok()?)
    }

    pub fn n(self) -> usize {
        self.0 as usize
    }

    /// What its KL divergence from the system it draws from is at most, in nats: `ln n - (n - 1) / n` (Beirami et al.
    /// 2024).
    pub fn kl_bound(self) -> f64 {
        let n = f64::from(self.0);
        n.ln() - (n - 1.0) / n
    }

    /// A sentence that goes with its figures.
    pub fn sentence(self) -> String {
        format!(
            "{self}: of {} responses that the generator draws with seeds of their own, the one with the highest reward. \
             Its KL to the generator is at most {:.2} nats (ln n - (n - 1)/n). The empathy reward knows the levels of the \
             target, so that this chooses by the test's own answers, which no policy sees: a bound, not a rival. Its PPL \
             is unknown",
            self.0,
            self.kl_bound()
        )
    }
}

impl fmt::Display for BestOf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{NAME}{}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bound_grows_with_n_and_the_name_tells_n() {
        for (n, bound) in [(2, 0.193_147), (4, 0.636_294), (8, 1.204_442)] {
            let best = BestOf::new(n).unwrap();
            assert!((best.kl_bound() - bound).abs() < 1e-6, "{n}");
            assert_eq!(BestOf::named(&best.to_string()), Some(best));
        }
        for n in [0, 1] {
            assert_eq!(BestOf::new(n), None);
        }
        for name in ["best of 1", "best of all", "Best of 8", "EmpRL"] {
            assert_eq!(BestOf::named(name), None, "{name}");
        }
    }
}
