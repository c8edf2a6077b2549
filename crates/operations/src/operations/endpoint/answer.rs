//! An endpoint as a system: it answers the contexts of a data set by a prompt.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::super::responses::{StoredResponses, check_name};
use super::super::{OnProgress, OperationError, read_or_default};
use super::ask::{self, Outline, Plan, Refusal};
use super::chat::{ChatAnswer, Endpoint, Tally};
use super::read_text;
use super::template::{Template, conversation};
use crate::data::corpus::record::{EMOTION, SITUATION};
use crate::data::library::{self, BUILTIN, EMPATHETIC_DIALOGUES};
use crate::data::{Example, Role, Split};
use crate::store::{AskId, StoreReader, SystemRow};
use crate::study::contexts::{Context, OrderedContexts};
use crate::study::hex;
use crate::study::responses::{Problem, SystemResponses};

/// The paper's prompt for ChatGPT (Sec. IV-C).
pub const TWO_SHOT: &str = include_str!("../../../../../assets/endpoint/two-shot.txt");
/// What it is called where its name is said.
const TWO_SHOT_NAME: &str = "two-shot";
/// The most examples that a prompt can show.
const MOST_EXAMPLES: usize = 64;

/// A system that answers from an address.
#[derive(Clone, Debug)]
pub struct AnswerRequest {
    pub endpoint: Endpoint,
    /// The system's name.
    pub system: String,
    /// The data set whose contexts are answered.
    pub data: String,
    /// None: all of them.
    pub split: Option<Split>,
    /// A file with the prompt; else the paper's.
    pub template: Option<PathBuf>,
    /// The first so many contexts.
    pub limit: Option<usize>,
    /// Whether to take the place of a system of the same name.
    pub replace: bool,
}

/// A series that is ready to be asked.
pub struct PreparedAnswers {
    request: AnswerRequest,
    contexts: OrderedContexts,
    prompt: Prompt,
    source: String,
    about: serde_json::Map<String, Value>,
    pub outline: Outline,
}

/// What was answered.
#[derive(Debug)]
pub struct Answered {
    pub stored: StoredResponses,
    pub ask: AskId,
    /// Requests that were made now; the others were answered before.
    pub asked: usize,
    pub refused: Vec<Refusal>,
    pub tally: Tally,
}

/// A template with the texts of its examples.
struct Prompt {
    template: Template,
    /// Context and response.
    examples: Vec<[String; 2]>,
}

impl Prompt {
    fn of(&self, context: &Context) -> String {
        let context = conversation(context.turns());
        self.template.filled(|name| match example_place(name) {
            Some((number, part)) => Some(self.examples.get(number - 1)?[part].as_str()),
            None => Some(context.as_str()),
        })
    }
}

/// `example_2.response` is the second part of the second example.
fn example_place(name: &str) -> Option<(usize, usize)> {
    let (number, part) = name.strip_prefix("example_")?.split_once('.')?;
    let number = number
        .parse()
        .ok()
        .filter(|n| (1..=MOST_EXAMPLES).contains(n))?;
    let part = ["context", "response"]
        .iter()
        .position(|known| *known == part)?;
    Some((number, part))
}

/// The contexts of a data set and the examples that a prompt may show.
struct Material {
    name: String,
    fingerprint: String,
    contexts: Vec<Context>,
    train: Vec<Example>,
    /// Whether splits are drawn, since no record says its own.
    drawn: bool,
}

