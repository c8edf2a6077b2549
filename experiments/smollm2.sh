#!/usr/bin/env bash
# The experiment with SmolLM2 (plan.md), whole: reward identifiers, auditors, the full arm of each seed, then the other
# arms. What is finished is left as it is and what was interrupted goes on, so that it may be stopped (Ctrl-C) and called
# again.
#
#     experiments/smollm2.sh STORE SMOLLM2 MINILM [SEED…]
#
# STORE has both data sets (`emprl data import`), SMOLLM2 is SmolLM2-135M-Instruct as a folder or a GGUF file, MINILM
# the folder of all-MiniLM-L6-v2. EMPRL names the program (else `emprl`). Seeds are 1 to 5 unless given; from 4 on they
# have no ablations. STEPS, GENERATOR_STEPS and TEST change the size.
set -euo pipefail
store=$1 smollm2=$2 minilm=$3
shift 3
seeds=("$@")
[ ${#seeds[@]} -gt 0 ] || seeds=(1 2 3 4 5)
files=$(cd "$(dirname "$0")" && pwd)
emprl=${EMPRL:-emprl}

# The number and the state of the run of a name and a seed, if there is one.
find_run() {
  "$emprl" runs list --store "$store" --json --filter "name = \"$1\" and seed = $2" |
    sed -n -e 's/^    "id": \([0-9]*\),/\1/p' -e 's/^    "status": "\(.*\)",/\1/p' | head -n 2 | paste -sd ' '
}

# Runs NAME with SEED as the remaining arguments say, or goes on with it; its number is then in `run`.
run_once() {
  local name=$1 seed=$2 state
  shift 2
  read -r run state <<< "$(find_run "$name" "$seed")" || true
  case "$state" in
    finished) return ;;
    "") "$emprl" run "$@" --name "$name" --seed "$seed" --store "$store" ;;
    *) "$emprl" run --resume "$run" --store "$store" ;;
  esac
  read -r run state <<< "$(find_run "$name" "$seed")"
  [ "$state" = finished ]
}

judges=(--set identifiers.encoder="$minilm" --set run.device=flex)
run_once reward-identifiers 1 "$files/identifiers-minilm.toml" "${judges[@]}" \
  --set identifiers.pairs=first-half --set identifiers.seed=1
reward=$run
run_once auditor-minilm 1 "$files/identifiers-minilm.toml" "${judges[@]}" \
  --set identifiers.pairs=second-half --set identifiers.seed=2
auditors=$run
run_once auditor-minilm-again 1 "$files/identifiers-minilm.toml" "${judges[@]}" \
  --set identifiers.pairs=second-half --set identifiers.seed=3
auditors=$auditors,$run
run_once auditor-t5 1 "$files/emprl-small-scratch.toml" --set run.stages='["identifiers"]' \
  --set identifiers.pairs=second-half --set identifiers.seed=4
auditors=$auditors,$run,logistic

shared=(--set model.source="$smollm2" --set identifiers.source="$reward" --set identifiers.pairs=first-half
  --set identifiers.auditors="$auditors" --set run.precision=bf16 --set generator.max_steps="${GENERATOR_STEPS:-150}"
  --set data.test_limit="${TEST:-256}" --set sampling.max_new_tokens=30
  --set ppo.lr=1e-4 --set ppo.steps="${STEPS:-100}" --set ppo.epochs=2)
full=()
for seed in "${seeds[@]}"; do
  run_once full "$seed" "$files/emprl-smollm2.toml" "${shared[@]}" --set evaluation.best_of=4
  full[seed]=$run
done
for seed in "${seeds[@]}"; do
  [ "$seed" -le 3 ] || continue
  taken=(--reuse "${full[seed]}")
  run_once without-reward "$seed" "$files/emprl-smollm2.toml" "${shared[@]}" "${taken[@]}" --set reward.empathy=false
  run_once without-kl "$seed" "$files/emprl-smollm2.toml" "${shared[@]}" "${taken[@]}" --set reward.beta=0
  run_once grpo "$seed" "$files/emprl-smollm2-grpo.toml" "${shared[@]}" "${taken[@]}" \
    --set grpo.lr=1e-4 --set grpo.steps="${STEPS:-100}"
done
