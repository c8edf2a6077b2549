"""A folder of T5-base's shape with random weights, so that what a step of it costs can be measured without
the weights themselves. Transformers 4.44.2, torch 2.9.0.

    python t5_base_folder.py DIR TOKENIZER_JSON

TOKENIZER_JSON is any tokenizer of this program, such as the `tokenizer.json` in a run's folder.
"""

import shutil
import sys
from pathlib import Path

import torch
from transformers import T5Config, T5ForConditionalGeneration


def main():
    folder, tokenizer = Path(sys.argv[1]), Path(sys.argv[2])
    torch.manual_seed(1)
    config = T5Config(
        vocab_size=32128, d_model=768, d_kv=64, d_ff=3072, num_layers=12, num_heads=12,
        decoder_start_token_id=0, pad_token_id=0, eos_token_id=1,
    )
    T5ForConditionalGeneration(config).save_pretrained(folder)
    shutil.copyfile(tokenizer, folder / "tokenizer.json")


if __name__ == "__main__":
    main()
