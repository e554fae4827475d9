"""A throw-away Slurm on this machine: munge, a controller and virtual nodes with fake GPUs, in one temporary folder.

Nothing of a Slurm that may be installed here is touched: the daemons have a key, a socket, ports and a configuration of
their own, and the commands are found through wrappers that name that configuration. GPUs are character devices that
nothing can compute on.
"""

import ctypes
import os
import shutil
import signal
import socket
import stat
import subprocess
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path

import psutil

DAEMONS = ("munged", "slurmctld", "slurmd")
COMMANDS = ("sbatch", "srun", "squeue", "scancel", "scontrol", "sinfo", "sacct", "sacctmgr")
NODES = ("n1", "n2")
NODE = "THROWAWAY_SLURM_NODE"
CONFIGURATION = """\
ClusterName=throwaway
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={ports[0]}
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket,cred_expire=10
CredType=cred/munge
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool-%n
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd-%n.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd-%n.log
SlurmdParameters=config_overrides
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SwitchType=switch/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
GresTypes=gpu
SchedulerParameters=sched_interval=1,bf_interval=1
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
ReturnToService=2
MinJobAge=86400
KillWait=2
AccountingStorageType=accounting_storage/none
JobCompType=jobcomp/none
{nodes}
PartitionName=cpu Nodes=ALL Default=YES PriorityTier=1 State=UP
PartitionName=gpu Nodes=ALL PriorityTier=1 State=UP
PartitionName=urgent Nodes=ALL PriorityTier=10 PreemptMode=OFF State=UP
"""


def why_not() -> str | None:
    """Why no Slurm can be started here; None if it can."""
    missing = [name for name in DAEMONS if shutil.which(name) is None]
    if missing:
        return f"no {', '.join(missing)} on PATH (Debian: apt-get install --no-install-recommends slurm-wlm munge)"
    if os.geteuid() != 0:
        return "Slurm's daemons need root"
    if find_spec("snakemake_executor_plugin_slurm") is None:
        return "snakemake-executor-plugin-slurm is not installed (requirements/pipeline.lock has it)"
    with tempfile.TemporaryDirectory() as folder:
        try:
            os.mknod(Path(folder) / "gpu", stat.S_IFCHR | 0o600, os.makedev(1, 3))
        except OSError as error:
            return f"no device files can be made here: {error}"
    return None


def free_ports(count: int) -> list[int]:
    """Ports that nothing listened on a moment ago."""
    sockets = [socket.socket() for _ in range(count)]
    for one in sockets:
        one.bind(("127.0.0.1", 0))
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


