"""The record takes what a run has measured and nothing else, keeps what disagrees, and makes the pages."""

import dataclasses
import json
import re
import shutil

import numpy as np
import pytest

from nets.errors import UserError
from nets.jobs import publish
from nets.record import entries, pages, recorded
from nets.record.entries import merged, place, read_entry, write_entry
from nets.record.measured import entry_of
from nets.record.publish import publish as record_run
from nets.reporting.results import load_result
from tests.record.conftest import NAME, changed


def elsewhere(entry: dict, top1: float, cpu: str = "Another CPU") -> dict:
    """The entry as if it had been measured on another machine, with another top-1."""
    other = json.loads(json.dumps(entry))
    other["measurements"][0]["manifest"]["hardware"]["cpu"] = cpu
    next(g["metrics"] for g in other["measurements"][0]["metrics"] if "top1_best" in g["metrics"])["top1_best"] = top1
    return other


def top1_of(entry: dict, at: int = 0) -> float:
    return next(n.value for n in recorded.numbers(entry["measurements"][at]) if n.metric == "top1_best")


def test_a_suite_becomes_entries_and_a_page_and_again_the_same(suite, checkout, capsys):
    command = ["--results", str(suite), "--record", str(checkout / "docs/results"), "--root", str(checkout)]
    assert publish.main(command) == 0
    assert capsys.readouterr().out == "2 new\n"
    before = {path: path.read_bytes() for path in checkout.rglob("*.*") if path.is_file()}
    page = (checkout / "docs/results.md").read_text()
    values = [load_result(suite / "runs" / f"softmax-mnist5k-s{seed}").numbers[0].value for seed in (0, 1)]
    assert re.search(rf"\| Softmax regression \(1 epoch\) \| {np.mean(values):.2f} ± [\d.]+ \|.*\| 2 \|", page)
    assert "make run TABLE=tiny.tsv" in page
    assert publish.main(command) == 0
    assert capsys.readouterr().out == "2 unchanged\n"
    assert before == {path: path.read_bytes() for path in checkout.rglob("*.*") if path.is_file()}


def test_an_entry_gives_back_what_was_measured(suite, tmp_path):
    record_run(suite, NAME, tmp_path / "record")
    entry = read_entry(place(tmp_path / "record", "tiny", NAME))
    ours, kept = load_result(suite / "runs" / NAME), recorded.result_of(entry)
    assert kept.run == ours.run and kept.headline == ours.headline
    assert [n.measure for n in kept.numbers] and {n.measure for n in kept.numbers} == {n.measure for n in ours.numbers}
    for number in ours.numbers:
        (same,) = (n for n in kept.numbers if n.measure == number.measure)
        assert same.value == pytest.approx(number.value, rel=1e-5) and same.direction == number.direction
    assert kept.right[0] == ours.right[0] and np.array_equal(kept.right[1], ours.right[1])
    assert kept.test_images == 1000
    assert entry["seeds"] == [0, 1]
    weights = {group["weights"]: sorted(group["metrics"])[0] for group in entry["measurements"][0]["metrics"]}
    assert weights == {"last": "balanced", "best": "balanced_best"}
    assert len(place(tmp_path / "record", "tiny", NAME).read_bytes()) < 8000
    assert str(suite) not in json.dumps(entry)


