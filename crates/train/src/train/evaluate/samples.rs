//! The sample dialogues that a person reads beside the metrics.

use super::{Answers, Examiner};
use crate::data::Mechanism;
use crate::experiment::{SampleDialogue, SampleLevel};
use crate::train::identifier_set::levels;
use crate::train::material::Encoded;
use crate::train::reward::empathy::{empathy_score, target_log_probs};

impl Examiner<'_> {
    /// The first `count` examples as sample dialogues.
    pub fn samples(
        &self,
        examples: &[Encoded],
        answers: &Answers,
        count: usize,
    ) -> Vec<SampleDialogue> {
        examples
            .iter()
            .take(count)
            .enumerate()
            .map(|(index, encoded)| {
                let mut sample_levels = Vec::new();
                let mut reward = None;
                if let (Some(log_probs), Some(gold)) = (&answers.log_probs, &answers.gold) {
                    let (log_probs, gold) = (&log_probs[index], gold[index]);
                    let scored = empathy_score(target_log_probs(log_probs, &gold), self.weights);
                    reward = Some(f64::from(scored.total));
                    let generated = levels(log_probs);
                    for mechanism in Mechanism::ALL {
                        let place = mechanism.index();
                        sample_levels.push(SampleLevel {
                            mechanism,
                            target: gold[place],
                            generated: generated[place],
                            reward: f64::from(scored.per_mechanism[place]),
                        });
                    }
                }
                SampleDialogue {
                    index: index as u32,
                    emotion: encoded.example.emotion.clone(),
                    situation: encoded.example.situation.clone(),
                    context: encoded.example.context.clone(),
                    roles: encoded.example.roles.clone(),
                    target: encoded.example.target.clone(),
                    generated: answers.responses[index].clone(),
                    levels: sample_levels,
                    reward,
                }
            })
            .collect()
    }
}
