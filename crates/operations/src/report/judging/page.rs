//! The document of the judging page, and the fragments that take turns in it.
//!
//! A fragment is what a person sees at one moment: an item, or why there is none. The script swaps them; what it must
//! know stands in their `data-` attributes.

use std::fmt::Write;

use super::texts::{Texts, filled};
use crate::data::Role;
use crate::report::escape::html;
use crate::study::aspects::{Aspect, Aspects};
use crate::study::history::ItemState;
use crate::study::judgement::COMMENT_LIMIT;
use crate::study::page::{Page, Progress, Shown, StudyHead, Worklist};

/// What a whole document is made of.
pub struct Document<'a> {
    pub texts: &'a Texts,
    /// Of the browser's tab, and above the instructions.
    pub title: &'a str,
    /// Elements for the head: where script and style are.
    pub head: &'a str,
    /// The fragment that shows first.
    pub fragment: &'a str,
    /// The instructions, and whether they show first.
    pub instructions: &'a str,
    pub reading: bool,
    /// By which the browser keeps what is not sent yet; empty where nothing can be sent.
    pub place: &'a str,
}

/// A whole document.
pub fn document(document: &Document<'_>) -> String {
    let Document {
        texts,
        title,
        head,
        fragment,
        instructions,
        reading,
        place,
    } = document;
    let hidden = if *reading { " hidden" } else { "" };
    let notice = &texts.notice;
    let data: [(&str, &str); 9] = [
        ("place", place),
        ("waiting", &notice.waiting),
        ("busy", &notice.busy),
        ("refused", &notice.refused),
        ("elsewhere", &notice.elsewhere),
        ("early", &notice.too_early),
        ("recorded", &texts.page.words.recorded),
        ("left", &texts.page.words.time_left),
        ("earlier", &texts.page.words.earlier_turns),
    ];
    let data: String = data
        .iter()
        .map(|(name, text)| format!(" data-{name}=\"{}\"", html(text)))
        .collect();
    format!(
        "<!doctype html>\n<html lang=\"{language}\" dir=\"{direction}\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n\
         <meta name=\"referrer\" content=\"no-referrer\">\n\
         <meta name=\"robots\" content=\"noindex, nofollow\">\n\
         <meta name=\"format-detection\" content=\"telephone=no\">\n\
         <title>{title}</title>\n<link rel=\"icon\" href=\"data:,\">\n{head}</head>\n<body{data}>\n\
         <noscript><p class=\"strip\">{no_script}</p></noscript>\n\
         <p id=\"strip\" class=\"strip\" role=\"alert\" hidden></p>\n\
         <main id=\"desk\"{hidden}>{fragment}</main>\n{instructions}\
         <p id=\"live\" class=\"unseen\" role=\"status\" aria-live=\"polite\"></p>\n</body>\n</html>\n",
        language = html(&texts.language),
        direction = texts.direction.key(),
        title = html(title),
        no_script = html(&notice.no_script),
    )
}

/// The title of a study and its instructions, to be read whenever somebody asks; `reading` says whether they show.
pub fn instructions_html(texts: &Texts, worklist: &Worklist, reading: bool) -> String {
    let head = &worklist.head;
    let mut paragraphs = String::new();
    for line in texts.instructions(head).lines() {
        if !line.trim().is_empty() {
            let _ = write!(paragraphs, "<p dir=\"auto\">{}</p>", html(line));
        }
    }
    let words = &texts.page.words;
    let begin = if reading { &words.begin } else { &words.resume };
    let hidden = if reading { "" } else { " hidden" };
    format!(
        "<section id=\"reading\" class=\"prose\"{hidden}>\
         <h1 dir=\"auto\" tabindex=\"-1\">{title}</h1>{paragraphs}\
         <p><button type=\"button\" class=\"primary\" data-input=\"close\">{begin}</button></p></section>\n",
        title = html(texts.title(head)),
        begin = html(begin),
    )
}

