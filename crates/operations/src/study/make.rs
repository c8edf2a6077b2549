//! Creates a study: draws contexts, numbers items, and assigns them to annotators in individual orders and
//! sides.
//!
//! A new study has two parts: what annotators may see, and what is blinded. Knows no file and no clock.

use std::collections::HashSet;
use std::fmt;

use rand::seq::SliceRandom;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::contexts::ContextKey;
use super::definition::{Definition, StudyKind, names};
use super::design::{self, Portion};
use super::draw::{self, stream};
use super::error::StudyError;
use super::hex;
use super::page::{Page, Shown, StudyHead};
use super::signs::{self, Sign};
use super::standing::{Standing, StandingChange};
use crate::data;

/// Fewest words of a target for an attention check.
const CHECK_WORDS: usize = 6;

/// A context that all systems of a study have answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    pub key: ContextKey,
    pub emotion: Option<String>,
    pub utterances: Vec<String>,
    /// Who said each; empty where the sides alternate.
    pub roles: Vec<data::Role>,
    pub target: Option<String>,
    /// As shown to people, in the order of the definition's systems.
    pub answers: Vec<String>,
}

/// An item with its systems: for the store and the unblinded record, never for a page.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Item {
    pub number: u32,
    pub context: ContextKey,
    pub emotion: Option<String>,
    pub utterances: Vec<String>,
    /// Who said each; empty where the sides alternate, the speaker first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub roles: Vec<data::Role>,
    /// The responses: two in an A/B test, one in a rating.
    pub texts: Vec<String>,
    pub content: Content,
}

/// Whose the responses of an item are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Content {
    /// Two systems, by index.
    Pair(usize, usize),
    /// One system, by index.
    Single(usize),
    /// An attention check: the target and shuffled words, or shuffled words alone.
    Check,
}

/// An item assigned to an annotator.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Assignment {
    pub annotator: u32,
    /// Among the annotator's items, from 1.
    pub position: u32,
    pub item: u32,
    /// Whether the first response is on the right.
    pub swapped: bool,
}

/// An annotator's role in a study.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Judges the items assigned at the start.
    Rater,
    /// The fourth annotator, who judges the items on which three differ.
    Adjudicator,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Annotator {
    /// From 1.
    pub number: u32,
    /// The name in packs and results.
    pub pseudonym: String,
    /// Never leaves the store.
    #[serde(skip)]
    pub name: String,
    pub role: Role,
    /// The earliest first; none of who always judged.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub standings: Vec<StandingChange>,
}

/// What would reveal the systems: never shown, printed or sent before the study is unblinded.
#[derive(Clone, PartialEq, Eq)]
pub struct Blinded<T>(T);

impl<T> Blinded<T> {
    pub fn new(secret: T) -> Blinded<T> {
        Blinded(secret)
    }

    /// Only for the store and for unblinding.
    pub fn reveal(&self) -> &T {
        &self.0
    }
}

impl<T> fmt::Debug for Blinded<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Blinded")
    }
}

/// Problems with a new study, as counts that reveal nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Remarks {
    /// Items with two identical responses, so that only a tie is right.
    pub identical: usize,
    /// Items where a response or the context names a system.
    pub naming: usize,
}

/// A study that is not stored yet.
#[derive(Debug, Clone)]
pub struct NewStudy {
    pub head: StudyHead,
    pub annotators: Vec<Annotator>,
    pub remarks: Remarks,
    /// With pseudonyms instead of annotators' names.
    pub definition: Blinded<Definition>,
    /// By number.
    pub items: Blinded<Vec<Item>>,
    /// By annotator and position.
    pub assignments: Blinded<Vec<Assignment>>,
}

