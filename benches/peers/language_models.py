"""The work of `benches/language_models.rs` with Transformers and PEFT: random weights of a decoder's shape, LoRA of
rank 16 on every linear layer, batch 8, contexts of 64 tokens and exactly 32 new ones, in f32 or by autocast in bf16.

    python language_models.py [--model smollm2 | qwen] [--precision f32 | bf16] [--device cuda] [WORK …]

Works: generation; supervised (a step on the response's tokens); ppo (a rollout, then the log-probabilities of policy
and reference, values, and 4 epochs of PPO's clipped losses written out as in TRL; the scores are given); grpo (8 responses
to each of 4 contexts in one batch, then one update whose gradients are gathered from 4 parts, written out). Logits are
computed of the response's positions only, as TRL's current trainers do. torch 2.9.0, transformers 4.57.1, peft
0.18.0. Prints one JSON line for each work."""

import argparse
import json
import platform
import resource
import statistics
from contextlib import nullcontext
from time import perf_counter, process_time

import peft
import torch
import transformers
from peft import LoraConfig, get_peft_model
from transformers import LlamaConfig, LlamaForCausalLM, Qwen2Config, Qwen2ForCausalLM

BATCH, CONTEXT, NEW_TOKENS, EPOCHS, GROUPS = 8, 64, 32, 4, 4
WORKS = ("generation", "supervised", "ppo", "grpo")

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("works", nargs="*", metavar="WORK", help=", ".join(WORKS))
parser.add_argument("--model", choices=("smollm2", "qwen"), default="smollm2")
parser.add_argument("--precision", choices=("f32", "bf16"), default="f32")
parser.add_argument("--repeats", type=int, default=3, help="measured repetitions after one that is not")
parser.add_argument("--threads", type=int, default=2)
parser.add_argument("--device", default="cpu")
given = parser.parse_args()
torch.set_default_device(given.device)
torch.set_num_threads(given.threads)
torch.manual_seed(1)

common = dict(tie_word_embeddings=True, bos_token_id=1, eos_token_id=2, pad_token_id=2)
if given.model == "smollm2":
    shape = LlamaConfig(
        vocab_size=49152, hidden_size=576, intermediate_size=1536, num_hidden_layers=30, num_attention_heads=9,
        num_key_value_heads=3, rope_theta=1e5, max_position_embeddings=8192, **common,
    )
    base = LlamaForCausalLM(shape)
else:
    shape = Qwen2Config(
        vocab_size=151936, hidden_size=896, intermediate_size=4864, num_hidden_layers=24, num_attention_heads=14,
        num_key_value_heads=2, rope_theta=1e6, max_position_embeddings=32768, **common,
    )
    base = Qwen2ForCausalLM(shape)
lora = LoraConfig(r=16, lora_alpha=32, lora_dropout=0.0, target_modules="all-linear", task_type="CAUSAL_LM")
model = get_peft_model(base, lora)
value_head = torch.nn.Linear(shape.hidden_size, 1)
trainable = [p for p in model.parameters() if p.requires_grad] + list(value_head.parameters())
optimizer = torch.optim.AdamW(trainable, lr=1e-4, weight_decay=0.0)


def autocast():
    return torch.autocast(given.device, torch.bfloat16) if given.precision == "bf16" else nullcontext()


def clock():
    """Seconds, once the card has done what it was asked for."""
    if given.device != "cpu":
        torch.cuda.synchronize()
    return perf_counter()


def tokens(length):
    return torch.randint(3, shape.vocab_size, (BATCH, length))


def forward(contexts, responses):
    """Log-probabilities of the responses' tokens and final states, both by position."""
    ids = torch.cat([contexts, responses[:, :-1]], 1)
    with autocast():
        states = model.base_model.model.model(ids).last_hidden_state[:, -NEW_TOKENS:]
        logits = model.base_model.model.lm_head(states)
        values = value_head(states).squeeze(-1)
    logits = logits.float()
    chosen = logits.gather(-1, responses[:, :, None]).squeeze(-1)
    return chosen - logits.logsumexp(-1), values.float(), logits


def generate(contexts):
    with torch.no_grad(), autocast():
        ids = model.generate(
            input_ids=contexts, attention_mask=torch.ones_like(contexts), do_sample=True, top_k=20, top_p=1.0,
            temperature=0.9, min_new_tokens=NEW_TOKENS, max_new_tokens=NEW_TOKENS,
        )
    assert ids.shape == (len(contexts), CONTEXT + NEW_TOKENS)
    return ids[:, CONTEXT:]


def descend(loss):
    loss.backward()
    torch.nn.utils.clip_grad_norm_(trainable, 1.0)
    optimizer.step()
    optimizer.zero_grad()


def supervised():
    log_probs, _, _ = forward(tokens(CONTEXT), tokens(NEW_TOKENS))
    descend(-log_probs.mean())
    return {}


