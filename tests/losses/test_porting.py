"""Runs every line of docs/porting.md against the other libraries' numbers.

The constants are those of TF-GAN's own tests (losses_impl_test.py, TF-GAN 2.1) and of
torchgan's (test_losses.py, torchgan 0.1); StudioGAN has no tests, so its published
formulas are written in NumPy.
"""

import pathlib
import re

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jaxgan import losses

PAGE = pathlib.Path(__file__).parents[2] / "docs" / "porting.md"
KEY = jax.random.key(0)


def read(page):
    """The lines of the page: {library: {name there: expression here}}."""
    lines, library = {}, ""
    for line in page.splitlines():
        if line.startswith("## "):
            library = line.removeprefix("## ")
            lines[library] = {}
        row = re.match(r"\| `([^`]+)` \| `([^`]+)` \|[^|]*\|$", line)
        if library and row:
            assert row[1] not in lines[library]
            lines[library][row[1]] = row[2]
        elif library and line.startswith("|"):
            assert re.match(r"\|(-+\|)+$|\| [\w-]+ \| jaxgan \| Differs in \|", line)
    return lines


LINES = read(PAGE.read_text())


def run(library, name, *, reduction="mean", **given):
    """The value of a line on the given inputs."""
    line = LINES[library][name]
    if reduction != "mean":
        assert line.endswith(".mean()")
        line = line.removesuffix(".mean()") + {"none": "", "sum": ".sum()"}[reduction]
    names = {"jax": jax, "jnp": jnp, "optax": optax, "losses": losses, "key": KEY}
    return eval(line, names | given)


def softplus(x):
    return np.logaddexp(0, np.asarray(x, np.float64))


def log_softmax(x):
    x = np.asarray(x, np.float64)
    return x - np.log(np.exp(x).sum(-1, keepdims=True))


def double(data):
    return 2 * data.sum(1)


def halved_square(data):
    """Its slope is the data."""
    return (0.5 * data**2).sum(1)


