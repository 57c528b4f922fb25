"""A trained model as functions: steady drawing and judging, and its refusals."""

import dataclasses
import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan.lab import inference, restored
from jaxgan.models import capsnet


def test_an_image_does_not_depend_on_its_company(tiny_run, untouched):
    before = untouched(tiny_run)
    trained = inference.open_run(tiny_run)
    assert (trained.name, trained.step, trained.classes) == ("dcgan", 2, 0)
    draw = jax.jit(inference.drawing(trained))
    z = inference.latents(trained, jax.random.key(1), 5)
    np.testing.assert_allclose(draw(z)[:2], draw(z[:2]), atol=1e-6)
    assert float(draw(z).std()) > 0
    assert before == untouched(tiny_run)


def test_the_held_norms_are_those_of_a_large_batch(tiny_run):
    trained = inference.open_run(tiny_run)
    z = inference.latents(trained, jax.random.key(7), inference.REFERENCE)
    drawn = inference.drawing(trained, seed=7)(z)
    batch = inference.sampled(trained, z, None)
    np.testing.assert_allclose(drawn, batch, atol=1e-4)


def test_a_judgement_does_not_depend_on_its_company(tiny_run):
    trained = inference.open_run(tiny_run)
    images, labels = inference.training_images(trained)
    assert images.shape == (40, 16, 16, 3)
    assert sorted(labels) == sorted([0, 1, 2, 3] * 10)
    judge = jax.jit(inference.judging(trained, images))
    real = inference.from_uint8(trained, images)
    np.testing.assert_allclose(judge(real)[:3], judge(real[:3]), atol=1e-6)


def test_bytes_and_pixels_of_the_model(tiny_run):
    trained = inference.open_run(tiny_run)
    assert inference.range_of(trained) == (-1.0, 1.0)
    levels = np.arange(256, dtype=np.uint8).reshape(1, 16, 16, 1)
    pixels = inference.from_uint8(trained, levels)
    np.testing.assert_allclose(np.ravel(pixels)[[0, 255]], [-1, 1], atol=1e-6)
    back = np.asarray(inference.to_uint8(trained, pixels))
    np.testing.assert_array_equal(back, levels)


def test_an_untrained_model_differs_by_its_weights_alone(tiny_run):
    trained = inference.open_run(tiny_run)
    fresh = inference.untrained(trained, seed=5)
    assert fresh.step == 0
    one, two = trained.variables, fresh.variables
    assert jax.tree.map(jnp.shape, one) == jax.tree.map(jnp.shape, two)
    kernels = (x["generator"]["params"]["project"]["kernel"] for x in (one, two))
    assert float(abs(next(kernels) - next(kernels)).max()) > 1e-3


def test_fields_that_came_later_are_what_the_library_did_before(tmp_path):
    """A CapsNet that was trained before `primary` was a word had its printed form."""
    new = capsnet.Config(types=5)
    plain = dataclasses.asdict(new)
    del plain["primary"]
    game = f"{capsnet.__name__}.Config"
    (tmp_path / "config.json").write_text(json.dumps({"model": plain, "game": game}))
    _, _, config = restored.described(tmp_path)
    assert config == dataclasses.replace(new, primary="printed")
    assert restored.defaults(new)["primary"] == "printed"
    assert (new.primary, restored.defaults(new)["types"]) == ("released", 32)


def test_what_cannot_be_had_is_refused(tiny_run, unsaved_run, classifier_run):
    with pytest.raises(ValueError, match="no checkpoint"):
        inference.open_run(unsaved_run)
    trained = inference.open_run(tiny_run)
    images, _ = inference.training_images(trained, 4)
    assert len(images) == 4
    with pytest.raises(ValueError, match="no net 'critic'; it has disc"):
        inference.judging(trained, images, net="critic")
    with pytest.raises(ValueError, match="'generator' of dcgan does not look at"):
        inference.judging(trained, images, net="generator")
    other = inference.open_run(classifier_run)
    with pytest.raises(ValueError, match="draws no images"):
        inference.latents(other, jax.random.key(0), 1)
    logits = inference.judging(other, images, net="network")
    assert logits(inference.from_uint8(other, images))[1].shape == (4, 4)


def test_classes_left_out_of_training_are_left_out_here(tiny_run):
    trained = inference.open_run(tiny_run)
    data = trained.plain["data"] | {"leave_out": [1, 3]}
    trained = trained._replace(plain=trained.plain | {"data": data})
    _, labels = inference.training_images(trained)
    assert sorted(labels) == sorted([0, 2] * 10)
    images, labels = inference.training_images(trained, 6, seed=1)
    assert len(images) == 6
    assert set(labels) <= {0, 2}
