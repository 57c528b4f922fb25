"""CycleGAN: translation between two sets of images without pairs.

Zhu, Park, Isola and Efros, "Unpaired Image-to-Image Translation using Cycle-Consistent
Adversarial Networks", arXiv:1703.10593.

Reproduced: residual generators with 6 or 9 blocks, discriminators of 70x70 patches, the
least-squares losses with half of the discriminators', cycle consistency of weight 10,
the identity loss of half that weight, pools of 50 past images which the discriminators
see, Adam at 2e-4 with beta1 0.5, and a rate that falls along a line in the second half
of training. Widths are those of the released code; the paper's first version has half.

Known differences: convolutions before a norm have no bias, whose gradient would be
zero; fakes are drawn anew for the discriminators, by the updated generators.

Quirks: the paper has the identity loss for paintings alone, but both released codes
have it on, and so has this (`identity=0` leaves it out). The codes disagree on the
order: in PyTorch both generators move together, then both discriminators (`joint`); in
Torch G, D_B, F and D_A move one after the other, and either generator's loss has both
cycles (`in_turn`). They also disagree on gains of the instance norms: `instance` has
them, as Torch, and `plain` has none, as PyTorch.
"""

import dataclasses
from typing import Literal

import jax
import jax.numpy as jnp
import optax
from jax import lax

from jaxgan import bounds, losses
from jaxgan.game import Batch, Game, Move, Player, Variables, pure
from jaxgan.models.model import Model
from jaxgan.models.parts import patches, translation
from jaxgan.models.parts.patches import Patch, PatchDiscriminator
from jaxgan.models.parts.pool import ImagePool
from jaxgan.models.parts.rates import falling
from jaxgan.models.parts.residual import ResidualGenerator


@dataclasses.dataclass(frozen=True)
class Config:
    """Networks and training; the defaults are the paper's at 256x256."""

    resolution: str = "256x256"
    """Height and width of the images in pixels, such as 64x128."""
    channels: bounds.Count = 3
    """Channels of the images: 3 for colour, 1 for grey."""
    width: bounds.Count = 64
    """Channels of the largest maps, of generators and discriminators."""
    blocks: bounds.Depth = 9
    """Residual blocks of a generator: 6 at 128x128, 9 at 256x256."""
    norm: Literal["instance", "plain"] = "instance"
    """Instance norm with gains and biases, or without."""
    residual: bool = False
    """Whether generators draw what is added to the image. The paper's draw all of the
    result, and learn for long to keep what shall stay."""
    patch: Patch = 70
    """Side of the patches that the discriminators judge: 1, 16, 70 or 286."""
    cycle: bounds.Weight = 10.0
    """Weight of cycle consistency."""
    identity: bounds.Weight = 0.5
    """Weight of the identity loss, in units of that of cycle consistency; 0 leaves it
    out."""
    pool: bounds.Natural = 50
    """Past images that a discriminator may be shown; 0 shows none."""
    order: Literal["joint", "in_turn"] = "joint"
    """Whether both generators move together and then both discriminators, or each net
    by itself."""
    constant: bounds.Natural = 100_000
    """Steps at the full rate."""
    decay: bounds.Natural = 100_000
    """Steps over which the rate then falls to zero; 0 keeps it."""
    learning_rate: bounds.Rate = 2e-4
    """Adam's step size for all players."""
    beta1: bounds.Decay = 0.5
    """Adam's first momentum."""
    ema: bounds.Decay = 0.0
    """Decay of the moving averages of the generators' weights; 0 averages nothing."""
    dtype: Literal["float32", "bfloat16"] = "float32"
    """Dtype of the networks; parameters, memories and losses stay float32."""

    def __post_init__(self):
        bounds.check(self)
        translation.check_sides(self.resolution, 4, 8, "the generator")
        who = f"a discriminator of patches of {self.patch}"
        least = patches.smallest_side(self.patch)
        translation.check_sides(self.resolution, 4, least, who)

    @property
    def shape(self) -> tuple[int, int, int]:
        """Height, width and channels of an image."""
        return (*translation.sides(self.resolution), self.channels)


