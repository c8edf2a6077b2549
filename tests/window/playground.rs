//! Playground: what is said is answered as `emprl generate` answers it, with the levels that
//! `emprl identify` gives; two checkpoints beside each other; settings, regenerate, undo, copy.

use std::sync::OnceLock;

use crate::cli_support::{Place, short};
use crate::window_support::{
    Window, click, expect, find, labels, open, press, settle, shows, wait_for, write_in,
};
use eframe::egui::{Key, Modifiers, OutputCommand};
use egui_kittest::kittest::NodeT;
use emprl::data::Turns;
use emprl::experiment::SamplingSettings;
use emprl::train::saved::{Drawing, SavedModel};
use serde_json::{Value, json};

/// A store with one small run of all stages.
fn place() -> &'static Place {
    static PLACE: OnceLock<Place> = OnceLock::new();
    PLACE.get_or_init(|| {
        let place = Place::new();
        place.ok(&short(&[]));
        place
    })
}

fn playground() -> Window {
    let mut window = open(&place().store());
    click(&mut window, "Playground");
    expect(&mut window, "Say something");
    window
}

const FIELD: &str = "What the speaker says";

fn write(window: &mut Window, words: &str) {
    find(window, FIELD).focus();
    window.run_ok();
    find(window, FIELD).type_text(words);
    window.run_ok();
}

/// Says something by Enter and waits until so many answers in all are whole, with their levels.
fn say(window: &mut Window, words: &str, answers: usize) {
    write(window, words);
    window.key_press(Key::Enter);
    wait_for_answers(window, answers);
}

fn wait_for_answers(window: &mut Window, answers: usize) {
    for _ in 0..600 {
        settle(window);
        let levels = labels(window);
        let levels = levels
            .iter()
            .filter(|label| label.starts_with("Exploration: "))
            .count();
        if levels == answers && !shows(window, "Stop") {
            return;
        }
    }
    panic!("no {answers} answers; on screen: {:?}", labels(window));
}

/// The value of a field.
fn value(window: &Window, field: &str) -> String {
    let node = find(window, field);
    node.accesskit_node().value().unwrap_or_default()
}

/// Types over what a field holds.
fn retype(window: &mut Window, field: &str, words: &str) {
    find(window, field).focus();
    window.run_ok();
    window.key_press_modifiers(Modifiers::COMMAND, Key::A);
    window.run_ok();
    find(window, field).type_text(words);
    settle(window);
}

/// What the command line answers to a context.
fn generated(context: Value, more: &[&str]) -> String {
    let place = place();
    let row = json!({"context": context});
    let name = format!("row-{}.jsonl", more.join(""));
    let input = place.write(&name, format!("{row}\n"));
    let arguments = [&["generate", "--input", &input], more].concat();
    let rows = place.lines(&arguments);
    rows[0]["response"].as_str().unwrap().to_string()
}

fn shown(response: &str) -> &str {
    match response {
        "" => "(empty)",
        response => response,
    }
}

fn copied(window: &Window) -> Option<String> {
    let commands = &window.output().platform_output.commands;
    commands.iter().find_map(|command| match command {
        OutputCommand::CopyText(text) => Some(text.clone()),
        _ => None,
    })
}

/// Clicks and gives what went to the clipboard.
fn click_and_copied(window: &mut Window, label: &str) -> String {
    find(window, label).click();
    for _ in 0..4 {
        window.step();
        if let Some(text) = copied(window) {
            return text;
        }
    }
    panic!("\"{label}\" copied nothing");
}

#[test]
fn a_store_without_checkpoints_says_what_to_do() {
    let store = tempfile::tempdir().unwrap();
    let mut window = open(store.path());
    click(&mut window, "Playground");
    expect(&mut window, "No checkpoint to talk to yet");
    click(&mut window, "Talk to a model folder");
    expect(&mut window, "Model folder of A");
    expect(&mut window, "Nobody answers yet");
    click(&mut window, "A is a Run");
    click(&mut window, "Choose an experiment");
    expect(&mut window, "Start run");
}

