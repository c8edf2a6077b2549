//! Intervals of figures over seeds: a bootstrap that draws seeds, then examples.
//!
//! Every seed answers the same examples, so a resample takes the same examples of all its seeds, and of both systems of
//! a difference: drawn apart, what an example does to all seeds alike would average out and the interval be too narrow.

use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

use super::bootstrap::{Bootstrap, Estimate};

/// A figure of some of the examples, by their indices.
pub type Figure<'a> = Box<dyn FnMut(&[usize]) -> f64 + 'a>;

/// Fewer seeds than this make intervals over seeds too narrow.
pub const ENOUGH_SEEDS: usize = 5;

/// A figure of each seed of a group, over all examples and over each resample of them.
#[derive(Clone, Debug, PartialEq)]
pub struct SeedFigures {
    /// By seed.
    pub values: Vec<f64>,
    /// `[resample][seed]`.
    resampled: Vec<Vec<f64>>,
}

impl SeedFigures {
    /// The same with the seeds in this order of their places.
    pub fn ordered(&self, order: &[usize]) -> SeedFigures {
        let ordered = |of: &Vec<f64>| order.iter().map(|&at| of[at]).collect();
        SeedFigures {
            values: ordered(&self.values),
            resampled: self.resampled.iter().map(ordered).collect(),
        }
    }
}

/// A group's figures in a statistic. Groups with the same `draw` have the same seeds drawn, which pairs them.
#[derive(Clone, Copy, Debug)]
pub struct Group<'a> {
    pub figures: &'a SeedFigures,
    pub draw: u64,
}

impl Bootstrap {
    /// A figure of each seed over `items` examples (or conversations); `figures` get their indices, as in
    /// [`Bootstrap::estimate`], and the same ones whatever the group. None without seeds or items, or where a seed's
    /// figure over all examples is undefined.
    pub fn seed_figures(&self, items: usize, figures: &mut [Figure<'_>]) -> Option<SeedFigures> {
        let all: Vec<usize> = (0..items).collect();
        if all.is_empty() || figures.is_empty() {
            return None;
        }
        let values: Vec<f64> = figures.iter_mut().map(|figure| figure(&all)).collect();
        if !values.iter().all(|value| value.is_finite()) {
            return None;
        }
        let mut rng = ChaCha8Rng::seed_from_u64(self.seed);
        let mut drawn = all;
        let resampled = (0..self.resamples).map(|_| {
            drawn.fill_with(|| rng.random_range(0..items));
            figures.iter_mut().map(|figure| figure(&drawn)).collect()
        });
        Some(SeedFigures {
            resampled: resampled.collect(),
            values,
        })
    }

    /// A statistic of the seeds' figures of some groups, with its percentile interval over seeds and examples; None
    /// where it is undefined. `statistic` gets the figures of each group, one a drawn seed.
    pub fn over_seeds(
        &self,
        groups: &[Group<'_>],
        statistic: impl Fn(&[Vec<f64>]) -> Option<f64>,
    ) -> Option<Estimate> {
        let whole: Vec<Vec<f64>> = groups.iter().map(|of| of.figures.values.clone()).collect();
        let value = statistic(&whole).filter(|value| value.is_finite())?;
        let mut draws: Vec<SeedDraws> = groups.iter().map(|of| SeedDraws::new(self, of)).collect();
        let resamples = (0..self.resamples).filter_map(|resample| {
            let drawn: Vec<Vec<f64>> = draws.iter_mut().map(|of| of.next(resample)).collect();
            statistic(&drawn)
        });
        Some(Estimate::of_resamples(value, resamples.collect()))
    }
}

/// Draws as many seeds of a group as it has; groups of one size and draw get the same.
struct SeedDraws<'a> {
    figures: &'a SeedFigures,
    rng: ChaCha8Rng,
}

impl<'a> SeedDraws<'a> {
    fn new(bootstrap: &Bootstrap, group: &Group<'a>) -> SeedDraws<'a> {
        let mut rng = ChaCha8Rng::seed_from_u64(bootstrap.seed);
        // Stream 0 draws examples.
        rng.set_stream(1 + group.draw);
        SeedDraws {
            figures: group.figures,
            rng,
        }
    }

    /// The figures of the seeds drawn for a resample; resamples come in order.
    fn next(&mut self, resample: usize) -> Vec<f64> {
        let figures = &self.figures.resampled[resample];
        (0..figures.len())
            .map(|_| figures[self.rng.random_range(0..figures.len())])
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::super::rliable::mean;
    use super::*;

    /// The mean of an example's value and the seed's shift.
    fn figures<'a>(values: &'a [f64], shifts: &'a [f64]) -> Vec<Figure<'a>> {
        let figure = |shift: &f64| -> Figure<'a> {
            let shift = *shift;
            Box::new(move |drawn: &[usize]| {
                shift + drawn.iter().map(|at| values[*at]).sum::<f64>() / drawn.len() as f64
            })
        };
        shifts.iter().map(figure).collect()
    }

    fn drawn(values: &[f64], shifts: &[f64]) -> SeedFigures {
        let figures = &mut figures(values, shifts);
        Bootstrap::default()
            .seed_figures(values.len(), figures)
            .unwrap()
    }

    fn alone(figures: &SeedFigures) -> Group<'_> {
        Group { figures, draw: 0 }
    }