/// An item, under the name by which this page knows it.
pub fn item_html(texts: &Texts, worklist: &Worklist, at: usize, name: &str) -> String {
    let Some(page) = worklist.pages().get(at) else {
        return done_html(texts, worklist);
    };
    let words = &texts.page.words;
    let state = worklist.state(page);
    let progress = worklist.progress();
    let all = progress.assigned.to_string();
    let place = (at + 1).to_string();
    let heading = filled(&words.item, &[("{place}", &place), ("{all}", &all)]);
    let (answers, keys) = match &page.shown {
        Shown::Pair { left, right } => (pair_html(texts, left, right), pair_keys_html(texts)),
        Shown::Single { response } => {
            let own = worklist.head.aspects.as_ref();
            (single_html(texts, response), scales_html(texts, own))
        }
    };
    format!(
        "<section class=\"item\" data-view=\"item\" data-item=\"{name}\" data-known=\"{known}\" data-kind=\"{kind}\"{own} \
         data-flagged=\"{flagged}\" data-left=\"{left}\">{head}\
         <h1 class=\"unseen\" tabindex=\"-1\">{heading}</h1>\
         <div class=\"body\">{talk}{answers}</div>\
         <div class=\"foot\"{own}>{more}{keys}{rest}</div></section>",
        own = own_html(worklist.head.aspects.as_ref()),
        more = more_html(texts),
        name = html(name),
        known = worklist.known(),
        kind = worklist.head.kind.key(),
        flagged = state.flagged,
        left = progress.assigned - progress.answered,
        head = head_html(texts, &progress),
        heading = html(&heading),
        talk = talk_html(texts, page),
        rest = rest_html(texts, &worklist.head, &state),
    )
}

/// That nothing is left to judge, or nothing given yet.
pub fn done_html(texts: &Texts, worklist: &Worklist) -> String {
    let has_last = worklist.progress().answered > 0;
    done_saying_html(texts, worklist, &texts.notice.done_text, "", has_last)
}

/// The same in these words, with a button; `has_last` says whether there is an answer to take back.
pub(super) fn done_saying_html(
    texts: &Texts,
    worklist: &Worklist,
    done_text: &str,
    button: &str,
    has_last: bool,
) -> String {
    let (words, notice) = (&texts.page.words, &texts.notice);
    let progress = worklist.progress();
    let all = progress.assigned.to_string();
    let (title, text) = match progress.assigned {
        0 => (&notice.nothing_yet, notice.nothing_yet_text.clone()),
        _ => (&notice.done, filled(done_text, &[("{all}", &all)])),
    };
    let undo = match has_last {
        false => String::new(),
        true => format!(
            "<p><button type=\"button\" data-input=\"undo\" aria-keyshortcuts=\"u\">{}{}</button></p>",
            key_html("U"),
            html(&words.undo)
        ),
    };
    format!(
        "<section class=\"prose\" data-view=\"done\" data-known=\"{known}\">{line}\
         <h1 tabindex=\"-1\" dir=\"auto\" data-say>{title}</h1><p dir=\"auto\" data-say>{text}</p>{button}{undo}</section>",
        known = worklist.known(),
        line = line_html(&progress),
        title = html(title),
        text = html(&text),
    )
}

/// A notice of two lines, behind which nothing follows: the study is over, or a link does not work.
pub fn notice_html(title: &str, text: &str) -> String {
    format!(
        "<section class=\"prose\" data-view=\"over\"><h1 tabindex=\"-1\" dir=\"auto\" data-say>{}</h1>\
         <p dir=\"auto\" data-say>{}</p></section>",
        html(title),
        html(text)
    )
}

impl Texts {
    /// A notice that the judging has ended.
    pub fn over_html(&self) -> String {
        notice_html(&self.notice.over, &self.notice.over_text)
    }

    /// A notice that the lead has paused the judging.
    pub fn paused_html(&self) -> String {
        notice_html(&self.notice.paused, &self.notice.paused_text)
    }

    /// A notice that a link does not work, whatever the reason; with its title.
    pub fn dead_html(&self) -> (&str, String) {
        let notice = &self.notice;
        (&notice.dead, notice_html(&notice.dead, &notice.dead_text))
    }

