"""AC-GAN: the discriminator also classifies, and the generator is given a class.

Odena, Olah and Shlens, "Conditional Image Synthesis with Auxiliary Classifier GANs",
arXiv:1610.09585.

Reproduced: the generator takes a class with its noise; the discriminator sees only
images, and returns logits of the classes beside its own logit; the classification term
is that of real *and* of generated images for the discriminator, and of generated images
for the generator, all at weight 1; Adam with beta1 0.5 on batches of 100; separate
passes for real and for generated batches.

Known differences: the networks are those that the digit models here share, without the
paper's dropout and its noise between layers; the generator's adversarial term is the
non-saturating one, as is usual in practice; generated images have the classes of the
real ones.

The term on generated images rewards a generator for images that are easily classified,
so the images of a class become more alike as its weight grows; `class_generator=0.1`
(the WGAN-GP code) and `class_fake=0` reduce this.
"""

import dataclasses
from typing import Literal

import jax
import jax.numpy as jnp
import optax
from jax import lax

from jaxgan import bounds, losses, nn
from jaxgan.game import Game, Move, Player, Variables, pure
from jaxgan.models.model import Model
from jaxgan.models.parts import digit_nets, images
from jaxgan.models.parts.classes import Classes, check_labelled, known, one_hot


@dataclasses.dataclass(frozen=True)
class Config:
    """Networks and training; the defaults are the paper's where it has them."""

    classes: Classes = 10
    """Number of classes of the labels; None for as many as the data has."""
    noise: bounds.Count = 100
    """Size of the noise, drawn uniformly from [-1, 1]."""
    class_real: bounds.Weight = 1.0
    """Weight of the classification of real images in the discriminator's loss."""
    class_fake: bounds.Weight = 1.0
    """Weight of the classification of generated images in the discriminator's loss."""
    class_generator: bounds.Weight = 1.0
    """Weight of the classification of generated images in the generator's loss."""
    width: bounds.Count = 64
    """Channels of the discriminator's first maps; the second have twice as many. The
    generator's are in reverse order."""
    hidden: bounds.Count = 1024
    """Units of the dense layer of each net."""
    learning_rate: bounds.Rate = 2e-4
    """Adam's step size for both players."""
    beta1: bounds.Decay = 0.5
    """Adam's first momentum."""
    ema: bounds.Decay = 0.0
    """Decay of the moving average of the generator's weights; 0 averages nothing."""
    dtype: Literal["float32", "bfloat16"] = "float32"
    """Dtype of the networks; parameters, statistics and losses stay float32."""

    def __post_init__(self):
        bounds.check(self)


def game(config: Config) -> Game:
    """Two players, one move each.

    Batches are `{"image": [B, 28, 28, 1] in [0, 1], "label": [B] in 0..classes-1}`.
    """
    nets = {
        "generator": _generator(config),
        "discriminator": digit_nets.Discriminator(
            config.width, config.hidden, known(config.classes) + 1, dtype=config.dtype
        ),
    }
    generate, discriminate = (pure(module, name) for name, module in nets.items())

    def fakes(variables, batch, key):
        count = len(batch["image"])
        z = nn.batch_latent(batch, key, count, config.noise, "uniform")
        return generate(variables, _input(config, z, batch["label"]))

    def judge(variables, image):
        """The logit of being real, and the logits of the classes."""
        out, variables = discriminate(variables, image)
        return out[:, 0], out[:, 1:], variables

    def classify(logits, label):
        return losses.auxiliary_classification_loss(logits, label).mean()

    def discriminator_loss(variables, batch, turn):
        fake = lax.stop_gradient(fakes(variables, batch, turn.key)[0])
        # In separate passes, so that batch normalisation cannot tell them apart.
        real_logit, real_class, variables = judge(variables, batch["image"])
        fake_logit, fake_class, variables = judge(variables, fake)
        source = losses.non_saturating_discriminator_loss(real_logit, fake_logit).mean()
        real_term = classify(real_class, batch["label"])
        fake_term = classify(fake_class, batch["label"])
        loss = source + config.class_real * real_term + config.class_fake * fake_term
        right = real_class.argmax(1) == batch["label"]
        return loss, (
            variables,
            {
                "source": source,
                "class_real": real_term,
                "class_fake": fake_term,
                "accuracy": right.mean(dtype=jnp.float32),
            },
        )

    def generator_loss(variables, batch, turn):
        fake, variables = fakes(variables, batch, turn.key)
        fake_logit, fake_class, variables = judge(variables, fake)
        source = losses.non_saturating_generator_loss(fake_logit).mean()
        term = classify(fake_class, batch["label"])
        return source + config.class_generator * term, (
            variables,
            {"source": source, "class": term},
        )

    def inputs(batch):
        check_labelled(batch)
        return {
            "generator": (jnp.zeros((1, config.noise + known(config.classes))),),
            "discriminator": (batch["image"][:1],),
        }

    adam = optax.adam(config.learning_rate, config.beta1)
    return Game(
        nets=nets,
        inputs=inputs,
        players={
            "discriminator": Player(discriminator_loss, ("discriminator",), adam),
            "generator": Player(generator_loss, ("generator",), adam),
        },
        moves=(Move("discriminator"), Move("generator")),
        ema={"generator": config.ema},
    )


def latent(config: Config, key: jax.Array, count: int) -> jax.Array:
    """Draws noise `[count, Z]`."""
    return nn.sample_latent(key, count, config.noise, "uniform")


def sample(
    config: Config,
    variables: Variables,
    latent: jax.Array,
    label: jax.Array,
    statistics: Literal["batch", "running"] = "batch",
) -> jax.Array:
    """Images `[B, 28, 28, 1]` in [0, 1] from noise `[B, Z]` and labels `[B]`.

    The statistics of a batch match those of training only if it has all classes in
    equal numbers. In a batch of one class, the class is normalised away: draw such
    batches with the "running" averages of training.

    Raises:
        ValueError: the labels are not one integer in 0..classes-1 for each latent.
    """
    generate = pure(_generator(config), "generator")
    return generate(variables, _input(config, latent, label), statistics)[0]


def _generator(config):
    return digit_nets.Generator(config.width, config.hidden, dtype=config.dtype)


def _input(config, noise, label):
    label = one_hot(label, known(config.classes), noise.shape[0])
    return jnp.concatenate([noise, label], axis=-1)


MODEL = Model(
    paper="1610.09585",
    config=Config,
    game=game,
    batch=images.labelled_digits,
    show=images.samples(latent, sample, labels=True),
    tiny=Config(classes=3, noise=4, width=2, hidden=6),
    latent=latent,
    sample=sample,
    labels=True,
)
