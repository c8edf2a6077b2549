//! Correlations of pairs of numbers.

/// Pearson's r; `None` of fewer than three pairs, or where one of the two is constant.
pub fn pearson(pairs: impl Iterator<Item = (f64, f64)> + Clone) -> Option<f64> {
    let n = pairs.clone().count();
    let means = pairs.clone().fold((0.0, 0.0), |sums, pair| {
        (sums.0 + pair.0 / n as f64, sums.1 + pair.1 / n as f64)
    });
    let (mut xy, mut xx, mut yy) = (0.0, 0.0, 0.0);
    for (x, y) in pairs {
        let (x, y) = (x - means.0, y - means.1);
        xy += x * y;
        xx += x * x;
        yy += y * y;
    }
    (n >= 3 && xx > 1e-18 && yy > 1e-18).then(|| xy / (xx * yy).sqrt())
}

/// Spearman's ρ: Pearson's r of the ranks, equal numbers sharing the mean of theirs. `None` as of [`pearson`].
pub fn spearman(pairs: &[(f64, f64)]) -> Option<f64> {
    let first = ranks(pairs.iter().map(|pair| pair.0));
    let second = ranks(pairs.iter().map(|pair| pair.1));
    pearson(
        first
            .into_iter()
            .zip(second)
            .collect::<Vec<_>>()
            .into_iter(),
    )
}

fn ranks(values: impl Iterator<Item = f64>) -> Vec<f64> {
    let mut sorted: Vec<(usize, f64)> = values.enumerate().collect();
    sorted.sort_unstable_by(|a, b| a.1.total_cmp(&b.1));
    let mut ranks = vec![0.0; sorted.len()];
    let mut before = 0;
    for equal in sorted.chunk_by(|a, b| a.1 == b.1) {
        let rank = before as f64 + (equal.len() - 1) as f64 / 2.0;
        equal.iter().for_each(|(place, _)| ranks[*place] = rank);
        before += equal.len();
    }
    ranks
}

#[cfg(test)]
mod tests {
    use super::{pearson, spearman};

    #[test]
    fn ranks_are_shared_by_equal_numbers() {
        // As scipy.stats.spearmanr (SciPy 1.16) has it.
        let pairs = [
            (1.0, 10.0),
            (2.0, 10.0),
            (2.0, 30.0),
            (4.0, 20.0),
            (5.0, 90.0),
            (9.0, 40.0),
        ];
        assert!((spearman(&pairs).unwrap() - 0.808_823_529_411_764_7).abs() < 1e-12);
        assert_eq!(spearman(&[(1.0, 1.0), (2.0, 8.0), (3.0, 27.0)]), Some(1.0));
        assert_eq!(spearman(&[(1.0, 2.0); 5]), None);
    }

    fn r(pairs: &[(f64, f64)]) -> Option<f64> {
        pearson(pairs.iter().copied())
    }

    #[test]
    fn it_is_one_on_a_line_and_undefined_where_nothing_varies() {
        assert!((r(&[(1.0, 2.0), (2.0, 4.0), (3.0, 6.0)]).unwrap() - 1.0).abs() < 1e-12);
        // By hand: xy = 1, xx = 2, yy = 2.
        assert!((r(&[(1.0, 1.0), (2.0, 3.0), (3.0, 2.0)]).unwrap() - 0.5).abs() < 1e-12);
        assert_eq!(r(&[(1.0, 2.0), (2.0, 2.0), (3.0, 2.0)]), None);
        assert_eq!(r(&[(1.0, 2.0), (2.0, 3.0)]), None);
        assert_eq!(r(&[]), None);
    }
}
