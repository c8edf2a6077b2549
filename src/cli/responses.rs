//! `emprl responses`: systems' answers, from files or from our own checkpoints; scored, listed, pinned.

use std::path::PathBuf;

use serde_json::json;

use super::meter::meter;
use super::output::{count, figure, moment};
use super::{Failure, Place};
use crate::data::Mechanism;
use crate::engine::reference::Reference;
use crate::experiment::Config;
use crate::metrics::{Answered, Bootstrap, Estimate, ResponseWords, system_results};
use crate::report::{Align, TextTable};
use crate::store::{ScoredSystem, Store, StoreError, StoreReader, SystemRow, SystemScore};
use crate::study::cases::{AnswerLevels, Levels};
use crate::study::contexts::{ContextKey, TestOrder};
use crate::study::responses::{AlignBy, SystemResponses, import};
use crate::train::saved::{Drawing, SavedIdentifiers, SavedModel};

/// Problems of rows that are printed before the rest is only counted.
const SHOWN_PROBLEMS: usize = 20;
/// Stands for the split of responses that come from elsewhere.
const GIVEN: &str = "given";

#[derive(Debug, clap::Subcommand)]
pub enum Responses {
    /// Take in a system's responses: plain text in test order, JSONL, or CSV with a head
    Import {
        /// The file
        file: PathBuf,
        /// What the system is called
        #[arg(long, value_name = "NAME")]
        system: String,
        /// The contexts that the file answers, as rows in its order; else the test split of
        /// EmpatheticDialogues
        #[arg(long, value_name = "FILE")]
        contexts: Option<PathBuf>,
        /// How rows find their contexts; else by the best that all rows offer
        #[arg(long, value_name = "FIELD")]
        by: Option<By>,
        /// Take the place of a system of the same name
        #[arg(long)]
        replace: bool,
    },
    /// Let one of our own checkpoints answer the contexts, as a system
    Generate {
        /// A run's checkpoint, or a model folder
        #[arg(long, value_name = "DIR|RUN[@STEP]")]
        model: Reference,
        /// What the system is called
        #[arg(long, value_name = "NAME")]
        system: String,
        /// The contexts, as rows; else the test split of EmpatheticDialogues
        #[arg(long, value_name = "FILE")]
        contexts: Option<PathBuf>,
        /// Always the likeliest token instead of drawing
        #[arg(long)]
        greedy: bool,
        /// Seed of every draw; else that of the run
        #[arg(long, value_name = "N")]
        seed: Option<u64>,
        /// Where to compute; else the run's device, else flex
        #[arg(long, value_name = "NAME")]
        device: Option<String>,
        /// Take the place of a system of the same name
        #[arg(long)]
        replace: bool,
    },
    /// Measure systems: Dist-1/2, words a response; with identifiers Emp-F1, and the levels of every answer
    Score {
        /// The systems; without any, all of them
        systems: Vec<String>,
        /// The run whose identifiers judge
        #[arg(long, value_name = "RUN|DIR")]
        identifiers: Option<Reference>,
        /// Where to compute; else the run's device, else flex
        #[arg(long, value_name = "NAME")]
        device: Option<String>,
    },
    /// The systems, with what was measured
    List,
    /// Pin a case for Table VI by what tells it from others, as `emprl responses cases` shows it
    Pin {
        /// The case
        case: String,
        /// A note that goes with it
        #[arg(long, value_name = "TEXT", default_value = "")]
        note: String,
        /// Take the pin away instead
        #[arg(long, conflicts_with = "note")]
        remove: bool,
    },
    /// Cases that hold every word, with what tells each from the others
    Cases {
        /// The words; without any, the pinned cases
        words: Vec<String>,
    },
    /// Forget a system and its responses; studies keep what they show
    Remove {
        /// The system
        system: String,
    },
}

/// By what rows find their context.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
pub enum By {
    /// The first row answers the first context, and so on
    Order,
    /// A field `index` or `idx`
    Index,
    /// The fields `conversation` (or `conv_id`) and `turn`
    Turn,
    /// The words of the field `context`
    Words,
}

impl From<By> for AlignBy {
    fn from(by: By) -> AlignBy {
        match by {
            By::Order => AlignBy::Order,
            By::Index => AlignBy::Index,
            By::Turn => AlignBy::ConversationTurn,
            By::Words => AlignBy::Words,
        }
    }
}

