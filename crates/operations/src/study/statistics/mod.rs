//! Statistics of judgements: agreement, tests, intervals, power, Bradley-Terry.
//!
//! Pure functions of counts and labels; must not know studies, annotators or systems. A figure without a
//! value is an [`Undefined`] with the reason.

pub mod agreement;
pub mod bradley_terry;
pub mod power;
pub mod significance;
pub mod special;

use serde::{Serialize, Serializer};

/// A figure, or why there is none.
pub type Figure = Result<f64, Undefined>;

/// Why a figure has no value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Undefined {
    #[error("no data")]
    NoData,
    /// Agreement needs two judgements of the same item.
    #[error("no item was judged twice")]
    NoPairs,
    /// All judgements are the same, so that chance alone would always agree.
    #[error("all judgements are the same, so agreement beyond chance has no meaning")]
    NoVariation,
    /// Fleiss' kappa needs as many judgements of every item.
    #[error("items were judged by different numbers of annotators")]
    UnequalRaters,
    /// The data are not of the required form, such as two rows of different lengths.
    #[error("the data do not fit together")]
    Mismatch,
    /// The ratio metric has no meaning for negative values.
    #[error("the ratio metric needs values from 0 up")]
    Negative,
    /// Some system never won or never lost, or one group of systems beat another throughout.
    #[error("some systems are undefeated, so their strength has no finite value without a prior")]
    Undefeated,
    /// Some systems were never compared, not even through others.
    #[error("some systems were not compared with the others, not even by way of a third")]
    NotCompared,
    #[error("the computation did not converge")]
    NoConvergence,
}

impl Serialize for Undefined {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Writes a figure as `{"value": 0.2}` or `{"undefined": "why"}`.
pub fn write_figure<T: Serialize, S: Serializer>(
    figure: &Result<T, Undefined>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    use serde::ser::SerializeMap;
    let mut map = serializer.serialize_map(Some(1))?;
    match figure {
        Ok(value) => map.serialize_entry("value", value)?,
        Err(undefined) => map.serialize_entry("undefined", undefined)?,
    }
    map.end()
}
