//! Tables, figures and curves as files for other programs.

mod curves;
mod files;

use std::path::{Path, PathBuf};

pub use curves::{CurveFormat, ExportedCurves, export_curves};
use files::create;
pub(super) use files::write_new;
pub(super) use files::{check_html_pack, check_pack, make_folder, write_numbered, write_pack};
pub use files::{write, write_judgements};

use super::OperationError;
use crate::report::tables::{Format, Table, TableNumber, TableSelection, gather};
use crate::report::{Figure, Sheet};
use crate::store::{Store, StoreError, StoreReader};

/// The byte order mark, by which Excel knows that a CSV file is UTF-8.
pub const CSV_MARK: &str = "\u{feff}";

/// Files of the same name with different extensions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SavedFiles {
    pub folder: PathBuf,
    /// The requested name, with a number if it was taken.
    pub name: String,
    pub endings: Vec<&'static str>,
}

/// Writes a sheet as CSV, LaTeX and Markdown; nothing is overwritten.
pub fn save_sheet(folder: &Path, name: &str, sheet: &Sheet) -> Result<SavedFiles, OperationError> {
    let files = [
        (".csv", sheet.csv().into_bytes()),
        (".tex", sheet.latex().into_bytes()),
        (".md", sheet.markdown().into_bytes()),
    ];
    save(folder, name, &files)
}

/// Writes a figure as CSV, SVG and PNG; nothing is overwritten.
pub fn save_figure(
    folder: &Path,
    name: &str,
    figure: &Figure,
) -> Result<SavedFiles, OperationError> {
    let files = [
        (".csv", figure.csv().into_bytes()),
        (".svg", figure.svg()?.into_bytes()),
        (".png", figure.png()?),
    ];
    save(folder, name, &files)
}

fn save(
    folder: &Path,
    name: &str,
    files: &[(&'static str, Vec<u8>)],
) -> Result<SavedFiles, OperationError> {
    let endings = files
        .iter()
        .map(|(ending, _)| ending.trim_start_matches('.'));
    Ok(SavedFiles {
        folder: folder.to_path_buf(),
        name: write_numbered(folder, name, files)?,
        endings: endings.collect(),
    })
}

/// Writes a figure into a new file, in the format of its extension: `.svg`, `.png` or `.csv`.
///
/// # Errors
/// The file exists or has another extension; the figure cannot be drawn.
pub fn write_figure(file: &Path, figure: &Figure) -> Result<(), OperationError> {
    let ending = file.extension().and_then(|ending| ending.to_str());
    let bytes = match ending.map(str::to_ascii_lowercase).as_deref() {
        Some("svg") => figure.svg()?.into_bytes(),
        Some("png") => figure.png()?,
        Some("csv") => figure.csv().into_bytes(),
        _ => {
            return Err(OperationError::PlotFormat {
                path: file.to_path_buf(),
            });
        }
    };
    write_new(file, &bytes)
}

/// One of the paper's tables, with the selected runs, systems and studies. Without a store, one is created and the
/// table has the paper's values alone.
///
/// # Errors
/// Something selected does not exist or does not fit the table.
pub fn table(
    store: &Path,
    number: TableNumber,
    chosen: &TableSelection,
) -> Result<Table, OperationError> {
    let reader = match StoreReader::open(store) {
        Err(StoreError::Missing { .. }) => Store::open(store)?.reader()?,
        opened => opened?,
    };
    Ok(gather(&reader, number, chosen)?)
}

/// Writes a table in every format into a folder; nothing is overwritten. Returns the files' common path without
/// extension.
pub fn save_table(folder: &Path, table: &Table) -> Result<PathBuf, OperationError> {
    let files = Format::FILES.map(|(format, _)| {
        let ending = format!(".{}", format.ending());
        (ending, table.write(format).into_bytes())
    });
    let name = write_numbered(folder, &table.file_stem(), &files)?;
    Ok(folder.join(name))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_second_export_of_the_same_name_overwrites_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let mut sheet = Sheet::new("Runs", vec![("Run".to_string(), true)]);
        sheet.row(["1".to_string()]);
        let first = save_sheet(dir.path(), "runs", &sheet).unwrap();
        assert_eq!(
            (&*first.name, &*first.endings),
            ("runs", &["csv", "tex", "md"][..])
        );
        let before = fs::read(dir.path().join("runs.csv")).unwrap();
        // One file of the name is enough to leave it alone.
        fs::remove_file(dir.path().join("runs.tex")).unwrap();
        sheet.row(["2".to_string()]);
        assert_eq!(
            save_sheet(dir.path(), "runs", &sheet).unwrap().name,
            "runs-2"
        );
        assert_eq!(
            save_sheet(dir.path(), "runs", &sheet).unwrap().name,
            "runs-3"
        );
        assert_eq!(fs::read(dir.path().join("runs.csv")).unwrap(), before);
        assert!(!dir.path().join("runs.tex").exists());
    }
}