impl Responses {
    pub fn carry_out(&self, place: &Place) -> Result<(), Failure> {
        match self {
            Responses::Import {
                file,
                system,
                contexts,
                by,
                replace,
            } => {
                let (order, foreign) = TestOrder::find(&place.store, contexts.as_deref())?;
                let responses = import(file, &order, by.map(AlignBy::from))?;
                let source = file.file_name().unwrap_or(file.as_os_str());
                let source = source.to_string_lossy();
                let kept = Kept {
                    system,
                    source: &source,
                    responses: &responses,
                    order: &order,
                };
                kept.put(place, *replace)?;
                kept.report(place, foreign)
            }
            Responses::Generate {
                model,
                system,
                contexts,
                greedy,
                seed,
                device,
                replace,
            } => {
                let (order, foreign) = TestOrder::find(&place.store, contexts.as_deref())?;
                let drawing = (*greedy, *seed, device.as_deref());
                let (source, answers) = generate(place, model, &order, drawing)?;
                let responses = SystemResponses::generated(answers);
                let kept = Kept {
                    system,
                    source: &source,
                    responses: &responses,
                    order: &order,
                };
                kept.put(place, *replace)?;
                kept.report(place, foreign)
            }
            Responses::Score {
                systems,
                identifiers,
                device,
            } => score(place, systems, identifiers.as_ref(), device.as_deref()),
            Responses::List => list(place),
            Responses::Pin { case, note, remove } => pin(place, case, (!remove).then_some(note)),
            Responses::Cases { words } => cases(place, words),
            Responses::Remove { system } => {
                Store::open(&place.store)?.remove_system(system)?;
                match place.out.json {
                    true => place.out.document(&json!({"removed": system})),
                    false => place.out.text(&format!("{system} is forgotten.\n")),
                }
            }
        }
    }
}

fn generate(
    place: &Place,
    model: &Reference,
    order: &TestOrder,
    (greedy, seed, device): (bool, Option<u64>, Option<&str>),
) -> Result<(String, Vec<String>), Failure> {
    let found = model.model(&place.store)?;
    let config = found.config();
    let saved = SavedModel::open(&found.folder, device.unwrap_or(&config.run.device))?;
    let contexts: Vec<String> = order
        .contexts()
        .iter()
        .map(|context| context.utterances.join(" "))
        .collect();
    let drawing = Drawing {
        settings: &config.sampling,
        greedy,
        seed: seed.unwrap_or(config.run.seed),
    };
    let bar = meter(contexts.len(), "Answering");
    let done = &mut |done: usize| bar.set_position(done as u64);
    let answers = saved.answer(&contexts, config.data.max_source, &drawing, 32, done);
    bar.finish_and_clear();
    let source = match &found.origin {
        Some(origin) => format!("run {}, {} {}", origin.run.run, origin.stage, origin.step),
        None => found.folder.display().to_string(),
    };
    Ok((
        source,
        answers.into_iter().map(|answer| answer.response).collect(),
    ))
}

/// Responses on their way into the store.
struct Kept<'a> {
    system: &'a str,
    source: &'a str,
    responses: &'a SystemResponses,
    order: &'a TestOrder,
}

impl Kept<'_> {
    fn put(&self, place: &Place, replace: bool) -> Result<(), Failure> {
        if self.system.trim().is_empty() {
            return Err(Failure::Usage(
                "--system: the name is empty; give one".to_string(),
            ));
        }
        let mut store = Store::open(&place.store)?;
        let kept = store.put_system(
            self.system,
            self.source,
            self.responses,
            self.order,
            replace,
        );
        match kept {
            Err(StoreError::SystemExists { name }) => Err(Failure::Usage(format!(
                "there is a system {name} already; choose another name, or put it in its place with --replace"
            ))),
            Err(error) => Err(error.into()),
            Ok(_) => Ok(()),
        }
    }

    fn report(&self, place: &Place, foreign: Vec<usize>) -> Result<(), Failure> {
        let responses = self.responses;
        let answers: Vec<&str> = responses
            .answers
            .iter()
            .flatten()
            .map(String::as_str)
            .collect();
        let words = ResponseWords::new(&answers);
        let (dist_1, dist_2) = (words.dist(1), words.dist(2));
        let mean_words = words.words() as f64 / words.len().max(1) as f64;
        if place.out.json {
            return place.out.document(&json!({
                "system": self.system,
                "source": self.source,
                "sha256": responses.sha256,
                "rows": responses.rows,
                "contexts": self.order.len(),
                "responses": answers.len(),
                "aligned_by": responses.aligned_by,
                "tokenized": responses.tokenized,
                "problems": responses.problems,
                "foreign_contexts": foreign,
                "dist_1": dist_1,
                "dist_2": dist_2,
                "mean_words": mean_words,
                "duplicate_share": responses.duplicate_share(),
            }));
        }
        let number = |n: usize| count(n as u64);
        let mut text = format!(
            "{}: {} responses to {} contexts of {}, {}\n",
            self.system,
            number(answers.len()),
            number(self.order.len()),
            self.order.name,
            by_words(responses.aligned_by)
        );
        if responses.tokenized {
            text.push_str(
                "They are tokens in lower case: scored as they are, shown to people as they would write.\n",
            );
        }
        if !foreign.is_empty() {
            let places: Vec<String> = foreign.iter().map(|at| (at + 1).to_string()).collect();
            text.push_str(&format!(
                "note: {} contexts are not of the imported test split, and stand as the file gives them: {}\n",
                foreign.len(),
                places.join(", ")
            ));
        }
        for problem in responses.problems.iter().take(SHOWN_PROBLEMS) {
            text.push_str(&format!("{problem}\n"));
        }
        let more = responses.problems.len().saturating_sub(SHOWN_PROBLEMS);
        if more > 0 {
            text.push_str(&format!("{more} more problems; --json lists them all\n"));
        }
        let duplicates = responses.duplicate_share().unwrap_or(0.0);
        text.push_str(&format!(
            "Dist-1 {dist_1:.2} %, Dist-2 {dist_2:.2} %, {mean_words:.1} words a response, {:.1} % exactly an earlier one\n",
            100.0 * duplicates
        ));
        text.push_str(&format!(
            "Intervals, and Emp-F1 by identifiers: `emprl responses score {} --identifiers RUN{}`\n",
            self.system,
            place.store_argument()
        ));
        place.out.text(&text)
    }
}

