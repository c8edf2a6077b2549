#!/bin/bash
#SBATCH --job-name={{name}}
#SBATCH --array=0-{{last}}
#SBATCH --output={{folder}}/logs/%a.log
#SBATCH --open-mode=append
#SBATCH --requeue
#SBATCH --signal=B:TERM@120
{{options}}
# Two minutes before the time is up Slurm says so: the run saves a checkpoint and stops, and the task goes back into the
# queue. Wherever it is started again, it goes on from there.
export EMPRL_LOG=${EMPRL_LOG:-info}
{{program}} task {{folder}} "$SLURM_ARRAY_TASK_ID" &
task=$!
stopped=
trap 'stopped=yes; kill -TERM "$task"' TERM
wait "$task"
code=$?
if [ -n "$stopped" ]; then
  wait "$task"
  code=$?
  if [ "$code" = 130 ] && [ ! -e {{folder}}/cancelled ]; then
    scontrol requeue "${SLURM_ARRAY_JOB_ID}_$SLURM_ARRAY_TASK_ID"
  fi
fi
exit "$code"