    fn width(estimate: Estimate) -> f64 {
        estimate.high - estimate.low
    }

    #[test]
    fn seeds_and_examples_both_widen_the_interval() {
        let values: Vec<f64> = (0..400).map(|i| f64::from(i % 20)).collect();
        let shifts: Vec<f64> = (0..20).map(|i| f64::from(i % 5)).collect();
        let of = |figures: &SeedFigures| {
            Bootstrap::default()
                .over_seeds(&[alone(figures)], |groups| mean(&groups[0]))
                .unwrap()
        };
        let whole = of(&drawn(&values, &shifts));
        assert!((whole.value - 11.5).abs() < 1e-9);
        // Variances of the means of 400 examples and of 20 seeds.
        let error = (399.0f64 / 12.0 / 400.0 + 2.0 / 20.0).sqrt();
        assert!(
            (width(whole) - 2.0 * 1.96 * error).abs() < 0.15,
            "{whole:?}"
        );
        let examples = of(&drawn(&values, &[0.0; 20]));
        let error = (399.0f64 / 12.0 / 400.0).sqrt();
        assert!(
            (width(examples) - 2.0 * 1.96 * error).abs() < 0.1,
            "what an example does to all seeds does not average out: {examples:?}"
        );
    }

    #[test]
    fn one_seed_has_the_interval_of_its_examples() {
        let values: Vec<f64> = (0..50).map(|i| f64::from(i * i)).collect();
        let figures = drawn(&values, &[3.0]);
        let found = Bootstrap::default()
            .over_seeds(&[alone(&figures)], |groups| mean(&groups[0]))
            .unwrap();
        let mean = |drawn: &[usize]| {
            3.0 + drawn.iter().map(|at| values[*at]).sum::<f64>() / drawn.len() as f64
        };
        assert_eq!(Some(found), Bootstrap::default().estimate(50, mean));
    }

    #[test]
    fn paired_groups_have_the_same_seeds_and_examples_drawn() {
        let values: Vec<f64> = (0..100).map(|i| f64::from(i * i)).collect();
        let first = drawn(&values, &[5.0, 9.0, 1.0]);
        let second = drawn(&values, &[3.0, 7.0, -1.0]);
        let difference = |draw| {
            let groups = [
                alone(&first),
                Group {
                    figures: &second,
                    draw,
                },
            ];
            let statistic = |groups: &[Vec<f64>]| Some(mean(&groups[0])? - mean(&groups[1])?);
            Bootstrap::default().over_seeds(&groups, statistic).unwrap()
        };
        let paired = difference(0);
        assert!((paired.low - 2.0).abs() < 1e-6 && (paired.high - 2.0).abs() < 1e-6);
        assert!(width(difference(1)) > 1.0, "seeds of two draws differ");
    }

    #[test]
    fn an_undefined_figure_or_nothing_gives_none() {
        let bootstrap = Bootstrap::default();
        assert_eq!(bootstrap.seed_figures(3, &mut []), None);
        assert_eq!(
            bootstrap.seed_figures(3, &mut [Box::new(|_| f64::NAN)]),
            None
        );
        assert_eq!(bootstrap.seed_figures(0, &mut [Box::new(|_| 1.0)]), None);
    }
}
