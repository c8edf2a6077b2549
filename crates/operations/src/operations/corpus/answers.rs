//! The answers of a corpus as rows: each target and each response, in its record. Names for a filter over them.

use std::borrow::Cow;
use std::collections::{BTreeSet, HashMap, HashSet};
use std::path::Path;

use super::super::OperationError;
use crate::data::corpus::Counts;
use crate::data::corpus::record::{Labels, Record, Response, Score, TARGET};
use crate::data::library::{self, split_of};
use crate::data::{EmpathyLevel, Mechanism, Split};
use crate::filter::{Fact, Facts, Filter, Kind, Name, Part, Vocabulary, is_word};
use crate::metrics::words_of;

/// A target or a response in its record; a record without any has one answer of nothing.
#[derive(Clone, Copy, Debug)]
pub(super) struct Answer<'a> {
    pub record: &'a Record,
    /// A system, or [`TARGET`]; empty for an answer of nothing.
    pub system: &'a str,
    pub text: Option<&'a str>,
    /// None for a target.
    pub response: Option<&'a Response>,
}

impl<'a> Answer<'a> {
    /// The answers of a record, the target first.
    pub fn of(record: &'a Record) -> Vec<Answer<'a>> {
        let target = record.target.as_deref().map(|text| Answer {
            record,
            system: TARGET,
            text: Some(text),
            response: None,
        });
        let responses = record.responses.iter().map(|response| Answer {
            record,
            system: &response.system,
            text: Some(&response.text),
            response: Some(response),
        });
        let mut answers: Vec<Answer<'a>> = target.into_iter().chain(responses).collect();
        if answers.is_empty() {
            answers.push(Answer::of_nothing(record));
        }
        answers
    }

    /// What a record has without any answer.
    pub fn of_nothing(record: &'a Record) -> Answer<'a> {
        Answer {
            record,
            system: "",
            text: None,
            response: None,
        }
    }

    /// A label of the response, else of the record, else of the utterance that is answered.
    pub fn label(&self, name: &str) -> Option<&'a str> {
        let of = |labels: &'a Labels| labels.get(name).map(String::as_str);
        let of_answered = || of(&self.record.context.last()?.labels);
        self.response
            .and_then(|response| of(&response.labels))
            .or_else(|| of(&self.record.labels))
            .or_else(of_answered)
    }

    /// A score of the response, else of the record; the mean where it was given several times.
    pub fn score(&self, name: &str) -> Option<f64> {
        let of = |scores: &[Score]| Score::mean(scores, name);
        self.response
            .and_then(|response| of(&response.scores))
            .or_else(|| of(&self.record.scores))
    }

    /// The scores that say of the answer itself what its record's other answers may have otherwise: those of the response;
    /// of the record where nothing else answers; and for the target, where responses have such a score of their own.
    pub fn own_scores(&self, name: &str) -> &'a [Score] {
        let record = self.record;
        match self.response {
            Some(response) if has_score(&response.scores, name) => &response.scores,
            _ if self.is_only() => &record.scores,
            None if self.text.is_some() && !is_of_record(record, name) => &record.scores,
            _ => &[],
        }
    }

    /// A score of the answer itself; the mean where it was given several times.
    pub fn own_score(&self, name: &str) -> Option<f64> {
        Score::mean(self.own_scores(name), name)
    }

    /// The empathy level of the answer itself: the target's stands with the record.
    pub fn own_level(&self, mechanism: Mechanism) -> Option<EmpathyLevel> {
        let of = |labels: &Labels| labels.get(mechanism.key())?.parse().ok();
        let of_response = self.response.and_then(|response| of(&response.labels));
        let record = self.record;
        let is_records = self.response.is_none() || self.is_only();
        of_response.or_else(|| of(&record.labels).filter(|_| is_records))
    }

    /// Whether nothing else answers in its record.
    fn is_only(&self) -> bool {
        let record = self.record;
        usize::from(record.target.is_some()) + record.responses.len() == 1
    }

