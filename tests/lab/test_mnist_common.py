"""What the experiments on digits share: sets, batches, sheets, refusals."""

import types

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan import parallel, train
from jaxgan.lab import data as lab_data
from jaxgan.lab import mnist


def npz(path, **more):
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (40, 28, 28), np.uint8)
    np.savez(path, images=images, **more)
    return mnist.Data(f"npz:{path}")


@pytest.fixture
def data(tmp_path):
    return npz(tmp_path / "set.npz", labels=np.arange(40) % 10)


@pytest.mark.parametrize("repeats", [1, 3])
def test_batches_of_the_resident_set_are_those_of_the_stream(
    tmp_path, data, monkeypatch, repeats
):
    sets = mnist.open_sets(data)
    run = train.Run(workdir=tmp_path, batch_size=16, seed=5)
    mesh = parallel.mesh(jax.devices()[:1])

    def batches():
        feed = mnist.feed(sets, run, mesh, repeats)
        items, prepare = feed.items(2), jax.jit(feed.prepare)  # past the first epoch
        return feed, [prepare(feed.arrays, next(items)) for _ in range(3)]

    resident, one = batches()
    monkeypatch.setattr(lab_data, "RESIDENT_BYTES", 0)
    streamed, other = batches()
    assert resident.arrays
    assert not streamed.arrays
    chex.assert_trees_all_equal(one, other)
    shape = (16, 28, 28, 1) if repeats == 1 else (3, 16, 28, 28, 1)
    assert one[0]["image"].shape == shape
    assert one[0]["image"].dtype == jnp.float32
    assert 0 <= one[0]["image"].min() < 0.1
    assert 0.9 < one[0]["image"].max() <= 1
    # Labels stay with their images.
    of = {x.tobytes(): y for x, y in zip(*sets.train.values(), strict=True)}
    images = np.round(np.asarray(one[0]["image"]) * 255).astype(np.uint8)
    images, labels = images.reshape(-1, 28, 28, 1), one[0]["label"].reshape(-1)
    assert [of[x.tobytes()] for x in images] == labels.tolist()


def test_a_conditional_sheet_has_one_latent_a_column_and_one_label_a_row():
    module = types.SimpleNamespace(
        latent=lambda model, key, count: jax.random.normal(key, (count, 3))
    )
    latent, labels = mnist._sheet(module, None, 0, True)
    table = np.asarray(latent).reshape(10, 10, 3)
    np.testing.assert_array_equal(table, np.broadcast_to(table[:1], table.shape))
    assert len(np.unique(table[0, :, 0])) == 10
    np.testing.assert_array_equal(
        labels.reshape(10, 10), np.arange(10)[:, None] + 0 * labels.reshape(10, 10)
    )
    free, _ = mnist._sheet(module, None, 0, False)
    assert len(np.unique(free[:, 0])) == 100


def test_many_images_are_drawn_in_blocks_with_classes_in_turn(monkeypatch):
    monkeypatch.setattr(mnist, "BLOCK", 20)
    module = types.SimpleNamespace(
        latent=lambda model, key, count: jax.random.normal(key, (count, 1)),
        sample=lambda model, variables, latent, label: latent + 100.0 * label[:, None],
    )
    draw = mnist.drawer(module, None, conditional=True)
    images, labels = mnist.draw_many(
        module, None, draw, {}, jax.random.key(0), count=50
    )
    assert images.shape == (50, 1)
    np.testing.assert_array_equal(labels, np.arange(50) % 10)
    np.testing.assert_array_equal(np.round(images[:, 0] / 100), labels)
    assert len(np.unique(images - 100 * labels[:, None])) == 50


def test_labels_are_asked_for_only_where_they_are_needed(tmp_path):
    data = npz(tmp_path / "plain.npz")
    with pytest.raises(ValueError, match="has no labels; every image needs its class"):
        mnist.open_sets(data)
    assert "label" not in mnist.open_sets(data, labelled=False).train


def test_a_file_that_is_not_idx_is_refused_in_a_sentence(tmp_path):
    path = tmp_path / "train-images-idx3-ubyte"
    path.write_bytes(b"no images at all")
    with pytest.raises(ValueError, match="idx"):
        mnist.open_sets(mnist.Data(f"idx:{path}"))
