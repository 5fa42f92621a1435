#!/usr/bin/env bash
# Asks the LAMMPS of a node what it can do: its styles, the energies of a tiny box in both force
# fields, and a run of all stages. It needs bash and LAMMPS only and takes about a minute.
#
# Lies in the probe's folder as run.sh, beside info.in and a folder for each force field. Beside what
# asking.sh writes, info.log and energy.FIELD.log are LAMMPS's answers. Exit code 0: all was asked;
# what the answers are worth is said by iemhpc cluster show NAME --probe.
#
# Filled in when the probe is submitted:
#   asking   jobs/asking.sh
#   lammps   words of the LAMMPS command, launcher and options included
#   cutoff_A of the tiny box
#   fields   names of the folders

@@{asking}

lammps=(@@{lammps})
cutoff_A=@@{cutoff_A}
fields=(@@{fields})

ask info . "${lammps[@]}" -in info.in -log info.log -screen none
for field in "${fields[@]}"; do
  ask "energy.$field" "$field" "${lammps[@]}" -in energy_box.in -var data system.data \
    -var cutoff_A "$cutoff_A" -var pppm 1.0e-6 -log "$here/energy.$field.log" -screen none
  ask "stages.$field" "$field" bash run.sh
done
all_asked
