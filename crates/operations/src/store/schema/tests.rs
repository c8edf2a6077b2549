use super::*;

fn shape(db: &Connection) -> Vec<(String, String)> {
    let mut query = db
        .prepare("SELECT name, coalesce(sql, '') FROM sqlite_schema ORDER BY name")
        .unwrap();
    query
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))
        .unwrap()
        .collect::<Result<_, _>>()
        .unwrap()
}

pub(super) fn at_version(steps: &[Step<'_>]) -> Connection {
    let mut db = Connection::open_in_memory().unwrap();
    migrate_to(&mut db, steps).ok().unwrap();
    db
}

#[test]
fn who_only_reads_finds_a_store_of_any_earlier_version_up_to_date() {
    for earlier in 1..MIGRATIONS.len() {
        let dir = tempfile::tempdir().unwrap();
        let mut db = Connection::open(super::super::connection::path_in(dir.path())).unwrap();
        migrate_to(&mut db, &MIGRATIONS[..earlier]).ok().unwrap();
        drop(db);
        let reader = super::super::StoreReader::open(dir.path()).unwrap();
        assert_eq!(reader.read_only(), None);
        assert_eq!(reader.list_runs().unwrap(), []);
    }
}

#[test]
fn a_store_that_is_just_being_made_is_never_taken_for_another_programs() {
    for _ in 0..20 {
        let dir = tempfile::tempdir().unwrap();
        let path = super::super::connection::path_in(dir.path());
        let mut maker = Connection::open(&path).unwrap();
        let watcher = Connection::open(&path).unwrap();
        for db in [&maker, &watcher] {
            db.busy_timeout(std::time::Duration::from_secs(30)).unwrap();
        }
        std::thread::scope(|scope| {
            scope.spawn(|| migrate(&mut maker).ok().unwrap());
            loop {
                match inspect(&watcher).ok().unwrap() {
                    Contents::Empty => {}
                    Contents::Store(version) => break assert_eq!(version, VERSION),
                    _ => panic!("half of the making was seen"),
                }
            }
        });
    }
}

#[test]
fn every_earlier_version_migrates_to_the_same_tables() {
    let fresh = at_version(&MIGRATIONS);
    for earlier in 0..=MIGRATIONS.len() {
        let mut db = at_version(&MIGRATIONS[..earlier]);
        migrate(&mut db).ok().unwrap();
        assert_eq!(shape(&db), shape(&fresh), "from version {earlier}");
        assert!(matches!(inspect(&db), Ok(Contents::Store(VERSION))));
    }
}

#[test]
fn a_store_of_runs_only_keeps_them_and_takes_studies() {
    let mut db = at_version(&MIGRATIONS[..1]);
    db.execute_batch(
        "INSERT INTO runs (name, experiment, seed, device, status, started, config_toml,
                           environment_json, fingerprints_json, holder, heartbeat)
         VALUES ('old', 'quickstart', 1, 'flex', 'finished', 5, '', '{}', '{}', '', 6);
         INSERT INTO metric_keys VALUES (1, 'ppo', 'ppo/reward');
         INSERT INTO points VALUES (1, 1, 3, 0.5, 7);",
    )
    .unwrap();
    migrate(&mut db).ok().unwrap();
    let kept: (String, f64) = db
        .query_row(
            "SELECT name, value FROM runs JOIN points ON run = id",
            [],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )
        .unwrap();
    assert_eq!(kept, ("old".to_string(), 0.5));
    db.execute(
        "INSERT INTO studies (uid, head_json, added) VALUES ('u', '{}', 1)",
        [],
    )
    .unwrap();
}

#[test]
fn runs_of_every_earlier_version_are_kept_and_take_tags() {
    for earlier in 1..MIGRATIONS.len() {
        let mut db = at_version(&MIGRATIONS[..earlier]);
        db.execute_batch(
            "INSERT INTO runs (name, experiment, seed, device, status, started, config_toml,
                               environment_json, fingerprints_json, note, holder, heartbeat)
             VALUES ('old', 'quickstart', 1, 'flex', 'finished', 5, '', '{}', '{}', 'kept', '', 6);",
        )
        .unwrap();
        migrate(&mut db).ok().unwrap();
        db.execute("INSERT INTO run_tags VALUES (1, 'paper')", [])
            .unwrap();
        let kept: (String, Option<i64>, Option<i64>, String) = db
            .query_row(
                "SELECT note, archived, deleted, tag FROM runs JOIN run_tags ON run = id",
                [],
                |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)),
            )
            .unwrap();
        assert_eq!(kept, ("kept".into(), None, None, "paper".into()));
    }
}

