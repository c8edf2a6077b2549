//! The real window on a display, driven by mouse and keyboard through a whole quickstart, pause and resume
//! included; what it did is read from the store.
//!
//!     cargo test --release --test window on_a_display -- --ignored
//!
//! Needs Xvfb, xdotool, xclip and an OpenGL that draws in software.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::window_support::{click, find, open};
use eframe::egui::Pos2;
use emprl::experiment::EventKind;
use emprl::store::{RunRow, RunStatus, StoreReader};

/// Starts a program that the tests need.
fn start(command: &mut Command) -> Child {
    let name = command.get_program().to_string_lossy().into_owned();
    command.spawn().unwrap_or_else(|error| {
        let package = name.to_lowercase();
        panic!("{name} cannot be started ({error}); install it, on Debian with `apt-get install {package}`")
    })
}

/// A program that ends with the test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A display of its own, with the window on it.
struct Screen {
    display: String,
    _server: Running,
}

impl Screen {
    fn start() -> Self {
        let mut server = start(
            Command::new("Xvfb")
                .args(["-displayfd", "1", "-screen", "0", "1280x800x24"])
                .stdout(Stdio::piped())
                .stderr(Stdio::null()),
        );
        let mut number = String::new();
        let output = server.stdout.take().expect("its output");
        BufReader::new(output)
            .read_line(&mut number)
            .expect("its number");
        Screen {
            display: format!(":{}", number.trim()),
            _server: Running(server),
        }
    }

    fn window(&self, store: &Path, home: &Path) -> Running {
        let child = Command::new(env!("CARGO_BIN_EXE_emprl"))
            .arg("--store")
            .arg(store)
            .current_dir(home)
            .env("DISPLAY", &self.display)
            .env("HOME", home)
            .env("XDG_DATA_HOME", home)
            .env("LIBGL_ALWAYS_SOFTWARE", "1")
            .env_remove("WAYLAND_DISPLAY")
            .spawn()
            .expect("the window starts");
        let running = Running(child);
        // Without a window manager nobody else gives it the keyboard.
        let name = "EmpRL Studio";
        self.xdotool(&[
            "search",
            "--sync",
            "--onlyvisible",
            "--name",
            name,
            "windowfocus",
        ]);
        // It is there before its first frame is drawn.
        std::thread::sleep(Duration::from_secs(3));
        running
    }

    fn xdotool(&self, arguments: &[&str]) {
        let mut xdotool = start(
            Command::new("xdotool")
                .args(arguments)
                .env("DISPLAY", &self.display)
                .stdout(Stdio::null()),
        );
        let status = xdotool.wait().expect("its end");
        assert!(status.success(), "xdotool {arguments:?}");
    }

    fn click(&self, at: Pos2) {
        let (x, y) = (at.x.round().to_string(), at.y.round().to_string());
        self.xdotool(&["mousemove", &x, &y]);
        // A frame passes between: hovered, pressed, let go.
        for act in ["mousedown", "mouseup"] {
            std::thread::sleep(Duration::from_millis(150));
            self.xdotool(&[act, "1"]);
        }
    }

    fn keys(&self, keys: &str) {
        self.xdotool(&["key", keys]);
    }

    /// What another program pastes; nothing while the clipboard is empty.
    fn clipboard(&self) -> String {
        let output = start(
            Command::new("xclip")
                .args(["-o", "-selection", "clipboard"])
                .env("DISPLAY", &self.display)
                .stdout(Stdio::piped())
                .stderr(Stdio::null()),
        )
        .wait_with_output()
        .expect("its output");
        String::from_utf8(output.stdout).expect("text")
    }

    /// What another program copies.
    fn copy(&self, text: &str) {
        let mut xclip = start(
            Command::new("xclip")
                .args(["-i", "-selection", "clipboard"])
                .env("DISPLAY", &self.display)
                .stdin(Stdio::piped())
                .stdout(Stdio::null()),
        );
        let mut input = xclip.stdin.take().expect("its input");
        input.write_all(text.as_bytes()).expect("it is read");
        drop(input);
        assert!(xclip.wait().expect("its end").success());
    }
}

/// Where things to click are: in a window of the same size on an empty store.
fn place_of(label: &str) -> Pos2 {
    let empty = tempfile::tempdir().expect("a folder");
    let window = open(empty.path());
    find(&window, label).rect().center()
}

