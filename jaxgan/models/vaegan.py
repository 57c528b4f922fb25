"""VAE/GAN: an autoencoder that compares images in a discriminator's features.

Larsen, Sønderby, Larochelle and Winther, "Autoencoding beyond pixels using a learned
similarity metric", arXiv:1512.09300.

Reproduced: three nets and three players, who move at once. The encoder minimises the
divergence of its codes from a standard normal and the squared error of reconstructions
in the features of the discriminator's last convolution; the decoder gamma times that
error and an adversarial loss; the discriminator the adversarial loss alone. Errors are
summed over features, divergences over the code, as gamma and the weights of the
paper's terms count on. By the released script's rule, the discriminator or the
decoder's adversarial loss rests while an error of the discriminator is out of a margin.

Quirks: with `form="released"`, as in the released script, the discriminator sees only
samples of the prior beside real images, each with half weight, and the decoder
minimises gamma times the error minus 1 - gamma times the discriminator's own loss, by
which it learns little from a discriminator that is sure. With `"paper"`, samples and
reconstructions are both judged, and the decoder's loss does not saturate. There are
then two fakes for each real image, so a discriminator that cannot tell gives a real
image 1/3: around the script's 0.68 (about log 2) the decoder would rest at the very
equilibrium, and the margin is around log 3 for real images and log 3/2 for fakes.

Known differences: losses are means over the batch, where the script sums and divides
the step size by the batch's size, which is the same to RMSProp; the step size falls
along a line (`decay`) and not by a power; logarithms are of probabilities themselves
and not of these plus 0.001. Ours, for short trainings, are `kernel=3`, Adam,
`feature_variance`, and spectral norms in the discriminator, which otherwise wins within
a hundred steps.

Real images, reconstructions and samples pass the discriminator as one batch. By
themselves, as those of DCGAN do, they would leave it blind: the batch norm of its dense
layer takes away what all images of a kind have in common.

`similarity="pixels"` is the paper's baseline: the same encoder and decoder as a plain
VAE, whose pixels are normal around the reconstruction.
"""

import dataclasses
import math
from collections.abc import Mapping
from typing import Literal

import jax
import jax.numpy as jnp
import optax
from flax import linen
from jax import lax

from jaxgan import bounds, losses
from jaxgan.game import Batch, Game, Move, Player, Variables, pure
from jaxgan.models.model import Model
from jaxgan.models.parts import images, vaegan_nets
from jaxgan.models.parts.balance import resting, within_margin
from jaxgan.models.parts.holding import held
from jaxgan.models.parts.rates import falling

EQUILIBRIA = {"paper": (math.log(3), math.log(1.5)), "released": (0.68, 0.68)}
"""Errors of a discriminator that cannot tell, of real images and of fakes."""


@dataclasses.dataclass(frozen=True)
class Config:
    """Networks and training; the defaults are the paper's for 64x64 faces."""

    resolution: bounds.Count = 64
    """Height and width of images in pixels, a multiple of 8."""
    channels: bounds.Count = 3
    """Image channels: 3 for colour, 1 for grey."""
    width: bounds.Count = 64
    """Channels of the encoder's first maps, an even number; all others go with it."""
    kernel: Literal[3, 4, 5] = 5
    """Side of the convolution kernels. Those of 4, a multiple of the stride, overlap
    evenly; where maps keep their size, they are 3."""
    code: bounds.Count = 128
    """Size of the code."""
    similarity: Literal["learned", "pixels"] = "learned"
    """What reconstructions are compared by: the discriminator's features, or pixels,
    which makes a plain VAE without a discriminator."""
    form: Literal["paper", "released"] = "paper"
    """Adversarial losses of the paper, or of the released script."""
    norm: Literal["batch", "spectral"] = "batch"
    """The discriminator's normalisation: batch norms (the paper's), or spectral norms,
    with which it wins less easily."""
    gamma: bounds.Weight = 1e-6
    """Weight of the error of reconstructions in the decoder's loss."""
    margin: bounds.Weight = 0.35
    """What the discriminator's errors may differ from those of one that cannot tell,
    until one player rests; with 100, nobody ever rests."""
    variance: bounds.Rate = 1.0
    """Variance of pixels around the reconstruction, of a plain VAE."""
    feature_variance: bounds.Rate = 1.0
    """Variance of features around those of the reconstruction, in the encoder's loss;
    1 in the paper."""
    optimizer: Literal["rmsprop", "adam"] = "rmsprop"
    """Optimiser of all players: the paper's, or Adam with beta1 0.5."""
    learning_rate: bounds.Rate = 3e-4
    """Step size."""
    decay: bounds.Natural = 0
    """Steps in which the step size falls to 0 along a straight line; 0 leaves it as it
    is."""
    weight_decay: bounds.Weight = 1e-5
    """Factor of the L2 penalty's gradient."""
    dtype: Literal["float32", "bfloat16"] = "float32"
    """Dtype of the networks; parameters, statistics and losses stay float32."""

    def __post_init__(self):
        bounds.check(self)
        if self.resolution % 8:
            raise ValueError(
                f"resolution {self.resolution} cannot be halved three times; use a"
                f" multiple of 8, such as {max(8, self.resolution // 8 * 8)}"
            )
        if self.width % 2:
            raise ValueError(
                f"width {self.width} is odd, but some maps have half of it; use"
                f" {self.width + 1}"
            )


