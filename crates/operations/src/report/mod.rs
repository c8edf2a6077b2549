//! Result tables as text, tables and plots for papers, curves for other programs. Opens no file and no screen.

pub mod answers;
mod escape;
mod figure;
mod identifiers;
pub mod judging;
pub mod over_seeds;
pub mod page;
pub mod paper;
pub mod provenance;
mod results;
mod sheet;
mod table;
pub mod tables;
pub mod tensorboard;

pub use figure::{Figure, FigureError, FigureLine, LINE_COLOURS, stretches};
pub use identifiers::identifiers_table;
pub use results::{
    CONTROL_COLUMNS, HELD_OUT_COLUMNS, definitions, held_out_figures, results_table,
};
pub use sheet::{SIGNATURE_COLUMN, Sheet, signature_cell, signature_lines};
pub use table::{Align, TextTable};