REFUSED = {
    "hole": (
        lambda folder: changed(folder / "metrics.json", lambda c: c.update(status="failed", reason="It failed.")),
        r"s0 is a hole \(failed: It failed\); the record holds results only",
    ),
    "unfinished": (
        lambda folder: (folder / "metrics.json").unlink(),
        "has no metrics in .*; finish it with `make run TABLE=tiny.tsv`",
    ),
    "weights": (
        lambda folder: (folder / "model.safetensors").write_bytes(b"x"),
        r"model\.safetensors is not what its manifest names \(SHA-256\); train it again",
    ),
    "best weights": (
        lambda folder: (folder / "best.safetensors").unlink(),
        r"best\.safetensors is not what its manifest names",
    ),
    "description": (
        lambda folder: changed(folder / "config.json", lambda c: c["recipe"].update(epochs=9)),
        "its config.json is not what it was trained from",
    ),
    "metrics": (
        lambda folder: changed(
            folder / "metrics.json",
            lambda c: [m.update(value=99.9) for m in c["metrics"] if m["metric"] == "top1_best"],
        ),
        r"metrics\.json says top-1 99\.9 %, its predictions \(arrays\.npz\) [\d.]+ %; evaluate it again",
    ),
    "another row": (
        lambda folder: (folder.parents[1] / "runs.jsonl").write_text(
            (folder.parents[1] / "runs.jsonl").read_text().replace('"epochs": 1,', '"epochs": 2,')
        ),
        r"is not as runs\.jsonl describes it, so its row was edited since",
    ),
    "a place of this machine": (
        lambda folder: changed(
            folder / "manifest.json", lambda c: c["data"].update(notes=["/home/me/images is small."])
        ),
        r"measurements\.manifest\.data\.notes names a path of this machine \(/home/me/images is small\.\)",
    ),
    "no revision": (
        lambda folder: changed(folder / "manifest.json", lambda c: c.update(revision="v1.0")),
        r"revision: 'v1\.0' is not valid; write a git revision",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_refused(case, suite, tmp_path):
    change, words = REFUSED[case]
    change(suite / "runs" / NAME)
    with pytest.raises(UserError, match=words) as error:
        record_run(suite, NAME, tmp_path / "record")
    assert "\n" not in str(error.value)
    assert not (tmp_path / "record").exists()


def test_what_can_be_published_is_and_the_rest_is_told(suite, checkout, capsys):
    REFUSED["weights"][0](suite / "runs" / NAME)
    record = checkout / "docs/results"
    assert publish.main(["--results", str(suite), "--record", str(record), "--root", str(checkout)]) == 1
    out, err = capsys.readouterr()
    assert out == "1 new\n" and "Not published:" in err and "model.safetensors is not what" in err
    assert [path.stem for path in record.glob("*/*.json")] == ["softmax-mnist5k-s1"]
    page = (checkout / "docs/results.md").read_text()
    assert "| 1 of 2 seeds; not recorded: s0 |" in page, "no mean over fewer seeds than the row has"


def test_a_changed_checkout_is_marked(suite, checkout):
    for seed in (0, 1):
        path = suite / f"runs/softmax-mnist5k-s{seed}/manifest.json"
        changed(path, lambda content: content.update(revision="ab" * 20 + "+"))
    record = checkout / "docs/results"
    assert publish.main(["--results", str(suite), "--record", str(record), "--root", str(checkout)]) == 0
    assert "revision abababa with changed files" in " ".join((checkout / "docs/results.md").read_text().split())


def test_a_result_that_disagrees_is_kept_beside_the_first_and_shown(suite, checkout):
    record = checkout / "docs/results"
    entry = elsewhere(entry_of(suite, NAME), top1=50.0)
    write_entry(entry, record)
    assert record_run(suite, NAME, record).startswith("DISAGREES")
    kept = read_entry(place(record, "tiny", NAME))
    ours = top1_of(entry_of(suite, NAME))
    assert [top1_of(kept, at) for at in (0, 1)] == [50.0, ours]
    assert record_run(suite, NAME, record) == "unchanged"
    page = pages.pages(record, checkout)["docs/results.md"].replace("\n  ", " ")
    cpu = kept["measurements"][1]["manifest"]["hardware"]["cpu"]
    assert (
        "‡ Softmax regression (1 epoch), seed 0: Top-1 chosen on validation 50.00 (Another CPU, 1 thread, revision"
        in page
    )
    assert f"and {ours:.2f} ({cpu}, 1 thread, revision" in page and "tolerance 1 point." in page


def test_a_result_that_agrees_takes_the_place_of_the_one_made_in_the_same_way_only(suite, checkout):
    record, entry = checkout / "docs/results", entry_of(suite, NAME)
    ours = top1_of(entry)
    cpu = entry["measurements"][0]["manifest"]["hardware"]["cpu"]
    write_entry(elsewhere(entry, ours + 0.5, cpu), record)
    assert record_run(suite, NAME, record) == "measured again, within the tolerance"
    assert [top1_of(read_entry(place(record, "tiny", NAME)), 0)] == [ours]
    both, what = merged(elsewhere(entry, ours + 0.5), entry)
    assert what.startswith("kept beside") and [top1_of(both, at) for at in (0, 1)] == [ours + 0.5, ours]
    write_entry(both, record)
    page = " ".join(pages.pages(record, checkout)["docs/results.md"].split())
    assert "‡ Softmax" not in page
    assert "1 run was also measured in another way or elsewhere: 1 within the tolerance, 0 not." in page
    third, what = merged(both, elsewhere(entry, 50.0))
    assert what.startswith("DISAGREES") and [top1_of(third, at) for at in range(3)] == [ours + 0.5, ours, 50.0]


def test_a_result_on_other_images_takes_no_place(suite):
    entry = entry_of(suite, NAME)
    other = json.loads(json.dumps(entry))
    other["measurements"][0]["manifest"]["data"]["sha256"] = "ab" * 32
    assert len(merged(other, entry)[0]["measurements"]) == 2


def test_numbers_of_other_passports_have_columns_of_their_own(tmp_path):
    record = shutil.copytree(recorded.RECORD, tmp_path / "record")
    path = record / "quick/gan-mnist5k-s0.json"
    path.write_text(re.sub(r'("weights_sha256": )"[0-9a-f]{64}"', rf'\1"{"ab" * 32}"', path.read_text()))
    page = pages.pages(record)["docs/results.md"]
    assert len(set(re.findall(r"FID in-domain ↓ indicative, passport ([0-9a-f]{8})", page))) == 2
    value = recorded.result_of(read_entry(path)).numbers[0].value
    assert re.search(rf"\| GAN \(.*\| {value:.2f} \|", page)


def test_an_entry_follows_the_seeds_of_its_row(suite):
    entry = entry_of(suite, NAME)
    assert merged(entry, entry) == (entry, "unchanged")
    grown = entry | {"seeds": [0, 1, 2]}
    assert merged(entry, grown) == (grown, "measured again, within the tolerance")


def test_an_empty_record_makes_pages_without_results(tmp_path, checkout):
    found = pages.pages(tmp_path / "nothing", checkout)
    assert "## Tolerances" in found["docs/results.md"] and "## `make run" not in found["docs/results.md"]


def test_results_of_another_description_are_replaced(suite):
    entry = entry_of(suite, NAME)
    old = json.loads(json.dumps(entry))
    old["description"]["recipe"]["epochs"] = 7
    assert merged(old, entry) == (entry, "replaces results of another description")


def test_what_the_suite_no_longer_has_is_named_and_kept(suite, tmp_path):
    from nets.record.publish import publish_suite

    publish_suite(suite, tmp_path / "record")
    (suite / "runs.txt").write_text(f"{NAME}\n")
    lines, refused = publish_suite(suite, tmp_path / "record")
    assert lines == ["1 unchanged", "1 in the record, but no longer in the suite; delete what is obsolete: "
                     "softmax-mnist5k-s1"] and not refused  # fmt: skip


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda entry: entry.update(comment="good"), "unknown key 'comment'"),
        (lambda entry: entry.pop("command"), "'command' is a required property"),
        (lambda entry: entry["description"].update(note="x"), "unknown key 'note'"),
        (lambda entry: entry["measurements"].clear(), "give 1 or more"),
        (lambda entry: entry["measurements"][0]["manifest"].update(host="node7"), "unknown key 'host'"),
        (lambda entry: entry["measurements"][0]["manifest"]["weights"]["last"].update(sha256="ab"), "64 hexadecimal"),
        (lambda entry: entry["measurements"][0]["metrics"][0]["metrics"].update(top1="97"), "give a number"),
        (lambda entry: entry.update(run="softmax-mnist5k-s7"), "name another run"),
    ],
)
def test_an_entry_that_breaks_the_schema_is_not_read(change, words, suite, tmp_path):
    path = place(tmp_path / "record", "tiny", NAME)
    write_entry(entry_of(suite, NAME), tmp_path / "record")
    changed(path, change)
    with pytest.raises(UserError, match=words):
        read_entry(path)
    with pytest.raises(UserError):
        pages.pages(tmp_path / "record")
    assert record_run(suite, NAME, tmp_path / "record").startswith("replaces an entry that can't be read")
    assert read_entry(path)


