//! Metrics of GRPO and RLOO: those that PPO has too, under keys of their own stage, and their own.

use std::borrow::Cow;

use super::*;

/// The stages that train a policy from its own responses, with their names on screen. What they log under one name
/// after their key is one quantity.
const POLICY_STAGES: [(&str, &str); 3] = [("ppo", "PPO"), ("grpo", "GRPO"), ("rloo", "RLOO")];

/// Metrics of PPO that GRPO and RLOO log as well.
const SHARED: [&str; 16] = [
    KL_K1,
    KL_K3,
    KL_FULL,
    KL_BETA,
    APPROX_KL,
    RATIO_MEAN,
    RATIO_MAX,
    ENTROPY,
    RESPONSE_LENGTH,
    ENDED_SHARE,
    PPO_GRADIENT_NORM,
    PPO_LEARNING_RATE,
    PPO_TOKENS_PER_SECOND,
    ROLLOUT_SECONDS,
    REWARD_SECONDS,
    UPDATE_SECONDS,
];

metrics! { OF_BOTH in "grpo":
    GROUP_SHAPED_SCORE { key: "grpo/score/shaped", name: "Shaped score", direction: Higher, group: "Shaped score", per: "step",
        definition: "The reward of a response after scaling, normalisation and clipping; equals the raw reward where these are off; mean over the batch." }
    GROUP_REWARD_STD { key: "grpo/group/reward_std", name: "Deviation within a group", direction: None, group: "Deviation within a group", per: "step",
        definition: "Standard deviation (n - 1) of the rewards that advantages are made of, over the responses to one context; mean over the batch's contexts." }
    GROUP_ZERO_STD { key: "grpo/group/zero_std", name: "Groups of equal rewards", direction: Lower, group: "Groups of equal rewards", per: "step",
        definition: "Share of contexts (0 to 1) whose responses all have the same reward, so that nothing is learnt from them." }
    GROUP_CLIP_LOW { key: "grpo/clip_ratio/low", name: "Clipped below", direction: None, group: "Clipping", per: "step",
        definition: "Share (0 to 1) with a negative advantage and a ratio below 1 - ε, which no longer count: of tokens, or of responses where ratios are by response; mean over the step's updates." }
    GROUP_CLIP_HIGH { key: "grpo/clip_ratio/high", name: "Clipped above", direction: None, group: "Clipping", per: "step",
        definition: "Share (0 to 1) with a positive advantage and a ratio above 1 + ε (or the upper range), which no longer count: of tokens, or of responses where ratios are by response; mean over the step's updates." }
}

metrics! { OF_GRPO in "grpo":
    GRPO_LOSS { key: "grpo/loss", name: "GRPO loss", direction: None, group: "GRPO loss", per: "step",
        definition: "-min(r A, clip(r) A) + β k3 of every token, made one number as grpo.loss_type says; mean over the step's updates." }
    GRPO_LOSS_KL { key: "grpo/kl/loss", name: "KL of a token in the loss", unit: "nats", direction: None, group: "KL in the loss", per: "step",
        definition: "Mean over real tokens of the k3 estimate at the sampling temperature, which the loss weighs by β; mean over the step's updates." }
}

metrics! { OF_RLOO in "rloo":
    RLOO_LOSS { key: "rloo/loss", name: "RLOO loss", direction: None, group: "RLOO loss", per: "step",
        definition: "-min(r A, clip(r) A) of every response, r the ratio of its probabilities under new and old policy; mean over responses and over the step's updates." }
    RLOO_REWARD_KL { key: "rloo/kl/reward", name: "KL in the reward", unit: "nats", direction: None, group: "KL in the reward", per: "step",
        definition: "Sum over response tokens of log pi - log rho at the sampling temperature, which the reward is lessened by times β; mean over responses." }
}

/// The declarations of both stages, in the order in which they are shown.
pub(super) fn declared() -> Vec<MetricDecl> {
    let own = |stage| match stage {
        "grpo" => OF_GRPO,
        _ => OF_RLOO,
    };
    let shared = || {
        let of_ppo = [REWARD, EMPATHY_TERMS, PPO].into_iter().flatten();
        of_ppo.filter(|metric| {
            is_of_reward(&metric.key) || SHARED.iter().any(|shared| metric.key == *shared)
        })
    };
    let both = |stage| {
        shared()
            .chain(OF_BOTH)
            .map(move |metric| of_stage(metric, stage))
    };
    let all = ["grpo", "rloo"].into_iter();
    all.flat_map(|stage| both(stage).chain(own(stage).iter().cloned()))
        .collect()
}

/// The same metric of another stage.
pub(super) fn of_stage(metric: &MetricDecl, stage: &'static str) -> MetricDecl {
    let title = policy_title(stage).unwrap_or_default();
    let words = |text: &str| text.replace("PPO", title);
    let definition = match as_of_ppo(&metric.key).as_ref() {
        KL_BETA if stage == "grpo" => "Weight of the KL in the loss, as used in this step.".into(),
        KL_BETA if stage == "rloo" => {
            "Weight of a response's KL in its reward, as used in this step.".into()
        }
        _ => words(&metric.definition),
    };
    MetricDecl {
        key: Cow::Owned(in_stage(stage, &metric.key)),
        name: Cow::Owned(words(&metric.name)),
        definition: Cow::Owned(definition),
        stage,
        ..metric.clone()
    }
}

/// The key of the same quantity in another stage that trains a policy: `grpo/kl/full` for `ppo/kl/full`.
pub fn in_stage(stage: &str, key: &str) -> String {
    match policy_key(key) {
        Some((_, of_stage)) => format!("{stage}/{of_stage}"),
        None => key.to_string(),
    }
}

/// The key that PPO logs the same quantity under, if it has it: `ppo/kl/full` for `grpo/kl/full`. Any other key as
/// it is.
pub fn as_of_ppo(key: &str) -> Cow<'_, str> {
    match policy_key(key) {
        None | Some(("ppo", _)) => Cow::Borrowed(key),
        Some(_) => Cow::Owned(in_stage("ppo", key)),
    }
}

/// The keys of a quantity in all stages that train a policy; of any other metric its own alone.
pub fn in_every_stage(key: &str) -> Vec<String> {
    match policy_key(key) {
        None => vec![key.to_string()],
        Some(_) => POLICY_STAGES
            .iter()
            .map(|(stage, _)| in_stage(stage, key))
            .collect(),
    }
}

/// Stage and rest of the key of a metric of a stage that trains a policy.
pub(super) fn policy_key(key: &str) -> Option<(&'static str, &str)> {
    let (stage, rest) = key.split_once('/')?;
    let known = POLICY_STAGES.iter().find(|(known, _)| *known == stage)?;
    Some((known.0, rest))
}

/// The name of a stage that trains a policy, where PPO's metrics do without it.
pub(super) fn policy_title(stage: &str) -> Option<&'static str> {
    let known = POLICY_STAGES.iter().find(|(known, _)| *known == stage)?;
    (known.0 != "ppo").then_some(known.1)
}
