//! A run that is stopped or killed, anywhere and as often as one likes, ends as one that never was: the
//! same metrics, samples, results and files, bit for bit. And a run is told by its file and its seed.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::Path;

use emprl::experiment::{
    Change, Config, EventKind, IdentifierInit, KlControlChoice, LrSchedule, Report, Stage, Tuning,
};
use emprl::metrics::declared;
use emprl::train::checkpoint::Checkpoints;
use emprl::train::observer::{Directive, Observer};
use emprl::train::pipeline;
use emprl::train::session::Ended;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// Figures of the clock and the machine, which no run has twice.
const OF_THE_MOMENT: [&str; 8] = [
    declared::DPO_TOKENS_PER_SECOND,
    declared::GENERATOR_TOKENS_PER_SECOND,
    declared::PRETRAINING_TOKENS_PER_SECOND,
    declared::PPO_TOKENS_PER_SECOND,
    declared::ROLLOUT_SECONDS,
    declared::REWARD_SECONDS,
    declared::UPDATE_SECONDS,
    declared::RESIDENT_MEMORY,
];

/// All five stages in a few steps each, with everything on that moves from step to step.
fn settings() -> Config {
    let mut config = crate::quickstart_support::tiny();
    config.run.device = crate::device_support::device_name();
    config.run.stages = vec![
        Stage::Pretraining,
        Stage::Identifiers,
        Stage::Generator,
        Stage::Ppo,
        Stage::Evaluation,
    ];
    config.run.checkpoint_every = 3;
    config.data.train_limit = 14;
    config.data.validation_limit = 8;
    config.data.test_limit = 6;
    config.pretraining.steps = 7;
    config.pretraining.batch = 64;
    config.identifiers.init = IdentifierInit::Pretraining;
    config.identifiers.batch = 256;
    config.identifiers.epochs = 3;
    config.identifiers.patience = 1;
    config.identifiers.max_context = 12;
    config.identifiers.max_response = 12;
    config.generator.tuning = Tuning::Both;
    config.generator.batch = 4;
    config.generator.epochs = 3;
    config.generator.validate_every = 2;
    config.generator.lr_schedule = LrSchedule::Linear;
    config.prefix.encoder = 4;
    config.prefix.decoder = 3;
    config.prefix.hidden = 16;
    config.ppo.tuning = Tuning::Prefix;
    config.ppo.steps = 9;
    config.ppo.batch = 4;
    config.ppo.minibatches = 2;
    config.ppo.epochs = 2;
    config.ppo.evaluate_every = 4;
    config.ppo.lr_schedule = LrSchedule::Linear;
    config.reward.kl_control = KlControlChoice::Adaptive;
    config.reward.kl_horizon = 50.0;
    config.reward.scale_scores = true;
    config.reward.normalise_scores = true;
    config.evaluation.subset = 5;
    config.evaluation.samples = 3;
    config
}

/// The same from a generator without prefix, all of it trained by PPO.
fn settings_of_full_tuning() -> Config {
    let mut config = settings();
    config.run.stages = vec![
        Stage::Identifiers,
        Stage::Generator,
        Stage::Ppo,
        Stage::Evaluation,
    ];
    config.identifiers.init = IdentifierInit::Random;
    config.generator.tuning = Tuning::Full;
    config.ppo.tuning = Tuning::Full;
    config.ppo.minibatches = 1;
    config.model.tied = false;
    config
}

/// The same with DPO in the place of PPO, and the best of several responses.
fn settings_of_preferences() -> Config {
    let mut config = settings_of_full_tuning();
    config.run.stages[2] = Stage::Dpo;
    config.generator.tuning = Tuning::Both;
    config.dpo.tuning = Tuning::Prefix;
    config.dpo.batch = 5;
    config.dpo.lr = 1e-2;
    config.dpo.epochs = 2;
    config.dpo.evaluate_every = 3;
    config.dpo.label_smoothing = 0.1;
    config.evaluation.best_of = 2;
    config
}

/// A run whose policy is trained by `stage`: GRPO in parts of a batch, RLOO from a group of two.
fn settings_of_groups(stage: Stage) -> Config {
    let mut config = settings_of_full_tuning();
    config.run.stages = vec![
        Stage::Identifiers,
        Stage::Generator,
        stage,
        Stage::Evaluation,
    ];
    config.generator.tuning = Tuning::Both;
    config.reward.kl_control = KlControlChoice::Fixed;
    config.grpo.tuning = Tuning::Prefix;
    config.grpo.steps = 7;
    config.grpo.batch = 2;
    config.grpo.num_generations = 3;
    config.grpo.num_iterations = 2;
    config.grpo.gradient_accumulation_steps = 2;
    config.grpo.beta = 0.1;
    config.grpo.lr = 1e-3;
    config.grpo.evaluate_every = 4;
    config.rloo.tuning = Tuning::Both;
    config.rloo.steps = 7;
    config.rloo.batch = 3;
    config.rloo.lr = 1e-3;
    config.rloo.evaluate_every = 4;
    config
}