    /// What a browser's tab is called on a page of this study.
    pub fn title_of<'a>(&'a self, head: &'a StudyHead) -> &'a str {
        self.title(head)
    }
}

fn line_html(progress: &Progress) -> String {
    format!(
        "<progress max=\"{}\" value=\"{}\" aria-hidden=\"true\"></progress>",
        progress.assigned.max(1),
        progress.answered
    )
}

fn head_html(texts: &Texts, progress: &Progress) -> String {
    let words = &texts.page.words;
    let count = |n: usize| n.to_string();
    let done = filled(
        &words.count,
        &[
            ("{done}", &count(progress.answered)),
            ("{all}", &count(progress.assigned)),
        ],
    );
    let skipped = match progress.skipped {
        0 => String::new(),
        _ => filled(&words.skipped, &[("{number}", &count(progress.skipped))]),
    };
    format!(
        "{line}<header class=\"head\"><span data-count>{done}</span><span data-skipped>{skipped}</span><span data-time></span>\
         <button type=\"button\" class=\"plain\" data-input=\"read\" aria-keyshortcuts=\"i\">{key}{read}</button></header>",
        line = line_html(progress),
        done = html(&done),
        skipped = html(&skipped),
        key = key_html("I"),
        read = html(&words.instructions),
    )
}

pub(super) fn talk_html(texts: &Texts, page: &Page) -> String {
    let words = &texts.page.words;
    let mut turns = String::new();
    for (turn, utterance) in page.context.iter().enumerate() {
        let (class, who) = match Role::of(&page.roles, turn) {
            Role::Speaker => ("speaker", &words.speaker),
            Role::Listener => ("listener", &words.listener),
        };
        let _ = write!(
            turns,
            "<li class=\"{class}\"><span class=\"who\" data-say>{}</span><p dir=\"auto\" data-say>{}</p></li>",
            html(who),
            html(utterance)
        );
    }
    format!(
        "<ol class=\"talk\" aria-label=\"{}\">{turns}</ol>",
        html(&words.conversation)
    )
}

pub(super) fn pair_html(texts: &Texts, left: &str, right: &str) -> String {
    let words = &texts.page.words;
    let card = |number: &str, choice: &str, response: &str| {
        let label = filled(&words.numbered_response, &[("{number}", number)]);
        format!(
            "<button type=\"button\" class=\"card\" data-input=\"{choice}\">\
             <span class=\"who\"><span class=\"unseen\" data-say>{label}</span>\
             <span aria-hidden=\"true\">{number}</span></span>\
             <span class=\"text\" dir=\"auto\" data-say>{}</span></button>",
            html(response),
            label = html(&label),
        )
    };
    // Left is left in every direction of writing: the arrow keys point at the responses.
    format!(
        "<div class=\"pair\" dir=\"ltr\">{}{}</div>",
        card("1", "left", left),
        card("2", "right", right)
    )
}

pub(super) fn pair_keys_html(texts: &Texts) -> String {
    let words = &texts.page.words;
    let caps = [
        (
            "left",
            ["←", "1"],
            "ArrowLeft 1",
            &words.left_is_better,
            &words.first_is_better,
        ),
        ("tie", ["↓", "3"], "ArrowDown 3", &words.tie, &words.tie),
        (
            "right",
            ["→", "2"],
            "ArrowRight 2",
            &words.right_is_better,
            &words.second_is_better,
        ),
    ];
    let mut keys = String::new();
    for (choice, [arrow, digit], shortcuts, wide, narrow) in caps {
        let _ = write!(
            keys,
            "<button type=\"button\" class=\"choice\" data-input=\"{choice}\" aria-keyshortcuts=\"{shortcuts}\">\
             {}{}<span class=\"wide\" dir=\"auto\">{}</span><span class=\"narrow\" dir=\"auto\">{}</span></button>",
            key_html(arrow),
            key_html(digit),
            html(wide),
            html(narrow)
        );
    }
    format!("<div class=\"choices\" dir=\"ltr\">{keys}</div>")
}