def wait_until(condition: Callable[[], object], seconds: float, what: str) -> object:
    """The first true value of `condition`, asked ten times a second; TimeoutError that names `what` otherwise."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if found := condition():
            return found
        time.sleep(0.1)
    raise TimeoutError(f"{what}: not within {seconds:g} s")


def end_with_the_parent() -> None:
    """Ask Linux to end this process when its parent ends, however that ends (PR_SET_PDEATHSIG): no daemon is left."""
    ctypes.CDLL(None).prctl(1, signal.SIGTERM)


class Cluster:
    """Two virtual nodes of two cores and one fake GPU each; partitions cpu, gpu and, which preempts both, urgent."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="throwaway-slurm-"))  # short: a socket's path has at most 107 bytes
        self.environment = os.environ | {
            "SLURM_CONF": str(self.folder / "slurm.conf"),
            "PATH": f"{self.folder / 'bin'}{os.pathsep}{os.environ['PATH']}",
        }
        self.daemons: dict[str, subprocess.Popen] = {}

    def start(self) -> "Cluster":
        """Write the configuration and start every daemon; wait until both nodes are idle."""
        self.folder.chmod(0o755)
        for name in ("state", "bin", *(f"spool-{node}" for node in NODES)):
            (self.folder / name).mkdir()
        self.write_configuration()
        key = self.folder / "munge.key"
        key.write_bytes(os.urandom(1024))
        key.chmod(0o400)
        options = {"key-file": key, "socket": "munge.socket", "pid-file": "munge.pid", "seed-file": "munge.seed"}
        options = [f"--{name}={self.folder / value}" for name, value in options.items()]
        self.spawn("munged", "munged", "--foreground", "--force", *options)
        wait_until((self.folder / "munge.socket").exists, 20, "munged's socket")
        self.spawn("slurmctld", "slurmctld", "-D", "-c")
        for node in NODES:
            self.spawn(node, "slurmd", "-D", "-N", node)
        wait_until(lambda: self.states() == {node: "idle" for node in NODES}, 60, "idle nodes")
        return self

    def write_configuration(self) -> None:
        """slurm.conf, gres.conf, the devices that stand for GPUs, and commands that use this configuration."""
        ports = free_ports(1 + len(NODES))
        host = socket.gethostname().partition(".")[0]
        lines = []
        for node, port in zip(NODES, ports[1:], strict=True):
            os.mknod(self.folder / f"gpu-{node}", stat.S_IFCHR | 0o600, os.makedev(1, 3))
            lines.append(
                f"NodeName={node} NodeHostname={host} NodeAddr=127.0.0.1 Port={port} CPUs=2 RealMemory=256000"
                " Gres=gpu:1 State=UNKNOWN"
            )
        text = CONFIGURATION.format(folder=self.folder, host=host, ports=ports, nodes="\n".join(lines))
        (self.folder / "slurm.conf").write_text(text)
        gpus = [f"NodeName={node} Name=gpu File={self.folder / f'gpu-{node}'}\n" for node in NODES]
        (self.folder / "gres.conf").write_text("".join(gpus))
        for name in COMMANDS:  # jobs lose the variables SLURM_*, so the variable alone would not do
            wrapper = self.folder / "bin" / name
            wrapper.write_text(f'#!/bin/sh\nSLURM_CONF={self.folder}/slurm.conf exec {shutil.which(name)} "$@"\n')
            wrapper.chmod(0o755)

    def spawn(self, name: str, *command: str) -> None:
        environment = self.environment | {NODE: str(self.folder / name)}  # its steps inherit it: kill_steps finds them
        with (self.folder / f"{name}.out").open("ab") as output:
            self.daemons[name] = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env=environment,
                cwd=self.folder,
                preexec_fn=end_with_the_parent,
            )

    def run(self, *command: str) -> str:
        """The output of a command of Slurm."""
        done = subprocess.run(command, capture_output=True, text=True, env=self.environment, timeout=60)
        assert done.returncode == 0, (command, done.stderr)
        return done.stdout

    def states(self) -> dict[str, str]:
        """{node: state}, as far as the controller answers."""
        command = ["sinfo", "--noheader", "--Node", "--partition=cpu", "--format=%N %T"]
        done = subprocess.run(command, capture_output=True, text=True, env=self.environment, timeout=60)
        return dict(line.split() for line in done.stdout.splitlines())

    def jobs(self, comment: str, state: str = "RUNNING") -> list[tuple[str, str]]:
        """(job, node) of the jobs in `state` whose comment (rule and wildcards) starts with `comment`."""
        out = self.run("squeue", "--noheader", f"--states={state}", "--format=%A|%N|%k")
        rows = [line.split("|", 2) for line in out.splitlines()]
        return [(job, node) for job, node, about in rows if about.startswith(comment)]

    def crash(self, node: str) -> None:
        """The node dies: its daemon and everything that its jobs run are killed, and the controller is told."""
        self.kill(self.daemons.pop(node), signal.SIGKILL)
        self.kill_steps(node)
        self.run("scontrol", "update", f"nodename={node}", "state=down", "reason=crash")

    def repair(self, node: str) -> None:
        """The node starts again and takes jobs."""
        self.spawn(node, "slurmd", "-D", "-N", node)
        with suppress(AssertionError):  # it may have registered, and returned to service, already
            self.run("scontrol", "update", f"nodename={node}", "state=resume")
        wait_until(lambda: self.states().get(node, "down") in ("idle", "mixed", "allocated"), 60, f"{node} in service")

    def kill_steps(self, node: str) -> None:
        """Kill what the node's jobs run, as the death of a machine would."""
        marker = f"{NODE}={self.folder / node}\0".encode()
        for process in psutil.process_iter():
            with suppress(psutil.Error, OSError):
                # as bytes: the steps write their title over the start of it, where psutil stops reading
                if process.name() == "slurmstepd" and marker in Path(f"/proc/{process.pid}/environ").read_bytes():
                    for one in [*process.children(recursive=True), process]:
                        with suppress(psutil.Error):
                            one.kill()

    def kill(self, daemon: subprocess.Popen, number: int = signal.SIGTERM) -> None:
        daemon.send_signal(number)
        try:
            daemon.wait(20)
        except subprocess.TimeoutExpired:
            daemon.kill()
            daemon.wait()

    def stop(self) -> None:
        """End every daemon, then what its jobs run, and delete the folder."""
        for name in reversed(list(self.daemons)):
            self.kill(self.daemons.pop(name))
        for node in NODES:
            self.kill_steps(node)
        shutil.rmtree(self.folder, ignore_errors=True)
