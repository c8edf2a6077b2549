//! Migrations keep every row, whatever a store of an earlier version holds.

use std::collections::BTreeMap;

use proptest::prelude::*;
use rusqlite::Connection;
use rusqlite::types::Value;

use super::{MIGRATIONS, migrate, tests::at_version};
use crate::experiment::{RunStatus, Stage};

/// The tables of a database, each with its columns: name, type, and whether it must have a value.
type Tables = BTreeMap<String, Vec<(String, String, bool)>>;

fn tables(db: &Connection) -> Tables {
    let names = texts(
        db,
        "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'",
    );
    names
        .into_iter()
        .map(|table| {
            // Not the generated ones, which nobody writes.
            let sql = "SELECT name, type, \"notnull\" OR pk > 0 FROM pragma_table_info(?)";
            let mut columns = db.prepare(sql).unwrap();
            let columns =
                columns.query_map([&table], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)));
            let columns = columns.unwrap().collect::<Result<_, _>>().unwrap();
            (table, columns)
        })
        .collect()
}

fn texts(db: &Connection, sql: &str) -> Vec<String> {
    let mut query = db.prepare(sql).unwrap();
    let rows = query.query_map([], |row| row.get(0)).unwrap();
    rows.collect::<Result<_, _>>().unwrap()
}

/// The rows of a table as text, in order.
fn rows(db: &Connection, table: &str, columns: &[String]) -> Vec<String> {
    let columns: Vec<String> = columns
        .iter()
        .map(|name| format!("quote({name})"))
        .collect();
    let columns = columns.join(" || ',' || ");
    texts(db, &format!("SELECT {columns} FROM {table} ORDER BY 1"))
}

/// What a row is made of: every column takes the text, number and fraction that suit its type.
#[derive(Clone, Debug)]
struct Material {
    text: String,
    number: i64,
    fraction: f64,
    choice: prop::sample::Index,
    missing: bool,
}

fn material() -> impl Strategy<Value = Material> {
    let sentences = prop_oneof![
        any::<String>(),
        "[a-z]{1,8} = -?[0-9]{1,4}",
        "Resumed from ppo step [0-9]{1,2}",
        Just("pause".to_string()),
        "The mean reward has not risen for [0-9x]{1,3} steps, since step [0-9]{1,3}",
        "(ppo/kl|x), [a-z/]{1,9} is not finite",
    ];
    let numbers = prop_oneof![0..20i64, any::<i64>().prop_map(|n| n.saturating_abs())];
    let choice = any::<prop::sample::Index>();
    (sentences, numbers, any::<f64>(), choice, any::<bool>()).prop_map(
        |(text, number, fraction, choice, missing)| Material {
            // SQLite's texts end at a NUL for some of its own functions, `quote` among them.
            text: text.replace('\0', ""),
            number,
            fraction,
            choice,
            missing,
        },
    )
}

impl Material {
    fn value(&self, column: &str, kind: &str, required: bool) -> Value {
        let keys = |keys: Vec<&str>| Value::Text(self.choice.get(&keys).to_string());
        match (column, kind) {
            _ if self.missing && !required => Value::Null,
            ("stage", _) => keys(Stage::ALL.map(Stage::key).to_vec()),
            ("status", _) => keys(vec![RunStatus::Finished.key(), RunStatus::Stopped.key()]),
            ("sort", _) => keys(vec![
                "stage",
                "stage_done",
                "status",
                "control",
                "note",
                "?",
            ]),
            ("severity", _) => keys(vec!["info", "warning", "alert"]),
            ("body", _) => {
                let note =
                    serde_json::json!({"kind": "note", "severity": "info", "text": self.text});
                Value::Text(note.to_string())
            }
            (name, "TEXT") if name.ends_with("_json") => Value::Text("{}".to_string()),
            (_, "INTEGER") => Value::Integer(self.number),
            (_, "REAL") => Value::Real(self.fraction),
            _ => Value::Text(self.text.clone()),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn every_row_of_every_earlier_version_is_kept(
        earlier in 1..MIGRATIONS.len(),
        materials in prop::collection::vec(material(), 1..12),
    ) {
        let mut db = at_version(&MIGRATIONS[..earlier]);
        // A migration must not need what refers to a row to be there.
        db.execute_batch("PRAGMA foreign_keys = OFF").unwrap();
        for (table, columns) in tables(&db) {
            for material in &materials {
                let names: Vec<&str> = columns.iter().map(|(name, _, _)| name.as_str()).collect();
                let values = columns.iter().map(|(name, kind, required)| {
                    material.value(name, kind, *required)
                });
                let places = vec!["?"; names.len()].join(", ");
                // Of rows with one key the first stays.
                let sql = format!("INSERT OR IGNORE INTO {table} ({}) VALUES ({places})", names.join(", "));
                db.execute(&sql, rusqlite::params_from_iter(values)).unwrap();
            }
        }
        // By the columns that are there before and after; a table that is gone took its rows along.
        let mut now = at_version(&MIGRATIONS[..earlier]);
        migrate(&mut now).ok().unwrap();
        let now = tables(&now);
        let kept = tables(&db).into_iter().map(|(table, columns)| {
            let there = &now[&table];
            let still = |name: &String| there.iter().any(|(column, _, _)| column == name);
            let names = columns.into_iter().map(|(name, _, _)| name);
            let columns: Vec<String> = names.filter(still).collect();
            (table, columns)
        });
        let kept: Vec<(String, Vec<String>)> = kept.collect();
        let all = |db: &Connection| -> Vec<Vec<String>> {
            kept.iter().map(|(table, columns)| rows(db, table, columns)).collect()
        };
        let before = all(&db);
        prop_assert!(before.iter().all(|rows| !rows.is_empty()), "every table has rows");
        migrate(&mut db).ok().unwrap();
        for ((before, after), (table, _)) in before.iter().zip(all(&db)).zip(&kept) {
            prop_assert_eq!(before, &after, "{} from version {}", table, earlier);
        }
    }
}
