//! A plot of curves as SVG or PNG, and its points as CSV.
//!
//! Draws every point: callers decimate long curves first.

use plotters::backend::BitMapBackend;
use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::{FontStyle, register_font};

use super::escape::csv_line;
use super::sheet::{SIGNATURE_COLUMN, signature_cell, signature_lines};
use crate::metrics::signature::Signature;
use crate::text::shown::{cell as csv_text, one_line};

/// A curve, with a band if it is the mean of several.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FigureLine {
    pub name: String,
    /// Index into [`LINE_COLOURS`], modulo their number.
    pub colour: usize,
    pub points: Vec<(f64, f64)>,
    /// Lower and upper end at each point.
    pub band: Vec<(f64, f64)>,
    /// How many curves the mean is over at each point; the line is thin where it is one. Empty for a curve that is
    /// no mean.
    pub counts: Vec<usize>,
}

/// Points, or the lower and upper ends at them.
type Pairs<'a> = &'a [(f64, f64)];

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Figure {
    pub title: String,
    pub x_label: String,
    pub y_label: String,
    pub lines: Vec<FigureLine>,
    /// What it comes from: below the plot, and a last column of its points.
    pub signatures: Vec<Signature>,
}

/// Line colours for white paper: Okabe-Ito (colour-blind safe), darkened to a contrast of 3:1.
pub const LINE_COLOURS: [(u8, u8, u8); 7] = [
    (0x1F, 0x7F, 0xBF),
    (0xB2, 0x6B, 0x00),
    (0x00, 0x8A, 0x63),
    (0xB0, 0x52, 0x8A),
    (0xC9, 0x50, 0x0A),
    (0x85, 0x7A, 0x00),
    (0x3F, 0x5B, 0xD9),
];

#[derive(Debug, thiserror::Error)]
pub enum FigureError {
    #[error("there is no point to draw; choose a metric that the runs have logged")]
    Empty,
    #[error("the plot cannot be drawn: {0}")]
    Drawing(String),
    #[error("the picture cannot be written: {0}")]
    Picture(#[from] png::EncodingError),
}

const SIZE: (u32, u32) = (960, 540);

/// The size of a signature's letters, and the height of its line.
const SIGNATURE_SIZE: u32 = 9;
const SIGNATURE_LINE: u32 = 13;

impl Figure {
    pub fn svg(&self) -> Result<String, FigureError> {
        let mut text = String::new();
        self.draw(
            SVGBackend::with_string(&mut text, SIZE).into_drawing_area(),
            1,
        )?;
        Ok(text)
    }

    /// PNG at twice the size.
    pub fn png(&self) -> Result<Vec<u8>, FigureError> {
        const SCALE: u32 = 2;
        let (width, height) = (SIZE.0 * SCALE, SIZE.1 * SCALE);
        let mut pixels = vec![0; (width * height * 3) as usize];
        let area = BitMapBackend::with_buffer(&mut pixels, (width, height)).into_drawing_area();
        self.draw(area, SCALE)?;
        let mut file = Vec::new();
        let mut encoder = png::Encoder::new(&mut file, width, height);
        encoder.set_color(png::ColorType::Rgb);
        encoder.set_depth(png::BitDepth::Eight);
        let mut writer = encoder.write_header()?;
        writer.write_image_data(&pixels)?;
        writer.finish()?;
        Ok(file)
    }

    /// The points: line, x, y, the band and the number of curves that the line is the mean of.
    pub fn csv(&self) -> String {
        let [x_label, y_label] = [&self.x_label, &self.y_label].map(|label| csv_text(label));
        let signature = signature_cell(&self.signatures);
        let mut head = vec!["line", &x_label, &y_label, "low", "high", "n"];
        head.extend(signature.as_ref().map(|_| SIGNATURE_COLUMN));
        let mut text = csv_line(&head) + "\n";
        for line in &self.lines {
            for (at, (x, y)) in line.points.iter().enumerate() {
                let bound = |bound: Option<f64>| {
                    let bound = bound.filter(|bound| bound.is_finite());
                    bound.map_or(String::new(), |bound| bound.to_string())
                };
                let band = line.band.get(at);
                let n = line.counts.get(at);
                let mut cells = vec![
                    csv_text(&line.name).into_owned(),
                    x.to_string(),
                    y.to_string(),
                    bound(band.map(|band| band.0)),
                    bound(band.map(|band| band.1)),
                    n.map_or(String::new(), usize::to_string),
                ];
                cells.extend(signature.clone());
                text += &(csv_line(&cells) + "\n");
            }
        }
        text
    }

