//! Importing real data accounts for every row, and wrong input is refused with the file, the place and the fix.

use std::fs;
use std::path::Path;

use emprl::data::library::{self, BUILTIN, EMPATHETIC_DIALOGUES, MENTAL_HEALTH_SUBREDDITS, NAMES};
use emprl::data::{
    BySplit, Mechanism, Role, SplitCount, empathetic_dialogues, mental_health_subreddits,
};

const ED_HEADER: &str = "conv_id,utterance_idx,context,prompt,speaker_idx,utterance,selfeval,tags";
const MHS_HEADER: &str = "sp_id,rp_id,seeker_post,response_post,level,rationales";
const MHS_FILES: [&str; 3] = [
    "emotional-reactions-reddit.csv",
    "interpretations-reddit.csv",
    "explorations-reddit.csv",
];

/// Three files of two conversations each.
fn small_ed(dir: &Path) {
    let rows = "c1,1,proud,I won_comma_ at last,7,I won \"the\" race.,5|5|5,\n\
                c1,2,proud,I won_comma_ at last,9,Well done_comma_ really!,,\n\
                c1,3,proud,I won_comma_ at last,7,Thanks.,,\n\
                c1,4,proud,I won_comma_ at last,9,How long did you train?,,\n\
                c2,1,sad,My cat left,3,My cat left.,,\n";
    for file in ["train.csv", "valid.csv", "test.csv"] {
        fs::write(dir.join(file), format!("{ED_HEADER}\n{rows}")).unwrap();
    }
}

fn small_mhs(dir: &Path) {
    for (file, level) in MHS_FILES.into_iter().zip(0..) {
        let text = format!(
            "{MHS_HEADER}\na,b,\"I am, \"\"fine\"\".\",Good.,{level},\na,b,I am,Good.,2,x|\n"
        );
        fs::write(dir.join(file), text).unwrap();
    }
}

#[test]
fn empathetic_dialogues_is_read_whole() {
    let Some(dir) = crate::shared_data::shared("empathetic_dialogues") else {
        return;
    };
    let (set, report) = empathetic_dialogues::read(&dir).unwrap();
    let count = |conversations, pairs| SplitCount {
        conversations,
        pairs,
    };
    let expected = BySplit {
        train: count(19_532, 40_252),
        validation: count(2_769, 5_736),
        test: count(2_546, 5_257),
    };
    assert_eq!(report.splits, Some(expected));
    let rows: Vec<_> = report
        .files
        .iter()
        .map(|f| (f.read, f.kept, f.skipped))
        .collect();
    assert_eq!(
        rows,
        [
            (84_165, 84_165, 0),
            (12_074, 12_074, 0),
            (10_969, 10_969, 0)
        ]
    );
    assert!(report.skipped.is_empty());
    assert_eq!(set.train.len(), 40_252);
    let texts = set.train.iter().chain(&set.validation).chain(&set.test);
    assert!(texts.into_iter().all(|e| !e.target.contains("_comma_")));
    let first = &set.train[0];
    assert_eq!((first.turn, first.context.len()), (2, 1));
    assert!(first.target.starts_with("Was this a friend"));
}

#[test]
fn mental_health_subreddits_is_read_whole() {
    let Some(dir) = crate::shared_data::shared("mental_health_subreddits") else {
        return;
    };
    let (set, report) = mental_health_subreddits::read(&dir).unwrap();
    assert_eq!(report.labelled_pairs, Some(3_084));
    for file in &report.files {
        assert_eq!((file.read, file.kept, file.skipped), (3_084, 3_084, 0));
    }
    let expected = [[2_037, 895, 152], [1_626, 114, 1_344], [2_604, 104, 376]];
    for mechanism in Mechanism::ALL {
        let mut counts = [0; 3];
        for pair in &set.pairs {
            counts[pair.levels[mechanism.index()].unwrap().index()] += 1;
        }
        assert_eq!(counts, expected[mechanism.index()], "{mechanism}");
    }
}

