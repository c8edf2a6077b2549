//! The place Tables.

use super::Core;
use crate::app::jobs::Lane;
use crate::operations::exports;

impl Core {
    pub fn load_table(&mut self) {
        let tables = &mut self.state.people.tables;
        let (table, chosen) = (tables.table, tables.chosen());
        let key = (table, chosen.clone());
        let pending = self.jobs.ask(Lane::Studies, move |context| {
            Ok(Box::new(exports::table(context.dir(), table, &chosen)?))
        });
        tables.made.load(key, pending);
    }

    /// Writes the chosen table in every format into the store's folder `tables`.
    pub fn save_table(&mut self) {
        let tables = &self.state.people.tables;
        let (table, chosen) = (tables.table, tables.chosen());
        let key = (table, chosen.clone());
        self.ask_then(
            Lane::Studies,
            move |context| {
                let made = exports::table(context.dir(), table, &chosen)?;
                Ok(exports::save_table(&context.dir().join("tables"), &made)?)
            },
            |core, stem| {
                let tables = &mut core.state.people.tables;
                match stem {
                    Ok(stem) => {
                        let words = format!("Written to {}.tex, .md and .csv", stem.display());
                        tables.notice = Some(words);
                    }
                    Err(why) => tables.made.put(key, Err(why)),
                }
            },
        );
    }
}
