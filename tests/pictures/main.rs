//! Pictures of every place, in both themes, at scale 1 in the window's usual size and at scale 2 in its
//! smallest, compared with those that were looked at and kept.
//!
//!     cargo test --release --test pictures -- --ignored
//!
//! With `UPDATE_SNAPSHOTS=1` the pictures are drawn anew: look at each before it is kept.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout
)] // a failed test says why

mod raster;
#[path = "../support/study.rs"]
mod study_support;
#[path = "../support/window.rs"]
mod window_support;

use std::path::{Path, PathBuf};

use crate::study_support::{SYSTEMS, create, definition, store_with_systems};
use crate::window_support::{Window, click, expect, open_as, run, settle, write_in};
use eframe::egui::os::OperatingSystem;
use eframe::egui::{Color32, Key, Modifiers, Rect, Style, Theme};
use egui_kittest::kittest::Queryable;
use egui_kittest::{Harness, SnapshotOptions, SnapshotResults, try_image_snapshot_options};
use emprl::store::{RunStatus, Store};
use emprl::study::definition::StudyKind;
use image::RgbaImage;
use raster::Raster;
use serde_json::json;

/// What differs from one machine or day to the next, and is painted over.
const MASKED: [&str; 1] = ["EmpRL Studio 0"];

const PICTURES: &str = "tests/pictures/kept";

/// The noon of a day, in milliseconds since the Unix epoch.
const THEN: i64 = 1_577_880_000_000;

#[test]
#[ignore = "compares pictures"]
fn dark() {
    every_place("dark", Theme::Dark, [1280.0, 800.0], 1.0);
}

#[test]
#[ignore = "compares pictures"]
fn light() {
    every_place("light", Theme::Light, [1280.0, 800.0], 1.0);
}

#[test]
#[ignore = "compares pictures"]
fn dark_small_and_sharp() {
    every_place("dark-2x", Theme::Dark, [900.0, 600.0], 2.0);
}

#[test]
#[ignore = "compares pictures"]
fn light_small_and_sharp() {
    every_place("light-2x", Theme::Light, [900.0, 600.0], 2.0);
}

/// A folder that has the same name everywhere, since the window shows it.
fn folder(look: &str) -> PathBuf {
    let folder = Path::new("target/pictures").join(look);
    match std::fs::remove_dir_all(&folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => panic!("{error}"),
        _ => folder,
    }
}

/// Runs, systems and a study, whose times do not move.
fn fill(store: &Path) {
    let seeds = [RunStatus::Finished, RunStatus::Finished, RunStatus::Stopped];
    for (n, status) in seeds.into_iter().enumerate() {
        run(store, &format!("a run, seed {}", n + 1), status);
    }
    drop(store_with_systems(store, 2, 120));
    let mut opened = Store::open(store).expect("a store");
    create(&mut opened, &definition(StudyKind::AbTest, 2));
    drop(opened);
    let database = rusqlite::Connection::open(store.join("emprl.db")).expect("the database");
    let shift = THEN - 1_000_000;
    database
        .execute_batch(&format!(
            "UPDATE runs SET started = {THEN}, ended = {THEN} + 1000000 + 60000 * id;
             UPDATE points SET wall = wall + {shift};
             UPDATE summary SET last_wall = last_wall + {shift};
             UPDATE events SET wall = wall + {shift};
             UPDATE samples SET wall = wall + {shift};
             UPDATE checkpoints SET wall = wall + {shift};"
        ))
        .expect("times");
}

struct Album<'a> {
    look: &'a str,
    theme: &'a str,
    scale: f32,
    results: SnapshotResults,
}

