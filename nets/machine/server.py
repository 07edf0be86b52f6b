"""A process that has everything imported, and forks one process for each local job of one Snakemake.

To start Python and import torch takes longer than many a job. So Snakemake starts the server (`start`), each job's
command asks it through a socket (`nets.machine.client`), and it forks a process that is like a fresh one, but for what
it has imported. Where no server answers, the command starts Python itself.

Nothing outlives its purpose. A job is killed when its client is: the connection closes. The jobs are killed when the
server is, by the kernel. When Snakemake ends, however it ends, its pipe closes: the server takes no more jobs, and ends
after the last one.
"""

import atexit
import ctypes
import fcntl
import gc
import json
import os
import selectors
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from nets.errors import UserError
from nets.machine.environment import module_path
from nets.machine.slots import private_folder, warn

ADDRESS = "NETS_SERVER"  # the server's socket; a user who sets it to anything, such as `off`, has no server
CLIENT = str(Path(__file__).with_name("client.py"))
SNAKEMAKE = 0  # the pipe that closes when Snakemake ends: the server's standard input
MOST_FILES = 64  # that a client may have open
PATIENCE = 10.0  # seconds that a request may take to arrive
PR_SET_PDEATHSIG = 1
# What Snakemake sets for each job. Libraries read these when they are loaded, so the server serves one number only.
THREADS = [f"{name}_NUM_THREADS" for name in ("OMP", "GOTO", "OPENBLAS", "MKL", "NUMEXPR")] + ["VECLIB_MAXIMUM_THREADS"]
# What Snakemake and a shell set besides; no library reads these when it is loaded.
DIFFERENT = ("_", "SHLVL", "PWD", "OLDPWD", "TMPDIR", "TMP", "TEMP", "TEMPDIR")


class Request(NamedTuple):
    """What a client asks for: a job, and what its process starts with."""

    words: list[str]  # the command, without the program: -P -m nets.jobs.train ...
    ignored: list[int]  # signals
    numbers: list[int]  # of its open files, such as 0, 1, 2
    folder: str
    environment: dict[str, str]

    def comparable(self) -> tuple[str, dict[str, str]]:
        """What the server must share: the folder, and the environment."""
        return self.folder, {name: value for name, value in self.environment.items() if name not in DIFFERENT}


class Job(NamedTuple):
    """A process that the server has forked."""

    pid: int
    client: socket.socket


def start(threads: int, module: str = "nets.jobs.serve") -> subprocess.Popen[bytes] | None:
    """Start the server of this process for jobs that use `threads` threads; jobs that start later find it.

    None is started where the user has forbidden it, or where processes can't be bound to each other (not on Linux).
    """
    if ADDRESS in os.environ or sys.platform != "linux":
        return None
    try:
        path = private_folder() / f"server-{os.getpid()}"
        path.unlink(missing_ok=True)
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(str(path))
    except (UserError, OSError) as error:
        warn(f"each job starts Python itself, which takes longer ({error}).")
        return None
    listener.listen(1024)
    os.environ[ADDRESS] = str(path)
    environment = os.environ | {"PYTHONPATH": module_path()} | dict.fromkeys(THREADS, str(threads))
    number = listener.fileno()
    # By a shell, as Snakemake starts jobs: it drops variables such as PS1, which an activated environment exports.
    command = ["bash", "-c", 'exec "$@"', "bash", sys.executable, "-P", "-m", module, f"--listener={number}"]
    # In a process group of its own, so that Ctrl-C reaches only the clients, which pass it on.
    server = subprocess.Popen(command, stdin=subprocess.PIPE, env=environment, pass_fds=[number], process_group=0)
    listener.close()
    atexit.register(server.communicate)
    return server


