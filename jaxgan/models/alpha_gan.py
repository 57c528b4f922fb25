"""α-GAN: an autoencoder whose codes and images are both judged by discriminators.

Rosca, Lakshminarayanan, Warde-Farley and Mohamed, "Variational Approaches for
Auto-Encoding Generative Adversarial Networks", arXiv:1706.04987.

Reproduced: four nets and four players. The divergence of a VAE's codes from the prior
is replaced by a discriminator of codes, and the likelihood of pixels by their absolute
error and a discriminator of images, which sees real ones, reconstructions and samples.
The code discriminator is a perceptron without batch norm. Adam at 8e-4 with (0.5, 0.9);
encoder and generator move together, twice for each move of the discriminators.

Quirks: `form="paper"` has the density ratios of algorithm 1, R(a) = -a of a logit a,
and each kind of fake counts as much as the real images. With `"released"`, as in the
best-known implementation (which is not the authors'), encoder and generator have
non-saturating losses, and the two kinds of fakes count half.

Known differences: the paper does not say whether the absolute error is a sum or a mean;
here it is a mean, as in that implementation, whose weight of 40 counts on it. Real
images, reconstructions and samples pass the discriminator as one batch, for the reason
that `jaxgan.models.vaegan` tells. `nets="strided"` are the networks of that model,
which cost far less at 64x64 and make the two comparable.
"""

import dataclasses
from collections.abc import Mapping
from typing import Literal

import jax
import jax.numpy as jnp
import optax
from flax import linen
from jax import lax

from jaxgan import bounds, losses, nn
from jaxgan.game import Batch, Game, Move, Player, Variables, pure
from jaxgan.models.model import Model
from jaxgan.models.parts import alpha_gan_nets, images, vaegan_nets
from jaxgan.models.parts.bottleneck_nets import check_resolution
from jaxgan.models.parts.holding import held

IMAGES = ("encoder", "discriminator")  # nets that take images; the others take codes


@dataclasses.dataclass(frozen=True)
class Config:
    """Networks and training; the defaults are those of the implementation for CIFAR."""

    resolution: bounds.Count = 32
    """Height and width of images in pixels: a power of two, at least 8."""
    channels: bounds.Count = 3
    """Image channels: 3 for colour, 1 for grey."""
    nets: Literal["residual", "strided"] = "residual"
    """Residual blocks, or the networks of VAE/GAN."""
    width: bounds.Count = 128
    """Channels of the maps of residual blocks; of VAE/GAN's networks, an even number:
    its own is 64."""
    kernel: Literal[3, 5] = 5
    """Side of the kernels of VAE/GAN's networks, and of the first one of the others."""
    norm: Literal["batch", "spectral"] = "batch"
    """Normalisation of the discriminator among VAE/GAN's networks."""
    code: bounds.Count = 128
    """Size of the code."""
    code_hidden: tuple[bounds.Count, ...] = (700, 700)
    """Units of the code discriminator's hidden layers."""
    form: Literal["released", "paper"] = "released"
    """Adversarial losses of the best-known implementation, or of the paper."""
    reconstruction: bounds.Weight = 40.0
    """Weight of the mean absolute error (lambda in the paper, from 1 to 50)."""
    cycle: bounds.Count = 2
    """Moves of encoder and generator for each move of the discriminators."""
    learning_rate: bounds.Rate = 8e-4
    """Adam's step size for all players."""
    beta1: bounds.Decay = 0.5
    """Adam's first momentum."""
    beta2: bounds.Decay = 0.9
    """Adam's second momentum."""
    dtype: Literal["float32", "bfloat16"] = "float32"
    """Dtype of the networks; parameters, statistics and losses stay float32."""

    def __post_init__(self):
        bounds.check(self)
        check_resolution("resolution", self.resolution, 8)
        if self.nets == "strided" and self.width % 2:
            raise ValueError(
                f"width {self.width} is odd, but some maps of --model.nets strided have"
                f" half of it; use {self.width + 1}"
            )
        if self.nets == "residual" and self.norm != "batch":
            raise ValueError(
                f"norm is {self.norm}, but residual blocks have batch norms alone;"
                " use --model.nets strided, or leave the norm out"
            )


def _nets(config: Config) -> dict[str, linen.Module]:
    c = config
    if c.nets == "residual":
        encoder = alpha_gan_nets.Encoder(c.width, c.code, c.kernel, dtype=c.dtype)
        generator = alpha_gan_nets.Generator(c.width, c.resolution, c.channels, c.dtype)
        discriminator = alpha_gan_nets.Discriminator(c.width, c.kernel, c.dtype)
    else:
        encoder = vaegan_nets.Encoder(c.width, c.code, c.kernel, c.dtype)
        generator = vaegan_nets.Decoder(
            c.width, c.resolution, c.channels, c.kernel, c.dtype
        )
        spectral = c.norm == "spectral"
        discriminator = alpha_gan_nets.Critic(c.width, c.kernel, spectral, c.dtype)
    return {
        "encoder": encoder,
        "generator": generator,
        "discriminator": discriminator,
        "code_discriminator": nn.MLP(c.code_hidden, 1, c.dtype, alpha_gan_nets.lrelu),
    }


