"""Downloads through torchvision, which knows the addresses and verifies the files."""

import contextlib
import inspect
import queue
import socket
import sys
import tempfile
import threading
import time
import warnings
from collections.abc import Callable
from http.client import HTTPException
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

from nets.data.places import offline
from nets.errors import DataError, SourceUnavailable

ANSWER_SECONDS = 10  # how long to wait for a server's answer
STALL_SECONDS = 20  # how long a download may stall


def fetch(source: dict, root: Path) -> None:
    """Download the set of `torchvision.datasets.<class>` into `root`, in torchvision's layout.

    Files are downloaded to a temporary folder and moved into place when they are complete. Raises SourceUnavailable if
    downloads are forbidden (NETS_OFFLINE=1) or no server answers, DataError if a download is damaged.
    """
    if offline():
        raise SourceUnavailable("allow the download (NETS_OFFLINE forbids it now)")
    from torchvision import datasets

    kind = getattr(datasets, source["class"])
    urls = _addresses(kind)
    if not _answer(urls, ANSWER_SECONDS):
        hosts = " nor ".join(sorted({str(urlsplit(url).hostname) for url in urls}))
        raise SourceUnavailable(f"allow the download (offline now: no answer from {hosts})")
    complete(root, lambda folder: _download(kind, folder))


def fetch_class(kind: type[Any], root: Path, arguments: dict[str, Any], missing: str) -> None:
    """Download what a class of `torchvision.datasets` reads with these arguments into `root`, as `fetch` does.

    `missing` says what it lacks. Raises SourceUnavailable also if the class downloads nothing.
    """
    supply = f"put the files of torchvision's {kind.__name__} into {root} ({missing.rstrip('.')})"
    if offline():
        raise SourceUnavailable(f"{supply}, or allow the download (NETS_OFFLINE forbids it now)")
    if "download" not in inspect.signature(kind).parameters:
        raise SourceUnavailable(supply)
    complete(root, lambda folder: guarded(kind, lambda: kind(folder, download=True, **arguments)))


def complete(root: Path, work: Callable[[Path], None]) -> None:
    """Let `work` fill a temporary folder, then move its files into `root`."""
    try:
        root.mkdir(parents=True, exist_ok=True)
        folder = tempfile.TemporaryDirectory(dir=root, prefix=".download-")
    except OSError as error:
        raise SourceUnavailable(f"make {root} writable for the download ({error.strerror})") from error
    with folder as name:
        work(Path(name))
        for path in sorted(Path(name).rglob("*")):
            if path.is_file():
                target = root / path.relative_to(name)
                target.parent.mkdir(parents=True, exist_ok=True)
                path.replace(target)


def _addresses(kind: type[Any]) -> list[str]:
    if hasattr(kind, "mirrors"):
        return [mirror + kind.resources[0][0] for mirror in kind.mirrors]
    return [kind._RESOURCES[0][0]] if hasattr(kind, "_RESOURCES") else [kind.url]  # the pets' addresses are private


def _answer(urls: list[str], seconds: float) -> bool:
    """Whether any address answers in time. Uses threads, because name lookups have no time limit."""
    answers: queue.SimpleQueue[bool] = queue.SimpleQueue()

    def ask(url: str) -> None:
        try:
            urlopen(Request(url, headers={"User-Agent": "nets"}), timeout=seconds).close()
            answers.put(True)
        except HTTPError as error:
            error.close()
            answers.put(False)
        except (OSError, HTTPException):
            answers.put(False)

    end = time.monotonic() + seconds
    for url in urls:
        threading.Thread(target=ask, args=(url,), daemon=True).start()
    with contextlib.suppress(queue.Empty):
        return any(answers.get(timeout=max(0.0, end - time.monotonic())) for _ in urls)
    return False


def _download(kind: type[Any], folder: Path) -> None:
    from torchvision.datasets.utils import download_url

    if hasattr(kind, "tgz_md5"):  # CIFAR, whose class would unpickle the batches; `cifar.read` opens the archive
        guarded(kind, lambda: download_url(kind.url, folder, kind.filename, kind.tgz_md5))
    else:
        guarded(kind, lambda: kind(folder, download=True))


def guarded(kind: type[Any], work: Callable[[], Any]) -> None:
    """Let torchvision download. Raises SourceUnavailable or DataError for what goes wrong."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(STALL_SECONDS)
    try:
        with contextlib.redirect_stdout(sys.stderr), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            work()
    except (URLError, ConnectionError, TimeoutError, HTTPException) as error:
        raise SourceUnavailable(f"try the download again (it broke off: {error})") from error
    except RuntimeError as error:  # torchvision's one type for all errors
        if "corrupted" in str(error):
            raise DataError(
                f"the download of {kind.__name__} is damaged: its MD5 differs from torchvision's; "
                "try again, or supply the files by hand."
            ) from error
        raise SourceUnavailable(f"try the download again ({' '.join(str(error).split())})") from error
    finally:
        socket.setdefaulttimeout(before)