def game(config: Config) -> Game:
    """Three players, who move at once. Batches: `{"image": [B, R, R, C] in [-1, 1]}`.

    A plain VAE has one player, which owns both nets.
    """
    nets = _nets(config)
    if config.similarity == "pixels":
        players = {"vae": (_plain_loss(config, nets), tuple(nets))}
    else:
        each = _losses(config, nets)
        players = {name: (loss, (name,)) for name, loss in each.items()}

    def inputs(batch):
        given = {"decoder": jnp.zeros((1, config.code))}
        return {name: (given.get(name, batch["image"][:1]),) for name in nets}

    return Game(
        nets=nets,
        inputs=inputs,
        players={
            name: Player(loss, owns, resting(_optimizer(config)))
            for name, (loss, owns) in players.items()
        },
        moves=(Move(*players),),
    )


def _losses(config, nets):
    """The losses of the three players, whose gradients end at what they own."""
    encoder, decoder, discriminator = (pure(nets[name], name) for name in nets)
    released = config.form == "released"

    def coded(variables, batch, turn):
        out, variables = encoder(variables, batch["image"])
        return (*_drawn(out, jax.random.fold_in(turn.key, 0)), variables)

    def fakes(variables, batch, turn):
        """Reconstructions and samples; no gradient goes to the encoder."""
        code = lax.stop_gradient(coded(variables, batch, turn)[0])
        key = jax.random.fold_in(turn.key, 1)
        again, variables = decoder(variables, code)
        new, variables = decoder(variables, latent(config, key, len(code)))
        return again, new, variables

    def judged(variables, real, again, new):
        """What the discriminator makes of the three kinds, as one batch."""
        judged, variables = discriminator(
            variables, jnp.concatenate([real, again, new])
        )
        parts = [jnp.split(x, 3) for x in judged]
        return [vaegan_nets.Judged(*x) for x in zip(*parts, strict=True)], variables

    def balance(real, again, new):
        """The discriminator's errors, and whether it and its opponent move."""
        error, fake = losses.non_saturating_discriminator_terms(real.logits, new.logits)
        if not released:
            fake = (fake + jax.nn.softplus(again.logits)) / 2
        errors = error.mean(), fake.mean()
        return errors, within_margin(*errors, EQUILIBRIA[config.form], config.margin)

    def encoder_loss(variables, batch, turn):
        code, divergence, variables = coded(variables, batch, turn)
        others = held(variables, "decoder", "discriminator")
        again, _ = decoder(others, code)
        new = lax.stop_gradient(fakes(variables, batch, turn)[1])
        (real, again, _), _ = judged(others, batch["image"], again, new)
        similarity = losses.learned_similarity_loss(real.features, again.features)
        similarity = similarity.mean()
        seen = {"divergence": divergence.mean(), "similarity": similarity}
        loss = divergence.mean() + similarity / config.feature_variance
        return loss, (variables, seen)

    def decoder_loss(variables, batch, turn):
        again, new, variables = fakes(variables, batch, turn)
        others = held(variables, "discriminator")
        judgements, _ = judged(others, batch["image"], again, new)
        real, again, new = judgements
        _, (_, moves) = balance(real, again, new)
        similarity = losses.learned_similarity_loss(real.features, again.features)
        if released:
            weight = (1 - config.gamma) / 2
            fooled = weight * losses.minimax_generator_loss(new.logits)
        else:
            fooled = losses.vae_gan_generator_loss(again.logits, new.logits)
        loss = config.gamma * similarity.mean() + moves * fooled.mean()
        return loss, (variables, {"adversarial": fooled.mean(), "moves": moves})

    def discriminator_loss(variables, batch, turn):
        made = fakes(held(variables, "encoder", "decoder"), batch, turn)[:2]
        judgements, variables = judged(variables, batch["image"], *made)
        real, again, new = judgements
        (error, fake), (moves, _) = balance(real, again, new)
        if released:
            loss = losses.non_saturating_discriminator_loss(real.logits, new.logits) / 2
        else:
            loss = losses.vae_gan_discriminator_loss(
                real.logits, again.logits, new.logits
            )
        seen = {"real": error, "fake": fake, "moves": moves}
        return moves * loss.mean(), (variables, seen)

    return {
        "encoder": encoder_loss,
        "decoder": decoder_loss,
        "discriminator": discriminator_loss,
    }


