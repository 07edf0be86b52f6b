"""Downloads, from a server on this machine."""

import gc
import hashlib
import socket
import threading
import time
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import pytest
from torchvision.datasets import CIFAR10, MNIST

from nets.data import download
from nets.data.sources import load
from nets.errors import DataError, SourceUnavailable

SOURCE = {"kind": "torchvision", "class": "MNIST"}


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *args):
        pass


@pytest.fixture
def served(tmp_path, make_idx, monkeypatch):
    """A folder that a server offers as MNIST, and the source that describes its files."""
    monkeypatch.setenv("NETS_OFFLINE", "0")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    folder = tmp_path / "served"
    source = make_idx(folder, gz=True)
    md5 = [(path.name, hashlib.md5(path.read_bytes()).hexdigest()) for path in sorted(folder.iterdir())]
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=folder))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setattr(MNIST, "mirrors", [f"http://127.0.0.1:{server.server_port}/"])
    monkeypatch.setattr(MNIST, "resources", md5)
    yield folder, {**source, "folders": ["MNIST/raw"]}
    server.shutdown()
    server.server_close()


def test_downloads_then_verifies(root, served, make_entry):
    _, source = served
    loaded = load(make_entry(source, SOURCE), root)
    assert loaded.kind == "torchvision" and loaded.location == str(root / "MNIST/raw") and loaded.canonical
    assert [path.name for path in root.iterdir()] == ["MNIST"]
    assert load(make_entry(source, SOURCE), root).kind == "idx", "the second load reads the files"


def test_own_hashes_are_verified_too(root, served, make_entry):
    _, source = served
    source["sha256"]["t10k-images-idx3-ubyte"] = "0" * 64
    with pytest.raises(DataError, match="t10k-images-idx3-ubyte is damaged"):
        load(make_entry(source, SOURCE), root)


def test_damaged_on_the_way(root, served, make_entry, flip):
    folder, source = served
    flip(folder / "train-images-idx3-ubyte.gz")
    with pytest.raises(DataError, match="the download of MNIST is damaged: .*; try again, or supply the files by hand"):
        load(make_entry(source, SOURCE), root)
    assert not list(root.iterdir()), "nothing partial is left behind"


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # torchvision drops the answer unclosed
def test_file_gone_from_the_server(root, served, make_entry):
    folder, source = served
    (folder / "train-images-idx3-ubyte.gz").unlink()
    with pytest.raises(SourceUnavailable, match="Tiny is not here: put .*; or try the download again"):
        load(make_entry(source, SOURCE), root)
    assert not list(root.iterdir())
    gc.collect()


def test_forbidden(root, served, make_entry, monkeypatch):
    monkeypatch.setenv("NETS_OFFLINE", "1")
    with pytest.raises(SourceUnavailable, match=r"or allow the download \(NETS_OFFLINE forbids it now\)\.$"):
        load(make_entry(served[1], SOURCE), root)


def test_nobody_answers(root, served, make_entry, monkeypatch):
    monkeypatch.setattr(download, "ANSWER_SECONDS", 0.3)
    with socket.create_server(("127.0.0.1", 0)) as silent:  # accepts the connection and never answers
        ports = [1, silent.getsockname()[1]]
        monkeypatch.setattr(MNIST, "mirrors", [f"http://127.0.0.1:{port}/" for port in ports])
        start = time.monotonic()
        with pytest.raises(SourceUnavailable, match=r"allow the download \(offline now: no answer from 127.0.0.1\)"):
            load(make_entry(served[1], SOURCE), root)
        assert time.monotonic() - start < 2
    assert not list(root.iterdir())


def test_folder_that_cannot_be_written(tmp_path, served, make_entry):
    (tmp_path / "file").write_text("a file where a folder is wanted")
    with pytest.raises(SourceUnavailable, match="make .*file/data writable for the download"):
        load(make_entry(served[1], SOURCE), tmp_path / "file" / "data")


def test_a_connection_that_breaks_off_is_no_data(tmp_path, monkeypatch):
    monkeypatch.setattr(CIFAR10, "url", "http://127.0.0.1:1/cifar.tar.gz")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with pytest.raises(SourceUnavailable, match="try the download again"):
        download._download(CIFAR10, tmp_path)
