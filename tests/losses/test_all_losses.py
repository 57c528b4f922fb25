"""Properties that every public loss has."""

import doctest
import importlib
import inspect
import pkgutil
import re
import subprocess
import sys

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from loss_cases import CASES, WITHOUT_CASE

from jaxgan import losses

INDEPENDENT = {name: case for name, case in CASES.items() if case.independent}
ORDERLESS = {name: case for name, case in INDEPENDENT.items() if not case.positional}
every_loss = pytest.mark.parametrize("name", CASES)
per_example = pytest.mark.parametrize("name", INDEPENDENT)
orderless = pytest.mark.parametrize("name", ORDERLESS)

MODULES = [
    info.name for info in pkgutil.walk_packages(losses.__path__, "jaxgan.losses.")
]


def close(actual, wanted, tolerance=1e-6):
    np.testing.assert_allclose(actual, wanted, rtol=tolerance, atol=tolerance)


def all_values(args):
    return {name: CASES[name].fn(*args[name]) for name in args}


# Few programs, each of all losses: one compilation for all of them together is ten
# times faster than one for each.
@jax.jit
def values_and_gradients(args):
    return {name: CASES[name].value_and_gradients(*args[name]) for name in args}


def values(args):
    return {name: value for name, (value, _, _) in values_and_gradients(args).items()}


def arrays(cases=CASES, **kwargs):
    return {name: case.arrays(**kwargs) for name, case in cases.items()}


def map_floating(function, args):
    """Applies `function(array, i)` to the floating arguments."""
    return {
        name: tuple(
            function(a, i) if i in CASES[name].floating else a
            for i, a in enumerate(given)
        )
        for name, given in args.items()
    }


@pytest.fixture(scope="module")
def compiled():
    """The values of all losses on their standard arguments."""
    return values(arrays())


def test_every_public_loss_has_a_case():
    covered = {name.split(",")[0] for name in CASES}
    assert covered | WITHOUT_CASE == set(losses.__all__)
    assert not covered & WITHOUT_CASE


@pytest.fixture(scope="module")
def half():
    args = map_floating(lambda a, _: jnp.asarray(a, jnp.bfloat16), arrays())
    wide = map_floating(lambda a, _: np.asarray(a, np.float32), args)
    return jax.jit(all_values)(args), values(wide)


@pytest.mark.slow
@every_loss
def test_bfloat16_is_computed_in_float32(half, name):
    of_half, of_wide = half
    assert of_half[name].dtype == jnp.float32
    close(of_half[name], of_wide[name])


@pytest.fixture(scope="module")
def extremes():
    def filled(even, odd):
        signs = map_floating(
            lambda a, i: np.full_like(a, odd if i % 2 else even), arrays()
        )
        return {
            name: tuple(
                a if a.dtype == np.int32 else a * np.float32(CASES[name].large)
                for a in given
            )
            for name, given in signs.items()
        }

    signs = [(1, 1), (-1, -1), (1, -1), (-1, 1), (0, 0)]
    return [values_and_gradients(filled(*sign)) for sign in signs]


def test_bfloat16_gradients_of_logits_are_finite():
    logits = {n: c for n, c in CASES.items() if set(c.args) == {()}}
    args = {
        n: tuple(jnp.full(4, (-1) ** i * c.large, jnp.bfloat16) for i in range(k))
        for n, c in logits.items()
        for k in [len(c.args)]
    }
    result = values_and_gradients(args)
    chex.assert_tree_all_finite(result)
    assert result["hinge_discriminator_loss"][2][0].dtype == jnp.bfloat16


@every_loss
def test_values_and_gradients_are_finite_for_large_arguments_and_zeros(extremes, name):
    for result in extremes:
        chex.assert_tree_all_finite(result[name])


