//! The texts of a run, and its dialogues as tokens.

use std::path::Path;

use rand::seq::SliceRandom;
use rayon::prelude::*;

use super::error::TrainError;
use super::model_tokenizer::ModelTokenizer;
use super::seed::{Draw, stream};
use crate::data::preferences::PreferenceSet;
use crate::data::{DialogueSet, Example, Half, LevelSet, library};
use crate::experiment::{Config, DataSettings, EvaluationSettings, PairsChoice, SubsetChoice};
use crate::text::chat::with_room;

/// Examples that a core encodes at a time.
const ENCODED_AT_ONCE: usize = 256;

/// An example with its tokens.
#[derive(Clone, Debug)]
pub struct Encoded {
    pub example: Example,
    /// Context, cut from the left, as the model reads it.
    pub source: Vec<u32>,
    /// Target response, cut from the right, with the token that ends it.
    pub target: Vec<u32>,
}

/// The data sets that a run's stages read.
pub struct Texts {
    pub dialogues: Option<DialogueSet>,
    pub levels: Option<LevelSet>,
    pub preferences: Option<PreferenceSet>,
}

impl Texts {
    /// # Errors
    /// A data set is missing or damaged.
    pub fn open(config: &Config, store: &Path) -> Result<Self, TrainError> {
        let dialogues = || library::open_dialogues(store, &config.data.dialogues);
        let levels = || labelled_pairs(config, store, config.identifiers.pairs);
        let preferences = || library::open_preferences(store, &config.data.preferences);
        Ok(Texts {
            dialogues: config.reads_dialogues().then(dialogues).transpose()?,
            levels: config.reads_levels().then(levels).transpose()?,
            preferences: config.reads_preferences().then(preferences).transpose()?,
        })
    }
}

/// The labelled pairs that the settings name, or a half of them.
///
/// # Errors
/// The set is missing or damaged, or the half is empty.
pub fn labelled_pairs(
    config: &Config,
    store: &Path,
    pairs: PairsChoice,
) -> Result<LevelSet, TrainError> {
    let mut set = library::open_levels(store, &config.data.levels)?;
    set.pairs.retain(|pair| match pairs {
        PairsChoice::All => true,
        PairsChoice::FirstHalf => pair.half() == Half::First,
        PairsChoice::SecondHalf => pair.half() == Half::Second,
    });
    if set.pairs.is_empty() {
        return Err(TrainError::Empty {
            what: format!("the chosen half of {}", set.name),
            fix: "import a set of more seeker posts, or set identifiers.pairs to \"all\"".into(),
        });
    }
    Ok(set)
}

/// The dialogues of a run as tokens; empty if no stage reads any.
#[derive(Clone, Debug, Default)]
pub struct Material {
    pub train: Vec<Encoded>,
    pub validation: Vec<Encoded>,
    pub test: Vec<Encoded>,
}

impl Material {
    /// Draws as many examples as the settings say and encodes them.
    pub fn prepare(
        set: Option<&DialogueSet>,
        settings: &DataSettings,
        run_seed: u64,
        tokenizer: &ModelTokenizer,
    ) -> Result<Self, TrainError> {
        let Some(set) = set else {
            return Ok(Material::default());
        };
        let part = |examples: &[Example], limit: usize, row: u64, what: &str| {
            let mut order: Vec<usize> = (0..examples.len()).collect();
            if limit > 0 && limit < examples.len() {
                order.shuffle(&mut stream(run_seed, Draw::Subset, 0, row));
                order.truncate(limit);
                order.sort_unstable();
            }
            if order.is_empty() {
                return Err(TrainError::Empty {
                    what: format!("the {what} split of {}", set.name),
                    fix: "import the data set again".into(),
                });
            }
            let encoded = order.par_chunks(ENCODED_AT_ONCE).map(|part| {
                let encode = |index: &usize| encode(&examples[*index], settings, tokenizer);
                with_room(|| part.iter().map(encode).collect::<Result<Vec<_>, _>>())
            });
            Ok(encoded.collect::<Result<Vec<_>, TrainError>>()?.concat())
        };
        Ok(Material {
            train: part(&set.train, settings.train_limit, 0, "train")?,
            validation: part(&set.validation, settings.validation_limit, 1, "validation")?,
            test: part(&set.test, settings.test_limit, 2, "test")?,
        })
    }
}

