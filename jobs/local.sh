#!/usr/bin/env bash
# Runs the folder it lies in: minimise, equilibrate, produce. It needs bash and LAMMPS only; where
# the box is to be built in the job and is not there yet, its first step calls iemhpc for that.
#
# A stage whose output exists is skipped; production goes on from its newest whole restart file, so
# calling this script again is always right, and calling it on a finished run does nothing.
# Where no whole restart file is left it goes on from production.data, or fails: it never begins at a
# step from which it would write over a trajectory that is worth keeping.
# TERM, INT and USR1 end production well: LAMMPS writes a restart file and stops.
# A file named cancelled.json (written by iemhpc cancel) does so, too, and keeps it from starting.
# Exit code: 0 done; 75 cut short, call again; 76 cancelled; else what LAMMPS ended with.
# Writes status.json, segments.json, log.<stage>.<attempt>.lammps and, for the count of core-hours,
#   attempts.log  a line an attempt, line n of attempt n, when it starts:
#                   START HOST job=ID cores=N gpus=N
#   ended.log     a line an attempt when it ends: ATTEMPT END rc=CODE; one that was killed without a
#                 word gets its line from the next attempt, with its last sign of life and rc=lost
# Times are UTC, 2026-01-31T12:00:00Z.
#
# Filled in when the run is submitted:
#   run_id      name of the run
#   lammps      words of the LAMMPS command, launcher and options included
#   variables   -var words of all stages
#   production  -var words of the production alone
#   n_steps     steps of the whole production
#   cores, gpus what the run was given, for attempts.log
#   umask       who may read and write what it makes, as the cluster profile says
#   iemhpc      words that call iemhpc on this node; used where system.data is missing
#   setup       lines of the cluster profile: modules (see modules.sh), environment

run_id=@@{run_id}
lammps=(@@{lammps})
variables=(@@{variables})
production=(@@{production})
n_steps=@@{n_steps}
cores=@@{cores} gpus=@@{gpus}
iemhpc=(@@{iemhpc})
@@{umask}

set -m # each LAMMPS is a process group of its own: its command may be a launcher with children
cd "$(dirname "${BASH_SOURCE[0]}")" || exit 66
now() { date -u "$@" +%Y-%m-%dT%H:%M:%SZ; }
stage=start child= stopping= shortage= begun= hangs= started=$(now) host=$(uname -n)
# when this process and its machine started: numbers of processes are given again
start_of() { sed -n 's/.*) \([^ZX]\)/\1/p' "/proc/$1/stat" 2>/dev/null | cut -d ' ' -f 20; }
born=$(start_of $$) boot=$(head -c 8 /proc/sys/kernel/random/boot_id 2>/dev/null)
patience_s=600 # a restart file that takes longer to be read is damaged
job=${SLURM_JOB_ID:-${PBS_JOBID:-none}} # the same when a queue starts the job again

@@{setup}

