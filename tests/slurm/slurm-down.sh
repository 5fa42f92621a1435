#!/usr/bin/env bash
# Ends the daemons that slurm-up.sh started in FOLDER, by their process ids, and removes FOLDER.
set -uo pipefail
folder=$1
[ -d "$folder/run" ] || exit 0
export SLURM_CONF=$folder/slurm.conf
timeout 5 scancel --quiet --user="$(id -un)" 2>/dev/null
for _ in $(seq 100); do
  [ -z "$(timeout 5 squeue --noheader --states=R,CG,PD 2>/dev/null)" ] && break
  sleep 0.1
done
for name in slurmd.n1 slurmd.n2 slurmctld munged; do
  pid=$(cat "$folder/run/$name.pid" 2>/dev/null) || continue
  # the id may have been given to somebody else; an ended daemon that nobody reaps has no command
  is_ours() { tr '\0' ' ' 2>/dev/null <"/proc/$pid/cmdline" | grep -q "${name%.*}.*$folder"; }
  is_ours && kill -TERM "$pid"
  for _ in $(seq 100); do
    is_ours || break
    sleep 0.1
  done
  is_ours && kill -KILL "$pid"
done
rm -rf -- "$folder"
