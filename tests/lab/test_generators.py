"""Every model that draws images can be opened from a run and drawn from."""

import jax
import numpy as np
import pytest

from jaxgan import game
from jaxgan.lab import inference
from jaxgan.lab.measure import generators
from jaxgan.models import acgan, dcgan, wgan_gp
from jaxgan.models.model import find

OTHERS = {"points_gan", "progressive"}  # draw points; need a step, have no experiment
RECORDS = {
    name: record
    for name, record in find().items()
    if record.sample and record.latent and name not in OTHERS
}


def opened(name, record, config, variables=None):
    """A run that has just begun."""
    init = game.algorithm(record.game(config)).init
    state = jax.eval_shape(
        lambda key: init(key, record.batch(config, key, 4)), jax.random.key(0)
    )
    variables = game.variables(state) if variables is None else variables
    return inference.Trained(
        name, record, config, variables, 0, {"run": {"batch_size": 4}}
    )


def test_there_are_as_many_as_the_library_has():
    assert {"acgan", "cgan", "dcgan", "gan", "infogan", "vae", "wgan_gp"} <= set(
        RECORDS
    )


@pytest.mark.parametrize("name", sorted(RECORDS))
def test_shapes_follow_from_the_configuration(name):
    record = RECORDS[name]
    generator = opened(name, record, record.config())
    drawn = generators.drawn(generator, 6, 0)
    assert drawn.shape == inference.image_shape(generator)
    labelled = {
        "acgan",
        "age_cgan",
        "biggan",
        "cdcgan",
        "cdcgan_images",
        "cgan",
        "lapgan",
        "r3gan_images",
    }
    assert drawn.labelled == (name in labelled)
    assert drawn.count == 6


def test_vectors_are_no_images():
    generator = opened("wgan_gp", wgan_gp.MODEL, wgan_gp.Config())
    with pytest.raises(ValueError, match="not images"):
        generators.drawn(generator, 6, 0)


def test_labels_go_through_the_classes_in_turn():
    generator = opened("acgan", acgan.MODEL, acgan.Config())
    zeros = jax.tree.map(
        lambda x: np.zeros(x.shape, x.dtype), dict(generator.variables)["generator"]
    )
    generator = generator._replace(variables={"generator": zeros})
    blocks = list(generators.drawn(generator, 13, 0).blocks(5))
    labels = np.concatenate([block.labels for block in blocks])
    assert labels.tolist() == [i % 10 for i in range(13)]


def test_pixels_are_those_of_the_models_own_range():
    config = dcgan.Config(resolution=8, width=2, kernel=4, latent=3)
    init = game.algorithm(dcgan.game(config)).init
    batch = dcgan.MODEL.batch(config, jax.random.key(0), 4)
    variables = game.variables(jax.jit(init)(jax.random.key(0), batch))
    generator = opened("dcgan", dcgan.MODEL, config, variables)
    (block,) = generators.drawn(generator, 4, 7).blocks(4)
    latent = dcgan.latent(config, jax.random.fold_in(jax.random.key(7), 0), 4)
    image = np.asarray(dcgan.sample(config, variables, latent))  # in [-1, 1]
    assert image.min() < -0.01
    exact = (image + 1) * 127.5
    assert np.abs(block.images - exact).max() <= 0.51


def test_a_diverged_generator_is_not_measured():
    """As bytes its NaN would be black pixels, which score like any others."""
    generator = opened("acgan", acgan.MODEL, acgan.Config())
    nan = jax.tree.map(
        lambda x: np.full(x.shape, np.nan, x.dtype),
        dict(generator.variables)["generator"],
    )
    generator = generator._replace(variables={"generator": nan})
    with pytest.raises(ValueError, match="draws NaN or infinite pixels"):
        list(generators.drawn(generator, 3, 0).blocks(3))