json_text() { # one JSON string without what JSON does not allow
  local text=${1//\\/\\\\}
  text=${text//\"/\\\"}
  printf '"%s"' "$(printf %s "$text" | tr '\000-\037' ' ')"
}

write_status() { # state, exit code or null, reason
  local ended=null
  [ "$1" = running ] || ended="\"$(now)\""
  printf '{"state": "%s", "stage": "%s", "attempt": %d, "rc": %s, "reason": %s, "started": "%s", "ended": %s, "host": "%s", "pid": %d, "start": "%s", "boot": "%s", "n_steps": %d}\n' \
    "$1" "$stage" "$attempt" "$2" "$(json_text "$3")" "$started" "$ended" "$host" $$ "$born" "$boot" "$n_steps" \
    >status.json.part && mv -f status.json.part status.json
}

collect_segments() { # what LAMMPS noted of each trajectory -> one list, in the order of steps
  local step stride timestep_fs by restart separator=
  {
    printf '['
    for step in $(ls | sed -n 's/^segment\.\([0-9]*\)\.txt$/\1/p' | sort -n); do
      [ -s "production.$step.dcd" ] || continue
      read -r step stride timestep_fs by restart <"segment.$step.txt"
      [ "$restart" = none ] && restart=null || restart="\"$restart\""
      printf '%s{"file": "production.%d.dcd", "first_step": %d, "stride_steps": %d, "timestep_fs": %s, "attempt": %d, "restart": %s}' \
        "$separator" "$step" "$step" "$stride" "$timestep_fs" "$by" "$restart"
      separator=$',\n '
    done
    printf ']\n'
  } >segments.json.part && mv -f segments.json.part segments.json
}

works_here() { # process: numbers are given again, and the dead may linger as zombies
  [ ! -d /proc/self ] || [ "/proc/$1/cwd" -ef . ]
}

lock_is_fresh() { [ -n "$(find run.lock -mmin -10 2>/dev/null)" ]; }

owner_lives() { # process of this host, its start, its boot; it may be another user's
  local seen
  if ! [ -d /proc/self ]; then
    kill -0 "$1" 2>/dev/null || { ! [ -O run.lock ] && lock_is_fresh; }
    return
  fi
  [ -z "$3" ] || [ "$3" = "$boot" ] || return 1
  seen=$(start_of "$1")
  if [ -z "$seen" ]; then # gone, a zombie, or hidden from us (hidepid, see proc(5))
    ! [ -r /proc/1/stat ] && ! [ -O run.lock ] && lock_is_fresh
  elif [ -n "$2" ]; then
    [ "$seen" = "$2" ]
  else # a lock without the start
    works_here "$1" || { ! readlink "/proc/$1/cwd" >/dev/null && lock_is_fresh; }
  fi
}

# One writer a folder. The lock is a folder with one file, named and written by its owner before the
# folder takes its place. rename(2) replaces an empty folder only, and a dead owner's file is removed
# by its name, so that nobody can take away the lock of one who was faster.
take_lock() { # a lock of the dead, or of this very job requeued, is no lock; sets mark, holder
  local tried file owner_host owner_pid owner_job owner_born owner_boot draft="run.lock.$host.$$"
  mark=owner.$host.$$.$born.$RANDOM holder=
  rm -rf "$draft"
  mkdir "$draft" && echo "$host $$ $job $born $boot" >"$draft/$mark" || {
    echo "$run_id: no lock can be made in $(pwd): is it writable, is there room on the disk?" >&2
    rm -rf "$draft"
    exit 74
  }
  for tried in 1 2 3 4; do
    if mv -fT "$draft" run.lock 2>/dev/null; then
      locked=1
      return 0
    fi
    file=$(ls run.lock 2>/dev/null | head -n 1)
    [ -f "run.lock/$file" ] || continue # given back in this moment
    owner_host= owner_pid= owner_job= owner_born= owner_boot=
    read -r owner_host owner_pid owner_job owner_born owner_boot 2>/dev/null <"run.lock/$file"
    holder=": number ${owner_pid:-unknown} on ${owner_host:-an unknown host}"
    if [ "$owner_host" = "$host" ]; then
      if owner_lives "$owner_pid" "$owner_born" "$owner_boot"; then break; fi
    elif [ "$job" != none ] && [ "$owner_job" = "$job" ]; then
      # its node is dead, says the queue; one that is only out of reach still touches the lock
      : >run.lock.seen
      sleep 50
      if [ -n "$(find run.lock -newer run.lock.seen 2>/dev/null)" ]; then break; fi
      rm -f run.lock.seen
    elif lock_is_fresh; then
      break
    fi
    rm -f "run.lock/$file"
  done
  rm -rf "$draft"
  return 1
}

give_lock_back() {
  rm -f "run.lock/$mark"
  rmdir run.lock 2>/dev/null # not where another has it by now
}

end_orphans() { # LAMMPS of an attempt whose script was killed: it would write into our files
  local pid
  read -r pid _ 2>/dev/null <lammps.pid || return 0
  rm -f lammps.pid
  kill -0 -- "-$pid" 2>/dev/null || return 0
  # a number is not given again while its group lives: no leader means that the group is ours
  kill -0 "$pid" 2>/dev/null && ! works_here "$pid" && [ -n "$(readlink "/proc/$pid/cwd")" ] && return 0
  kill -KILL -- "-$pid" 2>/dev/null
}

stop() { # signal, seconds of patience
  stopping=${stopping:-$1}
  [ -n "$child" ] || return 0
  local group=$child patience=$2
  if [ "$stage" = production ]; then : >stop.request; else patience=0; fi
  (
    sleep "$patience"
    kill -TERM -- "-$group"
    sleep 5
    kill -KILL -- "-$group"
  ) >/dev/null 2>&1 &
  watchers="$watchers $!"
}

begin_child() { # file for its words, command
  local screen=$1
  shift
  "$@" </dev/null >"$screen" 2>&1 &
  child=$!
  echo "$child $$" >lammps.pid
  [ -z "$stopping" ] || stop "$stopping" 15 # it came while the child was being started
}

end_child() { # file for its words; sets rc
  while :; do # a signal ends wait, not the child
    wait "$child"
    rc=$?
    kill -0 "$child" 2>/dev/null && [ -z "$stopping" ] || break
    sleep 0.1 # a child that is suspended ends wait, too
  done
  if [ -n "$stopping" ]; then
    # bash 5.2 may wait for ever for a child whose end it saw in a trap, or until another one ends
    while kill -0 "$child" 2>/dev/null; do sleep 0.1; done
    sleep 0.2 &
    wait "$child"
    rc=$?
    kill -KILL $! 2>/dev/null # the sleep
    for watcher in $watchers; do kill -KILL -- "-$watcher" 2>/dev/null; done
  fi
  kill -KILL -- "-$child" 2>/dev/null # whatever a launcher that died has left behind
  child=
  rm -f lammps.pid
  [ -s "$1" ] || rm -f "$1"
}

has_begun() { # production: it has read its file and says what it writes
  [ -n "$(find . -maxdepth 1 -name 'segment.*.txt' -newer lammps.pid)" ]
}

run_lammps() { # further words; sets rc, begun, hangs
  local screen="screen.$stage.$attempt"
  begin_child "$screen" "${lammps[@]}" -in "$stage.in" -log "log.$stage.$attempt.lammps" \
    -screen none "${variables[@]}" "$@"
  if [ "$stage" = production ]; then
    local end=$((SECONDS + patience_s))
    while kill -0 "$child" 2>/dev/null && ! has_begun; do
      if [ $resume = 1 ] && [ $SECONDS -ge $end ]; then
        hangs=yes
        kill -KILL -- "-$child"
        break
      fi
      sleep 0.2 &
      wait $!
    done
    sleep 0.1
    begun=
    ! has_begun || {
      begun=yes
      end_doubts
    }
    collect_segments
  fi
  end_child "$screen"
  [ -z "$hangs" ] || rc=1
}

build_box() { # sets rc
  begin_child "screen.build.$attempt" "${iemhpc[@]}" build-run "$(pwd -P)"
  end_child "screen.build.$attempt"
}

reason_of_failure() { # the first error of the log, else the last words on the screen
  local reason
  [ "$rc" != 0 ] || {
    echo "$stage ended without an error, but what it should have written is not there"
    return
  }
  [ -z "$hangs" ] || {
    echo "LAMMPS did not get beyond reading $restart in $patience_s s"
    return
  }
  reason=$(grep -m 1 '^ERROR' "log.$stage.$attempt.lammps" 2>/dev/null)
  [ -n "$reason" ] || reason=$(grep -v '^[[:space:]]*$' "screen.$stage.$attempt" 2>/dev/null | tail -n 1)
  echo "${reason:-LAMMPS ended with exit code $rc and without a word}"
}

finish() { # what became of a stage that did not end well
  case $rc in
    # 128 + signal from bash, 256 - signal from a Python launcher
    129 | 137 | 143 | 241 | 247 | 255) killed=yes ;;
    *) killed= ;;
  esac
  if [ -e cancelled.json ] && { [ -n "$stopping" ] || [ "$rc" = 75 ]; }; then
    rc=76
    write_status interrupted 76 "cancelled"
  elif [ -n "$shortage" ]; then
    rc=74
    write_status interrupted 74 "$shortage"
  elif [ -n "$stopping" ]; then
    rc=75
    write_status interrupted 75 "stopped by the signal $stopping"
  elif [ "$rc" = 75 ]; then
    write_status interrupted 75 "stopped at the time limit or by a file named stop.request"
  elif [ -n "$killed" ] && ! grep -q '^ERROR' "log.$stage.$attempt.lammps" 2>/dev/null; then
    write_status interrupted "$rc" "LAMMPS was killed (exit code $rc): by somebody, a limit, or for want of memory"
  else
    local reason
    reason=$(reason_of_failure)
    [ "$rc" != 0 ] || rc=1
    write_status failed "$rc" "$reason"
  fi
  exit "$rc"
}

