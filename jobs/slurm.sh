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
  scontrol requeue "$SLURM_JOB_ID" && sleep 60 # Slurm ends this task now and queues it again
fi
exit "$rc"
