//! A model that answers one request after the other, on a thread of its own.

use crossbeam::channel::Receiver;
use tokio::sync::mpsc::Sender;

use super::chat::{Asked, Finished};
use crate::data::Turns;
use crate::experiment::Config;
use crate::operations::models::{Drawing, SavedModel};

/// A model under the name that others call it by.
pub struct ServedModel {
    pub name: String,
    /// What requests leave open.
    pub config: Config,
    pub model: SavedModel,
}

/// A request on its way to the model.
pub(super) struct Job {
    pub asked: Asked,
    pub seed: u64,
    pub pieces: Sender<Piece>,
}

/// What comes of it, in order.
pub(super) enum Piece {
    /// More of the answer.
    Text(String),
    Finished(Finished),
    Failed(String),
}

impl ServedModel {
    /// Answers until nobody can ask any more.
    pub(super) fn answer_all(&self, jobs: &Receiver<Job>) {
        for job in jobs {
            let piece = match self.answer(&job) {
                Ok(Some(finished)) => Piece::Finished(finished),
                // Whoever asked has gone.
                Ok(None) => continue,
                Err(why) => Piece::Failed(why),
            };
            let _ = job.pieces.blocking_send(piece);
        }
    }

    fn answer(&self, job: &Job) -> Result<Option<Finished>, String> {
        let asked = &job.asked;
        let context = Turns {
            utterances: &asked.utterances,
            roles: &asked.roles,
        };
        let drawing = Drawing {
            settings: &asked.sampling,
            greedy: asked.greedy,
            seed: job.seed,
        };
        let max_source = self.config.data.max_source;
        let prompt = self.model.context_tokens(context, max_source);
        let prompt_tokens = prompt.map_err(|error| error.to_string())?;
        let cut = self.model.truncated(&[context], max_source);
        let prompt_cut = cut.map_err(|error| error.to_string())? > 0;
        let mut told = Told::default();
        let mut tokens = 0;
        let mut stopped = None;
        let mut gone = false;
        let answered = self
            .model
            .answer_streaming(context, max_source, &drawing, &mut |so_far| {
                tokens += 1;
                stopped = before_stop(so_far, &asked.stop).map(str::to_string);
                let text = stopped
                    .as_deref()
                    .unwrap_or_else(|| settled(so_far, &asked.stop));
                if let Some(more) = told.more(text) {
                    gone = job.pieces.blocking_send(Piece::Text(more)).is_err();
                }
                gone |= job.pieces.is_closed();
                stopped.is_none() && !gone
            });
        let answered = answered.map_err(|error| error.to_string())?;
        if gone {
            return Ok(None);
        }
        let finished = match (answered, stopped) {
            (_, Some(text)) => Finished {
                text,
                ended: true,
                prompt_tokens,
                prompt_cut,
                answer_tokens: tokens,
            },
            (Some(answer), None) => Finished {
                // The last token may have completed one.
                text: before_stop(&answer.response, &asked.stop)
                    .unwrap_or(&answer.response)
                    .to_string(),
                ended: answer.ended,
                prompt_tokens,
                prompt_cut,
                answer_tokens: answer.tokens.len(),
            },
            (None, None) => return Ok(None),
        };
        if let Some(more) = told.more(&finished.text) {
            let _ = job.pieces.blocking_send(Piece::Text(more));
        }
        Ok(Some(finished))
    }
}

/// What was told of an answer so far.
#[derive(Default)]
struct Told(String);

impl Told {
    /// What is to be told beyond that.
    fn more(&mut self, text: &str) -> Option<String> {
        // A token can change the one before it, as letters of several bytes do: then it is told later.
        let more = text.strip_prefix(&self.0)?;
        if more.is_empty() {
            return None;
        }
        let more = more.to_string();
        self.0.push_str(&more);
        Some(more)
    }
}

/// The text before the first of the stops, if there is one.
fn before_stop<'a>(text: &'a str, stops: &[String]) -> Option<&'a str> {
    let at = stops
        .iter()
        .filter_map(|stop| text.find(stop.as_str()))
        .min()?;
    Some(&text[..at])
}

/// The text without what may be the beginning of a stop, or half a letter.
fn settled<'a>(text: &'a str, stops: &[String]) -> &'a str {
    let text = text.trim_end_matches(char::REPLACEMENT_CHARACTER);
    let begins = |at: &usize| stops.iter().any(|stop| stop.starts_with(&text[*at..]));
    let ends = text.char_indices().map(|(at, _)| at);
    let longest = stops.iter().map(String::len).max().unwrap_or(0);
    let at = ends.filter(|at| text.len() - at < longest).find(begins);
    at.map_or(text, |at| &text[..at])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_ends_before_a_stop_and_never_tells_a_part_of_one() {
        let stops = ["\n\n".to_string(), "END".to_string()];
        assert_eq!(before_stop("a END\n\n", &stops), Some("a "));
        assert_eq!(before_stop("a EN", &stops), None);
        for (text, told) in [
            ("a EN", "a "),
            ("a\n", "a"),
            ("a", "a"),
            ("E", ""),
            ("é EX", "é EX"),
            ("a\u{fffd}", "a"),
        ] {
            assert_eq!(settled(text, &stops), told, "{text}");
        }
        assert_eq!(settled("a", &[]), "a");
    }

    #[test]
    fn what_is_told_is_told_once() {
        let mut told = Told::default();
        assert_eq!(told.more("I "), Some("I ".into()));
        assert_eq!(told.more("I "), None);
        assert_eq!(told.more("I see"), Some("see".into()));
        assert_eq!(told.more("You"), None);
    }
}