#[test]
fn a_conversation_becomes_examples() {
    let dir = tempfile::tempdir().unwrap();
    small_ed(dir.path());
    let (set, report) = empathetic_dialogues::read(dir.path()).unwrap();
    assert_eq!((set.conversations.train, set.train.len()), (2, 2));
    let last = &set.train[1];
    assert_eq!(
        last.context_text(),
        "I won \"the\" race. Well done, really! Thanks."
    );
    assert_eq!(last.target, "How long did you train?");
    assert_eq!((last.turn, last.situation.as_str()), (4, "I won, at last"));
    assert_eq!(report.files[0].kept, 5);
}

#[test]
fn the_folder_of_the_original_archive_is_found() {
    let dir = tempfile::tempdir().unwrap();
    let inner = dir.path().join("empatheticdialogues");
    fs::create_dir(&inner).unwrap();
    small_ed(&inner);
    assert_eq!(
        empathetic_dialogues::read(dir.path()).unwrap().0.test.len(),
        2
    );
}

#[test]
fn rows_that_cannot_be_used_are_named() {
    let dir = tempfile::tempdir().unwrap();
    small_ed(dir.path());
    let rows = "c1,1,proud,x,0,First.,,\nc1,2,proud\nc1,2,proud,x,1,Second.,,\nc1,4,proud,x,1,Fourth.,,\n\
                c3,one,proud,x,1,Hi.,,\nc1,3,proud,x,1,,,\nc4,2,proud,x,0,Late.,,\n";
    fs::write(dir.path().join("valid.csv"), format!("{ED_HEADER}\n{rows}")).unwrap();
    let (set, report) = empathetic_dialogues::read(dir.path()).unwrap();
    assert_eq!(set.validation.len(), 1);
    let file = &report.files[1];
    assert_eq!((file.read, file.kept, file.skipped), (7, 2, 5));
    let places: Vec<_> = report.skipped.iter().map(|row| row.line).collect();
    assert_eq!(places, [3, 5, 6, 7, 8]);
    assert!(report.skipped.iter().all(|row| row.file == "valid.csv"));
    assert_eq!(report.skipped[0].reason, "3 columns instead of 8");
}

#[test]
fn wrong_dialogue_files_are_refused() {
    let message = |change: &dyn Fn(&Path)| {
        let dir = tempfile::tempdir().unwrap();
        small_ed(dir.path());
        change(dir.path());
        let error = empathetic_dialogues::read(dir.path()).unwrap_err();
        error.to_string()
    };
    let missing = message(&|dir| fs::remove_file(dir.join("test.csv")).unwrap());
    assert!(
        missing.contains("test.csv: not found; give the folder"),
        "{missing}"
    );
    let foreign = message(&|dir| fs::write(dir.join("train.csv"), "a,b\n1,2\n").unwrap());
    assert!(
        foreign.contains("train.csv, line 1: the first line"),
        "{foreign}"
    );
    let truncated = message(&|dir| {
        let text = fs::read_to_string(dir.join("valid.csv")).unwrap();
        fs::write(dir.join("valid.csv"), &text[..text.len() - 15]).unwrap();
    });
    assert!(
        truncated.contains("valid.csv, line 6: the last row has"),
        "{truncated}"
    );
    let binary = message(&|dir| {
        let text = format!("{ED_HEADER}\nc1,1,a,b,0,\u{e9},,\n").replace('\u{e9}', "#");
        let mut bytes = text.into_bytes();
        let place = bytes.iter().position(|&b| b == b'#').unwrap();
        bytes[place] = 0xff;
        fs::write(dir.join("train.csv"), bytes).unwrap();
    });
    assert!(
        binary.contains("train.csv, line 2: the text is not UTF-8"),
        "{binary}"
    );
    let empty = message(&|dir| fs::write(dir.join("train.csv"), format!("{ED_HEADER}\n")).unwrap());
    assert!(empty.contains("train.csv: there is no row"), "{empty}");
}

#[test]
fn files_of_levels_are_merged_by_pair_and_occurrence() {
    let dir = tempfile::tempdir().unwrap();
    small_mhs(dir.path());
    let (set, _) = mental_health_subreddits::read(dir.path()).unwrap();
    assert_eq!(set.pairs.len(), 2);
    assert_eq!(set.pairs[0].seeker_post, "I am, \"fine\".");
    let levels = |pair: usize| set.pairs[pair].levels.map(|l| l.map_or(9, u8::from));
    assert_eq!(levels(0), [0, 1, 2]);
    assert_eq!(levels(1), [2, 2, 2]);
}

