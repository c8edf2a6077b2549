//! The judging page: one annotator at work.
//!
//! It has that annotator's own pages, and nothing that could reveal which system is which.

use super::remote::Remote;
use crate::store::StudyId;
use crate::study::aspects::Aspect;
use crate::study::attention::AttentionTimer;
use crate::study::definition::StudyKind;
use crate::study::judgement::{Answer, JudgementAction, JudgementRecord};
use crate::study::page::{Page, StudyHead, Worklist};

/// How long a page is on screen before it can be answered, in seconds: an earlier key was meant for another.
const SEEN: f64 = 0.3;
/// After a key that came too early, so long a silence before the next counts, in seconds: of keys that are typed in one go
/// none is then taken for an answer to the wrong item.
const SILENCE: f64 = 0.4;

/// The judging page: one annotator at work.
#[derive(Debug)]
pub struct Judging {
    pub study: StudyId,
    pub annotator: u32,
    pub desk: Remote<Worklist>,
    /// Index of the page to judge; `None` when all is judged, or before the first.
    pub at: Option<usize>,
    /// Index of an earlier page that is looked at again, and cannot be answered.
    pub looking: Option<usize>,
    /// When the page was first on screen, in the window's seconds; `None` before that.
    shown_since: Option<f64>,
    /// How long the page has been attended to, since that was last recorded.
    attention: AttentionTimer,
    /// Until when no answer counts, in the window's seconds, after one that came too early.
    quiet_until: f64,
    /// Whether that is said: until something is given.
    pub too_early: bool,
    /// What was answered before an undo reopened the page.
    pub earlier: Option<Answer>,
    /// The score of each aspect, once it is given; of a rating.
    pub draft: Vec<Option<u8>>,
    /// The comment's field; `None` while it is closed.
    pub comment: Option<Comment>,
    /// The judgement that is being recorded, or acknowledged before the next page shows.
    pub given: Option<Given>,
    /// Whether the instructions are shown.
    pub reading: bool,
    pub refused: Option<String>,
    /// Seconds per answered item in this session.
    pub pace: Vec<f32>,
}

/// The open field of a comment.
#[derive(Debug, Clone, PartialEq)]
pub struct Comment {
    pub text: String,
    /// Whether this opening of the field has had the focus, which closes it when it goes elsewhere.
    pub focused: bool,
}

impl Comment {
    pub fn new(text: String) -> Self {
        Self {
            text,
            focused: false,
        }
    }
}

/// A judgement that is being recorded.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Given {
    /// The answer; `None` for a skip, a flag, a comment or an undo.
    pub answer: Option<Answer>,
    /// Whether the next page follows.
    pub settles: bool,
    /// In the window's seconds.
    pub time: f64,
    /// Whether it is on disk.
    pub recorded: bool,
}

impl Judging {
    pub fn new(study: StudyId, annotator: u32) -> Judging {
        Judging {
            study,
            annotator,
            desk: Remote::default(),
            at: None,
            looking: None,
            shown_since: None,
            attention: AttentionTimer::default(),
            quiet_until: 0.0,
            too_early: false,
            earlier: None,
            draft: Vec::new(),
            comment: None,
            given: None,
            reading: true,
            refused: None,
            pace: Vec::new(),
        }
    }

    /// Opens the first page once the annotator's work has been read.
    pub fn poll(&mut self) {
        if self.desk.poll()
            && let Some(desk) = self.desk.value()
        {
            self.reading = desk.progress().answered == 0;
            self.at = desk.next();
            self.turn();
        }
    }

    pub fn page(&self) -> Option<&Page> {
        self.desk.value()?.pages().get(self.looking.or(self.at)?)
    }

    /// The bytes of the longest answer of all pages.
    pub fn longest_answer(&self) -> Option<usize> {
        let pages = self.desk.value()?.pages().iter();
        let longest = pages.flat_map(|page| page.shown.responses().map(str::len));
        longest.max()
    }

    /// Advances time to `now`, in seconds. `in_view`: the window is focused and shows the page; `active`: there was
    /// input. Reading instructions and waiting for the disk do not count.
    pub fn attend(&mut self, now: f64, in_view: bool, sign: bool) {
        let at_item =
            !self.reading && self.looking.is_none() && self.at.is_some() && self.given.is_none();
        self.attention.update(now, in_view && at_item, sign);
    }

    /// Milliseconds for which the page was attended to; resets the count.
    pub fn shown_ms(&mut self) -> u64 {
        self.attention.take_ms()
    }

    /// The page is on screen.
    pub fn show(&mut self, now: f64) {
        self.shown_since.get_or_insert(now);
    }

