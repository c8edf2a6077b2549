//! `emprl study judge`: shows one annotator's pages in the terminal and reads their answers from stdin.
//!
//! What it reports as recorded is on disk. Knows no system: it has only the annotator's own pages.

use std::io::{BufRead, IsTerminal};
use std::time::Instant;

use serde_json::{Value, json};

use super::find;
use crate::cli::output::{line_on_stderr, number_of};
use crate::cli::{CommandContext, Failure};
use crate::data::Role;
use crate::operations::studies::judged_elsewhere;
use crate::store::{Store, StoreError, StudyId};
use crate::study::attention::AWAY_SECONDS;
use crate::study::definition::StudyKind;
use crate::study::judgement::{Answer, Choice, JudgementAction, JudgementRecord};
use crate::study::page::{Page, Shown, StudyHead, Worklist};
use crate::text::shown::one_line;

#[derive(Debug, clap::Args)]
pub struct Judge {
    /// The study's number
    study: StudyId,
    /// Who judges: a number, a pseudonym such as A2, or a name
    #[arg(long, value_name = "WHO")]
    annotator: String,
}

const AB_HELP: &str = "1 the first is better, 2 the second, 3 a tie; ";
const RATING_HELP: &str = "three digits from 1 to 5 for empathy, relevance, fluency, such as 435; ";

/// One line of input.
#[derive(Debug, PartialEq)]
enum Input {
    Action(JudgementAction),
    Flag,
    Undo,
    Quit,
}

impl Judge {
    pub fn run(&self, ctx: &CommandContext) -> Result<(), Failure> {
        let mut store = Store::open(&ctx.store)?;
        let study = store.reader()?.study(self.study)?;
        if study.unblinding.is_some() {
            return Err(StoreError::Unblinded { study: self.study }.into());
        }
        let annotator = find(&study, &self.annotator)?.number;
        let mut worklist = store.reader()?.worklist(self.study, annotator)?;
        let mut lines = std::io::stdin().lock().lines();
        if !ctx.out.json {
            let head = &worklist.head;
            ctx.out.text(&format!(
                "{}\n\n{}\n",
                one_line(&head.title),
                head.instructions
            ))?;
        }
        let mut at = worklist.next();
        let mut shown = None;
        let (mut number, mut refused) = (0, 0);
        while let Some(index) = at {
            let page = worklist.pages()[index].clone();
            if shown != Some(page.item) {
                show(ctx, &worklist, &page, index)?;
                shown = Some(page.item);
            }
            let since = Instant::now();
            let Some(line) = lines.next() else { break };
            number += 1;
            let line = line.map_err(|error| Failure::Failed(format!("stdin: {error}")))?;
            let input = match parse(&line, &worklist.head) {
                Ok(input) => input,
                // The item stays, so that the next line is about it.
                Err(why) => {
                    refused += 1;
                    line_on_stderr(&format!("line {number}: {why}"));
                    if ctx.out.json {
                        let event = json!({"event": "refused", "line": number, "why": why});
                        ctx.out.json_line(&event)?;
                    }
                    continue;
                }
            };
            // A long silence counts as a pause.
            let time = since.elapsed().as_secs_f64().min(AWAY_SECONDS) * 1000.0;
            let action = match input {
                Input::Quit => break,
                Input::Undo => {
                    let undone = match store.undo(self.study, annotator, worklist.known()) {
                        Err(error @ StoreError::JudgedElsewhere { .. }) => {
                            worklist = self.read_again(&store, annotator, &worklist, error)?;
                            at = worklist.next();
                            shown = None;
                            continue;
                        }
                        undone => undone?,
                    };
                    self.recorded(ctx, &mut worklist, &undone)?;
                    at = undone.last().map_or(at, |act| {
                        worklist
                            .pages()
                            .iter()
                            .position(|page| page.item == act.item)
                    });
                    shown = None;
                    continue;
                }
                Input::Flag => JudgementAction::Flag(!worklist.state(&page).flagged),
                Input::Action(action) => action,
            };
            let settles = matches!(action, JudgementAction::Answer(_) | JudgementAction::Skip);
            let acts = match store.judge(
                self.study,
                annotator,
                worklist.known(),
                page.item,
                &[action],
                time.round() as u64,
            ) {
                Err(error @ StoreError::JudgedElsewhere { .. }) => {
                    worklist = self.read_again(&store, annotator, &worklist, error)?;
                    at = worklist.next();
                    shown = None;
                    continue;
                }
                acts => acts?,
            };
            self.recorded(ctx, &mut worklist, &acts)?;
            if settles {
                at = worklist.next_after(index);
                shown = None;
            }
        }
        let progress = worklist.progress();
        match ctx.out.json {
            true => ctx
                .out
                .json_line(&json!({"event": "ended", "progress": progress}))?,
            false => ctx.out.text(&format!(
                "{} of {} items are judged, {} skipped.\n",
                progress.answered, progress.assigned, progress.skipped
            ))?,
        }
        // At a terminal the person has seen each and answered again.
        match refused {
            0 => Ok(()),
            _ if std::io::stdin().is_terminal() => Ok(()),
            n => Err(Failure::Usage(format!(
                "stdin: {} not understood, and each left its item for the next line",
                number_of(n, "line was", "lines were")
            ))),
        }
    }

