"""The report is complete and self-contained, and works in a real browser."""

import html
import json
import re
import shutil
import subprocess
from dataclasses import replace
from html.parser import HTMLParser
from urllib.parse import unquote

import numpy as np
import pytest
import scipy.stats
from PIL import Image

from nets.jobs import collect, compare, draw, report, track
from nets.reporting.measures import Number
from nets.reporting.page import comparison, pictures
from nets.reporting.page.runs import extractor_details, number_row
from nets.reporting.results import load_results
from nets.reporting.tables.table import Cell, Column, Row, Table
from nets.suite.keys import stage_source
from tests.reporting.pages import all_pages, text_of, written

LOADS = dict.fromkeys(("script", "img", "iframe", "source", "video"), "src") | {"link": "href", "object": "data"}


class Page(HTMLParser):
    """Collects ids, links, loaded addresses and images of a page."""

    def __init__(self, path):
        super().__init__()
        self.path = path
        self.ids, self.links, self.loads, self.images, self.open = [], [], [], [], []
        self.feed(path.read_text())
        assert not self.open

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
    return written(results)


@pytest.fixture(scope="module")
def parsed(path):
    return [Page(each) for each in all_pages(path)]


def target(page, link):
    """The file and the id that a link leads to."""
    address, _, mark = link.partition("#")
    return (page.path.parent / unquote(address)).resolve() if address else page.path, mark


def test_there_is_a_page_for_everything(results, path):
    found = {each.name for each in all_pages(path)}
    names = (results / "runs.txt").read_text().split()
    wanted = {"report.html", "runs.html", "models.html", "compare.html", "holes.html", "glossary.html", "data.html"}
    wanted |= {f"run-{name}.html" for name in names} | {f"model-{name.partition('-')[0]}.html" for name in names}
    wanted |= {f"{path.stem}.html" for path in (results / "tables").glob("*-mnist5k.csv") if "stab" not in path.stem}
    assert wanted <= found


def test_nothing_is_loaded_from_elsewhere(parsed):
    """Every file that a page loads is in the report's own folder, so that it can be sent on."""
    for page in parsed:
        folder = page.path.with_suffix("") if page.path.name == "report.html" else page.path.parent
        for load in page.loads:
            assert load.startswith("data:") or target(page, load)[0].is_relative_to(folder.resolve()), load
            assert load.startswith("data:") or target(page, load)[0].is_file(), load
        assert "default-src 'none'" in page.path.read_text()
    assets = [p for p in parsed[0].path.with_suffix("").rglob("*") if p.suffix in (".js", ".css")]
    assert assets and not any(re.search(r"https?://(?!www\.w3\.org)", each.read_text()) for each in assets
                              if "uPlot" not in each.name and each.parent.name == "assets")  # fmt: skip


def test_pages_run_no_script_of_their_own(parsed):
    """The policy of the pages forbids scripts inside them, so whatever a name holds, it does not run."""
    for page in parsed:
        text = page.path.read_text()
        assert "script-src 'self' file:\"" in text and not re.search(r"<script(?! src=)", text)
        assert not re.search(r"<[^>]+ on\w+=", text)


def test_links_have_targets(parsed):
    ids = {page.path.resolve(): set(page.ids) for page in parsed}
    for page in parsed:
        assert len(page.ids) == len(set(page.ids))
        for link in page.links:
            file, mark = target(page, link)
            assert file.exists(), f"{page.path.name}: {link}"
            if mark and "=" not in mark:
                assert mark in ids[file.resolve()], f"{page.path.name}: {link}"


def test_every_run_is_two_links_from_the_overview(results, parsed):
    """From the overview to a table, from its row to the run, and from there to the folder."""
    by_name = {page.path.name: page for page in parsed}
    tables = [by_name[target(parsed[0], link)[0].name] for link in parsed[0].links if "mnist5k.html" in link]
    for name in (results / "runs.txt").read_text().split():
        assert any(link.endswith(f"{name}/") for link in by_name[f"run-{name}.html"].links)
        if "extractor" not in name and "polynomials" not in name:
            assert any(f"run-{name}.html" in table.links for table in tables), name


def test_pictures_have_alternative_text(parsed):
    images = [image for page in parsed for image in page.images]
    assert len(images) > 10
    assert all(image["alt"].strip() for image in images)


