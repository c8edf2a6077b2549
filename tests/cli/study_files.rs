//! Nothing that people judged is written over, merged by chance or deleted without being asked for.

use std::path::{Path, PathBuf};

use crate::cli_support::{Done, Place};
use emprl::study::pack::Pack;
use serde_json::{Value, json};

/// A place with a study of six contexts.
fn with_study() -> Place {
    let place = Place::new();
    let contexts: String = (0..8)
        .map(|at| format!("{{\"context\": [\"This happened, number {at}.\"]}}\n"))
        .collect();
    place.write("contexts.jsonl", contexts);
    for system in ["Qoxmodel", "Zyvbaseline"] {
        let rows: String = (0..8).map(|at| format!("{system} says {at}.\n")).collect();
        let file = place.write(&format!("{system}.txt"), rows.replace(system, "It"));
        let import = [
            "responses",
            "import",
            &file,
            "--system",
            system,
            "--contexts",
            "contexts.jsonl",
        ];
        place.ok(&import);
    }
    place.ok(&[
        "study",
        "create",
        "--kind=ab",
        "--systems=Qoxmodel,Zyvbaseline",
        "--annotators=Ada,Ben,Cem",
        "--contexts=6",
    ]);
    place
}

fn judge(place: &Place, who: &str, said: &str) -> Done {
    place.run_with_input(&["study", "judge", "1", "--annotator", who], said)
}

fn only_file(folder: &Path) -> PathBuf {
    let files: Vec<_> = std::fs::read_dir(folder).unwrap().collect();
    assert_eq!(files.len(), 1, "{files:?}");
    files[0].as_ref().unwrap().path()
}

/// A pack of Ada's as judged at another place with this on stdin.
fn judged_elsewhere(place: &Place, said: &str, name: &str) -> String {
    place.ok(&["study", "pack", "1", "--annotator=Ada", "--out", name]);
    let sent = only_file(&place.path().join(name));
    let elsewhere = Place::new();
    elsewhere.ok(&["study", "open", sent.to_str().unwrap()]);
    assert_eq!(judge(&elsewhere, "A1", said).code, 0);
    elsewhere.ok(&[
        "study",
        "pack",
        "1",
        "--out",
        place.path().join(name).to_str().unwrap(),
    ]);
    only_file(&place.path().join(name)).display().to_string()
}

#[test]
fn a_judged_pack_is_not_written_over() {
    let place = with_study();
    let judged = judged_elsewhere(&place, "1\n2\n3\n", "back");
    let before = std::fs::read(&judged).unwrap();
    for arguments in [
        &["study", "pack", "1", "--out=back"][..],
        &["study", "pack", "1", "--annotator=A1", "--out=back"],
        &["study", "export", "1", "--annotator=A1", "--out", &judged],
        &["table", "2", "--out", &judged],
    ] {
        let done = place.run(arguments);
        assert_eq!(done.code, 1, "{arguments:?}");
        assert!(done.stderr.contains("holds judgements"), "{}", done.stderr);
        assert_eq!(std::fs::read(&judged).unwrap(), before, "{arguments:?}");
    }
    assert_eq!(
        only_file(&place.path().join("back")).display().to_string(),
        judged
    );
    // Once it is merged, the study's own pack has all of it.
    place.ok(&["study", "merge", &judged]);
    place.ok(&["study", "pack", "1", "--annotator=A1", "--out=back"]);
    place.write(
        &format!(
            "other/{}",
            Path::new(&judged).file_name().unwrap().display()
        ),
        "mine",
    );
    let other = place.run(&["study", "pack", "1", "--annotator=A1", "--out=other"]);
    assert_eq!(other.code, 1);
    assert!(other.stderr.contains("already exists"), "{}", other.stderr);
}

