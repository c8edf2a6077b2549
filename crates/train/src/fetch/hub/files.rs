//! Which of a repository's files a model needs.

use super::name::ModelName;
use crate::fetch::FetchError;

/// Taken where they are there: settings, the tokenizer in any of its forms, the chat template, the pooling of an encoder.
const BESIDE: [&str; 18] = [
    "config.json",
    "generation_config.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "spiece.model",
    "tokenizer.model",
    "sentencepiece.bpe.model",
    "vocab.json",
    "merges.txt",
    "vocab.txt",
    "chat_template.jinja",
    "chat_template.json",
    "modules.json",
    "sentence_bert_config.json",
    "config_sentence_transformers.json",
    "1_Pooling/config.json",
];
/// The two forms of weights that are read, the better first: one file, its shards, their index.
const WEIGHTS: [(&str, &str, &str); 2] = [
    ("model.safetensors", "model-", ".safetensors"),
    ("pytorch_model.bin", "pytorch_model-", ".bin"),
];
/// Files of a repository that a message names.
const NAMED: usize = 12;

/// The files to fetch: those that were asked for, else what a model is made of.
///
/// # Errors
/// A file that was asked for is not there; there are no weights of a form that is read, or not all their shards.
pub(super) fn needed(
    name: &ModelName,
    available: &[String],
    asked: &[String],
) -> Result<Vec<String>, FetchError> {
    let has = |file: &str| available.iter().any(|known| known == file);
    if let Some(missing) = asked.iter().find(|file| !has(file)) {
        return Err(FetchError::NoFile {
            name: name.to_string(),
            file: missing.clone(),
            has: named(available.iter().filter(|file| is_relative(file))),
        });
    }
    if !asked.is_empty() {
        return Ok(asked.to_vec());
    }
    let beside = BESIDE.iter().filter(|file| has(file));
    let mut files: Vec<String> = beside.map(|file| (*file).to_string()).collect();
    files.extend(weights(name, available)?);
    Ok(files)
}

fn weights(name: &ModelName, available: &[String]) -> Result<Vec<String>, FetchError> {
    for (whole, prefix, end) in WEIGHTS {
        if available.iter().any(|file| file == whole) {
            return Ok(vec![whole.to_string()]);
        }
        let index = format!("{whole}.index.json");
        let shard = |file: &&String| count_of_shards(file, prefix, end).is_some();
        let shards: Vec<String> = available.iter().filter(shard).cloned().collect();
        let count = shards
            .first()
            .and_then(|file| count_of_shards(file, prefix, end));
        if count == Some(shards.len()) && available.contains(&index) {
            return Ok([vec![index], shards].concat());
        }
    }
    let gguf: Vec<&String> = available.iter().filter(|file| is_gguf(file)).collect();
    Err(FetchError::NoWeights {
        name: name.to_string(),
        has: match gguf.is_empty() {
            true => format!("it has {}", named(available.iter())),
            false => format!(
                "choose one of its GGUF files with --file: {}",
                named(gguf.into_iter())
            ),
        },
    })
}

/// N of `model-00001-of-0000N.safetensors`.
fn count_of_shards(file: &str, prefix: &str, end: &str) -> Option<usize> {
    let numbers = file.strip_prefix(prefix)?.strip_suffix(end)?;
    let (number, count) = numbers.split_once("-of-")?;
    let is_number = |text: &str| text.len() == 5 && text.bytes().all(|byte| byte.is_ascii_digit());
    (is_number(number) && is_number(count)).then(|| count.parse().ok())?
}

pub(super) fn is_gguf(file: &str) -> bool {
    file.to_ascii_lowercase().ends_with(".gguf")
}

/// Whether a file's name leads nowhere but into its folder.
pub(super) fn is_relative(file: &str) -> bool {
    let plain = |part: &str| !part.is_empty() && part != "." && part != "..";
    file.split('/').all(plain) && !file.contains(['\\', '\0', ':'])
}

fn named<'a>(files: impl Iterator<Item = &'a String>) -> String {
    let mut names: Vec<&str> = files.map(String::as_str).collect();
    let more = names.len().saturating_sub(NAMED);
    names.truncate(NAMED);
    match (names.is_empty(), more) {
        (true, _) => "no files".to_string(),
        (_, 0) => names.join(", "),
        (_, more) => format!("{} and {more} more", names.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(available: &[&str], asked: &[&str]) -> Result<Vec<String>, String> {
        let owned = |files: &[&str]| files.iter().map(|f| f.to_string()).collect::<Vec<_>>();
        let name = "a/b".parse().unwrap();
        needed(&name, &owned(available), &owned(asked)).map_err(|error| error.to_string())
    }

    #[test]
    fn one_form_of_the_weights_is_taken() {
        let all = [
            "README.md",
            "config.json",
            "flax_model.msgpack",
            "model.safetensors",
            "pytorch_model.bin",
        ];
        assert_eq!(
            chosen(&all, &[]).unwrap(),
            ["config.json", "model.safetensors"]
        );
        assert_eq!(
            chosen(&["config.json", "pytorch_model.bin"], &[])
                .unwrap()
                .len(),
            2
        );
    }

    #[test]
    fn shards_are_taken_with_their_index_and_only_whole() {
        let index = "model.safetensors.index.json";
        let shards = [
            "model-00001-of-00002.safetensors",
            "model-00002-of-00002.safetensors",
        ];
        let found = chosen(&[shards[0], shards[1], index, "model-x.safetensors"], &[]).unwrap();
        assert_eq!(found, [index, shards[0], shards[1]]);
        assert!(
            chosen(&[shards[0], index], &[])
                .unwrap_err()
                .contains("no weights")
        );
    }

    #[test]
    fn a_gguf_is_chosen_by_name() {
        let said = chosen(&["README.md", "a-Q4.gguf", "a-Q8.gguf"], &[]).unwrap_err();
        assert!(said.contains("--file: a-Q4.gguf, a-Q8.gguf"), "{said}");
        assert_eq!(
            chosen(&["a-Q4.gguf", "a-Q8.gguf"], &["a-Q8.gguf"]).unwrap(),
            ["a-Q8.gguf"]
        );
        let said = chosen(&["a.gguf"], &["b.gguf"]).unwrap_err();
        assert!(said.contains("has no file b.gguf; it has a.gguf"), "{said}");
    }

    #[test]
    fn names_that_lead_elsewhere_are_known() {
        assert!(is_relative("1_Pooling/config.json"));
        for wrong in ["../a", "/a", "a//b", "a/./b", "a\\b", "c:a", ""] {
            assert!(!is_relative(wrong), "{wrong}");
        }
    }
}
