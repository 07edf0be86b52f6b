"""What a folder holds: the images that are taken, and an account of every file that is skipped.

All images below a folder are taken, however deep. Hidden files are skipped, as are files that are no images. What a
person would expect to be taken, but can't be, is refused.
"""

import os
from collections import Counter
from pathlib import Path
from typing import Any

from nets.errors import DataError
from nets.trust import refuse_links

SUFFIXES = {
    ".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".bmp", ".dib", ".gif", ".tif", ".tiff", ".webp", ".ppm", ".pgm", ".pnm",
    ".pbm",
}  # fmt: skip
UNREAD = {  # images all the same
    ".heic", ".heif", ".avif", ".jxl", ".jp2", ".j2k", ".jpx", ".svg", ".eps", ".ps", ".psd", ".xcf", ".tga", ".ico",
    ".dng", ".cr2", ".cr3", ".nef", ".arw", ".exr", ".hdr", ".dcm", ".pcx", ".raw",
}  # fmt: skip
WORDS = "PNG, JPEG, BMP, GIF, TIFF, WebP or PPM"
MOST_BYTES = 256_000_000  # of a file: four for each pixel that is decoded at most
MOST_DEPTH = 30
MOST_ROWS = 50  # of an account


class Listing:
    """Lists folders below `root`, and remembers which files it skipped, and why."""

    def __init__(self, root: Path):
        refuse_links(root)
        self.root = root
        self.passed: Counter[tuple[str, str]] = Counter()  # by reason and folder
        self.examples: dict[tuple[str, str], str] = {}

    def images(self, folder: Path) -> list[Path]:
        """The images below a folder, sorted by path, in the same order on every machine."""
        return sorted(self._below(folder, ()), key=Path.as_posix)

    def folders(self, folder: Path, why_no_image: str) -> dict[str, Path]:
        """The folders in a folder by name, without hidden ones. Raises DataError if images are beside them."""
        found = {}
        for entry in _entries(folder):
            path = Path(entry.path)
            if entry.is_dir() and entry.name.startswith("."):
                self.leave(path, "hidden")
            elif entry.is_dir():
                found[entry.name] = path
            elif self._is_image(entry, path):
                raise DataError(f"{path} {why_no_image}; move it into one of the folders beside it, or away.")
        return found

    def leave(self, folder: Path, why: str) -> None:
        """Pass by all files below a folder."""
        for place, _, files in os.walk(folder):
            for name in sorted(files):
                self.pass_by(Path(place, name), why)

    def pass_by(self, path: Path, why: str) -> None:
        """Note that a file is not taken."""
        key = (why, os.path.relpath(path.parent, self.root))
        self.passed[key] += 1
        self.examples.setdefault(key, path.name)

    def account(self) -> list[dict[str, Any]]:
        """Why, where and how many files were skipped, with the name of one; places beyond the first ones together."""
        rows: list[dict[str, Any]] = [
            {"why": why, "folder": place, "files": count, "example": self.examples[why, place]}
            for (why, place), count in sorted(self.passed.items())
        ]
        rest: Counter[str] = Counter()
        for row in rows[MOST_ROWS:]:
            rest[row["why"]] += row["files"]
        return rows[:MOST_ROWS] + [
            {"why": why, "folder": "elsewhere", "files": count, "example": None} for why, count in rest.items()
        ]

    def _below(self, folder: Path, above: tuple[tuple[int, int], ...]) -> list[Path]:
        """The images below a folder; `above` are the folders that lead to it: no link is followed in circles."""
        facts = os.stat(folder)
        here = (facts.st_dev, facts.st_ino)
        if here in above or len(above) > MOST_DEPTH:
            raise DataError(f"{folder} is a link in circles, or more than {MOST_DEPTH} folders deep; move it away.")
        taken = []
        for entry in _entries(folder):
            path = Path(entry.path)
            if entry.is_dir() and entry.name.startswith("."):
                self.leave(path, "hidden")
            elif entry.is_dir():
                taken += self._below(path, (*above, here))
            elif self._is_image(entry, path):
                taken.append(path)
        return taken

    def _is_image(self, entry: os.DirEntry, path: Path) -> bool:
        """Whether a file is an image; if not, it is skipped. Raises DataError for an image that can't be read."""
        suffix = path.suffix.lower()
        if entry.is_dir():
            return False
        if entry.name.startswith("."):
            self.pass_by(path, "hidden")
        elif suffix in UNREAD:
            raise DataError(f"{path} is in a format that is not read; convert it to {WORDS}, or move it away.")
        elif suffix not in SUFFIXES:
            self.pass_by(path, f"no image ({suffix or 'no suffix'})" if len(suffix) < 9 else "no image")
        elif not entry.is_file():
            what = "a link to a file that is missing" if entry.is_symlink() else "not a plain file"
            raise DataError(f"{path} is {what}; restore the file, or remove it.")
        elif (size := entry.stat().st_size) > MOST_BYTES:
            raise DataError(
                f"{path} has {size >> 20} MiB, more than {MOST_BYTES >> 20}; make it smaller, or remove it."
            )
        else:
            return True
        return False


def is_folder(path: Path) -> bool:
    """Whether a folder is there. Raises DataError if something else has its place."""
    if path.exists() and not path.is_dir():
        raise DataError(f"{path} is not a folder; move it away.")
    return path.is_dir()


def _entries(folder: Path) -> list[os.DirEntry]:
    """What a folder holds, by name."""
    with os.scandir(folder) as found:
        return sorted(found, key=lambda entry: entry.name)


def account_in_words(rows: list[dict]) -> str:
    """'7 files skipped: 4 hidden, 3 no image (.txt)'; empty if there are none."""
    counts: Counter[str] = Counter()
    for row in rows:
        counts[row["why"]] += row["files"]
    shown = [f"{count:,} {why}" for why, count in counts.most_common(6)]
    shown += ["others"] if len(counts) > 6 else []
    total = sum(counts.values())
    return f"{total:,} file{'s' if total != 1 else ''} skipped: {', '.join(shown)}" if total else ""