#[test]
fn answers_of_one_annotator_from_two_places_are_decided_by_the_lead() {
    let place = with_study();
    let one = judged_elsewhere(&place, "1\n1\n1\n1\n1\n1\n", "one");
    let two = judged_elsewhere(&place, "1\n2\n2\n2\n3\n3\n", "two");
    let answered = |place: &Place| {
        let progress = place.json(&["study", "list"])[0]["annotators"][0]["progress"].clone();
        (progress["answered"].clone(), progress["contested"].clone())
    };
    let merged = place.run(&["study", "merge", &one, &two]);
    assert_eq!(merged.code, 1);
    assert!(
        merged.stderr.contains("5 items are answered differently"),
        "{}",
        merged.stderr
    );
    let of_both = format!("1 (the first) in {one}");
    assert_eq!(
        merged.stdout.matches(&of_both).count(),
        5,
        "{}",
        merged.stdout
    );
    assert!(
        merged.stdout.contains(&format!("3 (a tie) in {two}")),
        "{}",
        merged.stdout
    );
    assert_eq!(answered(&place), (json!(1), json!(5)));

    let listed = place.json(&["study", "decide", "1", "--annotator=Ada"]);
    let item = listed[0]["page"]["item"].as_u64().unwrap();
    let text = place.ok(&["study", "decide", "1", "--annotator=Ada"]);
    assert_eq!(text.matches("\n  1  It says ").count(), 5, "{text}");
    let twice = [&format!("{item}=1")[..], &format!("{item}=2")];
    let twice = place.run(&[&["study", "decide", "1", "--annotator=Ada"][..], &twice].concat());
    assert!(
        twice.code == 2 && twice.stderr.contains("is given twice"),
        "{}",
        twice.stderr
    );
    let unblind = ["study", "unblind", "1", "--by=Ada", "--reason=done"];
    let early = place.run(&unblind);
    assert!(
        early.code == 1
            && early
                .stderr
                .contains("17 judgements are missing, 5 of them contested"),
        "{}",
        early.stderr
    );
    let import = [
        "responses",
        "import",
        "Qoxmodel.txt",
        "--system=Qoxmodel",
        "--contexts=contexts.jsonl",
        "--replace",
    ];
    let replaced = place.run(&import);
    assert!(
        replaced.code != 0 && replaced.stderr.contains("study 1 compares Qoxmodel"),
        "{}",
        replaced.stderr
    );
    let wrong = place.run(&["study", "decide", "1", "--annotator=Ada", "777=1"]);
    assert!(
        wrong.code == 1 && wrong.stderr.contains("not in dispute"),
        "{}",
        wrong.stderr
    );
    place.ok(&[
        "study",
        "decide",
        "1",
        "--annotator=Ada",
        &format!("{item}=1"),
    ]);
    assert_eq!(answered(&place), (json!(2), json!(4)));
    place.ok(&["study", "merge", &one, "--prefer", &two]);
    assert_eq!(answered(&place), (json!(6), json!(0)));
    // The decisions hold when the packs come again, and in the pack that goes out.
    place.ok(&["study", "merge", &two, &one]);
    let own = place.ok(&["study", "export", "1", "--annotator=Ada"]);
    let choices = |choice: &str| own.matches(&format!("\"choice\":\"{choice}\"")).count();
    let decided_for_two = [choices("left"), choices("right"), choices("tie")];
    assert_eq!(decided_for_two.iter().sum::<usize>(), 6);
    assert_eq!(choices("left"), 2, "{own}");
    place.ok(&["study", "pack", "1", "--annotator=Ada", "--out=three"]);
    let elsewhere = Place::new();
    let pack = only_file(&place.path().join("three"));
    elsewhere.ok(&["study", "open", pack.to_str().unwrap()]);
    assert_eq!(answered(&elsewhere), (json!(6), json!(0)));
}