def test_holes_passports_and_licences_are_on_the_pages(path):
    text = text_of(path)
    for words in ("diverged", "The training loss was not finite in epoch 3.", "--forcerun", "Passport", "indicative",
                  "CC BY-SA 3.0", "LeCun, Bottou", "ab" * 32, "4f2c9d1e8ab0", "higher is better"):  # fmt: skip
        assert words in text
    hole = (path.with_suffix("") / "run-mlp-mnist5k-s1.html").read_text()
    assert "The training loss was not finite in epoch 3." in hole and "--forcerun" in hole


def test_the_overview_has_the_findings_and_what_was_run(results, path):
    text = html.unescape(re.sub(r"<[^>]+>", "", path.read_text()))
    findings = json.loads((results / "tables/findings.json").read_text())["findings"]
    assert findings and all(each["sentence"].split(": ", 1)[-1][1:] in text for each in findings)
    assert "31 January 2026, 12:00 to 12:02 UTC" in text and "Invented CPU @ 2.1 GHz, 2 cores, 1 thread a run" in text
    assert "runs of 10 rows, with 2 holes" in text and "no meter could be read" in text


def test_a_runs_page_says_what_it_rests_on(results, tmp_path):
    folder = shutil.copytree(results, tmp_path / "quick")
    run = folder / "runs/lenet5-mnist5k-wide_2-s0"
    config = json.loads((run / "config.json").read_text())
    config["overridden"] = {"epochs": 10, "options.samples": None}
    config["row"]["overrides"] = "epochs=20 options.samples=<b>"
    (run / "config.json").write_text(json.dumps(config))
    (run / "logs").mkdir()
    (run / "logs/train.log").write_text("".join(f"line {n}\n" for n in range(100)))
    text = (written(folder).with_suffix("") / f"run-{run.name}.html").read_text()
    assert re.search(r"<code>epochs</code></th><td>10</td><td>20</td>", text)
    assert re.search(r"<code>options.samples</code></th><td>not set</td><td>&lt;b&gt;</td>", text)
    assert "line 99" in text and "line 85\n" in text and "line 84\n" not in text
    assert f"rm -r results/quick/runs/{run.name}" in text and "make run SUITE=quick" in text


def test_a_runs_page_has_its_numbers_in_full(results, path):
    numbers = json.loads((results / "runs/dcgan-mnist5k-s0/metrics.json").read_text())["metrics"]
    text = (path.with_suffix("") / "run-dcgan-mnist5k-s0.html").read_text()
    measured = [number["value"] for number in numbers if number["value"] is not None]
    assert measured and all(f'<td class="muted">{value}</td>' in text for value in measured)
    assert "Not measured: FID Inception. The weights of Inception v3 could not be had without a network." in text


def test_a_gallery_says_that_a_long_table_has_more_pictures(results, path, tmp_path, monkeypatch):
    words = "Of 2 rows, the first 1 are here; pictures of the others are on the pages of their models."
    assert words not in (path.with_suffix("") / "reconstruction-mnist5k.html").read_text()
    monkeypatch.setattr(comparison, "GALLERY", 1)
    folder = shutil.copytree(results, tmp_path / "quick", ignore=shutil.ignore_patterns("report*"))
    pages = written(folder).with_suffix("")
    text = (pages / "reconstruction-mnist5k.html").read_text()
    assert words in text and text.count('alt="Reconstructions of') == 1
    assert 'alt="Reconstructions of Linear' in (pages / "model-linear_autoencoder.html").read_text()


def test_what_a_network_made_is_shown_for_each_epoch(results, path):
    text = (path.with_suffix("") / "run-dcgan-mnist5k-s0.html").read_text()
    assert re.findall(r"<li>epoch (\d+)</li>", text) == ["1", "2", "4", "7", "10", "13", "16", "20"]
    image = Image.open(path.with_suffix("") / "pictures/runs/dcgan-mnist5k-s0/frames.webp")
    assert image.size == (12 * 31 - 3, 8 * 31 - 3)
    frames = np.load(results / "runs/dcgan-mnist5k-s0/snapshots.npz")["images"]
    seen = np.array(image.convert("L"))[3 * 31 : 3 * 31 + 28, 2 * 31 : 2 * 31 + 28]
    assert (seen == frames[3, 2, 0]).all()