/// Creates a study from the candidates. `nonce` distinguishes studies with the same definition and time, and
/// gives each its own sides and orders, which the seed alone does not reveal.
///
/// # Errors
/// The definition is invalid, or there are too few candidates for its contexts or checks.
pub fn make(
    definition: &Definition,
    candidates: &[Candidate],
    created_ms: i64,
    nonce: u64,
) -> Result<NewStudy, StudyError> {
    definition.validate()?;
    let definition = &Definition {
        key: key(nonce),
        ..definition.clone()
    };
    let candidates = usable(definition, candidates)?;
    let drawn = drawn(definition, &candidates);
    let portions = design::portions(definition);
    let (mut items, raters_of) = items(&portions, &candidates, &drawn);
    let checks = checks(definition, &candidates, &drawn)?;
    items.extend(checks);
    let numbers = number(&mut items, definition.blinded_seed());
    let assignments = assignments(definition, &items, &raters_of);
    let remarks = remarks(definition, &items);
    // So far the items are in the order of creation; they are stored by number.
    let items = numbers.into_iter().map(|at| items[at].clone()).collect();
    Ok(NewStudy {
        head: head(definition, created_ms, nonce),
        annotators: annotators(definition),
        remarks,
        definition: Blinded::new(pseudonymous(definition)),
        items: Blinded::new(items),
        assignments: Blinded::new(assignments),
    })
}

/// What tells the systems of a study apart without reading, by the contexts that it draws. Whether the annotators are
/// named yet does not matter.
///
/// # Errors
/// There are too few candidates.
pub fn signs_of(
    definition: &Definition,
    candidates: &[Candidate],
) -> Result<Vec<Sign>, StudyError> {
    let candidates = usable(definition, candidates)?;
    let drawn = drawn(definition, &candidates);
    let drawn: Vec<&Candidate> = drawn.into_iter().map(|at| candidates[at]).collect();
    Ok(signs::signs(definition, &drawn))
}

/// The candidates that are drawn, by index.
fn drawn(definition: &Definition, candidates: &[&Candidate]) -> Vec<usize> {
    let emotions: Vec<_> = candidates.iter().map(|c| c.emotion.clone()).collect();
    draw::contexts(
        &emotions,
        definition.drawn_contexts(),
        definition.stratified,
        definition.seed,
    )
}

/// A study's key, which cannot be derived from the uid that annotators know.
fn key(nonce: u64) -> u64 {
    let digest = Sha256::digest(format!("key of sides/{nonce}").as_bytes());
    digest
        .iter()
        .take(8)
        .fold(0, |key, byte| (key << 8) | u64::from(*byte))
}

/// A random number for a new study.
pub fn fresh_nonce() -> u64 {
    use std::hash::{BuildHasher, Hasher};
    let random = std::collections::hash_map::RandomState::new();
    random.build_hasher().finish()
}

fn head(definition: &Definition, created_ms: i64, nonce: u64) -> StudyHead {
    let identity = format!(
        "{created_ms}/{nonce}/{}/{}",
        definition.seed, definition.title
    );
    StudyHead {
        uid: hex(&Sha256::digest(identity.as_bytes())[..16]),
        title: definition.title.clone(),
        kind: definition.kind,
        instructions: definition.instructions.clone(),
        created_ms,
        aspects: definition.aspects.clone(),
        comment: definition.comment.clone(),
    }
}

fn annotators(definition: &Definition) -> Vec<Annotator> {
    let raters = definition.annotators.iter().map(|name| (name, Role::Rater));
    let fourth = definition.adjudicator.iter();
    let fourth = fourth.map(|name| (name, Role::Adjudicator));
    let everyone = raters.chain(fourth).zip(1..);
    everyone
        .map(|((name, role), number)| Annotator::new(number, name, role))
        .collect()
}

/// The definition with pseudonyms instead of names, which only the annotators' table has.
fn pseudonymous(definition: &Definition) -> Definition {
    let annotators = annotators(definition).into_iter();
    let mut people = annotators.map(|annotator| annotator.pseudonym);
    Definition {
        annotators: people.by_ref().take(definition.annotators.len()).collect(),
        adjudicator: people.next(),
        ..definition.clone()
    }
}

impl Annotator {
    pub fn new(number: u32, name: &str, role: Role) -> Annotator {
        Annotator {
            number,
            pseudonym: format!("A{number}"),
            name: name.to_string(),
            role,
            standings: Vec::new(),
        }
    }

