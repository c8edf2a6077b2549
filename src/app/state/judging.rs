//! The judging page: one annotator at work.
//!
//! It holds that annotator's own pages, and nothing that could say which system is which.

use super::remote::Remote;
use crate::store::StudyId;
use crate::study::attention::Attention;
use crate::study::judgement::{Answer, Aspect, JudgementAction, JudgementRecord, Rating, Score};
use crate::study::page::{Desk, Page};

/// The judging page: one annotator at work.
#[derive(Debug)]
pub struct Judging {
    pub study: StudyId,
    pub annotator: u32,
    pub desk: Remote<Desk>,
    /// Place of the page that is shown; none when all is judged, or before the first.
    pub at: Option<usize>,
    /// For how long the page is attended to, as far as that is not recorded.
    attention: Attention,
    /// The scores given so far, in a rating.
    pub draft: [Option<Score>; 3],
    /// The comment as it is typed; none while the field is closed.
    pub comment: Option<String>,
    /// What was answered and is not on disk yet, or is acknowledged before the next page shows.
    pub given: Option<Given>,
    /// Whether the instructions are in view.
    pub reading: bool,
    pub refused: Option<String>,
    /// Seconds from showing an item to its answer, of the items of this sitting.
    pub pace: Vec<f32>,
}

/// Something on its way to the disk.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Given {
    /// The answer; none for a skip, a flag, a comment or an undo.
    pub answer: Option<Answer>,
    /// Whether the next page comes after it.
    pub settles: bool,
    /// When, in the window's seconds.
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
            attention: Attention::default(),
            draft: [None; 3],
            comment: None,
            given: None,
            reading: true,
            refused: None,
            pace: Vec::new(),
        }
    }

    /// Takes the annotator's work when it was read.
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
        self.desk.value()?.pages().get(self.at?)
    }

    /// Time goes on to `now`, in seconds. `in_view` says whether the window has the keyboard and shows the page,
    /// `sign` whether something was pressed or moved. Instructions and what is on its way to the disk are no item.
    pub fn attend(&mut self, now: f64, in_view: bool, sign: bool) {
        let at_item = !self.reading && self.at.is_some() && self.given.is_none();
        self.attention.go_on(now, in_view && at_item, sign);
    }

    /// Milliseconds for which the page was attended to since that was last recorded; from now on it counts anew.
    pub fn shown_ms(&mut self) -> u64 {
        self.attention.take_ms()
    }

    pub fn turn(&mut self) {
        self.attention.take_ms();
        self.draft = [None; 3];
        self.comment = None;
        self.given = None;
    }

    pub fn rating(&self) -> Option<Rating> {
        Some(Rating {
            empathy: self.draft[0]?,
            relevance: self.draft[1]?,
            fluency: self.draft[2]?,
        })
    }

    /// The aspect that the next digit scores.
    pub fn aspect(&self) -> Option<Aspect> {
        let at = self.draft.iter().position(Option::is_none)?;
        Some(Aspect::ALL[at])
    }

    /// Takes what was recorded. An undone page is shown again.
    pub fn recorded(&mut self, acts: &[JudgementRecord]) {
        let Some(desk) = self.desk.value_mut() else {
            return;
        };
        for act in acts {
            desk.take(act);
        }
        let undone = acts.iter().find(|act| act.action == JudgementAction::Undo);
        if let Some(act) = undone {
            self.at = desk.pages().iter().position(|page| page.item == act.item);
            self.turn();
        } else if let Some(given) = &mut self.given {
            given.recorded = true;
            if !given.settles {
                self.given = None;
            } else if given.answer.is_some() {
                let seconds = acts.first().map_or(0.0, |act| act.shown_ms as f32 / 1000.0);
                self.pace.push(seconds);
            }
        }
        self.refused = None;
    }

    pub fn next(&mut self) {
        if let (Some(desk), Some(at)) = (self.desk.value(), self.at) {
            self.at = desk.next_after(at);
        }
        self.turn();
    }
}