def test_pictures_of_one_seed_are_shown_and_those_of_others_linked(results, path):
    first, second = (Page(path.with_suffix("") / f"run-lenet5-mnist5k-s{seed}.html") for seed in (0, 1))
    assert len(first.images) > 0 == len(second.images)
    assert "../runs/lenet5-mnist5k-s1/figures/worst.png" in second.links
    assert not any("/figures/" in link for link in first.links)
    assert len(Page(path.with_suffix("") / "run-mlp-mnist5k-s0.html").images) > 0


def test_pictures_lose_nothing(results, path):
    before = Image.open(results / "runs/dcgan-mnist5k-s0/figures/samples.png").convert("RGBA")
    after = Image.open(path.with_suffix("") / "pictures/runs/dcgan-mnist5k-s0/samples.webp").convert("RGBA")
    seen = np.array(before)[..., 3] > 0
    assert (np.array(before)[seen] == np.array(after)[seen]).all()


def test_pictures_of_a_large_suite_stay_where_they_are(results, tmp_path, monkeypatch):
    folder = shutil.copytree(results, tmp_path / "quick", ignore=shutil.ignore_patterns("report*"))
    monkeypatch.setattr(pictures, "MOST_RUNS", 3)
    entry = written(folder)
    page = Page(entry.with_suffix("") / "run-dcgan-mnist5k-s0.html")
    sources = [image["src"] for image in page.images]
    assert "../runs/dcgan-mnist5k-s0/figures/evolution.gif" in sources
    assert not (entry.with_suffix("") / "pictures/runs").exists()
    assert all(target(page, source)[0].is_file() for source in sources)


def test_images_that_one_classifier_answers_right_and_another_wrong(results, tmp_path):
    folder = tmp_path / "results/quick"
    shutil.copytree(results, folder, ignore=shutil.ignore_patterns("report*"))
    test = folder.parent / "data/mnist5k/test"
    test.mkdir(parents=True)
    images = np.random.default_rng(1).integers(0, 256, (1000, 1, 28, 28), np.uint8)
    np.save(test / "images.npy", images)
    parts = written(folder).with_suffix("")
    kept = taken(parts / "data/classification-mnist5k.js")["images"]
    answers = {name: load_results(folder, folder / "runs.txt") for name in ["all"]}["all"]
    right = np.array(
        [r.right[1] for r in answers if r.task == "classification" and r.right and r.run.purpose != "extractor"]
    )
    (differing,) = np.nonzero(right.any(axis=0) & ~right.all(axis=0))
    assert kept["places"] == differing.tolist() and kept["differing"] == len(differing) > 10
    sheet = np.array(Image.open(parts / kept["file"]).convert("L"))
    for place in (0, 19, 20, len(differing) - 1):
        row, column = divmod(place, kept["columns"])
        assert (sheet[28 * row : 28 * row + 28, 28 * column : 28 * column + 28] == images[differing[place], 0]).all()
    run = taken(parts / "data/run-softmax-mnist5k-s0.js")
    assert run["right"][1].count("1") == right[0].sum()


def test_each_pair_of_rows_is_tested(results, path):
    content = taken(path.with_suffix("") / "data/classification-mnist5k.js")
    test, n, difference, p = content["tests"]["lenet5-mnist5k softmax-mnist5k"]
    ours, theirs = (content["rows"][row]["cells"]["top1"][2] for row in ("lenet5-mnist5k", "softmax-mnist5k"))
    found = scipy.stats.ttest_rel(list(theirs.values()), list(ours.values()))
    assert (test, n) == ("paired t", 3)
    assert p == pytest.approx(found.pvalue, rel=1e-5)
    assert difference == pytest.approx(np.mean(list(theirs.values())) - np.mean(list(ours.values())), rel=1e-5)


def test_seeds_of_a_row_with_a_hole_keep_their_numbers(results, path):
    content = taken(path.with_suffix("") / "data/classification-mnist5k.js")
    text, mean, seeds = content["rows"]["mlp-mnist5k"]["cells"]["top1"]
    runs = {r.run.seed: r for r in load_results(results, results / "runs.txt") if r.run.model == "mlp"}
    assert mean is None and set(seeds) == {"0", "2"}
    assert seeds["2"] == next(number.value for number in runs[2].numbers if number.metric == "top1")
    assert content["rows"]["mlp-mnist5k"]["cells"]["parameters"][2] == {}