fn by_words(by: AlignBy) -> &'static str {
    match by {
        AlignBy::Order => "in order",
        AlignBy::Index => "by index",
        AlignBy::ConversationTurn => "by conversation and turn",
        AlignBy::Words => "by the words of the context",
    }
}

fn score(
    place: &Place,
    names: &[String],
    identifiers: Option<&Reference>,
    device: Option<&str>,
) -> Result<(), Failure> {
    let mut store = Store::open(&place.store)?;
    let reader = store.reader()?;
    let all = reader.systems()?;
    let names: Vec<String> = match names {
        [] => all.iter().map(|row| row.name.clone()).collect(),
        names => names.to_vec(),
    };
    if names.is_empty() {
        return Err(Failure::Failed(format!(
            "there is no system to score; `emprl responses import FILE --system NAME{}` takes one in",
            place.store_argument()
        )));
    }
    let (config, judge, by) = match identifiers {
        None => (Config::default(), None, None),
        Some(reference) => {
            let found = reference.identifiers(&place.store)?;
            let config = found.config();
            let device = device.unwrap_or(&config.run.device);
            let judge = SavedIdentifiers::open(&found.folder, device)?;
            let by = match &found.origin {
                Some(origin) => format!("the identifiers of run {}", origin.run.run),
                None => format!("the identifiers in {}", found.folder.display()),
            };
            (config, Some(judge), Some(by))
        }
    };
    let bootstrap = Bootstrap {
        resamples: config.evaluation.resamples,
        seed: config.run.seed,
    };
    let contexts = reader.contexts()?;
    for name in &names {
        let answers = reader.answers(name)?;
        let responses: Vec<String> = answers
            .iter()
            .map(|answer| answer.response.clone())
            .collect();
        let mut levels: Vec<(usize, AnswerLevels)> = Vec::new();
        if let Some(judge) = &judge {
            let mut places = Vec::new();
            let mut texts = Vec::new();
            for answer in &answers {
                let context = contexts.get(&answer.context);
                if let Some((context, target)) =
                    context.and_then(|context| Some((context, context.target.as_deref()?)))
                {
                    places.push(answer.position);
                    texts.push((
                        context.utterances.join(" "),
                        answer.response.as_str(),
                        target,
                    ));
                }
            }
            let response = identify(
                judge,
                "Answers",
                texts.iter().map(|(c, r, _)| (&**c, *r)).collect(),
            );
            let target = identify(
                judge,
                "Targets",
                texts.iter().map(|(c, _, t)| (&**c, *t)).collect(),
            );
            let both = response.into_iter().zip(target);
            let both = both.map(|(response, target)| AnswerLevels { response, target });
            levels = places.into_iter().zip(both).collect();
        }
        let gold: Vec<Levels> = levels.iter().map(|(_, levels)| levels.target).collect();
        let predicted: Vec<Levels> = levels.iter().map(|(_, levels)| levels.response).collect();
        let answered = Answered {
            targets: None,
            ppl_batch: 0,
            responses: &responses,
            levels: (!levels.is_empty()).then_some((&gold, &predicted)),
        };
        let score = SystemScore {
            results: system_results(name, GIVEN, answered, &bootstrap),
            identifiers: by.clone().filter(|_| !levels.is_empty()),
            levels,
        };
        store.put_score(name, &score)?;
    }
    list(place)
}