    /// Whether a key now can be meant for the page: it was on screen for long enough, nothing is being recorded, and the
    /// annotator was silent since a key that came too early.
    pub fn is_meant(&mut self, now: f64) -> bool {
        let seen = self.shown_since.is_some_and(|since| now - since >= SEEN);
        self.too_early = !seen || self.given.is_some() || now < self.quiet_until;
        if self.too_early {
            self.quiet_until = now + SILENCE;
        }
        !self.too_early
    }

    /// Looks at the judged page before the one in view.
    pub fn look_back(&mut self) {
        let Some(desk) = self.desk.value() else {
            return;
        };
        let from = self.looking.or(self.at).unwrap_or(desk.pages().len());
        let mut earlier = desk.pages()[..from].iter();
        let found = earlier.rposition(|page| !desk.state(page).is_open());
        self.looking = found.or(self.looking);
    }

    /// Looks at the judged page after the one in view; after the last of them the page to judge is in view again.
    pub fn look_forward(&mut self) {
        let (Some(desk), Some(from)) = (self.desk.value(), self.looking) else {
            return;
        };
        let to = self.at.unwrap_or(desk.pages().len());
        let later = desk.pages().iter().enumerate().take(to).skip(from + 1);
        let mut later = later.filter(|(_, page)| !desk.state(page).is_open());
        match later.next().map(|(at, _)| at) {
            Some(at) => self.looking = Some(at),
            None => self.go_on(),
        }
    }

    /// Looks no longer back.
    pub fn go_on(&mut self) {
        self.looking = None;
        self.shown_since = None;
    }

    pub fn turn(&mut self) {
        self.looking = None;
        self.earlier = None;
        self.shown_since = None;
        self.attention.take_ms();
        self.draft = vec![None; self.aspects().len()];
        self.comment = None;
        self.given = None;
    }

    /// The aspects of a rating.
    pub fn aspects(&self) -> &[Aspect] {
        let head = self.desk.value().map(|desk| &desk.head);
        let head = head.filter(|head| head.kind == StudyKind::Rating);
        head.map_or(&[], StudyHead::aspects)
    }

    /// The rating, once every aspect has a score.
    pub fn rating(&self) -> Option<Answer> {
        let scores: Vec<u8> = self.draft.iter().copied().collect::<Option<_>>()?;
        self.desk.value()?.head.rated(&scores)
    }

    /// The place of the aspect to be scored next.
    pub fn aspect(&self) -> Option<usize> {
        self.draft.iter().position(Option::is_none)
    }

    /// Applies what was recorded. An undone page is shown again.
    pub fn recorded(&mut self, acts: &[JudgementRecord]) {
        let Some(desk) = self.desk.value_mut() else {
            return;
        };
        let undone = acts.iter().find(|act| act.action == JudgementAction::Undo);
        let page_of = |act: &JudgementRecord| {
            let mut pages = desk.pages().iter();
            pages.position(|page| page.item == act.item)
        };
        let reopened = undone.and_then(page_of);
        let earlier = reopened.and_then(|at| desk.state(&desk.pages()[at]).answer);
        for act in acts {
            desk.apply(act);
        }
        if undone.is_some() {
            self.at = reopened;
            self.turn();
            self.earlier = earlier;
        } else if let Some(given) = &mut self.given {
            given.recorded = true;
            if !given.settles {
                self.given = None;
            } else if given.answer.is_some() {
                let shown_ms: u64 = acts.iter().map(|act| act.shown_ms).sum();
                self.pace.push(shown_ms as f32 / 1000.0);
            }
        }
        self.refused = None;
    }

    /// Nothing was recorded: the page stays as it was before the last key.
    pub fn not_recorded(&mut self, comment: Option<String>, why: String) {
        self.given = None;
        self.comment = comment.map(Comment::new).or(self.comment.take());
        if self.rating().is_some()
            && let Some(last) = self.draft.last_mut()
        {
            *last = None;
        }
        self.refused = Some(why);
    }

    /// The same, as the items were judged elsewhere. The page stays unless it is one of those answered.
    pub fn read_again(&mut self, desk: Worklist, comment: Option<String>, why: String) {
        self.not_recorded(comment, why);
        let is_open = |at: usize| {
            desk.pages()
                .get(at)
                .is_some_and(|page| desk.state(page).answer.is_none())
        };
        let stays = self.at.is_some_and(is_open) || self.comment.is_some();
        let next = desk.next();
        if let Some(known) = self.desk.value_mut() {
            *known = desk;
        }
        if !stays {
            self.at = next;
            self.turn();
        }
    }

    pub fn next(&mut self) {
        if let (Some(desk), Some(at)) = (self.desk.value(), self.at) {
            self.at = desk.next_after(at);
        }
        self.turn();
    }
}
