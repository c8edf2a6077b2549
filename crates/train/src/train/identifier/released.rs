//! The identifiers that the paper's authors released: PyTorch's files with weights alone, one for each mechanism.

use std::path::{Path, PathBuf};

use burn::tensor::Device;

use crate::data::Mechanism;
use crate::experiment::{Config, SCRATCH};
use crate::nn::identifier::{AttentionConfig, Head, Identifier, IdentifierConfig, Pooling};
use crate::nn::t5::T5Config;
use crate::nn::weights::WeightsFile;
use crate::text::Tokenizer;
use crate::train::base::Base;
use crate::train::error::TrainError;
use crate::train::identifier_set::IdentifierSet;
use crate::train::pair_tokenizer::PairTokenizer;

/// The folder of each mechanism's `model.pt` in the released `saved/empathy`, as `rewards.py` there names them.
const FOLDERS: [&str; 3] = ["1667030885", "1667016350", "1667009478"];
/// A tensor that only the larger head has.
const SECOND_LAYER: &str = "classifier.3.weight";

/// The file of each mechanism in `folder`: `emotional_reaction.pt` and so on, or as they were released.
pub fn files(folder: &Path) -> Option<[PathBuf; 3]> {
    let named = Mechanism::ALL.map(|mechanism| folder.join(format!("{}.pt", mechanism.key())));
    let released = FOLDERS.map(|name| folder.join(name).join("model.pt"));
    let are_there = |files: &[PathBuf; 3]| files.iter().all(|file| file.is_file());
    [named, released].into_iter().find(are_there)
}

/// The shape of the identifiers in these files: that of the T5 they stand on, with the head that they have.
///
/// # Errors
/// That T5 is not named, or a file cannot be read.
pub fn network(
    folder: &Path,
    files: &[PathBuf; 3],
    config: &Config,
) -> Result<IdentifierConfig, TrainError> {
    let (encoder, _) = encoder(folder, config)?;
    shape(encoder, files)
}

/// Reads the identifiers in these files.
///
/// # Errors
/// The T5 that they stand on is not named or has another shape; a file cannot be read.
pub fn load(
    folder: &Path,
    files: &[PathBuf; 3],
    config: &Config,
    device: &Device,
) -> Result<IdentifierSet, TrainError> {
    let (encoder, tokenizer) = encoder(folder, config)?;
    let network = shape(encoder, files)?;
    let identifiers = files
        .iter()
        .map(|file| Identifier::load(&network, file, device))
        .collect::<Result<Vec<_>, _>>()?;
    let settings = &config.identifiers;
    let (max_context, max_response) = (settings.max_context, settings.max_response);
    let tokenizer = PairTokenizer::new(tokenizer, &network, max_context, max_response);
    Ok(IdentifierSet::new(identifiers, network, tokenizer))
}

/// Files do not say how they pool: the released code, whose head has two layers, takes the mean, the paper the largest.
fn shape(encoder: T5Config, files: &[PathBuf; 3]) -> Result<IdentifierConfig, TrainError> {
    let (pooling, head) = match WeightsFile::open(&files[0])?.contains(SECOND_LAYER) {
        true => (Pooling::Mean, Head::Mlp),
        false => (Pooling::Max, Head::Linear),
    };
    Ok(IdentifierConfig::Attention(AttentionConfig {
        encoder,
        pooling,
        head,
    }))
}

/// Shape and tokenizer of the T5 that they stand on: beside them, else the identifiers' encoder, else the run's model.
fn encoder(folder: &Path, config: &Config) -> Result<(T5Config, Tokenizer), TrainError> {
    let beside = folder.join("config.json").is_file().then_some(folder);
    let model = Path::new(&config.model.source);
    let own = (config.model.source != SCRATCH && model.is_dir()).then_some(model);
    let missing = || TrainError::ReleasedWithoutT5 {
        path: folder.to_path_buf(),
    };
    let named = beside.or(config.identifiers.encoder_folder()).or(own);
    let base = Base::read(named.ok_or_else(missing)?)?;
    let t5 = base.config.t5().ok_or_else(missing)?;
    Ok((t5.clone(), Tokenizer::clone(&base.tokenizer)))
}
