#!/usr/bin/env bash
# run_from_wheel.sh VENV: the quick tests and the command line with only the installed wheel in reach.
set -euo pipefail
venv=$(realpath "$1")
here=$(dirname "$(realpath "$0")")
away=$(mktemp -d)
trap 'rm -rf "$away"' EXIT
cp -r "$here" "$away/tests"
cp -r "$here/../docs" "$here/../benchmarks" "$here/../pyproject.toml" "$away/"
cd "$away"
export IEMHPC_WORKSPACE=$away/workspace
"$venv/bin/python" -c "import iemhpc, sys; sys.exit('site-packages' not in iemhpc.__file__)"
"$venv/bin/iemhpc" systems >/dev/null
"$venv/bin/iemhpc" systems Nafion >/dev/null
"$venv/bin/iemhpc" init
"$venv/bin/iemhpc" md-submit --dry-run >/dev/null
"$venv/bin/pytest" -q -m "not slow and not lammps and not slurm and not browser and not faults" tests