    pub fn standing(&self) -> Standing {
        self.standings
            .last()
            .map_or(Standing::Judging, |last| last.standing)
    }
}

/// The candidates that every system answered, each once, by key.
///
/// # Errors
/// They are fewer than the contexts to draw.
fn usable<'a>(
    definition: &Definition,
    candidates: &'a [Candidate],
) -> Result<Vec<&'a Candidate>, StudyError> {
    let answered = |candidate: &&Candidate| {
        let mut answers = candidate.answers.iter();
        answers.len() == definition.systems.len() && answers.all(|a| !a.trim().is_empty())
    };
    let mut usable: Vec<&Candidate> = candidates.iter().filter(answered).collect();
    usable.sort_by(|a, b| a.key.cmp(&b.key));
    usable.dedup_by(|a, b| a.key == b.key);
    let (found, wanted) = (usable.len(), definition.drawn_contexts());
    if found >= wanted {
        return Ok(usable);
    }
    Err(match wanted > definition.contexts {
        true => StudyError::NeedRepeats {
            found,
            wanted,
            contexts: definition.contexts,
            annotators: definition.annotators_for_all(),
        },
        false => StudyError::TooFew {
            found,
            what: "have a response by every system",
            wanted,
            fix: "choose fewer contexts, or systems that answered the same ones",
        },
    })
}

/// The items of all portions of the drawn contexts, and for each its raters, from 0.
fn items<'a>(
    portions: &'a [Portion],
    candidates: &[&Candidate],
    drawn: &[usize],
) -> (Vec<Item>, Vec<&'a [usize]>) {
    let mut items = Vec::new();
    let mut raters_of = Vec::new();
    for portion in portions {
        let candidate = candidates[drawn[portion.context]];
        let text = |system: usize| candidate.answers[system].clone();
        for content in &portion.contents {
            let texts = match *content {
                Content::Pair(a, b) => vec![text(a), text(b)],
                Content::Single(system) => vec![text(system)],
                Content::Check => Vec::new(),
            };
            items.push(item(candidate, texts, *content));
            raters_of.push(&portion.raters[..]);
        }
    }
    (items, raters_of)
}

fn item(candidate: &Candidate, texts: Vec<String>, content: Content) -> Item {
    Item {
        number: 0,
        context: candidate.key.clone(),
        emotion: candidate.emotion.clone(),
        utterances: candidate.utterances.clone(),
        roles: candidate.roles.clone(),
        texts,
        content,
    }
}

/// Attention checks on contexts that were not drawn: the target against its own words shuffled, or the
/// shuffled words alone.
fn checks(
    definition: &Definition,
    candidates: &[&Candidate],
    drawn: &[usize],
) -> Result<Vec<Item>, StudyError> {
    let drawn: HashSet<usize> = drawn.iter().copied().collect();
    let mut rng = stream(definition.seed, "checks", 0);
    let long_enough = |candidate: &Candidate| {
        let target = candidate.target.as_deref().unwrap_or("");
        target.split_whitespace().count() >= CHECK_WORDS
    };
    let free: Vec<usize> = draw::order(candidates.len(), &mut rng)
        .into_iter()
        .filter(|at| !drawn.contains(at) && long_enough(candidates[*at]))
        .take(definition.attention_checks)
        .collect();
    if free.len() < definition.attention_checks {
        return Err(StudyError::TooFew {
            found: free.len(),
            what: "are left that have a target of six words or more, the listener's own answer, for an attention check",
            wanted: definition.attention_checks,
            fix: "choose fewer attention checks or fewer contexts, or import the responses again with contexts whose rows have \
                  the listener's own answer in the field \"response\" (responses import --contexts)",
        });
    }
    let check = |at: usize| {
        let candidate = candidates[at];
        let target = candidate.target.clone().unwrap_or_default();
        let mut words: Vec<&str> = target.split_whitespace().collect();
        words.shuffle(&mut rng);
        let salad = words.join(" ");
        let texts = match definition.kind {
            StudyKind::AbTest => vec![target.clone(), salad],
            StudyKind::Rating => vec![salad],
        };
        item(candidate, texts, Content::Check)
    };
    Ok(free.into_iter().map(check).collect())
}