/// Reads the contexts and the template, draws the examples, and says what will be sent.
///
/// # Errors
/// The system's name is taken or cannot be one; there is no such data set, or it has no contexts; the template cannot be
/// used; the address or the key is wrong.
pub fn prepare_answers(
    store: &Path,
    request: &AnswerRequest,
) -> Result<PreparedAnswers, OperationError> {
    let endpoint = &request.endpoint;
    let (path, text) = match &request.template {
        Some(path) => (path.clone(), read_text(path)?),
        None => (PathBuf::from(TWO_SHOT_NAME), TWO_SHOT.to_string()),
    };
    let wrong = |problem: String| OperationError::Template {
        path: path.clone(),
        problem,
    };
    let is_known = |name: &str| name == "context" || example_place(name).is_some();
    let places = "its places are {context}, {example_1.context}, {example_1.response}, {example_2.context} and so on";
    let template = Template::parse(&text, is_known)
        .map_err(|name| wrong(format!("has {{{name}}}; {places}")))?;
    if !template.names().contains(&"context") {
        return Err(wrong(format!("lacks {{context}}; {places}")));
    }
    let numbers = template.names().into_iter().filter_map(example_place);
    let shots = numbers.map(|(number, _)| number).max().unwrap_or(0);
    let mut material = material(store, &request.data, request.split)?;
    let drawn = drawn(&material.train, shots, endpoint.seed);
    if drawn.len() < shots {
        return Err(OperationError::NoExamples {
            data: request.data.clone(),
            there: drawn.len(),
            needed: shots,
        });
    }
    // Nobody is shown the answer to what is asked.
    let shown: HashSet<&str> = drawn
        .iter()
        .map(|example| example.conversation.as_str())
        .collect();
    let all = material.contexts.len();
    let is_shown = |context: &Context| {
        let conversation = context.conversation.as_deref();
        conversation.is_some_and(|conversation| shown.contains(conversation))
    };
    material.contexts.retain(|context| !is_shown(context));
    let mut notes = Vec::new();
    match all - material.contexts.len() {
        0 => {}
        left_out => notes.push(format!(
            "{left_out} of the contexts are of the conversations that are shown as examples, and left out."
        )),
    }
    if let (Some(split), true) = (request.split, material.drawn) {
        notes.push(format!(
            "{} says no splits, so that its {split} split is drawn by conversation: {} of its contexts. --split all asks \
             all.",
            request.data,
            material.contexts.len(),
        ));
    }
    if let Some(limit) = request.limit {
        material.contexts.truncate(limit);
    }
    if material.contexts.is_empty() {
        return Err(OperationError::NoContextsToAnswer {
            data: material.name,
        });
    }
    let examples = drawn.iter().map(|example| {
        [
            conversation(example.turns()),
            example.target.trim().to_string(),
        ]
    });
    let prompt = Prompt {
        template,
        examples: examples.collect(),
    };
    let sha256 = hex(&Sha256::digest(text.as_bytes()));
    let mut about = ask::about(endpoint)?;
    about.insert("system".into(), request.system.clone().into());
    about.insert("data".into(), request.data.clone().into());
    about.insert("fingerprint".into(), material.fingerprint.into());
    about.insert("split".into(), json!(request.split.map(Split::key)));
    about.insert(ask::TEMPLATE.into(), path.display().to_string().into());
    about.insert("template_sha256".into(), sha256.clone().into());
    let ids = drawn
        .iter()
        .map(|example| format!("{}, turn {}", example.conversation, example.turn));
    about.insert("examples".into(), ids.collect::<Vec<_>>().into());
    let contexts = OrderedContexts::new(material.name, material.contexts);
    let plan = plan(endpoint, &contexts, &prompt, &about);
    let outline = Outline::of(store, endpoint, &plan, notes)?;
    drop(plan);
    let source = format!(
        "{} at {}, template {}, temperature {}, seed {}",
        endpoint.model,
        outline.address,
        sha256.get(..8).unwrap_or_default(),
        endpoint.temperature,
        endpoint.seed
    );
    // The same command again finds its own system.
    let is_own = |system: &SystemRow| {
        let same = system.source.starts_with(&format!("{source}, "));
        same && system.name == request.system && system.rows == outline.requests as u64
    };
    let is_own = outline.recorded == outline.requests
        && read_or_default(store, StoreReader::systems)?
            .iter()
            .any(is_own);
    check_name(store, &request.system, request.replace || is_own)?;
    let request = AnswerRequest {
        replace: request.replace || is_own,
        ..request.clone()
    };
    Ok(PreparedAnswers {
        request,
        contexts,
        prompt,
        source,
        about,
        outline,
    })
}