/// The validation examples that an evaluation during training answers, in their own order: so many, drawn by the
/// run's seed or the first ones. All, where there are no more.
pub fn validation_subset(
    validation: &[Encoded],
    settings: &EvaluationSettings,
    run_seed: u64,
) -> Vec<Encoded> {
    let mut order: Vec<usize> = (0..validation.len()).collect();
    if settings.subset_by == SubsetChoice::Seed {
        order.shuffle(&mut stream(run_seed, Draw::Subset, 0, 3));
    }
    order.truncate(settings.subset);
    order.sort_unstable();
    order.into_iter().map(|at| validation[at].clone()).collect()
}

fn encode(
    example: &Example,
    settings: &DataSettings,
    tokenizer: &ModelTokenizer,
) -> Result<Encoded, TrainError> {
    Ok(Encoded {
        source: tokenizer.context(example.turns(), settings.max_source)?,
        target: tokenizer.response(&example.target, settings.max_target),
        example: example.clone(),
    })
}

/// Training pairs of source and target tokens.
pub trait PairSource {
    /// A length for each pair, so that pairs of similar length share a batch.
    fn lengths(&self) -> Vec<usize>;
    /// The pairs at `indices`, as seen in `epoch`.
    fn pairs(&self, indices: &[usize], epoch: u64) -> (Vec<Vec<u32>>, Vec<Vec<u32>>);
}

impl PairSource for Vec<Encoded> {
    fn lengths(&self) -> Vec<usize> {
        self.iter()
            .map(|pair| pair.source.len() + pair.target.len())
            .collect()
    }

    fn pairs(&self, indices: &[usize], _epoch: u64) -> (Vec<Vec<u32>>, Vec<Vec<u32>>) {
        indices
            .iter()
            .map(|&index| (self[index].source.clone(), self[index].target.clone()))
            .unzip()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn validation(count: usize) -> Vec<Encoded> {
        let example = |at: usize| Example {
            conversation: format!("c{at}"),
            turn: 2,
            emotion: String::new(),
            situation: String::new(),
            context: vec!["hello".to_string()],
            roles: Vec::new(),
            target: "hi".to_string(),
        };
        let encoded = |at| Encoded {
            example: example(at),
            source: vec![1],
            target: vec![1],
        };
        (0..count).map(encoded).collect()
    }

    fn drawn(subset: usize, subset_by: SubsetChoice, seed: u64) -> Vec<String> {
        let settings = EvaluationSettings {
            subset,
            subset_by,
            ..EvaluationSettings::default()
        };
        let subset = validation_subset(&validation(40), &settings, seed);
        subset
            .into_iter()
            .map(|of| of.example.conversation)
            .collect()
    }

    #[test]
    fn halves_share_no_seeker_post_and_leave_none_out() {
        let config = Config {
            data: DataSettings {
                levels: library::BUILTIN.into(),
                ..DataSettings::default()
            },
            ..Config::default()
        };
        let pairs = |choice: PairsChoice| {
            let set = labelled_pairs(&config, Path::new(""), choice).unwrap();
            set.pairs
        };
        let posts = |choice| -> BTreeSet<String> {
            let pairs = pairs(choice);
            pairs.into_iter().map(|pair| pair.seeker_id).collect()
        };
        let (first, second) = (PairsChoice::FirstHalf, PairsChoice::SecondHalf);
        assert!(posts(first).is_disjoint(&posts(second)));
        assert!(
            posts(first).len().abs_diff(posts(second).len()) < posts(PairsChoice::All).len() / 4
        );
        let all = pairs(PairsChoice::All);
        assert_eq!(pairs(first).len() + pairs(second).len(), all.len());
        assert_eq!(first.others(), second);
        assert_eq!(second.others(), first);
        assert_eq!(PairsChoice::All.others(), PairsChoice::All);
    }

    #[test]
    fn the_validation_subset_is_drawn_by_seed_or_the_first() {
        let by_seed = drawn(10, SubsetChoice::Seed, 1);
        assert_eq!(by_seed, drawn(10, SubsetChoice::Seed, 1));
        assert_ne!(by_seed, drawn(10, SubsetChoice::Seed, 2));
        assert_ne!(by_seed, drawn(10, SubsetChoice::First, 1));
        assert_eq!(by_seed.len(), 10);
        let first: Vec<String> = (0..10).map(|at| format!("c{at}")).collect();
        assert_eq!(drawn(10, SubsetChoice::First, 1), first);
        let all = drawn(99, SubsetChoice::First, 1);
        assert_eq!(drawn(99, SubsetChoice::Seed, 1), all, "there are no more");
    }
}
