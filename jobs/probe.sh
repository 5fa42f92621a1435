#!/usr/bin/env bash
# Asks the LAMMPS of a node what it can do: its styles, the energies of a tiny box in both force
# fields, and a run of all stages. It needs bash and LAMMPS only and takes about a minute.
#
# Lies in the probe's folder as run.sh, beside info.in and a folder for each force field. Writes
#   answers.txt         a line a question: NAME EXIT-CODE
#   NAME.log NAME.screen  what LAMMPS answered
#   end.txt             when all is over, whole or not at all: HOST START END
# Times are UTC, 2026-01-31T12:00:00Z. Exit code 0: all was asked; what the answers are worth is said
# by iemhpc cluster show NAME --probe.
#
# Filled in when the probe is submitted:
#   lammps   words of the LAMMPS command, launcher and options included
#   cutoff_A of the tiny box
#   fields   names of the folders
#   limit_s  how long one question may take
#   umask    who may read and write what it makes, as the cluster profile says
#   setup    lines of the cluster profile: modules, environment

lammps=(@@{lammps})
cutoff_A=@@{cutoff_A}
fields=(@@{fields})
limit_s=@@{limit_s}
@@{umask}

cd "$(dirname "${BASH_SOURCE[0]}")" || exit 66
exec >probe.out 2>&1 </dev/null
here=$(pwd -P) started=$(date -u +%Y-%m-%dT%H:%M:%SZ) child= stopped=
trap 'stopped=yes; kill -TERM "$child" 2>/dev/null' TERM INT HUP USR1

@@{setup}

ask() { # name, folder, command
  local name=$1 folder=$2 rc=75
  shift 2
  if [ -z "$stopped" ]; then
    (cd "$folder" && exec timeout -k 5 "$limit_s" "$@") >"$here/$name.screen" 2>&1 &
    child=$!
    while :; do # a signal ends wait, not the child
      wait "$child"
      rc=$?
      kill -0 "$child" 2>/dev/null || break
    done
  fi
  echo "$name $rc" >>answers.txt
}

rm -f answers.txt
ask info . "${lammps[@]}" -in info.in -log info.log -screen none
for field in "${fields[@]}"; do
  ask "energy.$field" "$field" "${lammps[@]}" -in energy_box.in -var data system.data \
    -var cutoff_A "$cutoff_A" -var pppm 1.0e-6 -log "$here/energy.$field.log" -screen none
  ask "stages.$field" "$field" bash run.sh
done
[ -z "$stopped" ] || exit 70
echo "$(uname -n) $started $(date -u +%Y-%m-%dT%H:%M:%SZ)" >end.part && mv -f end.part end.txt
