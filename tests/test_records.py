"""The records of all models: there is one of each, and its configuration has bounds."""

import dataclasses
import importlib
import pkgutil

import jax
import pytest

import jaxgan.models
from jaxgan.models.model import Model, find, named

MODELS = find()


def test_every_game_below_the_models_has_a_record():
    for module in pkgutil.walk_packages(jaxgan.models.__path__, "jaxgan.models."):
        content = importlib.import_module(module.name)
        if callable(getattr(content, "game", None)):
            name = module.name.rpartition(".")[2]
            assert isinstance(getattr(content, "MODEL", None), Model), module.name
            assert content.MODEL.game is content.game
            assert MODELS[name] is named(name) is content.MODEL


def test_a_name_of_no_model_is_refused():
    with pytest.raises(ValueError, match="no model 'dcgam'; it has acgan, "):
        named("dcgam")


@pytest.mark.parametrize("model", MODELS.values(), ids=list(MODELS))
def test_a_record_fits_the_paper_s_configuration(model):
    config = model.config()
    made = jax.eval_shape(lambda: model.batch(config, jax.random.key(0), 2))
    axis = int(model.game(config).repeats > 1)
    assert {x.shape[axis] for x in made.values()} == {2}
    assert dataclasses.is_dataclass(config)
    assert (model.latent is None) == (model.sample is None)
    if model.labels:
        assert config.classes == 0 or config.classes > 1


FREE = {  # numbers of which any finite one makes sense
    "lsgan": ("fake_label", "real_label", "target"),
    "discriminator_only": ("low", "high"),
    "progressive": ("fade_from",),
}


@pytest.mark.parametrize("name", MODELS)
def test_every_number_of_a_configuration_has_a_bound(name):
    config = MODELS[name].config()
    for field in dataclasses.fields(config):
        value = getattr(config, field.name)
        some = value[0] if isinstance(value, tuple) and value else value
        if isinstance(some, bool) or not isinstance(some, int | float):
            continue
        wrong = [float("nan"), *[-(10**6)] * (field.name not in FREE.get(name, ()))]
        for number in wrong:
            bad = (number, *value[1:]) if isinstance(value, tuple) else number
            with pytest.raises(ValueError, match=field.name):
                dataclasses.replace(config, **{field.name: bad})