TF_CLASSES = {
    "fake_classes": np.array(
        [
            [10.0, 4.4, -5.5, 3.6],
            [-4.0, 4.4, 5.2, 4.6],
            [1.1, 2.4, -3.5, 5.6],
            [1.1, 2.4, -3.5, 5.6],
        ],
        "float32",
    ),
    "real_classes": np.array(
        [
            [-2.0, 0.4, 12.5, 2.7],
            [-1.2, 1.9, 12.3, 2.6],
            [-2.4, -1.7, 2.5, 2.7],
            [1.1, 2.4, -3.5, 5.6],
        ],
        "float32",
    ),
    "labels": np.array([1, 2, 0, 0]),
}
_LOGS = log_softmax(TF_CLASSES["real_classes"])
_SMOOTHED = 9.43950 - 0.1 * (_LOGS.mean() - _LOGS[range(4), [1, 2, 0, 0]].mean())
TF_LOGITS = {
    "real": np.array([-5.0, 1.4, 12.5, 2.7], "float32"),
    "fake": np.array([10.0, 4.4, -5.5, 3.6], "float32"),
}
TF_EXAMPLES = {
    "x": np.array([[-12.3, 23.2, 16.3, -43.2]], "float32"),
    "y": np.array([[3.1, 2.3, -12.3, 32.1]], "float32"),
    "mixed": np.zeros((1, 4), "float32"),
    "critic": double,
}
TF_CODES = {
    "q_logits": np.array([[1.0, 2.0]], "float32"),
    "codes": np.array([1]),
    "q_mean": np.zeros((1, 1), "float32"),
    "continuous": np.full((1, 1), 2.0, "float32"),
}
TF_SUMS = {
    "main": lambda v: 2.0 * v,
    "adversarial": lambda v: 3.0 * v,
    "v": np.float32(1.0),
}
TF_CYCLES = {
    "a": np.arange(1.0, 7.0).reshape(2, 3),
    "cycled_a": np.arange(7.0, 13.0).reshape(2, 3),
    "b": np.array([1.0, 9.0]),
    "cycled_b": np.array([-2.0, 3.0]),
}
TF_WEIGHTS = {
    "loss": np.array([1.0, 2.0, 4.0, 8.0]),
    "weights": np.array([0.0, 2.0, 1.0, 0.0]),
}
TF_HINGES = (
    np.maximum(0, 2 - TF_LOGITS["real"]) + np.maximum(0, 3 + TF_LOGITS["fake"])
).mean()
TF_GAN = {  # name: inputs, value
    "minimax_discriminator_loss": (TF_LOGITS, 6.19637),
    "minimax_generator_loss": (TF_LOGITS, -4.82408),
    "modified_discriminator_loss": (TF_LOGITS, 6.19637),
    "modified_generator_loss": (TF_LOGITS, 1.38582),
    "least_squares_discriminator_loss": (TF_LOGITS, 41.73375),
    "least_squares_generator_loss": (TF_LOGITS, 17.69625),
    "wasserstein_discriminator_loss": (TF_LOGITS, 0.22500),
    "wasserstein_generator_loss": (TF_LOGITS, -3.12500),
    "wasserstein_hinge_discriminator_loss": (TF_LOGITS, 6.7500),
    "wasserstein_hinge_discriminator_loss(real_hinge=2, generated_hinge=3)": (
        TF_LOGITS,
        TF_HINGES,
    ),
    "wasserstein_hinge_generator_loss": (TF_LOGITS, -3.12500),
    "acgan_discriminator_loss": (TF_CLASSES, 9.43950),
    "acgan_discriminator_loss(label_smoothing=0.1)": (TF_CLASSES, _SMOOTHED),
    "acgan_generator_loss": (TF_CLASSES, 3.84974),
    "wasserstein_gradient_penalty": (TF_EXAMPLES, 9.0),
    "wasserstein_gradient_penalty(one_sided=True)": (TF_EXAMPLES, 9.0),
    "wasserstein_gradient_penalty(target=2.0)": (TF_EXAMPLES, 1.0),
    "wasserstein_gradient_penalty(epsilon=1e-10)": (TF_EXAMPLES, 9.0),
    "mutual_information_penalty": (TF_CODES, 1.61610),
    "combine_adversarial_loss(weight_factor=2.0)": (TF_SUMS, 8.0),
    "combine_adversarial_loss(gradient_ratio=0.5)": (
        TF_SUMS,
        2.0 + 2.0 / (3.0 * 0.5) * 3.0,
    ),
    "cycle_consistency_loss": (TF_CYCLES, 5.25),
    "Reduction.NONE": (TF_WEIGHTS, [0.0, 4.0, 4.0, 0.0]),
    "Reduction.SUM": (TF_WEIGHTS, 8.0),
    "Reduction.MEAN": (TF_WEIGHTS, 8 / 3),
    "Reduction.SUM_OVER_BATCH_SIZE": (TF_WEIGHTS, 2.0),
    "Reduction.SUM_BY_NONZERO_WEIGHTS": (TF_WEIGHTS, 4.0),
    "real_weights, generated_weights": (
        TF_LOGITS | {"real_weights": 2.3, "fake_weights": 2.3},
        2.3 * 6.19637,
    ),
}

