"""The table of benches/gpu.sh: reads its lines of JSON, and prints seconds of each work, ours and the peer's, with
their ratio, as Markdown.

    python table.py LINES"""

import json
import sys

with open(sys.argv[1]) as file:
    lines = [json.loads(line) for line in file if line.startswith("{")]

T5_PHASES = ("generation", "reward", "update", "total")
DECODER_PHASES = ("generation_seconds", "reference_seconds", "update_seconds", "seconds")


def first(found):
    return next(iter(found), None)


def row(title, ours, theirs):
    def shown(seconds):
        return "" if seconds is None else f"{seconds:.3f}"

    ratio = "" if None in (ours, theirs) else f"{ours / theirs:.2f}"
    print(f"| {title} | {shown(ours)} | {shown(theirs)} | {ratio} |")


cards = {line["card"] for line in lines if line.get("card")}
print(f"\n{', '.join(sorted(cards)) or 'No card'}; seconds of a step, ours by {', '.join(sorted({line['device'] for line in lines if 'device' in line}))}\n")
print("| | ours | peer | ratio |\n| --- | --- | --- | --- |")
for shape in ("small", "base"):
    peer = first(line for line in lines if line.get("name") == "ppo_step_trl" and line["shape"] == shape)
    for line in lines:
        if line.get("bench") == "ppo_step" and line["shape"] == shape:
            for phase in T5_PHASES:
                theirs = peer and peer["seconds"][phase]
                row(f"T5-{shape}, {line['tuning']}, {phase}", line[phase], theirs)
decoders = [line for line in lines if "peak_gb" in line]
for ours in (line for line in decoders if "torch" not in line):
    peer = first(line for line in decoders if "torch" in line and line["bench"] == ours["bench"])
    for phase in DECODER_PHASES:
        if phase in ours:
            name = phase.removesuffix("_seconds").replace("seconds", "step")
            row(f"{ours['model']}, {ours['bench']}, {name}", ours[phase], peer and peer.get(phase))