    /// Whether the response itself has a label or a score of this name; else both are its record's.
    pub fn has_own(&self, name: &str) -> bool {
        self.response.is_some_and(|response| {
            let mut scores = response.scores.iter();
            response.labels.contains_key(name) || scores.any(|score| score.name == name)
        })
    }

    /// The lowest and highest value of a score, where that is known.
    pub fn range(&self, name: &str) -> Option<[f64; 2]> {
        let of_response = self.response.into_iter().flat_map(|of| &of.scores);
        let mut named = of_response
            .chain(&self.record.scores)
            .filter(|score| score.name == name);
        named.find_map(|score| score.range)
    }

    /// What answers that are not independent of each other share: the conversation, else the record.
    pub fn conversation(&self) -> &'a str {
        self.record
            .conversation
            .as_deref()
            .unwrap_or(&self.record.id)
    }
}

/// Whether a score of a record is of none of its answers more than of the others.
pub(super) fn is_of_record(record: &Record, name: &str) -> bool {
    let answers = usize::from(record.target.is_some()) + record.responses.len();
    let of_responses = || {
        let mut responses = record.responses.iter();
        responses.any(|response| has_score(&response.scores, name))
    };
    has_score(&record.scores, name) && answers != 1 && !(record.target.is_some() && of_responses())
}

fn has_score(scores: &[Score], name: &str) -> bool {
    scores.iter().any(|score| score.name == name)
}

#[derive(Clone, Debug)]
enum Field {
    Id,
    Conversation,
    Turn,
    Words,
    ContextWords,
    Utterances,
    Counted(Counted),
}

/// What tables and facets count; labels and scores as their records name them.
#[derive(Clone, Debug)]
pub(super) enum Counted {
    System,
    /// Whether any record says its own; else they are drawn.
    Split {
        given: bool,
    },
    Label(String),
    Score(String),
}

impl Counted {
    /// The value that an answer has, other than a number.
    pub fn value<'a>(&self, answer: &Answer<'a>) -> Option<&'a str> {
        match self {
            Counted::System => answer.text.map(|_| answer.system),
            Counted::Split { given: true } => answer.record.split.map(Split::key),
            Counted::Split { given: false } => Some(split_of(answer.record, false).key()),
            Counted::Label(label) => answer.label(label),
            Counted::Score(_) => None,
        }
    }
}

/// By what answers of a record are better or worse than others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Judging<'a> {
    Score(&'a str),
    Verdict(&'a str),
}

/// A label or a score whose values are numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Measured<'a> {
    Score(&'a str),
    Label(&'a str),
}

impl<'a> Measured<'a> {
    pub fn name(self) -> &'a str {
        match self {
            Measured::Score(name) | Measured::Label(name) => name,
        }
    }

    /// The number; a label that is none is the error.
    pub fn of<'b>(self, answer: &Answer<'b>) -> Result<Option<f64>, &'b str> {
        match self {
            Measured::Score(name) => Ok(answer.score(name)),
            Measured::Label(name) => answer.label(name).map(number_of_label).transpose(),
        }
    }
}

/// A label as a number: one, or an empathy level.
fn number_of_label(text: &str) -> Result<f64, &str> {
    let number = text.trim().parse::<f64>().ok().filter(|of| of.is_finite());
    let level = || text.parse::<EmpathyLevel>().ok();
    number
        .or_else(|| level().map(|level| level.index() as f64))
        .ok_or(text)
}

/// What a filter over the answers of a corpus can name.
#[derive(Debug)]
pub struct AnswerNames {
    names: Vec<Name>,
    fields: HashMap<String, Field>,
    /// What verdicts are called; no filter names them.
    verdicts: Vec<String>,
}

