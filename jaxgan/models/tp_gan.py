"""TP-GAN: turns a face to the front, by its whole and by its parts.

Huang, Zhang, Li and He, "Beyond Face Rotation: Global and Local Perception GAN for
Photorealistic and Identity Preserving Frontal View Synthesis", arXiv:1704.04086, and
the code that its first author released, whose sizes and weights are the defaults.

Reproduced: a path for the whole face, which sees the mirrored face too and draws at
three sizes; four small U-Nets for patches around eyes, nose and mouth, whose maps are
put where these parts of a frontal face are; errors of pixels and asymmetry at all
sizes, an adversarial loss by regions, the distance in what a network that recognises
people makes of a face (`game` is given it), the person's number read off the vector
in the middle, and total variation; patches are trained by themselves, and again with
the whole.

Quirks, all of the released code: sums over rows and columns and means over channels, on
which the weights count; the asymmetry holds the left half still; real images and, for
the generator, fakes should give 0.9; the generator moves twice for each move of the
discriminator (`moves`); the path of the right eye sees both eyes; norms take the
statistics of the batch in tests too (`frontal` takes the running averages unless it is
told otherwise).

Known differences: the embedding sees colour, and a noise of 0 is used in tests. Patches
of the truth are cut where parts are in mean, as those of the generator are put there.
`width`, `blocks`, `kernel` and `halvings` make smaller networks than the paper's.
"""

import dataclasses
from collections.abc import Mapping
from typing import Annotated, Literal

import jax
import jax.numpy as jnp
import optax
from flax import linen
from jax import lax

from jaxgan import bounds, losses, nn
from jaxgan.game import Batch, Game, Move, Player, Variables, pure
from jaxgan.models.model import Model
from jaxgan.models.parts import images, tp_gan_nets
from jaxgan.models.parts import tp_gan_losses as tp
from jaxgan.models.parts.bottleneck_nets import Statistics, check_resolution
from jaxgan.models.parts.classes import check_labelled, check_labels
from jaxgan.models.parts.holding import held
from jaxgan.models.parts.rates import falling

SURE = 0.9  # what the discriminator should say of real images
SPREAD = 0.02  # of the noise


@dataclasses.dataclass(frozen=True)
class Config:
    """Networks and training; the defaults are those of the released code."""

    resolution: bounds.Count = 128
    """Height and width of images in pixels: a power of two, at least 32."""
    channels: bounds.Count = 3
    """Image channels: 3 for colour, 1 for grey."""
    width: bounds.Count = 64
    """Channels of the largest maps of all networks."""
    blocks: bounds.Natural = 1
    """Residual blocks at each size, four times as many at the smallest."""
    kernel: Literal[3, 5, 7] = 7
    """Largest side of the kernels of the whole face's path."""
    halvings: Annotated[int, bounds.Within(1, 3)] = 3
    """How often patches are halved."""
    feature: bounds.Count = 256
    """Size of the vector in the middle."""
    noise: bounds.Count = 100
    """Size of the noise beside it."""
    people: bounds.Natural = 340
    """People in the training set, whose number is read off the vector; 0 reads none."""
    symmetry: bounds.Weight = 0.3
    """Weight of asymmetry."""
    adversarial: bounds.Weight = 20.0
    """Weight of the adversarial loss."""
    identity: bounds.Weight = 40.0
    """Weight of the distance between embeddings."""
    person: bounds.Weight = 10.0
    """Weight of the cross-entropy of the person's number."""
    variation: bounds.Weight = 1e-3
    """Weight of the total variation."""
    patch: bounds.Weight = 3.0
    """Weight of the error of patches."""
    alone: bool = True
    """Whether the paths of patches also move by themselves."""
    moves: bounds.Count = 2
    """Moves of the generator for each move of the discriminator."""
    learning_rate: bounds.Rate = 1e-4
    """Adam's step size, of all players."""
    beta1: bounds.Decay = 0.9
    """Adam's first momentum."""
    decay: bounds.Natural = 0
    """Steps in which the step size of all players falls to 0 along a straight line; 0
    leaves it as it is."""
    dtype: Literal["float32", "bfloat16"] = "float32"
    """Dtype of the networks; parameters, statistics and losses stay float32."""

    def __post_init__(self):
        bounds.check(self)
        check_resolution("resolution", self.resolution, 32)


