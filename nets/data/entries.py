"""Checks of `config/datasets.yaml` that a schema can't express; `nets.suite.catalogues` checks the schema."""

from nets.errors import DataError


def number_of(classes: list[str] | int | None) -> int:
    """The number of classes of an entry, which names them, gives their number, or has None (0)."""
    return classes if isinstance(classes, int) else len(classes or ())


def check_entries(catalogue: dict, where: str) -> None:
    """Raise DataError for the first mistake in an entry; `where` names the catalogue."""
    for name, entry in catalogue.items():
        if (entry["mean"] is None) != (entry["std"] is None):
            raise DataError(f"{where}: {name}: give both mean and std, or null for both to measure them.")
        for key in ("mean", "std"):
            if entry[key] is not None and len(entry[key]) != entry["shape"][0]:
                raise DataError(f"{where}: {name} / {key}: expected one number per channel ({entry['shape'][0]}).")
        shares = [share for key, share in entry["splits"].items() if key != "seed" and share < 1]
        if sum(shares) >= 1:
            raise DataError(
                f"{where}: {name} / splits: fractions with the sum {sum(shares):g} leave nothing to train on."
            )
        if "source_classes" in entry and not isinstance(entry["classes"], list):
            raise DataError(f"{where}: {name}: source_classes requires the names of the classes.")
        strange = sorted(set(entry["classes"]) - set(entry["source_classes"])) if "source_classes" in entry else []
        if strange:
            raise DataError(f"{where}: {name} / classes: {strange[0]} is not one of source_classes.")
        for source in entry["sources"]:
            if source["kind"] == "digit_scenes":
                check_scenes(f"{where}: {name}", entry["shape"], source)


def check_scenes(where: str, shape: list[int], source: dict) -> None:
    """Raise DataError if scenes of this shape can't hold the digits that the source puts into them."""
    for key in ("digits", "sizes"):
        if source[key][0] > source[key][1]:
            raise DataError(f"{where} / {key}: expected [least, most], not {source[key]}.")
    if shape[0] != 1:
        raise DataError(f"{where} / shape: digit scenes are grey, so the first number must be 1, not {shape[0]}.")
    largest = source["sizes"][1]
    if largest > min(shape[1:]):
        size = f"{shape[1]}x{shape[2]}"
        raise DataError(f"{where} / sizes: a digit of {largest} pixels does not fit into a scene of {size}.")
