"""Batches by index, and augmentation of whole batches."""

import dataclasses

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from scipy.ndimage import affine_transform

from nets.data import batches
from nets.data.augment import augment, augment_with_masks, cutout, random_crop, random_flip
from nets.data.batches import SYMMETRIC, UNIT, Batches, PixelRange


@pytest.fixture
def data(few_digits):
    return Batches(few_digits("train", 100), UNIT, torch.device("cpu"))


def test_an_epoch_takes_each_sample_at_most_once_and_drops_the_rest(data):
    seen = torch.cat([batch.indices for batch in data.epoch(32, seed=0)])
    assert len(seen) == 96 == len(seen.unique())
    assert set(seen.tolist()) <= set(data.order.tolist())


def test_the_order_follows_the_seed_and_can_be_entered_midway(data):
    first = [batch.indices.tolist() for batch in data.epoch(32, seed=5)]
    assert [batch.indices.tolist() for batch in data.epoch(32, seed=5, skip=1)] == first[1:]
    assert [batch.indices.tolist() for batch in data.epoch(32, seed=6)] != first


def test_the_order_is_the_same_for_all_batch_sizes_and_states_of_other_random_numbers(data):
    """So runs with the same seed are pairs (docs/statistics.md)."""
    torch.manual_seed(1)
    first = torch.cat([batch.indices for batch in data.epoch(10, seed=5)])
    torch.manual_seed(2)
    assert torch.equal(torch.cat([batch.indices for batch in data.epoch(25, seed=5)]), first)


def test_a_batch_larger_than_the_split_is_the_split(data):
    assert [len(batch.images) for batch in data.epoch(1000, seed=0)] == [100]


def test_ordered_takes_every_sample(data, few_digits):
    split = few_digits("train", 100)
    images = torch.cat([batch.images for batch in data.ordered(33)])
    assert torch.equal(images, torch.from_numpy(split.images[split.indices]).float() / 255)


@pytest.mark.parametrize("pixels", [UNIT, SYMMETRIC, PixelRange((0.1, 0.2, 0.3), (0.5, 0.6, 0.7))])
def test_a_pixel_range_is_undone_exactly(pixels):
    raw = torch.arange(256, dtype=torch.uint8).view(1, 1, 16, 16).expand(1, 3, 16, 16)
    assert torch.equal(pixels.invert(pixels.apply(raw.float() / 255)), raw)


def mirrored_in(data, number, seed=7):
    """Which samples of an epoch are mirrored, by their number."""
    found = {}
    for batch in data.epoch(10, seed=seed + number, number=number):
        plain = data.take(batch.indices).images
        for index, image, own in zip(batch.indices.tolist(), batch.images, plain, strict=True):
            found[index] = torch.equal(image, own.flip(-1))
            assert found[index] or torch.equal(image, own)
    return found


def test_alternating_flips_show_each_image_in_turn_as_it_is_and_mirrored(few_digits):
    data = Batches(few_digits("train", 100), UNIT, torch.device("cpu"), {"flip": "alternating"})
    epochs = [mirrored_in(data, number) for number in range(3)]
    assert 30 < sum(epochs[0].values()) < 70
    assert epochs[1] == {index: not flipped for index, flipped in epochs[0].items()}
    assert epochs[2] == epochs[0] != mirrored_in(data, 0, seed=8)


def test_padding_is_black_or_reflects():
    images = torch.arange(1.0, 26).view(1, 1, 5, 5).expand(200, 1, 5, 5)
    reflected, black = random_crop(images, 2, "reflect"), random_crop(images, 2)
    assert reflected.min() == 1 and black.min() == 0
    corner = F.pad(images[:1], [2] * 4, mode="reflect")[0, :, :5, :5]
    assert any(torch.equal(image, corner) for image in reflected)


def test_a_crop_moves_each_image_on_its_own():
    images = torch.zeros(200, 2, 9, 9)
    images[:, :, 4, 4] = torch.tensor([1.0, 2.0])
    moved = random_crop(images, 2)
    places = moved[:, 0].flatten(1).argmax(1)
    rows, columns = places // 9, places % 9
    assert moved.shape == images.shape
    assert torch.equal(moved[:, 1], 2 * moved[:, 0])  # channels stay together
    assert set(rows.tolist()) == set(columns.tolist()) == {2, 3, 4, 5, 6}


