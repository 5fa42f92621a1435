#!/usr/bin/env bash
# Measures a few settings of LAMMPS on a real box, all on this node; needs bash and LAMMPS only.
#
# Lies in a folder as run.sh, beside system.data, styles.in, minimize.in and timing.in: minimises the
# box; computes its forces without any accelerator and with a tight mesh, to compare with; measures
# each accelerator at the common cut-off; then the fastest of them at the other Coulomb cut-offs.
# Beside what asking.sh writes, NAME.log and NAME.forces are of a measurement SUFFIX.COULOMB_A.
# Exit code 0: all was tried; what it is worth is said by iemhpc cluster tune.
#
# Filled in when it is submitted:
#   asking       jobs/asking.sh
#   commands     a bash array for each accelerator: command_SUFFIX, words of the LAMMPS command
#   suffixes     their names; plain is none
#   reference    words of the LAMMPS command without an accelerator
#   cutoff_A     of Lennard-Jones, and the first Coulomb cut-off
#   coulombs     further Coulomb cut-offs
#   pppm         relative accuracy of the forces
#   time_limit   of one measurement, HH:MM:SS

@@{asking}

@@{commands}
suffixes=(@@{suffixes})
reference=(@@{reference})
cutoff_A=@@{cutoff_A}
coulombs=(@@{coulombs})
pppm=@@{pppm}
time_limit=@@{time_limit}

measure() { # suffix, Coulomb cut-off
  local -n command=command_$1
  time_one "$1.$2" "$2" "$pppm" "$time_limit" "${command[@]}"
}

time_one() { # name, Coulomb cut-off, accuracy, time limit, command
  local name=$1 coulomb=$2 accuracy=$3 limit=$4
  shift 4
  ask "$name" . "$@" -in timing.in -var cutoff_A "$cutoff_A" -var coulomb_cutoff_A "$coulomb" \
    -var pppm "$accuracy" -var time_limit "$limit" -var forces "$name.forces" -log "$name.log" \
    -screen none
}

rate() { # name -> steps a second, by LAMMPS's own count
  sed -n 's/^Performance:.* \([0-9.]*\) timesteps\/s.*/\1/p' "$1.log" 2>/dev/null | tail -n 1
}

if ask minimize . "${reference[@]}" -in minimize.in -var cutoff_A "$cutoff_A" -var pppm "$pppm" \
  -var push_off_ps 0.5 -var minimize_steps 300 -log minimize.log -screen none; then
  time_one reference "$cutoff_A" 1.0e-6 00:00:00 "${reference[@]}"
  for suffix in "${suffixes[@]}"; do measure "$suffix" "$cutoff_A"; done
  best=$(for suffix in "${suffixes[@]}"; do echo "$(rate "$suffix.$cutoff_A") $suffix"; done |
    grep '^[0-9]' | sort -g | tail -n 1)
  if [ -n "$best" ]; then
    for coulomb in "${coulombs[@]}"; do measure "${best#* }" "$coulomb"; done
  fi
fi
all_asked