#[test]
fn an_answer_is_the_one_of_the_command_line_with_its_levels() {
    let mut window = playground();
    retype(&mut window, "Seed", "7");
    say(&mut window, "I lost my job today.", 1);
    let first = generated(
        json!("I lost my job today."),
        &["--model", "1", "--seed", "7"],
    );
    expect(&mut window, shown(&first));
    expect(&mut window, "seed 7");

    let pair = json!({"context": "I lost my job today.", "response": first});
    let input = place().write("pair.jsonl", format!("{pair}\n"));
    let levels = &place().lines(&["identify", "--identifiers", "1", "--input", &input])[0];
    for (mechanism, title) in [
        ("emotional_reaction", "Emotional reaction"),
        ("interpretation", "Interpretation"),
        ("exploration", "Exploration"),
    ] {
        let probs = levels[mechanism]["probs"].as_array().unwrap();
        let [no, weak, strong] = [0, 1, 2].map(|level: usize| probs[level].as_f64().unwrap());
        let told = format!("{title}: no {no:.3}, weak {weak:.3}, strong {strong:.3}");
        expect(&mut window, &told);
    }

    // The whole conversation is the context of the next answer.
    say(&mut window, "Nobody helps me.", 2);
    let context = json!(["I lost my job today.", first, "Nobody helps me."]);
    let second = generated(context, &["--model", "1", "--seed=7"]);
    expect(&mut window, shown(&second));
    let text = click_and_copied(&mut window, "Copy all");
    assert!(text.starts_with("Speaker: I lost my job today.\nListener (run 1, PPO 24): "));
    assert!(text.ends_with(&format!("{second}\n")), "{text}");
}

#[test]
fn a_greedy_answer_is_the_one_of_the_command_line_and_its_command_can_be_copied() {
    let mut window = playground();
    click(&mut window, "Greedy");
    retype(&mut window, "Max new tokens", "9");
    say(&mut window, "It's \"over\".", 1);
    let more = ["--model", "1", "--greedy", "--max-new-tokens", "9"];
    expect(
        &mut window,
        shown(&generated(json!("It's \"over\"."), &more)),
    );
    expect(&mut window, "greedy · ");
    let command = click_and_copied(&mut window, "Command");
    assert!(
        command.starts_with(
            "printf '%s\\n' '{\"context\":[\"It\\u0027s \\\"over\\\".\"]}' | emprl generate --model 1@24 --greedy \
             --max-new-tokens 9"
        ),
        "{command}"
    );
    let said = click_and_copied(&mut window, "Copy the answer");
    assert!(said.is_empty() || shows(&window, &said));
    // What was changed can be put back to what the run has.
    click(&mut window, "As the run has it");
    assert_eq!(value(&window, "Max new tokens"), "30");
}

#[test]
fn two_checkpoints_answer_the_same_conversation() {
    let mut window = playground();
    click(&mut window, "Side by side");
    for label in ["Run of A", "Checkpoint of A", "Run of B", "Checkpoint of B"] {
        expect(&mut window, label);
    }
    retype(&mut window, "Seed", "3");
    say(&mut window, "We won!", 2);
    expect(&mut window, "A  Run 1, PPO 24, continued");
    expect(&mut window, "B  Run 1, Generator 12");
    let policy = generated(json!("We won!"), &["--model", "1@24", "--seed=3"]);
    let generator = generated(json!("We won!"), &["--model", "1@12", "--seed=3"]);
    expect(&mut window, shown(&policy));
    expect(&mut window, shown(&generator));
    click(&mut window, "Continue with this");
    expect(&mut window, "B  Run 1, Generator 12, continued");
    say(&mut window, "My team.", 4);
    let context = json!(["We won!", generator, "My team."]);
    let next = generated(context, &["--model", "1@24", "--seed", "3"]);
    expect(&mut window, shown(&next));
}

