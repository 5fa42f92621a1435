#!/usr/bin/env bash
# Measures a few settings of LAMMPS on a real box, all on this node; needs bash and LAMMPS only.
#
# Lies in a folder as run.sh, beside system.data, styles.in, minimize.in and timing.in: minimises the
# box; computes its forces without any accelerator and with a tight mesh, to compare with; measures
# each accelerator at the common cut-off; then the fastest of them at this and the other Coulomb
# cut-offs, beside the profile's present setting. Settings take turns, so many rounds of each: what
# else runs on the node then slows all of them.
# Beside what asking.sh writes, SUFFIX.COULOMB_A@ROUND.log is of a measurement, and
# SUFFIX.COULOMB_A.forces of a setting.
# Exit code 0: all was tried; what it is worth is said by iemhpc cluster tune.
#
# Filled in when it is submitted:
#   asking       jobs/asking.sh
#   commands     a bash array for each accelerator: command_SUFFIX, words of the LAMMPS command
#   suffixes     their names; plain is none
#   reference    words of the LAMMPS command without an accelerator
#   cutoff_A     of Lennard-Jones, and the first Coulomb cut-off
#   coulombs     further Coulomb cut-offs
#   present      SUFFIX.COULOMB_A of the profile where it is measured here, or nothing
#   rounds       how often each setting is measured in each of the two stages
#   pppm         relative accuracy of the forces
#   time_limit   of one measurement, HH:MM:SS

@@{asking}

@@{commands}
suffixes=(@@{suffixes})
reference=(@@{reference})
cutoff_A=@@{cutoff_A}
coulombs=(@@{coulombs})
present=@@{present}
rounds=@@{rounds}
pppm=@@{pppm}
time_limit=@@{time_limit}

measure_all() { # first round, settings SUFFIX.COULOMB_A
  local round last=$(($1 + rounds - 1)) setting
  local -A failed=()
  shift
  for ((round = last - rounds + 1; round <= last; round++)); do
    for setting in "$@"; do
      [ -n "${failed[$setting]}" ] || measure "$setting" "$round" || failed[$setting]=yes
    done
  done
}

measure() { # SUFFIX.COULOMB_A, round
  local -n command=command_${1%%.*}
  time_one "$1" "$1@$2" "${1#*.}" "$pppm" "$time_limit" "${command[@]}"
}

time_one() { # setting, name, Coulomb cut-off, accuracy, time limit, command
  local setting=$1 name=$2 coulomb=$3 accuracy=$4 limit=$5
  shift 5
  ask "$name" . "$@" -in timing.in -var cutoff_A "$cutoff_A" -var coulomb_cutoff_A "$coulomb" \
    -var pppm "$accuracy" -var time_limit "$limit" -var forces "$setting.forces" -log "$name.log" \
    -screen none
}

median_rate() { # setting -> steps a second, by LAMMPS's own count; nothing where a round failed
  local log rates
  rates=$(for log in "$1"@*.log; do
    sed -n 's/^Performance:.* \([0-9.]*\) timesteps\/s.*/\1/p' "$log" 2>/dev/null | tail -n 1
  done | sort -g)
  [ "$(wc -l <<<"$rates")" -lt "$rounds" ] || sed -n "$(((rounds + 1) / 2))p" <<<"$rates"
}

if ask minimize . "${reference[@]}" -in minimize.in -var cutoff_A "$cutoff_A" -var pppm "$pppm" \
  -var push_off_ps 0.5 -var minimize_steps 300 -log minimize.log -screen none; then
  time_one reference reference "$cutoff_A" 1.0e-6 00:00:00 "${reference[@]}"
  common=("${suffixes[@]/%/.$cutoff_A}")
  measure_all 1 "${common[@]}"
  best=$(for setting in "${common[@]}"; do echo "$(median_rate "$setting") $setting"; done |
    grep '^[0-9]' | sort -g | tail -n 1)
  if [ -n "$best" ]; then
    settings=("${best#* }")
    for coulomb in "${coulombs[@]}"; do
      settings+=("${settings[0]%%.*}.$coulomb")
    done
    if [ -n "$present" ] && [[ " ${settings[*]} " != *" $present "* ]]; then
      settings+=("$present")
    fi
    [ "${#settings[@]}" -eq 1 ] || measure_all $((rounds + 1)) "${settings[@]}"
  fi
fi
all_asked