/// Waits for something that is read from the store.
fn wait<T>(what: &str, minutes: u64, mut look: impl FnMut() -> Option<T>) -> T {
    let until = Instant::now() + Duration::from_secs(60 * minutes);
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < until, "waited in vain for {what}");
        std::thread::sleep(Duration::from_millis(100));
    }
}

#[test]
#[ignore = "needs Xvfb, xdotool and xclip"]
fn what_is_copied_reaches_another_program_and_what_that_copies_is_pasted() {
    let folder = tempfile::tempdir().expect("a folder");
    let home = folder.path().join("home");
    std::fs::create_dir(&home).expect("a folder");
    let store = folder.path().join("store");
    let settings = place_of("Settings");
    let copy = {
        let mut window = open(&store);
        click(&mut window, "Settings");
        find(&window, "Copy the folder").rect().center()
    };
    let screen = Screen::start();
    let window = screen.window(&store, &home);
    screen.click(settings);
    std::thread::sleep(Duration::from_millis(500));
    screen.click(copy);
    let path = store.display().to_string();
    wait("the copied path", 1, || {
        (screen.clipboard() == path).then_some(())
    });

    screen.copy("go to ta");
    screen.keys("ctrl+k");
    std::thread::sleep(Duration::from_millis(500));
    screen.keys("ctrl+v");
    std::thread::sleep(Duration::from_millis(500));
    screen.xdotool(&["type", "--delay", "40", "bles"]);
    for keys in ["ctrl+a", "ctrl+c"] {
        std::thread::sleep(Duration::from_millis(300));
        screen.keys(keys);
    }
    wait("the pasted words", 1, || {
        (screen.clipboard() == "go to tables").then_some(())
    });
    drop(window);
}

fn the_run(store: &Path) -> Option<RunRow> {
    let reader = StoreReader::open(store).ok()?;
    reader.list_runs().ok()?.pop()
}

#[test]
#[ignore = "needs Xvfb and xdotool"]
fn a_quickstart_by_mouse_and_keyboard() {
    let folder = tempfile::tempdir().expect("a folder");
    let home = folder.path().join("home");
    std::fs::create_dir(&home).expect("a folder");
    let store = folder.path().join("store");
    let (quickstart, runs, live) = (place_of("Quickstart"), place_of("Runs"), place_of("Live"));

    let screen = Screen::start();
    let window = screen.window(&store, &home);
    screen.click(quickstart);
    let step = |least: u64| {
        let store = store.clone();
        move || the_run(&store).filter(|run| run.step >= least)
    };
    wait("the first steps", 5, step(5));

    screen.keys("ctrl+p");
    let in_status = |status: RunStatus| {
        let store = store.clone();
        move || the_run(&store).filter(|run| run.status == status)
    };
    wait("the pause", 1, in_status(RunStatus::Paused));
    // What was on its way when the run paused is recorded by now.
    std::thread::sleep(Duration::from_secs(2));
    let paused = the_run(&store).expect("the run");
    std::thread::sleep(Duration::from_secs(2));
    let later = the_run(&store).expect("the run");
    assert_eq!((later.stage, later.step), (paused.stage, paused.step));

    screen.click(runs);
    screen.keys("ctrl+k");
    std::thread::sleep(Duration::from_millis(300));
    screen.xdotool(&["type", "--delay", "40", "resume run"]);
    screen.keys("Return");
    wait("the run to go on", 1, in_status(RunStatus::Running));
    screen.click(live);
    let finished = wait("the end", 20, in_status(RunStatus::Finished));

    let reader = StoreReader::open(&store).expect("the store");
    let results = reader.results(finished.id).expect("results");
    let systems: Vec<&str> = results
        .iter()
        .map(|result| result.system.as_str())
        .collect();
    assert_eq!(systems.len(), 2, "{systems:?}");
    for result in &results {
        assert!(
            result
                .emp_f1
                .as_ref()
                .is_some_and(|f1| f1.value > 0.0 && f1.value <= 100.0)
        );
    }
    let events = reader.events(finished.id).expect("events");
    let statuses: Vec<RunStatus> = events
        .iter()
        .filter_map(|event| match event.kind {
            EventKind::Status { status } => Some(status),
            _ => None,
        })
        .collect();
    let paused = statuses
        .iter()
        .position(|status| *status == RunStatus::Paused);
    assert!(
        paused.is_some_and(|at| statuses.get(at + 1) == Some(&RunStatus::Running)),
        "{statuses:?}"
    );
    drop(window);
}
