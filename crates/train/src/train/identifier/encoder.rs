//! What the identifiers of a run stand on: the run's own model, or an encoder of a folder.

use std::path::Path;

use burn::tensor::Device;

use crate::experiment::{
    Config, HeadChoice, IdentifierInit, IdentifierSettings, PoolingChoice, Problem,
};
use crate::nn::bert::{BertConfig, BertEncoder};
use crate::nn::identifier::{
    AttentionConfig, AttentionIdentifier, Head, Identifier, IdentifierConfig, PairConfig,
    PairEncoder, PairEncoderConfig, PairIdentifier, Pooling,
};
use crate::nn::t5::T5;
use crate::nn::{LanguageModel, LanguageModelConfig, WeightsError};
use crate::text::Tokenizer;
use crate::train::base::{self, Base};
use crate::train::error::TrainError;
use crate::train::pair_tokenizer::PairTokenizer;

/// Width of the encoders, such as T5-base and BERT-base, that the default learning rate of 2e-5 suits.
const SUITED_WIDTH: usize = 768;
/// The learning rate of all-MiniLM-L6-v2, 384 wide (experiments/identifiers-minilm.toml).
const SMALL_BERT_LR: f64 = 1e-4;

/// The run's own model, as identifiers start from it, and its tokenizer.
#[derive(Clone, Copy)]
pub struct OwnModel<'a> {
    pub model: &'a LanguageModel,
    pub tokenizer: &'a Tokenizer,
}

/// An encoder with its tokenizer.
pub struct Encoder {
    /// The identifiers that are trained on it.
    pub network: IdentifierConfig,
    pub tokenizer: PairTokenizer,
    /// In training.
    pub dropout: f64,
    start: Start,
}

/// What the encoder of an identifier starts as.
enum Start {
    Random,
    T5(T5),
    Pair(PairEncoder),
}

/// The shape of identifiers, by the settings of a run with a model of its own; `None` where no stage reads one.
///
/// # Errors
/// That model cannot be the encoder that the settings ask for; a folder cannot be read; a setting does not suit the
/// encoder.
pub fn network(
    settings: &IdentifierSettings,
    own: Option<&LanguageModelConfig>,
) -> Result<IdentifierConfig, TrainError> {
    let network = match (settings.encoder_folder(), own) {
        (Some(folder), _) if BertConfig::is_meant_by(folder)? => {
            let bert = BertConfig::read(folder)?;
            pair(settings, PairEncoderConfig::Bert(bert))
        }
        (Some(folder), _) => of_model(settings, base::config(folder)?),
        (None, Some(model)) if settings.stands_on_policy() || model.t5().is_some() => {
            of_model(settings, model.clone())
        }
        (None, model) => {
            return Err(TrainError::NoEncoder {
                encoder: settings.encoder.clone(),
                architecture: model.map(LanguageModelConfig::architecture),
            });
        }
    };
    refuse_unsuited(settings, &network)?;
    Ok(network)
}

fn of_model(settings: &IdentifierSettings, model: LanguageModelConfig) -> IdentifierConfig {
    match model {
        LanguageModelConfig::T5(encoder) => IdentifierConfig::Attention(AttentionConfig {
            encoder,
            pooling: pooling(settings),
            head: head(settings),
        }),
        LanguageModelConfig::Llama(decoder) => {
            pair(settings, PairEncoderConfig::Llama(decoder.without_head()))
        }
    }
}

fn pair(settings: &IdentifierSettings, encoder: PairEncoderConfig) -> IdentifierConfig {
    IdentifierConfig::Pair(PairConfig {
        encoder,
        pooling: pooling(settings),
        head: head(settings),
    })
}

fn pooling(settings: &IdentifierSettings) -> Pooling {
    match settings.pooling {
        PoolingChoice::Max => Pooling::Max,
        PoolingChoice::Mean => Pooling::Mean,
        PoolingChoice::Cls => Pooling::Cls,
    }
}

fn head(settings: &IdentifierSettings) -> Head {
    match settings.head {
        HeadChoice::Linear => Head::Linear,
        HeadChoice::Mlp => Head::Mlp,
    }
}

fn refuse_unsuited(
    settings: &IdentifierSettings,
    network: &IdentifierConfig,
) -> Result<(), TrainError> {
    let refuse = |path: &str, message: String| {
        Err(TrainError::Unsuited(Problem {
            path: path.into(),
            message,
        }))
    };
    if let (IdentifierConfig::Attention(_), PoolingChoice::Cls) = (network, settings.pooling) {
        let message =
            "is \"cls\", and T5 has no token that stands for a text; use \"max\" or \"mean\"";
        return refuse("identifiers.pooling", message.into());
    }
    let longest = settings.max_context + settings.max_response;
    match network.longest() {
        Some(most) if longest > most => refuse(
            "identifiers.max_context",
            format!(
                "and identifiers.max_response are {longest} tokens together, and the encoder reads {most} at most"
            ),
        ),
        _ => Ok(()),
    }
}