pub(super) fn single_html(texts: &Texts, response: &str) -> String {
    format!(
        "<div class=\"card single\"><span class=\"who\" data-say>{}</span>\
         <span class=\"text\" dir=\"auto\" data-say>{}</span></div>",
        html(&texts.page.words.response),
        html(response)
    )
}

/// The scales of the paper's aspects, or of a study's own.
pub(super) fn scales_html(texts: &Texts, own: Option<&Aspects>) -> String {
    let mut scales = String::new();
    for (at, aspect) in own.unwrap_or(Aspects::paper()).0.iter().enumerate() {
        match own {
            Some(_) => scales += &own_scale_html(at, aspect),
            None => scales += &paper_scale_html(texts, at, aspect),
        }
    }
    let words = &texts.page.words;
    let hint = match own {
        Some(_) => &words.scores_hint,
        None => &words.rating_hint,
    };
    format!(
        "<div class=\"scales\">{scales}<p class=\"hint\">{}</p></div>",
        html(hint)
    )
}

/// A scale with a word on each point, in the language of the page.
fn paper_scale_html(texts: &Texts, at: usize, aspect: &Aspect) -> String {
    let title = html(texts.page.aspect(at).unwrap_or(&aspect.name));
    let words = texts.page.scores.iter();
    let points = (1..).zip(words).map(|(point, word)| {
        let word = html(word);
        point_html(
            point,
            &format!("{title}: {point}, {word}"),
            &format!("<span>{word}</span>"),
        )
    });
    format!(
        "<div class=\"scale\" role=\"group\" aria-label=\"{title}\" data-aspect=\"{at}\" data-points=\"{}\">\
         <span class=\"aspect\" aria-hidden=\"true\">{title}</span>{}</div>",
        aspect.points,
        points.collect::<String>()
    )
}

/// A scale below its name and question, with words at its ends.
fn own_scale_html(at: usize, aspect: &Aspect) -> String {
    let (name, question) = (html(&aspect.name), html(&aspect.question));
    let colon = if question.is_empty() { "" } else { ": " };
    let points = (1..=aspect.points).map(|point| {
        let label = match html(aspect.word(point)) {
            word if word.is_empty() => format!("{name}: {point}"),
            word => format!("{name}: {point}, {word}"),
        };
        point_html(point, &label, "")
    });
    format!(
        "<div class=\"scale own\" role=\"group\" aria-label=\"{name}{colon}{question}\" data-aspect=\"{at}\" \
         data-points=\"{most}\"><span class=\"aspect\" aria-hidden=\"true\"><b dir=\"auto\">{name}</b> \
         <span dir=\"auto\">{question}</span></span>{points}\
         <span class=\"ends\" aria-hidden=\"true\"><span dir=\"auto\">{low}</span>\
         <span dir=\"auto\">{high}</span></span></div>",
        most = aspect.points,
        points = points.collect::<String>(),
        low = html(&aspect.low),
        high = html(&aspect.high),
    )
}

fn point_html(point: u8, label: &str, word: &str) -> String {
    format!(
        "<button type=\"button\" class=\"point\" data-input=\"{point}\" aria-pressed=\"false\" \
         aria-label=\"{label}\"><b>{point}</b>{word}</button>"
    )
}

/// What says how many aspects of its own a study has.
pub(super) fn own_html(own: Option<&Aspects>) -> String {
    own.map_or_else(String::new, |own| format!(" data-own=\"{}\"", own.0.len()))
}

/// What says that more is above or below, for eyes; all of it is there for a screen reader.
fn more_html(texts: &Texts) -> String {
    let words = &texts.page.words;
    format!(
        "<button type=\"button\" class=\"more above\" data-input=\"back\" tabindex=\"-1\" aria-hidden=\"true\" hidden>\
         {}<span></span></button>\
         <button type=\"button\" class=\"more below\" data-input=\"more\" tabindex=\"-1\" aria-hidden=\"true\" hidden>\
         {}{}</button>",
        key_html("K"),
        key_html("J"),
        html(&words.more_below)
    )
}

