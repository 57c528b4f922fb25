"""The semi-supervised GAN of "Improved Techniques for Training GANs".

Salimans, Goodfellow, Zaremba, Cheung, Radford and Chen, arXiv:1606.03498: sections 3
(feature matching, minibatch discrimination, historical averaging, one-sided label
smoothing, virtual batch normalisation) and 5 (semi-supervised learning).

The discriminator is a classifier with K logits for K classes. The logit of class K + 1,
"generated", is fixed at 0, so that D(x) = Z / (Z + 1), where Z is the sum of the
exponentials of the logits. It learns from a few labelled images, which have half of the
weight, from many unlabelled ones and from generated ones. The generator either matches
the mean of its features ("features", for the better classifier), or fools a
discriminator that sees how close the images of a batch are ("discrimination", for the
better pictures). A test takes the class of the largest of the K logits, with the moving
average of the weights.

As in the released code, only the logits have a gain that is learnt, so that features
cannot outgrow the noise. Known differences: one batch of unlabelled images serves both
moves of a step (the released code draws two), and real and generated images get the
same noise; the dense generator's batch norm has a gain; the step size may fall to zero
(`decay`), without which short runs are far from done.
"""

import dataclasses
import math
from functools import partial
from typing import Annotated, Literal

import jax
import jax.numpy as jnp
import optax
from flax import linen
from jax import lax

from jaxgan import bounds, losses, nn
from jaxgan.game import Batch, Game, Move, Player, Variables, pure
from jaxgan.models.model import Model
from jaxgan.models.parts import images, minibatch_nets
from jaxgan.models.parts.classes import Classes, known
from jaxgan.models.parts.rates import falling


@dataclasses.dataclass(frozen=True)
class Config:
    """Networks and training; the defaults are the paper's for feature matching."""

    matching: Literal["features", "discrimination"] = "features"
    """What the generator does: match mean features, or fool minibatch
    discrimination."""
    nets: Literal["dense", "convolutional"] | None = None
    """The networks; left out, they are dense to match features and convolutional for
    minibatch discrimination, which has no others."""
    resolution: bounds.Count = 28
    """Height and width of the images."""
    channels: bounds.Count = 1
    """Channels of the images: 1 for grey, 3 for colour."""
    classes: Classes = 10
    """K, the number of classes; None for as many as the data has."""
    latent: bounds.Count = 100
    """Size of the latent vector z, uniform on [0, 1]."""
    generator: bounds.Layers = (500, 500)
    """Units of the dense generator's hidden layers."""
    discriminator: bounds.Layers = (1000, 500, 250, 250, 250)
    """Units of the dense discriminator's hidden layers."""
    generator_width: bounds.Count = 128
    """Channels of the convolutional generator's last hidden maps; those before have
    twice and four times as many."""
    width: bounds.Count = 96
    """Channels of the convolutional discriminator's first three maps; later ones have
    twice as many."""
    keep: Annotated[float, bounds.Within(0, 1, above=True)] = 0.5
    """Share of the convolutional discriminator's units that dropout keeps."""
    input_keep: Annotated[float, bounds.Within(0, 1, above=True)] = 1.0
    """Share of an image's numbers that dropout keeps for the convolutional
    discriminator."""
    input_noise: bounds.Weight = 0.3
    """Standard deviation of the noise on the discriminator's images."""
    noise: bounds.Weight = 0.5
    """Standard deviation of the noise before the dense discriminator's other layers."""
    kernels: bounds.Count = 100
    """Kernels of minibatch discrimination."""
    kernel_dims: bounds.Count = 5
    """Dimensions in which a kernel measures distances."""
    smoothing: Annotated[float, bounds.Within(0, 1, below=True)] = 0.0
    """One-sided label smoothing: the target of real images is 1 minus this."""
    historical: bounds.Weight = 0.0
    """Weight of the distance of parameters to their past mean, in both losses."""
    norm: Literal["batch", "virtual"] = "batch"
    """The dense generator's normalisation: by the batch, or by a reference batch."""
    reference: bounds.Count = 100
    """Images of the reference batch of virtual batch normalisation."""
    generator_steps: bounds.Count = 1
    """Moves of the generator for each move of the discriminator."""
    learning_rate: bounds.Rate = 3e-3
    """Adam's first step size."""
    beta1: bounds.Decay = 0.5
    """Adam's first momentum."""
    decay: tuple[bounds.Natural, bounds.Natural] | None = None
    """Steps between which the step size falls linearly to 0; by default it is
    constant."""
    ema: bounds.Decay = 0.9999
    """Decay of the moving average of the discriminator's weights."""
    dtype: Literal["float32", "bfloat16"] = "float32"
    """Dtype of the hidden layers; parameters, logits and losses stay float32."""
    axis_name: str | None = None
    """Mapped axis to share batch statistics over; an axis "data" is found by itself."""

    def __post_init__(self):
        if str(self.matching) == "minibatch":
            raise ValueError(
                "matching is 'minibatch', which was minibatch discrimination with dense"
                " nets; jaxgan has it with the paper's convolutional ones now, as"
                " 'discrimination': train it again"
            )
        bounds.check(self)
        if self.matching == "discrimination" and self.nets == "dense":
            raise ValueError(
                "nets is 'dense', but minibatch discrimination has convolutional nets;"
                " leave nets out, or match features"
            )
        if self.decay is not None and self.decay[0] >= self.decay[1]:
            raise ValueError(
                f"decay is {self.decay}; give the step where the fall begins and a"
                " later one where it ends"
            )

    @property
    def convolutional(self) -> bool:
        """Whether the networks are the convolutional ones."""
        return self.nets == "convolutional" or self.matching == "discrimination"