def taken(script):
    """What a script hands to a page."""
    kind, content = re.fullmatch(r'nets\.take\("(\w+)",(.*)\);\n', script.read_text(), re.DOTALL).groups()
    return json.loads(content)


def reported(folder, *names):
    """The text of the pages of the runs that lie in a suite's folder."""
    (folder / "runs.txt").write_text("\n".join(names))
    suite = ["--results", str(folder), "--runs-from", str(folder / "runs.txt")]
    assert compare.main(suite) == 0
    return text_of(written(folder))


def test_no_holes_no_page_of_holes(results, tmp_path):
    folder = tmp_path / "results/quick"
    shutil.copytree(results / "runs/lenet5-mnist5k-s0", folder / "runs/lenet5-mnist5k-s0")
    assert "no holes" in reported(folder, "lenet5-mnist5k-s0")
    assert not (folder / "report/holes.html").exists() and not (folder / "report/fidelity.html").exists()


def test_the_report_needs_the_tables_of_compare_and_leaves_the_old_one(results, tmp_path, capsys):
    folder = tmp_path / "quick"
    shutil.copytree(results / "runs/lenet5-mnist5k-s0", folder / "runs/lenet5-mnist5k-s0")
    reported(folder, "lenet5-mnist5k-s0")
    before = text_of(folder / "report.html")
    (folder / "tables/classification-mnist5k.json").unlink()
    suite = ["--results", str(folder), "--runs-from", str(folder / "runs.txt")]
    assert report.main([*suite, "--output", str(folder / "report.html")]) == 1
    assert "classification-mnist5k.json is missing; run the stage that writes it first." in capsys.readouterr().err
    assert text_of(folder / "report.html") == before
    assert not list(folder.glob(".*"))  # of the report that could not be written


def test_pages_and_figures_of_removed_runs_go_too(results, tmp_path):
    folder = shutil.copytree(results, tmp_path / "quick")
    reported(folder, "lenet5-mnist5k-s0")
    assert {path.stem for path in (folder / "figures").iterdir()} == {"classification-mnist5k-learning"}
    assert {path.stem for path in (folder / "tables").iterdir()} == {
        "findings",
        "overview",
        "classification-mnist5k",
        "classification-mnist5k-classes",
    }
    assert not any("dcgan" in path.name for path in (folder / "report").rglob("*"))


def test_hostile_names_are_text(results, tmp_path):
    folder = tmp_path / "results/quick"
    shutil.copytree(results / "runs/lenet5-mnist5k-s0", folder / "runs/x-s0")
    config = json.loads((folder / "runs/x-s0/config.json").read_text())
    config["title"] = "<script>alert(1)</script>'\""
    (folder / "runs/x-s0/config.json").write_text(json.dumps(config))
    assert "<script>alert" not in reported(folder, "x-s0")


def test_an_edit_of_a_template_or_a_script_makes_the_report_anew():
    files = stage_source("report").files
    for name in ("layout.html.j2", "assets/charts.js", "assets/report.css", "assets/uPlot.iife.min.js"):
        assert f"nets/reporting/page/templates/{name}" in files


needs_chromium = pytest.mark.skipif(not shutil.which("chromium"), reason="needs chromium")


def asked(page, probe, tmp_path):
    """What a probe (the body of an async function) finds in a page, in a browser that shows it."""
    copy = page.with_name(f"probe-{page.name}")
    script = page.parent / ("report" if page.name == "report.html" else "") / "probe.js"
    script.write_text(
        "addEventListener('error', (e) => { document.title = 'ERROR ' + e.message; });"
        f"(async () => {{ {probe} }})().then((out) => document.body.replaceChildren("
        "'[[' + encodeURIComponent(JSON.stringify({ title: document.title, ...out })) + ']]'));"
    )
    text = page.read_text().replace(
        "<script src", f'<script src="{script.relative_to(page.parent)}" defer></script><script src', 1
    )
    copy.write_text(text)
    flags = "headless no-sandbox disable-gpu disable-quic no-first-run disable-background-networking " \
        "disable-component-update disable-sync virtual-time-budget=8000 window-size=1200,900 dump-dom"  # fmt: skip
    command = ["chromium", *(f"--{flag}" for flag in flags.split()), f"--user-data-dir={tmp_path / 'profile'}"]
    try:
        seen = subprocess.run([*command, copy.as_uri()], capture_output=True, text=True, timeout=60).stdout
    finally:
        copy.unlink()
        script.unlink()
    out = json.loads(unquote(re.search(r"\[\[(.*?)\]\]", seen)[1]))
    assert not out["title"].startswith("ERROR"), out["title"]
    return out


