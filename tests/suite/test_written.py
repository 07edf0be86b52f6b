"""What people write is refused in one sentence, or it trains; nothing in between. hypothesis invents most cases."""

import copy
import itertools
import json
import os
import signal
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nets.data.batches import UNIT, Batch
from nets.errors import ConfigError, UserError
from nets.files import LARGEST_FILE, read_text
from nets.run import Run
from nets.suite.catalogues import CATALOGUES, ROOT, load_catalogue, load_catalogues, schema
from nets.suite.expansion import expand_row, load_runs
from nets.suite.published import load_published
from nets.suite.settings import find_table, job_environment
from nets.suite.table import COLUMNS, read_table
from nets.suite.written import DEEPEST, MOST_VALUES, parse_value, read_yaml
from nets.tasks import task_class
from nets.tasks.kinds import KINDS

SECONDS = 60  # of one case, on a busy machine
LONGEST = 1200  # characters of a message
CATALOGUE = load_catalogues(ROOT / "config")
ROWS = [cells for _, cells in read_table(ROOT / "config/quick.tsv")]
CASES = settings(
    deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck), print_blob=False
)

NUMBERS = ["0", "-1", "1", "2", "5.0", "1.5", "010", "1.", ".5", "1e3", "1E5", "-0", "+1", "1e400", "1e-320",
           "9" * 400, "9007199254740993", "0x10", "0b11", "0o17", "1_000", "1:30", "190:20:30", "٣", "１"]  # fmt: skip
WORDS = ["", "nan", ".nan", ".inf", "-.inf", "inf", "true", "yes", "null", "~", "None", "2024-13-45", "2024-01-01",
         "!!int", "!!bool", "!!timestamp", "!!python/object:os.system", "!", "&a[*a]", "*x", "<<", '"', "'", "%", "@",
         "`", "{}", "{a:1}", "a=b", "#", "|", ">", "-", "😀", "\x00", "\x1b[31m", "\x85", "\u2028", "\ufeff", "$HOME",
         "../../x", "a" * 3000, "[" * 2000, "=" * 50]  # fmt: skip
LISTS = ["[]", "[1]", "[1,2,3]", "[nan]", "[.nan,1]", "[1,[2]]", "[true]", "[null]", "[1e400]", "[010]", "[1.0,2.0]",
         "[0.5,0.999]", "[2024-13-45]", "[,]", "[1,", "[1]x", "[*a]", "[&a 1,*a]", "[!!int 1]"]  # fmt: skip
VALUES = st.one_of(st.sampled_from(NUMBERS + WORDS + LISTS), st.text(max_size=12), st.floats().map(str))


def keys_of(rules: dict, prefix: str = "") -> list[str]:
    """The dotted keys of a schema."""
    inner = rules.get("properties", {})
    return [prefix + key for key in inner] + [k for key in inner for k in keys_of(inner[key], f"{prefix}{key}.")]


OPTIONS = [f"options.{key}" for kind in KINDS.values() for key in kind.schema["properties"]]
OPTIMIZERS = [f"{holder}.{key}" for holder in ("optimizer", "optimizers.classifier") for key in
              ("name", "lr", "momentum", "betas", "weight_decay", "nesterov", "alpha", "eps")]  # fmt: skip
KEYS = sorted({*keys_of(schema("recipes")["$defs"]["recipe"]), *OPTIONS, *OPTIMIZERS})


@contextmanager
def in_time():
    """Fail if the block takes longer than `SECONDS`."""

    def fail(*_):
        raise AssertionError(f"this takes more than {SECONDS} seconds")

    before = signal.signal(signal.SIGALRM, fail)
    signal.alarm(SECONDS)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def answered(function, *args):
    """The result; None if the input is refused in one short printable sentence. Any other error is raised."""
    with in_time():
        try:
            return function(*args)
        except UserError as error:
            message = str(error)
            assert message.isprintable() and 10 < len(message) <= LONGEST, message[:2000]
            return None


