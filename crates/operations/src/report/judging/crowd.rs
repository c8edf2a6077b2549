//! What who comes from a crowd platform sees around the items: consent, a check, practice, and how it ends.

use std::fmt::Write;

use serde::Deserialize;

use super::page::{
    key_html, own_html, pair_html, pair_keys_html, scales_html, single_html, talk_html,
};
use super::texts::{Texts, TextsError, check, filled};
use crate::report::escape::html;
use crate::study::definition::StudyKind;
use crate::study::page::{Page, Shown, StudyHead};

/// Tries at the comprehension check.
pub const TRIES: u32 = 2;

/// The words before and after the items.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Consent {
    title: String,
    text: String,
    agree: String,
    decline: String,
    declined: String,
    declined_text: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Check {
    title: String,
    text: String,
    read_again: String,
    submit: String,
    wrong: String,
    failed: String,
    failed_text: String,
    #[serde(default)]
    ab: Vec<Question>,
    #[serde(default)]
    rating: Vec<Question>,
    /// Of ratings with aspects of their own.
    #[serde(default)]
    own: Vec<Question>,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Question {
    question: String,
    options: Vec<String>,
    /// Which option is right, from 1.
    right: usize,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Practice {
    title: String,
    right: String,
    other: String,
    go_on: String,
    #[serde(default)]
    ab: Vec<PracticePair>,
    #[serde(default)]
    rating: Vec<PracticeSingle>,
    /// Of ratings with aspects of their own.
    #[serde(default)]
    own: Vec<PracticeOwn>,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
struct PracticePair {
    context: Vec<String>,
    left: String,
    right: String,
    /// left, right or tie.
    usual: String,
    why: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
struct PracticeSingle {
    context: Vec<String>,
    response: String,
    /// Empathy, relevance, fluency.
    usual: [u8; 3],
    why: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
struct PracticeOwn {
    context: Vec<String>,
    response: String,
    /// In the order of the aspects.
    usual: Vec<u8>,
    why: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct End {
    title: String,
    code: String,
    back: String,
    no_code: String,
    full: String,
    full_text: String,
    no_id: String,
    no_id_text: String,
}

/// What a platform is told at the end: a code, or an address to return to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Completion {
    None,
    Code(String),
    Address(String),
}

impl Consent {
    pub(super) fn check(&self) -> Result<(), TextsError> {
        for (name, text) in [
            ("consent.title", &self.title),
            ("consent.text", &self.text),
            ("agree", &self.agree),
            ("decline", &self.decline),
            ("declined", &self.declined),
            ("declined_text", &self.declined_text),
        ] {
            check(name, text, &[])?;
        }
        Ok(())
    }
}

impl Check {
    pub(super) fn check(&self) -> Result<(), TextsError> {
        for (name, text) in [
            ("check.title", &self.title),
            ("check.text", &self.text),
            ("read_again", &self.read_again),
            ("submit", &self.submit),
            ("wrong", &self.wrong),
            ("failed", &self.failed),
            ("failed_text", &self.failed_text),
        ] {
            check(name, text, &[])?;
        }
        for question in self.ab.iter().chain(&self.rating).chain(&self.own) {
            check("question", &question.question, &[])?;
            for option in &question.options {
                check("options", option, &[])?;
            }
            if !(1..=question.options.len()).contains(&question.right) {
                return Err(TextsError::Right);
            }
        }
        Ok(())
    }

    fn of(&self, head: &StudyHead) -> &[Question] {
        match head.kind {
            StudyKind::AbTest => &self.ab,
            StudyKind::Rating if head.aspects.is_some() => &self.own,
            StudyKind::Rating => &self.rating,
        }
    }
}

impl Practice {
    pub(super) fn check(&self) -> Result<(), TextsError> {
        check("practice.title", &self.title, &["{place}", "{all}"])?;
        for (name, text) in [
            ("practice.right", &self.right),
            ("practice.other", &self.other),
            ("go_on", &self.go_on),
        ] {
            check(name, text, &[])?;
        }
        for pair in &self.ab {
            check("why", &pair.why, &[])?;
            if !["left", "right", "tie"].contains(&pair.usual.as_str()) {
                return Err(TextsError::Usual);
            }
        }
        for single in &self.rating {
            check("why", &single.why, &[])?;
            if single.usual.iter().any(|points| !(1..=5).contains(points)) {
                return Err(TextsError::Usual);
            }
        }
        for single in &self.own {
            check("why", &single.why, &[])?;
        }
        Ok(())
    }

    /// Whether the items of ratings with own aspects have the scores of this study's.
    pub(super) fn fits(&self, head: &StudyHead) -> bool {
        self.own.iter().all(|one| head.rated(&one.usual).is_some())
    }
}

impl End {
    pub(super) fn check(&self) -> Result<(), TextsError> {
        for (name, text) in [
            ("end.title", &self.title),
            ("code", &self.code),
            ("back", &self.back),
            ("no_code", &self.no_code),
            ("full", &self.full),
            ("full_text", &self.full_text),
            ("no_id", &self.no_id),
            ("no_id_text", &self.no_id_text),
        ] {
            check(name, text, &[])?;
        }
        Ok(())
    }
}

impl Texts {
    /// The page that asks for consent.
    pub fn consent_html(&self) -> String {
        let consent = &self.consent;
        format!(
            "<section class=\"prose\" data-view=\"consent\"><h1 tabindex=\"-1\" dir=\"auto\" data-say>{}</h1>{}\
             <p class=\"buttons\"><button type=\"button\" class=\"primary\" data-input=\"agree\">{}</button> \
             <button type=\"button\" data-input=\"decline\">{}</button></p></section>",
            html(&consent.title),
            paragraphs_html(&consent.text),
            html(&consent.agree),
            html(&consent.decline),
        )
    }

    /// How many questions the check of such a study has.
    pub fn questions(&self, head: &StudyHead) -> usize {
        self.check.of(head).len()
    }

    /// Whether these options, from 0, are the right ones.
    pub fn passes(&self, head: &StudyHead, options: &[usize]) -> bool {
        let questions = self.check.of(head);
        questions.len() == options.len()
            && questions
                .iter()
                .zip(options)
                .all(|(question, option)| question.right == option + 1)
    }

    /// The comprehension check, after so many tries.
    pub fn check_html(&self, head: &StudyHead, tries: u32) -> String {
        let check = &self.check;
        let mut questions = String::new();
        for (at, question) in check.of(head).iter().enumerate() {
            let mut options = String::new();
            for (number, option) in question.options.iter().enumerate() {
                let _ = write!(
                    options,
                    "<label><input type=\"radio\" name=\"q{at}\" value=\"{number}\" required> \
                     <span dir=\"auto\">{}</span></label>",
                    html(option)
                );
            }
            let _ = write!(
                questions,
                "<fieldset><legend dir=\"auto\">{}</legend>{options}</fieldset>",
                html(&question.question)
            );
        }
        let text = if tries > 0 { &check.wrong } else { &check.text };
        format!(
            "<section class=\"prose\" data-view=\"check\" data-read=\"{}\"><h1 tabindex=\"-1\" dir=\"auto\" data-say>{}</h1>\
             <p dir=\"auto\" data-say>{}</p>\
             <p><button type=\"button\" data-input=\"read\">{}</button></p>\
             <form class=\"check\" data-questions=\"{}\">{questions}\
             <p><button type=\"submit\" class=\"primary\">{}</button></p></form></section>",
            tries == 0,
            html(&check.title),
            html(text),
            html(&check.read_again),
            check.of(head).len(),
            html(&check.submit),
        )
    }

    /// How many practice items such a study has.
    pub fn practice_items(&self, head: &StudyHead) -> usize {
        match head.kind {
            StudyKind::AbTest => self.practice.ab.len(),
            StudyKind::Rating if head.aspects.is_some() => self.practice.own.len(),
            StudyKind::Rating => self.practice.rating.len(),
        }
    }

    /// A practice item, with what is said of it once it is answered.
    pub fn practice_html(&self, head: &StudyHead, at: usize) -> String {
        let practice = &self.practice;
        let (place, all) = ((at + 1).to_string(), self.practice_items(head).to_string());
        let title = filled(&practice.title, &[("{place}", &place), ("{all}", &all)]);
        let (context, answers, keys, usual, why) = match head.kind {
            StudyKind::AbTest => match practice.ab.get(at) {
                Some(item) => (
                    &item.context,
                    pair_html(self, &item.left, &item.right),
                    pair_keys_html(self),
                    item.usual.clone(),
                    &item.why,
                ),
                None => return String::new(),
            },
            StudyKind::Rating if head.aspects.is_some() => match practice.own.get(at) {
                Some(item) => (
                    &item.context,
                    single_html(self, &item.response),
                    scales_html(self, head.aspects.as_ref()),
                    listed(&item.usual),
                    &item.why,
                ),
                None => return String::new(),
            },
            StudyKind::Rating => match practice.rating.get(at) {
                Some(item) => (
                    &item.context,
                    single_html(self, &item.response),
                    scales_html(self, None),
                    listed(&item.usual),
                    &item.why,
                ),
                None => return String::new(),
            },
        };
        let page = Page {
            item: 0,
            context: context.clone(),
            roles: Vec::new(),
            shown: Shown::Single {
                response: String::new(),
            },
        };
        format!(
            "<section class=\"item\" data-view=\"practice\" data-kind=\"{kind}\"{own} data-usual=\"{usual}\">\
             <header class=\"head\"><span>{title}</span>\
             <button type=\"button\" class=\"plain\" data-input=\"read\" aria-keyshortcuts=\"i\">{key}{read}</button></header>\
             <h1 class=\"unseen\" tabindex=\"-1\">{title}</h1>\
             <div class=\"body\">{talk}{answers}</div>\
             <div class=\"foot\"><div class=\"answering\">{keys}</div>\
             <div class=\"feedback\" hidden><p><b data-right dir=\"auto\">{right}</b><b data-other dir=\"auto\">{other}</b> \
             <span dir=\"auto\">{why}</span></p>\
             <p><button type=\"button\" class=\"primary\" data-input=\"practised\">{go_on}</button></p></div></div></section>",
            kind = head.kind.key(),
            own = own_html(head.aspects.as_ref()),
            usual = html(&usual),
            title = html(&title),
            key = key_html("I"),
            read = html(&self.page.words.instructions),
            talk = talk_html(self, &page),
            right = html(&practice.right),
            other = html(&practice.other),
            why = html(why),
            go_on = html(&practice.go_on),
        )
    }

    /// The end: all is judged, consent was not given, or the check was failed.
    pub fn finished_html(&self, completion: &Completion) -> String {
        ending_html(&self.end.title, &self.end.no_code, &self.end, completion)
    }

    pub fn declined_html(&self, completion: &Completion) -> String {
        let consent = &self.consent;
        ending_html(
            &consent.declined,
            &consent.declined_text,
            &self.end,
            completion,
        )
    }

    pub fn screened_out_html(&self, completion: &Completion) -> String {
        let check = &self.check;
        ending_html(&check.failed, &check.failed_text, &self.end, completion)
    }

    /// That no place is free, with its title.
    pub fn full_html(&self) -> (&str, String) {
        let end = &self.end;
        (&end.full, super::notice_html(&end.full, &end.full_text))
    }

    /// That the platform's id is missing, with its title.
    pub fn no_id_html(&self) -> (&str, String) {
        let end = &self.end;
        (&end.no_id, super::notice_html(&end.no_id, &end.no_id_text))
    }
}

fn ending_html(title: &str, text: &str, end: &End, completion: &Completion) -> String {
    let more = match completion {
        Completion::None => format!("<p dir=\"auto\" data-say>{}</p>", html(text)),
        Completion::Code(code) => format!(
            "<p dir=\"auto\" data-say>{}</p><p class=\"code\" dir=\"ltr\" data-say>{}</p>",
            html(&end.code),
            html(code)
        ),
        Completion::Address(address) => format!(
            "<p><a class=\"primary\" rel=\"noreferrer\" href=\"{}\">{}</a></p>",
            html(address),
            html(&end.back)
        ),
    };
    let told = if title == end.title || *completion == Completion::None {
        String::new()
    } else {
        format!("<p dir=\"auto\" data-say>{}</p>", html(text))
    };
    format!(
        "<section class=\"prose\" data-view=\"end\"><h1 tabindex=\"-1\" dir=\"auto\" data-say>{}</h1>{told}{more}</section>",
        html(title)
    )
}

/// Scores as the page reads them.
fn listed(scores: &[u8]) -> String {
    let scores: Vec<String> = scores.iter().map(u8::to_string).collect();
    scores.join(" ")
}

fn paragraphs_html(text: &str) -> String {
    let lines = text.lines().filter(|line| !line.trim().is_empty());
    lines
        .map(|line| format!("<p dir=\"auto\" data-say>{}</p>", html(line)))
        .collect()
}
