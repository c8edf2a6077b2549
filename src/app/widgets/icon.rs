//! The icons of the window: a few strokes each, on a grid of 16 × 16.
//!
//! Drawn here rather than taken from a font, so that they have one weight on every machine.

use std::f32::consts::{PI, TAU};

use eframe::egui::{Color32, Painter, Pos2, Rect, Shape, Stroke, StrokeKind, vec2};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Icon {
    /// A sprout: where one begins.
    Start,
    /// A flask.
    Experiments,
    /// A pulse.
    Live,
    /// A list.
    Runs,
    /// Two curves that cross.
    Compare,
    /// A quotation mark.
    Cases,
    /// Scales.
    Studies,
    /// A grid.
    Tables,
    /// Two speech balloons.
    Playground,
    /// A drum of records.
    Data,
    Pin,
    /// Sliders.
    Settings,
    Play,
    Pause,
    Stop,
    Flag,
    Gauge,
    Check,
    Cross,
    Plus,
    Warning,
    Info,
    Up,
    Down,
    Left,
    Right,
    Chevron,
    Copy,
    Revert,
    More,
}

pub fn paint(painter: &Painter, rect: Rect, icon: Icon, colour: Color32) {
    let scale = rect.width().min(rect.height()) / 16.0;
    let pen = Pen {
        painter,
        origin: rect.center() - vec2(8.0, 8.0) * scale,
        scale,
        stroke: Stroke::new((1.4 * scale).max(1.2), colour),
    };
    pen.icon(icon);
}

/// The chevron of a closed section, which points right.
pub fn paint_closed(painter: &Painter, rect: Rect, colour: Color32) {
    let stroke = Stroke::new(1.4, colour);
    let (middle, reach) = (rect.center(), rect.height() * 0.24);
    let points = vec![
        middle + vec2(-reach * 0.5, -reach),
        middle + vec2(reach * 0.5, 0.0),
        middle + vec2(-reach * 0.5, reach),
    ];
    painter.add(Shape::line(points, stroke));
}

struct Pen<'a> {
    painter: &'a Painter,
    origin: Pos2,
    scale: f32,
    stroke: Stroke,
}