def test_a_flip_mirrors_about_half():
    images = torch.arange(4.0).expand(1000, 1, 1, 4)
    flipped = random_flip(images)[:, 0, 0, 0] == 3
    assert 400 < flipped.sum() < 600


def test_cutout_blots_out_one_square_of_each_image_cut_off_at_the_borders():
    images = torch.ones(500, 3, 12, 12)
    hidden = cutout(images, 4, (0.1, 0.2, 0.3)) != 1
    assert (hidden[:, 0] == hidden[:, 1]).all() and (hidden[:, 0] == hidden[:, 2]).all()
    heights, widths = hidden[:, 0].any(2).sum(1), hidden[:, 0].any(1).sum(1)
    assert torch.equal(hidden[:, 0].sum((1, 2)), heights * widths)  # a rectangle
    assert set(heights.tolist()) == set(widths.tolist()) == {2, 3, 4}
    assert len({tuple(image.flatten().tolist()) for image in hidden[:, 0]}) > 100  # each at its own place


def test_what_is_blotted_out_is_nothing_to_the_network(few_digits):
    pixels = PixelRange((0.13,), (0.31,))
    data = Batches(few_digits("train", 64), pixels, torch.device("cpu"), {"cutout": 60})
    assert next(data.epoch(64, seed=0)).images.abs().max() < 1e-6


def test_distortions_are_scipys_affine_maps():
    """Each image is mapped by its own draw: size, shape, slope, and a move along each axis."""
    images, limits = torch.rand(6, 2, 14, 20), {"shift": 2, "scale": 0.2, "squeeze": 0.3, "shear": 0.4}
    torch.manual_seed(4)
    draws = (2 * torch.rand(6, 5) - 1).double().numpy()
    torch.manual_seed(4)
    distorted = augment(images, limits, (0.0,))
    for image, ours, (size, shape, slope, right, down) in zip(images, distorted, draws, strict=True):
        stretch, squeezed = 1.2**size, 1.3**shape
        old = np.array([[squeezed / stretch, 0], [0.4 * slope, 1 / (stretch * squeezed)]])  # rows, columns
        centre = np.array([6.5, 9.5])
        offset = centre - old @ centre + 2 * np.array([down, right])
        for channel, moved in zip(image, ours, strict=True):
            # scipy interpolates towards 0 beyond the border as grid_sample does only on a larger canvas of zeros
            canvas = np.pad(channel.double().numpy(), 10)
            expected = affine_transform(canvas, old, offset + 10 - old @ np.full(2, 10.0), order=1)[10:-10, 10:-10]
            assert np.allclose(moved.numpy(), expected, atol=1e-4)


@pytest.mark.parametrize("key", ["shift", "scale", "squeeze", "shear"])
def test_one_distortion_alone_moves_what_it_should(key):
    """The mean place of a bright square's pixels moves with a shift alone; its spread tells the others apart."""
    image = torch.zeros(400, 1, 33, 33)
    image[:, :, 12:21, 12:21] = 1
    torch.manual_seed(0)
    moved = augment(image, {key: 3 if key == "shift" else 0.3}, (0.0,))[:, 0]
    places = torch.arange(33.0) - 16
    weight = moved.sum((1, 2))
    across, along = (moved.sum(axis) @ places / weight for axis in (1, 2))
    assert (across.abs().max() > 2) == (along.abs().max() > 2) == (key == "shift")
    wide, tall = (moved.sum(axis) @ places**2 / weight - mean**2 for axis, mean in ((1, across), (2, along)))
    ratio, product = wide / tall, weight / 81
    assert (ratio.max() > 1.5) == (key == "squeeze") and (ratio.min() < 0.6) == (key == "squeeze")
    assert (product.max() > 1.5) == (key == "scale") and (product.min() < 0.65) == (key == "scale")
    slant = torch.einsum("nyx,y,x->n", moved, places, places) / weight - across * along
    assert (slant.abs().max() > 1) == (key == "shear")