/// The names of a corpus's answers.
///
/// # Errors
/// There is no such corpus, or its manifest is damaged.
pub fn names(store: &Path, corpus: &str) -> Result<AnswerNames, OperationError> {
    let (_, entry) = library::require_corpus(store, corpus)?;
    Ok(AnswerNames::new(&entry.counts))
}

impl AnswerNames {
    fn new(counts: &Counts) -> Self {
        let number = Kind::Number { curve: false };
        let splits = Split::ALL.map(|split| split.key().to_string()).to_vec();
        let mut systems: Vec<String> = counts.systems.keys().cloned().collect();
        if counts.with_target > 0 {
            systems.push(TARGET.to_string());
        }
        let fixed = [
            ("id", Field::Id, Kind::Text, "the record"),
            (
                "conversation",
                Field::Conversation,
                Kind::Text,
                "the record's conversation",
            ),
            (
                "turn",
                Field::Turn,
                number.clone(),
                "position of the answer in the conversation",
            ),
            (
                "split",
                Field::Counted(Counted::Split {
                    given: !counts.splits.is_empty(),
                }),
                Kind::Choice(splits),
                "where no record says it, drawn by conversation as training draws it",
            ),
            (
                "system",
                Field::Counted(Counted::System),
                Kind::Choice(systems),
                "whose answer; `target` is the listener's own",
            ),
            ("words", Field::Words, number.clone(), "words of the answer"),
            (
                "context_words",
                Field::ContextWords,
                number.clone(),
                "words of the context",
            ),
            (
                "utterances",
                Field::Utterances,
                number.clone(),
                "utterances of the context",
            ),
        ];
        let mut all = AnswerNames {
            names: Vec::new(),
            fields: HashMap::new(),
            verdicts: counts.verdicts.keys().cloned().collect(),
        };
        for (name, field, kind, help) in fixed {
            all.add(name.to_string(), field, kind, help);
        }
        for label in counts.labels.keys() {
            let name = all.free("label", label);
            let field = Field::Counted(Counted::Label(label.clone()));
            all.add(name, field, Kind::Text, "a label");
        }
        for score in counts.scores.keys() {
            let name = all.free("score", score);
            let field = Field::Counted(Counted::Score(score.clone()));
            all.add(name, field, number.clone(), "a score");
        }
        all
    }

    /// The name as a filter can write it, with its kind before it where another has the name already.
    fn free(&self, kind: &str, name: &str) -> String {
        let letters = name.chars();
        let plain: String = letters
            .map(|letter| if is_word(letter) { letter } else { '_' })
            .collect();
        let is_taken = |name: &str| self.fields.contains_key(&name.to_lowercase());
        if !is_taken(&plain) {
            return plain;
        }
        let mut free = format!("{kind}.{plain}");
        while is_taken(&free) {
            free.push('_');
        }
        free
    }

    fn add(&mut self, name: String, field: Field, kind: Kind, help: &str) {
        self.fields.insert(name.to_lowercase(), field);
        self.names.push(Name {
            name,
            kind,
            help: help.to_string(),
        });
    }

    /// The label of this name.
    ///
    /// # Errors
    /// No record has such a label.
    pub(super) fn label(&self, name: &str) -> Result<&str, OperationError> {
        match self.field("label", name) {
            Some(Field::Counted(Counted::Label(label))) => Ok(label),
            _ => Err(self.missing("label", name)),
        }
    }

    /// The score of this name.
    ///
    /// # Errors
    /// Nothing has such a score.
    pub(super) fn score(&self, name: &str) -> Result<&str, OperationError> {
        match self.field("score", name) {
            Some(Field::Counted(Counted::Score(score))) => Ok(score),
            _ => Err(self.missing("score", name)),
        }
    }