# LAMMPS looks whether a frame arrives, but not a data file: with a full disk it ends as if all were
# well, and leaves one without its end.
is_whole_data() { # data file of write_data nocoeff: a line for each mass, atom, velocity, bond, ...
  [ -s "$1" ] && [ -z "$(tail -c 1 "$1")" ] && awk '
    !inside && NF == 2 && $2 ~ /^(atoms|bonds|angles|dihedrals|impropers)$/ { wanted += $1 }
    !inside && NF == 2 && $2 == "atoms" { wanted += $1 }
    !inside && NF == 3 && $2 == "atom" { wanted += $1 }
    /^ *Masses/ { inside = 1 }
    inside && $1 ~ /^[0-9]+$/ { found += 1 }
    END { exit found != wanted }' "$1"
}

newest_restart() { # a whole restart file ends with LAMMPS's own mark
  local file
  for file in $(ls -t production.restart production.a.restart production.b.restart 2>/dev/null); do
    if tail -c 64 "$file" | grep -qa 'LammpS RestartT'; then
      echo "$file"
      return
    fi
  done
  echo none
}

came_far() { # trajectory's first step, step: whether it came farther than to a second restart file
  local last by every
  # bytes 20 to 23 of a DCD of LAMMPS: the step of its last frame
  read -r last <<<"$(od -An -t d4 -j 20 -N 4 "production.$1.dcd" 2>/dev/null)"
  [ -n "$last" ] || return 1
  read -r _ _ _ by _ 2>/dev/null <"segment.$1.txt" || by=none
  every=$(sed -n 's/^restart  *\([0-9][0-9]*\) .*/\1/p' "log.production.$by.lammps" 2>/dev/null | tail -n 1)
  [ "$last" -gt $(($2 + 2 * ${every:-0})) ]
}