TORCH_LOGITS = {
    "real": np.array([1.3, 2.9, 8.4, 6.3], "float32"),
    "fake": np.array([4.8, 1.2, -3.5, 5.9], "float32"),
}
TORCH_POINTS = {
    "mixed": np.array([[3.0, 4.0], [6.0, 8.0]], "float32"),  # slopes of 5 and 10
    "critic": halved_square,
}
TORCH_CODES = {
    # torch broadcasts the codes [[0, 1], [1, 0]] against a batch of two distributions.
    "q_logits": np.array([[0.5, 0.5], [0.75, 0.25]] * 2, "float32"),
    "codes": np.array([0, 1, 1, 0]),
    "q_mean": np.array([[1.3, 4.6, 7.1], [0.2, 11.4, 1.0]], "float32"),
    "q_log_variance": 2 * np.log([[1.0, 0.5, 3.1], [0.2, 3.5, 4.9]]),
    "continuous": np.array([[1.4, 4.0, 5.0], [-1.0, 7.0, 2.0]], "float32"),
}
TORCHGAN = {  # name: inputs, values without reduction
    "minimax_discriminator_loss": (
        TORCH_LOGITS,
        [5.0492043, 1.5168452, 0.02997526, 5.90457],
    ),
    "minimax_generator_loss": (
        TORCH_LOGITS,
        [8.1960661e-03, 2.6328245e-01, 3.5297503e00, 2.7356991e-03],
    ),
    "minimax_generator_loss(nonsaturating=False)": (
        TORCH_LOGITS,
        -softplus(TORCH_LOGITS["fake"]),
    ),
    "least_squares_discriminator_loss": (TORCH_LOGITS, [11.565, 2.525, 33.505, 31.45]),
    "least_squares_generator_loss": (TORCH_LOGITS, [7.22, 0.02, 10.125, 12.005]),
    "wasserstein_discriminator_loss": (TORCH_LOGITS, [3.5, -1.7, -11.9, -0.4]),
    "wasserstein_generator_loss": (TORCH_LOGITS, [-4.8, -1.2, 3.5, -5.9]),
    "wasserstein_gradient_penalty": (TORCH_POINTS, [16.0, 81.0]),
    "dragan_gradient_penalty(k=5.0)": (TORCH_POINTS, [0.0, 25.0]),
    "mutual_information_penalty": (TORCH_CODES, [0.7086121, 4.491654]),
    "auxiliary_classification_loss": (
        {"real_classes": np.zeros((2, 4), "float32"), "labels": np.array([0, 3])},
        [np.log(4.0)] * 2,
    ),
    "energy_based_discriminator_loss": (TORCH_LOGITS, [1.5, 6.7, 16.9, 6.3]),
    "energy_based_generator_loss": (TORCH_LOGITS, [4.8, 1.2, -3.5, 5.9]),
    "energy_based_pulling_away_term": (
        {"hidden": np.ones((3, 2, 2), "float32")},
        [1.0] * 3,
    ),
    "boundary_equilibrium_generator_loss": (TORCH_LOGITS, [4.8, 1.2, -3.5, 5.9]),
}
THREE_VALUES = "boundary_equilibrium_discriminator_loss"

RNG = np.random.default_rng(0)
STUDIO = {
    "real": RNG.normal(size=6).astype("float32"),
    "fake": RNG.normal(size=6).astype("float32"),
    "x": RNG.normal(size=(6, 4)).astype("float32"),
    "y": RNG.normal(size=(6, 4)).astype("float32"),
    "real_classes": RNG.normal(size=(6, 3)).astype("float32"),
    "labels": RNG.integers(0, 3, 6),
    "critic": double,  # every slope has the norm 4
}
_R, _F, _X, _Y = (np.float64(STUDIO[name]) for name in ("real", "fake", "x", "y"))
STUDIOGAN = {
    "d_vanilla": softplus(-_R).mean() + softplus(_F).mean(),
    "g_vanilla": softplus(-_F).mean(),
    "d_logistic": (softplus(-_R) + softplus(_F)).mean(),
    "g_logistic": softplus(-_F).mean(),
    "d_ls": (0.5 * (_R - 1) ** 2 + 0.5 * _F**2).mean(),
    "g_ls": (0.5 * (_F - 1) ** 2).mean(),
    "d_hinge": np.maximum(0, 1 - _R).mean() + np.maximum(0, 1 + _F).mean(),
    "g_hinge": -_F.mean(),
    "d_wasserstein": (_F - _R).mean(),
    "g_wasserstein": -_F.mean(),
    "CrossEntropyLoss": -log_softmax(STUDIO["real_classes"])[
        range(6), STUDIO["labels"]
    ].mean(),
    "feature_matching_loss": np.abs(_X.mean(0) - _Y.mean(0)).mean(),
    "lecam_reg": (np.maximum(0, _R + 0.25) ** 2).mean()
    + (np.maximum(0, 0.5 - _F) ** 2).mean(),
    "cal_r1_reg": 0.5 * 4.0**2,
    "cal_grad_penalty": (4.0 - 1) ** 2,
    "cal_dra_penalty": (4.0 - 1) ** 2,
    "cal_maxgrad_penalty": 4.0**2,
}


def test_every_line_of_the_page_is_compared():
    assert {library: set(rows) for library, rows in LINES.items()} == {
        "TF-GAN": set(TF_GAN),
        "torchgan": {*TORCHGAN, THREE_VALUES},
        "PyTorch-StudioGAN": set(STUDIOGAN),
    }


