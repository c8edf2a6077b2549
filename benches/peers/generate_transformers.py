"""Generation alone with Transformers: random weights of T5-small's shape, batch 8, source 64,
exactly 24 new tokens with the key/value cache. Prints seconds and tokens per second as JSON."""

import torch
from transformers import T5ForConditionalGeneration

from common import BATCH, EXACTLY, NEW_TOKENS, SAMPLING, arguments, clock, report, sources, t5

given = arguments(__doc__)
model = T5ForConditionalGeneration(t5(given)).eval().to(given.device)
seconds = []
with torch.no_grad():
    for repeat in range(given.repeats + 1):
        ids, row = sources().to(given.device), {}
        start = clock()
        model.encoder(input_ids=ids)
        row["encoder"] = clock() - start
        for name, how in (("greedy", dict(do_sample=False)), ("sampled", SAMPLING)):
            start = clock()
            out = model.generate(input_ids=ids, attention_mask=torch.ones_like(ids), **how, **EXACTLY)
            row[name] = clock() - start
            assert out.shape == (BATCH, NEW_TOKENS + 1)
        if repeat:
            seconds.append(row)
sampled = sorted(row["sampled"] for row in seconds)[len(seconds) // 2]
report("generate_transformers", seconds, tokens_per_second=round(BATCH * NEW_TOKENS / sampled, 1))
