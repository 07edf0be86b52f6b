"""Where files are: those of runs, those that runs read, those that are lost."""

import dataclasses
from pathlib import Path

from nets.suite import paths

SUITE = "results/quick"


def test_a_suite_is_named_after_its_table():
    assert paths.results_of(Path("config/quick.tsv")) == paths.results_of(Path("quick.tsv")) == SUITE


def test_files_of_a_run_also_as_wildcards():
    assert paths.run_files(SUITE, "{run}", ["manifest.json"]) == ["results/quick/runs/{run}/manifest.json"]
    assert len(paths.run_files(SUITE, "a-b-s0")) == 8


def test_prepared_data_begin_with_their_description():
    assert paths.prepared("mnist5k", "learning") == [
        "results/data/mnist5k/dataset.json",
        "results/data/mnist5k/learning",
    ]


def test_a_generator_reads_its_extractors(run_of):
    run = run_of("dcgan")
    indomain = "results/quick/runs/lenet5-mnist5k-extractor-s0/manifest.json"
    assert paths.watching_of(SUITE, run) == [indomain]
    assert paths.extractor_of(SUITE, run.fidelity["indomain"], "indomain") == indomain
    assert paths.extractor_of(SUITE, None, "inception") == "results/weights/inception.json"
    assert paths.references_of(SUITE, run) == [
        "results/quick/fidelity/mnist5k-indomain/reference.json",
        "results/quick/fidelity/mnist5k-inception/reference.json",
    ]
    assert paths.fetched_for([run]) == ["results/weights/inception.json"]
    unwatched = dataclasses.replace(run, fidelity=run.fidelity | {"indomain": None})
    assert paths.watching_of(SUITE, unwatched) == []
    assert len(paths.references_of(SUITE, unwatched)) == 1


def test_a_classifier_reads_what_it_starts_from(run_of):
    run = run_of("lenet5")
    assert paths.start_of(SUITE, run) == paths.watching_of(SUITE, run) == paths.references_of(SUITE, run) == []
    other = dataclasses.replace(run, pretrained={"kind": "run", "name": "lenet5-mnist5k_0to4-s0"})
    folder = "results/quick/runs/lenet5-mnist5k_0to4-s0"
    assert paths.start_of(SUITE, other) == [f"{folder}/manifest.json", f"{folder}/model.safetensors"]
    weights = dataclasses.replace(run, pretrained={"kind": "weights", "name": "resnet50"})
    assert (
        paths.start_of(SUITE, weights) == paths.fetched_for([run, weights, other]) == ["results/weights/resnet50.json"]
    )


def test_what_is_lost_of_runs_that_have_begun(tmp_path):
    begun = tmp_path / "runs/begun"
    begun.mkdir(parents=True)
    for name in ("config.json", "manifest.json", "history.csv", "model.safetensors", "metrics.json", "figures"):
        (begun / name).touch()
    lost = paths.lost(str(tmp_path), ["begun", "waits"])
    assert lost == [str(begun / "snapshots.npz"), str(begun / "arrays.npz")]
