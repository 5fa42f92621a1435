#!/bin/bash
@@{header}
# A job of PBS, or a subjob of its array. PBS gives no warning before the limit, so the script
# gives it itself. A job may not queue itself again there (qrerun is the operators'), so runs that
# were cut short go on in a new job, at most `attempts` times in all; that needs a qsub on the
# nodes, and without one the next md-submit makes it.
#
# Filled in when the runs are submitted:
#   header  #PBS lines
#   folder  where the outputs lie
#   next    name of the job that goes on
#   task    jobs/task.sh

task=${PBS_ARRAY_INDEX:-${IEMHPC_TASK:-0}}
folder=@@{folder}
next=@@{next}
exec >>"$folder/pbs.$task.out" 2>&1

( # the warning
  sleep "$((@@{wall_s} - @@{warning_s}))" &
  trap "kill $!; exit" TERM
  wait
  kill -USR1 $$
) &
warning=$!

@@{task}
kill "$warning" 2>/dev/null
if [ ${#again[@]} -gt 0 ]; then
  # a qsub that was heard and did not learn it makes two jobs: the second finds run.lock, or no work
  if job=$(until_heard qsub -N "$next" -v "IEMHPC_TASK=$task" "$folder/job.sh"); then
    job=${job##*[[:space:]]} # a centre's own words may come before it
    mkdir -p "${folder%/*}/next"
    echo "$job" >"${folder%/*}/next/$PBS_JOBID"
    for run in "${started[@]}"; do # where it is now, so that nobody submits it a second time
      ! grep -qxF "$run" "$list.failed.$task" 2>/dev/null || continue
      sed -E -e "s/\"task\": (null|\"[^\"]*\")/\"task\": \"$job\"/" \
        -e "s/\"attempts\": [0-9]*/\"attempts\": $(starts_of "$run")/" \
        "$run/job.json" >"$run/job.json.part" && mv -f "$run/job.json.part" "$run/job.json"
    done
  else
    echo "no job to go on in; submit again: iemhpc md-submit" >&2
  fi
fi
exit "$rc"