def game(config: Config, embed: tp.Embed | None = None) -> Game:
    """Discriminator, local paths, then generator and local paths together.

    Batches are `{"image": [B, R, R, C] in [-1, 1], "input": the same, "points": [B, 4,
    2], "label": [B]}`: the face from the front, the turned one, where eyes, nose and
    mouth are in the latter (rows and columns in image heights), and the number of the
    person, which is needed unless `people` is 0.

    Args:
        config: of the model.
        embed: a network that recognises people; needed to play unless `identity` is 0.
    """
    nets = _nets(config)
    discriminator = pure(nets["discriminator"], "discriminator")

    def generator_loss(variables, batch, turn):
        made, parts, variables = _drawn(config, variables, batch, turn.key)
        *_, fake = made.images
        logits, _ = discriminator(held(variables, "discriminator"), fake)
        terms = {
            "pixels": tp.sized(tp.pixel_loss, _truths(batch["image"]), made.images),
            "symmetry": config.symmetry * tp.sized(tp.asymmetry, made.images),
            "adversarial": config.adversarial
            * optax.sigmoid_binary_cross_entropy(logits, SURE).mean(),
            "variation": config.variation * tp.variation(fake).mean(),
            "patches": config.patch * _patch_loss(config, batch, parts),
        }
        if config.people:
            cross = optax.softmax_cross_entropy_with_integer_labels(
                made.people, batch["label"]
            )
            terms["person"] = config.person * cross.mean()
        if config.identity:
            near = tp.identity_loss(embed, batch["image"], fake).mean()
            terms["identity"] = config.identity * near
        return sum(terms.values()), (variables, terms)

    def discriminator_loss(variables, batch, turn):
        made = _drawn(config, variables, batch, turn.key)[0]
        real, variables = discriminator(variables, batch["image"])
        fake, variables = discriminator(variables, lax.stop_gradient(made.images[-1]))
        loss = losses.non_saturating_discriminator_loss(
            real, fake, label_smoothing=1 - SURE
        )
        return loss.mean(), (variables, {"real": real.mean(), "fake": fake.mean()})

    def patch_loss(variables, batch, turn):
        del turn
        _, parts, variables = _parts(config, variables, batch)
        return config.patch * _patch_loss(config, batch, parts), (variables, {})

    def inputs(batch):
        some = {name: x[:1] for name, x in batch.items()}
        if config.people:
            check_labelled(batch)
            check_labels(some["label"], config.people, 1)
        shape = (1, config.resolution, config.resolution)
        local = jnp.zeros((*shape, config.width + config.channels))
        noise = jnp.zeros((1, config.noise))
        return {
            "generator": (some["input"], local, noise),
            "local": (_patches(config, some),),
            "discriminator": (some["image"],),
        }

    def adam(moves):
        # Schedules count updates, of which a step of the game may have several.
        return optax.adam(
            falling(config.learning_rate, moves * config.decay), config.beta1
        )

    often = {"discriminator": 1}  # moves a step, if not `config.moves`
    losses_ = {
        "discriminator": (discriminator_loss, ("discriminator",)),
        "patches": (patch_loss, ("local",)),
        "generator": (generator_loss, ("generator", "local")),
    }
    if not config.alone:
        del losses_["patches"]
    _, *drawing = map(Move, losses_)
    return Game(
        nets=nets,
        inputs=inputs,
        players={
            name: Player(loss, own, adam(often.get(name, config.moves)))
            for name, (loss, own) in losses_.items()
        },
        moves=(Move("discriminator"), *drawing * config.moves),
    )


def _truths(image):
    """The face from the front at three sizes, the smallest first."""
    half = nn.halve(image)
    return nn.halve(half), half, image


def _patches(config, batch):
    sizes = tp_gan_nets.patch_sizes(config.resolution, config.halvings)
    return tp_gan_nets.crops(batch["input"], batch["points"], sizes)


