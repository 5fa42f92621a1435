#!/usr/bin/env bash
@@{header}
# One command, once the jobs that it waits for have ended. Where runs of them go on in other jobs
# (PBS), it is given now for those that are done, and again when these have ended.
#
# Filled in when it is submitted:
#   header   #SBATCH or #PBS lines
#   output   file for its words
#   folder   where it runs
#   umask    who may read and write what it makes
#   setup    lines of the cluster profile: modules (see modules.sh), environment
#   command  its words
#   jobs     numbers of the jobs
#   next     folder of files: name of a job -> the one in which its runs go on; empty for Slurm
#   script   this file

next=@@{next}
exec >>@@{output} 2>&1
cd @@{folder} || exit 66
@@{umask}
@@{setup}
[ -z "$setup_fault" ] || {
  echo "$setup_fault"
  exit 78
}

going_on() { # the jobs that wait or run in place of those that have ended, with : between them
  local job first last found=
  [ -n "$next" ] || return 0
  for job in @@{jobs}; do
    for first in "$next/$job."* "$next/$job["*; do
      [ -s "$first" ] || continue
      last=$(cat "$first")
      while :; do
        while [ -s "$next/$last" ]; do last=$(cat "$next/$last"); done
        if qstat "$last" >/dev/null 2>&1; then
          found=$found:$last
          break
        fi
        [ -s "$next/$last" ] || break # else it handed its runs on while we asked
      done
    done
  done
  echo "$found"
}

while :; do
  before=$(going_on)
  @@{command}
  rc=$?
  [ -n "$before" ] || break
  now=$(going_on)
  [ -n "$now" ] || continue # they have ended meanwhile
  qsub -W "depend=afterany$now" @@{script}
  break
done
exit "$rc"