/// What happens to a run after one of its steps.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Blow {
    /// It is asked to stop, and saves a checkpoint.
    Stop,
    /// It is gone at once; what it did since its last checkpoint is done again.
    Kill,
}

/// What a kill unwinds with.
struct Killed;

/// Everything that a run said, by stage and step.
#[derive(Debug, Default, PartialEq)]
struct Record {
    /// Metrics by their bits.
    metrics: BTreeMap<(Stage, u64, String), u64>,
    samples: BTreeMap<(Stage, u64), String>,
    rollouts: BTreeMap<(Stage, u64), String>,
    results: BTreeMap<String, String>,
    identifiers: String,
}

/// Keeps the record, and deals the blow after a number of steps.
struct Keeper<'a> {
    record: &'a mut Record,
    left: u64,
    blow: Blow,
    /// The stage, and after how many steps it asked what to do since it began or went on.
    at: Option<(Stage, u64)>,
    /// A step was done since it asked last: it asks again once it has done what it was told.
    stepped: bool,
    /// Every such moment.
    asked: Moments,
    /// What a person changes when PPO asks for the so-manieth time: before its first step, then after each.
    changes: &'a [(u64, Change)],
}

/// Keeps a value, which may be told again but not otherwise.
fn keep<K: Ord + std::fmt::Debug, V: PartialEq + std::fmt::Debug>(
    kept: &mut BTreeMap<K, V>,
    key: K,
    value: V,
) {
    if let Some(before) = kept.get(&key) {
        assert_eq!(*before, value, "{key:?} is told twice, and otherwise");
    }
    kept.insert(key, value);
}

impl Observer for Keeper<'_> {
    fn report(&mut self, report: Report) {
        match report {
            Report::Event {
                at,
                kind: EventKind::StageBegun { .. },
            } => self.at = at,
            Report::Metrics {
                stage,
                step,
                values,
                ..
            } => {
                self.stepped = true;
                for (key, value) in values {
                    if !OF_THE_MOMENT.contains(&&*declared::as_of_ppo(&key)) {
                        keep(
                            &mut self.record.metrics,
                            (stage, step, key),
                            value.to_bits(),
                        );
                    }
                }
            }
            Report::Samples {
                stage,
                step,
                dialogues,
            } => keep(
                &mut self.record.samples,
                (stage, step),
                serde_json::to_string(&dialogues).unwrap(),
            ),
            Report::Rollout {
                stage,
                step,
                responses,
            } => keep(
                &mut self.record.rollouts,
                (stage, step),
                serde_json::to_string(&responses).unwrap(),
            ),
            Report::Results { system } => keep(
                &mut self.record.results,
                system.system.clone(),
                serde_json::to_string(&system).unwrap(),
            ),
            Report::Identifiers { scores } => {
                self.record.identifiers = serde_json::to_string(&scores).unwrap();
            }
            _ => {}
        }
    }

    fn directive(&mut self) -> Directive {
        if !std::mem::take(&mut self.stepped) {
            return Directive::Continue;
        }
        self.at = self.at.map(|(stage, times)| (stage, times + 1));
        self.asked.extend(self.at);
        self.left = self.left.saturating_sub(1);
        match (self.left, self.blow) {
            (0, Blow::Stop) => Directive::Stop,
            (0, Blow::Kill) => resume_unwind(Box::new(Killed)),
            _ => {
                let change = self.changes.iter().find(|(after, _)| {
                    let now = |(stage, at): (Stage, u64)| stage.trains_policy() && at == *after;
                    self.at.is_some_and(now)
                });
                change.map_or(Directive::Continue, |(_, change)| Directive::Set(*change))
            }
        }
    }
}

/// Stages, and how often each had asked what to do.
type Moments = Vec<(Stage, u64)>;