def _plain_loss(config, nets):
    """Minus the lower bound of a plain VAE, in nats."""
    encoder, decoder = (pure(module, name) for name, module in nets.items())

    def loss(variables, batch, turn):
        out, variables = encoder(variables, batch["image"])
        code, divergence = _drawn(out, turn.key)
        again, variables = decoder(variables, code)
        likelihood = losses.gaussian_log_likelihood(
            batch["image"], again, math.log(config.variance)
        )
        seen = {"divergence": divergence.mean(), "likelihood": likelihood.mean()}
        return (divergence - likelihood).mean(), (variables, seen)

    return loss


def _drawn(out, key):
    """A code `[B, Z]` for each image, and the divergence `[B]` of its distribution."""
    mean, log_variance = jnp.split(out, 2, axis=-1)
    code = losses.reparameterise(mean, log_variance, key)
    return code, losses.gaussian_kl(mean, log_variance)


def _optimizer(config):
    rate = falling(config.learning_rate, config.decay)
    if config.optimizer == "adam":
        moved = optax.adam(rate, 0.5)
    else:
        moved = optax.rmsprop(rate, decay=0.9, eps=1e-8)
    return optax.chain(optax.add_decayed_weights(config.weight_decay), moved)


def _nets(config: Config) -> dict[str, linen.Module]:
    c = config
    nets: dict[str, linen.Module] = {
        "encoder": vaegan_nets.Encoder(c.width, 2 * c.code, c.kernel, c.dtype),
        "decoder": vaegan_nets.Decoder(
            c.width, c.resolution, c.channels, c.kernel, c.dtype
        ),
    }
    if c.similarity == "learned":
        spectral = c.norm == "spectral"
        nets["discriminator"] = vaegan_nets.Critic(c.width, c.kernel, spectral, c.dtype)
    return nets


def encode(
    config: Config, variables: Variables, image: jax.Array
) -> tuple[jax.Array, jax.Array]:
    """Mean and log-variance of the codes, `[B, Z]` each, of images `[B, R, R, C]`.

    Norms use their running averages, so that an image's code depends on it alone.
    """
    out, _ = pure(_nets(config)["encoder"], "encoder")(variables, image, "running")
    mean, log_variance = jnp.split(out, 2, axis=-1)
    return mean, log_variance


def decode(config: Config, variables: Variables, code: jax.Array) -> jax.Array:
    """Images `[B, R, R, C]` in [-1, 1] from codes `[B, Z]`, by running averages."""
    return pure(_nets(config)["decoder"], "decoder")(variables, code, "running")[0]


def latent(config: Config, key: jax.Array, count: int) -> jax.Array:
    """Codes `[count, Z]` from the prior, a standard normal."""
    return jax.random.normal(key, (count, config.code))


def sample(config: Config, variables: Variables, latent: jax.Array) -> jax.Array:
    """Images `[B, R, R, C]` in [-1, 1] from codes `[B, Z]`, as `decode`."""
    return decode(config, variables, latent)


def features(
    config: Config, variables: Variables, real: jax.Array, image: jax.Array
) -> tuple[jax.Array, jax.Array]:
    """What the discriminator compares real images by, and others, as vectors.

    Both, `[B, R, R, C]`, are normalised together, with the statistics of this batch.
    """
    net = pure(_nets(config)["discriminator"], "discriminator")
    found = net(variables, jnp.concatenate([real, image]))[0].features
    one, other = jnp.split(found.reshape(len(found), -1), 2)
    return one, other


def batch(config: Config, key: jax.Array, count: int) -> Batch:
    """Makes a random batch in the form that `game` takes."""
    shape = (config.resolution, config.resolution, config.channels)
    return images.batch(key, count, shape, low=-1.0)


def show(
    config: Config, variables: Variables, key: jax.Array, batch: Batch
) -> Mapping[str, jax.Array]:
    """Draws samples, and decodes the mean codes of the images of a batch."""
    image = batch["image"]
    return {
        "samples": sample(config, variables, latent(config, key, len(image))),
        "reconstructions": decode(
            config, variables, encode(config, variables, image)[0]
        ),
    }


MODEL = Model(
    paper="1512.09300",
    config=Config,
    game=game,
    batch=batch,
    show=show,
    tiny=Config(resolution=8, width=2, kernel=3, code=3, gamma=0.1),
    latent=latent,
    sample=sample,
    range=(-1.0, 1.0),
)