def game(config: Config) -> Game:
    """Encoder and generator, then the discriminators of images and of codes.

    Batches are `{"image": [B, R, R, C] in [-1, 1]}`, `[cycle, B, ...]` where `cycle` is
    above 1.
    """
    nets = _nets(config)
    encode, generate, judge, tell = (pure(nets[name], name) for name in nets)
    released = config.form == "released"

    def fakes(variables, batch, turn):
        """Reconstructions and samples; no gradient goes to the encoder."""
        code = lax.stop_gradient(encode(variables, batch["image"])[0])
        again, variables = generate(variables, code)
        new, variables = generate(variables, latent(config, turn.key, len(code)))
        return again, new, variables

    def judged(variables, *kinds):
        """Logits of real images, reconstructions and samples, as one batch."""
        logits, variables = judge(variables, jnp.concatenate(kinds))
        return jnp.split(logits, 3), variables

    def encoder_loss(variables, batch, turn):
        del turn
        code, variables = encode(variables, batch["image"])
        others = held(variables, "generator", "code_discriminator")
        error = losses.l1_loss(batch["image"], generate(others, code)[0]).mean()
        logits = tell(others, code)[0][:, 0]
        fool = losses.density_ratio_loss
        if released:
            fool = losses.non_saturating_generator_loss
        fooled = fool(logits).mean()
        loss = config.reconstruction * error + fooled
        return loss, (variables, {"error": error, "adversarial": fooled})

    def generator_loss(variables, batch, turn):
        again, new, variables = fakes(variables, batch, turn)
        others = held(variables, "discriminator")
        error = losses.l1_loss(batch["image"], again).mean()
        _, *logits = judged(others, batch["image"], again, new)[0]
        if released:
            both = map(losses.non_saturating_generator_loss, logits)
            fooled = sum(both, jnp.zeros(())) / 2
        else:
            fooled = losses.alpha_gan_generator_loss(*logits)
        loss = config.reconstruction * error + fooled.mean()
        return loss, (variables, {"adversarial": fooled.mean()})

    def discriminator_loss(variables, batch, turn):
        made = fakes(held(variables, "encoder", "generator"), batch, turn)[:2]
        (real, again, new), variables = judged(variables, batch["image"], *made)
        if released:
            pairs = (
                losses.non_saturating_discriminator_loss(real, x) for x in (again, new)
            )
            loss = sum(pairs, jnp.zeros(())) / 2
        else:
            loss = losses.alpha_gan_discriminator_loss(real, again, new)
        seen = {
            "real": real.mean(),
            "reconstructed": again.mean(),
            "fake": new.mean(),
        }
        return loss.mean(), (variables, seen)

    def code_discriminator_loss(variables, batch, turn):
        code = lax.stop_gradient(encode(variables, batch["image"])[0])
        prior = latent(config, turn.key, len(code))
        wanted, found = (tell(variables, x)[0][:, 0] for x in (prior, code))
        loss = losses.alpha_gan_code_discriminator_loss(wanted, found)
        seen = {"prior": wanted.mean(), "encoded": found.mean()}
        return loss.mean(), (variables, seen)

    adam = optax.adam(config.learning_rate, config.beta1, config.beta2)
    found = {
        "encoder": encoder_loss,
        "generator": generator_loss,
        "discriminator": discriminator_loss,
        "code_discriminator": code_discriminator_loss,
    }
    code = jnp.zeros((1, config.code))

    def inputs(batch):
        image = batch["image"][:1]
        return {name: (image if name in IMAGES else code,) for name in nets}

    return Game(
        nets=nets,
        inputs=inputs,
        players={name: Player(loss, (name,), adam) for name, loss in found.items()},
        moves=(
            Move("encoder", "generator", repeat=config.cycle),
            Move("discriminator"),
            Move("code_discriminator"),
        ),
    )


def encode(config: Config, variables: Variables, image: jax.Array) -> jax.Array:
    """Codes `[B, Z]` of images `[B, R, R, C]`, by running averages."""
    return pure(_nets(config)["encoder"], "encoder")(variables, image, "running")[0]


def decode(config: Config, variables: Variables, code: jax.Array) -> jax.Array:
    """Images `[B, R, R, C]` in [-1, 1] from codes `[B, Z]`, by running averages."""
    return pure(_nets(config)["generator"], "generator")(variables, code, "running")[0]


def latent(config: Config, key: jax.Array, count: int) -> jax.Array:
    """Codes `[count, Z]` from the prior, a standard normal."""
    return jax.random.normal(key, (count, config.code))


def sample(config: Config, variables: Variables, latent: jax.Array) -> jax.Array:
    """Images `[B, R, R, C]` in [-1, 1] from codes `[B, Z]`, as `decode`."""
    return decode(config, variables, latent)


def batch(config: Config, key: jax.Array, count: int) -> Batch:
    """Makes a random batch in the form that `game` takes."""
    shape = (config.resolution, config.resolution, config.channels)
    return images.batch(key, count, shape, low=-1.0, repeats=config.cycle)


def show(
    config: Config, variables: Variables, key: jax.Array, batch: Batch
) -> Mapping[str, jax.Array]:
    """Draws samples, and reconstructs the images of a batch."""
    image = batch["image"]
    code = encode(config, variables, image)
    return {
        "samples": sample(config, variables, latent(config, key, len(image))),
        "reconstructions": decode(config, variables, code),
    }


MODEL = Model(
    paper="1706.04987",
    config=Config,
    game=game,
    batch=batch,
    show=show,
    tiny=Config(resolution=8, width=2, code=3, code_hidden=(4, 3)),
    latent=latent,
    sample=sample,
    range=(-1.0, 1.0),
)
