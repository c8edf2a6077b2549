//! What the window's plots cost on the processor, without a display: 1600 × 900 points, egui's own
//! context, drawing and tessellation together.
//!
//! `cargo bench --bench window` prints one JSON line a case. `--store` also writes a store of
//! 1 000 000 points × 10 metrics, which takes a while, and times its first picture. `--people` measures the places
//! of annotators and reviewers instead, and `--compare` Compare with 12 plots of 20 runs.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout
)] // a failed test says why

#[path = "window/compared.rs"]
mod compared;
#[path = "window/people.rs"]
mod people;
#[path = "../tests/support/window.rs"]
mod window_support;

use std::ops::Range;
use std::path::Path;
use std::time::{Duration, Instant};

use eframe::egui::{Context, Event, RawInput, Rect, pos2, vec2};
use emprl::app::frames::PlotWall;
use emprl::experiment::{Environment, Report, Stage};
use emprl::series::{Curve, Point, Series};
use emprl::store::{NewRun, RunLock, Store, StoreReader};
use serde_json::json;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const POINTS: u64 = 1_000_000;
const RUNS: u64 = 10;
const FRAMES: usize = 120;

fn main() {
    emprl::allocator::keep_freed_pages();
    if std::env::args().any(|argument| argument == "--people") {
        people::measure();
        return;
    }
    if std::env::args().any(|argument| argument == "--compare") {
        compared::measure();
        return;
    }
    let curves: Vec<Curve> = (0..RUNS).map(|run| Curve::new(series(run), 0.9)).collect();
    for (plots, columns, rows) in [(1, 1, 1), (12, 4, 3)] {
        let mut wall = Wall::new(curves.clone(), columns, rows);
        wall.measure(plots, "the pointer moves over the plots", |_, _| {});
        wall.measure(
            plots,
            "x moves, so that every line is drawn anew",
            |wall, n| {
                let from = 1_000.0 * n as f64;
                wall.zoom_to(from, from + POINTS as f64 / 2.0);
            },
        );
        let mut step = POINTS;
        wall.measure(plots, "every run gains 10 points a frame", |wall, _| {
            wall.zoom_to(0.0, POINTS as f64);
            for _ in 0..10 {
                step += 1;
                for (run, curve) in wall.curves.iter_mut().enumerate() {
                    curve.push(point(run as u64, step));
                }
            }
        });
    }
    streaming(&curves[0]);
    recording();
    if std::env::args().any(|argument| argument == "--store") {
        first_picture();
    }
}

/// Milliseconds that this thread has had a processor, where the system tells: unlike a clock on the
/// wall it does not count what others do meanwhile.
fn processor() -> Option<f64> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    let nanoseconds: f64 = text.split_whitespace().next()?.parse().ok()?;
    Some(nanoseconds / 1e6)
}

fn point(run: u64, step: u64) -> Point {
    let x = step as f64 / POINTS as f64;
    // Noise without a generator: as rough, and the same everywhere.
    let noise = ((step.wrapping_mul(2_654_435_761) ^ (run << 7)) % 1_000) as f64 / 1_000.0 - 0.5;
    Point {
        step,
        value: (1.0 + run as f64 * 0.1) * x.sqrt() + 0.3 * noise,
        wall_ms: step as i64 * 50,
    }
}

fn series(run: u64) -> Series {
    (0..POINTS).map(|step| point(run, step)).collect()
}

struct Wall {
    ctx: Context,
    wall: PlotWall,
    time: f64,
}

impl Wall {
    fn new(curves: Vec<Curve>, columns: usize, rows: usize) -> Self {
        let ctx = Context::default();
        let wall = PlotWall::new(&ctx, curves, columns, rows);
        Wall {
            ctx,
            wall,
            time: 0.0,
        }
    }

    /// One frame, with the pointer somewhere else than before: its time in milliseconds.
    fn frame(&mut self, n: usize) -> f64 {
        self.time += 1.0 / 60.0;
        let at = pos2(200.0 + (n * 7 % 1_200) as f32, 150.0 + (n * 5 % 600) as f32);
        let input = RawInput {
            screen_rect: Some(Rect::from_min_size(pos2(0.0, 0.0), vec2(1600.0, 900.0))),
            time: Some(self.time),
            events: vec![Event::PointerMoved(at)],
            ..RawInput::default()
        };
        let clock = Instant::now();
        let output = self.ctx.run_ui(input, |ui| self.wall.ui(ui));
        let primitives = self.ctx.tessellate(output.shapes, output.pixels_per_point);
        assert!(!primitives.is_empty(), "something is drawn");
        clock.elapsed().as_secs_f64() * 1e3
    }