    /// Reads the work again after it was judged elsewhere; who sits at the terminal is told and goes on. Lines of a
    /// file that follow were written for other pages, so there it ends with the error.
    fn read_again(
        &self,
        store: &Store,
        annotator: u32,
        earlier: &Worklist,
        error: StoreError,
    ) -> Result<Worklist, Failure> {
        if !std::io::stdin().is_terminal() {
            return Err(error.into());
        }
        let worklist = store.reader()?.worklist(self.study, annotator)?;
        let why = judged_elsewhere(&worklist.changed_since(earlier));
        line_on_stderr(&format!("Not recorded; answer again. {why}"));
        Ok(worklist)
    }

    fn recorded(
        &self,
        ctx: &CommandContext,
        worklist: &mut Worklist,
        acts: &[JudgementRecord],
    ) -> Result<(), Failure> {
        for act in acts {
            worklist.apply(act);
            if ctx.out.json {
                ctx.out
                    .json_line(&json!({"event": "recorded", "act": act}))?;
            }
        }
        match (ctx.out.json, acts.last()) {
            (true, Some(_)) => Ok(()),
            (true, None) => ctx.out.json_line(&json!({"event": "nothing to undo"})),
            (false, None) => ctx.out.text("There is nothing to undo.\n"),
            (false, Some(act)) if act.action == JudgementAction::Undo => {
                let mut pages = worklist.pages().iter();
                let at = pages.position(|page| page.item == act.item);
                let place = place(worklist, at.unwrap_or(0), act.item);
                ctx.out.text(&format!("Undone: {place} is open again.\n"))
            }
            (false, Some(_)) => ctx.out.text("Recorded.\n"),
        }
    }
}

/// Where a page is, and the number by which it is merged and decided.
fn place(worklist: &Worklist, at: usize, item: u32) -> String {
    format!("{} of {} (item {item})", at + 1, worklist.pages().len())
}

fn show(ctx: &CommandContext, worklist: &Worklist, page: &Page, at: usize) -> Result<(), Failure> {
    let state = worklist.state(page);
    if ctx.out.json {
        let mut event = json!({"event": "page", "place": at + 1, "of": worklist.pages().len()});
        event["page"] = json!(page);
        event["flagged"] = Value::Bool(state.flagged);
        return ctx.out.json_line(&event);
    }
    let mut text = format!("\n{}\n", place(worklist, at, page.item));
    for (turn, utterance) in page.context.iter().enumerate() {
        let who = Role::of(&page.roles, turn).title();
        text += &format!("  {who}: {}\n", one_line(utterance));
    }
    let help = help(&worklist.head);
    match &page.shown {
        Shown::Pair { left, right } => {
            let (left, right) = (one_line(left), one_line(right));
            text += &format!("\n  1  {left}\n  2  {right}\n\n{help}\n");
        }
        Shown::Single { response } => {
            let response = one_line(response);
            text += &format!("\n  Response: {response}\n\n{help}\n");
        }
    }
    ctx.out.text(&text)
}

fn parse(line: &str, head: &StudyHead) -> Result<Input, String> {
    let line = line.trim();
    let (command, words) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
    match &*command.to_lowercase() {
        "q" => return Ok(Input::Quit),
        "u" => return Ok(Input::Undo),
        "f" => return Ok(Input::Flag),
        "s" => return Ok(Input::Action(JudgementAction::Skip)),
        "c" => {
            let comment = match words.trim() {
                "" => {
                    return Err(
                        "a comment is written behind its c, on the same line, such as \"c both are off\"; \
                                \"c -\" removes it"
                            .to_string(),
                    );
                }
                "-" => "",
                words => words,
            };
            return Ok(Input::Action(JudgementAction::Comment(comment.to_string())));
        }
        _ => {}
    }
    let answer = answer(line, head);
    let help = help(head);
    let answer = answer.ok_or_else(|| format!("\"{line}\" is not an answer; {help}"))?;
    Ok(Input::Action(JudgementAction::Answer(answer)))
}