impl Album<'_> {
    fn take(&mut self, window: &mut Window, place: &str) {
        window.remove_cursor();
        let still = |style: &mut Style| style.visuals.text_cursor.blink = false;
        window.ctx.all_styles_mut(still);
        settle(window);
        let mut picture = window.render().expect("a picture");
        for masked in MASKED {
            for node in window.query_all_by_label_contains(masked) {
                // As wide whatever the words are.
                let rect = node.rect();
                let rect = rect.with_max_x(rect.left() + 400.0);
                paint_over(&mut picture, rect, self.scale);
            }
        }
        // Other processors may round the edge of a letter otherwise, by a step or two of 255.
        let options = SnapshotOptions::new().output_path(PICTURES).threshold(2.0);
        let name = format!("{place}-{}", self.look);
        let result = try_image_snapshot_options(&picture, &name, &options);
        if std::env::var_os("UPDATE_SNAPSHOTS").is_some() {
            compress(&Path::new(PICTURES).join(format!("{name}.png")), picture);
        }
        self.results.add(result);
    }
}

fn paint_over(picture: &mut RgbaImage, rect: Rect, scale: f32) {
    let (width, height) = picture.dimensions();
    let pixel = |value: f32, limit: u32| (value * scale).clamp(0.0, limit as f32) as u32;
    for y in pixel(rect.top(), height)..pixel(rect.bottom(), height) {
        for x in pixel(rect.left(), width)..pixel(rect.right(), width) {
            picture.put_pixel(x, y, image::Rgba(Color32::GRAY.to_array()));
        }
    }
}

/// Writes a picture half as large as it was: these are kept beside the code.
fn compress(path: &Path, picture: RgbaImage) {
    let (width, height) = picture.dimensions();
    let bytes: Vec<u8> = picture
        .pixels()
        .flat_map(|pixel| pixel.0[..3].to_vec())
        .collect();
    let file = std::fs::File::create(path).expect("a file");
    let mut encoder = png::Encoder::new(file, width, height);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_compression(png::Compression::High);
    let mut writer = encoder.write_header().expect("a header");
    writer.write_image_data(&bytes).expect("pixels");
}

fn every_place(look: &str, theme: Theme, size: [f32; 2], scale: f32) {
    let mut album = Album {
        look,
        theme: if theme == Theme::Dark {
            "Theme Dark"
        } else {
            "Theme Light"
        },
        scale,
        results: SnapshotResults::new(),
    };
    let open = |store: &Path, album: &Album<'_>| {
        let builder = Harness::builder()
            .with_size(size)
            .with_pixels_per_point(scale)
            .with_os(OperatingSystem::Nix)
            .renderer(Raster::default());
        let mut window = open_as(builder, store, store);
        click(&mut window, "Settings");
        click(&mut window, album.theme);
        window
    };
    let store = folder(&format!("{look}-empty"));
    empty(&mut open(&store, &album), &mut album);
    let store = folder(look);
    fill(&store);
    researcher(&mut open(&store, &album), &mut album);
    people(&mut open(&store, &album), &mut album);
    corpora(&mut open(&store, &album), &mut album, &store);
    album.results.unwrap();
}

/// What someone sees who has just begun.
fn empty(window: &mut Window, album: &mut Album<'_>) {
    let places = [
        ("Start", "start-empty"),
        ("Live", "live-empty"),
        ("Runs", "runs-empty"),
        ("Compare", "compare-empty"),
        ("Case study", "case-study-empty"),
        ("Studies", "studies-empty"),
        ("Playground", "playground-empty"),
    ];
    for (place, name) in places {
        // Of an empty page the sharp picture shows no more than the other.
        if album.scale > 1.0 && !["Live", "Playground"].contains(&place) {
            continue;
        }
        click(window, place);
        album.take(window, name);
    }
}

fn researcher(window: &mut Window, album: &mut Album<'_>) {
    album.take(window, "settings");
    click(window, "Start");
    expect(window, "a run, seed 1");
    album.take(window, "start");
    click(window, "Experiments");
    expect(window, "Start run");
    album.take(window, "experiments");
    click(window, "Runs");
    expect(window, "a run, seed 3");
    album.take(window, "runs");
    click(window, "Start");
    click(window, "Open run 1, a run, seed 1, finished");
    expect(window, "Evaluation");
    album.take(window, "run");
    window.key_press_modifiers(Modifiers::COMMAND, Key::K);
    album.take(window, "palette");
    window.key_press(Key::Escape);
    settle(window);
    click(window, "Runs");
    click(window, "Runs");
    click(window, "Choose run 1");
    click(window, "Choose run 2");
    window.key_press_modifiers(Modifiers::COMMAND, Key::Num5);
    expect(window, "Differences from");
    album.take(window, "compare");
    click(window, "Data and models");
    expect(window, "18 emotions");
    album.take(window, "data");
}

