//! The files of a Hugging Face folder beside the weights, and folders that are no model.

use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::WeightsError;

/// Bytes of a JSON file. The index of the largest published T5 has 200 KB.
const LARGEST_DOCUMENT: u64 = 10_000_000;

/// The content of a JSON file.
pub(in crate::nn) fn document(path: &Path) -> Result<Value, WeightsError> {
    let mut bytes = Vec::new();
    File::open(path)
        .and_then(|file| file.take(LARGEST_DOCUMENT + 1).read_to_end(&mut bytes))
        .map_err(WeightsError::io(path))?;
    let foreign = |problem: String| WeightsError::Foreign {
        path: path.to_path_buf(),
        problem,
    };
    if bytes.len() as u64 > LARGEST_DOCUMENT {
        return Err(foreign(format!("is longer than {LARGEST_DOCUMENT} bytes")));
    }
    if bytes.starts_with(super::read::POINTER) {
        return Err(WeightsError::pointer(path));
    }
    serde_json::from_slice(&bytes).map_err(|error| foreign(error.to_string()))
}

/// Refuses a folder that is no model of its own, or that has its model one floor down.
pub(in crate::nn) fn refuse_other_folders(folder: &Path) -> Result<(), WeightsError> {
    let adapter = folder.join("adapter_config.json");
    if adapter.is_file() {
        let json = document(&adapter)?;
        let word = |field: &str| json[field].as_str().unwrap_or("?").to_string();
        return Err(WeightsError::Unsupported {
            path: adapter,
            problem: format!(
                "the folder has a PEFT adapter ({} for {}), not a whole model",
                word("peft_type"),
                word("base_model_name_or_path")
            ),
            fix: "merge it in Python, model.merge_and_unload().save_pretrained(folder), and give that folder".into(),
        });
    }
    if !folder.join("config.json").is_file()
        && let Some(inside) = model_inside(folder)
    {
        return Err(WeightsError::Missing {
            path: folder.join("config.json"),
            fix: format!("give the folder that has it: {}", inside.display()),
        });
    }
    Ok(())
}

/// The last of the model folders that a trainer, or Hugging Face's cache, keeps in a folder.
fn model_inside(folder: &Path) -> Option<PathBuf> {
    let folders = |folder: &Path| {
        let entries = fs::read_dir(folder).into_iter().flatten().flatten();
        entries.map(|entry| entry.path())
    };
    let mut found: Vec<PathBuf> = folders(folder)
        .chain(folders(&folder.join("snapshots")))
        .filter(|inside| inside.join("config.json").is_file())
        .collect();
    // checkpoint-500 before checkpoint-1000.
    found.sort_by_key(|path| (path.as_os_str().len(), path.clone()));
    found.pop()
}
