"""From uint8 images to numbers: ours equal torch-fidelity's on the same tensors, and SciPy's and NumPy's in float64."""

import numpy as np
import pytest
import scipy.linalg
import torch
import torch_fidelity
from torch_fidelity.feature_extractor_base import FeatureExtractorBase
from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3

from nets.data.batches import images_of
from nets.data.weights import WeightsFile
from nets.errors import UserError
from nets.fidelity import measure as fidelity
from nets.fidelity.extractors import load_extractor, load_inception
from nets.files import sha256

CPU = torch.device("cpu")


class Images(torch.utils.data.Dataset):
    def __init__(self, images):
        self.images = images

    def __len__(self):
        return len(self.images)

    def __getitem__(self, number):
        return self.images[number]


@pytest.fixture(scope="module")
def sets(digits):
    """Real digits (400, 1, 28, 28), and noisy ones in place of generated images (350, 1, 28, 28); uint8."""
    dice = torch.Generator().manual_seed(0)
    real, others = images_of(digits, "test")[::2][:400], images_of(digits, "validation")[:350]
    noise = torch.randint(0, 90, others.shape, dtype=torch.uint8, generator=dice)
    return real, torch.maximum(others, noise)


@pytest.fixture(scope="module")
def ours(digits, extractor_run):
    return load_extractor(extractor_run, digits, CPU)


@pytest.fixture(scope="module")
def theirs(ours, sets):
    """All metrics of torch-fidelity, with our extractor in place of its own; input1 is the generated set."""

    class Registered(FeatureExtractorBase):
        def __init__(self, name, features_list, **options):
            super().__init__(name, features_list)

        @staticmethod
        def get_provided_features_list():
            return "features", "logits"

        @staticmethod
        def get_default_feature_layer_for_metric(metric):
            return "logits" if metric == "isc" else "features"

        @staticmethod
        def can_be_compiled():
            return False

        def forward(self, images):
            seen = ours.read(images)._asdict()
            return tuple(seen[name].double() for name in self.features_list)

    torch_fidelity.register_feature_extractor("lenet5-of-these-tests", Registered)
    real, generated = sets
    return torch_fidelity.calculate_metrics(
        input1=Images(generated), input2=Images(real), feature_extractor="lenet5-of-these-tests", cuda=False,
        fid=True, kid=True, isc=True, prc=True, kid_subset_size=350, batch_size=128, cache=False, save_cpu_ram=True,
        verbose=False,
    )  # fmt: skip


NAMES = {
    "fid": "frechet_inception_distance",
    "kid": "kernel_inception_distance_mean",
    "is": "inception_score_mean",
    "precision": "precision",
    "recall": "recall",
}


def test_numbers_equal_torch_fidelitys_own(ours, theirs, sets):
    real, generated = sets
    values = fidelity.compare(ours.read(real).features, None, ours.read(generated))
    assert 0.02 < values["precision"] < 0.98 and values["fid"] > 1  # not a trivial case
    for name, key in NAMES.items():
        assert values[name] == pytest.approx(theirs[key], rel=1e-6), name


def test_fid_and_inception_score_equal_plain_float64(ours, sets):
    real, generated = (ours.read(images) for images in sets)
    first, second = (each.features.double().numpy() for each in (real, generated))
    gap, covariances = first.mean(0) - second.mean(0), [np.cov(each, rowvar=False) for each in (first, second)]
    root = scipy.linalg.sqrtm(covariances[0] @ covariances[1]).real
    values = fidelity.compare(real.features, None, generated)
    assert values["fid"] == pytest.approx(gap @ gap + np.trace(sum(covariances) - 2 * root), rel=1e-6)

    logits = generated.logits.double().numpy()
    logits = logits[np.random.RandomState(2020).permutation(len(logits))]  # torch-fidelity's shuffle and seed
    chances = np.exp(logits - logits.max(1, keepdims=True))
    chances /= chances.sum(1, keepdims=True)
    scores = []
    for part in np.split(chances, 10):
        whole = part.mean(0)
        scores.append(np.exp((part * np.log(part / whole)).sum(1).mean()))
    assert values["is"] == pytest.approx(np.mean(scores), rel=1e-6)


def test_inception_takes_grey_and_coloured_images_as_torch_fidelity_does(tmp_path, monkeypatch, sets):
    monkeypatch.setattr(FeatureExtractorInceptionV3, "load_state_dict", lambda self, state: None)
    module = "torch_fidelity.feature_extractor_inceptionv3.load_state_dict_from_url"
    monkeypatch.setattr(module, lambda *arguments, **options: {})
    torch.manual_seed(0)
    network = FeatureExtractorInceptionV3("random", ["2048", "logits_unbiased"])
    monkeypatch.undo()
    path = tmp_path / "weights.pth"
    torch.save(network.state_dict(), path)
    extractor = load_inception(WeightsFile("ok", None, path, sha256(path)), CPU)
    grey = sets[0][:3]
    seen = extractor.read(grey)
    features, logits = network(grey.expand(-1, 3, -1, -1))
    assert seen.features.shape == (3, 2048) and seen.features.std() > 0
    torch.testing.assert_close(seen.features, features)
    torch.testing.assert_close(seen.logits, logits)
    torch.testing.assert_close(extractor.read(grey.expand(-1, 3, -1, -1)).features, features)
    assert extractor.passport["weights_sha256"] == sha256(path)
    with pytest.raises(UserError, match="is damaged"):
        load_inception(WeightsFile("ok", None, path, "0" * 64), CPU)


def test_weights_are_hashed_again_when_they_are_loaded(digits, extractor_run, tmp_path):
    for path in extractor_run.parent.iterdir():
        if path.is_file():
            (tmp_path / path.name).write_bytes(path.read_bytes())
    passport = load_extractor(tmp_path / "manifest.json", digits, CPU).passport
    assert passport["weights_sha256"] == sha256(tmp_path / "best.safetensors")
    (tmp_path / "best.safetensors").write_bytes((tmp_path / "model.safetensors").read_bytes() + b" ")
    with pytest.raises(UserError, match=r"best.safetensors is damaged: its SHA-256 is"):
        load_extractor(tmp_path / "manifest.json", digits, CPU)
