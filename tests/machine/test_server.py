"""Jobs that a server forks are, for who starts them, what processes of their own are; nothing outlives its purpose."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from nets.machine import server
from nets.machine.environment import module_path

JOB = "import sys; exec(sys.argv[1])"  # python -P -m job CODE
SERVE = """
import os, runpy, socket, sys
from nets.machine.server import Server
if "thread" in os.environ:
    import threading, time
    threading.Thread(target=time.sleep, args=(60,), daemon=True).start()
request = Server(socket.socket(fileno=int(sys.argv[1].split("=")[1]))).serve()
if request:
    sys.argv = request.words[2:]
    runpy.run_module("job", run_name="__main__", alter_sys=True)
"""
FORKED = (
    "import os; print('forked' if b'serve_test' in open(f'/proc/{os.getppid()}/cmdline', 'rb').read() else 'plain')"
)
STATE = """
import os, signal, sys
print(sys.argv[2:], os.getcwd(), __name__, sorted(os.environ.items()))
print([signal.getsignal(n) for n in range(1, 32) if n not in (signal.SIGTTIN, signal.SIGTTOU)])
print(sorted(os.listdir("/proc/self/fd"))[:-1], sys.stdout.line_buffering, sys.stdin.read(), sys.flags)
"""
WAITING = "import os, time; print(os.getpid(), flush=True); time.sleep(60)"


class Served:
    """A server, and the commands of jobs that ask it."""

    def __init__(self, process):
        self.process = process

    def start(self, code, *more, **options):
        command = [sys.executable, "-I", "-S", server.CLIENT, sys.executable, "-P", "-m", "job", code, *more]
        asked = os.environ | {"PYTHONPATH": module_path()} | dict.fromkeys(server.THREADS, "1") | options.pop("env", {})
        asked.pop("PYTEST_CURRENT_TEST")  # which changes
        options["env"] = asked
        return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options)

    def run(self, code, *more, **options):
        with self.start(code, *more, **options) as job:
            output, _ = job.communicate(timeout=60)
        return job.returncode, output.strip()

    def close(self):
        """What happens when Snakemake ends."""
        self.process.stdin.close()


@pytest.fixture
def served(tmp_path, monkeypatch):
    (tmp_path / "job.py").write_text(JOB)
    (tmp_path / "serve_test.py").write_text(SERVE)
    monkeypatch.delenv("PS1", raising=False)  # the shell of a rule drops it, and here clients start without one
    monkeypatch.setenv(server.ADDRESS, "")
    monkeypatch.delenv(server.ADDRESS)
    monkeypatch.delenv("PYTEST_CURRENT_TEST")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with server.start(1, "serve_test") as process:
        yield Served(process)
        process.kill()


def gone(pid):
    """Whether a process ends within five seconds."""
    for _ in range(100):
        try:
            if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z":
                return True
        except FileNotFoundError:
            return True
        time.sleep(0.05)
    return False


def test_a_job_is_forked_and_ends_as_it_ended(served):
    assert served.run(FORKED) == (0, "forked")
    assert served.run("sys.exit(75)") == (75, "")
    assert served.run("raise ValueError")[0] == 1
    for number in (signal.SIGSEGV, signal.SIGKILL, signal.SIGTERM):
        assert served.run(f"import os; os.kill(os.getpid(), {number:d})")[0] == -number


def test_a_job_finds_what_a_process_of_its_own_would_find(served, tmp_path):
    def state():
        read, write = os.pipe()
        os.write(write, b"input")
        os.close(write)
        with open(read) as pipe, open(tmp_path / "job.py") as other:
            nohup = {"preexec_fn": lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN)}
            return served.run(STATE, "--a", "b c", stdin=pipe, pass_fds=[other.fileno()], env={"TMP": "/"}, **nohup)

    forked = state()
    served.close()
    served.process.wait()
    assert served.run(FORKED) == (0, "plain")
    assert forked == state() and forked[0] == 0


def test_a_shells_pipe_reaches_a_job(served):
    read, write = os.pipe()
    os.write(write, b"an entry")
    os.close(write)
    os.dup2(read, 63)
    assert served.run("print(open('/dev/fd/63').read())", pass_fds=[63]) == (0, "an entry")
    os.close(63)


@pytest.mark.parametrize("name", ["OMP_NUM_THREADS", "LD_BIND_NOW"])
def test_another_environment_is_not_served(served, name):
    assert served.run(FORKED, env={name: "2"}) == (0, "plain")


def test_another_folder_is_not_served(served, tmp_path):
    assert served.run(FORKED, cwd=tmp_path) == (0, "plain")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGUSR1])
def test_signals_reach_a_job(served, number):
    noting = f"import signal; signal.signal({number:d}, lambda n, f: sys.exit(n)); {WAITING}"
    with served.start(noting) as job:
        job.stdout.readline()
        job.send_signal(number)
        assert job.wait(timeout=20) == number


def test_a_signal_before_the_job_has_started_reaches_it(served):
    """The server is held up, so that the signal comes while the client waits for its job."""
    noting = f"import signal; signal.signal({signal.SIGTERM:d}, lambda n, f: sys.exit(n)); {WAITING}"
    served.process.send_signal(signal.SIGSTOP)
    with served.start(noting) as job:
        for _ in range(100):
            blocked = Path(f"/proc/{job.pid}/status").read_text().partition("SigBlk:\t")[2].split()[0]
            if int(blocked, 16) >> (signal.SIGTERM - 1) & 1:
                break
            time.sleep(0.05)
        job.send_signal(signal.SIGTERM)
        time.sleep(0.2)
        assert job.poll() is None
        served.process.send_signal(signal.SIGCONT)
        assert abs(job.wait(timeout=20)) == signal.SIGTERM


def test_a_job_can_be_paused(served):
    with served.start(WAITING) as job:
        pid = job.stdout.readline().strip()
        job.send_signal(signal.SIGTSTP)
        for state in "TS":
            for _ in range(100):
                if (found := Path(f"/proc/{pid}/stat").read_text().split()[2]) == state:
                    break
                time.sleep(0.05)
            assert found == state
            job.send_signal(signal.SIGCONT)
        job.kill()


def test_a_job_dies_with_its_client(served):
    with served.start(WAITING) as job:
        pid = job.stdout.readline().strip()
        job.kill()
        assert gone(pid)
        assert served.run(FORKED) == (0, "forked")


def test_a_job_dies_with_the_server_and_its_client_says_that_it_was_killed(served):
    with served.start(WAITING) as job:
        pid = job.stdout.readline().strip()
        served.process.kill()
        assert gone(pid)
        assert job.wait(timeout=20) == -signal.SIGKILL
        assert served.run(FORKED) == (0, "plain")


def test_jobs_go_on_when_snakemake_is_gone_and_the_server_ends_with_the_last(served):
    with served.start("input(); sys.exit(5)", stdin=subprocess.PIPE) as job:
        assert served.run(FORKED) == (0, "forked")  # the first has started, too
        served.close()
        assert served.run(FORKED) == (0, "plain")
        assert served.process.poll() is None
        job.communicate("\n")
        assert job.returncode == 5
        assert served.process.wait(timeout=20) == 0
        assert not Path(os.environ[server.ADDRESS]).exists()


def test_a_server_with_a_thread_serves_nobody(tmp_path, monkeypatch, served):
    monkeypatch.delenv(server.ADDRESS)
    monkeypatch.setenv("thread", "1")
    with server.start(1, "serve_test") as other:
        assert other.wait(timeout=20) == 1
    assert served.run(FORKED) == (0, "plain")


def test_no_server_where_the_user_forbids_it(monkeypatch):
    monkeypatch.setenv(server.ADDRESS, "off")
    assert server.start(1) is None and os.environ[server.ADDRESS] == "off"


def test_a_folder_of_somebody_else_is_refused(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv(server.ADDRESS, "")
    monkeypatch.delenv(server.ADDRESS)
    monkeypatch.setattr(tempfile, "gettempdir", lambda: str(tmp_path))
    folder = server.private_folder()
    if os.geteuid() == 0:
        os.chown(folder, 65534, -1)
    else:
        shutil.rmtree(folder)
        folder.symlink_to(tmp_path)
    assert server.start(1) is None and server.ADDRESS not in os.environ
    assert "is not a folder of yours" in capsys.readouterr().err