    /// The score of this name, else the label, whose values may be numbers.
    ///
    /// # Errors
    /// Nothing has such a score, and no record such a label.
    pub(super) fn measured(&self, name: &str) -> Result<Measured<'_>, OperationError> {
        let label = || self.label(name).map(Measured::Label);
        self.score(name)
            .map(Measured::Score)
            .or_else(|missing| label().map_err(|_| missing))
    }

    /// What makes the groups of a table: a label, or the splits.
    ///
    /// # Errors
    /// No record has such a label.
    pub(super) fn groups(&self, name: &str) -> Result<&Counted, OperationError> {
        match self.field("label", name) {
            Some(Field::Counted(by @ (Counted::Label(_) | Counted::Split { .. }))) => Ok(by),
            _ => Err(match (self.missing("label", name), self.score(name)) {
                (OperationError::NotInCorpus { kind, name, known }, Ok(_)) => {
                    OperationError::NotInCorpus {
                        kind,
                        name,
                        known: format!(
                            "it is a score, of which every table has the means (--scores), and groups are made by labels: {known}"
                        ),
                    }
                }
                (error, _) => error,
            }),
        }
    }

    /// The verdicts of this name, else the score.
    ///
    /// # Errors
    /// There are neither.
    pub(super) fn judging(&self, name: &str) -> Result<Judging<'_>, OperationError> {
        let plain = name.strip_prefix("verdict.").unwrap_or(name);
        let mut verdicts = self.verdicts.iter();
        match verdicts.find(|known| known.eq_ignore_ascii_case(plain)) {
            Some(verdict) => Ok(Judging::Verdict(verdict)),
            None => self.score(name).map(Judging::Score).map_err(|_| {
                let scores: Vec<&str> = self.scores().collect();
                let known = |what: &str, names: &[&str]| match names.is_empty() {
                    true => format!("no {what}"),
                    false => format!("the {what} {}", names.join(", ")),
                };
                let verdicts: Vec<&str> = self.verdicts.iter().map(String::as_str).collect();
                OperationError::NotInCorpus {
                    kind: "verdict or score",
                    name: name.to_string(),
                    known: format!(
                        "it has {} and {}",
                        known("verdicts", &verdicts),
                        known("scores", &scores)
                    ),
                }
            }),
        }
    }

    /// By what preference pairs are chosen: what is named, else the only verdicts.
    ///
    /// # Errors
    /// There are no such verdicts or scores; or none are named, and there is not exactly one kind of verdicts.
    pub(super) fn preference(&self, name: Option<&str>) -> Result<Judging<'_>, OperationError> {
        match (name, &self.verdicts[..]) {
            (Some(name), _) => self.judging(name),
            (None, [only]) => Ok(Judging::Verdict(only)),
            (None, verdicts) => Err(OperationError::NoPreference {
                verdicts: verdicts.to_vec(),
            }),
        }
    }

    pub(super) fn has_verdicts(&self) -> bool {
        !self.verdicts.is_empty()
    }

    /// That there are no verdicts, with what verdicts may follow from.
    pub(super) fn no_verdicts(&self) -> OperationError {
        OperationError::NoVerdicts {
            scores: self.scores().map(str::to_string).collect(),
        }
    }

    /// What counts are of: split, system, labels and scores, each by the name that a filter has for it.
    pub(super) fn counted(&self) -> impl Iterator<Item = (&str, &Counted)> {
        self.names
            .iter()
            .filter_map(|name| match self.fields.get(&name.name.to_lowercase())? {
                Field::Counted(counted) => Some((name.name.as_str(), counted)),
                _ => None,
            })
    }

    /// The scores, in the order of their names.
    pub(super) fn scores(&self) -> impl Iterator<Item = &str> {
        let fields = self
            .names
            .iter()
            .filter_map(|name| self.fields.get(&name.name.to_lowercase()));
        fields.filter_map(|field| match field {
            Field::Counted(Counted::Score(score)) => Some(score.as_str()),
            _ => None,
        })
    }

    fn field(&self, kind: &str, name: &str) -> Option<&Field> {
        let name = name.to_lowercase();
        let plain = name.strip_prefix(&format!("{kind}.")).unwrap_or(&name);
        let with_kind = self.fields.get(&format!("{kind}.{plain}"));
        // As tables write it, where a filter needs another name.
        let is_called = |field: &&Field| match field {
            Field::Counted(Counted::Score(own)) => kind == "score" && own.to_lowercase() == name,
            Field::Counted(Counted::Label(own)) => kind == "label" && own.to_lowercase() == name,
            _ => false,
        };
        let written = || self.fields.values().find(is_called);
        with_kind
            .or_else(|| self.fields.get(plain))
            .or_else(written)
    }

    fn missing(&self, kind: &'static str, name: &str) -> OperationError {
        let is_one = |known: &&Name| match self.fields.get(&known.name.to_lowercase()) {
            Some(Field::Counted(Counted::Label(_))) => kind == "label",
            Some(Field::Counted(Counted::Score(_))) => kind == "score",
            _ => false,
        };
        let known: Vec<&str> = self
            .names
            .iter()
            .filter(is_one)
            .map(|known| known.name.as_str())
            .collect();
        OperationError::NotInCorpus {
            kind,
            name: name.to_string(),
            known: match known.is_empty() {
                true => format!("it has no {kind}s"),
                false => format!("it has {}", known.join(", ")),
            },
        }
    }

    pub(super) fn matches(&self, filter: &Filter, answer: &Answer<'_>) -> bool {
        filter.matches(&AnswerFacts {
            names: self,
            answer,
        })
    }
}

