#!/usr/bin/env bash
@@{header}
# One task of an array: runs the run folder on its line of a list, exactly as without Slurm.
#
# The exit code is the run's own. A run that the time limit cut short goes back into the queue and
# goes on from its restart file, at most `attempts` times in all.
#
# Filled in when the runs are submitted:
#   header      #SBATCH lines
#   list        file with one run folder a line; task 0 takes the first
#   wall_s      the time limit, seconds
#   warning_s   LAMMPS is asked to stop this long before it
#   attempts    how often a run may be started

list=@@{list}
wall_s=@@{wall_s}
warning_s=@@{warning_s}
attempts=@@{attempts}

run=$(sed -n "$((SLURM_ARRAY_TASK_ID + 1))p" "$list")
if ! [ -s "$run/run.sh" ]; then
  echo "task $SLURM_ARRAY_TASK_ID of $list: no run.sh in '$run'" >&2
  exit 66
fi
export IEMHPC_DEADLINE=$(($(date +%s) + wall_s - warning_s))

terminated=
trap 'kill -USR1 "$child" 2>/dev/null' USR1
trap 'terminated=yes; kill -TERM "$child" 2>/dev/null' TERM
bash "$run/run.sh" &
child=$!
while :; do
  wait "$child"
  rc=$?
  kill -0 "$child" 2>/dev/null || break
done
wait "$child" 2>/dev/null
last=$?
[ "$last" = 127 ] || rc=$last

if [ "$rc" = 75 ] && [ -z "$terminated" ]; then
  if [ "$(cat "$run/attempts.log" 2>/dev/null | wc -l)" -lt "$attempts" ]; then
    scontrol requeue "$SLURM_JOB_ID" && sleep 60 # Slurm ends this task now and queues it again
  else
    echo "$run: cut short $attempts times; see its logs for how far it comes" >&2
  fi
fi
exit "$rc"