/// Anybody's file: looked at, browsed, and in the Case study.
fn corpora(window: &mut Window, album: &mut Album<'_>, store: &Path) {
    let file = store.join("ratings.jsonl");
    std::fs::write(&file, rated(60)).expect("a file");
    click(window, "Data and models");
    click(window, "Import a corpus…");
    album.take(window, "corpus-empty");
    write_in(window, "File of the corpus", &file.display().to_string());
    click(window, "Look at it");
    expect(window, "Name of the corpus");
    album.take(window, "corpus-import");
    click(window, "Import");
    expect(window, "ratings is in the store");
    expect(window, "Filter records");
    expect(window, "Reasoning of careful");
    click(window, "Dismiss");
    click(window, "Reasoning of careful");
    album.take(window, "corpus");
    click(window, "Export…");
    album.take(window, "corpus-export");
    click(window, "Close");
    click(window, "Add to Case study");
    click(window, "Open the Case study");
    write_in(window, "Find cases", "exam number 3");
    click(window, "Show Qoxmodel");
    click(window, "Show Zyvbaseline");
    expect(window, "warmth 5");
    album.take(window, "case-study-corpus");
}

/// Rows of two systems with all that can be said of them.
fn rated(n: usize) -> String {
    let emotions = ["afraid", "proud", "sad", "hopeful"];
    let row = |at: usize| {
        let emotion = emotions[at % 4];
        let response = |system: usize, name: &str, text: &str| {
            let strategy = ["question", "affirmation"][(at + system) % 2];
            let warmth = 1 + (at * 3 + system * 2) % 5;
            let judged = ((at * 7 + system * 11) % 10) as f64 / 10.0;
            json!({
                "system": name,
                "text": text,
                "reasoning": "The exam matters to them, so I name the feeling first and ask what they need.",
                "labels": {"strategy": strategy, "predicted_emotion": emotion},
                "scores": [
                    {"name": "warmth", "value": warmth, "range": [1, 5], "origin": "human"},
                    {"name": "fit", "value": judged, "range": [0, 1], "origin": "judge"},
                ],
            })
        };
        let careful = "That sounds heavy. What would help you to rest tonight?";
        let quick = "You will be fine, just try to sleep!";
        let first = format!("Tomorrow is my exam number {at}, and I cannot sleep.");
        let row = json!({
            "id": format!("exam-{at}"),
            "conversation": format!("c{}", at / 2),
            "context": [
                {"role": "speaker", "text": first, "labels": {"cue": "worry"}},
                {"role": "listener", "text": "What is it about?"},
                {"role": "speaker", "text": "Statistics. I failed it before."},
            ],
            "target": "Failing once does not say how it goes tomorrow. You know much more by now.",
            "labels": {"emotion": emotion, "situation": format!("Before an exam, {at}.")},
            "responses": [response(0, "careful", careful), response(1, "quick", quick)],
        });
        format!("{row}\n")
    };
    (0..n).map(row).collect()
}

fn people(window: &mut Window, album: &mut Album<'_>) {
    click(window, "Case study");
    expect(window, SYSTEMS[0]);
    album.take(window, "case-study");
    click(window, "Studies");
    expect(window, "Which response is better");
    album.take(window, "studies");
    click(window, "Open Study 1, Which response is better?");
    expect(window, "Judge as A1");
    album.take(window, "study");
    click(window, "Judge as A1");
    expect(window, "Begin");
    window.key_press(Key::Enter);
    expect(window, "Response 1: ");
    album.take(window, "judging");
    window.key_press(Key::Escape);
    click(window, "Tables");
    album.take(window, "tables");
}