/// Carries out a run, dealing each blow after so many steps of what is left; gives back its record,
/// the moments at which it was hit, and all those after the last blow.
fn run_under(
    config: &Config,
    folder: &Path,
    blows: &[(u64, Blow)],
    changes: &[(u64, Change)],
) -> (Record, Moments, Moments) {
    if config.reads_preferences() {
        crate::preference_support::import(folder);
    }
    // Made before the first blow, and never again.
    let mut changes = changes;
    let mut record = Record::default();
    let mut hit = Vec::new();
    let mut blows = blows.iter();
    loop {
        let (left, blow) = blows.next().copied().unwrap_or((u64::MAX, Blow::Stop));
        let mut keeper = Keeper {
            record: &mut record,
            left,
            blow,
            at: None,
            stepped: false,
            asked: Vec::new(),
            changes: std::mem::take(&mut changes),
        };
        let ended = catch_unwind(AssertUnwindSafe(|| {
            let checkpoints = Checkpoints::of(&folder.join("run"));
            pipeline::run(config, folder, checkpoints, None, &mut keeper).unwrap()
        }));
        match ended {
            Ok(Ended::Done) => {
                let asked = keeper.asked;
                return (record, hit, asked);
            }
            Ok(Ended::Stopped) => hit.extend(keeper.at),
            Err(panic) if panic.is::<Killed>() => hit.extend(keeper.at),
            Err(panic) => resume_unwind(panic),
        }
    }
}

/// Every file that a finished run leaves, by its name: the last checkpoint of each stage, the answers,
/// the tokenizer.
fn files(config: &Config, folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let run = folder.join("run");
    let checkpoints = Checkpoints::of(&run);
    let mut folders = vec![run.clone(), run.join("responses")];
    for stage in &config.run.stages {
        if let Some(last) = checkpoints.latest(*stage).unwrap() {
            assert!(last.listing.done, "{stage}");
            last.verify().unwrap();
            folders.push(last.folder);
        }
    }
    let mut files = BTreeMap::new();
    // A run without evaluation has no responses.
    for folder in folders.iter().filter(|folder| folder.is_dir()) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_file() {
                let name = path.strip_prefix(&run).unwrap().display().to_string();
                files.insert(name, std::fs::read(&path).unwrap());
            }
        }
    }
    assert!(files.keys().any(|name| name.ends_with(".safetensors")));
    files
}

/// A run that nothing happened to: its record, its files, and the moments at which it could be hit.
struct Whole {
    config: Config,
    changes: Vec<(u64, Change)>,
    record: Record,
    files: BTreeMap<String, Vec<u8>>,
    asked: Moments,
}

impl Whole {
    fn of(config: Config) -> Self {
        Whole::changed(config, Vec::new())
    }

    /// A run whose settings were changed on the way.
    fn changed(config: Config, changes: Vec<(u64, Change)>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (record, _, asked) = run_under(&config, folder.path(), &[], &changes);
        let files = files(&config, folder.path());
        Whole {
            config,
            changes,
            record,
            files,
            asked,
        }
    }

    /// Does the run again under blows, and compares everything. Gives back where they fell.
    fn withstands(&self, blows: &[(u64, Blow)]) -> Moments {
        let folder = tempfile::tempdir().unwrap();
        let (record, hit, _) = run_under(&self.config, folder.path(), blows, &self.changes);
        for (key, bits) in &self.record.metrics {
            let other = record.metrics.get(key);
            assert_eq!(other, Some(bits), "{key:?} after {blows:?} at {hit:?}");
        }
        assert!(record == self.record, "after {blows:?} at {hit:?}");
        let files = files(&self.config, folder.path());
        let names = |files: &BTreeMap<String, Vec<u8>>| files.keys().cloned().collect::<Vec<_>>();
        assert_eq!(names(&files), names(&self.files));
        for (name, bytes) in &self.files {
            assert!(files[name] == *bytes, "{name} after {blows:?} at {hit:?}");
        }
        hit
    }
}

const STAGES: [Stage; 4] = [
    Stage::Pretraining,
    Stage::Identifiers,
    Stage::Generator,
    Stage::Ppo,
];

#[test]
fn a_run_that_is_hit_once_or_many_times_ends_as_if_it_had_not_been() {
    let whole = Whole::of(settings());
    let mut random = ChaCha8Rng::seed_from_u64(5);
    // Once in every stage, by a stop and by a kill.
    for stage in STAGES {
        let within = |at: &&(Stage, u64)| at.0 == stage;
        let first = whole.asked.iter().position(|at| at.0 == stage).unwrap();
        let count = whole.asked.iter().filter(within).count();
        for blow in [Blow::Stop, Blow::Kill] {
            // Not after its last step, where there is nothing left to stop.
            let place = first + random.random_range(0..count - 1);
            let hit = whole.withstands(&[(place as u64 + 1, blow)]);
            assert_eq!(hit, [whole.asked[place]], "{blow:?}");
        }
    }
    // Many times on the way.
    for _ in 0..2 {
        let blows: Vec<(u64, Blow)> = (0..12)
            .map(|_| {
                let blow = if random.random() {
                    Blow::Stop
                } else {
                    Blow::Kill
                };
                (random.random_range(3..9), blow)
            })
            .collect();
        let at = whole.withstands(&blows);
        assert!(at.len() >= 8, "{at:?}");
    }
}

