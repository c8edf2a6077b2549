//! Curves keep every extreme, hold their size, and smooth without bias.

use emprl::series::{Curve, Ema, Point, Series, XAxis};
use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

fn point(step: u64, value: f64) -> Point {
    Point {
        step,
        value,
        wall_ms: 1_000 * step as i64,
    }
}

fn noisy(n: u64, seed: u64) -> Vec<Point> {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let mut step = 0;
    (0..n)
        .map(|_| {
            step += random.random_range(1..4);
            let value = match random.random_range(0..40) {
                0 => f64::NAN,
                1 => f64::INFINITY,
                2 => f64::NEG_INFINITY,
                _ => random.random_range(-50..50) as f64,
            };
            point(step, value)
        })
        .collect()
}

/// The rule of `Series::decimate`, done point by point.
fn decimate_slowly(
    points: &[Point],
    from: f64,
    to: f64,
    columns: usize,
) -> (Vec<Vec<[f64; 2]>>, usize) {
    let width = (to - from) / columns as f64;
    let x = |p: &Point| p.step as f64;
    let mut picked: Vec<usize> = Vec::new();
    let inside: Vec<usize> = (0..points.len())
        .filter(|&i| x(&points[i]) >= from && x(&points[i]) <= to)
        .collect();
    picked.extend((0..points.len()).rfind(|&i| x(&points[i]) < from));
    // Blocks of a power of two, as long as they may be: half a column wide at most.
    let mut columns: Vec<(f64, Vec<usize>)> = Vec::new();
    let mut at = inside.first().copied().unwrap_or(0);
    let end = inside.last().map_or(0, |last| last + 1);
    while at < end {
        let length = (0..20)
            .map(|n| 1 << n)
            .filter(|length| at % length == 0 && at + length <= end)
            .rfind(|length| x(&points[at + length - 1]) - x(&points[at]) <= width / 2.0)
            .unwrap();
        let column = (x(&points[at]) / width).floor();
        match columns.last_mut() {
            Some((last, group)) if *last == column => group.extend(at..at + length),
            _ => columns.push((column, (at..at + length).collect())),
        }
        at += length;
    }
    for (_, group) in columns {
        let finite: Vec<usize> = group
            .iter()
            .copied()
            .filter(|&i| points[i].value.is_finite())
            .collect();
        if group.len() <= 2 {
            picked.extend(finite);
        } else if !finite.is_empty() {
            let pick = |better: fn(f64, f64) -> bool| {
                finite.iter().copied().fold(finite[0], |best, i| {
                    if better(points[i].value, points[best].value) {
                        i
                    } else {
                        best
                    }
                })
            };
            let (a, b) = (pick(|v, best| v < best), pick(|v, best| v > best));
            picked.push(a.min(b));
            if a != b {
                picked.push(a.max(b));
            }
        }
    }
    picked.extend((0..points.len()).find(|&i| x(&points[i]) > to));
    let picked: Vec<usize> = picked
        .into_iter()
        .filter(|&i| points[i].value.is_finite())
        .collect();
    let lines = picked
        .chunk_by(|&i, &j| points[i..j].iter().all(|p| p.value.is_finite()))
        .map(|line| {
            line.iter()
                .map(|&i| [x(&points[i]), points[i].value])
                .collect()
        })
        .collect();
    let lost = inside
        .iter()
        .filter(|&&i| !points[i].value.is_finite())
        .count();
    (lines, lost)
}

#[test]
fn decimation_is_what_a_slow_search_finds() {
    let mut random = ChaCha8Rng::seed_from_u64(1);
    for n in [0, 1, 2, 3, 15, 16, 17, 255, 256, 257, 5_000] {
        let points = noisy(n, n);
        let series: Series = points.iter().copied().collect();
        assert_eq!(
            series.nonfinite_count(),
            points.iter().filter(|p| !p.value.is_finite()).count()
        );
        let end = points.last().map_or(1, |p| p.step) as f64;
        for _ in 0..200 {
            let a = random.random_range(-10.0..end + 10.0);
            let b = random.random_range(-10.0..end + 10.0);
            let (from, to) = (f64::min(a, b), f64::max(a, b));
            let columns = random.random_range(1..300);
            let drawn = series.decimate(XAxis::Step, from, to, columns);
            let (lines, lost) = decimate_slowly(&points, from, to, columns);
            assert_eq!(drawn.lines().map(<[_]>::to_vec).collect::<Vec<_>>(), lines);
            assert_eq!(
                drawn.gaps().iter().map(|gap| gap.count).sum::<usize>(),
                lost
            );
            assert!(drawn.points().len() <= 2 * (columns + 1) + 2);
            assert!(drawn.gaps().len() <= columns + 1);

            let inside = points
                .iter()
                .filter(|p| p.value.is_finite() && p.step as f64 >= from && p.step as f64 <= to)
                .map(|p| p.value);
            let range = series.y_range(XAxis::Step, from, to);
            assert_eq!(range.map(|r| r.0), inside.clone().reduce(f64::min));
            assert_eq!(range.map(|r| r.1), inside.reduce(f64::max));
        }
    }
}

