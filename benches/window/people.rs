//! What the places of annotators and reviewers cost a frame: judging an item, and filtering as one types among
//! 5 255 cases with the answers of 10 systems.

use std::path::Path;
use std::time::{Duration, Instant};

use eframe::egui::{Context, Event, Key, Modifiers, PointerButton, RawInput, Rect, pos2};
use emprl::app::App;
use emprl::store::{Store, StoreReader, StudyId, now_ms};
use emprl::study::contexts::{Context as Said, OrderedContexts};
use emprl::study::definition::{Definition, StudyKind};
use emprl::study::make::make;
use emprl::study::responses::SystemResponses;
use serde_json::json;

use crate::round;
use crate::window_support::{Window, click, find, open, shows, wait_for};

const CASES: usize = 5255;
const SYSTEMS: usize = 10;
const ITEMS: usize = 100;
const WORDS: [&str; 24] = [
    "i", "was", "so", "happy", "when", "my", "brother", "came", "home", "after", "years", "and",
    "we", "talked", "all", "night", "about", "old", "times", "it", "made", "me", "cry", "again",
];

pub fn measure() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut store = Store::open(folder.path()).expect("a store");
    let order = order();
    for system in 0..SYSTEMS {
        let answers = (0..CASES).map(|at| words(at * SYSTEMS + system, 12));
        let responses = SystemResponses::generated(answers.collect());
        store
            .put_system(
                &format!("System {system}"),
                "made",
                &responses,
                &order,
                false,
            )
            .expect("a system");
    }
    filtering(folder.path());
    judging(folder.path(), &mut store);
}

/// So many words, the same for the same seed.
fn words(seed: usize, many: usize) -> String {
    let word = |at: usize| WORDS[(seed * 7 + at * (seed % 11 + 1)) % WORDS.len()];
    let all: Vec<&str> = (0..many).map(word).collect();
    format!("{} {seed}.", all.join(" "))
}

fn order() -> OrderedContexts {
    let context = |at: usize| Said {
        conversation: Some(format!("c{at}")),
        turn: Some(4),
        emotion: Some(WORDS[at % WORDS.len()].to_string()),
        situation: Some(words(at, 20)),
        roles: Vec::new(),
        utterances: (0..3).map(|turn| words(at * 3 + turn, 18)).collect(),
        target: Some(words(at, 14)),
    };
    OrderedContexts::new("made", (0..CASES).map(context).collect())
}

/// A window that was brought somewhere, drawn on from here without a harness.
pub struct Frames {
    /// In points.
    pub size: [f32; 2],
    ctx: Context,
    app: App,
    time: f64,
}

impl Frames {
    pub fn of(mut window: Window) -> Frames {
        let app = window.state_mut().take().expect("a window");
        let ctx = window.ctx.clone();
        let time = ctx.input(|input| input.time);
        let size = [1280.0, 800.0];
        Frames {
            size,
            ctx,
            app,
            time,
        }
    }

    /// One frame with these events: its time in milliseconds, painting into triangles
    /// included.
    pub fn frame(&mut self, events: Vec<Event>) -> f64 {
        self.time += 1.0 / 60.0;
        let input = RawInput {
            screen_rect: Some(Rect::from_min_size(pos2(0.0, 0.0), self.size.into())),
            time: Some(self.time),
            focused: true,
            events,
            ..RawInput::default()
        };
        let clock = Instant::now();
        let app = &mut self.app;
        let output = self.ctx.run_ui(input, |ui| {
            let ctx = ui.ctx().clone();
            app.logic(&ctx);
            app.ui(ui);
        });
        let primitives = self.ctx.tessellate(output.shapes, output.pixels_per_point);
        assert!(!primitives.is_empty(), "something is drawn");
        clock.elapsed().as_secs_f64() * 1e3
    }
}

fn key(key: Key, pressed: bool) -> Event {
    Event::Key {
        key,
        physical_key: None,
        pressed,
        repeat: false,
        modifiers: Modifiers::NONE,
    }
}

