"""The columns that set what papers and repositories report beside what was measured here."""

from collections.abc import Mapping, Sequence

from nets.reporting import glossary
from nets.reporting.results import Run
from nets.reporting.tables.cells import ABSENT, Cell, Column
from nets.suite.published import Key, Published

Values = dict[Key, list[Published]]
EXPLANATION = "explanation"


def measures(runs: Sequence[Run], published: Values) -> set[tuple[str, str]]:
    """The (metric, split) that are reported of any of these runs."""
    known = {(metric, split) for *_, metric, split in published}
    return {(metric, split) for metric, split in known if any(reported(run, metric, split, published) for run in runs)}


def reported(run: Run, metric: str, split: str, published: Values) -> list[Published]:
    """What is reported of a run's model on its data set, the first compared with ours.

    A variant has values of its own or none; only weights that are evaluated as they are have those of the plain model.
    """
    model, variant, dataset = (run.config[key] for key in ("model", "variant", "dataset"))
    if own := published.get((f"{model}-{variant}", dataset, metric, split)):
        return own
    if transferred(run) or (variant and not run.config.get("pretrained")):
        return []
    return published.get((model, dataset, metric, split), [])


def transferred(run: Run) -> bool:
    """Whether a run learned from pretrained weights; under `evaluate_only` it has learned nothing."""
    transfer = run.config["recipe"].get("options", {}).get("transfer")
    return bool(run.config.get("pretrained")) and transfer != "evaluate_only"


def published_columns(measured: Column) -> list[Column]:
    """What is published of a measured column, and ours minus that; the headline's go without its name."""
    key, name = ("", "") if measured.headline else (f"{measured.key}_", f" {measured.label}")
    look = {"unit": measured.unit, "decimals": measured.decimals, "minor": measured.minor}
    return [
        Column(f"{key}published", f"Published{name}", **look),
        Column(f"{key}difference", f"Difference{name}", **look),
    ]


def published_cells(ours: Cell, measured: Column, values: Sequence[Published]) -> dict[str, Cell]:
    """A row's cells for `published_columns`."""
    beside, apart = (column.key for column in published_columns(measured))
    if not values:
        return {beside: Cell(ABSENT), apart: Cell(ABSENT)}
    first = values[0]
    number = glossary.number(first.value, measured.decimals)
    raw = {beside: first.value, f"{beside}_source": first.source}
    cells = {beside: Cell(number, first.value, hint=first.source, raw=raw), apart: Cell(ABSENT)}
    if ours.sort is not None and first.verified:
        difference = ours.sort - first.value
        text = ("+" if difference > 0 else "") + glossary.number(difference, measured.decimals)
        cells[apart] = Cell(text, difference, raw={apart: difference})
    return cells


def explanation(run: Run, compared: Sequence[tuple[Column, Sequence[Published]]], cells: Mapping[str, Cell]) -> Cell:
    """Why ours differs: what the row changes, then those reasons of the columns compared that pull the same way.

    A reason is said once; one that is not the headline's names its column. `run` is any of the row's seeds, `cells`
    are the row's. A value that is not verified is not explained.
    """
    if not any(values for _, values in compared):
        return Cell(ABSENT)
    reasons = {reason: reason for reason in changes(run)}
    for column, values in compared:
        difference = cells[published_columns(column)[1].key].sort
        better = (difference > 0) == (column.direction == "higher") if difference else None
        for reason in values[0].reasons(better) if values and values[0].verified else ():
            reasons.setdefault(reason, reason if column.headline else f"{column.label}: {reason}")
    why = "; ".join(reasons.values())
    return Cell(why or ABSENT, raw={EXPLANATION: why})


def changes(run: Run) -> list[str]:
    """What the row changes of its model and recipe, in words: '12 of 200 epochs', 'width 0.25'."""
    recipe, words = run.config["recipe"], []
    arguments = {key: v for network in run.config["networks"].values() for key, v in network["args"].items()}
    for key, old in run.config["overridden"].items():
        if key == "epochs":
            epochs = recipe["epochs"]
            words.append(f"{epochs} of {old} epochs" if epochs < old else f"{epochs} epochs, not {old}")
        elif key.startswith("model."):
            name = key.removeprefix("model.")
            words.append(f"{name.replace('_', ' ')} {arguments[name]}")
        elif key != "schedule.milestones":  # they follow from the epochs
            value = recipe
            for part in key.split("."):
                value = value[part]
            words.append(f"{key.replace('_', ' ')} {plain(value)}" + (f", not {plain(old)}" if old is not None else ""))
    return words


def plain(value: object) -> str:
    """A value as people write it."""
    return {True: "on", False: "off"}[value] if isinstance(value, bool) else str(value)


def note(label: str, values: Sequence[Published], headline: Column) -> str:
    """Where a model's published values come from: 'ResNet-20: 91.25 (He et al.), 92.60 (…)'."""
    words = []
    for each in values:
        number = glossary.number(each.value, headline.decimals)
        doubt = "" if each.verified else f"{each.checked}: not compared"
        words.append(f"{number} ({'; '.join(filter(None, [each.source, each.note, doubt]))})")
    return f"{label}: {', '.join(words)}"