#[test]
fn stopped_after_every_step_it_still_is_the_same_run() {
    let whole = Whole::of(settings_of_full_tuning());
    let hit = whole.withstands(&[(1, Blow::Stop); 200]);
    assert!(hit.len() > 30, "{hit:?}");
}

#[test]
fn identifiers_on_an_encoder_of_a_folder_go_on_as_if_nothing_had_been() {
    let mut config = crate::identifiers::on_bert();
    config.identifiers.epochs = 3;
    let whole = Whole::of(config);
    let hit = whole.withstands(&[(1, Blow::Stop); 100]);
    assert!(hit.len() > 8, "{hit:?}");
    let hit = whole.withstands(&[(2, Blow::Kill), (4, Blow::Kill), (3, Blow::Stop)]);
    assert_eq!(hit.len(), 3);
}

#[test]
fn a_run_on_preference_pairs_is_the_same_after_any_stop_or_kill() {
    let whole = Whole::of(settings_of_preferences());
    let hit = whole.withstands(&[(1, Blow::Stop); 200]);
    assert!(
        hit.iter().filter(|at| at.0 == Stage::Dpo).count() > 6,
        "{hit:?}"
    );
    let place = whole
        .asked
        .iter()
        .position(|at| *at == (Stage::Dpo, 5))
        .unwrap();
    let hit = whole.withstands(&[(place as u64 + 1, Blow::Kill)]);
    assert_eq!(hit, [(Stage::Dpo, 5)]);
}

#[test]
fn a_policy_trained_by_groups_survives_stops_and_kills_with_the_settings_changed_on_the_way() {
    for (stage, path) in [(Stage::Grpo, "grpo.lr"), (Stage::Rloo, "rloo.beta")] {
        let change = (2, Change::new(path, 0.01).unwrap());
        let whole = Whole::changed(settings_of_groups(stage), vec![change]);
        let plain = Whole::of(settings_of_groups(stage));
        assert!(whole.record != plain.record, "{path} changes nothing");
        assert!(plain.files.keys().any(|name| name.contains(stage.key())));
        for (step, blow) in [(3, Blow::Stop), (4, Blow::Kill)] {
            let place = whole.asked.iter().position(|at| *at == (stage, step));
            let hit = whole.withstands(&[(place.unwrap() as u64 + 1, blow)]);
            assert_eq!(hit, [(stage, step)]);
        }
    }
}

#[test]
fn a_setting_changed_on_the_way_holds_after_a_stop_and_after_a_kill() {
    let change = |path, value| Change::new(path, value).unwrap();
    let changes = vec![(1, change("reward.beta", 0.9)), (2, change("ppo.lr", 3e-3))];
    let plain = Whole::of(settings());
    let whole = Whole::changed(settings(), changes);
    assert!(whole.record != plain.record, "the changes change nothing");
    // After the last change; nothing else has saved a checkpoint by then.
    let place = whole.asked.iter().position(|at| *at == (Stage::Ppo, 3));
    let place = place.unwrap() as u64 + 1;
    for blow in [Blow::Stop, Blow::Kill] {
        let hit = whole.withstands(&[(place, blow)]);
        assert_eq!(hit, [(Stage::Ppo, 3)]);
    }
}

#[test]
fn a_change_that_waited_for_ppo_holds_from_its_first_step() {
    let change = Change::new("reward.beta", 0.9).unwrap();
    let changed = Whole::changed(settings(), vec![(1, change)]);
    let mut config = settings();
    change.apply(&mut config).unwrap();
    let begun = Whole::of(config);
    assert!(changed.record == begun.record);
    assert_ne!(changed.record.metrics, Whole::of(settings()).record.metrics);
}

#[test]
fn a_run_is_its_file_and_its_seed() {
    let mut config = settings();
    let first = Whole::of(config.clone());
    let again = Whole::of(config.clone());
    assert!(first.record == again.record && first.files == again.files);
    config.run.seed += 1;
    let other = Whole::of(config);
    let differing = |key: &str| {
        let values = |whole: &Whole| -> Vec<u64> {
            let metrics = whole.record.metrics.iter();
            metrics
                .filter(|((_, _, name), _)| name == key)
                .map(|(_, bits)| *bits)
                .collect()
        };
        assert!(!values(&first).is_empty(), "{key}");
        assert_ne!(values(&first), values(&other), "{key}");
    };
    for key in [
        declared::PRETRAINING_LOSS,
        declared::IDENTIFIER_LOSS[0],
        declared::GENERATOR_LOSS,
        declared::EMPATHY_REWARD,
    ] {
        differing(key);
    }
    assert_ne!(first.record.samples, other.record.samples);
}