def test_augmentation_follows_the_generator_and_leaves_measurement_alone(few_digits):
    settings = {"crop_padding": 2, "flip": True, "cutout": 8}
    images = torch.rand(16, 1, 28, 28)
    torch.manual_seed(1)
    first = augment(images, settings, (0.0,))
    torch.manual_seed(1)
    assert torch.equal(augment(images, settings, (0.0,)), first)
    assert not torch.equal(augment(images, settings, (0.0,)), first)
    split, device = few_digits("train", 64), torch.device("cpu")
    plain, changed = Batches(split, UNIT, device), Batches(split, UNIT, device, settings)
    assert torch.equal(next(plain.ordered()).images, next(changed.ordered()).images)


@pytest.mark.parametrize(
    "settings", [{}, {"flip": True}, {"crop_padding": 3}, {"flip": True, "crop_padding": 5}, {"cutout": 6}]
)
def test_masks_move_with_their_images(settings):
    """A mask that is a threshold of its image stays one; padded and covered pixels are void."""
    torch.manual_seed(0)
    images = 0.1 + 0.9 * torch.rand(200, 3, 12, 17)
    masks = (10 * images[:, 0]).long()
    moved, followed = augment_with_masks(images, masks, settings, (0.0,))
    empty = (moved == 0).all(1)
    assert torch.equal(followed, (10 * moved[:, 0]).long().masked_fill(empty, -1))
    assert bool(settings) == (not torch.equal(moved, images))
    assert bool({"crop_padding", "cutout"} & set(settings)) == empty.any()


def test_masks_do_not_change_what_images_draw():
    images, settings = torch.rand(20, 1, 9, 9), {"flip": True, "crop_padding": 2, "cutout": 3}
    torch.manual_seed(3)
    alone = augment(images, settings, (0.4,))
    torch.manual_seed(3)
    assert torch.equal(augment_with_masks(images, torch.zeros(20, 9, 9).long(), settings, (0.4,))[0], alone)


def test_batches_bring_masks_with_void_as_minus_one(few_digits):
    split = few_digits("train", 40, masks=True)
    data = Batches(split, UNIT, torch.device("cpu"))
    (batch,) = data.ordered()
    expected = split.masks[split.indices]
    np.testing.assert_array_equal(batch.masks, expected)
    with_void = dataclasses.replace(split, info=split.info | {"void": 7})
    (batch,) = Batches(with_void, UNIT, torch.device("cpu")).ordered()
    np.testing.assert_array_equal(batch.masks, np.where(expected == 7, -1, expected.astype(int)))


@pytest.mark.parametrize("masks", [False, True])
def test_images_on_the_device_and_in_their_file_give_the_same_bits(few_digits, monkeypatch, masks):
    split = few_digits("train", 200, masks)
    settings = (split, UNIT, torch.device("cpu"), {"crop_padding": 2, "cutout": 5})
    mapped = Batches(*settings)
    monkeypatch.setattr(batches, "COPIED", 64)
    bytes_needed = len(split) * (split.images[0].nbytes + (split.masks[0].nbytes if masks else 0))
    monkeypatch.setattr(batches, "room", lambda device, jobs: bytes_needed)
    assert Batches(*settings).rows is None  # it must leave some room
    monkeypatch.setattr(batches, "room", lambda device, jobs: bytes_needed + 1)
    resident = Batches(*settings)
    assert len(resident.images) == len(split) < len(split.images)  # not those of the other split
    seen = []
    for data in (mapped, resident):
        torch.manual_seed(0)
        seen.append([*data.epoch(32, seed=1), *data.ordered(77)])
    for first, second in zip(*seen, strict=True):
        for one, other in zip(first, second, strict=True):
            assert (one is other is None) or torch.equal(one, other)


def test_jobs_that_share_a_device_share_the_room_for_images(monkeypatch):
    device = torch.device("cuda")
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda where: (1000, 4000))
    assert batches.room(device, jobs=1) == 2 * batches.room(device, jobs=2) == 1000 * batches.RESIDENT_SHARE
    assert batches.room(torch.device("cpu"), jobs=1) == 0


def test_larger_batches_on_gpus_only():
    assert batches.at_once(500, torch.device("cpu")) == 500 < batches.at_once(500, torch.device("cuda"))


def test_numbers_of_channels_are_made_once(few_digits):
    first = batches.by_channel((0.1, 0.2), torch.float32, torch.device("cpu"))
    assert first.shape == (1, 2, 1, 1)
    assert batches.by_channel((0.1, 0.2), torch.float32, torch.device("cpu")) is first


def test_sets_without_masks_have_none(data):
    assert next(data.ordered()).masks is None