/// An answer as it is typed. A tie is 3, as in the window; 0 is read too.
pub(super) fn answer(line: &str, head: &StudyHead) -> Option<Answer> {
    match head.kind {
        StudyKind::AbTest => match line {
            "1" => Some(Answer::Choice(Choice::Left)),
            "2" => Some(Answer::Choice(Choice::Right)),
            "3" | "0" => Some(Answer::Choice(Choice::Tie)),
            _ => None,
        },
        StudyKind::Rating => head.rated(&scores(line, head)?),
    }
}

/// An answer, with what is typed for it.
pub(super) fn answer_words(answer: &Answer) -> String {
    match answer {
        Answer::Choice(Choice::Left) => "1 (the first)".to_string(),
        Answer::Choice(Choice::Right) => "2 (the second)".to_string(),
        Answer::Choice(Choice::Tie) => "3 (a tie)".to_string(),
        Answer::Rating(_) => listed(answer, ""),
        Answer::Scores(_) => listed(answer, " "),
    }
}

fn listed(answer: &Answer, between: &str) -> String {
    let scores = answer.scores();
    let scores = scores.iter().flat_map(|scores| scores.points());
    let scores: Vec<String> = scores.map(u8::to_string).collect();
    scores.join(between)
}

/// The scores of a rating: a digit for each of the paper's, numbers with blanks between them for aspects of the study's own.
fn scores(line: &str, head: &StudyHead) -> Option<Vec<u8>> {
    if head.aspects.is_some() {
        let scores = line.split_whitespace();
        return scores.map(|score| score.parse().ok()).collect();
    }
    let digits = line.chars().filter(|letter| !letter.is_whitespace());
    digits
        .map(|letter| letter.to_digit(10).map(|digit| digit as u8))
        .collect()
}

/// What can be typed for an item.
fn help(head: &StudyHead) -> String {
    let answer = match (head.kind, &head.aspects) {
        (StudyKind::AbTest, _) => AB_HELP.to_string(),
        (StudyKind::Rating, None) => RATING_HELP.to_string(),
        (StudyKind::Rating, Some(aspects)) => {
            let each = aspects.0.iter();
            let each = each.map(|one| format!("{} (1 to {})", one_line(&one.name), one.points));
            let each: Vec<String> = each.collect();
            format!("a score for {}, with blanks between; ", each.join(", "))
        }
    };
    let comment = match &head.comment {
        Some(asked) => format!("as an answer to \"{}\"", one_line(asked)),
        None => "a comment".to_string(),
    };
    format!("{answer}s skip, u undo, f flag, c and words behind it {comment}, q quit")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::study::aspects::Aspects;
    use crate::study::definition::StudyKind::{AbTest, Rating};

    #[test]
    fn lines_are_parsed() {
        let head = |kind, aspects: Option<Aspects>| StudyHead {
            uid: String::new(),
            title: String::new(),
            kind,
            instructions: String::new(),
            created_ms: 0,
            aspects,
            comment: None,
        };
        let (ab, rating) = (head(AbTest, None), head(Rating, None));
        let tie = Input::Action(JudgementAction::Answer(Answer::Choice(Choice::Tie)));
        for typed in [" 0 ", "3"] {
            assert_eq!(parse(typed, &ab).as_ref(), Ok(&tie));
        }
        let comment = Input::Action(JudgementAction::Comment("so so".to_string()));
        for typed in ["c so so", "C so so"] {
            assert_eq!(parse(typed, &rating).as_ref(), Ok(&comment));
        }
        let none = Input::Action(JudgementAction::Comment(String::new()));
        assert_eq!(parse("c -", &ab), Ok(none));
        let refused = parse("C", &ab).unwrap_err();
        assert!(refused.contains("on the same line"), "{refused}");
        for typed in ["u", "U"] {
            assert_eq!(parse(typed, &rating), Ok(Input::Undo));
        }
        assert_eq!(parse("F", &ab), Ok(Input::Flag));
        for wrong in ["", "6 1 1", "44", "3 3 3 3", "1"] {
            assert!(parse(wrong, &rating).is_err(), "{wrong}");
        }
        assert!(parse("435", &rating).is_ok() && parse("4 3 5", &rating).is_ok());
        assert!(parse("4", &ab).is_err());
        let aspects = "[[aspect]]\nname = \"Warmth\"\npoints = 11\n[[aspect]]\nname = \"Sense\"\n";
        let own = head(Rating, Some(Aspects::from_toml(aspects).unwrap()));
        let said = parse("11 5", &own).unwrap();
        let scores = own.rated(&[11, 5]).unwrap();
        assert_eq!(said, Input::Action(JudgementAction::Answer(scores)));
        assert_eq!(answer_words(&scores), "11 5");
        for wrong in ["115", "12 5", "11 6", "11"] {
            let refused = parse(wrong, &own).unwrap_err();
            assert!(
                refused.contains("Warmth (1 to 11), Sense (1 to 5)"),
                "{refused}"
            );
        }
    }
}