WAIT = """
  const pause = (time) => new Promise((done) => setTimeout(done, time));
  const until = async (found) => { for (let i = 0; i < 100 && !found(); i++) await pause(50); };
"""


@needs_chromium
def test_sorting_filtering_and_their_address_in_a_browser(path, tmp_path):
    seen = asked(
        path.with_suffix("") / "classification-mnist5k.html",
        WAIT
        + """
      await until(() => document.querySelector("[data-table] button"));
      const out = {}, table = document.querySelector("[data-table=classification-mnist5k] table");
      const labels = () => [...table.tBodies[0].rows].map((r) => r.cells[0].textContent.trim());
      const header = [...table.tHead.rows[0].cells].find((c) => c.textContent.startsWith("Parameters"));
      out.first = labels();
      header.querySelector("button").click(); out.up = labels(); out.aria = header.ariaSort;
      header.querySelector("button").click(); out.down = labels();
      const input = table.closest("figure").querySelector("input[type=search]");
      input.value = "lenet"; input.dispatchEvent(new Event("input")); out.filtered = labels();
      out.hash = location.hash;
      location.hash = "#filter=mlp";
      await until(() => labels().length === 1);
      out.linked = labels(); out.typed = input.value;
      return out;
    """,
        tmp_path,
    )
    assert seen["first"] == ["LeNet-5", "LeNet-5 (wide 2)", "Softmax regression", "MLP"]
    assert seen["up"] == ["Softmax regression", "LeNet-5", "LeNet-5 (wide 2)", "MLP"]
    assert seen["down"] == seen["up"][::-1] and seen["aria"] == "ascending"
    assert seen["filtered"] == ["LeNet-5 (wide 2)", "LeNet-5"]
    assert re.fullmatch(r"#sort=\d+-down&filter=lenet", seen["hash"])
    assert seen["linked"] == ["MLP"] and seen["typed"] == "mlp"


@needs_chromium
def test_ticked_rows_lead_to_a_comparison(path, tmp_path):
    seen = asked(
        path.with_suffix("") / "classification-mnist5k.html",
        WAIT
        + """
      await until(() => document.querySelector(".tick"));
      document.querySelectorAll("[data-table=classification-mnist5k] .tick")[0].click();
      document.querySelectorAll("[data-table=classification-mnist5k] .tick")[2].click();
      const charts = () => document.querySelectorAll(".uplot").length;
      await until(() => charts() === 2);
      return { link: document.querySelector(".bar .go").getAttribute("href"), charts: charts() };
    """,
        tmp_path,
    )
    assert seen["link"] == "compare.html#rows=lenet5-mnist5k,softmax-mnist5k"
    assert seen["charts"] == 2  # learning curves, and quality against cost


@needs_chromium
def test_rows_are_compared_in_a_browser(path, tmp_path):
    seen = asked(
        path.with_suffix("") / "compare.html",
        WAIT
        + """
      location.hash = "#rows=lenet5-mnist5k,softmax-mnist5k";
      await until(() => document.querySelector(".uplot"));
      return { text: document.querySelector("#compare").innerText };
    """,
        tmp_path,
    )
    text = " ".join(seen["text"].split())
    assert (
        re.search(r"Softmax regression against LeNet-5: told apart: Top-1[\w ]* −\d", text)
        and "(paired t, 3 seeds)" in text
    )
    assert "nets.models.lenet5.Net nets.models.softmax.Net" in text  # a setting that differs
    assert "recipe.epochs" not in text  # one that does not


