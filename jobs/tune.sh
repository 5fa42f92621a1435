#!/usr/bin/env bash
# Measures a few settings of LAMMPS on a real box, all on this node; needs bash and LAMMPS only.
#
# Lies in a folder as run.sh, beside system.data, styles.in, minimize.in and timing.in: minimises the
# box; computes its forces without any accelerator and with a tight mesh, to compare with; measures
# each accelerator at the common cut-off; then the fastest of them at the other Coulomb cut-offs.
# Writes
#   answers.txt         a line a measurement: NAME EXIT-CODE, where NAME is SUFFIX.COULOMB_A
#   NAME.log NAME.forces  what LAMMPS did
#   end.txt             when all is over, whole or not at all: HOST START END
# Exit code 0: all was tried; what it is worth is said by iemhpc cluster tune.
#
# Filled in when it is submitted:
#   commands     a bash array for each accelerator: command_SUFFIX, words of the LAMMPS command
#   suffixes     their names; plain is none
#   reference    words of the LAMMPS command without an accelerator
#   cutoff_A     of Lennard-Jones, and the first Coulomb cut-off
#   coulombs     further Coulomb cut-offs
#   pppm         relative accuracy of the forces
#   time_limit   of one measurement, HH:MM:SS
#   limit_s      how long one LAMMPS may take with its start
#   umask, setup as in run.sh of a run

@@{commands}
suffixes=(@@{suffixes})
reference=(@@{reference})
cutoff_A=@@{cutoff_A}
coulombs=(@@{coulombs})
pppm=@@{pppm}
time_limit=@@{time_limit}
limit_s=@@{limit_s}
@@{umask}

cd "$(dirname "${BASH_SOURCE[0]}")" || exit 66
exec >tune.out 2>&1 </dev/null
started=$(date -u +%Y-%m-%dT%H:%M:%SZ) child= stopped=
trap 'stopped=yes; kill -TERM "$child" 2>/dev/null' TERM INT HUP USR1

@@{setup}

ask() { # name, command
  local name=$1 rc=75
  shift
  if [ -z "$stopped" ]; then
    timeout -k 5 "$limit_s" "$@" -log "$name.log" -screen none >"$name.screen" 2>&1 &
    child=$!
    while :; do # a signal ends wait, not the child
      wait "$child"
      rc=$?
      kill -0 "$child" 2>/dev/null || break
    done
  fi
  echo "$name $rc" >>answers.txt
  return "$rc"
}

measure() { # suffix, Coulomb cut-off
  local -n command=command_$1
  ask "$1.$2" "${command[@]}" -in timing.in -var cutoff_A "$cutoff_A" -var coulomb_cutoff_A "$2" \
    -var pppm "$pppm" -var time_limit "$time_limit" -var forces "$1.$2.forces"
}

rate() { # name -> steps a second, by LAMMPS's own count
  sed -n 's/^Performance:.* \([0-9.]*\) timesteps\/s.*/\1/p' "$1.log" 2>/dev/null | tail -n 1
}

rm -f answers.txt
if ask minimize "${reference[@]}" -in minimize.in -var cutoff_A "$cutoff_A" -var pppm "$pppm" \
  -var push_off_ps 0.5 -var minimize_steps 300; then
  ask reference "${reference[@]}" -in timing.in -var cutoff_A "$cutoff_A" -var coulomb_cutoff_A \
    "$cutoff_A" -var pppm 1.0e-6 -var time_limit 00:00:00 -var forces reference.forces
  for suffix in "${suffixes[@]}"; do measure "$suffix" "$cutoff_A"; done
  best=$(for suffix in "${suffixes[@]}"; do echo "$(rate "$suffix.$cutoff_A") $suffix"; done |
    grep '^[0-9]' | sort -g | tail -n 1)
  if [ -n "$best" ]; then
    for coulomb in "${coulombs[@]}"; do measure "${best#* }" "$coulomb"; done
  fi
fi
[ -z "$stopped" ] || exit 70
echo "$(uname -n) $started $(date -u +%Y-%m-%dT%H:%M:%SZ)" >end.part && mv -f end.part end.txt