@pytest.fixture(scope="module")
def slopes():
    """Slopes along random directions in float64, exact and by central differences.

    For each loss and floating argument: from the gradient, and from two values.
    """
    rng = np.random.default_rng(0)
    with jax.enable_x64(True):
        args = arrays(batch=2, seed=3, dtype=np.float64)
        exact = values_and_gradients(args)
        found = {name: [] for name in CASES}
        for argument in [*range(4)] * 2:
            here = {
                name: case.floating[argument]
                for name, case in CASES.items()
                if argument < len(case.floating)
            }
            along = {
                name: rng.normal(size=args[name][i].shape) for name, i in here.items()
            }

            def moved(step, here=here, along=along):
                return values_and_gradients(
                    args
                    | {
                        name: tuple(
                            a + step * along[name] if i == here[name] else a
                            for i, a in enumerate(args[name])
                        )
                        for name in here
                    }
                )

            up, down = moved(1e-6), moved(-1e-6)
            for name in here:
                gradient = np.asarray(exact[name][2][argument])
                assert gradient.dtype == np.float64
                numeric = (float(up[name][1]) - float(down[name][1])) / 2e-6
                found[name].append(((gradient * along[name]).sum(), numeric))
    return found


@pytest.mark.slow
@every_loss
def test_gradients_equal_float64_finite_differences(slopes, name):
    for exact, numeric in slopes[name]:
        if CASES[name].differentiable:
            close(exact, numeric, 2e-6)
        else:
            assert exact == 0.0


@pytest.fixture(scope="module")
def mixed():
    """Values of batches whose third example alone is the standard one."""
    args, others = arrays(INDEPENDENT), arrays(CASES, seed=1)
    for name, given in args.items():
        for other, a in zip(others[name], given, strict=True):
            other[2] = a[2]
    return values(others)


@per_example
def test_an_example_does_not_depend_on_the_others(compiled, mixed, name):
    assert len(compiled[name]) == 4
    close(mixed[name][2], compiled[name][2])


@pytest.fixture(scope="module")
def permuted():
    return values({n: tuple(a[ORDER] for a in v) for n, v in arrays().items()})


ORDER = np.array([2, 0, 3, 1])


@orderless
def test_order_of_examples_does_not_matter(compiled, permuted, name):
    close(permuted[name], compiled[name][ORDER])


@pytest.fixture(scope="module")
def one_by_one():
    args = {n: tuple(a[:, None] for a in v) for n, v in arrays(ORDERLESS).items()}
    return jax.jit(jax.vmap(all_values))(args)


@orderless
def test_vmap_over_examples_is_the_batch(compiled, one_by_one, name):
    close(one_by_one[name][:, 0], compiled[name])


@pytest.fixture(scope="module")
def with_nan():
    def spoil(argument):
        def set_nan(a, i):
            a = a.copy()
            a[1] = np.nan if i == argument else a[1]
            return a

        return set_nan

    return [values(map_floating(spoil(i), arrays())) for i in range(4)]


@per_example
def test_nan_reaches_its_example_and_no_other(with_nan, name):
    for i in CASES[name].floating:
        value = np.asarray(with_nan[i][name]).reshape(4, -1)
        assert np.isnan(value[1]).all()
        assert not np.isnan(value[[0, 2, 3]]).any()


# Losses that do more than arithmetic: differentiate, draw, look up, slide a window.
VARIED = (
    "auxiliary_classification_loss",
    "dragan_penalty",
    "gradient_penalty",
    "inpainting_weights",
    "multi_scale_ssim",
    "path_length_penalty",
    "perceptual_loss",
    "pulling_away_term",
    "reparameterise",
    "spread_loss",
)


def test_pmap_agrees():
    """On two devices; the doctests run every loss eagerly."""
    given = arrays({name: CASES[name] for name in VARIED}, batch=8)
    parts = {
        name: tuple(a.reshape(2, 4, *a.shape[1:]) for a in args)
        for name, args in given.items()
    }
    found = jax.pmap(all_values, devices=jax.devices()[:2])(parts)
    for device in range(2):
        here = {name: tuple(a[device] for a in args) for name, args in parts.items()}
        wanted = values(arrays() | here)
        for name in VARIED:
            close(found[name][device], wanted[name])


