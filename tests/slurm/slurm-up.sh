#!/usr/bin/env bash
# Starts a private Slurm on the loopback interface: slurmctld, two slurmd, munge.
#
#   eval "$(tests/slurm/slurm-up.sh FOLDER PORT)"     # exports SLURM_CONF; takes PORT to PORT+2
#   tests/slurm/slurm-down.sh FOLDER
#
# Nodes n1 and n2 claim four cores each. Jobs of the partition "urgent" end those of "cpu", which
# queue again. What ends is written to FOLDER/log/jobs, a line a job, by slurmctld itself.
# Everything lies in FOLDER, which must have a short name: munge's socket path may have 107 bytes.
# No systemd, no cgroups, no root, nothing in /etc. Debian: slurmctld slurmd slurm-client munge.
set -euo pipefail
folder=$1 port=$2
PATH=$PATH:/usr/sbin:/sbin
for program in munged mungekey slurmctld slurmd sbatch squeue sinfo; do
  command -v "$program" >/dev/null || {
    echo "$program is missing: apt-get install slurmctld slurmd slurm-client munge" >&2
    exit 77
  }
done

umask 022
mkdir -p "$folder"/{state,spool/n1,spool/n2,log,run}
chmod 755 "$folder" "$folder"/{state,spool,log,run}
mkdir -m 700 -p "$folder/key"
mungekey --create --keyfile="$folder/key/munge.key"
munged --force --num-threads=1 --key-file="$folder/key/munge.key" \
  --socket="$folder/run/munge" --pid-file="$folder/run/munged.pid" \
  --log-file="$folder/log/munged" --seed-file="$folder/run/seed"

user=$(id -un) host=$(hostname -s)
# cred_expire: or a requeued job waits two minutes for its old credential to end.
# config_overrides: the node may claim more cores than this machine has.
cat >"$folder/slurm.conf" <<CONF
ClusterName=test
SlurmctldHost=$host(127.0.0.1)
SlurmctldPort=$port
SlurmUser=$user
SlurmdUser=$user
AuthType=auth/munge
AuthInfo=socket=$folder/run/munge,cred_expire=5
CredType=cred/munge
StateSaveLocation=$folder/state
SlurmdSpoolDir=$folder/spool/%n
SlurmctldPidFile=$folder/run/slurmctld.pid
SlurmdPidFile=$folder/run/slurmd.%n.pid
SlurmctldLogFile=$folder/log/slurmctld
SlurmdLogFile=$folder/log/slurmd.%n
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
JobCompType=jobcomp/filetxt
JobCompLoc=$folder/log/jobs
SwitchType=switch/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SchedulerParameters=sched_interval=2,bf_interval=2,sched_min_interval=0
SlurmdParameters=config_overrides
ReturnToService=2
InactiveLimit=0
KillWait=5
MinJobAge=300
JobRequeue=1
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
SlurmdTimeout=10
DefMemPerCPU=100
NodeName=n[1-2] NodeHostname=$host NodeAddr=127.0.0.1 Port=[$((port + 1))-$((port + 2))] CPUs=4 RealMemory=4000 State=UNKNOWN
PartitionName=cpu Nodes=ALL Default=YES DefaultTime=10 MaxTime=INFINITE PriorityTier=1 State=UP
PartitionName=urgent Nodes=ALL DefaultTime=10 MaxTime=INFINITE PriorityTier=10 State=UP
CONF
# Slurm 22.05 looks for a cgroup plugin even where none is used; this one loads anywhere.
printf 'CgroupPlugin=cgroup/v1\nCgroupAutomount=no\n' >"$folder/cgroup.conf"

export SLURM_CONF=$folder/slurm.conf
slurmctld -f "$SLURM_CONF"
for node in n1 n2; do slurmd -f "$SLURM_CONF" -N "$node"; done
for _ in $(seq 300); do
  if [ "$(sinfo --noheader --Node --partition=cpu --format=%T 2>/dev/null | grep -c idle)" = 2 ]; then
    echo "export SLURM_CONF=$SLURM_CONF"
    exit 0
  fi
  sleep 0.1
done
echo "the nodes did not come up; see $folder/log" >&2
tail -n 5 "$folder"/log/* >&2
exit 1