#[test]
fn a_series_is_the_same_however_it_came_about() {
    let points = noisy(3_000, 7);
    let at_once: Series = points.iter().copied().collect();
    let mut grown = Series::new();
    for (i, &p) in points.iter().enumerate() {
        assert!(grown.push(p));
        if i % 701 == 700 {
            // Back to a checkpoint: the branch after it is forgotten, then walked again.
            let back = points[i - 300].step;
            grown.truncate_after(back);
            assert_eq!(grown.last().map(|p| p.step), Some(back));
            points[i - 299..=i].iter().for_each(|&p| {
                grown.push(p);
            });
        }
    }
    let mut shuffled = points.clone();
    let mut random = ChaCha8Rng::seed_from_u64(9);
    for i in (1..shuffled.len()).rev() {
        shuffled.swap(i, (random.next_u64() % (i as u64 + 1)) as usize);
    }
    let sorted: Series = shuffled.iter().copied().collect();
    let mut inserted = Series::new();
    for &p in &shuffled {
        inserted.push(p);
    }
    let end = points[points.len() - 1].step as f64;
    for other in [&grown, &sorted] {
        for columns in [10, 100, 10_000] {
            assert_eq!(
                other.decimate(XAxis::Wall, 0.0, end, columns),
                at_once.decimate(XAxis::Wall, 0.0, end, columns)
            );
        }
    }
    assert_eq!(
        inserted.decimate(XAxis::Step, 0.0, end, 200),
        at_once.decimate(XAxis::Step, 0.0, end, 200)
    );
}

#[test]
fn a_replayed_step_takes_the_new_value() {
    let mut series: Series = (1..=100).map(|s| point(s, s as f64)).collect();
    assert!(!series.push(point(40, f64::NAN)));
    assert!(!series.push(point(41, 1e9)));
    assert_eq!(series.len(), 100);
    assert_eq!(series.nonfinite_count(), 1);
    assert_eq!(series.y_range(XAxis::Step, 0.0, 1e3), Some((1.0, 1e9)));
    assert!(!series.push(point(40, 40.0)));
    assert!(!series.push(point(41, 41.0)));
    assert_eq!(series.nonfinite_count(), 0);
    assert_eq!(series.y_range(XAxis::Step, 0.0, 1e3), Some((1.0, 100.0)));
}

#[test]
fn islands_between_non_finite_values_are_drawn() {
    let values = [1.0, f64::NAN, 3.0, f64::INFINITY, 5.0, 6.0];
    let series: Series = (0..).zip(values).map(|(s, v)| point(s, v)).collect();
    let drawn = series.decimate(XAxis::Step, 0.0, 5.0, 100);
    let lengths: Vec<usize> = drawn.lines().map(<[_]>::len).collect();
    assert_eq!(lengths, [1, 1, 2]);
    let gaps: Vec<f64> = drawn.gaps().iter().map(|gap| gap.x).collect();
    assert_eq!(gaps, [1.0, 3.0]);
    // Too few columns to tell them apart: the breaks and the count stay.
    let coarse = series.decimate(XAxis::Step, 0.0, 5.0, 1);
    assert_eq!(coarse.gaps().iter().map(|gap| gap.count).sum::<usize>(), 2);
    assert!(coarse.lines().count() >= 2);
    // A logarithm breaks the line where there is none.
    let logs = series.mapped(|v| (v - 3.0).log10());
    assert_eq!(logs.nonfinite_count(), 4);
}

/// Points at a second each, and a pause of a hundred seconds before each of these steps.
fn paused_before(steps: &[u64], len: u64) -> Series {
    let mut wall_ms = 0;
    let mut resumptions = Vec::new();
    let mut points = Vec::new();
    for step in 0..len {
        if steps.contains(&step) {
            wall_ms += 100_000;
            resumptions.push(wall_ms);
        }
        wall_ms += 1_000;
        points.push(Point {
            step,
            value: (step % 7) as f64,
            wall_ms,
        });
    }
    let mut series: Series = points.into_iter().collect();
    series.set_resumptions(resumptions.into());
    series
}

#[test]
fn along_time_a_pause_is_a_gap() {
    let series = paused_before(&[3, 4, 7], 10);
    let lengths = |series: &Series, axis, to: f64| -> Vec<usize> {
        let drawn = series.decimate(axis, 0.0, to, 1_000);
        drawn.lines().map(<[_]>::len).collect()
    };
    for axis in [XAxis::Wall, XAxis::Relative] {
        assert_eq!(lengths(&series, axis, 400.0), [3, 1, 3, 3]);
    }
    assert_eq!(lengths(&series, XAxis::Step, 10.0), [10]);
    let logs = series.mapped(|value| (value + 1.0).log10());
    assert_eq!(lengths(&logs, XAxis::Wall, 400.0), [3, 1, 3, 3]);
    // A run that went on before the first point or after the last one breaks nothing.
    let mut whole: Series = series.points().collect();
    whole.set_resumptions([0, 1_000_000].into());
    assert_eq!(lengths(&whole, XAxis::Wall, 400.0), [10]);
}

