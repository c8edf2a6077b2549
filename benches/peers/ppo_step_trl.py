"""One PPO step as the authors' released code takes it, with TRL 0.9.6: random weights of T5-small's
shape, batch 8, source 64, exactly 24 new tokens, three empathy identifiers of two encoders each,
4 epochs of full fine-tuning with one minibatch. TRL has no prefix-tuning without another library,
so this is the peer of both of our tunings. `--shape base` has T5-base's, and `--device cuda` computes on a
card. Prints seconds by phase as JSON."""

import copy
import warnings

import torch
from torch import nn
from transformers import T5EncoderModel, T5ForConditionalGeneration
from trl import AutoModelForSeq2SeqLMWithValueHead, PPOConfig, PPOTrainer

from common import BATCH, EXACTLY, NEW_TOKENS, SAMPLING, arguments, clock, padding_tokenizer, report, sources, t5


class EmpathyIdentifier(nn.Module):
    """Two encoders, attention of the response over the context, residual, max-pooling, 3 levels."""

    def __init__(self, config):
        super().__init__()
        self.context_encoder = T5EncoderModel(config)
        self.response_encoder = T5EncoderModel(config)
        self.query, self.key, self.value = (nn.Linear(config.d_model, config.d_model) for _ in range(3))
        self.classifier = nn.Linear(config.d_model, 3)

    def forward(self, contexts, context_mask, responses, response_mask):
        context = self.context_encoder(contexts, context_mask).last_hidden_state
        response = self.response_encoder(responses, response_mask).last_hidden_state
        scores = self.query(response) @ self.key(context).transpose(1, 2) / response.shape[-1] ** 0.5
        scores = scores.masked_fill(context_mask[:, None] == 0, float("-inf"))
        mixed = response + scores.softmax(-1) @ self.value(context)
        pooled = mixed.masked_fill(response_mask[:, :, None] == 0, float("-inf")).amax(1)
        return self.classifier(pooled)


given = arguments(__doc__)
warnings.filterwarnings("ignore")
config = t5(given)
generator = T5ForConditionalGeneration(config)
policy, reference = (
    AutoModelForSeq2SeqLMWithValueHead(copy.deepcopy(generator)).to(given.device) for _ in range(2)
)
for model in (policy, reference):
    model.is_peft_model = False  # from_pretrained sets it, the constructor does not
identifiers = [EmpathyIdentifier(config).eval().to(given.device) for _ in range(3)]
ppo_config = PPOConfig(
    learning_rate=1.41e-5, batch_size=BATCH, mini_batch_size=BATCH, ppo_epochs=4, init_kl_coef=0.2,
    adap_kl_ctrl=False, gamma=1.0, lam=0.95, vf_coef=0.1, cliprange=0.2, cliprange_value=0.2,
)
optimizer = torch.optim.AdamW(policy.parameters(), lr=ppo_config.learning_rate)
trainer = PPOTrainer(ppo_config, policy, reference, padding_tokenizer(), optimizer=optimizer)
target_levels = torch.randint(3, (3, BATCH)).to(given.device)

seconds = []
for repeat in range(given.repeats + 1):
    contexts, row = sources().to(given.device), {}

    start = clock()
    policy.eval()
    responses = trainer.generate(list(contexts), batch_size=BATCH, **SAMPLING, **EXACTLY)
    row["generation"] = clock() - start
    assert all(len(response) == NEW_TOKENS + 1 for response in responses)

    start = clock()
    with torch.no_grad():
        ids = torch.stack(responses)[:, 1:]
        logits = [
            identifier(contexts, torch.ones_like(contexts), ids, torch.ones_like(ids))
            for identifier in identifiers
        ]
        loss = sum(
            nn.functional.cross_entropy(out, levels, reduction="none")
            for out, levels in zip(logits, target_levels)
        )
        scores = list(torch.exp(-loss))
    row["reward"] = clock() - start

    start = clock()
    trainer.step(list(contexts), responses, scores)
    row["update"] = clock() - start

    row["total"] = sum(row.values())
    if repeat:
        seconds.append(row)
report("ppo_step_trl", seconds, epochs=4, tuning="full", shape=given.shape, trl="0.9.6", dropout=given.dropout)
