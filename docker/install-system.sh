#!/usr/bin/env bash
# The few system libraries that the Python wheels expect of a bare Debian 12 or Ubuntu.
#   install-system.sh run     what the pipeline needs
#   install-system.sh test    also what only the tests use (a private Slurm, a browser)
# As root it installs what is missing; otherwise it says what, why, and what to type.
# Exits with 1 only where the pipeline itself cannot work.
set -uo pipefail
what=${1:-run}
have_library() { /sbin/ldconfig -p 2>/dev/null | grep -q -- "$1"; }
have_program() { command -v "$1" >/dev/null 2>&1 || [ -x "/usr/sbin/$1" ]; }
needed=() optional=()
need() { needed+=("$1"); reasons+="  $1: $2"$'\n'; }
want() { optional+=("$1"); reasons+="  $1: $2"$'\n'; }
reasons=""

"${PYTHON:-python3}" -c 'import ensurepip, venv' 2>/dev/null || need python3-venv "to make .venv"
have_library libstdc++.so.6 || need libstdc++6 "rdkit, torch and LAMMPS are C++"
have_library libgomp.so.1 || need libgomp1 "threads of torch and scikit-learn"
have_library libXrender.so.1 || need libxrender1 "rdkit draws molecules with it"
have_library libXext.so.6 || need libxext6 "rdkit draws molecules with it"
have_library libexpat.so.1 || need libexpat1 "rdkit's font handling"
# Only for polymers that data/charges does not hold: antechamber and sqm of the acpype wheel.
have_library liblapack.so.3 || want liblapack3 "sqm (charges of new polymers)"
have_library libblas.so.3 || want libblas3 "sqm (charges of new polymers)"
have_library libarpack.so.2 || want libarpack2 "sqm (charges of new polymers)"
have_library libgfortran.so.5 || want libgfortran5 "sqm (charges of new polymers)"
if [ "$what" = test ]; then
  have_program slurmctld || want slurmctld "tests/slurm start a private Slurm"
  have_program slurmd || want slurmd "tests/slurm"
  have_program sbatch || want slurm-client "tests/slurm"
  have_program munged || want munge "tests/slurm"
  have_program chromium || have_program chromium-browser || want chromium "the report is opened in a real browser"
fi

missing=("${needed[@]}" "${optional[@]}")
[ ${#missing[@]} -eq 0 ] && exit 0
if [ "$(id -u)" = 0 ] && have_program apt-get; then
  echo "Installing ${missing[*]}"
  export DEBIAN_FRONTEND=noninteractive
  apt-get update -qq || true
  # No daemon that a package brings shall start by itself.
  policy=/usr/sbin/policy-rc.d
  [ -e $policy ] || { printf '#!/bin/sh\nexit 101\n' >$policy && chmod +x $policy && trap 'rm -f $policy' EXIT; }
  for package in "${missing[@]}"; do
    apt-get install -y -qq --no-install-recommends "$package" >/dev/null || echo "could not install $package" >&2
  done
  "${PYTHON:-python3}" -c 'import ensurepip, venv' 2>/dev/null && exit 0
  echo "python3-venv could not be installed; install it and run make again" >&2
  exit 1
fi
{
  echo "Missing system packages:"
  printf '%s' "$reasons"
  echo "Ask your administrator, or type:"
  echo "  sudo apt-get install --no-install-recommends ${missing[*]}"
} >&2
if [ ${#needed[@]} -gt 0 ]; then
  echo "The pipeline cannot work without: ${needed[*]}" >&2
  exit 1
fi
echo "Going on without them: what needs them is skipped with a reason." >&2