# A restart file may be damaged in its middle: LAMMPS dies of it in many ways, or hangs. Whether it
# was the file or the node shows when LAMMPS begins from another one.
doubt_restart() { # whether there is another whole one: this one is put aside, till that one begins
  mv -f "$restart" "$restart.doubt"
  [ "$(newest_restart)" = none ] || return 0
  end_doubts
  return 1
}

end_doubts() { # what is in doubt takes its place again; where LAMMPS has begun without, it is bad
  local file to
  for file in $(ls | sed -n 's/^\(production\..*\)\.doubt$/\1/p'); do
    to=$file
    if [ -n "$begun" ] || [ -e "$file" ]; then to=$file.bad; fi
    mv -f "$file.doubt" "$to"
  done
}

may_begin_at() { # step: whether no trajectory behind it has had a whole restart file
  local first
  [ "$1" -gt 0 ] || ! [ -s production.steps ] || return 1 # a finished one
  for first in $(ls | sed -n 's/^production\.\([0-9]*\)\.dcd$/\1/p'); do
    ! { [ "$first" -ge "$1" ] && came_far "$first" "$1"; } || return 1
  done
}

keep_trajectory_from() { # restart file: what came far from it would be written over by going on
  local note first by from
  for note in $(ls | grep '^segment\.[0-9]*\.txt$'); do
    read -r first _ _ by from <"$note"
    if [ "$from" = "$1" ] && [ "$1" -ot "$note" ] && came_far "$first" "$first"; then
      mv -f "production.$first.dcd" "production.$first.dcd.$by"
    fi
  done
}

step_of_data() { # the step that production.data was written at; 0 without one
  local step
  step=$(sed -n '1s/.*timestep = \([0-9][0-9]*\).*/\1/p' production.data 2>/dev/null)
  echo "${step:-0}"
}

choose_start() { # sets restart, resume, data_step and restart_first as production.in wants them
  restart=$(newest_restart) resume=1 data_step=0 restart_first=a
  [ "$restart" != production.a.restart ] || restart_first=b
  [ "$restart" = none ] || {
    keep_trajectory_from "$restart"
    return 0
  }
  # Positions and velocities of the end of an earlier production; its thermostat starts at rest, as
  # that of every production does, and couples within a tenth of a picosecond.
  data_step=$(step_of_data)
  if [ "$data_step" -gt 0 ] && [ "$data_step" -lt "$n_steps" ] && is_whole_data production.data &&
    may_begin_at "$data_step"; then
    restart=production.data resume=2
  else
    resume=0 data_step=0
    may_begin_at 0
  fi
}

time_limit() { # HH:MM:SS that production may take
  if [ -z "$IEMHPC_DEADLINE" ]; then
    echo off
    return
  fi
  local left=$((IEMHPC_DEADLINE - $(date +%s)))
  [ "$left" -gt 1 ] || left=1
  printf '%02d:%02d:%02d' $((left / 3600)) $((left % 3600 / 60)) $((left % 60))
}

produce() { # sets rc
  while :; do
    rc=75
    choose_start || {
      end_doubts
      write_status failed 1 "ERROR: iemhpc: its restart files are gone or damaged, and beginning again would write over its trajectory; put them back and give iemhpc resubmit $run_id, or iemhpc resubmit $run_id --fresh keeps the old trajectory aside and starts anew"
      exit 1
    }
    [ -n "$stopping" ] || run_lammps "${production[@]}" -var resume $resume -var restart "$restart" \
      -var data_step "$data_step" -var restart_first $restart_first \
      -var attempt "$attempt" -var time_limit "$(time_limit)"
    collect_segments
    # a restart file that has its mark and is damaged all the same: the one before it is next
    if [ "$rc" != 0 ] && [ $resume = 1 ] && grep -q '^ERROR.*[Rr]estart file' "log.production.$attempt.lammps"; then
      mv -f "$restart" "$restart.bad"
      continue
    fi
    if [ "$rc" != 0 ] && [ "$rc" != 75 ] && [ $resume = 1 ] && [ -z "$begun$stopping" ] && doubt_restart; then
      hangs=
      continue
    fi
    break
  done
}