    fn draw<DB: DrawingBackend>(
        &self,
        area: DrawingArea<DB, Shift>,
        scale: u32,
    ) -> Result<(), FigureError> {
        let (x, y) = self.ranges().ok_or(FigureError::Empty)?;
        // Differences of the largest numbers overflow, and ticks of the closest are lost in rounding.
        let unit = Unit::of(y);
        let y = (unit.scaled(y.0), unit.scaled(y.1));
        font();
        let wrong = |error: &dyn std::fmt::Display| FigureError::Drawing(error.to_string());
        area.fill(&WHITE).map_err(|error| wrong(&error))?;
        let size = |points: u32| ("sans-serif", points * scale).into_font();
        let lines: Vec<String> = signature_lines(&self.signatures)
            .map(|line| one_line(&line).into_owned())
            .collect();
        let below = (lines.len() as u32 * SIGNATURE_LINE * scale) as i32;
        let (plot, foot) = area.split_vertically(SIZE.1 as i32 * scale as i32 - below);
        for (at, line) in lines.into_iter().enumerate() {
            let style = size(SIGNATURE_SIZE).color(&BLACK.mix(0.6));
            let place = (
                12 * scale as i32,
                at as i32 * (SIGNATURE_LINE * scale) as i32,
            );
            foot.draw(&Text::new(line, place, style))
                .map_err(|error| wrong(&error))?;
        }
        let mut chart = ChartBuilder::on(&plot)
            .caption(one_line(&self.title), size(18))
            .margin(12 * scale)
            .x_label_area_size(40 * scale)
            .y_label_area_size(64 * scale)
            .build_cartesian_2d(x.0..x.1, y.0..y.1)
            .map_err(|error| wrong(&error))?;
        chart
            .configure_mesh()
            .disable_x_mesh()
            .light_line_style(TRANSPARENT)
            .bold_line_style(BLACK.mix(0.08))
            .axis_style(BLACK.mix(0.4))
            .x_desc(one_line(&self.x_label))
            .y_desc(one_line(&self.y_label))
            .axis_desc_style(size(13))
            .label_style(size(12))
            .x_labels(8)
            .y_labels(6)
            .x_label_formatter(&short)
            .y_label_formatter(&|value: &f64| unit.label(*value))
            .draw()
            .map_err(|error| wrong(&error))?;
        for line in &self.lines {
            let (red, green, blue) = LINE_COLOURS[line.colour % LINE_COLOURS.len()];
            let colour = RGBColor(red, green, blue);
            let point = |(x, y): (f64, f64)| (x, unit.scaled(y));
            for (points, bounds) in line.bands() {
                let bounds = || points.iter().zip(bounds);
                let above = bounds().map(|((x, _), (_, high))| point((*x, *high)));
                let below = bounds().rev().map(|((x, _), (low, _))| point((*x, *low)));
                let outline: Vec<(f64, f64)> = above.chain(below).collect();
                let drawn = match points.len() {
                    1 => chart.draw_series([PathElement::new(outline, colour.mix(0.4))]),
                    _ => chart.draw_series([Polygon::new(outline, colour.mix(0.2))]),
                };
                drawn.map_err(|error| wrong(&error))?;
            }
            let key = 18 * scale as i32;
            let style = colour.stroke_width(2 * scale);
            // Also named if it has no point.
            chart
                .draw_series(LineSeries::new(std::iter::empty(), style))
                .map_err(|error| wrong(&error))?
                .label(one_line(&line.name))
                .legend(move |(x, y)| PathElement::new(vec![(x, y), (x + key, y)], style));
            for (stretch, alone) in stretches(&line.points, &line.counts) {
                let width = if alone { scale } else { 2 * scale };
                let points = stretch.iter().copied().map(point);
                let drawn = match stretch {
                    [one] => {
                        let dot = Circle::new(point(*one), 2 * scale, colour.filled());
                        chart.draw_series([dot]).map(|_| ())
                    }
                    _ => {
                        let series = LineSeries::new(points, colour.stroke_width(width));
                        chart.draw_series(series).map(|_| ())
                    }
                };
                drawn.map_err(|error| wrong(&error))?;
            }
        }
        chart
            .configure_series_labels()
            .position(SeriesLabelPosition::UpperRight)
            .background_style(WHITE.mix(0.85))
            .border_style(BLACK.mix(0.1))
            .legend_area_size(24 * scale)
            .margin(8 * scale)
            .label_font(size(12))
            .draw()
            .map_err(|error| wrong(&error))?;
        area.present().map_err(|error| wrong(&error))
    }

