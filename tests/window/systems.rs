//! Our own checkpoints answer as systems, and systems are measured, in the window: the same as in the terminal,
//! with progress, a stop, and errors in words.

use crate::cli_support::{Place, short};
use crate::judging_support::fill;
use crate::window_support::{Window, click, expect, open, shows, wait_for};
use emprl::store::StoreReader;
use serde_json::json;

/// Contexts with targets, as many as wanted.
fn contexts(place: &Place, n: usize) -> String {
    let row = |at: usize| {
        let context = [format!("This is what happened to me, number {at}.")];
        json!({"conv_id": format!("c{at}"), "turn": 2, "context": context, "response": "Oh no!"})
            .to_string()
    };
    let rows: Vec<String> = (0..n).map(row).collect();
    place.write(&format!("contexts-{n}.jsonl"), rows.join("\n"))
}

fn answer(window: &mut Window, checkpoint: &str, name: &str, contexts: &str) {
    if shows(window, "Add system") {
        click(window, "Add system");
    }
    click(window, "Where the responses are from From a checkpoint");
    fill(window, "Checkpoint", checkpoint);
    fill(window, "Seed", "5");
    fill(window, "Name of the system", name);
    fill(window, "File of contexts", contexts);
    click(window, "Generate responses");
}

#[test]
fn checkpoints_answer_and_systems_are_measured() {
    let place = Place::new();
    place.ok(&short(&[]));
    let few = contexts(&place, 40);
    let mut window = open(&place.store());
    click(&mut window, "Case study");
    expect(&mut window, "No systems yet");

    // A run that is not there, said beside the form.
    answer(&mut window, "9", "Ours", &few);
    expect(&mut window, "there is no run 9");
    click(&mut window, "Cancel");
    answer(&mut window, "1", "Ours", &few);
    wait_for(&mut window, "Ours: 40 responses by run 1, ppo 24.", 120);
    expect(&mut window, "40 cases");
    assert!(!shows(&window, "Generate responses"), "the form is closed");
    // The name is taken: said at once, not after the work.
    answer(&mut window, "1", "Ours", &few);
    expect(&mut window, "there is already a system Ours");
    click(&mut window, "Cancel");

    // The same checkpoint and seed in the terminal.
    place.ok(&[
        "responses",
        "generate",
        "--model",
        "1",
        "--system",
        "Terminal",
        "--seed",
        "5",
        "--contexts",
        &few,
    ]);
    let reader = StoreReader::open(&place.store()).unwrap();
    assert_eq!(
        reader.answers("Ours").unwrap(),
        reader.answers("Terminal").unwrap()
    );

    expect(&mut window, "Show Terminal");

    // Many contexts take a while: it can be stopped, and nothing of it is kept.
    let many = contexts(&place, 20_000);
    answer(&mut window, "1", "Long", &many);
    wait_for(&mut window, "Answering: ", 60);
    assert!(!shows(&window, "Long: "));
    click(&mut window, "Stop");
    wait_for(&mut window, "Stopped; no answer is kept.", 60);
    let systems = StoreReader::open(&place.store())
        .unwrap()
        .systems()
        .unwrap();
    assert!(systems.iter().all(|system| system.name != "Long"));

    click(&mut window, "Cancel");
    click(&mut window, "Score systems");
    fill(&mut window, "Identifiers", "nowhere");
    click(&mut window, "Score");
    expect(&mut window, "nowhere: there is no such folder");
    click(&mut window, "Cancel");
    click(&mut window, "Score systems");
    fill(&mut window, "Identifiers", "1");
    click(&mut window, "Score");
    wait_for(
        &mut window,
        "Measured in Emp-F1, levels, Dist-1/2 and length: Ours",
        120,
    );
    wait_for(&mut window, "of 3 as the target", 30);
    let reader = StoreReader::open(&place.store()).unwrap();
    let here = reader.scores().unwrap();
    place.ok(&["responses", "score", "Ours", "--identifiers", "1"]);
    let there = reader.scores().unwrap();
    let of = |scores: &[emprl::store::ScoredSystem]| {
        let own = scores.iter().find(|score| score.system == "Ours").unwrap();
        json!([own.identifiers, own.results])
    };
    assert_eq!(of(&here), of(&there));
}