#[test]
fn runs_of_every_earlier_version_are_kept_with_their_samples_and_take_rollouts() {
    for earlier in 1..MIGRATIONS.len() {
        let mut db = at_version(&MIGRATIONS[..earlier]);
        db.execute_batch(
            "PRAGMA foreign_keys = ON;
             INSERT INTO runs (name, experiment, seed, device, status, started, config_toml,
                               environment_json, fingerprints_json, holder, heartbeat)
             VALUES ('old', 'quickstart', 1, 'flex', 'finished', 5, '', '{}', '{}', '', 6);
             INSERT INTO samples VALUES (1, 'ppo', 3, 0, 7, 'kept');",
        )
        .unwrap();
        migrate(&mut db).ok().unwrap();
        db.execute_batch("INSERT INTO rollouts VALUES (1, 'ppo', 3, 0, 8, 'new')")
            .unwrap();
        let row: (String, String) = db
            .query_row(
                "SELECT dialogue_json, response_json
                 FROM samples JOIN rollouts USING (run, stage, step, position)",
                [],
                |row| Ok((row.get(0)?, row.get(1)?)),
            )
            .unwrap();
        assert_eq!(row, ("kept".into(), "new".into()), "from version {earlier}");
        db.execute_batch("DELETE FROM runs").unwrap();
        let left: i64 = db
            .query_row("SELECT count(*) FROM rollouts", [], |row| row.get(0))
            .unwrap();
        assert_eq!(left, 0, "what is removed for good takes its rollouts along");
    }
}

#[test]
fn runs_of_every_earlier_version_are_kept_and_a_queue_begins_empty() {
    for earlier in 1..MIGRATIONS.len() {
        let mut db = at_version(&MIGRATIONS[..earlier]);
        db.execute_batch(
            "INSERT INTO runs (name, experiment, seed, device, status, started, config_toml,
                               environment_json, fingerprints_json, holder, heartbeat)
             VALUES ('old', 'quickstart', 1, 'flex', 'stopped', 5, 'kept', '{}', '{}', '', 6);",
        )
        .unwrap();
        migrate(&mut db).ok().unwrap();
        let row: (String, i64) = db
            .query_row(
                "SELECT config_toml, (SELECT count(*) FROM queue) FROM runs",
                [],
                |row| Ok((row.get(0)?, row.get(1)?)),
            )
            .unwrap();
        assert_eq!(row, ("kept".into(), 0), "from version {earlier}");
        db.execute(
            "INSERT INTO queue (position, experiment, name, config_toml, queued)
             VALUES (1, 'quickstart', 'next', '', 7)",
            [],
        )
        .unwrap();
    }
}

#[test]
fn runs_of_every_earlier_version_are_kept_with_their_points_which_can_be_set_aside() {
    for earlier in 1..MIGRATIONS.len() {
        let mut db = at_version(&MIGRATIONS[..earlier]);
        db.execute_batch(
            "PRAGMA foreign_keys = ON;
             INSERT INTO runs (name, experiment, seed, device, status, started, config_toml,
                               environment_json, fingerprints_json, holder, heartbeat)
             VALUES ('old', 'quickstart', 1, 'flex', 'stopped', 5, '', '{}', '{}', '', 6);
             INSERT INTO metric_keys VALUES (1, 'ppo', 'ppo/reward');
             INSERT INTO points VALUES (1, 1, 3, 0.5, 7);",
        )
        .unwrap();
        migrate(&mut db).ok().unwrap();
        db.execute_batch("INSERT INTO aside_points SELECT * FROM points")
            .unwrap();
        let row: (f64, f64) = db
            .query_row(
                "SELECT points.value, aside_points.value
                 FROM points JOIN aside_points USING (run, key, step)",
                [],
                |row| Ok((row.get(0)?, row.get(1)?)),
            )
            .unwrap();
        assert_eq!(row, (0.5, 0.5), "from version {earlier}");
        db.execute_batch("DELETE FROM runs").unwrap();
        let left: i64 = db
            .query_row("SELECT count(*) FROM aside_points", [], |row| row.get(0))
            .unwrap();
        assert_eq!(
            left, 0,
            "what is removed for good takes what is aside along"
        );
    }
}