    /// The ranges of x and y, with some margin above and below.
    fn ranges(&self) -> Option<((f64, f64), (f64, f64))> {
        let mut x = (f64::INFINITY, f64::NEG_INFINITY);
        let mut y = x;
        let widen = |range: &mut (f64, f64), value: f64| {
            if value.is_finite() {
                *range = (range.0.min(value), range.1.max(value));
            }
        };
        for line in &self.lines {
            for (at, value) in line.points.iter().filter(|(_, value)| value.is_finite()) {
                widen(&mut x, *at);
                widen(&mut y, *value);
            }
            for (low, high) in &line.band {
                widen(&mut y, *low);
                widen(&mut y, *high);
            }
        }
        let found = x.0.is_finite() && y.0.is_finite();
        let x = if x.0 == x.1 {
            (x.0 - 1.0, x.1 + 1.0)
        } else {
            x
        };
        // Halves, since the difference of the largest numbers overflows.
        let (low, high) = (y.0 / 2.0, y.1 / 2.0);
        let middle = low + high;
        // Closer values cannot be told apart by their ticks.
        let half = (high - low)
            .max(1e-9 * middle.abs())
            .max(f64::MIN_POSITIVE / f64::EPSILON);
        let half = if y.0 == y.1 {
            middle.abs().max(1.0) * 0.1
        } else {
            half * 1.12
        };
        // Room for the legend above the curves.
        let names = 0.09 * self.lines.len().min(12) as f64;
        let bound = |end: f64| end.clamp(f64::MIN, f64::MAX);
        found.then_some((
            x,
            (bound(middle - half), bound(middle + half * (1.0 + names))),
        ))
    }
}

/// The line through these points in stretches: one ends where a value is not finite, which is a gap, and where
/// `counts` says that a mean begins or ceases to be of one curve alone, which is told with each. `counts` is empty
/// for a line that is no mean.
pub fn stretches<'a>(points: &'a [(f64, f64)], counts: &[usize]) -> Vec<(&'a [(f64, f64)], bool)> {
    let alone = |at: usize| counts.get(at) == Some(&1);
    let mut found = Vec::new();
    let mut from = 0;
    for whole in points.split(|(_, value)| !value.is_finite()) {
        let end = from + whole.len();
        if whole.len() == 1 {
            found.push((whole, alone(from)));
        }
        let mut start = from;
        while start + 1 < end {
            let kind = |at: usize| alone(at) || alone(at + 1);
            let same = (start..end - 1).take_while(|at| kind(*at) == kind(start));
            let stop = start + same.count();
            found.push((&points[start..=stop], kind(start)));
            start = stop;
        }
        from = end + 1;
    }
    found
}

impl FigureLine {
    /// Points with their bounds, without those that have none.
    fn bands(&self) -> Vec<(Pairs<'_>, Pairs<'_>)> {
        if self.band.len() != self.points.len() {
            return Vec::new();
        }
        let mut from = 0;
        let mut found = Vec::new();
        let gap = |(low, high): &(f64, f64)| !(low.is_finite() && high.is_finite());
        for bounds in self.band.split(gap) {
            let end = from + bounds.len();
            if !bounds.is_empty() {
                found.push((&self.points[from..end], bounds));
            }
            from = end + 1;
        }
        found
    }
}

/// What values of y are divided by to be drawn: 10 to this power; not 0 for numbers so large that their
/// differences overflow, or so small that they would be taken for 0.
#[derive(Clone, Copy, Debug)]
struct Unit(i32);

impl Unit {
    fn of((low, high): (f64, f64)) -> Unit {
        let most = low.abs().max(high.abs());
        Unit(match most > 1e300 || (most > 0.0 && most < 1e-6) {
            true => (most.log10().floor() as i32).max(-300),
            false => 0,
        })
    }

    fn scaled(self, value: f64) -> f64 {
        match self.0 {
            0 => value,
            exponent => value / 10f64.powi(exponent),
        }
    }

