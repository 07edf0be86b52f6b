"""docs/benchmarks.md, .json and .svg: what `make bench` has measured."""

import json
import textwrap
from typing import Any

from benchmarks.measuring import ROOT, Findings, figure

JSON, PAGE, DRAWING = (ROOT / f"docs/benchmarks{ending}" for ending in (".json", ".md", ".svg"))
INTRODUCTION = """\
# Benchmarks

`make bench` measures the project's speed and writes this page; don't edit it. Two sides take turns in one run. A ratio
is the CPU time of the other side divided by ours: above 1, ours costs less. It is the median of the rounds. Beside it
are the least and the largest of a round, and the median by the clock instead of the CPU. CPU time is the user and
system time of a process and its children. Other processes on the machine disturb it less than the time on the clock,
but they still take its caches and its clock rate. Every process has one thread.

"""
TOGETHER = """\
## Tried and left out: seeds trained together

Several seeds of a row could learn in one process, with stacked weights, under `torch.func.vmap`. This was tried with
LeNet-5, the MLP, the autoencoder and DCGAN in the batch sizes of `quick`, for three and for five seeds, on two cores
that other processes used too. It would have had to gain 1.5 times for all four, and gained nothing:

| | on one thread, against one seed after another (CPU) | on two threads, against two processes (clock) |
|---|---:|---:|
| MLP | 0.94, 1.01 | 0.86, 0.77 |
| LeNet-5 | 0.59, 0.68 | 0.74, 0.49 |
| autoencoder | 0.94, 1.02 | 0.94, 0.88 |
| DCGAN | 0.93, 0.90 | 0.78, 0.89 |

The first number is for three seeds, the second for five; above 1, stacked weights are faster. Stacked convolutions
become grouped convolutions, which are slower. In the dense networks the time goes into matrix products and optimizers,
which cost the same in a stack.
"""


Content = dict[str, Any]  # of docs/benchmarks.json: `machine`, and by name `benchmarks`


def committed() -> Content:
    """What was measured before; nothing if there is no file."""
    if not JSON.exists():
        return {"machine": None, "benchmarks": {}}
    return json.loads(JSON.read_text(encoding="utf-8"))


def ratios(content: Content) -> dict[str, float]:
    """All ratios, by name of the comparison."""
    parts = content["benchmarks"].values()
    return {name: summary["ratio"] for part in parts for name, summary in part["comparisons"].items()}


def part(found: Findings, when: dict[str, Any]) -> dict[str, Any]:
    """What the file keeps of one benchmark."""
    return {
        "when": when,
        "other": found.other,
        "skipped": found.skipped,
        "comparisons": {comparison.name: comparison.summary() for comparison in found.comparisons},
        "curves": [
            {
                **{"title": curves.title, "x": curves.x, "y": curves.y},
                "lines": {label: [[x, figure(y)] for x, y in line.items()] for label, line in curves.lines.items()},
            }
            for curves in found.curves
        ],
    }


def write(content: Content, texts: dict[str, str]) -> None:
    """Write all three files; `texts` are the docstrings of all benchmarks, by name and in order."""
    JSON.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    PAGE.write_text(render(content, texts), encoding="utf-8")
    draw([curves for each in content["benchmarks"].values() for curves in each["curves"]])


def render(content: Content, texts: dict[str, str]) -> str:
    """The page."""
    machine = content["machine"]
    versions = ", ".join(f"{name} {version}" for name, version in machine["packages"].items())
    text = f"The machine: {machine['cpu']}, {machine['cores']} cores, {machine['system']}; {versions}."
    sections = [section(name, text, content["benchmarks"].get(name)) for name, text in texts.items()]
    return "\n".join([INTRODUCTION.rstrip(), "", wrapped(text), "", *sections, TOGETHER])


def section(name: str, text: str, kept: dict[str, Any] | None) -> str:
    """The part of the page on one benchmark: its text, its table, its drawing."""
    lines = [f"## {name}", "", text.strip(), ""]
    if kept is None:
        return "\n".join([*lines, f"Not measured yet: `make bench ONLY={name}`.", ""])
    if kept["skipped"]:
        lines += [kept["skipped"], ""]
    if kept["comparisons"]:
        lines += [
            f"| | ours, s (least, median) | {kept['other']}, s (least, median) | ratio | of a round | by the clock |",
            "|---|---:|---:|---:|---:|---:|",
            *(row(title, summary) for title, summary in kept["comparisons"].items()),
            "",
        ]
    if kept["curves"]:
        lines += [f"![{', '.join(curves['title'] for curves in kept['curves'])}]({DRAWING.name})", ""]
    when = kept["when"]
    text = (
        f"Measured on {when['date']} at revision {when['revision']}, when {when['load']:g} processes wanted the cores."
    )
    return "\n".join([*lines, wrapped(text), ""])


def wrapped(text: str) -> str:
    """A paragraph in lines of up to 120 characters."""
    return textwrap.fill(text, 120, break_long_words=False, break_on_hyphens=False)


def row(name: str, summary: dict[str, Any]) -> str:
    """A line of a table."""
    ours, other = (", ".join(f"{value:g}" for value in summary[side]) for side in ("ours", "other"))
    between = " to ".join(f"{value:.2f}" for value in summary["spread"]) if summary["rounds"] > 1 else "one round"
    ratio = f"**{summary['ratio']:.2f}**"
    return f"| {name.partition(': ')[2]} | {ours} | {other} | {ratio} | {between} | {summary['clock']:.2f} |"


def draw(drawings: list[dict[str, Any]]) -> None:
    """All curves in one SVG."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    settings = {"svg.hashsalt": "nets", "svg.fonttype": "none", "font.size": 8, "font.family": "sans-serif"}
    columns = 3
    with plt.rc_context(settings):
        rows = -(-len(drawings) // columns) or 1
        drawn, axes = plt.subplots(rows, columns, figsize=(10, 3 * rows), squeeze=False, layout="constrained")
        for place, curves in zip(axes.flat, drawings, strict=False):
            for label, line in curves["lines"].items():
                place.plot(*zip(*line, strict=True), marker="o", markersize=3, label=label)
            ticks = sorted({x for line in curves["lines"].values() for x, _ in line})
            place.set(title=curves["title"], xlabel=curves["x"], ylabel=curves["y"], xscale="log", yscale="log")
            place.set_xticks(ticks, [f"{x:,g}" for x in ticks], minor=False)
            place.set_xticks([], minor=True)
            place.yaxis.set_major_formatter(lambda value, _: f"{value:,g}")
            place.yaxis.set_minor_formatter(lambda value, _: "")
            place.grid(alpha=0.3)
            place.legend(frameon=False)
        for place in axes.flat[len(drawings) :]:
            place.remove()
        drawn.savefig(DRAWING, metadata={"Date": None})
        plt.close(drawn)
