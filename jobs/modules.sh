# Loads modules; of the first that does not load, setup_fault says which, where and why. Those who
# read it then start nothing: the PATH may have another LAMMPS.
#
# Put before the `load_module NAME` lines of a cluster profile that has modules, wherever a script of
# jobs/ has @@{setup}.

find_modules() { # a job's shell is no login shell: module may have to be defined first
  local file
  for file in /etc/profile.d/{modules,lmod,z00_lmod}.sh "$MODULESHOME/init/bash"; do
    ! type module >/dev/null 2>&1 || return 0
    [ ! -r "$file" ] || . "$file"
  done
  type module >/dev/null 2>&1
}

load_module() { # name
  local said words code
  [ -z "$setup_fault" ] || return 0
  if find_modules; then
    said=$(mktemp 2>/dev/null) || said=/dev/null # not $(module ...), which would load into a subshell
    module load "$@" >"$said" 2>&1
    code=$?
    cat "$said" >&2
    words=$(tr -s '[:space:]' ' ' <"$said" | LC_ALL=C tr -cd ' -~' | cut -c 1-400)
    [ "$said" = /dev/null ] || rm -f "$said"
    # Environment Modules before 4 say :ERROR: and return 0
    case $code$words in [!0]* | 0*:ERROR:*) setup_fault=${words:-exit code $code} ;; esac
  else
    setup_fault="there is no command module, and no file that defines it"
  fi
  [ -z "$setup_fault" ] || setup_fault="module $* did not load on $(uname -n): ${setup_fault% }"
}

setup_fault=