    /// The label of a scaled value, which itself may be beyond the largest number.
    fn label(self, value: f64) -> String {
        let rounded = (value * 1e4).round() / 1e4;
        if self.0 == 0 || rounded == 0.0 {
            return short(&value);
        }
        let words = format!("{rounded:e}");
        let (digits, exponent) = words.split_once('e').unwrap_or((&words, "0"));
        let exponent = exponent.parse::<i32>().unwrap_or(0) + self.0;
        format!("{digits}e{exponent}")
    }
}

fn short(value: &f64) -> String {
    let size = value.abs();
    if size >= 1e6 || (size > 0.0 && size < 1e-3) {
        return format!("{value:e}");
    }
    let text = format!("{value:.4}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text == "-0" {
        "0".into()
    } else {
        text.into()
    }
}

/// Registers a bundled font, since installed fonts differ between machines.
fn font() {
    // Only fails for an invalid font.
    let _ = register_font(
        "sans-serif",
        FontStyle::Normal,
        epaint_default_fonts::UBUNTU_LIGHT,
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figure() -> Figure {
        Figure {
            title: "Empathy reward".into(),
            x_label: "step".into(),
            y_label: "R".into(),
            lines: vec![FigureLine {
                name: "mean of 3 <seeds>".into(),
                colour: 0,
                points: vec![(1.0, 0.2), (2.0, f64::NAN), (3.0, 0.4), (4.0, 0.5)],
                band: vec![(0.1, 0.3), (f64::NAN, f64::NAN), (0.3, 0.5), (0.4, 0.6)],
                counts: vec![3, 0, 2, 2],
            }],
            signatures: Vec::new(),
        }
    }

    #[test]
    fn svg_holds_title_legend_and_lines() {
        let svg = figure().svg().unwrap();
        assert!(svg.starts_with("<svg") && svg.trim_end().ends_with("</svg>"));
        for part in [
            "Empathy reward",
            "mean of 3 &lt;seeds&gt;",
            "polyline",
            "polygon",
        ] {
            assert!(svg.contains(part), "{part}: {svg}");
        }
        assert!(!svg.contains("NaN"), "{svg}");
    }

    #[test]
    fn no_name_acts_in_a_picture_or_breaks_it() {
        let mut odd = figure();
        odd.title = "a\u{1b}[2J\u{0}]]>".into();
        odd.lines[0].name = "\u{202e}</text><script>\nx".into();
        let svg = odd.svg().unwrap();
        let acts = |letter: char| letter != '\n' && crate::text::shown::acts(letter);
        assert!(!svg.contains(acts) && !svg.contains("<script"), "{svg}");
        assert!(svg.contains("\\u{1b}[2J\\u{0}]]&gt;"), "{svg}");
        assert!(odd.png().is_ok());
        odd.lines[0].name = "=1+1".into();
        assert!(odd.csv().contains("\n'=1+1,1,0.2,"));
    }

    #[test]
    fn png_is_a_picture_of_that_size() {
        let file = figure().png().unwrap();
        let mut reader = png::Decoder::new(std::io::Cursor::new(&file))
            .read_info()
            .unwrap();
        let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
        let info = reader.next_frame(&mut pixels).unwrap();
        assert_eq!((info.width, info.height), (1920, 1080));
        // White ground, and something in the line's blue.
        assert_eq!(&pixels[..3], [255, 255, 255]);
        assert!(pixels.chunks(3).any(|pixel| pixel == [0x1F, 0x7F, 0xBF]));
    }

    #[test]
    fn csv_holds_every_point_and_nothing_is_refused() {
        assert_eq!(figure().csv().lines().count(), 5);
        assert!(
            figure()
                .csv()
                .starts_with("line,step,R,low,high,n\nmean of 3 <seeds>,1,0.2,0.1,0.3,3\n")
        );
        assert!(matches!(Figure::default().svg(), Err(FigureError::Empty)));
        let mut signed = figure();
        let signature = "R|1|nltk|data:0123abcd|top_k=20|1|1ae1d48a9f5c";
        signed.signatures = vec![signature.parse().unwrap()];
        assert!(
            signed
                .svg()
                .unwrap()
                .contains(&format!("Signature: {signature}"))
        );
        assert!(
            signed
                .csv()
                .lines()
                .all(|line| line.ends_with("Signature") || line.ends_with(signature))
        );
        let mut one = figure();
        one.lines[0].points.truncate(1);
        one.lines[0].band.clear();
        assert!(one.svg().is_ok());
    }
}
