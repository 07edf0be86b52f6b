"""IDX files, compressed or not, and every kind of damage."""

import gzip
import hashlib
import os
import resource
import struct
import time

import numpy as np
import pytest

from nets.data import idx
from nets.data.sources import load
from nets.errors import DataError, SourceUnavailable

IMAGES = "train-images-idx3-ubyte"


def pixels(part):
    return np.concatenate(list(part.chunks()))


def test_reads_the_same_compressed_or_not(root, make_entry, make_idx):
    plain, packed = make_idx(root / "plain"), make_idx(root / "packed", gz=True)
    first, second = load(make_entry(plain), root), load(make_entry(packed), root)
    assert pixels(first.learning).shape == (20, 1, 4, 4) and pixels(first.test).shape == (10, 1, 4, 4)
    assert pixels(first.learning).dtype == np.uint8 and first.learning.labels.dtype == np.int64
    np.testing.assert_array_equal(pixels(first.learning), pixels(second.learning))
    np.testing.assert_array_equal(first.learning.labels, np.arange(20) % 2)
    assert first.canonical and first.sha256 == plain["sha256"]


def test_other_compression_of_the_same_bytes_is_fine(root, make_entry, make_idx):
    source = make_idx(root / "packed", gz=True)
    for path in (root / "packed").iterdir():
        path.write_bytes(gzip.compress(gzip.decompress(path.read_bytes()), 1, mtime=5))
    load(make_entry(source), root)


def test_takes_the_first_folder_that_is_there(root, make_entry, make_idx):
    source = make_idx(root / "second")
    source["folders"] = ["first", str(root / "second")]
    assert load(make_entry(source), root).location == str(root / "second")


@pytest.mark.parametrize("gz", [False, True])
def test_flipped_bit(root, make_entry, make_idx, flip, gz):
    source = make_idx(root / "tiny", gz=gz)
    path = root / "tiny" / (f"{IMAGES}.gz" if gz else IMAGES)
    flip(path)
    with pytest.raises(DataError, match=r"train-images-idx3-ubyte.* is damaged: .*; fetch it again or delete it\.$"):
        load(make_entry(source), root)


def test_wrong_hash_says_both(root, make_entry, make_idx):
    source = make_idx(root / "tiny")
    actual = source["sha256"][IMAGES]
    source["sha256"][IMAGES] = "0" * 64
    with pytest.raises(DataError, match=f"SHA-256 is {actual}, expected {'0' * 64}"):
        load(make_entry(source), root)


def test_truncated_gz(root, make_entry, make_idx):
    source = make_idx(root / "tiny", gz=True)
    path = root / "tiny" / f"{IMAGES}.gz"
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(DataError, match=r"\.gz is damaged: it can't be decompressed"):
        load(make_entry(source), root)


def test_missing_file(root, make_entry, make_idx):
    source = make_idx(root / "tiny")
    (root / "tiny" / "t10k-labels-idx1-ubyte").unlink()
    with pytest.raises(DataError, match=r"tiny is incomplete: t10k-labels-idx1-ubyte \(or \.gz\) is missing"):
        load(make_entry(source), root)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda content: content[:-1], "holds 319 bytes, but its header says 20x4x4"),
        (lambda content: b"\0\0\x0d" + content[3:], "is not an IDX file of bytes"),
        (lambda content: b"", "is not an IDX file of bytes"),
        (lambda content: content[:9], "is not an IDX file of bytes"),
    ],
)
def test_header_against_content(root, make_entry, make_idx, change, sentence):
    source = make_idx(root / "tiny")
    path = root / "tiny" / IMAGES
    path.write_bytes(change(path.read_bytes()))
    source["sha256"][IMAGES] = hashlib.sha256(path.read_bytes()).hexdigest()
    with pytest.raises(DataError, match=sentence):
        load(make_entry(source), root)


def write_gz(path, header, zeros):
    """A compressed file of a header and many zeros, which are few bytes."""
    with gzip.open(path, "wb") as file:
        file.write(header)
        for _ in range(zeros >> 20):
            file.write(bytes(1 << 20))


@pytest.mark.parametrize(
    ("shape", "sentence"),
    [
        ((20, 4, 4), "holds more than 320 bytes, but its header says 20x4x4"),
        ((2**31 - 1, 28, 28), "announces 1,683,627,179,248 bytes, more than 1,073,741,824"),
        ((-1, 4, 4), "is not an IDX file of bytes"),
        ((300 << 20, 1, 1), "is damaged: its SHA-256 is"),
    ],
)
def test_a_bomb_is_not_unpacked_into_memory(root, make_entry, make_idx, shape, sentence):
    source = make_idx(root / "tiny")
    (root / "tiny" / IMAGES).unlink()
    write_gz(root / "tiny" / f"{IMAGES}.gz", struct.pack(">BBBB3i", 0, 0, 8, 3, *shape), 300 << 20)
    before, began = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
    with pytest.raises(DataError, match=sentence):
        load(make_entry(source), root)
    assert time.process_time() - began < 0.3 or sentence.startswith("is damaged"), "no more is unpacked than announced"
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 60_000, "kilobytes"


def test_a_pipe_is_no_idx_file(root, make_entry, make_idx):
    source = make_idx(root / "tiny")
    (root / "tiny" / IMAGES).unlink()
    os.mkfifo(root / "tiny" / IMAGES)
    with pytest.raises(DataError, match=f"tiny/{IMAGES} is not a regular file; fetch it again or delete it"):
        load(make_entry(source), root)
    (root / "tiny" / IMAGES).unlink()
    (root / "tiny" / f"{IMAGES}.gz").mkdir()
    with pytest.raises(DataError, match=f"tiny/{IMAGES}.gz is not a regular file"):
        load(make_entry(source), root)


def test_images_and_labels_must_fit(root, make_entry, make_idx):
    source = make_idx(root / "tiny")
    other = make_idx(root / "other", learning=22)
    name = "train-labels-idx1-ubyte"
    (root / "other" / name).replace(root / "tiny" / name)
    source["sha256"][name] = other["sha256"][name]
    with pytest.raises(DataError, match="is inconsistent"):
        load(make_entry(source), root)


def test_absent_leads_on_and_damaged_stops(root, make_entry, make_idx, flip):
    good = make_idx(root / "good")
    absent = {**good, "folders": ["absent"]}
    assert load(make_entry(absent, good), root).location == str(root / "good")
    bad = make_idx(root / "bad")
    flip(root / "bad" / IMAGES)
    with pytest.raises(DataError, match="bad/train-images"):
        load(make_entry(bad, good), root)


def test_absent_says_where_to_put_it(root, make_idx):
    source = make_idx(root / "good") | {"folders": ["absent", "other"], "hint": "install the package tiny"}
    with pytest.raises(
        SourceUnavailable, match=r"^put train-images.* into .*data/absent, or install the package tiny$"
    ):
        idx.read({}, source, root)