impl Vocabulary for AnswerNames {
    fn name(&self, name: &str) -> Option<Cow<'_, Name>> {
        let find = |name: &str| {
            let mut names = self.names.iter();
            names.find(|known| known.name.eq_ignore_ascii_case(name))
        };
        // With its kind, though it needs none.
        let of_kind = || {
            let (kind, name) = name.split_once('.')?;
            let known = find(name)?;
            match (kind, self.fields.get(&known.name.to_lowercase())?) {
                ("label", Field::Counted(Counted::Label(_)))
                | ("score", Field::Counted(Counted::Score(_))) => Some(known),
                _ => None,
            }
        };
        find(name).or_else(of_kind).map(Cow::Borrowed)
    }

    fn names(&self) -> &[Name] {
        &self.names
    }

    fn example(&self) -> [&str; 2] {
        ["words", "words > 20"]
    }
}

struct AnswerFacts<'a> {
    names: &'a AnswerNames,
    answer: &'a Answer<'a>,
}

impl Facts for AnswerFacts<'_> {
    fn fact(&self, name: &str, _: Part) -> Fact {
        let (answer, record) = (self.answer, self.answer.record);
        let number = |value: Option<f64>| value.map_or(Fact::Missing, Fact::Number);
        let text = |value: Option<&str>| {
            value.map_or(Fact::Missing, |value| Fact::Text(value.to_string()))
        };
        match self.names.fields.get(&name.to_lowercase()) {
            None => Fact::Missing,
            Some(Field::Id) => text(Some(&record.id)),
            Some(Field::Conversation) => text(record.conversation.as_deref()),
            Some(Field::Turn) => number(record.turn.map(f64::from)),
            Some(Field::Words) => number(answer.text.map(|text| words_of(text) as f64)),
            Some(Field::ContextWords) => number(Some(words_of(&record.context_text()) as f64)),
            Some(Field::Utterances) => number(Some(record.context.len() as f64)),
            Some(Field::Counted(Counted::Score(score))) => number(answer.score(score)),
            Some(Field::Counted(counted)) => text(counted.value(answer)),
        }
    }

    fn mentions(&self, lower: &str) -> bool {
        let (answer, record) = (self.answer, self.answer.record);
        let of_response = answer.response.into_iter();
        let context = record.context.iter();
        [Some(record.id.as_str()), Some(answer.system), answer.text]
            .into_iter()
            .flatten()
            .chain(context.map(|said| said.text.as_str()))
            .chain(record.labels.values().map(String::as_str))
            .chain(of_response.flat_map(|response| response.labels.values().map(String::as_str)))
            .any(|text| text.to_lowercase().contains(lower))
    }
}