@st.composite
def rows(draw) -> dict[str, str]:
    """The cells of a row of quick.tsv with an override more, or with one cell replaced."""
    cells = dict(draw(st.sampled_from(ROWS)))
    if draw(st.integers(0, 3)):
        arguments = [a for n in CATALOGUE["models"][cells["model"]]["networks"].values() for a in n.get("args", {})]
        key = draw(st.sampled_from(KEYS + [f"model.{argument}" for argument in arguments] * 10))
        cells["overrides"] = f"{cells['overrides']} {key}={draw(VALUES)}"
    else:
        cells[draw(st.sampled_from(COLUMNS))] = draw(VALUES)
    return cells


@settings(CASES, max_examples=1500)
@given(rows())
def test_a_row_is_refused_or_becomes_runs_that_survive_their_file(cells):
    cells["seeds"] = cells["seeds"].replace("0-2", "0")
    for run in answered(expand_row, cells, "my.tsv, line 2", CATALOGUE) or []:
        text = run.to_json()
        assert Run.from_json(text) == run
        json.loads(text, parse_constant=lambda word: pytest.fail(f"{word} is not JSON"))


SMALL = [cells for cells in ROWS if cells["model"] in ("lenet5", "mlp", "cnn", "dcgan", "vae", "unet", "resnet18")]
PLAUSIBLE = [
    "1",
    "2",
    "3",
    "7",
    "40",
    "100000",
    "0.1",
    "0.9",
    "1.5",
    "[1]",
    "[2,3]",
    "[1,1,1,1]",
    "true",
    "false",
    "null",
]


@settings(CASES, max_examples=150)
@given(st.sampled_from(SMALL), st.data())
def test_what_is_accepted_takes_a_step(cells, data):
    arguments = [a for n in CATALOGUE["models"][cells["model"]]["networks"].values() for a in n.get("args", {})]
    key = data.draw(st.sampled_from([f"model.{argument}" for argument in arguments] * 3 + KEYS))
    value = data.draw(st.sampled_from(PLAUSIBLE))
    kept = [each for each in cells["overrides"].split() if not each.startswith(f"{key}=")]
    cells = cells | {"seeds": "0", "overrides": " ".join([*kept, f"{key}={value}"])}
    for run in answered(expand_row, cells, "my.tsv, line 2", CATALOGUE) or []:
        if sum(n for n in itertools.chain(*map(sizes, run.networks.values()))) > 3000:
            continue  # such as a width of 100,000: valid, and a hole when memory ends
        answered(take_a_step, run)


def sizes(network) -> list[int]:
    """The whole numbers among a network's arguments."""
    values = [v if isinstance(v, list) else [v] for v in network.args.values()]
    return [v for v in itertools.chain(*values) if isinstance(v, int)]


def take_a_step(run: Run) -> None:
    """Build the task of a run and train it on two grey images."""
    task = task_class(run)(run, UNIT, torch.device("cpu"))
    task.check()
    count = 2 * max(1, task.batch_size // run.recipe.batch_size)
    masks = torch.zeros(count, *run.shape[1:], dtype=torch.int64) if "masks" in run.data else None
    images, labels = torch.full((count, *run.shape), 0.5), torch.zeros(count, dtype=torch.int64)
    task.step(Batch(images, labels, torch.arange(count), masks))


ENTRIES = {
    "models": CATALOGUE["models"]["lenet5"],
    "datasets": CATALOGUE["datasets"]["mnist5k"],
    "recipes": CATALOGUE["recipes"]["lenet5"],
    "weights": next(iter(CATALOGUE["weights"].values())),
}
JUNK = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=8), st.dates()),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=5), inner, max_size=3)),
    max_leaves=6,
)


