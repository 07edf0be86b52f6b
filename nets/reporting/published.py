"""The columns that set what papers and repositories report beside what was measured here."""

from collections.abc import Sequence

from nets.published import Key, Published
from nets.reporting import glossary
from nets.reporting.cells import ABSENT, Cell, Column
from nets.reporting.results import Run


def published_columns(headline: Column) -> list[Column]:
    """Published, ours minus published, and why they may differ."""
    return [
        Column("published", "Published", headline.unit, decimals=headline.decimals),
        Column("difference", "Difference", headline.unit, decimals=headline.decimals),
        Column("explanation", "What explains it", words=True),
    ]


def reported(run: Run, headline: Column, published: dict[Key, list[Published]]) -> list[Published]:
    """What is reported of a run's model, of its variant where there is such, on its data set; the first is compared
    with.
    """
    model, variant, dataset = (run.config[key] for key in ("model", "variant", "dataset"))
    plain = published.get((model, dataset, headline.metric), [])
    return published.get((f"{model}-{variant}", dataset, headline.metric), plain)


def published_cells(run: Run, ours: Cell, headline: Column, values: Sequence[Published]) -> dict[str, Cell]:
    """A row's cells for `published_columns`; `run` is any of the row's seeds."""
    if not values:
        return {column.key: Cell(ABSENT) for column in published_columns(headline)}
    first = values[0]
    number = glossary.number(first.value, headline.decimals)
    raw = {"published": first.value, "published_source": first.source}
    cells = {"published": Cell(number, first.value, hint=first.source, raw=raw), "difference": Cell(ABSENT)}
    if ours.sort is not None:
        difference = ours.sort - first.value
        text = ("+" if difference > 0 else "") + glossary.number(difference, headline.decimals)
        cells["difference"] = Cell(text, difference, raw={"difference": difference})
    why = "; ".join([*changes(run), *filter(None, [first.explains])])
    return cells | {"explanation": Cell(why or ABSENT, raw={"explanation": why})}


def changes(run: Run) -> list[str]:
    """What the row changes of its model and recipe, in words: '12 of 200 epochs', 'width 0.25'."""
    recipe, words = run.config["recipe"], []
    arguments = {key: v for network in run.config["networks"].values() for key, v in network["args"].items()}
    for key, old in run.config["overridden"].items():
        if key == "epochs":
            words.append(f"{recipe['epochs']} of {old} epochs")
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
        words.append(f"{number} ({'; '.join(filter(None, [each.source, each.note]))})")
    return f"{label}: {', '.join(words)}"
