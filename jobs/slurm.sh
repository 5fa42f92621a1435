#!/usr/bin/env bash
@@{header}
# A task of a Slurm array. Runs that the time limit cut short go back into the queue with the task
# and go on from their restart files, at most `attempts` times in all.
#
# Filled in when the runs are submitted:
#   header  #SBATCH lines
#   task    jobs/task.sh

task=$SLURM_ARRAY_TASK_ID

@@{task}
if [ ${#again[@]} -gt 0 ]; then
  if until_heard scontrol requeue "$SLURM_JOB_ID"; then
    sleep 60 # Slurm ends this task now and queues it again
  else
    echo "not queued again; submit again: iemhpc md-submit" >&2
  fi
fi
exit "$rc"