class Server:
    """Waits for requests, signals and ends; one thread, so that it may fork."""

    def __init__(self, listener: socket.socket):
        """`listener` is the socket on which clients knock; they may have done so already."""
        self.listener, self.pid = listener, os.getpid()
        self.own = Request([], [], [], os.getcwd(), dict(os.environ)).comparable()
        self.prctl: Callable[[int, int], int] = ctypes.CDLL(None).prctl
        self.selector = selectors.DefaultSelector()
        self.selector.register(SNAKEMAKE, selectors.EVENT_READ, self.close)
        self.selector.register(listener, selectors.EVENT_READ, self.accept)

    def serve(self) -> Request | None:
        """Returns in each forked process, with its request; in the server None, when Snakemake and all jobs have ended.

        Raises RuntimeError if another thread runs: a fork would lose it, with the locks that it holds.
        """
        if len(os.listdir("/proc/self/task")) > 1:
            raise RuntimeError("a library has started a thread")
        for number in (signal.SIGTTOU, signal.SIGTTIN):  # jobs are not in the terminal's group
            signal.signal(number, signal.SIG_IGN)
        gc.collect()
        gc.freeze()  # forked processes share the memory of what is there now
        while self.selector.get_map():
            key, _ = self.selector.select()[0]  # one at a time, because it may forget the others
            if request := key.data():
                return request
        return None

    def close(self) -> None:
        """Take no more requests: Snakemake has ended."""
        self.forget(SNAKEMAKE, self.listener)
        with suppress(OSError):
            os.unlink(self.listener.getsockname())
        self.listener.close()

    def accept(self) -> Request | None:
        """Fork for a client; returns in the forked process. A client without an answer does the work itself."""
        files: list[int] = []
        client, _ = self.listener.accept()
        with client:
            request, pid = None, -1
            with suppress(OSError, ValueError):  # it is gone, or no process can be made
                client.settimeout(PATIENCE)
                request = receive(client, files)
                if request.comparable() == self.own and request.words[:2] == ["-P", "-m"]:
                    pid = os.fork()
            if pid > 0:
                self.watch(Job(pid, client.dup()))
        if request and pid == 0:
            self.become(request, files)
            return request
        for number in files:
            os.close(number)
        return None

    def watch(self, job: Job) -> None:
        """Tell a client that its job has started; wait for what it passes on, and for the job's end."""
        with suppress(OSError):
            os.setpgid(job.pid, job.pid)  # the job does it too; here, so that no signal is earlier
        end = os.pidfd_open(job.pid)
        self.selector.register(job.client, selectors.EVENT_READ, lambda: self.pass_on(job))
        self.selector.register(end, selectors.EVENT_READ, lambda: self.report(job, end))
        with suppress(OSError):
            job.client.send(b"+")

    def pass_on(self, job: Job) -> None:
        """Send a job the signals that its client has got; kill it if the client was killed."""
        with suppress(OSError):
            if numbers := job.client.recv(64):
                for number in numbers:
                    os.kill(job.pid, number)
                return
        os.killpg(job.pid, signal.SIGKILL)
        self.forget(job.client)

    def report(self, job: Job, end: int) -> None:
        """Tell a client how its job has ended."""
        _, status = os.waitpid(job.pid, 0)
        with suppress(OSError):
            job.client.send(b"%d" % status)
        self.forget(job.client, end)
        job.client.close()
        os.close(end)

    def forget(self, *files: int | socket.socket) -> None:
        """Wait no more for these files; some may be forgotten already."""
        for file in files:
            with suppress(KeyError, ValueError):
                self.selector.unregister(file)

    def become(self, request: Request, files: list[int]) -> None:
        """Make this forked process like one that the client's command has started; `files` are the client's."""
        self.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != self.pid:  # the server was killed before it could be said
            os.kill(os.getpid(), signal.SIGKILL)
        os.setpgid(0, 0)
        for key in list(self.selector.get_map().values()):
            if isinstance(key.fileobj, socket.socket):
                key.fileobj.close()
            elif key.fd != SNAKEMAKE:
                os.close(key.fd)
        self.selector.close()
        above = [fcntl.fcntl(file, fcntl.F_DUPFD_CLOEXEC, max(request.numbers) + 1) for file in files]
        for file in files:  # first, because one of them may be where another belongs
            os.close(file)
        for number, file in zip(request.numbers, above, strict=True):
            os.dup2(file, number)
            os.close(file)
        for number in request.ignored:
            signal.signal(number, signal.SIG_IGN)
        os.environ.clear()
        os.environ.update(request.environment)
        sys.stdout.reconfigure(line_buffering=sys.stdout.isatty())  # type: ignore[union-attr]
        tempfile.tempdir = None


def receive(client: socket.socket, files: list[int]) -> Request:
    """What a client has sent (`nets.machine.client.ask`); appends its files to `files`. Raises OSError, ValueError."""
    head, received, _, _ = socket.recv_fds(client, 8, MOST_FILES)
    files += received
    length, content = int(head), b""
    while len(content) < length:
        if not (part := client.recv(length - len(content))):
            raise ValueError("the client was killed")
        content += part
    count, *parts = [os.fsdecode(part) for part in content.split(b"\0")]
    words, (ignored, numbers, folder, *pairs) = parts[1 : int(count)], parts[int(count) :]
    request = Request(words, json.loads(ignored), json.loads(numbers), folder, dict(p.split("=", 1) for p in pairs))
    if len(request.numbers) != len(files):
        raise ValueError("too many files are open")
    return request