fn plan<'a>(
    endpoint: &'a Endpoint,
    contexts: &'a OrderedContexts,
    prompt: &'a Prompt,
    about: &serde_json::Map<String, Value>,
) -> Plan<'a> {
    Plan {
        kind: "answer",
        about: about.clone(),
        items: contexts.keys().iter().map(|key| key.0.clone()).collect(),
        body: Box::new(|place| endpoint.body(None, &prompt.of(&contexts.contexts()[place]), 0)),
    }
}

impl PreparedAnswers {
    /// Asks what is missing and stores the answers as a system.
    ///
    /// # Errors
    /// As [`ask::ask`]; then no system is stored, and the same command goes on.
    pub fn run(
        self,
        store: &Path,
        on_progress: OnProgress<'_>,
    ) -> Result<Answered, OperationError> {
        let endpoint = &self.request.endpoint;
        let plan = plan(endpoint, &self.contexts, &self.prompt, &self.about);
        let went = ask::ask(store, endpoint, &plan, &|_| None, on_progress)?;
        let items = plan.items.clone();
        drop(plan);
        let exchanges = StoreReader::open(store)?.recorded_answers(went.ask)?;
        let place_of: std::collections::HashMap<&str, usize> =
            items.iter().map(String::as_str).zip(0..).collect();
        let mut answers: Vec<Option<String>> = vec![None; items.len()];
        let ours = exchanges.iter().filter_map(|exchange| {
            let place = *place_of.get(exchange.item.as_str())?;
            Some((place, exchange))
        });
        let ours: Vec<_> = ours.collect();
        for (place, exchange) in &ours {
            let answer = ChatAnswer::read(&exchange.answer).unwrap_or_default();
            answers[*place] = Some(answer.said().to_string());
        }
        let tally = Tally::of(ours.iter().map(|(_, exchange)| *exchange), endpoint.prices);
        let source = format!("{}, {} answers", self.source, tally.answers);
        let stored = StoredResponses {
            system: self.request.system.clone(),
            source,
            responses: with_gaps(answers),
            contexts: self.contexts,
            foreign: Vec::new(),
        };
        let stored = stored.put(store, self.request.replace)?;
        Ok(Answered {
            stored,
            ask: went.ask,
            asked: went.asked,
            refused: went.refused,
            tally,
        })
    }
}

/// Responses by context, of which some are missing.
fn with_gaps(answers: Vec<Option<String>>) -> SystemResponses {
    let given: Vec<String> = answers
        .iter()
        .map(|answer| answer.clone().unwrap_or_default())
        .collect();
    let mut responses = SystemResponses::generated(given);
    responses.rows = answers.iter().flatten().count();
    let is_missing = |place: usize| answers.get(place).is_none_or(Option::is_none);
    responses.problems.retain(|problem| match problem {
        Problem::Empty { place, .. } => !is_missing(*place),
        _ => true,
    });
    let missing = (0..answers.len()).filter(|place| is_missing(*place));
    responses
        .problems
        .extend(missing.map(|place| Problem::Missing { place }));
    responses.answers = answers;
    responses
}

/// Examples of different conversations, drawn by a seed.
fn drawn(train: &[Example], shots: usize, seed: u64) -> Vec<&Example> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut left: Vec<&Example> = train.iter().collect();
    let mut drawn: Vec<&Example> = Vec::new();
    while drawn.len() < shots && !left.is_empty() {
        let example = left.swap_remove(rng.random_range(0..left.len()));
        let is_new = |drawn: &&Example| drawn.conversation != example.conversation;
        if !example.target.trim().is_empty() && drawn.iter().all(is_new) {
            drawn.push(example);
        }
    }
    drawn
}

