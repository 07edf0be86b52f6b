"""The page is complete and self-contained, and works in a real browser."""

import json
import re
import shutil
import subprocess
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from nets.jobs import collect, compare, draw, report, track
from nets.reporting.page import sections
from nets.reporting.page.details import extractor_details
from nets.reporting.page.page import page
from nets.reporting.results import load_results

LOADS = dict.fromkeys(("script", "img", "iframe", "source", "video"), "src") | {"link": "href", "object": "data"}


class Page(HTMLParser):
    """Collects ids, links, loaded addresses and images of a page."""

    def __init__(self):
        super().__init__()
        self.ids, self.links, self.loads, self.images, self.open = [], [], [], [], []

    def handle_starttag(self, tag, attributes):
        values = dict(attributes)
        self.ids += [values["id"]] if "id" in values else []
        self.links += [values["href"]] if tag == "a" else []
        self.loads += [values[LOADS[tag]]] if LOADS.get(tag) in values else []
        self.images += [values] if tag == "img" else []
        if tag not in ("meta", "img", "input", "br", "link"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


@pytest.fixture(scope="module")
def path(results):
    output = results / "report.html"
    arguments = ["--results", str(results), "--runs-from", str(results / "runs.txt"), "--output", str(output)]
    assert report.main(arguments) == 0
    return output


@pytest.fixture(scope="module")
def parsed(path):
    page = Page()
    page.feed(path.read_text())
    assert not page.open
    return page


def test_nothing_is_loaded_from_elsewhere(path, parsed):
    assert parsed.loads and all(load.startswith("data:") for load in parsed.loads)
    text = path.read_text()
    assert not re.search(r"@import|url\((?!['\"]?(data:|#))", text.split("<body", 1)[0])
    assert "default-src 'none'" in text


def test_of_a_long_table_only_the_first_models_have_pictures(results, path, monkeypatch):
    whole = path.read_text()
    monkeypatch.setattr(sections, "SHOWN", 1)
    short = page(results, results / "runs.txt", results)
    assert whole.count('<details class="model"') > short.count('<details class="model"') > 0
    assert "pictures of the other" not in whole
    assert re.search(r"The pictures of the other \d models are in the folders of their runs\.", short)
    assert whole.count('<details class="run"') == short.count('<details class="run"')


def test_internal_links_have_targets(results, parsed):
    assert len(parsed.ids) == len(set(parsed.ids))
    for link in parsed.links:
        if link.startswith("#"):
            assert link[1:] in parsed.ids
        else:
            assert (results / link).is_dir()


def test_every_row_links_to_its_runs(results, parsed):
    names = (results / "runs.txt").read_text().split()
    for name in names:
        assert f"run-{name}" in parsed.ids and f"runs/{name}/" in parsed.links
        if "extractor" not in name:
            assert parsed.links.count(f"#run-{name}") >= 1


def test_pictures_have_alternative_text(parsed):
    assert len(parsed.images) > 10
    assert all(image["alt"].strip() for image in parsed.images)


def test_holes_passports_and_licences_are_on_the_page(path):
    text = path.read_text()
    for words in ("diverged", "The training loss was not finite in epoch 3.", "--forcerun", "Passport", "indicative",
                  "CC BY-SA 3.0", "LeCun, Bottou", "ab" * 32, "4f2c9d1e8ab0", "higher is better"):  # fmt: skip
        assert words in text


def reported(folder, *names):
    """The page of the runs that lie in a suite's folder."""
    (folder / "runs.txt").write_text("\n".join(names))
    suite = ["--results", str(folder), "--runs-from", str(folder / "runs.txt")]
    assert compare.main(suite) == 0
    assert report.main([*suite, "--output", str(folder / "report.html")]) == 0
    return (folder / "report.html").read_text()


def test_no_holes_no_section(results, tmp_path):
    folder = tmp_path / "results/quick"
    shutil.copytree(results / "runs/lenet5-mnist5k-s0", folder / "runs/lenet5-mnist5k-s0")
    text = reported(folder, "lenet5-mnist5k-s0")
    assert 'id="holes"' not in text and 'id="fidelity"' not in text


def test_the_page_needs_the_tables_of_compare(results, tmp_path, capsys):
    shutil.copytree(results / "runs/lenet5-mnist5k-s0", tmp_path / "runs/lenet5-mnist5k-s0")
    (tmp_path / "runs.txt").write_text("lenet5-mnist5k-s0")
    suite = ["--results", str(tmp_path), "--runs-from", str(tmp_path / "runs.txt")]
    assert report.main([*suite, "--output", str(tmp_path / "report.html")]) == 1
    assert "classification-mnist5k.json is missing; run the stage that writes it first." in capsys.readouterr().err


def test_tables_and_figures_of_removed_runs_go_too(results, tmp_path):
    folder = shutil.copytree(results, tmp_path / "quick")
    reported(folder, "lenet5-mnist5k-s0")
    assert {path.name for path in (folder / "figures").iterdir()} == {"classification-mnist5k-learning.svg"}
    assert {path.stem for path in (folder / "tables").iterdir()} == {
        "findings",
        "overview",
        "classification-mnist5k",
        "classification-mnist5k-classes",
    }


def test_hostile_names_are_text(results, tmp_path):
    folder = tmp_path / "results/quick"
    shutil.copytree(results / "runs/lenet5-mnist5k-s0", folder / "runs/x-s0")
    config = json.loads((folder / "runs/x-s0/config.json").read_text())
    config["title"] = "<script>alert(1)</script>"
    (folder / "runs/x-s0/config.json").write_text(json.dumps(config))
    assert "<script>alert" not in reported(folder, "x-s0")


@pytest.mark.skipif(not shutil.which("chromium"), reason="needs chromium")
def test_sorting_filtering_and_links_in_a_browser(path, tmp_path):
    probe = """
      const out = {}, table = document.querySelector("[data-table=classification-mnist5k] table");
      const labels = () => [...table.tBodies[0].rows].filter((r) => !r.hidden).map((r) => r.cells[0].textContent);
      const header = [...table.tHead.rows[0].cells].find((c) => c.textContent.startsWith("Parameters"));
      out.first = labels();
      header.querySelector("button").click(); out.up = labels(); out.aria = header.ariaSort;
      header.querySelector("button").click(); out.down = labels();
      const input = table.closest("figure").querySelector("input[type=search]");
      input.value = "lenet"; input.dispatchEvent(new Event("input")); out.filtered = labels();
      location.hash = "#run-dcgan-mnist5k-s0";
      setTimeout(() => {
        out.opened = document.getElementById("run-dcgan-mnist5k-s0").open;
        document.body.replaceChildren(JSON.stringify(out));
      }, 300);
    """
    page = tmp_path / "probe.html"
    page.write_text(path.read_text().replace("</body>", f"<script>{probe}</script></body>"))
    flags = "headless no-sandbox disable-gpu disable-quic no-first-run disable-background-networking " \
        "disable-component-update disable-sync virtual-time-budget=3000 dump-dom"  # fmt: skip
    command = [
        "chromium",
        *(f"--{flag}" for flag in flags.split()),
        f"--user-data-dir={tmp_path / 'profile'}",
        page.as_uri(),
    ]
    text = subprocess.run(command, capture_output=True, text=True, timeout=60).stdout
    seen = json.loads(re.search(r"<body[^>]*>(\{.*\})", text)[1])
    assert seen["first"] == ["LeNet-5", "LeNet-5 (wide 2)", "Softmax regression", "MLP"]
    assert seen["up"] == ["Softmax regression", "LeNet-5", "LeNet-5 (wide 2)", "MLP"]
    assert seen["down"] == seen["up"][::-1] and seen["aria"] == "ascending"
    assert seen["filtered"] == ["LeNet-5 (wide 2)", "LeNet-5"]
    assert seen["opened"] is True


@pytest.mark.parametrize(("job", "arguments"), [
    (draw, ["--run-dir", "nowhere"]),
    (collect, ["--runs", "nowhere", "--output", "out.csv"]),
    (collect, ["--runs-from", "nowhere.txt", "--output", "out.csv"]),
    (compare, ["--results", ".", "--runs-from", "nowhere.txt"]),
    (report, ["--results", ".", "--runs-from", "nowhere.txt", "--output", "out.html"]),
    (track, ["--results", ".", "--runs-from", "nowhere.txt"]),
])  # fmt: skip
def test_a_missing_file_is_reported_in_one_sentence(job, arguments, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert job.main(arguments) == 1
    error = capsys.readouterr().err
    assert "nowhere" in error and error.count("\n") == 1
    assert not list(tmp_path.iterdir())


def test_a_description_of_another_version_is_reported_in_one_sentence(results, tmp_path, capsys):
    folder = shutil.copytree(results / "runs/lenet5-mnist5k-s0", tmp_path / "run")
    (folder / "config.json").write_text('{"name": "lenet5-mnist5k-s0"}')
    assert collect.main(["--runs", str(folder), "--output", str(tmp_path / "out.csv")]) == 1
    assert "results of another version of nets; delete it and train again" in capsys.readouterr().err


def test_broken_json_is_reported_in_one_sentence(results, tmp_path, capsys):
    shutil.copytree(results / "runs/lenet5-mnist5k-s0", tmp_path / "run")
    (tmp_path / "run/metrics.json").write_text("{")
    assert collect.main(["--runs", str(tmp_path / "run"), "--output", str(tmp_path / "out.csv")]) == 1
    assert "metrics.json can't be read as JSON" in capsys.readouterr().err


@pytest.fixture
def foreign(results, tmp_path):
    """A copy of the results, in which somebody may have put anything, and a secret outside of it."""
    (tmp_path / "secret").write_text("the secret")
    shutil.copytree(results, tmp_path / "results/quick")
    return tmp_path / "results/quick"


def status_of(folder, job=report):
    words = ["--results", str(folder), "--runs-from", str(folder / "runs.txt")]
    return job.main([*words, *(["--output", str(folder / "report.html")] if job is not compare else [])])


@pytest.mark.parametrize(
    "link",
    [
        "runs/lenet5-mnist5k-s0/figures/confusion.svg",
        "runs/lenet5-mnist5k-s0/timing.json",
        "runs/lenet5-mnist5k-s0/figures",
        "runs/more",
        "tables/classification-mnist5k.html",
        "figures/learning.svg",
    ],
)
@pytest.mark.parametrize("job", [report, compare, collect])
def test_a_link_out_of_the_results_puts_nothing_into_the_report(foreign, capsys, link, job):
    path, secret = foreign / link, foreign.parents[1] / "secret"
    if path.is_dir():
        shutil.rmtree(path)
    path.unlink(missing_ok=True)
    path.symlink_to(secret if path.suffix else secret.parent)
    (foreign / "report.html").unlink(missing_ok=True)
    assert status_of(foreign, job) == 1
    assert f"{link} is a link out of {foreign}" in capsys.readouterr().err and not (foreign / "report.html").exists()
    assert secret.read_text() == "the secret"


@pytest.mark.parametrize(("key", "value"), [("dataset", "x/../../OUT"), ("dataset", "../../OUT"), ("name", "/OUT")])
def test_a_name_in_a_description_is_no_path(foreign, capsys, key, value):
    for path in foreign.glob("runs/*/config.json"):
        path.write_text(json.dumps(json.loads(path.read_text()) | {key: value}))
    assert status_of(foreign, compare) == 1
    assert f"The {key} of a run is '{value}', which is not a name" in capsys.readouterr().err
    assert not list(foreign.parents[1].rglob("OUT*"))


@pytest.mark.parametrize("name", ["../../../elsewhere", "/elsewhere"])
def test_the_list_of_runs_names_runs(foreign, capsys, name):
    (foreign / "runs.txt").write_text(f"{name}\n")
    assert status_of(foreign) == 1
    assert f"is '{name}', which is not a name" in capsys.readouterr().err


def test_the_page_takes_no_page_from_a_folder(foreign):
    html = foreign / "tables/classification-mnist5k.html"
    table = html.read_text()
    html.write_text("<script>alert(1)</script>")
    assert status_of(foreign) == 0
    page = (foreign / "report.html").read_text()
    assert table in page and "<script>alert" not in page


def test_an_extractor_is_shown_with_the_accuracy_of_the_weights_that_are_used(results):
    (extractor,) = [r for r in load_results(results, results / "runs.txt") if r.run.purpose == "extractor"]
    numbers = {number.metric: number.value for number in extractor.numbers}
    shown = extractor_details(extractor)
    assert (
        shown["headline"]
        == f"Top-1 chosen on validation {numbers['top1_best']:.2f} %"
        != f"Top-1 {numbers['top1']:.2f} %"
    )
    assert shown["weights"] == extractor.manifest["weights"]["best"]
    manifest = extractor.manifest | {"weights": {"last": extractor.manifest["weights"]["last"]}}
    shown = extractor_details(replace(extractor, manifest=manifest))
    assert shown["headline"] == f"Top-1 {numbers['top1']:.2f} %"
    assert shown["weights"] == manifest["weights"]["last"]
