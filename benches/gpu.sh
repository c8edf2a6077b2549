#!/usr/bin/env bash
# One step of ours and of the peers on one device, side by side: PPO with T5-small's and T5-base's shape beside TRL, and
# SmolLM2's shape with LoRA beside Transformers and PEFT. Prints each line of JSON as it comes, then a table.
#
#     benches/gpu.sh [DEVICE]        # tch-cuda; tch for a try on the processor
#
# Needs what `cargo bench --features tch` needs. PYTHON names the Python that has benches/peers/requirements.txt, and
# PYTHON_DECODERS the one that has Transformers 4.57 or later and PEFT; a peer that cannot be imported is left out, and
# said to be. PPO_STEP and LANGUAGE_MODELS name the benches where they are built already.
set -euo pipefail
cd "$(dirname "$0")/.."
device=${1:-tch-cuda}
theirs=cpu
case $device in *cuda*) theirs=cuda ;; esac
python=${PYTHON:-python3}
decoders=${PYTHON_DECODERS:-$python}
lines=$(mktemp)
trap 'rm -f "$lines"' EXIT

ours() { # bench, then its arguments
  local built=$1 name=$2
  shift 2
  if [ -n "$built" ]; then
    "$built" "$@"
  else
    cargo bench --quiet --features tch --bench "$name" -- "$@"
  fi | tee -a "$lines"
}
peer() { # a Python, then a script of benches/peers and its arguments
  (cd benches/peers && "$@") | tee -a "$lines" || echo "left out: $*" >&2
}

for shape in small base; do
  ours "${PPO_STEP:-}" ppo_step "$device" "$shape"
  peer $python ppo_step_trl.py --device "$theirs" --shape "$shape"
done
ours "${LANGUAGE_MODELS:-}" language_models "$device" generation supervised ppo grpo
peer $decoders language_models.py --device "$theirs"
"$python" benches/peers/table.py "$lines"