    fn measure(&mut self, plots: usize, case: &str, mut before: impl FnMut(&mut PlotWall, usize)) {
        for n in 0..5 {
            before(&mut self.wall, n);
            self.frame(n);
        }
        let before_all = processor();
        let mut times: Vec<f64> = (0..FRAMES)
            .map(|n| {
                before(&mut self.wall, n);
                self.frame(n)
            })
            .collect();
        let spent = processor().zip(before_all).map(|(now, then)| now - then);
        times.sort_by(f64::total_cmp);
        let line = json!({
            "processor_ms": spent.map(|ms| round(ms / FRAMES as f64)),
            "plots": plots, "runs": RUNS, "points_a_run": POINTS, "case": case,
            "median_ms": round(times[FRAMES / 2]), "p95_ms": round(times[FRAMES * 95 / 100]),
            "most_ms": round(times[FRAMES - 1]),
        });
        println!("{line}");
    }
}

/// Taking in 1 000 points a second, besides drawing: the share of a core that it takes.
fn streaming(curve: &Curve) {
    let mut curve = curve.clone();
    curve.keep_logarithms();
    let count = 100_000;
    let clock = Instant::now();
    for step in POINTS..POINTS + count {
        curve.push(point(0, step));
    }
    let each = clock.elapsed().as_secs_f64() / count as f64;
    let line = json!({
        "case": "a point is added, smoothed and as a logarithm",
        "microseconds": round(each * 1e6), "core_at_1000_a_second": each * 1e3,
    });
    println!("{line}");
}

/// A store with a run that has nothing recorded yet.
fn store_with_run(folder: &Path) -> (Store, RunLock) {
    let mut store = Store::open(folder).expect("a store");
    let new = NewRun {
        name: "long".into(),
        experiment: "long".into(),
        seed: 1,
        device: "flex".into(),
        config_toml: String::new(),
        environment: Environment::capture(),
        fingerprints: Default::default(),
    };
    let lock = store.create_run(&new).expect("a run");
    (store, lock)
}

/// The reports of steps, each with a value of every name.
fn reports(names: &[String], steps: Range<u64>) -> Vec<(i64, Report)> {
    let report = |step| {
        let values = names
            .iter()
            .zip(0..)
            .map(|(name, n)| (name.clone(), point(n, step).value));
        let report = Report::Metrics {
            stage: Stage::Ppo,
            step,
            total: POINTS,
            values: values.collect(),
        };
        (step as i64, report)
    };
    steps.map(report).collect()
}

/// Writing 1 000 points a second to disk, a batch every quarter of a second: the share of a core.
fn recording() {
    let folder = tempfile::tempdir().expect("a folder");
    let (mut store, lock) = store_with_run(folder.path());
    let names: Vec<String> = (0..10).map(|n| format!("metric {n}")).collect();
    let batches: Vec<_> = (0..200)
        .map(|n| reports(&names, 25 * n..25 * (n + 1)))
        .collect();
    let (clock, before) = (Instant::now(), processor());
    for batch in &batches {
        store.record(lock.run(), batch).expect("reports");
    }
    let a_second = 4.0 / batches.len() as f64;
    let spent = processor().zip(before).map(|(now, then)| now - then);
    let line = json!({
        "case": "250 points are written to disk, four times a second",
        "core": spent.map(|ms| round(ms * a_second / 1e3)),
        "batch_ms": round(clock.elapsed().as_secs_f64() * 1e3 / batches.len() as f64),
    });
    println!("{line}");
}

/// Reading what a first picture of a long run needs.
fn first_picture() {
    let folder = tempfile::tempdir().expect("a folder");
    let (mut store, lock) = store_with_run(folder.path());
    let run = lock.run();
    let names: Vec<String> = (0..10).map(|n| format!("metric {n}")).collect();
    for from in (0..POINTS).step_by(20_000) {
        let reports = reports(&names, from..from + 20_000);
        store.record(run, &reports).expect("reports");
    }
    let mut times: Vec<Duration> = (0..5)
        .map(|_| {
            let clock = Instant::now();
            let reader = StoreReader::open(folder.path()).expect("a reader");
            for key in reader.keys(run).expect("keys") {
                let points = reader.outline(run, &key.key, key.last_step, 400);
                assert!(points.expect("points").len() > 300);
            }
            clock.elapsed()
        })
        .collect();
    times.sort();
    let clock = Instant::now();
    let reader = StoreReader::open(folder.path()).expect("a reader");
    for key in reader.keys(run).expect("keys") {
        assert_eq!(
            reader.series(run, &key.key, None).expect("points").len() as u64,
            POINTS
        );
    }
    let line = json!({
        "case": "a run of 1 000 000 points × 10 metrics is opened",
        "first_picture_ms": round(times[2].as_secs_f64() * 1e3),
        "whole_ms": round(clock.elapsed().as_secs_f64() * 1e3),
    });
    println!("{line}");
}

fn round(value: f64) -> f64 {
    (value * 1e3).round() / 1e3
}
