# Questions to LAMMPS, one after another, in the folder that the script lies in.
#
# Read by probe.sh and tune.sh. Writes
#   answers.txt   a line a question: NAME EXIT-CODE (124 or 137: it took too long; 78: not asked, a
#                 module did not load)
#   NAME.screen   what was printed
#   job.out       what else was printed
#   end.txt       by all_asked, when all is over, whole or not at all: HOST START END
# Times are UTC, 2026-01-31T12:00:00Z. A signal ends the question under way and asks no further one.
#
# Filled in when it is submitted:
#   limit_s  how long one question may take
#   umask    who may read and write what it makes, as the cluster profile says
#   setup    lines of the cluster profile: modules (see modules.sh), environment

limit_s=@@{limit_s}
@@{umask}
cd "$(dirname "${BASH_SOURCE[0]}")" || exit 66
exec >job.out 2>&1 </dev/null
here=$(pwd -P) started=$(date -u +%Y-%m-%dT%H:%M:%SZ) child= stopped=
trap 'stopped=yes; [ -z "$child" ] || kill -TERM "$child" 2>/dev/null' TERM INT HUP USR1

@@{setup}

ask() { # name, folder, command
  local name=$1 folder=$2 rc=75
  shift 2
  if [ -n "$setup_fault" ]; then
    echo "$setup_fault" >"$here/$name.screen"
    rc=78
  elif [ -z "$stopped" ]; then
    (cd "$folder" && exec timeout -k 5 "$limit_s" "$@") >"$here/$name.screen" 2>&1 &
    child=$!
    while :; do # a signal ends wait, not the child
      wait "$child"
      rc=$?
      kill -0 "$child" 2>/dev/null || break
    done
    child=
  fi
  echo "$name $rc" >>answers.txt
  return "$rc"
}

all_asked() {
  [ -z "$stopped" ] || exit 70
  echo "$(uname -n) $started $(date -u +%Y-%m-%dT%H:%M:%SZ)" >end.part && mv -f end.part end.txt
}

rm -f answers.txt
