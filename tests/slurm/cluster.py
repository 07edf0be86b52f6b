"""A temporary Slurm on this machine: munged, slurmctld and slurmd, in a folder of their own, on loopback.

    python tests/slurm/cluster.py     # Debian or Ubuntu: installs missing packages

No accounting, no cgroups, one node with two pretended GPUs. Only the installation needs root.
"""

import os
import pwd
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "srun", "squeue", "scontrol")
PLACES = f"{os.environ['PATH']}:/usr/sbin:/sbin"
NODE = "n1"
GPUS = ("/dev/null", "/dev/zero")  # a GPU must be a device file, a different one for each

# Two defaults would be traps: without DefMemPerCPU, a job that names no memory takes the whole node; without
# bf_min_prio_reserve, all jobs wait behind one that waits for a GPU. More CPUs are declared than exist, so that only
# GPUs are scarce.
SLURM_CONF = """
ClusterName=throwaway
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={port}
CommunicationParameters=NoInAddrAny,NoCtldInAddrAny
SlurmUser={user}
SlurmdUser={user}
AuthType=auth/munge
CredType=cred/munge
AuthInfo=socket={folder}/munge.sock
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
ProctrackType=proctrack/pgid
TaskPlugin=task/none
SwitchType=switch/none
MpiDefault=none
MailProg=/bin/true
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SchedulerType=sched/backfill
SchedulerParameters=batch_sched_delay=0,bf_interval=1,sched_min_interval=0,bf_min_prio_reserve=4294967295
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU_Memory
GresTypes=gpu
SlurmdParameters=config_overrides
DefMemPerCPU=500
MinJobAge=600
KillWait=20
ReturnToService=2
PropagateResourceLimits=NONE
NodeName={node} NodeHostname={host} NodeAddr=127.0.0.1 Port={node_port} CPUs=8 RealMemory={memory} Gres=gpu:{gpus}
PartitionName=main Nodes={node} Default=YES State=UP
"""


def missing() -> list[str]:
    """The programs of Slurm and munge that are not installed."""
    return [name for name in PROGRAMS if shutil.which(name, path=PLACES) is None]


def install() -> str | None:
    """Install missing packages; returns a sentence if that is not possible."""
    if not missing():
        return None
    remedy = "install slurmctld, slurmd, the Slurm clients and munge, and run it again."
    if shutil.which("apt-get") is None:
        return f"Slurm is not installed, and this is neither Debian nor Ubuntu; {remedy}"
    if os.getuid() != 0:
        return "Slurm is not installed; run `sudo apt-get install slurm-wlm munge`, or make test-slurm as root."
    packages = ["--yes", "--quiet", "--no-install-recommends", "slurm-wlm", "munge"]
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    for command in (["apt-get", "update", "--quiet"], ["apt-get", "install", *packages]):
        result = subprocess.run(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if missing():
        return f"{result.stdout}\napt-get did not install {', '.join(missing())} (see above); {remedy}"
    return None


class Cluster:
    """A running Slurm; with its `environment`, commands reach it."""

    def __init__(self):
        self.temporary = tempfile.TemporaryDirectory(prefix="nets-slurm-")
        self.folder = folder = Path(self.temporary.name)
        for name in ("state", "bin", "spool"):
            (folder / name).mkdir(parents=True)
        folder.chmod(0o755)  # munge wants its socket to be reachable, and its key to be secret
        key = folder / "munge.key"
        key.touch(mode=0o600)
        key.write_bytes(secrets.token_bytes(1024))
        self.configure()
        self.environment = os.environ | {
            "SLURM_CONF": str(folder / "slurm.conf"),
            "PATH": f"{folder / 'bin'}:{Path(sys.executable).parent}:{PLACES}",
        }
        self.daemons: list[subprocess.Popen] = []

    def configure(self) -> None:
        """Write slurm.conf, gres.conf, and an `srun` that sets SLURM_CONF, because Snakemake's plugin removes it."""
        settings = {
            "folder": self.folder,
            "host": socket.gethostname().split(".")[0],
            "user": pwd.getpwuid(os.getuid()).pw_name,
            "port": free_port(),
            "node": NODE,
            "node_port": free_port(),
            "memory": os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2**20,
            "gpus": len(GPUS),
        }
        (self.folder / "slurm.conf").write_text(SLURM_CONF.format(**settings))
        gres = [f"NodeName={NODE} Name=gpu File={file}\n" for file in GPUS]
        (self.folder / "gres.conf").write_text("".join(gres))
        wrapper = self.folder / "bin/srun"
        real = shutil.which("srun", path=PLACES)
        wrapper.write_text(f'#!/bin/sh\nexport SLURM_CONF={self.folder}/slurm.conf\nexec {real} "$@"\n')
        wrapper.chmod(0o755)

    def __enter__(self) -> "Cluster":
        try:
            self.start_daemons()
        except BaseException:
            self.__exit__()
            raise
        return self

    def start_daemons(self) -> None:
        """Start one daemon after another, each when the previous one answers."""
        folder = self.folder
        files = {"key-file": "munge.key", "socket": "munge.sock", "pid-file": "munged.pid"}
        files |= {"seed-file": "munge.seed", "log-file": "munged.log"}
        self.start("munged", "--foreground", *(f"--{name}={folder / file}" for name, file in files.items()))
        self.wait_for((folder / "munge.sock").exists, "munge")
        self.start("slurmctld", "-D", "-c")
        self.start("slurmd", "-D", "-c", "-N", NODE)
        self.wait_for(lambda: self.ask("sinfo", "--noheader", "--format=%T", check=False) == "idle", "its node")

    def __exit__(self, *_: object) -> None:
        self.ask("scancel", "--user", str(os.getuid()), "--signal=KILL", "--full", check=False)
        for daemon in reversed(self.daemons):
            daemon.terminate()
        for daemon in self.daemons:
            try:
                daemon.wait(timeout=10)
            except subprocess.TimeoutExpired:
                daemon.kill()
                daemon.wait()
        self.temporary.cleanup()

    def start(self, *command: str) -> None:
        """Start a daemon in the foreground, so that it ends with its process."""
        with open(self.folder / f"{command[0]}.out", "a") as log:
            self.daemons.append(
                subprocess.Popen(command, env=self.environment, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
            )

    def ask(self, *command: str, check: bool = True) -> str:
        """The output of a Slurm command."""
        result = subprocess.run(command, env=self.environment, capture_output=True, text=True, timeout=30)
        if check and result.returncode:
            raise RuntimeError(f"{' '.join(command)}: {result.stdout}{result.stderr}")
        return result.stdout.strip()

    def wait_for(self, ready, what: str) -> None:
        """Poll for at most 20 seconds."""
        for _ in range(200):
            if ready():
                return
            time.sleep(0.1)
        logs = "".join(path.read_text()[-2000:] for path in sorted(self.folder.glob("*.log")))
        raise TimeoutError(f"Slurm does not start: {what} did not come up.\n{logs}")


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def main() -> int:
    """Install missing packages, or print why that is not possible."""
    if reason := install():
        print(reason, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