#[test]
fn copies_of_a_pack_are_told_item_by_item_and_decided_by_place() {
    let place = with_study();
    let one = judged_elsewhere(&place, "1\n1\n1\n1\n1\n1\n", "home");
    let two = judged_elsewhere(&place, "1\n2\n2\n2\n3\n3\n", "work");
    let answered = || {
        let progress = place.json(&["study", "list"])[0]["annotators"][0]["progress"].clone();
        (progress["answered"].clone(), progress["contested"].clone())
    };
    let first = place.json(&["study", "merge", &one]);
    assert_eq!(
        (&first[0]["seal"], &first[0]["contested"]),
        (&json!("sealed"), &json!(0))
    );
    let merged = place.run(&["study", "merge", &two]);
    assert_eq!(merged.code, 1);
    assert!(
        merged.stderr.contains("--contested keep|take|neither"),
        "{}",
        merged.stderr
    );
    // Also of the pack that was merged by an earlier command.
    let told = format!("1 (the first) in {one}; 2 (the second) in {two}");
    assert_eq!(merged.stdout.matches(&told).count(), 3, "{}", merged.stdout);
    let decide = ["study", "decide", "1", "--annotator=Ada"];
    let listed = place.json(&decide);
    let item = |at: usize| listed[at]["page"]["item"].as_u64().unwrap();
    assert_eq!(
        listed[0]["answers"][1]["from"][0]["pack"]["name"],
        json!(two)
    );
    let each = [
        format!("{}=keep", item(0)),
        format!("{}=take", item(1)),
        format!("{}=neither", item(2)),
    ];
    place.ok(&[&decide[..], &each.each_ref().map(String::as_str)].concat());
    assert_eq!(answered(), (json!(3), json!(2)));
    let both = place.run(&[&decide[..], &["--contested=take", "5=1"]].concat());
    assert_eq!(both.code, 2);
    place.ok(&[&decide[..], &["--contested=take"]].concat());
    assert_eq!(answered(), (json!(5), json!(0)));
    // With both packs at once, and again.
    let again = with_study();
    let one = judged_elsewhere(&again, "1\n1\n1\n1\n1\n1\n", "home");
    let two = judged_elsewhere(&again, "3\n3\n3\n3\n3\n3\n", "work");
    let said = again.ok(&["study", "merge", &one, &two, "--contested=keep"]);
    assert!(said.contains("6 contested items are decided."), "{said}");
    let own = again.ok(&["study", "export", "1", "--annotator=A1"]);
    assert_eq!(own.matches("\"choice\":\"tie\"").count(), 0, "{own}");
    let said = again.ok(&["study", "merge", &two, &one, "--contested=take"]);
    assert!(!said.contains("decided"), "{said}");
}

#[test]
fn an_edited_pack_is_refused_before_any_is_merged_and_taken_in_on_a_word() {
    let place = with_study();
    let whole = judged_elsewhere(&place, "1\n2\n3\n", "back");
    let mut pack = Pack::from_bytes(&std::fs::read(&whole).unwrap()).unwrap();
    let item = pack.pages[1].item;
    pack.pages[1].context[0].push_str(" Or not.");
    let edited = place.write("edited.json", pack.to_bytes().unwrap());
    let refused = place.run(&["study", "merge", &whole, &edited]);
    assert_eq!(refused.code, 1);
    for words in [
        "edited.json",
        "it is not as it was sent",
        &format!("another text is shown in item {item}"),
        "--take-edited",
    ] {
        assert!(
            refused.stderr.contains(words),
            "{words}: {}",
            refused.stderr
        );
    }
    let list = place.json(&["study", "list"]);
    assert_eq!(list[0]["annotators"][0]["progress"]["answered"], 0);
    let taken = place.ok(&["study", "merge", &edited, "--take-edited"]);
    assert!(
        taken.contains("3 answers were new") && taken.contains("marked as edited"),
        "{taken}"
    );
    let own = place.ok(&["study", "export", "1", "--annotator=A1"]);
    assert_eq!(own.matches("\"edited\":true").count(), 3, "{own}");
    let file = place.json(&["study", "export", "1", "--annotator=A1", "--out=own.jsonl"]);
    assert_eq!(file["arrivals"]["edited"], 3);
    place.ok(&[
        "study",
        "unblind",
        "1",
        "--by=Ada",
        "--reason=done",
        "--unfinished",
    ]);
    let sentence = "3 judgements came in a pack that was not as it was sent, and count.";
    for command in [
        &["study", "results", "1"][..],
        &["table", "4", "--study=1"],
        &["study", "export", "1", "--out=all.jsonl"],
    ] {
        let said = place.ok(command);
        assert!(said.contains(sentence), "{command:?}: {said}");
    }
}

