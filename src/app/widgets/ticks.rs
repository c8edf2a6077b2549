//! Ticks of axes, and their labels.
//!
//! Pure: bounds in, marks and text out.

use egui_plot::GridMark;

use crate::app::format;
use crate::series::XAxis;

/// Ticks at 1, 2 or 5 times a power of ten: as many as fit into `length` at `spacing`, in points.
pub fn marks((from, to): (f64, f64), length: f32, spacing: f32, whole: bool) -> Vec<GridMark> {
    let most = (f64::from(length) / f64::from(spacing)).max(1.0);
    // Not of their difference, which overflows for the largest numbers.
    marks_of_step((from, to), nice_step(to / most - from / most, whole))
}

/// Ticks at round durations: 1, 2, 5, 10, 15, 30 seconds, minutes and so on.
pub fn time_marks((from, to): (f64, f64), length: f32, spacing: f32) -> Vec<GridMark> {
    const STEPS: [f64; 20] = [
        0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 900.0, 1800.0,
        3600.0, 7200.0, 21_600.0, 43_200.0, 86_400.0,
    ];
    let most = (f64::from(length) / f64::from(spacing)).max(1.0);
    let least = (to - from) / most;
    let step = STEPS.into_iter().find(|step| *step >= least);
    marks_of_step(
        (from, to),
        step.unwrap_or_else(|| (least / 86_400.0).ceil() * 86_400.0),
    )
}

fn marks_of_step((from, to): (f64, f64), step: f64) -> Vec<GridMark> {
    if !(step.is_finite() && step > 0.0 && from.is_finite() && to.is_finite()) {
        return Vec::new();
    }
    let first = (from / step).ceil() as i64;
    let last = (to / step).floor() as i64;
    (first..=last.min(first + 64))
        .map(|n| GridMark {
            value: n as f64 * step,
            step_size: step,
        })
        .collect()
}

/// Ticks on a logarithmic axis: powers of ten, and 2 and 5 times those where few are visible.
pub fn log_marks((from, to): (f64, f64), length: f32, spacing: f32) -> Vec<GridMark> {
    let most = (f64::from(length) / f64::from(spacing)).max(1.0);
    if to - from > 1.5 {
        let step = ((to - from) / most).ceil().max(1.0);
        return marks_of_step((from, to), step);
    }
    if !(from.is_finite() && to > from) {
        return Vec::new();
    }
    if to - from < 0.3 {
        // A narrow range: round values, placed by their logarithms.
        return marks((10f64.powf(from), 10f64.powf(to)), length, spacing, false)
            .into_iter()
            .map(|mark| GridMark {
                value: mark.value.log10(),
                ..mark
            })
            .collect();
    }
    let powers = from.floor() as i32..=to.ceil() as i32;
    powers
        .flat_map(|power| [1.0f64, 2.0, 5.0].map(|m| f64::from(power) + m.log10()))
        .filter(|value| (from..=to).contains(value))
        .map(|value| GridMark {
            value,
            step_size: 1.0,
        })
        .collect()
}

/// A label on a logarithmic axis.
pub fn log_label(mark: GridMark) -> String {
    let words = format::significant(10f64.powf(mark.value), 3);
    match words.contains('.') && !words.contains('e') {
        true => words
            .trim_end_matches('0')
            .trim_end_matches('.')
            .to_string(),
        false => words,
    }
}

fn nice_step(least: f64, whole: bool) -> f64 {
    if least <= 0.0 || !least.is_finite() {
        return 0.0;
    }
    let power = 10f64.powi(least.log10().floor() as i32);
    let step = [1.0, 2.0, 5.0, 10.0]
        .into_iter()
        .map(|m| m * power)
        .find(|s| *s >= least * 0.999);
    let step = step.unwrap_or(10.0 * power);
    if whole { step.max(1.0) } else { step }
}

/// A label on y, with the decimals that distinguish it from its neighbours.
pub fn value_label(mark: GridMark) -> String {
    let size = mark.value.abs().max(mark.step_size);
    if size >= 1e6 || mark.step_size < 1e-5 {
        return if mark.value == 0.0 {
            "0".into()
        } else {
            format::significant(mark.value, 2)
        };
    }
    let decimals = (-mark.step_size.log10().floor()).max(0.0) as usize;
    format::fixed(mark.value, decimals)
}

/// A label on x; times are relative to `origin`.
pub fn x_label(axis: XAxis, mark: GridMark, origin: f64) -> String {
    match axis {
        XAxis::Step => format::count(mark.value.max(0.0).round() as u64),
        XAxis::Relative | XAxis::Wall if mark.step_size < 1.0 => {
            format!("{:.1} s", mark.value - origin)
        }
        XAxis::Relative | XAxis::Wall => elapsed(mark.value - origin),
    }
}

/// Seconds as 0:05, 12:30 or 1:02:30.
pub fn elapsed(seconds: f64) -> String {
    let s = seconds.max(0.0).round() as u64;
    if s < 3600 {
        format!("{}:{:02}", s / 60, s % 60)
    } else {
        format!("{}:{:02}:{:02}", s / 3600, s / 60 % 60, s % 60)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(marks: &[GridMark]) -> Vec<f64> {
        marks.iter().map(|mark| mark.value).collect()
    }

    #[test]
    fn ticks_are_round_numbers_that_fit() {
        assert_eq!(
            values(&marks((0.0, 1.0), 100.0, 40.0, false)),
            [0.0, 0.5, 1.0]
        );
        assert_eq!(
            values(&marks((0.0, 3.0), 400.0, 40.0, true)),
            [0.0, 1.0, 2.0, 3.0]
        );
        assert_eq!(
            values(&marks((-7.0, 12.0), 100.0, 40.0, false)),
            [0.0, 10.0]
        );
        assert!(marks((f64::NAN, 1.0), 100.0, 40.0, false).is_empty());
        assert!(marks((1.0, 1.0), 100.0, 40.0, false).len() <= 1);
        assert_eq!(
            values(&time_marks((0.0, 100.0), 400.0, 100.0)),
            [0.0, 30.0, 60.0, 90.0]
        );
    }

    #[test]
    fn a_logarithmic_axis_has_ticks_at_powers_of_ten() {
        assert_eq!(
            values(&log_marks((-3.5, 0.2), 200.0, 40.0)),
            [-3.0, -2.0, -1.0, 0.0]
        );
        let near = log_marks((0.0, 1.0), 200.0, 40.0);
        let labels: Vec<String> = near.into_iter().map(log_label).collect();
        assert_eq!(labels, ["1", "2", "5", "10"]);
        assert!(log_marks((0.0, 0.1), 200.0, 40.0).len() > 1);
        assert!(log_marks((f64::NAN, 1.0), 200.0, 40.0).is_empty());
    }

    #[test]
    fn neighbouring_labels_differ() {
        let label = |value, step_size| value_label(GridMark { value, step_size });
        assert_eq!(label(0.25, 0.05), "0.25");
        assert_eq!(label(0.0, 0.5), "0.0");
        assert_eq!(label(1500.0, 500.0), "1\u{2009}500");
        assert_eq!(elapsed(65.0), "1:05");
        assert_eq!(elapsed(3725.0), "1:02:05");
    }
}