#[test]
fn results_of_every_earlier_version_are_kept_and_have_no_controls_and_no_auditors() {
    for earlier in 1..MIGRATIONS.len() {
        let dir = tempfile::tempdir().unwrap();
        let mut db = Connection::open(super::super::connection::path_in(dir.path())).unwrap();
        migrate_to(&mut db, &MIGRATIONS[..earlier]).ok().unwrap();
        db.execute_batch(
            "INSERT INTO runs (name, experiment, seed, device, status, started, config_toml,
                               environment_json, fingerprints_json, holder, heartbeat)
             VALUES ('old', 'quickstart', 1, 'flex', 'finished', 5, '', '{}', '{}', '', 6);
             INSERT INTO results (run, position, system, split, step, wall, n, mean_words)
             VALUES (1, 0, 'EmpRL', 'test', 2, 7, 152, 5.1);
             INSERT INTO figures VALUES (1, 'EmpRL', 'test', 'dist_1', 0.7, 0.6, 0.8),
                                        (1, 'EmpRL', 'test', 'dist_2', 8.9, 8.7, 9.1),
                                        (1, 'EmpRL', 'test', 'emp_f1', 73.2, 72.4, 73.9);",
        )
        .unwrap();
        drop(db);
        let reader = super::super::StoreReader::open(dir.path()).unwrap();
        let results = reader.results(super::super::RunId(1)).unwrap();
        let [row] = results.as_slice() else {
            panic!("from version {earlier}: {results:?}");
        };
        assert_eq!((row.n, row.emp_f1.unwrap().value), (152, 73.2));
        assert_eq!(row.controls, None, "absent, and not 0");
        assert_eq!(row.held_out, None);
    }
}

#[test]
fn systems_of_every_earlier_version_are_kept_and_what_is_asked_has_tables_of_its_own() {
    for earlier in 2..MIGRATIONS.len() {
        let mut db = at_version(&MIGRATIONS[..earlier]);
        db.execute_batch(
            "PRAGMA foreign_keys = ON;
             INSERT INTO systems (name, source, sha256, aligned_by, tokenized, rows, imported, problems_json)
             VALUES ('CEM', 'cem.txt', '', '\"order\"', 0, 1, 5, '[]');
             INSERT INTO contexts VALUES (1, 'key', '{}');
             INSERT INTO responses VALUES (1, 0, 1, 'I see.');",
        )
        .unwrap();
        migrate(&mut db).ok().unwrap();
        db.execute_batch(
            "INSERT INTO asks (digest, kind, about_json, begun) VALUES ('d', 'rate', '{}', 7);
             INSERT INTO exchanges VALUES (1, 'key', '{}', '{}', 8);
             INSERT INTO judge_scores VALUES (1, 'key', 4.0);",
        )
        .unwrap();
        let row: (String, f64) = db
            .query_row(
                "SELECT response, value FROM responses, judge_scores",
                [],
                |row| Ok((row.get(0)?, row.get(1)?)),
            )
            .unwrap();
        assert_eq!(row, ("I see.".into(), 4.0), "from version {earlier}");
        db.execute_batch("DELETE FROM asks").unwrap();
        let left: i64 = db
            .query_row("SELECT count(*) FROM judge_scores", [], |row| row.get(0))
            .unwrap();
        assert_eq!(left, 0, "a series takes its answers and scores along");
    }
}

#[test]
fn studies_of_every_earlier_version_are_kept_and_take_links() {
    for earlier in 2..MIGRATIONS.len() {
        let mut db = at_version(&MIGRATIONS[..earlier]);
        db.execute_batch(
            "PRAGMA foreign_keys = ON;
             INSERT INTO studies (uid, head_json, added) VALUES ('u', 'kept', 1);
             INSERT INTO study_annotators VALUES (1, 2, 'A2', 'Ben', 'rater');",
        )
        .unwrap();
        migrate(&mut db).ok().unwrap();
        db.execute_batch(
            "INSERT INTO study_links (study, annotator, token_sha256, secret, made, expires)
             VALUES (1, 2, 'd', 's', 5, 6);
             INSERT INTO study_receipts VALUES (1, 'key', NULL, 7);
             INSERT INTO study_entrances VALUES (1, 'e', 's', 5, 6);
             INSERT INTO study_workers (link, worker, platform_study, session, arrived, tries, practised)
             VALUES (1, 'w', '', '', 5, 0, 0);",
        )
        .unwrap();
        let row: (String, String) = db
            .query_row(
                "SELECT head_json, pseudonym FROM studies, study_links
                 JOIN study_annotators ON study_annotators.study = study_links.study AND number = annotator",
                [],
                |row| Ok((row.get(0)?, row.get(1)?)),
            )
            .unwrap();
        assert_eq!(row, ("kept".into(), "A2".into()), "from version {earlier}");
        db.execute_batch("DELETE FROM studies").unwrap();
        let left: i64 = db
            .query_row(
                "SELECT (SELECT count(*) FROM study_links) + (SELECT count(*) FROM study_receipts)
                     + (SELECT count(*) FROM study_entrances) + (SELECT count(*) FROM study_workers)",
                [],
                |row| row.get(0),
            )
            .unwrap();
        assert_eq!(left, 0, "a study takes its links along");
    }
}

