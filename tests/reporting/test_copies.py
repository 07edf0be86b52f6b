"""The copies of a run that `benchmarks.reporting` measures reports with."""

from benchmarks.reporting import write_results
from nets.files import sha256
from nets.reporting.results import load_results


def test_copies_are_runs_of_their_own_and_the_original_stays(results, tmp_path):
    like = results / "runs/lenet5-mnist5k-s0"
    before = {path: sha256(path) for path in like.rglob("*") if path.is_file()}
    folder = write_results(tmp_path / "suite", like, 10)
    copies = load_results(folder, folder / "runs.txt")
    assert [each.name for each in copies[4:6]] == ["lenet5-mnist5k-lr0-s4", "lenet5-mnist5k-lr1-s0"]
    assert all(
        each.ok and each.run.name == each.name and each.run.seed == place % 5 for place, each in enumerate(copies)
    )
    assert len({each.numbers[0].value for each in copies}) == len({each.run.digest for each in copies}) == 10
    assert len({each.answers["predicted"].tobytes() for each in copies}) == 10
    assert {path: sha256(path) for path in before} == before
