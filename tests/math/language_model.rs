//! A language model reads rows of tokens: all at once, or a response token by token after its context.

use crate::t5_support::{
    device, expected, fixture, largest_difference, model, padded, rows, values,
};
use emprl::nn::adapter::Adapter;
use emprl::nn::prefix::{Prefix, PrefixConfig};
use emprl::nn::{Dropout, LanguageModel, LanguageModelConfig};

const FOLDERS: [&str; 2] = ["t5_relu_tied", "t5_gated_untied"];

fn contexts(folder: &str) -> Vec<Vec<u32>> {
    rows(&expected()[folder]["sources"])
}

fn responses() -> Vec<Vec<u32>> {
    vec![vec![7, 30, 2, 59, 1], vec![8, 1], vec![], vec![2, 3, 4]]
}

#[test]
fn a_folder_is_read_by_what_its_config_says_it_is() {
    for folder in FOLDERS {
        let path = fixture(folder);
        let read = LanguageModel::load(&path, &device()).expect("the fixture is a model");
        let config = LanguageModelConfig::read(&path).expect("the fixture is a model");
        assert_eq!(
            (read.config(), config.architecture()),
            (config.clone(), "T5")
        );
        assert_eq!(read.shape(), model(folder).config().shape());
        assert_eq!(
            (read.eos_token_ids(), config.context_end()),
            (&[1][..], Some(1))
        );
    }
}

#[test]
fn rows_are_padded_and_shifted_as_t5_reads_them() {
    for folder in FOLDERS {
        let (t5, contexts) = (model(folder), contexts(folder));
        let prefix = Prefix::new(
            &PrefixConfig {
                encoder: 4,
                decoder: 3,
                cross: 2,
                hidden: 8,
            },
            &t5.config().shape(),
            &device(),
            9,
        );
        let vectors = prefix.vectors();
        let adapter = Adapter::Prefix(prefix).weights();
        for (vectors, adapter) in [(None, None), (Some(&vectors), Some(&adapter))] {
            let (ids, mask) = padded(&contexts, 0, 0);
            let encoded = t5.encode(ids, &mask, vectors, &mut Dropout::off());
            let inputs = [vec![0, 7, 30, 2, 59], vec![0, 8], vec![], vec![0, 2, 3]];
            let (ids, _) = padded(&inputs, 0, 0);
            let known = t5.decode(ids, &encoded, &mask, vectors, &mut Dropout::off());
            let model = LanguageModel::T5(t5.clone());
            let found = model.forward(&contexts, &responses(), adapter, &mut Dropout::off());
            assert_eq!(values(found), values(known), "{folder}");
        }
    }
}

#[test]
fn a_response_may_go_on_from_any_rows_of_its_beginning() {
    for folder in FOLDERS {
        let contexts = contexts(folder);
        let model = LanguageModel::T5(model(folder));
        let tokens = [[5, 6, 7, 8, 9], [2, 2, 11, 12, 3]];
        // Two responses to the last context and one to the first, then only the second of them.
        let (rows, words) = ([3, 3, 0], [tokens[0], tokens[1], tokens[1]]);
        let asked: Vec<&[u32]> = rows.iter().map(|&row| contexts[row].as_slice()).collect();
        let whole = model.forward(&asked, &words, None, &mut Dropout::off());
        let mut generation = model.start(&contexts, None).select(&rows);
        let mut hidden = generation.first.clone();
        let mut kept = vec![0, 1, 2];
        let word = |row: usize, at: usize| words[row][at];
        for at in 0..whole.dims()[1] {
            let expected = whole.clone().narrow(1, at, 1);
            let expected: Vec<f32> = kept
                .iter()
                .flat_map(|&row| values(expected.clone().narrow(0, row, 1)))
                .collect();
            assert!(
                largest_difference(&values(hidden), &expected) < 1e-4,
                "{folder} at {at}"
            );
            if at == 1 {
                kept = vec![1];
                generation = generation.select(&kept);
            }
            let next: Vec<u32> = kept.iter().map(|&row| word(row, at)).collect();
            hidden = model.next(&next, &mut generation, None);
        }
    }
}
