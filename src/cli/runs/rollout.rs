//! `emprl runs rollout`: responses of a step that trains the policy, token by token.

use serde_json::{Map, Value, json};

use super::super::{CommandContext, Failure};
use super::chosen_step;
use crate::data::Role;
use crate::experiment::{RolloutResponse, RolloutToken, TokenQuantity};
use crate::metrics::{Digits, declared};
use crate::report::{Align, TextTable};
use crate::store::{RunId, StoreReader};
use crate::text::shown::one_line;

#[derive(Debug, clap::Args)]
pub struct Rollout {
    /// Its number
    run: RunId,
    /// The step; else the last that is kept
    #[arg(long, value_name = "N")]
    step: Option<u64>,
    /// Only this response, from 1
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    response: Option<u32>,
}

impl Rollout {
    pub fn run(self, ctx: &CommandContext) -> Result<(), Failure> {
        let run = self.run;
        let reader = StoreReader::open(&ctx.store)?;
        let name = reader.run(run)?.row.name;
        let steps = reader.rollouts(run)?;
        let (stage, step) = chosen_step(run, "rollout", &steps, self.step)?;
        let mut responses = reader.rollout_at(run, stage, step)?;
        if let Some(number) = self.response {
            let count = responses.len();
            responses.retain(|response| response.index + 1 == number);
            if responses.is_empty() {
                return Err(Failure::Failed(format!(
                    "the rollout of step {step} has no response {number}; {count} are kept"
                )));
            }
        }
        if ctx.out.json {
            let steps: Vec<u64> = steps.iter().map(|(_, step)| *step).collect();
            return ctx.out.document(&json!({
                "run": run,
                "stage": stage,
                "step": step,
                "steps": steps,
                "responses": responses.iter().map(document).collect::<Vec<_>>(),
            }));
        }
        let mut text = format!(
            "Run {run}  {}, {} step {step}\n",
            one_line(&name),
            stage.title()
        );
        for response in &responses {
            text += &shown(response);
        }
        let others = steps.iter().map(|(_, step)| step.to_string());
        let others: Vec<String> = others.collect();
        text += &format!("\nRollouts are kept of steps {}\n", others.join(", "));
        ctx.out.text(&text)
    }
}

/// A response as JSON; numbers that are not finite are null.
fn document(response: &RolloutResponse) -> Value {
    let token = |token: &RolloutToken| {
        let mut fields = Map::new();
        fields.insert("token".into(), json!(token.piece));
        for quantity in TokenQuantity::of(std::slice::from_ref(response)) {
            let number = token.figures.and_then(|figures| figures.get(quantity));
            fields.insert(quantity.key().into(), json!(number));
        }
        Value::Object(fields)
    };
    let terms = response.terms.iter();
    let terms: Map<String, Value> = terms
        .map(|term| (term.name.clone(), json!(term.value)))
        .collect();
    json!({
        "index": response.index,
        "context": response.context,
        "target": response.target,
        "response": response.response,
        "ended": response.ended,
        "score": response.score,
        "terms": terms,
        "shaped": response.shaped,
        "group": response.group,
        "tokens": response.tokens.iter().map(token).collect::<Vec<_>>(),
    })
}

fn reward(value: f32) -> String {
    Digits::of(declared::EMPATHY_REWARD).write(f64::from(value))
}

/// A response as text: the dialogue, and a row for each token.
fn shown(response: &RolloutResponse) -> String {
    let mut text = format!(
        "\nResponse {}  reward {}",
        response.index + 1,
        reward(response.score)
    );
    let terms = response.terms.iter();
    let terms: Vec<String> = terms
        .map(|term| format!("{} {}", one_line(&term.title()), reward(term.value)))
        .collect();
    if !terms.is_empty() {
        text += &format!(" ({})", terms.join(", "));
    }
    if response.shaped != response.score {
        text += &format!(", shaped {}", reward(response.shaped));
    }
    if let Some(group) = response.group {
        let [advantage, mean, std] = [group.advantage, group.mean, group.std]
            .map(|number| Digits::LOGGED.write(f64::from(number)));
        text += &format!(
            ", advantage {advantage} among the answers to context {} ({mean} ± {std})",
            group.context + 1
        );
    }
    if !response.ended {
        text += ", cut at the longest length";
    }
    text.push('\n');
    for (turn, utterance) in response.context.iter().enumerate() {
        let who = Role::of(&response.roles, turn).title();
        text += &format!("  {who:<10}{}\n", one_line(utterance));
    }
    text += &format!("  {:<10}{}\n", "Target", one_line(&response.target));
    text += &format!("  {:<10}{}\n\n", "Response", one_line(&response.response));
    let quantities = TokenQuantity::of(std::slice::from_ref(response));
    let heads = quantities
        .iter()
        .map(|quantity| (quantity.short(), Align::Right));
    let mut columns = vec![("Token", Align::Left)];
    columns.extend(heads);
    let mut table = TextTable::new(&columns);
    for token in &response.tokens {
        let numbers = quantities.iter().map(|quantity| {
            let number = token.figures.and_then(|figures| figures.get(*quantity));
            number.map_or("–".to_string(), |number| {
                Digits::LOGGED.write(f64::from(number))
            })
        });
        table.row([token.piece.clone()].into_iter().chain(numbers));
    }
    text + &table.text()
}