@st.composite
def entries(draw) -> tuple[str, str]:
    """The name of a catalogue, and YAML of an entry in which a value, at any depth, is replaced, added or removed."""
    name = draw(st.sampled_from(CATALOGUES))
    entry = copy.deepcopy(ENTRIES[name])
    at = entry
    while True:
        places = list(at) if isinstance(at, dict) else list(range(len(at)))
        place = draw(st.sampled_from(places))
        if isinstance(at[place], dict | list) and at[place] and draw(st.booleans()):
            at = at[place]
            continue
        change = draw(st.sampled_from(("replace", "replace", "remove", "add")))
        if change == "remove":
            del at[place]
        elif change == "add" and isinstance(at, dict):
            at[draw(st.text(max_size=6))] = draw(JUNK)
        else:
            at[place] = draw(JUNK)
        return name, yaml.safe_dump({draw(st.sampled_from(["mine", "my-net", "", "x" * 300])): entry})


@settings(CASES, max_examples=600)
@given(entries())
def test_a_catalogue_is_refused_or_can_be_used(tmp_path_factory, entry):
    name, text = entry
    path = tmp_path_factory.getbasetemp() / f"{name}.yaml"
    path.write_text(text, encoding="utf-8")
    load_catalogue.cache_clear()
    if found := answered(load_catalogue, path, name):
        json.dumps(found, allow_nan=False)


@settings(CASES, max_examples=300)
@given(st.binary(max_size=300), st.sampled_from(["", "model\tdataset\tvariant\trecipe\tseeds\toverrides\n", "a: [\n"]))
def test_any_bytes_are_refused_as_a_table_a_catalogue_and_a_list_of_published_values(tmp_path_factory, content, head):
    folder = tmp_path_factory.getbasetemp() / "bytes"
    folder.mkdir(exist_ok=True)
    for name, function in (("t.tsv", load_runs), ("c.yaml", read_yaml), ("p.csv", load_published)):
        (folder / name).write_bytes(head.encode() + content)
        answered(function, folder / name)


@settings(CASES, max_examples=200)
@given(
    st.dictionaries(
        st.sampled_from(["suite", "table", "threads", "slots_per_gpu", "time_limit", "x"]), JUNK, min_size=1
    )
)
def test_any_configuration_is_refused_or_understood(config):
    if (table := answered(find_table, config)) is not None:
        answered(job_environment, config, table)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("5.0", 5), ("1e3", 1000), ("2e-4", 2e-4), ("010", 10), (".5", 0.5), ("-3", -3), ("true", True), ("~", None),
        ("yes", "yes"), ("0x10", "0x10"), ("1:30", "1:30"), ("2024-01-31", "2024-01-31"), ("٣", "٣"),
        ("[16,32.0,[1]]", [16, 32, [1]]), ("[0.5,0.999]", [0.5, 0.999]), ('["1"]', ["1"]), ("!!int", "!!int"),
    ],
)  # fmt: skip
def test_the_grammar_of_values(text, value):
    parsed = parse_value(text, "here")
    assert parsed == value and type(parsed) is type(value)


def test_a_catalogue_means_what_yaml_means(tmp_path):
    """But for the numbers and dates that only YAML 1.1 knows, of which the project's catalogues have none."""
    for name in CATALOGUES:
        path = ROOT / f"config/{name}.yaml"
        assert read_yaml(path) == yaml.safe_load(path.read_text())
    text = "a: &a {k: 1, l: [2]}\nb: {<<: *a, k: 3}\nc: {k: 0, <<: [{k: 9, m: 1}, *a]}\n'5': x"
    (tmp_path / "x.yaml").write_text(text)
    assert read_yaml(tmp_path / "x.yaml") == yaml.safe_load(text)