pub fn report(case: &str, times: &mut [f64], more: serde_json::Value) {
    times.sort_by(f64::total_cmp);
    let n = times.len();
    let mut line = json!({
        "case": case, "frames": n, "median_ms": round(times[n / 2]), "p95_ms": round(times[n * 95 / 100]),
        "p99_ms": round(times[n * 99 / 100]), "most_ms": round(times[n - 1]),
    });
    if let (Some(line), Some(more)) = (line.as_object_mut(), more.as_object()) {
        line.extend(more.clone());
    }
    println!("{line}");
}

/// Each letter, and the frames after it until every case was looked at.
fn filtering(dir: &Path) {
    let mut window = open(dir);
    click(&mut window, "Case study");
    wait_for(&mut window, "Case 1:", 60);
    for _ in 0..40 {
        window.step();
    }
    let field = find(&window, "Find cases").rect().center();
    let mut frames = Frames::of(window);
    frames.frame(vec![Event::PointerMoved(field)]);
    for pressed in [true, false] {
        frames.frame(vec![Event::PointerButton {
            pos: field,
            button: PointerButton::Primary,
            pressed,
            modifiers: Modifiers::NONE,
        }]);
    }
    assert!(frames.ctx.text_edit_focused(), "letters go into the field");
    let (mut pressed, mut after) = (Vec::new(), Vec::new());
    for letter in "happy brother 4711".chars() {
        pressed.push(frames.frame(vec![Event::Text(letter.to_string())]));
        // The search takes a few milliseconds of a frame: this is time enough for all of it.
        after.extend((0..40).map(|_| frames.frame(Vec::new())));
    }
    let of = json!({"cases": CASES, "systems": SYSTEMS});
    report(
        "a letter is typed into the filter of Case study",
        &mut pressed,
        of.clone(),
    );
    report("frames of the search after it", &mut after, of);
}

/// Each answer, the frames until the next item is in view, and how long that takes.
fn judging(dir: &Path, store: &mut Store) {
    let systems = ["System 0", "System 1"].map(str::to_string).to_vec();
    let people = ["Ada", "Ben", "Cem"].map(str::to_string).to_vec();
    let mut definition = Definition::new(StudyKind::AbTest, systems, people);
    definition.contexts = ITEMS;
    let reader = store.reader().expect("a reader");
    let candidates = reader.candidates(&definition.systems).expect("candidates");
    let new = make(&definition, &candidates, now_ms(), 1).expect("a study");
    store.create_study(&new).expect("a study");
    let mut window = open(dir);
    click(&mut window, "Studies");
    click(&mut window, "Open Study 1, Which response is better?");
    click(&mut window, "Judge as A1");
    wait_for(&mut window, "Begin", 20);
    window.key_press(Key::Enter);
    window.run_ok();
    assert!(shows(&window, "1 is better"));
    let mut frames = Frames::of(window);
    let (mut pressed, mut after, mut whole) = (Vec::new(), Vec::new(), Vec::new());
    for item in 1..ITEMS {
        let clock = Instant::now();
        pressed.push(frames.frame(vec![key(Key::ArrowLeft, true)]));
        let answered = || {
            let reader = StoreReader::open(dir).expect("a reader");
            reader
                .worklist(StudyId(1), 1)
                .expect("a desk")
                .progress()
                .answered
        };
        while answered() < item {
            assert!(
                clock.elapsed() < Duration::from_secs(10),
                "item {item} was not recorded"
            );
            std::thread::sleep(Duration::from_millis(1));
        }
        whole.push(clock.elapsed().as_secs_f64() * 1e3);
        // The window hears of it a moment later; a key that stays down answers one item only.
        frames.frame(vec![key(Key::ArrowLeft, false)]);
        std::thread::sleep(Duration::from_millis(10));
        // The acknowledgement is 80 ms of the window's time.
        after.extend((0..10).map(|_| frames.frame(Vec::new())));
    }
    report("a key answers an item", &mut pressed, json!({}));
    report(
        "frames after it, the next item's among them",
        &mut after,
        json!({}),
    );
    report(
        "from the key to the disk, by the clock",
        &mut whole,
        json!({}),
    );
}