def _patch_loss(config, batch, parts):
    """The error of all parts, each summed over its pixels: a number."""
    places = jnp.asarray(tp_gan_nets.PLACES)
    places = jnp.broadcast_to(places, (len(batch["image"]), *places.shape))
    sizes = [x.shape[1:3] for x in parts]
    truth = tp_gan_nets.crops(batch["image"], places, sizes)
    errors = [tp.pixel_loss(a, b).mean() for a, b in zip(truth, parts, strict=True)]
    return jnp.stack(errors).sum()


def _parts(config, variables, batch, statistics: Statistics = "batch"):
    """Maps and images of the parts of a face."""
    local = pure(_nets(config)["local"], "local")
    (maps, parts), variables = local(variables, _patches(config, batch), statistics)
    return maps, parts, variables


def _drawn(config, variables, batch, key, statistics: Statistics = "batch"):
    """What the generator makes of turned faces, and images of the parts."""
    maps, parts, variables = _parts(config, variables, batch, statistics)
    paste = tp_gan_nets.pasted
    local = jnp.concatenate([paste(x, config.resolution) for x in (maps, parts)], -1)
    shape, rngs = (len(batch["input"]), config.noise), {}
    noise = jnp.zeros(shape)
    if key is not None:
        noise_key, rngs["dropout"] = jax.random.split(key)
        noise = SPREAD * jax.random.normal(noise_key, shape)
    generator = pure(_nets(config)["generator"], "generator")
    made, variables = generator(
        variables, batch["input"], local, noise, statistics, rngs=rngs
    )
    return made, parts, variables


def frontal(
    config: Config,
    variables: Variables,
    image: jax.Array,
    points: jax.Array,
    statistics: Statistics = "running",
) -> jax.Array:
    """Turns faces to the front.

    Args:
        config: of the model.
        variables: of its nets.
        image: turned faces, `[B, R, R, C]` in [-1, 1].
        points: where eyes, nose and mouth are, `[B, 4, 2]`, as in `game`.
        statistics: of the norms: running averages, or those of these images, as in the
            released code.

    Returns:
        `[B, R, R, C]` in [-1, 1].
    """
    batch = {"input": image, "points": points}
    return _drawn(config, variables, batch, None, statistics)[0].images[-1]


def _nets(config: Config) -> dict[str, linen.Module]:
    c = config
    return {
        "generator": tp_gan_nets.Generator(
            c.width, c.feature, c.blocks, c.people, c.kernel, c.channels, c.dtype
        ),
        "local": tp_gan_nets.LocalPaths(
            c.width, c.halvings, c.blocks, c.channels, c.dtype
        ),
        "discriminator": tp_gan_nets.Discriminator(c.width, c.blocks, c.dtype),
    }


def batch(config: Config, key: jax.Array, count: int) -> Batch:
    """Makes a random batch in the form that `game` takes."""
    shape = (config.resolution, config.resolution, config.channels)
    keys = jax.random.split(key, 3)
    made = images.batch(keys[0], count, shape, classes=config.people, low=-1.0)
    other = images.batch(keys[1], count, shape, low=-1.0)
    places = jnp.asarray(tp_gan_nets.PLACES)[None]
    points = places + 0.05 * jax.random.normal(keys[2], (count, *places.shape[1:]))
    return {**made, "input": other["image"], "points": points}


def show(
    config: Config, variables: Variables, key: jax.Array, batch: Batch
) -> Mapping[str, jax.Array]:
    """Shows turned faces, and what they become."""
    del key
    turned = batch["input"]
    return {
        "input": turned,
        "frontal": frontal(config, variables, turned, batch["points"]),
    }


MODEL = Model(
    paper="1704.04086",
    config=Config,
    game=game,
    batch=batch,
    show=show,
    tiny=Config(
        resolution=32, width=2, blocks=0, kernel=3, halvings=1, feature=4, noise=3,
        people=3, identity=0, moves=1,
    ),
    range=(-1.0, 1.0),
)  # fmt: skip
