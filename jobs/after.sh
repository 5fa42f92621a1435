#!/usr/bin/env bash
@@{header}
# One command, once the jobs that it waits for have ended.
#
# Filled in when it is submitted:
#   header   #SBATCH or #PBS lines
#   output   file for its words
#   folder   where it runs
#   umask    who may read and write what it makes
#   setup    lines of the cluster profile: modules, environment
#   command  its words

exec >>@@{output} 2>&1
cd @@{folder} || exit 66
@@{umask}
@@{setup}
exec @@{command}