impl Pen<'_> {
    fn at(&self, x: f32, y: f32) -> Pos2 {
        self.origin + vec2(x, y) * self.scale
    }

    fn line(&self, points: &[(f32, f32)]) {
        let points = points.iter().map(|&(x, y)| self.at(x, y)).collect();
        self.painter.add(Shape::line(points, self.stroke));
    }

    fn closed(&self, points: &[(f32, f32)]) {
        let points = points.iter().map(|&(x, y)| self.at(x, y)).collect();
        self.painter.add(Shape::closed_line(points, self.stroke));
    }

    fn filled(&self, points: &[(f32, f32)]) {
        let points = points.iter().map(|&(x, y)| self.at(x, y)).collect();
        self.painter.add(Shape::convex_polygon(
            points,
            self.stroke.color,
            Stroke::NONE,
        ));
    }

    fn circle(&self, x: f32, y: f32, radius: f32) {
        self.painter
            .circle_stroke(self.at(x, y), radius * self.scale, self.stroke);
    }

    fn dot(&self, x: f32, y: f32, radius: f32) {
        self.painter
            .circle_filled(self.at(x, y), radius * self.scale, self.stroke.color);
    }

    fn arc(&self, x: f32, y: f32, radius: f32, from: f32, to: f32) {
        let points = (0..=24)
            .map(|i| {
                let angle = from + (to - from) * i as f32 / 24.0;
                self.at(x + radius * angle.cos(), y + radius * angle.sin())
            })
            .collect();
        self.painter.add(Shape::line(points, self.stroke));
    }

    fn frame(&self, x: f32, y: f32, w: f32, h: f32, radius: f32) {
        let rect = Rect::from_min_max(self.at(x, y), self.at(x + w, y + h));
        self.painter
            .rect_stroke(rect, radius * self.scale, self.stroke, StrokeKind::Middle);
    }

    fn icon(&self, icon: Icon) {
        match icon {
            Icon::Start => {
                self.line(&[(8.0, 14.0), (8.0, 7.5)]);
                self.arc(8.0, 3.4, 4.1, PI * 0.5, PI);
                self.line(&[(3.9, 3.4), (5.2, 3.4)]);
                self.arc(4.6, 7.4, 3.4, -PI * 0.5, 0.0);
                self.arc(12.3, 9.8, 4.3, PI, PI * 1.5);
                self.line(&[(12.3, 5.5), (13.2, 5.5)]);
                self.arc(8.8, 5.4, 4.4, 0.0, PI * 0.5);
            }
            Icon::Experiments => {
                self.line(&[
                    (6.2, 2.0),
                    (6.2, 6.4),
                    (2.9, 12.2),
                    (3.9, 14.0),
                    (12.1, 14.0),
                    (13.1, 12.2),
                    (9.8, 6.4),
                    (9.8, 2.0),
                ]);
                self.line(&[(5.0, 2.0), (11.0, 2.0)]);
                self.line(&[(4.6, 10.2), (11.4, 10.2)]);
            }
            Icon::Live => self.line(&[
                (1.5, 8.6),
                (4.4, 8.6),
                (6.3, 3.4),
                (9.2, 12.8),
                (11.2, 6.8),
                (12.1, 8.6),
                (14.5, 8.6),
            ]),
            Icon::Runs => {
                for y in [3.6, 8.0, 12.4] {
                    self.dot(2.8, y, 0.95);
                    self.line(&[(5.8, y), (14.0, y)]);
                }
            }
            Icon::Compare => {
                self.line(&[(2.0, 12.4), (6.0, 10.8), (9.6, 5.6), (14.0, 3.4)]);
                self.line(&[(2.0, 4.2), (6.4, 6.0), (9.4, 10.4), (14.0, 12.2)]);
            }
            Icon::Cases => {
                self.frame(1.8, 2.6, 12.4, 8.6, 2.0);
                self.line(&[(4.6, 11.2), (4.6, 14.0), (7.6, 11.2)]);
                self.line(&[(4.8, 5.6), (11.2, 5.6)]);
                self.line(&[(4.8, 8.2), (9.0, 8.2)]);
            }
            Icon::Studies => {
                self.line(&[(8.0, 2.4), (8.0, 13.6)]);
                self.line(&[(5.0, 13.6), (11.0, 13.6)]);
                self.line(&[(2.8, 4.2), (13.2, 4.2)]);
                self.arc(3.2, 8.6, 2.2, 0.0, PI);
                self.line(&[(1.0, 8.6), (3.2, 4.2), (5.4, 8.6), (1.0, 8.6)]);
                self.arc(12.8, 8.6, 2.2, 0.0, PI);
                self.line(&[(10.6, 8.6), (12.8, 4.2), (15.0, 8.6), (10.6, 8.6)]);
            }
            Icon::Tables => {
                self.frame(2.0, 2.8, 12.0, 10.4, 1.5);
                self.line(&[(2.0, 6.2), (14.0, 6.2)]);
                self.line(&[(2.0, 9.7), (14.0, 9.7)]);
                self.line(&[(6.4, 2.8), (6.4, 13.2)]);
            }
            Icon::Playground => {
                self.frame(1.6, 2.2, 9.2, 6.6, 1.8);
                self.line(&[(4.0, 8.8), (4.0, 11.2), (6.6, 8.8)]);
                self.line(&[(13.0, 6.2), (14.4, 6.8), (14.4, 11.6), (13.0, 12.2)]);
                self.line(&[
                    (13.0, 12.2),
                    (12.4, 12.2),
                    (12.4, 14.2),
                    (10.2, 12.2),
                    (8.0, 12.2),
                ]);
            }
            Icon::Data => {
                self.closed(&[
                    (2.8, 4.2),
                    (5.0, 2.8),
                    (11.0, 2.8),
                    (13.2, 4.2),
                    (11.0, 5.6),
                    (5.0, 5.6),
                ]);
                self.line(&[
                    (2.8, 4.2),
                    (2.8, 11.8),
                    (5.0, 13.2),
                    (11.0, 13.2),
                    (13.2, 11.8),
                    (13.2, 4.2),
                ]);
                self.line(&[(2.8, 8.0), (5.0, 9.4), (11.0, 9.4), (13.2, 8.0)]);
            }
            Icon::Pin => {
                self.line(&[(5.2, 2.4), (10.8, 2.4)]);
                self.line(&[
                    (6.2, 2.4),
                    (5.8, 7.2),
                    (3.8, 9.4),
                    (12.2, 9.4),
                    (10.2, 7.2),
                    (9.8, 2.4),
                ]);
                self.line(&[(8.0, 9.4), (8.0, 14.2)]);
            }
            Icon::Settings => {
                for (y, x) in [(4.0, 10.4), (8.0, 5.4), (12.0, 9.4)] {
                    self.line(&[(2.0, y), (x - 1.7, y)]);
                    self.line(&[(x + 1.7, y), (14.0, y)]);
                    self.circle(x, y, 1.7);
                }
            }
            Icon::Play => self.filled(&[(4.6, 2.8), (13.0, 8.0), (4.6, 13.2)]),
            Icon::Pause => {
                self.filled(&[(4.2, 3.2), (6.8, 3.2), (6.8, 12.8), (4.2, 12.8)]);
                self.filled(&[(9.2, 3.2), (11.8, 3.2), (11.8, 12.8), (9.2, 12.8)]);
            }
            Icon::Stop => self.filled(&[(3.8, 3.8), (12.2, 3.8), (12.2, 12.2), (3.8, 12.2)]),
            Icon::Flag => {
                self.line(&[(4.0, 14.2), (4.0, 2.2)]);
                self.line(&[
                    (4.0, 2.8),
                    (12.6, 2.8),
                    (10.4, 5.9),
                    (12.6, 9.0),
                    (4.0, 9.0),
                ]);
            }
            Icon::Gauge => {
                self.arc(8.0, 10.4, 6.2, PI, TAU);
                self.line(&[(8.0, 10.4), (10.8, 6.8)]);
                self.dot(8.0, 10.4, 1.2);
            }
            Icon::Check => self.line(&[(3.2, 8.6), (6.6, 12.0), (12.8, 4.6)]),
            Icon::Cross => {
                self.line(&[(4.2, 4.2), (11.8, 11.8)]);
                self.line(&[(11.8, 4.2), (4.2, 11.8)]);
            }
            Icon::Plus => {
                self.line(&[(8.0, 3.2), (8.0, 12.8)]);
                self.line(&[(3.2, 8.0), (12.8, 8.0)]);
            }
            Icon::Warning => {
                self.closed(&[(8.0, 2.2), (14.4, 13.4), (1.6, 13.4)]);
                self.line(&[(8.0, 6.4), (8.0, 9.6)]);
                self.dot(8.0, 11.5, 0.85);
            }
            Icon::Info => {
                self.circle(8.0, 8.0, 6.2);
                self.line(&[(8.0, 7.4), (8.0, 11.4)]);
                self.dot(8.0, 5.0, 0.85);
            }
            Icon::Up => {
                self.line(&[(8.0, 13.0), (8.0, 3.4)]);
                self.line(&[(4.2, 7.2), (8.0, 3.2), (11.8, 7.2)]);
            }
            Icon::Down => {
                self.line(&[(8.0, 3.0), (8.0, 12.6)]);
                self.line(&[(4.2, 8.8), (8.0, 12.8), (11.8, 8.8)]);
            }
            Icon::Left => {
                self.line(&[(13.0, 8.0), (3.4, 8.0)]);
                self.line(&[(7.2, 4.2), (3.2, 8.0), (7.2, 11.8)]);
            }
            Icon::Right => {
                self.line(&[(3.0, 8.0), (12.6, 8.0)]);
                self.line(&[(8.8, 4.2), (12.8, 8.0), (8.8, 11.8)]);
            }
            Icon::Chevron => self.line(&[(4.2, 6.2), (8.0, 10.0), (11.8, 6.2)]),
            Icon::Copy => {
                self.frame(2.6, 5.4, 8.0, 8.0, 1.5);
                self.line(&[(5.6, 3.0), (11.6, 3.0), (13.2, 4.6), (13.2, 10.6)]);
            }
            Icon::Revert => {
                self.arc(8.2, 8.6, 4.9, -PI * 0.75, PI * 0.75);
                self.line(&[(4.5, 1.9), (4.5, 5.3), (7.9, 5.3)]);
            }
            Icon::More => {
                for x in [3.2, 8.0, 12.8] {
                    self.dot(x, 8.0, 1.2);
                }
            }
        }
    }
}
