"""Stands in Snakemake's eyes for a job that the server forks (`nets.machine.server`), from its start to its end.

    python -I -S client.py PYTHON WORD ...

The server named by NETS_SERVER does what the command `PYTHON WORD ...` would do, with this process's files, folder,
environment and signals. If it can't, this process becomes that command. Here every millisecond counts: the program
imports nothing of ours, and of the libraries only what is written in C.
"""

import _signal
import _socket
import os
import sys

IGNORED = [n for n in range(1, _signal.NSIG) if _signal.getsignal(n) == _signal.SIG_IGN]
PASSED = [_signal.SIGHUP, _signal.SIGINT, _signal.SIGTERM, _signal.SIGUSR1, _signal.SIGUSR2, _signal.SIGCONT]


def open_files() -> list[int]:
    """The numbers of the files that a new program would find open: the standard ones, and a shell's pipes."""
    found = []
    for name in os.listdir("/proc/self/fd"):
        try:
            if os.get_inheritable(int(name)):
                found.append(int(name))
        except OSError:  # the listing itself
            pass
    return sorted(found)


def ask(words: list[bytes]) -> _socket.socket | None:
    """Send the job to the server: one length in 8 digits, then parts that a zero byte ends; with it, the open files.

    Returns the connection once the job has started; None if there is no server, or if it refuses.
    """
    numbers = open_files()
    lists = [repr(IGNORED).encode(), repr(numbers).encode()]
    content = b"\0".join([str(len(words)).encode(), *words, *lists, os.getcwdb()])
    content += b"".join(b"\0%b=%b" % item for item in os.environb.items())
    message = b"%08d%b" % (len(content), content)
    files = b"".join(number.to_bytes(4, sys.byteorder) for number in numbers)
    server = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM | _socket.SOCK_CLOEXEC)
    try:
        server.connect(os.environb.get(b"NETS_SERVER", b""))
        sent = server.sendmsg([message], [(_socket.SOL_SOCKET, _socket.SCM_RIGHTS, files)])
        server.sendall(message[sent:])
        return server if server.recv(1) else None
    except OSError:
        return None


def stand_for(job: _socket.socket, unblocked: set[int]) -> int:
    """Pass signals on until the job ends; returns its status, as of `os.waitpid`: killed, if the server was.

    `unblocked` is the signal mask from before the job was asked for; signals that came since then are passed on first.
    """

    def pass_on(number: int, frame: object) -> None:
        try:  # noqa: SIM105 (contextlib takes long to import)
            job.send(bytes([number]))
        except OSError:  # it has just ended
            pass

    def pause(number: int, frame: object) -> None:
        pass_on(_signal.SIGSTOP, frame)
        os.kill(os.getpid(), _signal.SIGSTOP)

    for number in PASSED:
        _signal.signal(number, pass_on)
    _signal.signal(_signal.SIGTSTP, pause)
    _signal.pthread_sigmask(_signal.SIG_SETMASK, unblocked)
    try:
        return int(job.recv(16) or _signal.SIGKILL)
    except OSError:
        return int(_signal.SIGKILL)


def end_as(status: int) -> None:
    """End with an exit status, or by a signal, as the job did."""
    if os.WIFSIGNALED(status):
        import resource

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a core of the job may be there; one of this would replace it
        if (number := os.WTERMSIG(status)) != _signal.SIGKILL:
            _signal.signal(number, _signal.SIG_DFL)
        os.kill(os.getpid(), number)
    os._exit(os.waitstatus_to_exitcode(status))


if __name__ == "__main__":
    command = [os.fsencode(word) for word in sys.argv[1:]]
    mask = _signal.pthread_sigmask(_signal.SIG_BLOCK, [*PASSED, _signal.SIGTSTP])  # until they can be passed on
    if started := ask(command):
        end_as(stand_for(started, mask))
    _signal.pthread_sigmask(_signal.SIG_SETMASK, mask)
    os.execv(command[0], command)
