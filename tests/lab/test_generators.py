"""Every model that draws images can be opened from a run and drawn from."""

import importlib
import pkgutil

import jax
import numpy as np
import pytest

from jaxgan import game, models
from jaxgan.lab import trained
from jaxgan.lab.measure import generators
from jaxgan.models import acgan, dcgan, wgan_gp

OTHERS = {"points_gan", "progressive"}  # draw points; need a step, have no experiment
MODULES = [
    name
    for _, name, _ in pkgutil.iter_modules(models.__path__)
    if {"game", "sample", "latent"}
    <= set(dir(importlib.import_module(f"jaxgan.models.{name}")))
    and name not in OTHERS
]


def test_there_are_as_many_as_the_library_has():
    assert {"acgan", "cgan", "dcgan", "gan", "infogan", "vae", "wgan_gp"} <= set(
        MODULES
    )


@pytest.mark.parametrize("name", MODULES)
def test_shapes_follow_from_the_configuration(name):
    module = importlib.import_module(f"jaxgan.models.{name}")
    config = (wgan_gp.ImageConfig if name == "wgan_gp" else module.Config)()
    played = game.algorithm(module.game(config))
    batch = trained.batch_for(module, config, 4)
    state = jax.eval_shape(played.init, jax.random.key(0), batch)
    plain = {"run": {"batch_size": 4}}
    generator = trained.Trained(module, config, game.variables(state), 0, plain)
    drawn = generators.drawn(generator, 6, 0)
    side = getattr(config, "resolution", 28)
    assert drawn.shape == (side, side, getattr(config, "channels", 1))
    assert drawn.labelled == (name in {"acgan", "cdcgan", "cgan"})
    assert drawn.count == 6


def test_vectors_are_no_images():
    config = wgan_gp.Config()
    batch = {"data": np.zeros((5, 4, 2), np.float32)}
    played = game.algorithm(wgan_gp.game(config))
    state = jax.eval_shape(played.init, jax.random.key(0), batch)
    generator = trained.Trained(
        wgan_gp, config, game.variables(state), 0, {"run": {"batch_size": 4}}
    )
    with pytest.raises(ValueError, match="not images"):
        generators.drawn(generator, 6, 0)


def test_labels_go_through_the_classes_in_turn():
    config = acgan.Config()
    batch = trained.batch_for(acgan, config, 4)
    state = jax.eval_shape(
        game.algorithm(acgan.game(config)).init, jax.random.key(0), batch
    )
    zeros = jax.tree.map(
        lambda x: np.zeros(x.shape, x.dtype), dict(game.variables(state))["generator"]
    )
    generator = trained.Trained(
        acgan, config, {"generator": zeros}, 0, {"run": {"batch_size": 4}}
    )
    blocks = list(generators.drawn(generator, 13, 0).blocks(5))
    labels = np.concatenate([block.labels for block in blocks])
    assert labels.tolist() == [i % 10 for i in range(13)]


def test_pixels_are_those_of_the_models_own_range():
    config = dcgan.Config(resolution=8, width=2, kernel=4, latent=3)
    played = game.algorithm(dcgan.game(config))
    batch = trained.batch_for(dcgan, config, 4)
    variables = game.variables(jax.jit(played.init)(jax.random.key(0), batch))
    generator = trained.Trained(dcgan, config, variables, 0, {"run": {"batch_size": 4}})
    (block,) = generators.drawn(generator, 4, 7).blocks(4)
    latent = dcgan.latent(config, jax.random.fold_in(jax.random.key(7), 0), 4)
    image = np.asarray(dcgan.sample(config, variables, latent))  # in [-1, 1]
    assert image.min() < -0.01
    exact = (image + 1) * 127.5
    assert np.abs(block.images - exact).max() <= 0.51
