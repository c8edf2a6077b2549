//! Pearson's correlation of pairs of numbers.

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

#[cfg(test)]
mod tests {
    use super::pearson;

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