def ppo():
    row, contexts, scores = {}, tokens(CONTEXT), torch.arange(BATCH) / BATCH
    start = clock()
    responses = generate(contexts)
    row["generation_seconds"] = clock() - start
    start = clock()
    with torch.no_grad(), model.disable_adapter():
        reference, _, of_reference = forward(contexts, responses)
    row["reference_seconds"] = clock() - start
    start = clock()
    # The first epoch's own forward pass gives the old log-probabilities and values.
    ahead = forward(contexts, responses)
    old, old_values = ahead[0].detach(), ahead[1].detach()
    # Ours logs the full KL too.
    policy = ahead[2].detach().log_softmax(-1)
    (policy.exp() * (policy - of_reference.log_softmax(-1))).sum(-1)
    rewards = -0.2 * (old - reference)
    rewards[:, -1] += scores
    advantages, carried = torch.zeros_like(rewards), 0
    for t in reversed(range(NEW_TOKENS)):
        following = old_values[:, t + 1] if t + 1 < NEW_TOKENS else 0
        carried = rewards[:, t] + following - old_values[:, t] + 0.95 * carried
        advantages[:, t] = carried
    returns = advantages + old_values
    advantages = (advantages - advantages.mean()) / (advantages.std() + 1e-8)
    for epoch in range(EPOCHS):
        log_probs, values, logits = ahead if ahead else forward(contexts, responses)
        ahead = None
        ratio = (log_probs - old).exp()
        of_policy = torch.max(-advantages * ratio, -advantages * ratio.clamp(0.8, 1.2)).mean()
        clipped = old_values + (values - old_values).clamp(-0.2, 0.2)
        of_values = 0.5 * torch.max((values - returns) ** 2, (clipped - returns) ** 2).mean()
        with torch.no_grad():  # the entropy, which is logged
            shares = logits.log_softmax(-1)
            -(shares.exp() * shares).sum(-1).mean()
        descend(of_policy + 0.1 * of_values)
    row["update_seconds"] = clock() - start
    return row


def grpo():
    row, contexts = {}, tokens(CONTEXT)[:GROUPS].repeat_interleave(BATCH, 0)
    scores = torch.arange(len(contexts)) / len(contexts)
    start = clock()
    responses = generate(contexts)
    row["generation_seconds"] = clock() - start
    groups = scores.view(GROUPS, BATCH)
    advantages = ((groups - groups.mean(1, True)) / (groups.std(1, keepdim=True) + 1e-4)).view(-1, 1)
    row["reference_seconds"], start = 0.0, clock()
    for part in torch.arange(len(contexts)).split(BATCH):
        given_part = contexts[part], responses[part]
        begun = clock()
        with torch.no_grad(), model.disable_adapter():
            reference, _, of_reference = forward(*given_part)
        row["reference_seconds"] += clock() - begun
        log_probs, _, logits = forward(*given_part)
        # One update: the ratio is 1, and what flows is its derivative.
        ratio = (log_probs - log_probs.detach()).exp()
        distance = reference - log_probs
        loss = -torch.min(ratio * advantages[part], ratio.clamp(0.8, 1.2) * advantages[part])
        loss = loss + 0.04 * (distance.exp() - distance - 1)
        with torch.no_grad():  # the full KL and the entropy, which are logged
            policy = logits.log_softmax(-1)
            (policy.exp() * (policy - of_reference.log_softmax(-1))).sum(-1)
            -(policy.exp() * policy).sum(-1).mean()
        (loss.mean() / GROUPS).backward()
    torch.nn.utils.clip_grad_norm_(trainable, 1.0)
    optimizer.step()
    optimizer.zero_grad()
    row["update_seconds"] = clock() - start - row["reference_seconds"]
    return row


def processor():
    with open("/proc/cpuinfo") as lines:
        return next((line.split(": ")[1].strip() for line in lines if line.startswith("model name")), "unknown")


works = {"generation": lambda: generate(tokens(CONTEXT)) is None or {}, "supervised": supervised, "ppo": ppo, "grpo": grpo}
for work in given.works or WORKS:
    rows = []
    for repeat in range(given.repeats + 1):
        start, busy = clock(), process_time()
        row = works[work]()
        row |= {"seconds": clock() - start, "processor_seconds": process_time() - busy}
        if repeat:
            rows.append(row)
    median = {phase: round(statistics.median(row[phase] for row in rows), 4) for phase in rows[0]}
    print(json.dumps({
        "bench": work, "model": given.model, "precision": given.precision, "batch": BATCH, "context": CONTEXT,
        "new_tokens": NEW_TOKENS, "processor": processor(), "threads": torch.get_num_threads(), **median,
        "peak_gb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9, "torch": torch.__version__,
        "transformers": transformers.__version__, "peft": peft.__version__, "machine": platform.machine(),
    }), flush=True)
