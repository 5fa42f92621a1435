#!/usr/bin/env bash
# A run that takes no LAMMPS: line n of the file `does` says how attempt n ends: done, failed,
# cut (short), sleep (until it is told to stop), or killed.
run_id=@@{run_id}
@@{umask}
cd "$(dirname "${BASH_SOURCE[0]}")" || exit 66
attempt=$(($(cat attempts.log 2>/dev/null | wc -l) + 1))
does=$(sed -n "${attempt}p" does 2>/dev/null)
echo "job=$PBS_JOBID slot=$IEMHPC_SLOT cores=@@{cores}" >>attempts.log
status() { # state, exit code, reason
  printf '{"state": "%s", "stage": "production", "attempt": %d, "rc": %s, "reason": "%s", "host": "%s", "pid": %d, "n_steps": @@{n_steps}}\n' \
    "$1" "$attempt" "$2" "$3" "$(uname -n)" $$ >status.json.part && mv -f status.json.part status.json
}
status running null ""
case ${does:-done} in
  done) ;;
  failed) status failed 3 "ERROR: Unknown pair style"; exit 3 ;;
  cut) status interrupted 75 "stopped at the time limit"; exit 75 ;;
  killed) status interrupted 137 "LAMMPS was killed"; exit 137 ;;
  sleep)
    trap 'status interrupted 75 "stopped by a signal"; exit 75' TERM USR1
    for _ in $(seq 1200); do sleep 0.1; done
    ;;
esac
echo "$run_id" >>done.marks
status done 0 ""