fn identify(
    judge: &SavedIdentifiers,
    doing: &'static str,
    pairs: Vec<(&str, &str)>,
) -> Vec<Levels> {
    let bar = meter(pairs.len(), doing);
    let done = &mut |done: usize| bar.set_position(done as u64);
    let identified = judge.identify(&pairs, 32, done);
    bar.finish_and_clear();
    identified
        .into_iter()
        .map(|row| Mechanism::ALL.map(|mechanism| row[mechanism.index()].level))
        .collect()
}

fn list(place: &Place) -> Result<(), Failure> {
    let (systems, scores): (Vec<SystemRow>, Vec<ScoredSystem>) =
        match StoreReader::open(&place.store) {
            Ok(reader) => (reader.systems()?, reader.scores()?),
            // Nothing has been taken in yet: that is no error.
            Err(StoreError::Missing { .. }) => (Vec::new(), Vec::new()),
            Err(error) => return Err(error.into()),
        };
    let score = |name: &str| scores.iter().find(|score| score.system == name);
    if place.out.json {
        let rows = systems.iter().map(|system| {
            let mut row = json!(system);
            row["score"] = json!(score(&system.name));
            row
        });
        return place.out.document(&rows.collect::<Vec<_>>());
    }
    if systems.is_empty() {
        return place.out.text(&format!(
            "No systems in {} yet. `emprl responses import FILE --system NAME` takes one in.\n",
            place.store.display()
        ));
    }
    let mut table = TextTable::new(&[
        ("System", Align::Left),
        ("From", Align::Left),
        ("Responses", Align::Right),
        ("Problems", Align::Right),
        ("Taken in", Align::Left),
        ("Dist-1 (%)", Align::Right),
        ("Dist-2 (%)", Align::Right),
        ("Emp-F1 (%)", Align::Right),
        ("Words", Align::Right),
    ]);
    for system in &systems {
        let results = score(&system.name).map(|score| &score.results);
        let estimate = |estimate: Option<&Estimate>| {
            estimate.map_or_else(
                || "–".to_string(),
                |e| format!("{:.2} [{:.2}, {:.2}]", e.value, e.low, e.high),
            )
        };
        table.row([
            system.name.clone(),
            system.source.clone(),
            count(system.responses),
            count(system.problems.len() as u64),
            moment(system.imported_ms),
            estimate(results.map(|results| &results.dist_1)),
            estimate(results.map(|results| &results.dist_2)),
            estimate(results.and_then(|results| results.emp_f1.as_ref())),
            results.map_or_else(|| "–".to_string(), |results| figure(results.mean_words)),
        ]);
    }
    let mut text = table.text();
    for score in &scores {
        if let Some(identifiers) = &score.identifiers {
            text.push_str(&format!("{}: Emp-F1 by {identifiers}\n", score.system));
        }
    }
    text.push_str(
        "In brackets: 95 % bootstrap intervals over responses. PPL is not known of responses alone.\n",
    );
    place.out.text(&text)
}

fn pin(place: &Place, case: &str, note: Option<&String>) -> Result<(), Failure> {
    let key = ContextKey(case.to_string());
    Store::open(&place.store)?.set_pin(&key, note.map(String::as_str))?;
    if place.out.json {
        return place
            .out
            .document(&json!({"case": case, "pinned": note.is_some(), "note": note}));
    }
    let done = match note {
        Some(_) => "pinned",
        None => "not pinned any more",
    };
    place.out.text(&format!("Case {case} is {done}.\n"))
}

fn cases(place: &Place, words: &[String]) -> Result<(), Failure> {
    use crate::study::cases::{CaseFilter, Search};
    let book = StoreReader::open(&place.store)?.case_book()?;
    let mut search = Search::new(CaseFilter {
        words: words.join(" "),
        pinned: words.is_empty(),
        ..CaseFilter::default()
    });
    while search.go_on(&book, 1000) {}
    let found: Vec<_> = search.found.iter().map(|at| &book.cases[*at]).collect();
    if place.out.json {
        return place.out.document(&json!({
            "systems": book.systems,
            "withheld": book.withheld,
            "cases": found,
        }));
    }
    let mut text = String::new();
    for case in &found {
        let last = case.context.utterances.last().map_or("", String::as_str);
        let emotion = case.context.emotion.as_deref().unwrap_or("");
        text.push_str(&format!("{}  {emotion}: {last}\n", case.key));
        let answers = book.systems.iter().zip(&case.answers);
        for (system, answer) in answers.filter_map(|(s, answer)| Some((s, answer.as_ref()?))) {
            text.push_str(&format!("    {system}: {}\n", answer.text));
        }
    }
    text.push_str(&format!("{} cases\n", count(found.len() as u64)));
    if book.withheld > 0 {
        text.push_str(&format!(
            "{} more are in studies that are still blind, and are left out\n",
            count(book.withheld as u64)
        ));
    }
    place.out.text(&text)
}