def test_all_fields_of_a_description_are_in_the_schema(run_of):
    assert entries.rules()["properties"]["description"]["properties"].keys() == vars(run_of("lenet5")).keys()
    required = entries.rules()["properties"]["description"]["required"]
    assert "pretrained" not in required and "recipe" in required, "a new field with a default leaves old entries valid"


def test_the_record_is_small_and_has_every_run_of_quick():
    found = entries.read_record(recorded.RECORD)
    assert sum(path.stat().st_size for path in recorded.RECORD.rglob("*.json")) < 12_000 * sum(map(len, found.values()))
    assert len(found["quick"]) > 50


def test_templates_have_no_measured_number_and_only_values_that_exist():
    for path in pages.TEMPLATES.glob("*.j2"):
        assert not re.search(r"\d+\.\d|\d [%s] |± \d", path.read_text().replace("95 % interval", "")), path
    record = pages.Record(recorded.RECORD, {})
    assert len(record.tolerances) == 5 and "| 0.1 | 1 |" in record.tolerances[0] + record.tolerances[1]
    assert re.fullmatch(r"[\d.]+( ± [\d.]+| \[.*\])? % \(\d+ seeds?\)", record.value("quick/lenet5-mnist5k"))
    with pytest.raises(UserError, match="The record has no quick/lenet6-mnist5k, which a page names"):
        record.value("quick/lenet6-mnist5k")


def test_a_published_value_and_its_verdict_are_beside_ours(suite, tmp_path, monkeypatch):
    from nets.suite.published import Published

    write_entry(entry_of(suite, NAME), tmp_path / "record")
    write_entry(entry_of(suite, NAME.replace("s0", "s1")), tmp_path / "record")
    value = Published(88.0, "LeCun et al. 1998", "", "")
    loss = Published(0.5, "Another paper", "", "")
    values = {("softmax", "mnist5k", "top1", "test"): [value], ("softmax", "mnist5k", "nll", "test"): [loss]}
    record = pages.Record(tmp_path / "record", values)
    (shown,) = record.tables(record.suites[0])
    rows = list(shown.lines())
    assert "| Published | Verdict |" in rows[0]
    assert re.search(r"\| 88\.00 \(LeCun et al\. 1998\) \| (within|below|above) \|", rows[2])
    assert record.beside("tiny/softmax-mnist5k")[0] == "88.00 (LeCun et al. 1998)"
    (other,) = shown.others[2:]
    assert re.search(r"\| NLL \(nats\) ↓ \| .*\| 0\.5000 \(Another paper\) \| (within|above|below) \|", other)
    assert other in pages.render("results.md.j2", record)


def test_fields_of_recorded_results_replace_like_those_of_others(suite):
    kept = recorded.result_of(entry_of(suite, NAME))
    assert dataclasses.replace(kept, task="generation").images == kept.images
