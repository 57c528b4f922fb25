"""BigGAN: the networks of the authors' code, chunks of latents, the penalty."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxgan.compose import parameter_count
from jaxgan.game import algorithm
from jaxgan.models import biggan

TINY = biggan.MODEL.tiny


def shapes(config):
    """The variables of both networks, abstractly."""
    side, key = config.resolution, jax.random.key(0)
    label, image = jnp.zeros(1, jnp.int32), jnp.zeros((1, side, side, 3))
    latent = jnp.zeros((1, config.latent))
    generator, discriminator = biggan.Generator(config), biggan.Discriminator(config)
    drawn, made = jax.eval_shape(generator.init_with_output, key, latent, label)
    assert drawn.shape == image.shape
    score, judged = jax.eval_shape(discriminator.init_with_output, key, image, label)
    assert score.shape == (1,)
    return made, judged


def names(tree):
    return {
        jax.tree_util.keystr(path, simple=True, separator="/")
        for path, _ in jax.tree.leaves_with_path(tree)
    }


def test_networks_are_as_large_as_those_for_cifar():
    made, judged = shapes(biggan.Config())
    counts = tuple(parameter_count(x["params"]) for x in (made, judged))
    assert counts == (4_304_387, 4_207_361)
    # Tables of classes have no spectral norm, all other weights have one.
    assert not any("Norm" in name for name in names(made["spectral"]))
    kernels = [name for name in names(made["params"]) if name.endswith("kernel")]
    assert len(names(made["spectral"])) == 2 * len(kernels)


def test_networks_for_imagenet_have_chunks_attention_and_a_shared_embedding():
    made, judged = shapes(biggan.IMAGENET)
    counts = tuple(parameter_count(x["params"]) for x in (made, judged))
    assert counts == (70_433_988, 87_982_370)
    params = made["params"]
    assert params["embed"]["kernel"].shape == (1000, 128)
    assert params["project"]["kernel"].shape == (20, 16 * 16 * 96)
    for i in range(5):
        norms = params[f"UpBlock_{i}"]
        assert norms["ConditionalBatchNorm_0"]["gain"].shape[0] == 148
    assert params["SelfAttention_0"]["query"]["kernel"].shape == (1, 1, 192, 24)
    assert "embed/vectors/0" not in names(made["spectral"])


@pytest.mark.parametrize("resolution", [64])
def test_other_sizes_fit_too(resolution):
    shapes(biggan.Config(resolution=resolution, width=2))


def test_the_penalty_is_of_all_matrices_but_the_embedding():
    made, _ = shapes(TINY)
    rng = np.random.default_rng(0)
    params = jax.tree.map(lambda x: rng.normal(size=x.shape), made["params"])
    total = 0.0
    for path, leaf in jax.tree.leaves_with_path(params):
        if leaf.ndim >= 2 and path[0].key != "embed":
            w = leaf.reshape(-1, leaf.shape[-1])
            gram = w.T @ w
            total += np.square(gram - np.diag(np.diag(gram))).sum()
    found = jax.jit(biggan.not_orthogonal)(params)
    np.testing.assert_allclose(found, total, rtol=1e-5)


def test_the_penalty_is_the_generator_s():
    batch = biggan.batch(TINY, jax.random.key(0), 4)
    for penalty in (0.0, 0.5):
        config = dataclasses.replace(TINY, penalty=penalty)
        run = algorithm(biggan.game(config))
        state = jax.eval_shape(run.init, jax.random.key(0), batch)
        _, metrics = jax.eval_shape(run.step, state, batch)
        assert ("generator/orthogonal" in metrics) == (penalty > 0)
        assert "discriminator/orthogonal" not in metrics


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"latent": 10, "hierarchical": True, "embedding": 4},
            "4 equal chunks; use 12",
        ),
        ({"hierarchical": True}, "need a class embedding"),
        ({"attention": 32}, "attention is 32, but images have 32 pixels"),
        ({"classes": 1}, "classes is 1; it must be at least 2"),
    ],
)
def test_wrong_settings_are_refused(change, message):
    with pytest.raises(ValueError, match=message):
        biggan.Config(**change)