/// Numbers the items from 1 in random order; returns their indices by number.
fn number(items: &mut [Item], seed: u64) -> Vec<usize> {
    let places = draw::order(items.len(), &mut stream(seed, "numbers", 0));
    for (at, number) in places.iter().zip(1..) {
        items[*at].number = number;
    }
    places
}

/// Assigns the first items to their raters, and the checks behind them to everyone.
fn assignments(definition: &Definition, items: &[Item], raters_of: &[&[usize]]) -> Vec<Assignment> {
    let mut assignments = Vec::new();
    for annotator in 0..definition.annotators.len() {
        let is_given = |at: usize| {
            let raters = raters_of.get(at);
            raters.is_none_or(|raters| raters.contains(&annotator))
        };
        let given = items.iter().enumerate().filter(|(at, _)| is_given(*at));
        let given = given.map(|(_, item)| item).collect();
        let seed = definition.blinded_seed();
        assignments.extend(arranged(seed, annotator as u32 + 1, 0, given));
    }
    assignments
}

/// Assigns items in an individual order, those of one context far apart, and on individual sides, after the `before`
/// earlier ones. For each pair of systems the first is on the left as often as on the right.
fn arranged(seed: u64, annotator: u32, before: u32, mut items: Vec<&Item>) -> Vec<Assignment> {
    let batch = (u64::from(annotator) << 32) | u64::from(before);
    let mut rng = stream(seed, "order", batch);
    items.sort_by_key(|item| item.number);
    let places = draw::far_apart(&items, |item| &item.context, &mut rng);
    let items: Vec<&Item> = places.into_iter().map(|at| items[at]).collect();
    let mut contents: Vec<Content> = Vec::new();
    for item in &items {
        if !contents.contains(&item.content) {
            contents.push(item.content);
        }
    }
    let mut swapped = vec![false; items.len()];
    for content in contents {
        let places: Vec<usize> = (0..items.len())
            .filter(|at| items[*at].content == content && items[*at].texts.len() > 1)
            .collect();
        for (at, side) in places.iter().zip(draw::sides(places.len(), &mut rng)) {
            swapped[*at] = side;
        }
    }
    items
        .iter()
        .zip(swapped)
        .zip(before + 1..)
        .map(|((item, swapped), position)| Assignment {
            annotator,
            position,
            item: item.number,
            swapped,
        })
        .collect()
}

/// Assigns items to somebody who joins later, after the `before` that they have already: to the fourth annotator those on
/// which three differ, to a substitute those of whom they replace.
pub fn assigned(seed: u64, annotator: u32, before: u32, items: &[Item]) -> Vec<Assignment> {
    arranged(seed, annotator, before, items.iter().collect())
}

/// An item as shown, without any trace of its systems.
pub fn page(item: &Item, swapped: bool) -> Page {
    let text = |at: usize| item.texts.get(at).cloned().unwrap_or_default();
    let shown = match item.texts.len() {
        1 => Shown::Single { response: text(0) },
        _ => Shown::Pair {
            left: text(usize::from(swapped)),
            right: text(usize::from(!swapped)),
        },
    };
    Page {
        item: item.number,
        context: item.utterances.clone(),
        roles: item.roles.clone(),
        shown,
    }
}

fn remarks(definition: &Definition, items: &[Item]) -> Remarks {
    let names_any = |text: &String| definition.systems.iter().any(|system| names(text, system));
    let naming = |item: &&Item| item.texts.iter().chain(&item.utterances).any(names_any);
    let identical = |item: &&Item| item.texts.len() > 1 && item.texts[0] == item.texts[1];
    Remarks {
        identical: items.iter().filter(identical).count(),
        naming: items.iter().filter(naming).count(),
    }
}
