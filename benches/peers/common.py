"""What the peers share: T5-small's shape with random weights, a tokenizer that only pads, and how
figures are taken and printed."""

import argparse
import json
import platform
import statistics
from time import perf_counter

import torch
import transformers
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from transformers import PreTrainedTokenizerFast, T5Config

BATCH, SOURCE, NEW_TOKENS = 8, 64, 24
SAMPLING = dict(do_sample=True, top_k=20, top_p=1.0, temperature=0.9)
EXACTLY = dict(min_new_tokens=NEW_TOKENS, max_new_tokens=NEW_TOKENS)


def arguments(description):
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--repeats", type=int, default=5, help="measured repetitions after one that is not")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--dropout", type=float, default=0.0, help="T5's own default is 0.1; ours trains without")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--shape", choices=SHAPES, default="small")
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    torch.manual_seed(given.seed)
    return given


# T5-small: 6 + 6 layers, d_model 512, 8 heads of 64, d_ff 2048, 32 128 tokens, tied head; and T5-base.
SHAPES = {
    "small": dict(d_model=512, d_ff=2048, num_layers=6, num_heads=8),
    "base": dict(d_model=768, d_ff=3072, num_layers=12, num_heads=12),
}


def t5(given):
    """The configuration that the arguments ask for."""
    return T5Config(
        vocab_size=32128, d_kv=64, **SHAPES[given.shape],
        dropout_rate=given.dropout, decoder_start_token_id=0, pad_token_id=0, eos_token_id=1,
    )


def clock():
    """Seconds, once the card has done what it was asked for."""
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return perf_counter()


def padding_tokenizer():
    words = {"<pad>": 0, "</s>": 1, "<unk>": 2}
    return PreTrainedTokenizerFast(
        tokenizer_object=Tokenizer(WordLevel(words, unk_token="<unk>")),
        pad_token="<pad>", eos_token="</s>", unk_token="<unk>", padding_side="right",
    )


def sources():
    """Contexts of random ids, all full, eos last."""
    ids = torch.randint(3, 32000, (BATCH, SOURCE))
    ids[:, -1] = 1
    return ids


def report(name, seconds, **more):
    """Prints medians over the measured repetitions as one JSON object."""
    phases = {phase: [row[phase] for row in seconds] for phase in seconds[0]}
    median = {phase: round(statistics.median(values), 4) for phase, values in phases.items()}
    print(
        json.dumps(
            {
                "name": name,
                "batch": BATCH,
                "source_tokens": SOURCE,
                "new_tokens": NEW_TOKENS,
                "repeats": len(seconds),
                "threads": torch.get_num_threads(),
                "card": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
                "seconds": median,
                "fastest": {phase: round(min(values), 4) for phase, values in phases.items()},
                **more,
                "torch": torch.__version__,
                "transformers": transformers.__version__,
                "machine": platform.machine(),
            }
        )
    )