def game(config: Config) -> Game:
    """Four nets and two memories; two players, or four that move in turn.

    Batches are `{"a": [B, H, W, C], "b": [B, H, W, C]}` in [-1, 1].
    """
    dtype = jnp.dtype(config.dtype)
    nets = {
        **{name: _generator(config) for name in ("a_to_b", "b_to_a")},
        **{
            name: PatchDiscriminator(config.patch, config.width, config.norm, dtype)
            for name in ("critic_a", "critic_b")
        },
        **{name: ImagePool(config.pool) for name in ("pool_a", "pool_b")},
    }
    calls = {name: pure(module, name) for name, module in nets.items()}
    a_to_b, b_to_a = calls["a_to_b"], calls["b_to_a"]

    def fool(variables, name, fake):
        logits, variables = calls[name](variables, fake)
        # Doubled, since the paper's square has no one half.
        return 2 * losses.least_squares_generator_loss(logits).mean(), variables

    def generator_loss(variables, batch, turn):
        del turn
        a, b = batch["a"], batch["b"]
        fake_b, variables = a_to_b(variables, a)
        fake_a, variables = b_to_a(variables, b)
        again_a, variables = b_to_a(variables, fake_b)
        again_b, variables = a_to_b(variables, fake_a)
        fooled_a, variables = fool(variables, "critic_a", fake_a)
        fooled_b, variables = fool(variables, "critic_b", fake_b)
        cycle = losses.cycle_consistency_loss(a, again_a, b, again_b).mean()
        metrics = {"adversarial": fooled_a + fooled_b, "cycle": cycle}
        loss = metrics["adversarial"] + config.cycle * cycle
        if config.identity:
            same_a, variables = b_to_a(variables, a)
            same_b, variables = a_to_b(variables, b)
            metrics["identity"] = losses.identity_loss(a, same_a, b, same_b).mean()
            loss += config.cycle * config.identity * metrics["identity"]
        return loss, (variables, metrics)

    def critic_loss(end):
        other = "b" if end == "a" else "a"
        critic, pool = calls[f"critic_{end}"], calls[f"pool_{end}"]

        def loss(variables, batch, turn):
            fake, _ = calls[f"{other}_to_{end}"](variables, batch[other])
            key = jax.random.fold_in(turn.key, ord(end))
            shown, variables = pool(variables, lax.stop_gradient(fake), key)
            real, variables = critic(variables, batch[end])
            made, variables = critic(variables, lax.stop_gradient(shown))
            found = losses.least_squares_discriminator_loss(real, made).mean()
            return found, (variables, {"real": real.mean(), "fake": made.mean()})

        return loss

    def critics_loss(variables, batch, turn):
        total, metrics = jnp.zeros(()), {}
        for end in "ab":
            found, (variables, seen) = critic_loss(end)(variables, batch, turn)
            total += found
            metrics |= {f"{name}_{end}": value for name, value in seen.items()}
        return total, (variables, metrics)

    rate = falling(config.learning_rate, config.decay, after=config.constant)
    adam = optax.adam(rate, config.beta1)
    owned = {end: (f"critic_{end}", f"pool_{end}") for end in "ab"}
    if config.order == "joint":
        players = {
            "generators": Player(generator_loss, ("a_to_b", "b_to_a"), adam),
            "critics": Player(critics_loss, owned["a"] + owned["b"], adam),
        }
    else:
        players = {
            "a_to_b": Player(generator_loss, ("a_to_b",), adam),
            "critic_b": Player(critic_loss("b"), owned["b"], adam),
            "b_to_a": Player(generator_loss, ("b_to_a",), adam),
            "critic_a": Player(critic_loss("a"), owned["a"], adam),
        }

    def inputs(batch):
        _check(config, batch)
        a, b = batch["a"][:1], batch["b"][:1]
        given = {"a_to_b": (a,), "b_to_a": (b,), "critic_a": (a,), "critic_b": (b,)}
        key = jax.random.key(0)
        return given | {"pool_a": (a, key), "pool_b": (b, key)}

    return Game(
        nets=nets,
        inputs=inputs,
        players=players,
        moves=tuple(Move(name) for name in players),
        ema=dict.fromkeys(("a_to_b", "b_to_a"), config.ema) if config.ema else {},
    )


def _generator(config):
    return ResidualGenerator(
        config.channels,
        config.width,
        config.blocks,
        config.norm,
        config.residual,
        jnp.dtype(config.dtype),
    )


def _check(config, batch):
    """Refuses images that are not those of the configuration."""
    found = {name: jnp.shape(batch.get(name, ()))[1:] for name in "ab"}
    if set(found.values()) != {config.shape}:
        raise ValueError(
            f"the batch has images of {found}, expected two domains of {config.shape}:"
            " bring both to one size and to the same channels"
        )


def translate(
    config: Config,
    variables: Variables,
    image: jax.Array,
    direction: Literal["a_to_b", "b_to_a"],
) -> jax.Array:
    """Translates images `[B, H, W, C]` in [-1, 1] from one domain to the other."""
    return pure(_generator(config), direction)(variables, image)[0]


def batch(config: Config, key: jax.Array, count: int) -> Batch:
    """Makes a random batch in the form that `game` takes."""
    a, b = jax.random.uniform(key, (2, count, *config.shape), minval=-1.0)
    return {"a": a, "b": b}


def show(
    config: Config, variables: Variables, key: jax.Array, batch: Batch
) -> dict[str, jax.Array]:
    """Translations of a batch, both ways, and back."""
    del key
    b = translate(config, variables, batch["a"], "a_to_b")
    a = translate(config, variables, batch["b"], "b_to_a")
    return {
        "a_to_b": b,
        "a_again": translate(config, variables, b, "b_to_a"),
        "b_to_a": a,
        "b_again": translate(config, variables, a, "a_to_b"),
    }


MODEL = Model(
    paper="1703.10593",
    config=Config,
    game=game,
    batch=batch,
    show=show,
    tiny=Config(
        resolution="16x24",  # norms of fewer pixels enlarge what is rounded
        width=2,
        blocks=1,
        patch=1,
        identity=0.0,  # two passes fewer to compile
        pool=3,
        constant=1,
        decay=9,
    ),
    range=(-1.0, 1.0),
)
