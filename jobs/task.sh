# One task of an array: runs its run folders, exactly as without a queue; several side by side.
#
# Read by slurm.sh and pbs.sh, which set `task`. It sets
#   rc     exit code: 0 if every run is done; a failed run's own; 75 where one was cut short
#   again  the runs that were cut short and may go on: the task wants to be started again
# A run that failed is not started again with the others. The environment of each run has
# IEMHPC_SLOT, its place among those side by side, from 0.
#
# Filled in when the runs are submitted:
#   list          file with one run folder a line; task 0 takes the first `runs_per_job` of them
#   runs_per_job  how many
#   wall_s        the time limit, seconds
#   warning_s     LAMMPS is asked to stop this long before it
#   attempts      how often a run may be started
#   umask         who may read and write what it makes, as the cluster profile says

list=@@{list}
runs_per_job=@@{runs_per_job}
wall_s=@@{wall_s}
warning_s=@@{warning_s}
attempts=@@{attempts}
@@{umask}

export IEMHPC_DEADLINE=$(($(date +%s) + wall_s - warning_s))
rc=0 again=() terminated= children=() started=() before=()

# words of a server that is out of reach, not of one that refuses
away='timed? ?out|contact|connect|communicat|zero bytes|send/recv|socket|not responding'
away="$away|temporar|try again|unavailable|authenticat|munge|busy"

until_heard() { # command of the queue: again and again while its server is away and time is left
  local words code end=$((IEMHPC_DEADLINE + warning_s - 15))
  while :; do
    { words=$("$@" 2>&1 >&3); } 3>&1
    code=$?
    [ -z "$words" ] || echo "$words" >&2
    [ "$code" != 0 ] && grep -qiE "$away" <<<"$words" || return "$code"
    [ -z "$terminated" ] && [ "$(date +%s)" -lt "$end" ] || return "$code"
    sleep 10 & # a signal ends wait, not sleep
    wait $!
  done
}

starts_of() { cat "$1/attempts.log" 2>/dev/null | wc -l; }

start_runs() { # the task's lines of the list, but for those that failed
  local run
  while IFS= read -r run; do
    if grep -qxF "$run" "$list.failed.$task" 2>/dev/null; then
      rc=1
    elif ! [ -s "$run/run.sh" ]; then
      echo "task $task of $list: no run.sh in '$run'" >&2
      rc=66
    else
      before+=("$(starts_of "$run")")
      IEMHPC_SLOT=${#children[@]} bash "$run/run.sh" &
      children+=($!) started+=("$run")
    fi
  done < <(sed -n "$((task * runs_per_job + 1)),$(((task + 1) * runs_per_job))p" "$list")
  [ ${#started[@]} -gt 0 ] || [ "$rc" != 0 ] || {
    echo "task $task of $list: no such line" >&2
    rc=66
  }
}

tell_runs() { # signal
  local child
  for child in "${children[@]}"; do kill "-$1" "$child" 2>/dev/null; done
}

end_of() { # process; sets code
  local last
  while :; do # a signal ends wait, not the run
    wait "$1"
    code=$?
    kill -0 "$1" 2>/dev/null || break
  done
  wait "$1" 2>/dev/null
  last=$?
  [ "$last" = 127 ] || code=$last
}

note_end() { # run, attempts before, exit code
  case $3 in
    0) ;;
    75)
      [ "$rc" != 0 ] || rc=75
      # without a new attempt another process is at it
      if [ -n "$terminated" ] || [ "$(starts_of "$1")" = "$2" ]; then return; fi
      if [ "$(starts_of "$1")" -lt "$attempts" ]; then
        again+=("$1")
      else
        echo "$1: cut short $attempts times; see its logs for how far it comes" >&2
      fi
      ;;
    *)
      if [ "$rc" = 0 ] || [ "$rc" = 75 ]; then rc=$3; fi
      ! grep -q '"state": "failed"' "$1/status.json" 2>/dev/null || echo "$1" >>"$list.failed.$task"
      ;;
  esac
}

trap 'tell_runs USR1' USR1
trap 'terminated=yes; tell_runs TERM' TERM
start_runs
for slot in "${!children[@]}"; do
  end_of "${children[slot]}"
  note_end "${started[slot]}" "${before[slot]}" "$code"
done