has_trajectory() { [ -n "$(find . -maxdepth 1 -name 'production.*.dcd' -size +0 | head -n 1)" ]; }

has_produced() { # all steps, by an attempt whose script was killed before it could note it
  [ "$(step_of_data)" -ge "$n_steps" ] && is_whole_data production.data && has_trajectory
}

note_lost_end() { # attempt: one that was killed has ended, for all we know, at its last sign of life
  local last
  [ "$1" -gt 0 ] && ! grep -q "^$1 " ended.log 2>/dev/null || return 0
  last=$(ls -t status.json log.*."$1".lammps production.*.dcd 2>/dev/null | head -n 1)
  [ -z "$last" ] || echo "$1 $(now -r "$last") rc=lost" >>ended.log
}

is_done() { [ "$(cat production.steps 2>/dev/null || echo 0)" -ge "$n_steps" ] && [ -s production.data ]; }

locked= heart= counted=
trap 'rc=$?; [ -z "$counted" ] || echo "$attempt $(now) rc=$rc" >>ended.log; [ -z "$heart" ] || kill -KILL -- "-$heart" 2>/dev/null; [ -z "$locked" ] || give_lock_back' EXIT
take_lock || {
  echo "$run_id: another process is at it$holder (run.lock); if it is not, delete run.lock" >&2
  exit 75
}
( # touches the lock while this script lives; ends it well when the process that started it is gone
  # or somebody has cancelled it; ends LAMMPS where this script was killed without a word
  beats=0
  while sleep 2; do
    if ! { kill -0 $$ && works_here $$; }; then
      read -r group owner <lammps.pid && [ "$owner" = $$ ] && kill -KILL -- "-$group"
      break
    fi
    [ $((beats++ % 10)) -gt 0 ] || ! [ -e "run.lock/$mark" ] || touch -c run.lock
    [ ! -e cancelled.json ] || { kill -TERM $$; break; }
    [ -z "$IEMHPC_PARENT" ] || kill -0 "$IEMHPC_PARENT" || { kill -TERM $$; break; }
  done
) >/dev/null 2>&1 &
heart=$!
disown "$heart" # its end is no news
attempt=$(cat attempts.log 2>/dev/null | wc -l)
if is_done; then
  stage=production
  write_status done 0 "" # always: the one that is there may be cut off
  exit 0
fi
end_orphans
[ ! -e cancelled.json ] || exit 76 # only iemhpc resubmit takes it away
note_lost_end "$attempt"
attempt=$((attempt + 1))
[ "$job" != none ] || job=$$
echo "$started $host job=${SLURM_ARRAY_JOB_ID:-$job} cores=$cores gpus=$gpus" >>attempts.log
counted=1
rm -f stop.request
watchers=
trap 'stop USR1 60' USR1
trap 'stop TERM 15' TERM HUP
trap 'stop INT 15' INT

[ -z "$setup_fault" ] || {
  stage=setup
  write_status failed 78 "ERROR: iemhpc: $setup_fault; mend modules in the cluster profile, then iemhpc resubmit $run_id"
  exit 78
}

if ! [ -s system.data ]; then
  stage=build rc=75
  write_status running null ""
  [ -n "$stopping" ] || build_box
  [ "$rc" = 0 ] && [ -s system.data ] || finish
fi

for stage in minimize equilibrate; do
  case $stage in minimize) output=minimized.data ;; *) output=equilibrated.data ;; esac
  [ -s "$output" ] && continue
  write_status running null ""
  rc=75
  [ -n "$stopping" ] || run_lammps
  [ "$rc" = 0 ] && is_whole_data "$output" || {
    [ "$rc" != 0 ] || shortage="$output could not be written whole: is the disk or a quota full?"
    rm -f "$output"
    finish
  }
done

stage=production
write_status running null ""
end_doubts # of an attempt that was killed meanwhile
if has_produced; then
  rc=0
  collect_segments
else
  produce
fi
end_doubts
[ "$rc" = 0 ] && is_whole_data production.data || {
  [ "$rc" != 0 ] || shortage="production.data could not be written whole: is the disk or a quota full?"
  finish
}
echo "$n_steps" >production.steps.part && mv -f production.steps.part production.steps
write_status done 0 ""
exit 0
