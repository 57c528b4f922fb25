"""Samples for sheets and scores: a row for each class, blocks of one size."""

import dataclasses

import jax
import numpy as np
import pytest

from jaxgan.lab import data as lab_data
from jaxgan.lab import generator
from jaxgan.models import cdcgan, dcgan, lsgan, wgan_gp
from jaxgan.train import Run


def drawing(classes):
    """Images that are their latent, with 100 times the label added."""
    record = cdcgan.MODEL._replace(
        latent=lambda model, key, count: jax.random.normal(key, (count, 3)),
        sample=lambda model, v, latent, *label: (
            latent + 100.0 * label[0][:, None] if label else latent
        ),
    )
    return generator.Drawing(
        record, dataclasses.replace(cdcgan.Config(), classes=classes)
    )


def test_a_conditional_sheet_has_one_latent_a_column_and_one_label_a_row():
    latent, labels = drawing(10).sheet(jax.random.key(0), 100)
    table = np.asarray(latent).reshape(10, 10, 3)
    np.testing.assert_array_equal(table, np.broadcast_to(table[:1], table.shape))
    assert len(np.unique(table[0, :, 0])) == 10
    np.testing.assert_array_equal(labels.reshape(10, 10), np.indices((10, 10))[0])
    few, labels = drawing(3).sheet(jax.random.key(0), 100)
    assert len(few) == len(labels) == 30
    free, _ = drawing(0).sheet(jax.random.key(0), 100)
    assert len(np.unique(free[:, 0])) == 100


def test_many_images_are_drawn_in_blocks_with_classes_in_turn(monkeypatch):
    monkeypatch.setattr(generator, "BLOCK", 20)
    some = drawing(10)
    images, labels = some.many(some.compiled(), {}, jax.random.key(0), count=50)
    assert images.shape == (50, 3)
    np.testing.assert_array_equal(labels, np.arange(50) % 10)
    np.testing.assert_array_equal(np.round(images[:, 0] / 100), labels)
    assert len(np.unique(images[:, 0] - 100 * labels)) == 50


@pytest.mark.parametrize(
    ("record", "model", "shape"),
    [
        (lsgan.MODEL, lsgan.Config(), (28, 28, 1)),
        (dcgan.MODEL, dcgan.Config(resolution=32), (32, 32, 3)),
        (wgan_gp.MODEL, wgan_gp.ImageConfig(), (28, 28, 1)),
    ],
)
def test_records_tell_the_shape_of_images(record, model, shape):
    assert generator.image_shape(record, model) == shape


@pytest.mark.parametrize("mirrored", [False, True])
@pytest.mark.parametrize("images", ["one", "two", "alike", "four"])
def test_samples_have_neighbours_in_the_smallest_sets(tmp_path, images, mirrored):
    drawn = np.random.default_rng(0).integers(0, 256, (4, 4, 4, 1), np.uint8)
    some = {"one": drawn[:1], "two": drawn[:2], "alike": drawn[[0] * 4], "four": drawn}
    opened = lab_data.of_arrays({"image": some[images]})
    opened = dataclasses.replace(opened, data=lab_data.Data(flip=mirrored))
    ratio, pictures = generator._neighbours(Run(tmp_path), drawn, opened)
    (about, path), *_ = pictures.items()
    assert path.is_file()
    assert np.isfinite(ratio) == (images in ("two", "four")) == ("distance" in about)