MERGES = "a: &a {x: 1}\n" + "".join(
    f"{b}: &{b} {{<<: [{', '.join([f'*{a}'] * 10)}]}}\n" for a, b in itertools.pairwise("abcdefgh")
)  # fmt: skip
BOMB = "a: &a [" + ", ".join("x" * 10) + "]\n" + "".join(
    f"{b}: &{b} [{', '.join([f'*{a}'] * 10)}]\n" for a, b in itertools.pairwise("abcdefgh")
)  # fmt: skip


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (BOMB, f"line 6: there are more than {MOST_VALUES:,} values, those behind aliases included."),
        (MERGES, f"there are more than {MOST_VALUES:,} values"),
        ("a: " + "x" * 20_000, "line 1: a text has more than 10,000 characters."),
        (f"{'x' * 20_000}: 1", "more than 10,000 characters"),
        ("a: " + "9" * 9_000, "is too large; set a smaller one"),
        ("- " * 100_000, f"more than {DEEPEST} deep"),
        ("[" * 100_000, f"line 1: lists and mappings stand more than {DEEPEST} deep within each other."),
        ("a: " + "{b: " * 100_000, f"more than {DEEPEST} deep"),
        ("a: &a [*a]", "line 1: *a names nothing that stands before it."),
        ("a: !!python/object/apply:os.system [ls]", "line 1: the tag tag:yaml.org,2002:python/object/apply:os.system"),
        ("a: 1\n---\nb: 2", "line 2: a second document begins; keep one."),
        ("a: 1\n5: 2", "line 2: the key 5 is not text; quote it."),
        ("a: 1\na: 2", "line 2: the key 'a' appears twice."),
        ("a: .nan", "line 1: .nan is not a finite number; set one."),
        ("a: 1e999", "line 1: the number 1e999 is too large; set a smaller one."),
        ("a: '\x1b[31m'", "line 1: the catalogue has the control character '\\x1b'; remove it."),
        ("a: b: c", "line 1: this is not YAML (mapping values are not allowed in this context)."),
    ],
)
def test_yaml_is_read_within_bounds(tmp_path, text, expected):
    (tmp_path / "models.yaml").write_text(text)
    with in_time(), pytest.raises(ConfigError) as error:
        read_yaml(tmp_path / "models.yaml")
    assert expected in str(error.value)


def test_only_regular_files_of_a_sensible_size_are_read(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "device").symlink_to("/dev/zero")
    with open(tmp_path / "large", "wb") as file:
        file.truncate(LARGEST_FILE + 1)
    for name, expected in (
        ("pipe", "is not a regular file"),
        ("device", "is not a regular file"),
        ("large", "has more than 5 MB; shorten it"),
        ("nothere", "can't be read (No such file or directory); check its path"),
    ):
        with in_time(), pytest.raises(UserError) as error:
            read_text(tmp_path / name, "table")
        assert expected in str(error.value)


def test_a_command_may_write_an_entry():
    """As the rule `prepare` gives it, `--entry <(printf ...)`."""
    reading, writing = os.pipe()
    os.write(writing, b'{"a": 1}')
    os.close(writing)
    assert read_yaml(Path(f"/dev/fd/{reading}"), piped=True) == {"a": 1}
    os.close(reading)


@pytest.mark.parametrize("encoding", ["utf-16", "latin-1", "cp1252"])
def test_other_encodings_are_named(tmp_path, encoding):
    Path(tmp_path / "t.tsv").write_bytes("model\tdataset\trecipe\tseeds\nä\tb\tc\t0\n".encode(encoding))
    with pytest.raises(UserError, match="is not UTF-8; save the table as UTF-8"):
        load_runs(tmp_path / "t.tsv")


def test_a_table_of_windows_is_read(tmp_path):
    text = "\ufeffmodel\tdataset\tvariant\trecipe\tseeds\toverrides\r\nlenet5\tmnist5k\t\tlenet5\t0\tepochs=2\r\n"
    (tmp_path / "t.tsv").write_bytes(text.encode())
    assert [run.recipe.epochs for run in load_runs(tmp_path / "t.tsv")] == [2]