@needs_chromium
def test_of_a_long_table_only_rows_in_sight_are_in_the_document(results, tmp_path, monkeypatch):
    monkeypatch.setattr(comparison, "AT_ONCE", 2)
    folder = shutil.copytree(results, tmp_path / "quick", ignore=shutil.ignore_patterns("report*"))
    entry = written(folder)
    page = entry.with_suffix("") / "classification-mnist5k.html"
    assert page.read_text().count('<template class="rest">') == 2  # of the models, and class by class
    many = re.sub(
        r"(<template class=\"rest\">\s*)(<tr.*?</tr>)", lambda m: m[1] + m[2] * 2000, page.read_text(), flags=re.DOTALL
    )
    page.write_text(many)
    seen = asked(
        page,
        WAIT
        + """
      await until(() => document.querySelector(".long"));
      const table = document.querySelector("[data-table=classification-mnist5k] table");
      const rows = () => table.tBodies[0].rows.length;
      const out = { first: rows(), all: table.getAttribute("aria-rowcount") };
      const scroll = document.querySelector(".long .scroll");
      scroll.scrollTop = scroll.scrollHeight;
      await pause(300);
      out.last = table.tBodies[0].textContent.includes("MLP");
      out.then = rows();
      return out;
    """,
        tmp_path,
    )
    assert seen["first"] < 100 and seen["then"] < 100 and int(seen["all"]) > 2000 and seen["last"]


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
    html.write_text("<script>alert(1)</script>")
    assert status_of(foreign) == 0
    assert "<script>alert" not in text_of(foreign / "report.html")


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


def test_a_models_page_has_its_layers(results, tmp_path):
    folder = shutil.copytree(results, tmp_path / "quick", ignore=shutil.ignore_patterns("report*"))
    sizes = {"c1": [6, 28, 28], "s2": [6, 14, 14], "c3": [16, 14, 14], "output": [10]}
    rows = [
        {"name": name, "kind": "Conv2d", "shape": shape, "parameters": 1500, "macs": 10, "reach": reach}
        for (name, shape), reach in zip(sizes.items(), (5, 6, 28, None), strict=True)
    ]
    (folder / "runs/lenet5-mnist5k-s0/layers.json").write_text(json.dumps({"networks": {"classifier": rows}}))
    text = (written(folder).with_suffix("") / "model-lenet5.html").read_text()
    assert re.findall(r'<span class="words"><strong>(.*?)</strong><br>(.*?)<br>.*?>([\d.]+ k?) parameters', text) == [
        ("28 × 28 × 6", "1 Conv2d", "1.5 k"),
        ("14 × 14 × 16", "2 Conv2d", "3 k"),
        ("10", "1 Conv2d", "1.5 k"),
    ]
    assert re.findall(r"<td>(5 × 5|6 × 6|all pixels|)</td></tr>", text) == ["5 × 5", "6 × 6", "all pixels", ""]


def test_a_generator_stands_between_real_images_and_noise():
    column = Column("fid", "FID", headline=True, direction="lower")
    scale = [Row("real", [], {"fid": Cell("2", 2.0)}), Row("noise", [], {"fid": Cell("200", 200.0)})]
    rows = [Row(str(value), [], {"fid": Cell(str(value), value)}) for value in (1.0, 2.0, 20.0, 200.0, 300.0)]
    table = Table("generation-mnist5k", "Generation", [column], rows, scale=scale)
    assert [comparison.place(table, row) for row in rows] == pytest.approx([0, 0, 0.5, 1, 1])
    column.unusable = "Noise is no worse."
    assert comparison.place(table, rows[2]) is None


def test_a_task_over_data_sets_has_a_page(invent, tmp_path):
    write_results, spec = invent
    qualities = {"softmax": (89, 71), "mlp": (94, 82), "lenet5": (97, 90)}
    suite = [
        spec(model, model.upper(), "classification", quality[place], dataset)
        for model, quality in qualities.items()
        for place, dataset in enumerate(("mnist5k", "polynomials"))
    ]
    folder = tmp_path / "results/quick"
    names = write_results(folder, suite)
    reported(folder, *names)
    page = Page(folder / "report/across-classification.html")
    assert "Bars" not in page.path.read_text() and "Nemenyi" in page.path.read_text()
    assert [image["src"] for image in page.images] == ["pictures/figures/across-classification.svg"]
    overview = Page(folder / "report.html")
    assert overview.links.count("report/across-classification.html") == 2  # in the contents, and with its finding
    assert all(target(overview, link)[0].exists() for link in overview.links)


def test_numbers_of_the_last_epoch_are_not_taken_for_those_of_the_chosen_weights():
    numbers = [Number("test", metric, 0.1, "lower") for metric in ("nll", "nll_best", "ece")]
    labels = [number_row(each, {number.metric for number in numbers})["label"] for each in numbers]
    assert labels == ["NLL last epoch", "NLL chosen on validation", "ECE"]
