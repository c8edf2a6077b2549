//! Few points that lie near all others: the farthest-first choice of k centres (Gonzalez 1985), whose radius is at most
//! twice the least possible.

use std::ops::ControlFlow;

/// Centres in the order in which they were chosen.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Centres {
    pub places: Vec<usize>,
    /// With the first 1, 2, … centres: the distance of the point that is farthest from its centre.
    pub radii: Vec<f64>,
}

/// Chooses at most `k` of the points, which are `width` numbers each and of length 1; the first is the one nearest to their
/// mean. Distances are `1 - cos`, from 0 to 2. Fewer where all others are repetitions, or where `done` breaks.
pub(super) fn k_centre(
    points: &[f32],
    width: usize,
    k: usize,
    done: &mut dyn FnMut(usize) -> ControlFlow<()>,
) -> Centres {
    let mut centres = Centres::default();
    let points: Vec<&[f32]> = points.chunks_exact(width).collect();
    let mut mean = vec![0f32; width];
    for point in &points {
        for (sum, x) in mean.iter_mut().zip(*point) {
            *sum += x;
        }
    }
    let nearest = |a: &usize, b: &usize| {
        let of = |place: usize| dot(points[place], &mean);
        // Of equals the first.
        of(*a).total_cmp(&of(*b)).then(b.cmp(a))
    };
    let mut next = (0..points.len()).max_by(nearest);
    let mut distances = vec![f32::INFINITY; points.len()];
    while let Some(place) = next.filter(|_| centres.places.len() < k) {
        centres.places.push(place);
        let farthest = lower(&points, points[place], &mut distances);
        centres
            .radii
            .push(farthest.map_or(0.0, |(_, far)| far.into()));
        next = farthest
            .filter(|(_, far)| *far > SAME)
            .map(|(place, _)| place);
        if done(centres.places.len()).is_break() {
            break;
        }
    }
    centres
}

/// Points nearer than this are the same, but for rounding.
const SAME: f32 = 1e-6;

/// Lowers the distances to those from one more centre; the farthest point then, of equals the first.
fn lower(points: &[&[f32]], centre: &[f32], distances: &mut [f32]) -> Option<(usize, f32)> {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let each = points.len().div_ceil(threads).max(1);
    let farthest = |part: usize, points: &[&[f32]], distances: &mut [f32]| {
        let mut farthest = None;
        for (place, (point, distance)) in points.iter().zip(distances).enumerate() {
            *distance = distance.min(1.0 - dot(point, centre));
            if farthest.is_none_or(|(_, far)| *distance > far) {
                farthest = Some((part * each + place, *distance));
            }
        }
        farthest
    };
    std::thread::scope(|scope| {
        let parts = points.chunks(each).zip(distances.chunks_mut(each));
        let parts = parts.enumerate().map(|(part, (points, distances))| {
            scope.spawn(move || farthest(part, points, distances))
        });
        let parts: Vec<_> = parts.collect();
        let found = parts.into_iter().filter_map(|part| match part.join() {
            Ok(found) => found,
            Err(panic) => std::panic::resume_unwind(panic),
        });
        found.reduce(|one, other| if other.1 > one.1 { other } else { one })
    })
}

fn dot(a: &[f32], b: &[f32]) -> f32 {
    const LANES: usize = 16;
    let mut lanes = [0f32; LANES];
    let ((a, a_rest), (b, b_rest)) = (a.as_chunks::<LANES>(), b.as_chunks::<LANES>());
    for (a, b) in a.iter().zip(b) {
        for (lane, (a, b)) in lanes.iter_mut().zip(a.iter().zip(b)) {
            *lane += a * b;
        }
    }
    let rest: f32 = a_rest.iter().zip(b_rest).map(|(a, b)| a * b).sum();
    lanes.iter().sum::<f32>() + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Points of a circle, by their angles in degrees.
    fn circle(angles: &[f32]) -> Vec<f32> {
        let point = |angle: &f32| [angle.to_radians().cos(), angle.to_radians().sin()];
        angles.iter().flat_map(point).collect()
    }

    fn go_on(_: usize) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }

    #[test]
    fn each_centre_is_the_point_that_is_farthest_from_those_before() {
        let points = circle(&[0.0, 10.0, 20.0, 120.0, 125.0, 20.0]);
        let found = k_centre(&points, 2, 3, &mut go_on);
        // The mean lies at about 38 degrees.
        assert_eq!(found.places, [2, 4, 0]);
        let expected = [105f64, 20.0, 10.0].map(|angle| 1.0 - angle.to_radians().cos());
        for (radius, expected) in found.radii.iter().zip(expected) {
            assert!((radius - expected).abs() < 1e-6, "{radius} {expected}");
        }
        let all = k_centre(&points, 2, 100, &mut go_on);
        assert_eq!(all.places.len(), 5, "the sixth repeats the third");
        assert!(all.radii[4] < 1e-6);
        let first = k_centre(&points, 2, 100, &mut |_| ControlFlow::Break(()));
        assert_eq!(first.places, [2]);
        assert!(k_centre(&[], 2, 3, &mut go_on).places.is_empty());
    }

    #[test]
    fn what_is_chosen_is_the_same_however_many_points_a_thread_has() {
        let angles: Vec<f32> = (0..997).map(|n| (n * 7919 % 3600) as f32 / 10.0).collect();
        let points = circle(&angles);
        let found = k_centre(&points, 2, 40, &mut go_on);
        // One after the other, in the plainest way.
        let far = |place: usize, centres: &[usize]| {
            let of =
                |centre: &usize| 1.0 - dot(&points[2 * place..][..2], &points[2 * centre..][..2]);
            centres.iter().map(of).fold(f32::INFINITY, f32::min)
        };
        let mut centres = vec![found.places[0]];
        while centres.len() < 40 {
            let farthest = (0..angles.len()).fold((0, -1.0), |best, place| {
                let distance = far(place, &centres);
                if distance > best.1 {
                    (place, distance)
                } else {
                    best
                }
            });
            centres.push(farthest.0);
        }
        assert_eq!(found.places, centres);
    }
}
