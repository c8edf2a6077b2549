"""The work of `emprl corpus score` with Transformers: three classifiers on one BERT each (the mean of its states, a linear
layer) over pairs of context and response, in batches of 32 of similar length.

    python score_pairs.py MODEL_FOLDER RECORDS.jsonl [--limit N] [--threads N] [--contexts TOKENS] [--responses TOKENS]

RECORDS.jsonl is what `emprl corpus export --form records` writes. The classifiers' last layers are random: what they say
is not looked at. torch 2.9.0, transformers 4.57.1. Prints one JSON line."""

import argparse
import json
import platform
from time import perf_counter

import torch
from transformers import AutoModel, AutoTokenizer

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("model")
parser.add_argument("records")
parser.add_argument("--limit", type=int, default=1 << 60)
parser.add_argument("--threads", type=int, default=2)
parser.add_argument("--contexts", type=int, default=64)
parser.add_argument("--responses", type=int, default=64)
given = parser.parse_args()
torch.set_num_threads(given.threads)

begun = perf_counter()
tokenizer = AutoTokenizer.from_pretrained(given.model)
models = [AutoModel.from_pretrained(given.model).eval() for _ in range(3)]
heads = [torch.nn.Linear(models[0].config.hidden_size, 3) for _ in models]

pairs = []
with open(given.records, encoding="utf-8") as file:
    for line in file:
        record = json.loads(line)
        context = " ".join(said["text"] for said in record.get("context", []))
        answers = [record["target"]] if "target" in record else []
        answers += [response["text"] for response in record.get("responses", [])]
        pairs += [(context, answer) for answer in answers if context]
pairs = pairs[: given.limit]


def ids(texts, most, side):
    """Token ids without what stands around them, cut on one side."""
    rows = tokenizer(texts, add_special_tokens=False)["input_ids"]
    return [row[-most:] if side == "left" else row[:most] for row in rows]


# [CLS] context [SEP] and response [SEP].
contexts = ids([context for context, _ in pairs], given.contexts - 2, "left")
responses = ids([response for _, response in pairs], given.responses - 1, "right")
rows = [tokenizer.build_inputs_with_special_tokens(*pair) for pair in zip(contexts, responses)]
types = [tokenizer.create_token_type_ids_from_sequences(*pair) for pair in zip(contexts, responses)]
order = sorted(range(len(rows)), key=lambda place: len(rows[place]))
opened = perf_counter()
levels = [None] * len(rows)
with torch.inference_mode():
    for start in range(0, len(order), 32):
        places = order[start : start + 32]
        batch = tokenizer.pad(
            {"input_ids": [rows[place] for place in places], "token_type_ids": [types[place] for place in places]},
            return_tensors="pt",
        )
        mask = batch["attention_mask"].unsqueeze(2)
        found = []
        for model, head in zip(models, heads):
            states = model(**batch).last_hidden_state
            means = (states * mask).sum(1) / mask.sum(1)
            found.append(head(means).softmax(1))
        for place, *probabilities in zip(places, *found):
            levels[place] = [row.tolist() for row in probabilities]
seconds = perf_counter() - opened
print(
    json.dumps(
        {
            "work": "score",
            "pairs": len(rows),
            "seconds": round(seconds, 2),
            "pairs_a_second": round(len(rows) / seconds, 1),
            "with_start": round(perf_counter() - begun, 2),
            "threads": given.threads,
            "torch": torch.__version__,
            "processor": platform.processor() or platform.machine(),
        }
    )
)
