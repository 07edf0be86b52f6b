"""Names, paths and links from files lead nowhere else, and passwords into no text."""

import os
import re
import sys

import pytest

from nets.errors import UserError
from nets.files import atomic, write_json
from nets.run import Run
from nets.trust import Redacted, check_name, inside, open_plain, redacted, refuse_links, without_login


@pytest.mark.parametrize("text", ["lenet5-mnist5k-s0", "own.v2", "a+b", "größe"])
def test_names(text):
    assert check_name(text, "The run") == text


@pytest.mark.parametrize(
    "text", ["", ".", "..", "../x", "x/../../OUT", "/etc", ".hidden", "-rf", "a\n", "a\0", "a b", 3, None]
)
def test_what_is_no_name(text):
    with pytest.raises(UserError, match=r"The run is .*, which is not a name; write letters"):
        check_name(text, "The run")


@pytest.fixture
def places(tmp_path):
    """A folder, and a secret beside it."""
    (tmp_path / "in/deep").mkdir(parents=True)
    (tmp_path / "out").mkdir()
    (tmp_path / "out/secret").write_text("secret")
    return tmp_path / "in", tmp_path / "out"


def test_paths_stay_inside(places):
    folder, out = places
    assert inside(folder, "deep", "new.json") == folder / "deep/new.json"
    (folder / "link").symlink_to(out)
    for parts in (["../out/secret"], [str(out)], ["deep", "..", "..", "out"], ["link/secret"], ["link/new"], ["."]):
        with pytest.raises(UserError, match="leads out of"):
            inside(folder, *parts)


@pytest.mark.parametrize("target", ["../../out/secret", "../../out", "../../out/new"])
def test_links_out_of_a_folder_are_refused(places, target):
    folder, _ = places
    (folder / "deep/link").symlink_to(target)
    with pytest.raises(UserError, match=rf"{folder}/deep/link is a link out of {folder}, to .*/out.*; remove it"):
        refuse_links(folder)


def test_links_within_and_a_linked_folder_are_not(places, tmp_path):
    folder, _ = places
    (folder / "deep/file").write_text("")
    (folder / "link").symlink_to("deep/file")
    (tmp_path / "elsewhere").symlink_to(folder)
    refuse_links(tmp_path / "elsewhere")
    refuse_links(tmp_path / "missing")


def test_pipes_and_links_are_not_opened(places):
    folder, out = places
    os.mkfifo(folder / "pipe")
    (folder / "link").symlink_to(out / "new")
    with pytest.raises(UserError, match="pipe is not a plain file"):
        open_plain(folder / "pipe", os.O_RDWR)
    with pytest.raises(UserError, match="link is a link"):
        open_plain(folder / "link", os.O_RDWR | os.O_CREAT)
    assert not (out / "new").exists()
    (folder / "link").unlink()
    with pytest.raises(UserError, match="pipe is neither a file nor a folder"):
        refuse_links(folder)


def test_a_file_is_written_through_no_link(places):
    folder, out = places
    for name in (".note.json", f".note.json.{os.getpid()}.tmp"):
        (folder / name).symlink_to(out / "secret")
    (folder / "note.json").symlink_to(out / "secret")
    write_json(folder / "note.json", {})
    assert (out / "secret").read_text() == "secret" and not (folder / "note.json").is_symlink()
    with atomic(folder / "mode") as temporary:
        temporary.write_text("")
    (folder / "plain").write_text("")
    assert (folder / "mode").stat().st_mode == (folder / "plain").stat().st_mode


ADDRESSES = [
    ("http://me:pass@host:5000/x", "http://***@host:5000/x"),
    ("postgresql+psycopg2://me:p@ss@host/db", "postgresql+psycopg2://***@host/db"),
    ("https://token@host", "https://***@host"),
    ("https://host/a?access_token=abc&b=1", "https://host/a?access_token=***&b=1"),
    ("https://host/a?X-Amz-Signature=abc", "https://host/a?X-Amz-Signature=***"),
    ("sqlite:////data/mlflow.db", "sqlite:////data/mlflow.db"),
    ("https://host/a@b?page=2", "https://host/a@b?page=2"),
    ("mail me@host.org", "mail me@host.org"),
]


@pytest.mark.parametrize(("text", "shown"), ADDRESSES)
def test_addresses_lose_their_passwords(text, shown):
    assert without_login(text) == redacted(text) == shown
    assert redacted(f"MLflow at {text} failed: '{text}'") == f"MLflow at {shown} failed: '{shown}'"


def test_secrets_of_the_environment_are_hidden_wherever_they_appear(monkeypatch, capsys):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://me:a%2Fsecret@host")
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", "t0ken-of-mine")
    assert redacted("'a/secret' or a%2Fsecret with t0ken-of-mine") == "'***' or *** with ***"
    print("a/secret", file=Redacted(sys.stdout))
    assert capsys.readouterr().out == "***\n"


@pytest.mark.parametrize("key", ["name", "model", "dataset", "task"])
def test_a_description_with_a_path_in_place_of_a_name_is_refused(run_of, key):
    text = re.sub(rf'"{key}": "[^"]*"', rf'"{key}": "x/../../OUT"', run_of("lenet5").to_json())
    with pytest.raises(UserError, match=rf"The {key} of a run is 'x/../../OUT', which is not a name"):
        Run.from_json(text)
