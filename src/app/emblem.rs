//! The picture of the window in a task bar: a pulse on a rounded square.
//!
//! Pure: gives pixels.

use eframe::egui::{Color32, IconData, Pos2, Rect, pos2};

use super::theme::LIGHT;

const SIDE: usize = 64;
const PULSE: [Pos2; 7] = [
    pos2(9.0, 35.0),
    pos2(19.0, 35.0),
    pos2(26.0, 17.0),
    pos2(36.0, 49.0),
    pos2(42.0, 29.0),
    pos2(45.0, 35.0),
    pos2(55.0, 35.0),
];

pub fn emblem() -> IconData {
    let mut rgba = Vec::with_capacity(SIDE * SIDE * 4);
    for y in 0..SIDE {
        for x in 0..SIDE {
            let at = pos2(x as f32 + 0.5, y as f32 + 0.5);
            rgba.extend(pixel(at).to_srgba_unmultiplied());
        }
    }
    IconData {
        rgba,
        width: SIDE as u32,
        height: SIDE as u32,
    }
}

fn pixel(at: Pos2) -> Color32 {
    let square = Rect::from_min_max(pos2(2.0, 2.0), pos2(62.0, 62.0));
    // Distance to a rounded square: to the square shrunk by the radius, less the radius.
    let outside = square.shrink(14.0).distance_to_pos(at) - 14.0;
    let line = PULSE
        .windows(2)
        .map(|ends| distance_to_segment(at, ends[0], ends[1]))
        .fold(f32::INFINITY, f32::min)
        - 2.6;
    let cover = |distance: f32| (0.5 - distance).clamp(0.0, 1.0);
    let ground = LIGHT.accent.gamma_multiply(cover(outside));
    ground.lerp_to_gamma(LIGHT.on_accent, cover(line).min(cover(outside)))
}

fn distance_to_segment(at: Pos2, from: Pos2, to: Pos2) -> f32 {
    let along = to - from;
    let share = ((at - from).dot(along) / along.length_sq()).clamp(0.0, 1.0);
    at.distance(from + share * along)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn corners_are_clear_and_the_pulse_stands_out() {
        assert_eq!(pixel(pos2(0.5, 0.5)).a(), 0);
        assert_eq!(pixel(pos2(32.0, 8.0)), LIGHT.accent);
        assert_eq!(pixel(pos2(14.0, 35.0)), LIGHT.on_accent);
        assert_eq!(emblem().rgba.len(), SIDE * SIDE * 4);
    }
}
