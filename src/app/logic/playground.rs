//! Questions of the playground on their way to the models, and what is heard of them.

use std::time::Instant;

use super::App;
use crate::app::workers::answerer::{Heard, News, Question};

impl App {
    pub(super) fn ask_models(&mut self, questions: Vec<Question>) {
        for question in questions {
            let id = question.id;
            if !self.answerer.ask(question) {
                let why = "too many questions wait already; try again".to_string();
                self.state.playground.hear(id, News::Failed(why));
            }
        }
    }

    pub(super) fn stop_answers(&mut self) {
        let playground = &mut self.state.playground;
        playground.stopping = playground.is_answering();
        self.answerer.stop(playground.latest());
    }

    pub(super) fn close_models(&mut self) {
        if !self.answerer.close() {
            self.wrong("the models were not closed: the playground is busy; try again");
        }
    }

    pub(super) fn hear_answers(&mut self, until: Instant) {
        while Instant::now() < until {
            match self.answerer.news() {
                None => return,
                Some(Heard::Of(id, news)) => self.state.playground.hear(id, news),
                Some(Heard::Open(open)) => self.state.playground.open = open,
            }
        }
        self.ctx.request_repaint();
    }
}