#[test]
fn another_checkpoint_and_nobodys_levels_can_be_chosen() {
    let mut window = playground();
    click(&mut window, "Checkpoint of A");
    click(&mut window, "Generator 12");
    click(&mut window, "Levels by");
    click(&mut window, "Nobody");
    write(&mut window, "I am proud.");
    click(&mut window, "Send");
    wait_for(&mut window, "log-prob", 30);
    expect(&mut window, "Run 1, Generator 12");
    assert!(!shows(&window, "Exploration: "));
    expect(&mut window, "1 model is open");
    click(&mut window, "Close");
    expect(&mut window, "No model is open yet");
}

#[test]
fn an_answer_is_asked_again_with_the_next_seed_and_taken_back() {
    let mut window = playground();
    retype(&mut window, "Seed", "4");
    say(&mut window, "I am afraid.", 1);
    expect(&mut window, "seed 4 · ");
    click(&mut window, "Regenerate");
    wait_for_answers(&mut window, 1);
    expect(&mut window, "seed 5 · ");
    let other = generated(json!("I am afraid."), &["--model", "1", "--seed", "5"]);
    expect(&mut window, shown(&other));

    click(&mut window, "Undo");
    assert_eq!(value(&window, FIELD), "I am afraid.");
    assert!(!shows(&window, "seed 5 · "));
    window.key_press(Key::Enter);
    wait_for_answers(&mut window, 1);
    click(&mut window, "Clear");
    expect(&mut window, "Say something");
    click(&mut window, "Bring back");
    expect(&mut window, "seed 4 · ");
}

#[test]
fn shift_and_enter_begin_a_new_line() {
    let mut window = playground();
    write(&mut window, "One.");
    window.key_press_modifiers(Modifiers::SHIFT, Key::Enter);
    window.run_ok();
    find(&window, FIELD).type_text("Two.");
    settle(&mut window);
    assert_eq!(value(&window, FIELD), "One.\nTwo.");
    assert!(!shows(&window, "log-prob"));
}

#[test]
fn a_wrong_setting_is_refused_and_nothing_is_asked() {
    let mut window = playground();
    retype(&mut window, "Temperature", "0");
    expect(&mut window, "0 is out of range; it goes from 0.01 to 10");
    write(&mut window, "Hello.");
    press(&mut window, Key::Enter);
    assert_eq!(value(&window, FIELD), "Hello.");
}

#[test]
fn a_folder_that_is_no_model_is_said_where_the_answer_would_be() {
    let mut window = playground();
    click(&mut window, "A is a Model folder");
    write_in(&mut window, "Model folder of A", "/no/such/folder");
    write(&mut window, "Hello.");
    click(&mut window, "Send");
    expect(
        &mut window,
        "No answer: /no/such/folder: there is no such folder",
    );
}

#[test]
fn an_answer_streaming_is_the_answer_and_stops_when_it_is_told_to() {
    let shown = place().json(&["model", "show", "1"]);
    let folder = std::path::PathBuf::from(shown["folder"].as_str().unwrap());
    let model = SavedModel::open(&folder, "flex").unwrap();
    let settings = SamplingSettings {
        min_new_tokens: 8,
        ..SamplingSettings::default()
    };
    let drawing = Drawing {
        settings: &settings,
        greedy: false,
        seed: 11,
    };
    let utterances = ["I do not know what to do.".to_string()];
    let context = Turns::alternating(&utterances);
    let silent = model.answer(&[context], 64, &drawing, 1, &mut |_| {});
    let silent = silent.unwrap();
    let mut heard = Vec::new();
    let aloud = model.answer_streaming(context, 64, &drawing, &mut |words| {
        heard.push(words.to_string());
        true
    });
    assert_eq!(aloud.unwrap().as_ref(), silent.first());
    assert_eq!(heard.len(), silent[0].tokens.len());
    assert_eq!(heard.last(), Some(&silent[0].response));

    let mut tokens = 0;
    let stopped = model.answer_streaming(context, 64, &drawing, &mut |_| {
        tokens += 1;
        tokens < 3
    });
    assert_eq!((stopped.unwrap(), tokens), (None, 3));
}