#[test]
fn no_line_crosses_a_pause_however_coarse_the_picture() {
    let series = paused_before(&[500, 1_200, 1_201, 4_000], 5_000);
    let walls: Vec<f64> = series.points().map(|p| p.wall_ms as f64 / 1e3).collect();
    let pauses: Vec<(f64, f64)> = walls
        .windows(2)
        .filter(|pair| pair[1] - pair[0] > 50.0)
        .map(|pair| (pair[0], pair[1]))
        .collect();
    assert_eq!(pauses.len(), 4);
    for columns in [1, 7, 60, 900] {
        for from in [0.0, 450.0, 1_390.0] {
            let drawn = series.decimate(XAxis::Wall, from, walls[4_999], columns);
            for line in drawn.lines() {
                let (first, last) = (line[0][0], line[line.len() - 1][0]);
                let crossed = pauses.iter().any(|(a, b)| first <= *a && last >= *b);
                assert!(!crossed, "{columns} columns from {from}: {first} to {last}");
            }
        }
    }
}

#[test]
fn x_is_step_relative_or_wall_time() {
    let mut series = Series::new();
    for (step, wall_ms) in [(10, 5_000), (20, 6_500), (30, 6_000), (40, 9_000)] {
        series.push(Point {
            step,
            value: 0.0,
            wall_ms,
        });
    }
    assert_eq!(series.x_range(XAxis::Step), Some((10.0, 40.0)));
    assert_eq!(series.x_range(XAxis::Relative), Some((0.0, 4.0)));
    assert_eq!(series.x_range(XAxis::Wall), Some((5.0, 9.0)));
    // The clock was set back at step 30: time stands still there.
    assert_eq!(series.x(XAxis::Relative, 2), 1.5);
    assert_eq!(series.nearest(XAxis::Step, 24.0).map(|p| p.step), Some(20));
    assert_eq!(series.nearest(XAxis::Step, 26.0).map(|p| p.step), Some(30));
    assert_eq!(series.nearest(XAxis::Step, -5.0).map(|p| p.step), Some(10));
    assert_eq!(series.nearest(XAxis::Step, 1e9).map(|p| p.step), Some(40));
    assert_eq!(Series::new().nearest(XAxis::Step, 0.0), None);
}

#[test]
fn smoothing_has_no_bias_and_passes_over_non_finite_values() {
    let weight: f64 = 0.9;
    let values = [3.0, f64::NAN, -1.0, 4.0, f64::INFINITY, 1.5, 9.0];
    let mut ema = Ema::new(weight);
    let mut finite: Vec<f64> = Vec::new();
    for v in values {
        let out = ema.push(v);
        if v.is_finite() {
            finite.push(v);
            let n = finite.len() as i32;
            let weights = (0..n).map(|k| weight.powi(n - 1 - k));
            let sum: f64 = weights.clone().zip(&finite).map(|(w, v)| w * v).sum();
            assert!((out - sum / weights.sum::<f64>()).abs() < 1e-12);
        } else {
            assert_eq!(out.to_bits(), v.to_bits());
        }
    }
    let mut constant = Ema::new(0.99);
    assert!((0..10_000).all(|_| constant.push(0.1) == 0.1));
    let mut off = Ema::new(0.0);
    assert!((0..100).all(|i| off.push(i as f64) == i as f64));
    let mut huge = Ema::new(0.5);
    huge.push(f64::MAX);
    assert!(huge.push(f64::MIN).is_finite());
}

#[test]
fn a_growing_curve_is_smoothed_as_if_at_once() {
    let points = noisy(500, 3);
    let at_once = Curve::new(points.iter().copied().collect(), 0.8);
    let mut grown = Curve::new(Series::new(), 0.8);
    points[..400].iter().for_each(|&p| grown.push(p));
    grown.truncate_after(points[199].step);
    points[200..].iter().for_each(|&p| grown.push(p));
    let bits = |curve: &Curve| -> Vec<u64> {
        curve.smooth().points().map(|p| p.value.to_bits()).collect()
    };
    assert_eq!(bits(&grown), bits(&at_once));
    grown.set_smoothing(0.0);
    assert!(!grown.is_smoothed());
    assert_eq!(grown.smooth().len(), 500);
}

#[test]
fn a_million_points_become_two_a_column_the_extremes_among_them() {
    let mut random = ChaCha8Rng::seed_from_u64(5);
    let mut points: Vec<Point> = (0..1_000_000)
        .map(|s| point(s, random.random::<f64>()))
        .collect();
    points[123_456].value = 9.0;
    points[654_321].value = -9.0;
    let series: Series = points.into_iter().collect();
    for i in 0..50 {
        let from = 1_000.0 * i as f64;
        let drawn = series.decimate(XAxis::Step, from, 1e6 - from, 1_000);
        assert!((1_990..=2_004).contains(&drawn.points().len()));
        for extreme in [[123_456.0, 9.0], [654_321.0, -9.0]] {
            assert!(drawn.points().contains(&extreme), "{extreme:?}");
        }
    }
}
