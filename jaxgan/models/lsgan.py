"""LSGAN: least squares instead of the sigmoid cross-entropy.

Mao, Li, Xie, Lau, Wang and Smolley, "Least Squares Generative Adversarial Networks",
arXiv:1611.04076.

Reproduced: equation 2 with its halves, with the 0-1 coding a = 0, b = c = 1 by default
(equation 9). A fake far on the right side of the boundary is pulled back towards it,
where a sigmoid would have no gradient. With b - c = 1 and b - a = 2, as in
`Config(fake_label=-1, real_label=1, target=0)`, the Pearson chi-squared divergence of
the sum of both densities from twice the generator's is minimised (equation 8). Adam at
1e-3 with beta1 0.5, 1024 latents, batch normalisation in both nets, minibatches of 64
(the batch's size is the caller's).

Known differences: images are 28x28 and the networks those of `digit_nets`, while the
paper draws scenes of 112x112; latents are standard normal (the paper does not say).
"""

import dataclasses
import functools

import optax

from jaxgan import bounds, losses
from jaxgan.game import Game
from jaxgan.models.model import Model
from jaxgan.models.parts import digit_nets, images
from jaxgan.models.parts.digit_nets import latent, sample
from jaxgan.models.parts.two_players import adversarial


@dataclasses.dataclass(frozen=True)
class Config(digit_nets.Config):
    """Networks and training; the defaults of training are the paper's."""

    latent: bounds.Count = 1024
    """Size of the latent vector, drawn from a standard normal."""
    fake_label: bounds.Finite = 0.0
    """a, the discriminator's target for generated images."""
    real_label: bounds.Finite = 1.0
    """b, the discriminator's target for real images."""
    target: bounds.Finite = 1.0
    """c, the generator's target for the discriminator's output."""
    learning_rate: bounds.Rate = 1e-3
    """Adam's step size for both players."""

    def __post_init__(self):
        super().__post_init__()
        if self.fake_label == self.real_label:
            raise ValueError(
                f"fake_label and real_label are both {self.real_label}, so the"
                " discriminator has nothing to tell apart; give different ones, such"
                " as 0 and 1"
            )
        if self.target == self.fake_label:
            raise ValueError(
                f"target is {self.target}, which is fake_label: the generator would"
                " help the discriminator; give real_label, or the mean of the two"
            )


def game(config: Config) -> Game:
    """Two players, one move each. Batches: `{"image": [B, 28, 28, 1] in [0, 1]}`."""
    return adversarial(
        *digit_nets.nets(config),
        latent=functools.partial(latent, config),
        losses=(
            functools.partial(
                losses.least_squares_discriminator_loss,
                real_label=config.real_label,
                fake_label=config.fake_label,
            ),
            functools.partial(
                losses.least_squares_generator_loss, target=config.target
            ),
        ),
        optimizer=optax.adam(config.learning_rate, 0.5),
        ema=config.ema,
    )


MODEL = Model(
    paper="1611.04076",
    config=Config,
    game=game,
    batch=images.digits,
    show=images.samples(latent, sample),
    tiny=Config(width=2, hidden=6, latent=4),
    latent=latent,
    sample=sample,
)