/// Which answers of a corpus.
#[derive(Debug)]
pub struct Narrowing {
    pub(super) names: AnswerNames,
    filter: Filter,
    /// Of the answers that the filter lets through, by their place from 0; None: all.
    chosen: Option<HashSet<usize>>,
}

impl Narrowing {
    /// Those that a filter with these names lets through.
    pub fn new(names: AnswerNames, filter: Filter) -> Self {
        Narrowing {
            names,
            filter,
            chosen: None,
        }
    }

    /// Whether the filter lets an answer through.
    pub(super) fn lets_through(&self, answer: &Answer<'_>) -> bool {
        self.names.matches(&self.filter, answer)
    }

    /// Of those, the ones at these places, from 0.
    pub(super) fn chosen(self, places: HashSet<usize>) -> Self {
        Narrowing {
            chosen: Some(places),
            ..self
        }
    }

    /// Gives every record to `keep`, with those of its answers that are wanted, where there are any.
    ///
    /// # Errors
    /// There is no such corpus, it is damaged, or `keep` fails.
    pub(super) fn each(
        &self,
        store: &Path,
        corpus: &str,
        mut keep: impl FnMut(&Record, Vec<Answer<'_>>) -> Result<(), OperationError>,
    ) -> Result<(), OperationError> {
        self.each_placed(store, corpus, |_, record, answers| keep(record, answers))
    }

    /// The same with the record's place in the corpus, from 0.
    ///
    /// # Errors
    /// As [`Narrowing::each`].
    pub(super) fn each_placed(
        &self,
        store: &Path,
        corpus: &str,
        mut keep: impl FnMut(usize, &Record, Vec<Answer<'_>>) -> Result<(), OperationError>,
    ) -> Result<(), OperationError> {
        let (mut place, mut records) = (0, 0);
        library::each_record(store, corpus, |record| {
            records += 1;
            let mut answers = Answer::of(&record);
            answers.retain(|answer| {
                let passes = self.names.matches(&self.filter, answer);
                let here = place;
                place += usize::from(passes);
                let chosen = self.chosen.as_ref();
                passes && chosen.is_none_or(|chosen| chosen.contains(&here))
            });
            match answers.is_empty() {
                true => Ok(()),
                false => keep(records - 1, &record, answers),
            }
        })
    }
}

/// Scores of whole conversations, which stand with each of their records and count once in each group.
#[derive(Debug, Default)]
pub(super) struct OfConversations {
    names: BTreeSet<String>,
    /// Groups of a conversation in which a score was counted.
    counted: HashSet<[String; 4]>,
}

impl OfConversations {
    /// Those of a corpus, as its mapping says.
    ///
    /// # Errors
    /// There is no such corpus, or its mapping is damaged.
    pub fn of(store: &Path, corpus: &str) -> Result<Self, OperationError> {
        let mapping = library::corpus_mapping(store, corpus)?;
        Ok(OfConversations {
            names: mapping.conversation_scores().map(str::to_string).collect(),
            counted: HashSet::new(),
        })
    }

    pub fn has(&self, score: &str) -> bool {
        self.names.contains(score)
    }

    /// Whether a score counts in this group: one of a conversation does with its first answer of each system there.
    pub fn counts(&mut self, answer: &Answer<'_>, group: &str, score: &str) -> bool {
        !self.has(score) || {
            let parts = [answer.conversation(), answer.system, group, score];
            self.counted.insert(parts.map(str::to_string))
        }
    }
}

/// Of a record's answers those to compare two labels or scores by: all whose response has one of the two itself, else one,
/// since what is the record's own counts once.
pub(super) fn compared<'a>(answers: Vec<Answer<'a>>, names: [&str; 2]) -> Vec<Answer<'a>> {
    let has_own = |answer: &Answer<'_>| names.iter().any(|name| answer.has_own(name));
    match answers.iter().any(has_own) {
        true => answers,
        false => answers.into_iter().take(1).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::Role;
    use crate::data::corpus::record::Utterance;
    use crate::filter::parse;

    fn record() -> Record {
        let score = |value: f64| Score {
            name: "words".into(),
            value,
            range: None,
            origin: None,
            probabilities: Vec::new(),
            rater: None,
        };
        Record {
            id: "7".into(),
            context: vec![Utterance {
                labels: Labels::from([("Cue type".into(), "loss".into())]),
                ..Utterance::new(Role::Speaker, "My cat died.")
            }],
            target: Some("I am so sorry.".into()),
            responses: vec![Response {
                system: "anna".into(),
                text: "Oh".into(),
                labels: Labels::from([("emotion".into(), "calm".into())]),
                scores: vec![score(2.0), score(5.0)],
                ..Response::default()
            }],
            labels: Labels::from([("emotion".into(), "sad".into())]),
            ..Record::default()
        }
    }

    fn names() -> AnswerNames {
        let some = |name: &str| (name.to_string(), 1);
        AnswerNames::new(&Counts {
            with_target: 1,
            systems: [some("anna")].into(),
            labels: [some("emotion"), some("Cue type")].into(),
            scores: [some("words")].into(),
            ..Counts::default()
        })
    }

    #[test]
    fn an_answer_has_its_own_labels_then_those_of_its_record_and_context() {
        let record = record();
        let answers = Answer::of(&record);
        let [target, response] = answers[..] else {
            panic!("{answers:?}")
        };
        assert_eq!(
            (target.system, target.label("emotion")),
            (TARGET, Some("sad"))
        );
        assert_eq!(response.label("emotion"), Some("calm"));
        assert_eq!(response.label("Cue type"), Some("loss"));
        // Given twice: the mean.
        assert_eq!(
            (response.score("words"), target.score("words")),
            (Some(3.5), None)
        );
    }

    #[test]
    fn what_is_the_records_own_is_compared_once() {
        let record = record();
        let compared = |names| compared(Answer::of(&record), names).len();
        assert_eq!(compared(["emotion", "Cue type"]), 2);
        assert_eq!(compared(["Cue type", "situation"]), 1);
    }

    #[test]
    fn a_filter_names_what_a_corpus_has() {
        let (record, names) = (record(), names());
        let systems = |text: &str| {
            let filter = parse(text, &names).unwrap();
            let all = Answer::of(&record);
            let kept = all.iter().filter(|answer| names.matches(&filter, answer));
            kept.map(|answer| answer.system.to_string())
                .collect::<Vec<_>>()
        };
        for (text, kept) in [
            ("", &["target", "anna"][..]),
            ("system = anna", &["anna"]),
            ("words > 2", &["target"]),
            // Another thing than the words of the answer.
            ("score.words >= 3.5", &["anna"]),
            ("emotion = sad or cue_type = joy", &["target"]),
            ("Cue_type = loss has:words", &["target", "anna"]),
            ("cat", &["target", "anna"]),
            ("has:score.words", &["anna"]),
            ("label.emotion = calm", &["anna"]),
            ("has:turn", &[]),
        ] {
            assert_eq!(systems(text), kept, "{text}");
        }
        let error = parse("emotoin = sad", &names).unwrap_err();
        assert!(error.message.contains("did you mean `emotion`"), "{error}");
        let error = parse("emotion = sad and", &names).unwrap_err();
        assert!(error.message.contains("such as `words > 20`"), "{error}");
        let error = names.label("mood").unwrap_err().to_string();
        assert!(
            error.contains("emotion, Cue_type") || error.contains("Cue_type, emotion"),
            "{error}"
        );
        assert!(names.score("emotion").is_err());
    }
}