@pytest.mark.parametrize("name", TF_GAN)
def test_tf_gan(name):
    inputs, wanted = TF_GAN[name]
    np.testing.assert_allclose(
        run("TF-GAN", name, **inputs), wanted, rtol=1e-5, atol=1e-5
    )


@pytest.mark.parametrize(
    "name",
    [
        name
        for name, (inputs, _) in TF_GAN.items()
        if inputs is TF_LOGITS and "hinge=" not in name
    ],
)
def test_tf_gan_takes_patches_and_reduces_weights(name):
    wanted = TF_GAN[name][1]
    patches = {key: value.reshape(2, 2) for key, value in TF_LOGITS.items()}
    np.testing.assert_allclose(run("TF-GAN", name, **patches), wanted, atol=1e-5)
    if name == "minimax_generator_loss":  # the constant comes after the mean
        return
    loss = run("TF-GAN", name, reduction="none", **TF_LOGITS)
    assert loss.shape == (4,)
    given = {"loss": loss, "weights": jnp.ones(4)}
    for reduction in ("MEAN", "SUM_OVER_BATCH_SIZE", "SUM_BY_NONZERO_WEIGHTS"):
        value = run("TF-GAN", f"Reduction.{reduction}", **given)
        np.testing.assert_allclose(value, wanted, atol=1e-5)
    total = run("TF-GAN", "Reduction.SUM", **given)
    np.testing.assert_allclose(total, 4 * wanted, rtol=1e-5)


def test_tf_gan_gives_zero_where_nothing_is_weighted():
    given = TF_WEIGHTS | {"weights": np.zeros(4)}
    assert run("TF-GAN", "Reduction.SUM_BY_NONZERO_WEIGHTS", **given) == 0.0


def test_tf_gan_adds_epsilon_under_the_root():
    flat = TF_EXAMPLES | {"critic": lambda data: 0.0 * data.sum(1)}
    exact = run("TF-GAN", "wasserstein_gradient_penalty(epsilon=1e-10)", **flat)
    np.testing.assert_allclose(exact, (1e-5 - 1) ** 2, rtol=1e-6)
    assert run("TF-GAN", "wasserstein_gradient_penalty", **flat) == 1.0


@pytest.mark.parametrize("name", TORCHGAN)
def test_torchgan(name):
    inputs, wanted = TORCHGAN[name]
    for reduction, expected in [
        ("none", wanted),
        ("mean", np.mean(wanted)),
        ("sum", np.sum(wanted)),
    ]:
        value = run("torchgan", name, reduction=reduction, **inputs)
        np.testing.assert_allclose(value, expected, rtol=1e-5, atol=1e-5)


def test_torchgan_returns_three_values():
    values = run("torchgan", THREE_VALUES, **TORCH_LOGITS)
    np.testing.assert_allclose(values, [3.675, 4.725, 2.1], rtol=1e-5)


def test_torchgans_saturating_value_has_the_constant_of_tf_gan():
    name = "minimax_generator_loss(nonsaturating=False)"
    value = run("torchgan", name, **TORCH_LOGITS)
    np.testing.assert_allclose(value, -3.3642528 + softplus(-1.0), atol=1e-5)


def test_what_torchgan_gets_wrong_is_right_here():
    def information(mean):
        codes = TORCH_CODES | {"q_mean": mean}
        return run("torchgan", "mutual_information_penalty", **codes)

    gradient = jax.grad(information)(TORCH_CODES["q_mean"])
    assert (np.abs(gradient) > 1e-3).all()
    # One norm over the whole batch would give (sqrt(125) - 1)².
    penalty = run("torchgan", "wasserstein_gradient_penalty", **TORCH_POINTS)
    assert abs(penalty - (np.sqrt(125.0) - 1) ** 2) > 1.0
    orthogonal = {"hidden": np.eye(3, dtype="float32")}
    assert run("torchgan", "energy_based_pulling_away_term", **orthogonal) == 0.0


@pytest.mark.parametrize("name", STUDIOGAN)
def test_studiogan(name):
    value = run("PyTorch-StudioGAN", name, **STUDIO)
    np.testing.assert_allclose(value, STUDIOGAN[name], rtol=1e-5)