#[test]
fn judgements_of_every_earlier_version_are_kept_and_count_and_their_studies_have_no_key() {
    for earlier in 2..MIGRATIONS.len() {
        let mut db = at_version(&MIGRATIONS[..earlier]);
        db.execute_batch(
            "PRAGMA foreign_keys = ON;
             INSERT INTO studies (uid, head_json, added) VALUES ('u', '{}', 1);
             INSERT INTO study_annotators VALUES (1, 2, 'A2', 'Ben', 'rater');
             INSERT INTO study_assignments VALUES (1, 2, 1, 7, '{}', 0);
             INSERT INTO study_acts (study, annotator, id, seq, item, deed_json, shown, wall, late)
             VALUES (1, 2, 'a', 1, 7, '\"skip\"', 5, 6, 0), (1, 2, 'b', 2, 7, '\"undo\"', 5, 6, 1);",
        )
        .unwrap();
        migrate(&mut db).ok().unwrap();
        let row: (i64, i64, i64, i64) = db
            .query_row(
                "SELECT count(*), sum(late), sum(counts), count(came) FROM study_acts",
                [],
                |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)),
            )
            .unwrap();
        // What came in late counted until then, and goes on counting.
        assert_eq!(row, (2, 1, 2, 0), "from version {earlier}");
        db.execute_batch(
            "INSERT INTO study_keys VALUES (1, 'key');
             INSERT INTO study_seals VALUES (1, 2, 'seal');
             INSERT INTO study_returns (study, annotator, name, merged, edited) VALUES (1, 2, 'f', 8, 0);
             UPDATE study_acts SET came = 1;
             DELETE FROM study_acts; DELETE FROM study_assignments; DELETE FROM studies;",
        )
        .unwrap();
        let left: i64 = db
            .query_row(
                "SELECT (SELECT count(*) FROM study_keys) + (SELECT count(*) FROM study_seals)
                     + (SELECT count(*) FROM study_returns)",
                [],
                |row| row.get(0),
            )
            .unwrap();
        assert_eq!(left, 0, "a study takes its key, seals and returns along");
    }
}

#[test]
fn steps_build_on_each_other_and_keep_the_rows() {
    let steps = [
        "CREATE TABLE a (x INTEGER) STRICT",
        "ALTER TABLE a ADD COLUMN y INTEGER NOT NULL DEFAULT 7",
        "CREATE INDEX a_y ON a (y)",
    ]
    .map(Step::Sql);
    let mut db = at_version(&steps[..1]);
    db.execute("INSERT INTO a VALUES (1)", []).unwrap();
    migrate_to(&mut db, &steps).ok().unwrap();
    let row: (i64, i64) = db
        .query_row("SELECT x, y FROM a", [], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })
        .unwrap();
    assert_eq!(row, (1, 7));
    assert_eq!(shape(&db), shape(&at_version(&steps)));
}

#[test]
fn a_step_that_fails_leaves_the_version_before_it() {
    let mut db = at_version(&[Step::Sql("CREATE TABLE a (x INTEGER) STRICT")]);
    let steps = [
        "",
        "CREATE TABLE b (y INTEGER) STRICT",
        "CREATE TABLE a (z)",
    ]
    .map(Step::Sql);
    assert!(migrate_to(&mut db, &steps).is_err());
    let version = db.query_row("PRAGMA user_version", [], |row| row.get::<_, u32>(0));
    assert_eq!(version, Ok(1));
    assert_eq!(shape(&db).len(), 1);
}