#[test]
fn what_comes_back_after_the_unblinding_is_kept_and_counted_only_on_a_word() {
    let place = with_study();
    let late = judged_elsewhere(&place, "1\n2\n3\n", "back");
    place.ok(&[
        "study",
        "unblind",
        "1",
        "--by=Ada",
        "--reason=done",
        "--unfinished",
    ]);
    let merged = place.ok(&["study", "merge", &late]);
    for words in [
        "3 judgements came in after the unblinding, and are kept",
        "--count-late",
    ] {
        assert!(merged.contains(words), "{words}: {merged}");
    }
    let says = |words: &str, answered: usize| {
        let results = place.json(&["study", "results", "1"]);
        assert_eq!(results["annotators"][0]["progress"]["answered"], answered);
        for command in [
            &["study", "results", "1"][..],
            &["table", "4", "--study=1"],
            &["study", "export", "1", "--format=csv", "--out=all.csv"],
        ] {
            let said = place.ok(command);
            assert!(said.contains(words), "{command:?}: {said}");
        }
        let rows = std::fs::read_to_string(place.path().join("all.csv")).unwrap();
        [",left_out,", ",counted,"].map(|mark| rows.matches(mark).count())
    };
    let marks = says(
        "3 judgements came in after the unblinding, and are left out.",
        0,
    );
    assert_eq!(marks, [3, 0]);
    let merged = place.ok(&["study", "merge", &late, "--count-late"]);
    assert!(
        merged.contains("3 late judgements count from now on"),
        "{merged}"
    );
    let marks = says("3 judgements came in after the unblinding, and count.", 3);
    assert_eq!(marks, [0, 3]);
}

#[test]
fn a_study_and_its_systems_are_deleted_when_that_is_asked_for() {
    let place = with_study();
    judge(&place, "Ada", "1\n");
    let used = place.run(&["responses", "delete", "Qoxmodel", "--for-good"]);
    assert_eq!(used.code, 1);
    assert!(
        used.stderr.contains("study 1 compares Qoxmodel"),
        "{}",
        used.stderr
    );
    let judged = place.run(&["study", "delete", "1", "--for-good"]);
    assert!(
        judged.code != 0
            && judged
                .stderr
                .contains("1 judged item; add --with-judgements"),
        "{}",
        judged.stderr
    );
    // Without that it can be brought back.
    let deleted = place.ok(&["study", "delete", "1"]);
    assert!(deleted.contains("emprl study undelete 1"), "{deleted}");
    assert_eq!(place.json(&["study", "list"]), json!([]));
    assert!(
        place
            .ok(&["study", "list", "--all"])
            .contains("blind, deleted")
    );
    place.ok(&["study", "undelete", "1"]);
    let back = place.json(&["study", "list"]);
    assert_eq!(back[0]["annotators"][0]["progress"]["answered"], 1);
    // Names, notes and the archive are the lead's own.
    place.ok(&["study", "rename", "1", "Pilot of May"]);
    place.ok(&["study", "note", "1", "with the new instructions"]);
    place.ok(&["study", "archive", "1"]);
    assert_eq!(place.json(&["study", "list"]), json!([]));
    place.ok(&["study", "archive", "1", "--back"]);
    let list = place.json(&["study", "list"]);
    assert_eq!(list[0]["marks"]["name"], "Pilot of May");
    assert_eq!(list[0]["marks"]["note"], "with the new instructions");
    place.ok(&["study", "pack", "1", "--annotator=Ada", "--out=sent"]);
    let sent = std::fs::read_to_string(only_file(&place.path().join("sent"))).unwrap();
    assert!(
        !sent.contains("Pilot") && !sent.contains("instructions\": \"with"),
        "{sent}"
    );
    place.ok(&["study", "delete", "1", "--for-good", "--with-judgements"]);
    assert_eq!(place.json(&["study", "list"]), json!([]));
    place.ok(&["responses", "delete", "Qoxmodel", "--for-good"]);
    let left: Value = place.json(&["responses", "list"]);
    assert_eq!(left.as_array().unwrap().len(), 1);
}

#[test]
fn pinned_cases_of_a_blind_study_are_said_to_be_hidden() {
    let place = with_study();
    place.ok(&["study", "delete", "1", "--for-good"]);
    let cases = place.json(&["responses", "cases", "happened"]);
    for case in cases["cases"].as_array().unwrap() {
        place.ok(&["responses", "pin", case["key"].as_str().unwrap()]);
    }
    place.ok(&[
        "study",
        "create",
        "--kind=ab",
        "--systems=Qoxmodel,Zyvbaseline",
        "--annotators=Ada,Ben,Cem",
        "--contexts=8",
    ]);
    let table = place.run(&["table", "6"]);
    assert_eq!(table.code, 1);
    assert!(table.stderr.contains("still blind"), "{}", table.stderr);
    let cases = place.ok(&["responses", "cases"]);
    assert!(
        cases.contains("8 pinned cases in studies that are still blind"),
        "{cases}"
    );
}
