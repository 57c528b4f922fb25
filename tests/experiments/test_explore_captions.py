"""The page of experiments.explore for a model that draws what captions say."""

import dataclasses

import jax.numpy as jnp
import numpy as np
import pytest
from explored import assert_same, start, untrained

from experiments.explore import generator
from experiments.explore.generator import Choice
from jaxgan.lab import captioned, inference
from jaxgan.models import gan_cls


def test_captions_of_a_model_that_draws_from_them():
    config = gan_cls.MODEL.tiny
    config = dataclasses.replace(config, text=len(captioned.facts(["a man"])[0]))
    model = untrained(gan_cls, config)
    plain = model.plain | {"encoder": "facts", "data": {"people": 60}}
    shown = generator.explorer(model._replace(plain=plain), images=0)
    assert [x.kind for x in shown.sliders] == ["code"] * config.latent
    assert generator.facts(shown)["data"] == "drawn portraits with captions"
    still = (0.0,) * len(shown.sliders)

    def drawn(said):
        return generator.picture(shown, Choice(3, 0, still, said))

    text = jnp.asarray(captioned.facts(["a bald man"]))
    wanted = gan_cls.sample(
        config, model.variables, text, jnp.asarray(start(shown.trained, 3)), "running"
    )
    assert_same(
        drawn("a bald man")[None], np.asarray(inference.to_uint8(model, wanted))
    )
    assert (drawn("a bald man") != drawn("an old woman")).any()
    frames = generator.walk(shown, (3, 4), Choice(0, 0, still, "a bald man"), frames=2)
    assert_same(frames[:1], drawn("a bald man")[None])
    with pytest.raises(
        ValueError, match="nothing is known of 'hello'; describe a face"
    ):
        drawn("hello")