MINIBATCH = Config(
    matching="discrimination", input_noise=0.2, generator_steps=3, learning_rate=3e-4,
    ema=0.0,
)  # fmt: skip
"""The paper's settings for minibatch discrimination on digits."""
CIFAR10 = Config(
    nets="convolutional", resolution=32, channels=3, input_noise=0.0, input_keep=0.8,
    learning_rate=3e-4,
)  # fmt: skip
"""The released settings for feature matching on CIFAR-10."""
CIFAR10_MINIBATCH = dataclasses.replace(
    # The noise of the released script, 0.2, is on pixels in [-1, 1].
    MINIBATCH, resolution=32, channels=3, input_noise=0.1,
)  # fmt: skip
"""The released settings for minibatch discrimination on CIFAR-10."""


class Generator(linen.Module):
    """Latents `[B, Z]` to images `[B, R, R, C]` in [0, 1]."""

    config: Config

    @linen.compact
    def __call__(self, latent: jax.Array) -> jax.Array:
        """Normalises with the statistics of the batch, or of the reference batch."""
        c, first = self.config, 0
        x = latent.astype(c.dtype)
        if c.norm == "virtual":
            # It never changes and is not a parameter, so it is kept like a memory.
            shape, first = (c.reference, c.latent), c.reference
            drawn = self.variable(
                "memory", "reference", lambda: _uniform(self.make_rng("params"), shape)
            )
            x = jnp.concatenate([drawn.value.astype(c.dtype), x])
        for units in c.generator:
            x = linen.Dense(units, use_bias=False, dtype=jnp.dtype(c.dtype))(x)
            x = linen.softplus(self.normalised(x))
        shape = (c.resolution, c.resolution, c.channels)
        x = nn.WeightNormDense(math.prod(shape), name="to_image")(x[first:])
        return linen.sigmoid(x.astype(jnp.float32)).reshape(-1, *shape)

    def normalised(self, x: jax.Array) -> jax.Array:
        """Applies the configured normalisation, as a separate layer."""
        if self.config.norm == "virtual":
            return nn.VirtualBatchNorm(self.config.reference)(x)
        return nn.BatchNorm(
            use_running_average=False,
            axis_name=self.config.axis_name,
            dtype=x.dtype,
        )(x)


class Discriminator(linen.Module):
    """Images `[B, R, R, C]` in [0, 1] to class logits `[B, K]` and features `[B, N]`.

    The features are those of the last hidden layer. With the random stream "noise", it
    adds noise to images and to every layer's input.
    """

    config: Config

    @linen.compact
    def __call__(self, image: jax.Array) -> tuple[jax.Array, jax.Array]:
        """Judges images."""
        c = self.config
        dense = partial(
            nn.WeightNormDense,
            data_init=True,
            direction_init=linen.initializers.normal(0.1),
        )
        x = image.reshape(len(image), -1).astype(c.dtype)
        sigma = c.input_noise
        for units in c.discriminator:
            x = nn.GaussianNoise(sigma)(x)
            x = linen.relu(dense(units, learn_gain=False)(x))
            sigma = c.noise
        features = x.astype(jnp.float32)
        x = nn.GaussianNoise(sigma)(features)
        return dense(known(c.classes), name="to_logits")(x), features


def _nets(config: Config) -> dict[str, linen.Module]:
    c = config
    if not c.convolutional:
        return {"discriminator": Discriminator(c), "generator": Generator(c)}
    return {
        "discriminator": minibatch_nets.Discriminator(
            known(c.classes), c.width,
            c.kernels if c.matching == "discrimination" else 0, c.kernel_dims,
            c.input_noise, c.keep, c.input_keep, c.dtype,
        ),
        "generator": minibatch_nets.Generator(
            c.generator_width, c.resolution, c.channels, c.dtype
        ),
    }  # fmt: skip