#[test]
fn wrong_level_files_are_refused() {
    let message = |change: &dyn Fn(&Path)| {
        let dir = tempfile::tempdir().unwrap();
        small_mhs(dir.path());
        change(&dir.path().join(MHS_FILES[1]));
        let error = mental_health_subreddits::read(dir.path()).unwrap_err();
        error.to_string()
    };
    let row = |text: &str| format!("{MHS_HEADER}\na,b,I am,Good.,1,\n{text}");
    let cases: [(String, &str); 5] = [
        ("x,y\n".into(), "line 1: the header is not"),
        (row("a,b,I am"), "line 3: the last row is cut off"),
        (
            row("a,b,\"I am,Good.,1,\n"),
            "line 3: the last row is cut off",
        ),
        (row(""), "1 rows, but explorations-reddit.csv has 2"),
        (
            format!("{MHS_HEADER}\na,b,I,G,7,\na,b,I,G,1\n"),
            "no row can be used; line 2: \"7\" is no level: levels are 0 (no), 1 (weak) and 2 (strong)",
        ),
    ];
    for (text, expected) in cases {
        let found = message(&|path| fs::write(path, &text).unwrap());
        assert!(found.contains(expected), "{found}");
        assert!(found.contains(MHS_FILES[1]), "{found}");
    }
    let missing = message(&|path| fs::remove_file(path).unwrap());
    assert!(missing.contains("not found; give the folder"), "{missing}");
}

#[test]
fn a_level_that_is_none_is_skipped_and_stays_unknown() {
    let dir = tempfile::tempdir().unwrap();
    small_mhs(dir.path());
    let text = format!("{MHS_HEADER}\na,b,I am,Good.,5,\na,b,I am,Good.,2,\n");
    fs::write(dir.path().join(MHS_FILES[2]), text).unwrap();
    let (set, report) = mental_health_subreddits::read(dir.path()).unwrap();
    assert_eq!(report.skipped.len(), 1);
    assert_eq!(report.skipped[0].line, 2);
    assert_eq!(set.pairs.len(), 2);
    assert_eq!(
        report.remarks[..1],
        [
            "explorations-reddit.csv has no usable row (1 was skipped) for 1 of 2 pairs, whose exploration stays \
          unknown (sp_id rp_id): a b"
        ]
    );
}

#[test]
fn levels_may_be_floats_or_words_and_missing_rows_are_named() {
    for levels in [["0.0", "1.0", "2.0"], ["no", "weak", "Strong"]] {
        let dir = tempfile::tempdir().unwrap();
        for file in MHS_FILES {
            let rows = levels.iter().enumerate();
            let rows = rows.map(|(n, level)| format!("s{n},r{n},Bad {n},Sorry {n},{level},\n"));
            let text = format!("{MHS_HEADER}\n{}", rows.collect::<String>());
            fs::write(dir.path().join(file), text).unwrap();
        }
        let (set, report) = mental_health_subreddits::read(dir.path()).unwrap();
        let read: Vec<_> = set
            .pairs
            .iter()
            .map(|p| p.levels[1].map(u8::from))
            .collect();
        assert_eq!(read, [Some(0), Some(1), Some(2)]);
        assert!(report.skipped.is_empty() && report.remarks.is_empty());
        let other = format!(
            "{MHS_HEADER}\ns0,r0,Bad 0,Sorry 0,no,\ns1,r1,Bad 1,Sorry 1,no,\nzz,r9,a,b,1,\n"
        );
        fs::write(dir.path().join(MHS_FILES[0]), other).unwrap();
        let (set, report) = mental_health_subreddits::read(dir.path()).unwrap();
        assert_eq!(set.pairs.len(), 4);
        assert_eq!(
            report.remarks,
            [
                "emotional-reactions-reddit.csv has no row for 1 of 4 pairs, whose emotional reaction stays \
                 unknown (sp_id rp_id): s2 r2",
                "interpretations-reddit.csv has no row for 1 of 4 pairs, whose interpretation stays unknown \
                 (sp_id rp_id): zz r9",
                "explorations-reddit.csv has no row for 1 of 4 pairs, whose exploration stays unknown \
                 (sp_id rp_id): zz r9",
            ]
        );
    }
}