fn rest_html(texts: &Texts, head: &StudyHead, state: &ItemState) -> String {
    let words = &texts.page.words;
    let flag = if state.flagged {
        &words.flagged
    } else {
        &words.flag
    };
    let comment = match state.comment.is_empty() {
        true => "<p class=\"said\"></p>".to_string(),
        false => format!(
            "<p class=\"said\"><span>{}:</span> <span dir=\"auto\">{}</span></p>",
            html(&words.comment),
            html(&state.comment)
        ),
    };
    let asked = head.comment.as_ref().unwrap_or(&words.comment);
    let caps = [
        ("skip", "S", &words.skip, None),
        ("flag", "F", flag, Some(state.flagged)),
        ("comment", "C", asked, None),
        ("undo", "U", &words.undo, None),
    ];
    let mut keys = String::new();
    for (input, letter, word, pressed) in caps {
        let pressed = pressed.map_or_else(String::new, |on| format!(" aria-pressed=\"{on}\""));
        let _ = write!(
            keys,
            "<button type=\"button\" class=\"plain\" data-input=\"{input}\" aria-keyshortcuts=\"{}\"{pressed}>{}<span>{}</span></button>",
            letter.to_lowercase(),
            key_html(letter),
            html(word)
        );
    }
    format!(
        "{comment}<div class=\"rest\">{keys}</div>\
         <form class=\"remark\" hidden><input type=\"text\" name=\"comment\" dir=\"auto\" autocomplete=\"off\" \
         maxlength=\"{COMMENT_LIMIT}\" enterkeyhint=\"done\" aria-label=\"{label}\" placeholder=\"{hint}\" value=\"{text}\">\
         <button type=\"submit\">{keep}</button></form>",
        label = html(asked),
        hint = html(head.comment.as_deref().unwrap_or(&words.comment_hint)),
        text = html(&state.comment),
        keep = html(&words.keep_comment),
    )
}

/// A key cap.
pub(super) fn key_html(name: &str) -> String {
    format!("<kbd aria-hidden=\"true\">{name}</kbd>")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::study::definition::StudyKind;
    use crate::study::judgement::{JudgementAction, JudgementRecord};

    fn worklist(kind: StudyKind, text: &str) -> Worklist {
        let head = StudyHead {
            uid: "0123456789abcdef".to_string(),
            title: text.to_string(),
            kind,
            instructions: text.to_string(),
            created_ms: 0,
            aspects: None,
            comment: None,
        };
        let shown = match kind {
            StudyKind::AbTest => Shown::Pair {
                left: text.to_string(),
                right: text.to_string(),
            },
            StudyKind::Rating => Shown::Single {
                response: text.to_string(),
            },
        };
        let page = Page {
            item: 77,
            context: vec![text.to_string()],
            roles: Vec::new(),
            shown,
        };
        let comment = JudgementRecord {
            seq: 1,
            item: 77,
            action: JudgementAction::Comment(text.to_string()),
            shown_ms: 0,
            wall_ms: 0,
        };
        Worklist::new(head, "A1".to_string(), vec![page], &[comment])
    }

    /// No text of others becomes a mark of the page, wherever it stands.
    #[test]
    fn texts_of_others_stay_texts() {
        let evil = "\"><script>alert(1)</script><img src=x onerror='x'>&lt;";
        for kind in [StudyKind::AbTest, StudyKind::Rating] {
            let worklist = worklist(kind, evil);
            for (_, language) in super::super::LANGUAGES {
                let texts = Texts::parse(language).unwrap();
                let item = item_html(&texts, &worklist, 0, evil);
                let instructions = instructions_html(&texts, &worklist, true);
                let page = document(&Document {
                    texts: &texts,
                    title: evil,
                    head: "",
                    fragment: &item,
                    instructions: &instructions,
                    reading: true,
                    place: evil,
                });
                assert!(!page.contains("<script"), "{page}");
                assert!(!page.contains("<img"), "{page}");
                assert!(
                    !page.contains("77"),
                    "the item's number is nobody's business"
                );
                assert!(page.matches("&lt;script&gt;").count() > 5);
            }
        }
    }
}