def game(config: Config) -> Game:
    """The discriminator moves once, then the generator `generator_steps` times.

    Batches: `{"image", "labelled": [B, R, R, C] in [0, 1], "label": [B]}`, the first
    unlabelled, the second with the labels. If a batch has a `latent`, that is used.
    """
    nets = _nets(config)
    discriminate, generate = (pure(module, name) for name, module in nets.items())

    def fakes(variables, batch, key):
        latents = batch.get("latent")
        if latents is None:
            latents = latent(config, key, len(batch["image"]))
        return generate(variables, latents)

    def judge(variables, key, *batches):
        """Logits `[n, B, K]` and features of n batches, apart, with the same noise."""
        rngs = {"noise": key, "dropout": jax.random.fold_in(key, 1)}
        if len({images.shape for images in batches}) > 1:
            raise ValueError(
                f"batches of shapes {[images.shape for images in batches]} are judged"
                " together; give as many labelled images as unlabelled ones"
            )
        see = lambda image: discriminate(variables, image, rngs=rngs)[0]  # noqa: E731
        return jax.vmap(see)(jnp.stack(batches))

    def discriminator_loss(variables, batch, turn):
        latent_key, noise_key = jax.random.split(turn.key)
        fake = lax.stop_gradient(fakes(variables, batch, latent_key)[0])
        (logits, *unlabelled), _ = judge(
            variables, noise_key, batch["labelled"], batch["image"], fake
        )
        real, fake = map(losses.semi_supervised_real_logit, unlabelled)
        labelled = losses.semi_supervised_classification_loss(logits, batch["label"])
        adversarial = losses.minimax_discriminator_loss(
            real, fake, label_smoothing=config.smoothing
        )
        metrics = {
            "labelled": labelled.mean(),
            "unlabelled": adversarial.mean(),
            "real": real.mean(),
            "fake": fake.mean(),
        }
        return labelled.mean() + adversarial.mean() / 2, (variables, metrics)

    def generator_loss(variables, batch, turn):
        latent_key, noise_key = jax.random.split(turn.key)
        fake, variables = fakes(variables, batch, latent_key)
        if config.matching == "discrimination":
            (logits,), _ = judge(variables, noise_key, fake)
            logit = losses.semi_supervised_real_logit(logits)
            loss = losses.minimax_generator_loss(logit).mean()
        else:
            _, features = judge(variables, noise_key, batch["image"], fake)
            # The released scripts match digits by squares and colour images by absolute
            # differences. The mean and not the sum, since the optimiser has an absolute
            # constant.
            loss = (
                losses.feature_matching_loss(*features, absolute=config.convolutional)
                / features.shape[-1]
            )
        return loss, (variables, {})

    def optimizer(moves=1):
        rate = config.learning_rate
        if config.decay is not None:
            # Schedules count updates, of which a step of the game may have several.
            begin, end = (moves * step for step in config.decay)
            rate = falling(rate, end - begin, after=begin)
        # The constant is under the root, as in the released code. Otherwise the weights
        # of pixels that are nearly always black would walk at random with full steps.
        adam = optax.adam(rate, config.beta1, eps=0.0, eps_root=1e-8)
        if config.historical:
            return optax.chain(losses.historical_averaging(config.historical), adam)
        return adam

    def inputs(batch):
        zeros = jnp.zeros((1, config.latent))
        return {"discriminator": (batch["image"],), "generator": (zeros,)}

    return Game(
        nets=nets,
        inputs=inputs,
        players={
            "discriminator": Player(
                discriminator_loss, ("discriminator",), optimizer()
            ),
            "generator": Player(
                generator_loss, ("generator",), optimizer(config.generator_steps)
            ),
        },
        # Moves of their own, since a repeated one would ask for more images.
        moves=(Move("discriminator"), *[Move("generator")] * config.generator_steps),
        ema={"discriminator": config.ema},
    )


def latent(config: Config, key: jax.Array, count: int) -> jax.Array:
    """Draws latents `[count, Z]`, uniform on [0, 1]."""
    return _uniform(key, (count, config.latent))


def sample(config: Config, variables: Variables, latent: jax.Array) -> jax.Array:
    """Images `[B, R, R, C]` in [0, 1] from latents `[B, Z]`.

    With batch normalisation an image depends a little on the others; give a hundred
    latents at a time. With virtual batch normalisation it does not.
    """
    return pure(_nets(config)["generator"], "generator")(variables, latent)[0]


def predict(config: Config, variables: Variables, image: jax.Array) -> jax.Array:
    """Classes `[B]` of images `[B, R, R, C]` in [0, 1]: the largest of the K logits.

    No noise is added, and "generated" is never the answer.
    """
    judge = pure(_nets(config)["discriminator"], "discriminator")
    logits, _ = judge(variables, image)[0]
    return jnp.argmax(logits, axis=1)


def _uniform(key: jax.Array, shape: tuple[int, ...]) -> jax.Array:
    return jax.random.uniform(key, shape)


def batch(config: Config, key: jax.Array, count: int) -> Batch:
    """Makes a random batch in the form that `game` takes."""
    key, labelled_key = jax.random.split(key)
    shape = (config.resolution, config.resolution, config.channels)
    labelled = images.batch(labelled_key, count, shape, classes=config.classes)
    return {
        **images.batch(key, count, shape),
        "labelled": labelled["image"],
        "label": labelled["label"],
    }


MODEL = Model(
    paper="1606.03498",
    config=Config,
    game=game,
    batch=batch,
    show=images.samples(latent, sample),
    tiny=Config(
        resolution=6, classes=3, latent=4, generator=(5,), discriminator=(7, 5),
        historical=0.1, smoothing=0.1, decay=(1, 9),
        generator_width=2, width=2, kernels=2,
    ),
    latent=latent,
    sample=sample,
)  # fmt: skip
