//! Rows of JSON objects, each of which logs some numbers at a step. Knows no file.

use serde_json::{Map, Value};

use super::line::{self, Line};
use super::{LoggedRun, counted};

/// The most names of fields without a number that are said.
const MOST_NAMES: usize = 20;

/// Adds the values of rows to a run, whose step is the field of that name; what cannot be one is counted in its remarks.
pub(super) fn add(run: &mut LoggedRun, rows: Vec<Map<String, Value>>, step: &'static str) {
    let mut unused = Unused::default();
    let mut without_step = 0;
    for row in rows {
        let mut line = Line::default();
        match (line::numbers(row, &[step], &mut line), line.step) {
            (Ok(()), Some(step)) => {
                for (name, value) in line.values {
                    run.push(&name, (step, value, line.wall_ms));
                }
                unused.add(line.unused);
            }
            _ => without_step += 1,
        }
    }
    if without_step > 0 {
        let rows = counted(without_step, "row has", "rows have");
        let words = format!("{rows} no {step} that is a whole number from 0 on, and left out");
        run.remarks.push(words);
    }
    run.remarks.extend(unused.remark());
}

/// The names of fields that hold no number.
#[derive(Default)]
pub(super) struct Unused {
    names: Vec<String>,
    more: bool,
}

impl Unused {
    pub fn add(&mut self, names: Vec<String>) {
        for name in names {
            if self.names.contains(&name) {
                continue;
            }
            match self.names.len() < MOST_NAMES {
                true => self.names.push(name),
                false => self.more = true,
            }
        }
    }

    pub fn remark(&self) -> Option<String> {
        let more = if self.more { " and others" } else { "" };
        let there = !self.names.is_empty();
        there.then(|| format!("no numbers, and left out: {}{more}", self.names.join(", ")))
    }
}