fn material(store: &Path, data: &str, split: Option<Split>) -> Result<Material, OperationError> {
    let name = match split {
        Some(split) => format!("the {split} split of {data}"),
        None => data.to_string(),
    };
    let wanted = |of: Split| split.is_none_or(|split| split == of);
    if [BUILTIN, EMPATHETIC_DIALOGUES].contains(&data) || library::corpus(store, data)?.is_none() {
        let set = library::open_dialogues(store, data)?;
        let splits = Split::ALL.into_iter().filter(|split| wanted(*split));
        let contexts = splits.flat_map(|split| set.split(split)).map(Context::from);
        return Ok(Material {
            name,
            fingerprint: set.fingerprint.clone(),
            contexts: contexts.collect(),
            train: set.train,
            drawn: false,
        });
    }
    let (manifest, entry) = library::require_corpus(store, data)?;
    let train = match entry.counts.examples {
        0 => Vec::new(),
        _ => library::open_dialogues(store, data)?.train,
    };
    let given = !entry.counts.splits.is_empty();
    let mut contexts = Vec::new();
    // Contexts without an answer are no examples, but can be answered.
    library::each_record(store, data, |record| {
        if record.context.is_empty() || !wanted(library::split_of(&record, given)) {
            return Ok(());
        }
        let roles: Vec<Role> = record.context.iter().map(|said| said.role).collect();
        let next = u32::try_from(record.context.len() + 1).unwrap_or(u32::MAX);
        contexts.push(Context {
            target: record.target,
            conversation: Some(record.conversation.unwrap_or(record.id)),
            turn: Some(record.turn.unwrap_or(next)),
            emotion: record.labels.get(EMOTION).cloned(),
            situation: record.labels.get(SITUATION).cloned(),
            utterances: record.context.into_iter().map(|said| said.text).collect(),
            roles: Role::kept(&roles),
        });
        Ok::<_, OperationError>(())
    })?;
    Ok(Material {
        name,
        fingerprint: manifest.fingerprint,
        contexts,
        train,
        drawn: !given,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_papers_prompt_has_two_examples_before_the_context() {
        let is_known = |name: &str| name == "context" || example_place(name).is_some();
        let template = Template::parse(TWO_SHOT, is_known).unwrap();
        let pair = |number: usize| [format!("Speaker: c{number}"), format!("r{number}")];
        let prompt = Prompt {
            template,
            examples: vec![pair(1), pair(2)],
        };
        let context = Context {
            conversation: None,
            turn: None,
            emotion: None,
            situation: None,
            utterances: vec!["I am sad.".into()],
            roles: Vec::new(),
            target: None,
        };
        assert_eq!(
            prompt.of(&context),
            "Now generate a response (no more than 30 words) for the following context. There are two examples:\n\n\
             Context:\nSpeaker: c1\nResponse: r1\n\nContext:\nSpeaker: c2\nResponse: r2\n\n\
             Context:\nSpeaker: I am sad.\n\nResponse:"
        );
    }

    #[test]
    fn the_seed_draws_the_examples_of_different_conversations() {
        let set = library::open_dialogues(Path::new("nowhere"), BUILTIN).unwrap();
        let ids = |seed| {
            let drawn = drawn(&set.train, 4, seed);
            drawn
                .into_iter()
                .map(|example| example.conversation.clone())
                .collect::<Vec<_>>()
        };
        assert_eq!(ids(1), ids(1));
        assert_ne!(ids(1), ids(2));
        assert_eq!(ids(1).iter().collect::<HashSet<_>>().len(), 4);
        assert_eq!(drawn(&set.train[..1], 4, 1).len(), 1);
    }

    #[test]
    fn a_gap_is_missing_and_not_empty() {
        let responses = with_gaps(vec![Some("Oh.".into()), None, Some(String::new())]);
        assert_eq!(
            responses.problems,
            [
                Problem::Empty { place: 2, line: 3 },
                Problem::Missing { place: 1 }
            ]
        );
        assert_eq!((responses.rows, &responses.answers[1]), (2, &None));
    }
}