#[test]
fn a_copy_saved_by_pandas_loses_its_quotation_marks_and_the_original_keeps_its_own() {
    let dir = tempfile::tempdir().unwrap();
    let rows = "c1,1,sad,\"My boss said \"\"you're fired\"\" to me.\",7,\"He said \"\"fired\"\"_comma_ just like that.\",,\n\
                c1,2,sad,\"My boss said \"\"you're fired\"\" to me.\",9,\"\"\"Fired\"\"? Oh, no.\",,\n";
    for file in ["train.csv", "valid.csv", "test.csv"] {
        fs::write(dir.path().join(file), format!("{ED_HEADER}\n{rows}")).unwrap();
    }
    let (set, report) = empathetic_dialogues::read(dir.path()).unwrap();
    let example = &set.test[0];
    assert_eq!(example.situation, "My boss said \"you're fired\" to me.");
    assert_eq!(example.context, ["He said \"fired\", just like that."]);
    assert_eq!(example.target, "\"Fired\"? Oh, no.");
    assert!(report.remarks[2].starts_with("test.csv is quoted as CSV"));
    // As it is distributed: marks belong to the texts, at their ends too.
    let rows = "c1,1,sad,x,7,\"Fired\"? So he said.,,\nc1,2,sad,x,9,\"Oh no\",,\n";
    fs::write(dir.path().join("test.csv"), format!("{ED_HEADER}\n{rows}")).unwrap();
    let (set, _) = empathetic_dialogues::read(dir.path()).unwrap();
    assert_eq!(set.test[0].context, ["\"Fired\"? So he said."]);
    assert_eq!(set.test[0].target, "\"Oh no\"");
}

#[test]
fn two_utterances_in_a_row_are_by_one_side() {
    let dir = tempfile::tempdir().unwrap();
    let rows = "c1,1,sad,x,7,I lost my cat.,,\nc1,2,sad,x,7,She was 17.,,\nc1,3,sad,x,9,Oh no.,,\n\
                c1,4,sad,x,7,Yes.,,\nc1,5,sad,x,9,So sorry.,,\nc2,1,sad,x,7,Hi.,,\nc2,2,sad,x,9,Hello.,,\n";
    for file in ["train.csv", "valid.csv", "test.csv"] {
        fs::write(dir.path().join(file), format!("{ED_HEADER}\n{rows}")).unwrap();
    }
    let (set, _) = empathetic_dialogues::read(dir.path()).unwrap();
    use Role::{Listener, Speaker};
    assert_eq!(set.test[0].roles, [Speaker, Speaker]);
    assert_eq!(set.test[1].roles, [Speaker, Speaker, Listener, Speaker]);
    // Where the sides alternate nothing is kept, so that sets of before stay as they are.
    assert_eq!(set.test[2].roles, []);
    assert!(
        !serde_json::to_string(&set.test[2])
            .unwrap()
            .contains("roles")
    );
}

#[test]
fn an_imported_set_opens_again_and_shows() {
    let (source, store) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    small_ed(source.path());
    let not_yet = library::open_dialogues(store.path(), EMPATHETIC_DIALOGUES).unwrap_err();
    assert_eq!(
        not_yet.to_string(),
        "empathetic-dialogues is not imported yet: run `emprl data fetch empathetic-dialogues` or `emprl data import empathetic-dialogues DIR`"
    );
    let report = library::import(store.path(), EMPATHETIC_DIALOGUES, source.path()).unwrap();
    let (read, _) = empathetic_dialogues::read(source.path()).unwrap();
    let set = library::open_dialogues(store.path(), EMPATHETIC_DIALOGUES).unwrap();
    assert_eq!((&set.train, &set.test), (&read.train, &read.test));
    assert_eq!(set.conversations, read.conversations);
    assert_eq!(set.fingerprint.len(), 64);
    let manifest = library::manifest(store.path(), EMPATHETIC_DIALOGUES).unwrap();
    assert_eq!(
        (manifest.report, manifest.fingerprint),
        (report, set.fingerprint.clone())
    );
    let summary = library::show(store.path(), EMPATHETIC_DIALOGUES).unwrap();
    assert_eq!(summary.splits.unwrap().train.conversations, 2);
    assert_eq!(summary.emotions[0].emotion, "proud");
    // Importing the same again changes nothing.
    library::import(store.path(), EMPATHETIC_DIALOGUES, source.path()).unwrap();
    let again = library::open_dialogues(store.path(), EMPATHETIC_DIALOGUES).unwrap();
    assert_eq!(again, set);
    assert_eq!(names(&store.path().join("data")), [EMPATHETIC_DIALOGUES]);
}