@pytest.mark.parametrize("module", MODULES)
def test_doctests(module):
    class Checker(doctest.OutputChecker):
        """Compares numbers to five digits."""

        def check_output(self, want, got, flags):
            def rounded(text):
                number = r"-?\d+\.\d*(?:e[+-]?\d+)?"
                return re.sub(number, lambda m: f"{float(m[0]):.5g}", text)

            return super().check_output(rounded(want), rounded(got), flags)

    names = {"jax": jax, "jnp": jnp}
    tests = doctest.DocTestFinder().find(
        importlib.import_module(module), extraglobs=names
    )
    runner = doctest.DocTestRunner(Checker(), verbose=False)
    for test in tests:
        result = runner.run(test)
        assert not result.failed, test.name
        name = test.name.removeprefix(f"{module}.")
        is_public = not any(part.startswith("_") for part in test.name.split("."))
        if is_public and inspect.isfunction(test.globs.get(name)):
            assert test.examples, f"{test.name} has no example"
            assert "References:" in test.docstring, f"{test.name} names no source"
            assert "Returns:" in test.docstring, f"{test.name} gives no shapes"


@pytest.mark.parametrize("name", sorted(losses.__all__))
def test_arguments_come_in_the_order_of_the_field(name):
    function = getattr(losses, name)
    if not inspect.isfunction(function):
        return
    parameters = inspect.signature(function).parameters
    names = [n for n, p in parameters.items() if p.kind != p.KEYWORD_ONLY]
    for first, second in [("real", "fake"), ("target", "prediction")]:
        pair = [n for n in names if n.split("_")[0] in (first, second)]
        assert pair == sorted(pair, key=lambda n: not n.startswith(first))
    keywords = [p.name for p in parameters.values() if p.kind == p.KEYWORD_ONLY]
    numbers = {
        p.name
        for p in parameters.values()
        if isinstance(p.default, int | float) and p.name != "log_variance"
    }
    if "optax" not in str(inspect.signature(function).return_annotation):
        assert numbers <= set(keywords)


PLAIN = {
    name
    for name, case in CASES.items()
    if name in losses.__all__ and len(case.floating) == len(case.args)
} - {
    # not called with their own arguments, and tested beside their source
    "boundary_seeking_discrete_generator_loss",
    "inpainting_weights",
    "multi_scale_ssim",
    "multi_scale_ssim_loss",
}


@pytest.mark.parametrize("name", sorted(PLAIN))
def test_bad_input_is_refused_when_tracing(name):
    case = CASES[name]
    parameters = inspect.signature(getattr(losses, name)).parameters.values()
    names = [p.name for p in parameters if p.kind == p.POSITIONAL_OR_KEYWORD]
    if "critic_fn" in names or "synthesis_fn" in names:
        names = names[1:]
    names = names[: len(case.args)]
    right = [(4, *spec) for spec in case.args]

    def refused(error, shapes, *words, dtype=jnp.float32):
        args = [jax.ShapeDtypeStruct(shape, dtype) for shape in shapes]
        with pytest.raises(error) as caught:
            jax.eval_shape(case.fn, *args)
        for word in words:
            assert word in str(caught.value)

    refused(TypeError, right, names[0], "int32", "floating", dtype=jnp.int32)
    refused(ValueError, [(0, *shape[1:]) for shape in right], names[0], "(0")
    refused(ValueError, [()] * len(right), names[0], "()", "rank")
    if name.endswith("_terms") or name in (
        "convergence_measure",
        "feature_matching_loss",
    ):
        return  # batches may differ in size
    for i in range(1, len(right)):
        tail = right[i][1:]
        for wrong in [(4, 1, *tail), (1, 4, *tail), (5, *tail)]:
            shapes = [*right[:i], wrong, *right[i + 1 :]]
            refused(ValueError, shapes, names[i], str(wrong))


def test_import_pulls_in_none_of_the_heavy_libraries():
    code = (
        "import sys; import jaxgan.losses; "
        "print([m for m in ('flax', 'orbax', 'grain', 'tensorflow_datasets', 'optax', "
        "'tensorflow', 'torch') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"