impl Encoder {
    /// Reads what the settings name, or takes the run's own model.
    ///
    /// # Errors
    /// As [`network`]; weights or tokenizer cannot be read.
    pub fn open(
        config: &Config,
        own: Option<OwnModel<'_>>,
        device: &Device,
    ) -> Result<Self, TrainError> {
        let settings = &config.identifiers;
        let shape = own.map(|own| own.model.config());
        let network = network(settings, shape.as_ref())?;
        let (start, tokenizer, dropout) = match (settings.encoder_folder(), own) {
            (Some(folder), _) => read(folder, &network, device)?,
            (None, Some(own)) => {
                let start = match settings.init {
                    IdentifierInit::Random => Start::Random,
                    _ => Start::of(own.model.clone()),
                };
                (start, own.tokenizer.clone(), config.model.dropout)
            }
            (None, None) => {
                return Err(TrainError::NoEncoder {
                    encoder: settings.encoder.clone(),
                    architecture: None,
                });
            }
        };
        let (max_context, max_response) = (settings.max_context, settings.max_response);
        Ok(Encoder {
            tokenizer: PairTokenizer::new(tokenizer, &network, max_context, max_response),
            network,
            dropout,
            start,
        })
    }

    /// What a person should know of a learning rate that was chosen for larger encoders than this.
    pub fn doubtful_rate(&self, lr: f64) -> Option<String> {
        let IdentifierConfig::Pair(pair) = &self.network else {
            return None;
        };
        let is_bert = matches!(pair.encoder, PairEncoderConfig::Bert(_));
        let width = pair.encoder.width();
        (is_bert && width < SUITED_WIDTH && lr < SMALL_BERT_LR / 2.0).then(|| {
            format!(
                "identifiers.lr is {lr:e}, chosen for encoders {SUITED_WIDTH} wide; this one is {width} wide, and {SMALL_BERT_LR:e} may suit it better, as in experiments/identifiers-minilm.toml"
            )
        })
    }

    /// An identifier before its first step; what it does not take from the encoder is drawn by seed.
    pub fn identifier(&self, device: &Device, seed: u64) -> Identifier {
        match (&self.network, &self.start) {
            (IdentifierConfig::Attention(config), Start::T5(t5)) => {
                let identifier = AttentionIdentifier::new(config, device, seed);
                identifier.with_encoders_of(t5).into()
            }
            (IdentifierConfig::Pair(config), Start::Pair(encoder)) => {
                PairIdentifier::starting_from(encoder, config, device, seed).into()
            }
            (network, _) => Identifier::new(network, device, seed),
        }
    }
}

impl Start {
    fn of(model: LanguageModel) -> Self {
        match model {
            LanguageModel::T5(t5) => Start::T5(t5),
            LanguageModel::Llama(llama) => Start::Pair(PairEncoder::Llama(llama.without_head())),
        }
    }
}

/// The encoder of a folder, its tokenizer, and the dropout that it was trained with.
fn read(
    folder: &Path,
    network: &IdentifierConfig,
    device: &Device,
) -> Result<(Start, Tokenizer, f64), TrainError> {
    let IdentifierConfig::Pair(PairConfig {
        encoder: PairEncoderConfig::Bert(config),
        ..
    }) = network
    else {
        let base = Base::read(folder)?;
        let dropout = match &base.config {
            LanguageModelConfig::T5(config) => config.dropout_rate,
            LanguageModelConfig::Llama(config) => config.attention_dropout,
        };
        let tokenizer = Tokenizer::clone(&base.tokenizer);
        return Ok((Start::of(base.model(device)?), tokenizer, dropout));
    };
    let tokenizer = bert_tokenizer(folder, config)?;
    let bert = PairEncoder::Bert(BertEncoder::load(folder, device)?);
    Ok((Start::Pair(bert), tokenizer, config.hidden_dropout_prob))
}

/// The tokenizer of an encoder's folder.
///
/// # Errors
/// It, or the configuration, is missing or damaged, or the two do not belong together.
pub fn encoder_tokenizer(folder: &Path) -> Result<Tokenizer, TrainError> {
    match BertConfig::is_meant_by(folder)? {
        true => bert_tokenizer(folder, &BertConfig::read(folder)?),
        false => Ok(Tokenizer::clone(&Base::read(folder)?.tokenizer)),
    }
}

fn bert_tokenizer(folder: &Path, config: &BertConfig) -> Result<Tokenizer, TrainError> {
    let (rows, tokenizer) = (
        config.vocab_size,
        Tokenizer::from_folder(folder, config.vocab_size)?,
    );
    let tokens = tokenizer.vocab_size();
    if tokens > rows {
        return Err(TrainError::Weights(WeightsError::Unsupported {
            path: folder.join("config.json"),
            problem: format!("`vocab_size` is {rows} where tokenizer.json has {tokens} tokens"),
            fix: "give the tokenizer that the model was trained with".into(),
        }));
    }
    Ok(tokenizer)
}
