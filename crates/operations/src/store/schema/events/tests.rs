//! Sentences as versions 1 to 6 wrote them, from every one of those versions.

use super::super::tests::at_version;
use super::super::{MIGRATIONS, migrate};
use crate::experiment::{Alert, Change, Control, EventKind, RunStatus, Severity};

/// A row as it was written: sort, severity, text; and the event it becomes.
type Old = (&'static str, Option<&'static str>, &'static str, EventKind);

fn lr() -> Change {
    Change::new("ppo.lr", 0.00003).unwrap()
}

fn recognised() -> Vec<Old> {
    let control = |control| EventKind::Control { control };
    let status = |text, status| ("status", None, text, EventKind::Status { status });
    let alert = |severity, text, alert| ("note", Some(severity), text, EventKind::Alert(alert));
    vec![
        (
            "stage",
            None,
            "24000",
            EventKind::StageBegun { total: 24_000 },
        ),
        ("stage_done", None, "", EventKind::StageDone),
        status("running", RunStatus::Running),
        status("paused", RunStatus::Paused),
        status("finished", RunStatus::Finished),
        status("failed", RunStatus::Failed),
        status("stopped", RunStatus::Stopped),
        status("interrupted", RunStatus::Interrupted),
        ("control", None, "pause", control(Control::Pause)),
        ("control", None, "resume", control(Control::Resume)),
        ("control", None, "stop", control(Control::Stop)),
        ("control", None, "checkpoint", control(Control::Checkpoint)),
        ("control", None, "evaluate", control(Control::Evaluate)),
        (
            "control",
            None,
            "ppo.lr = 0.00003",
            control(Control::Set(lr())),
        ),
        (
            "note",
            Some("info"),
            "Resumed from ppo step 7",
            EventKind::Resumed,
        ),
        (
            "note",
            Some("warning"),
            "Learning rate 3e-5 was asked for and not taken before the run stopped; ask again once it goes on",
            EventKind::ChangeDropped(lr()),
        ),
        (
            "note",
            Some("warning"),
            "KL coefficient β 0.4 was asked for and not taken before the run stopped; ask again once it \
             goes on",
            EventKind::ChangeDropped(Change::new("reward.beta", 0.4).unwrap()),
        ),
        alert(
            "alert",
            "ppo/value_loss, ppo/kl is not finite",
            Alert::NotFinite {
                metrics: vec!["ppo/value_loss".into(), "ppo/kl".into()],
            },
        ),
        alert(
            "alert",
            "The KL of a response is 34.1 nats over 20 steps, above alerts.kl_limit = 30: the policy runs \
             away from the reference; raise reward.beta or lower ppo.lr",
            Alert::KlLimit {
                kl: 34.1,
                window: 20,
                limit: 30.0,
            },
        ),
        alert(
            "warning",
            "The KL of a response rose from 0.05 to 1.25 nats within 20 steps, more than 4 times",
            Alert::KlRise {
                before: 0.05,
                kl: 1.25,
                window: 20,
                factor: 4.0,
            },
        ),
        alert(
            "alert",
            "60 % of the sample dialogues are answered in words that another is answered in too",
            Alert::Duplicates { share: 0.6 },
        ),
        alert(
            "alert",
            "Dist-2 fell from 20.00 to 5.25: the answers become alike; look at the samples",
            Alert::Dist {
                first: 20.0,
                now: 5.25,
            },
        ),
        alert(
            "warning",
            "29 % of the responses of the last 20 steps were cut at the longest length",
            Alert::CutOff {
                share: 0.29,
                window: 20,
            },
        ),
        alert(
            "warning",
            "Reward and length of responses go together (r = -0.93 over 40 steps): the reward may pay for \
             length only",
            Alert::Length {
                r: -0.93,
                steps: 40,
            },
        ),
        alert(
            "warning",
            "The mean reward has not risen for 2000 steps, since step 400",
            Alert::Stalled {
                steps: 2_000,
                since: 400,
            },
        ),
    ]
}

/// What stays the text it was.
fn notes() -> Vec<Old> {
    let texts = [
        (
            "note",
            "info",
            "Taken over from run 1; what follows is not, since `reward.beta` differs",
        ),
        (
            "note",
            "info",
            "Self-checks passed: decoding and scoring agree (off by 1.2e-6); ratio 1 before the first update \
             (off by 0.0e0); pads change nothing (log-probabilities off by 4.8e-7, gradients by 1.0e-6); KL \
             not looked at, since the policy has moved; gradients reach all 12 trained tensors and none of \
             the 90 frozen ones",
        ),
        (
            "note",
            "info",
            "Exploration: accuracy 81.20 %, weighted F1 80.11 %, macro F1 66.02 % on 310 validation pairs; \
             always saying the commonest level would be right in 70.10 %",
        ),
        (
            "note",
            "warning",
            "3 updates were skipped because their mean ratio passed ppo.ratio_threshold",
        ),
        (
            "note",
            "alert",
            "PPO at step 8: the loss is NaN; lower ppo.lr. The last good checkpoint is kept; the run goes on \
             from there, with what is changed until then",
        ),
        // Nearly what a rule says, but not quite.
        ("note", "info", "Resumed from ppo step 8"),
        ("note", "alert", "The end is not finite"),
        (
            "note",
            "info",
            "The mean reward has not risen for 2000 steps, since step 400",
        ),
        (
            "note",
            "alert",
            "Dist-2 fell from NaN to 5.25: the answers become alike; look at the samples",
        ),
        // Settings that cannot be changed, or not to that.
        ("control", "info", "ppo.batch = 4"),
        ("control", "info", "ppo.lr = 7"),
        ("control", "info", "dance"),
        ("status", "info", "dancing"),
        ("stage", "info", "many"),
    ];
    let severity = |key| match key {
        "alert" => Severity::Alert,
        "warning" => Severity::Warning,
        _ => Severity::Info,
    };
    let note = |(sort, key, text): (&'static str, &'static str, &'static str)| {
        let written = (sort == "note").then_some(key);
        let (severity, text_of) = (severity(key), text.to_string());
        let kind = EventKind::Note {
            severity,
            text: text_of,
        };
        (sort, written, text, kind)
    };
    texts.map(note).to_vec()
}

#[test]
fn sentences_of_every_earlier_version_become_typed_events() {
    let old = [recognised(), notes()].concat();
    for earlier in 1..=6 {
        let mut db = at_version(&MIGRATIONS[..earlier]);
        db.execute_batch(
            "PRAGMA foreign_keys = ON;
             INSERT INTO runs (name, experiment, seed, device, status, started, config_toml,
                               environment_json, fingerprints_json, holder, heartbeat)
             VALUES ('old', 'quickstart', 1, 'flex', 'finished', 5, '', '{}', '{}', '', 6);",
        )
        .unwrap();
        for (at, (sort, severity, text, _)) in old.iter().enumerate() {
            db.execute(
                "INSERT INTO events (run, wall, stage, step, sort, severity, text)
                 VALUES (1, ?, 'ppo', 7, ?, ?, ?)",
                rusqlite::params![at as i64, sort, severity, text],
            )
            .unwrap();
        }
        // Before the first stage, an event has none.
        db.execute_batch(
            "INSERT INTO events (run, wall, step, sort, text) VALUES (1, 99, 0, 'status', 'running')",
        )
        .unwrap();
        migrate(&mut db).ok().unwrap();

        let mut query = db
            .prepare("SELECT id, wall, stage, step, body, kind FROM events ORDER BY id")
            .unwrap();
        let mut rows = query.query([]).unwrap();
        for (at, (sort, _, text, kind)) in old.iter().enumerate() {
            let row = rows.next().unwrap().unwrap();
            let place: (i64, i64, String, i64) = (
                row.get(0).unwrap(),
                row.get(1).unwrap(),
                row.get(2).unwrap(),
                row.get(3).unwrap(),
            );
            assert_eq!(place, (at as i64 + 1, at as i64, "ppo".to_string(), 7));
            let body: String = row.get(4).unwrap();
            let found: EventKind = serde_json::from_str(&body).unwrap();
            assert_eq!(found, *kind, "from version {earlier}: {sort}, {text}");
            let value = serde_json::to_value(kind).unwrap();
            assert_eq!(value["kind"], row.get::<_, String>(5).unwrap());
        }
        let last = rows.next().unwrap().unwrap();
        assert_eq!(last.get::<_, Option<String>>(2).unwrap(), None);
        assert!(rows.next().unwrap().is_none());
        drop(rows);
        drop(query);
        db.execute_batch("DELETE FROM runs").unwrap();
        let left: i64 = db
            .query_row("SELECT count(*) FROM events", [], |row| row.get(0))
            .unwrap();
        assert_eq!(left, 0, "events go with their run");
    }
}
