"""What entries of `config/datasets.yaml` must obey besides their schema, which `nets.suite.catalogues` checks."""

from nets.errors import DataError


def number_of(classes: list[str] | int | None) -> int:
    """How many classes an entry has: it names them, or says their number, or has no labels."""
    return classes if isinstance(classes, int) else len(classes or ())


def check_entries(catalogue: dict, where: str) -> None:
    """Raise DataError with one sentence for what no schema can say."""
    for name, entry in catalogue.items():
        if (entry["mean"] is None) != (entry["std"] is None):
            raise DataError(f"{where}: {name}: mean and std need each other; null for both measures them.")
        for key in ("mean", "std"):
            if entry[key] is not None and len(entry[key]) != entry["shape"][0]:
                raise DataError(f"{where}: {name} / {key}: one number a channel is expected, {entry['shape'][0]} here.")
        shares = [share for key, share in entry["splits"].items() if key != "seed" and share < 1]
        if sum(shares) >= 1:
            raise DataError(f"{where}: {name} / splits: fractions of {sum(shares):g} in all leave nothing to train on.")
        if "source_classes" in entry and not isinstance(entry["classes"], list):
            raise DataError(f"{where}: {name}: source_classes needs the names of classes.")
        strange = sorted(set(entry["classes"]) - set(entry["source_classes"])) if "source_classes" in entry else []
        if strange:
            raise DataError(f"{where}: {name} / classes: {strange[0]} is none of source_classes.")
        for source in entry["sources"]:
            if source["kind"] == "digit_scenes":
                check_scenes(f"{where}: {name}", entry["shape"], source)


def check_scenes(where: str, shape: list[int], source: dict) -> None:
    """Raise DataError where scenes of a shape can't hold the digits that a source wants in them."""
    for key in ("digits", "sizes"):
        if source[key][0] > source[key][1]:
            raise DataError(f"{where} / {key}: [least, most] is expected, not {source[key]}.")
    if shape[0] != 1:
        raise DataError(f"{where} / shape: digit scenes are grey, so the first number is 1, not {shape[0]}.")
    largest = source["sizes"][1]
    if largest > min(shape[1:]):
        size = f"{shape[1]}x{shape[2]}"
        raise DataError(f"{where} / sizes: a digit of {largest} pixels does not fit into a scene of {size}.")