/// What is in a folder, but for locks.
fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.filter(|name| !name.starts_with(".lock-")).collect()
}

#[test]
fn an_import_killed_between_its_renames_loses_no_set() {
    let (source, store) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    small_ed(source.path());
    let data = store.path().join("data");
    for old in [
        ".replaced-empathetic-dialogues",
        ".replaced-empathetic-dialogues-77",
    ] {
        library::import(store.path(), EMPATHETIC_DIALOGUES, source.path()).unwrap();
        let before = library::open_dialogues(store.path(), EMPATHETIC_DIALOGUES).unwrap();
        fs::rename(data.join(EMPATHETIC_DIALOGUES), data.join(old)).unwrap();
        let listed = library::list(store.path()).unwrap();
        let set = listed.iter().find(|set| set.name == EMPATHETIC_DIALOGUES);
        assert!(set.unwrap().imported);
        let after = library::open_dialogues(store.path(), EMPATHETIC_DIALOGUES).unwrap();
        assert_eq!(before, after);
        assert_eq!(names(&data), [EMPATHETIC_DIALOGUES]);
    }
}

#[test]
fn eight_imports_at_once_all_succeed() {
    let (source, store) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    small_mhs(source.path());
    std::thread::scope(|scope| {
        let import = || library::import(store.path(), MENTAL_HEALTH_SUBREDDITS, source.path());
        let imports: Vec<_> = (0..8).map(|_| scope.spawn(import)).collect();
        for import in imports {
            import.join().unwrap().unwrap();
        }
    });
    library::open_levels(store.path(), MENTAL_HEALTH_SUBREDDITS).unwrap();
    assert_eq!(
        names(&store.path().join("data")),
        [MENTAL_HEALTH_SUBREDDITS]
    );
}

#[test]
fn a_failed_import_leaves_what_was_there() {
    let (source, store) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    small_mhs(source.path());
    library::import(store.path(), MENTAL_HEALTH_SUBREDDITS, source.path()).unwrap();
    let before = library::open_levels(store.path(), MENTAL_HEALTH_SUBREDDITS).unwrap();
    fs::write(source.path().join(MHS_FILES[0]), "nonsense").unwrap();
    library::import(store.path(), MENTAL_HEALTH_SUBREDDITS, source.path()).unwrap_err();
    let after = library::open_levels(store.path(), MENTAL_HEALTH_SUBREDDITS).unwrap();
    assert_eq!(before, after);
}

#[test]
fn a_damaged_set_is_refused() {
    let (source, store) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    small_mhs(source.path());
    library::import(store.path(), MENTAL_HEALTH_SUBREDDITS, source.path()).unwrap();
    let path = store
        .path()
        .join("data/mental-health-subreddits/pairs.jsonl");
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, &text[..text.len() - 4]).unwrap();
    let error = library::open_levels(store.path(), MENTAL_HEALTH_SUBREDDITS).unwrap_err();
    let error = error.to_string();
    assert!(
        error.contains("pairs.jsonl: the file is not the one that was imported"),
        "{error}"
    );
    assert!(
        error.contains("emprl data import mental-health-subreddits DIR"),
        "{error}"
    );
}

#[test]
fn names_are_known_or_refused() {
    let store = tempfile::tempdir().unwrap();
    let names: Vec<_> = library::list(store.path()).unwrap();
    assert_eq!(
        names
            .iter()
            .map(|set| set.name.as_str())
            .collect::<Vec<_>>(),
        NAMES
    );
    assert!(names[0].imported && !names[1].imported);
    let unknown = library::show(store.path(), "reddit")
        .unwrap_err()
        .to_string();
    assert!(
        unknown.contains("builtin, empathetic-dialogues"),
        "{unknown}"
    );
    let kind = library::open_levels(store.path(), EMPATHETIC_DIALOGUES).unwrap_err();
    assert!(kind.to_string().contains("holds no levels"), "{kind}");
    library::import(store.path(), BUILTIN, store.path()).unwrap_err();
}
