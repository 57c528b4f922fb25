"""CapsNet: two convolutions, and one layer of capsules with dynamic routing.

Sabour, Frosst and Hinton, "Dynamic routing between capsules" (arXiv:1710.09829): the
length of a class capsule is the probability that the class is there, its direction the
pose. A decoder draws the image from the capsule of the label, so the pose has to
contain what the image needs. With two objects in an image (MultiMNIST), the decoder
draws each from its own capsule.

`Config()` is the network of section 4; the other settings of the paper are below it.
Where the printed paper and its released code differ, a word chooses: `primary`, the
length of the primary capsules, by default as in the code; `scaling`, the margin loss,
by default the printed sum over classes, of which the code takes half the mean.
"""

import dataclasses
from collections.abc import Mapping
from typing import Literal

import jax
import jax.numpy as jnp
import optax
from flax import linen

from jaxgan import bounds, capsules, losses, nn
from jaxgan.capsules.layers import bias_init
from jaxgan.game import Batch, Game, Move, Player, Variables, pure
from jaxgan.models.model import Model
from jaxgan.models.parts import images
from jaxgan.models.parts.classes import Classes, known


@dataclasses.dataclass(frozen=True)
class Config:
    """Networks and training; the defaults are the paper's for MNIST."""

    resolution: bounds.Count = 28
    """Height and width of the images."""
    channels: bounds.Count = 1
    """Channels of the images."""
    classes: Classes = 10
    """Class capsules; None for as many as the data has classes."""
    objects: bounds.Count = 1
    """Objects in an image, each of a different class."""
    features: bounds.Count = 256
    """Channels of the first convolution."""
    types: bounds.Count = 32
    """Primary capsules at every position."""
    primary_dim: bounds.Count = 8
    """Elements of a primary capsule."""
    primary: Literal["released", "printed"] = dataclasses.field(
        default="released", metadata={"before": "printed"}
    )
    """The primary capsules before the squash: released divides the convolution by the
    number of types, as the authors' code does; printed does not."""
    class_dim: bounds.Count = 16
    """Elements of a class capsule."""
    padding: Literal["VALID", "SAME"] = "VALID"
    """Padding of both convolutions."""
    iterations: bounds.Depth = 3
    """Of routing."""
    shared: bool = False
    """Whether capsules of a type vote by the same weights at every position."""
    leaky: bool = False
    """Whether primary capsules may belong to no class."""
    decoder: tuple[bounds.Count, ...] = (512, 1024)
    """Units of the decoder's hidden layers."""
    reconstruction: bounds.Weight = 0.0005
    """Weight of the sum of squared errors of the decoder; 0 leaves the decoder out."""
    scaling: Literal["printed", "released"] = "printed"
    """The margin loss: the paper's sum, or half the mean of the released code."""
    learning_rate: bounds.Rate = 1e-3
    """Adam's first step size."""
    decay_steps: bounds.Count = 2000
    """Steps in which the step size falls to 0.96 of its value."""
    dtype: Literal["float32", "bfloat16"] = "float32"
    """Dtype of convolutions, votes and decoder."""

    def __post_init__(self):
        bounds.check(self)
        if self.classes is not None and self.objects >= self.classes:
            raise ValueError(
                f"objects is {self.objects}; with {self.classes} classes it must be at"
                f" most {self.classes - 1}"
            )
        if self.padding == "VALID" and self.resolution < 17:
            raise ValueError(
                f"resolution is {self.resolution}; two 9x9 convolutions without padding"
                " need at least 17: enlarge the images, or use padding SAME"
            )


MULTI_MNIST = Config(resolution=36, objects=2, decay_steps=20_000)
"""Two overlapping digits on 36x36."""
CIFAR10 = Config(
    resolution=24, channels=3, types=64, leaky=True, padding="SAME", reconstruction=0.0
)
"""24x24 patches; the paper's error of 10.6 % is that of an ensemble of seven."""
SMALL_NORB = Config(resolution=32, channels=2, classes=5, reconstruction=0.0)
"""32x32 crops of stereo pairs reduced to 48x48; the two views are channels."""
SVHN = Config(
    resolution=32, channels=3, features=64, types=16, primary_dim=6, class_dim=8,
    reconstruction=0.0,
)  # fmt: skip
"""A smaller network for 73,257 images."""


class Encoder(linen.Module):
    """Images `[B, H, W, C]` in [0, 1] to class capsules `[B, J, D]`."""

    config: Config

    @linen.compact
    def __call__(self, image: jax.Array, *, return_coupling: bool = False):
        """Encodes a batch; see `capsules.ClassCaps` for the coupling."""
        c = self.config
        check_image(image, c.resolution, c.channels)
        x = nn.Conv(
            c.features,
            9,
            padding=c.padding,
            dtype=c.dtype,
            kernel_init=linen.initializers.truncated_normal(0.05),
            bias_init=bias_init,
        )(image)
        primary = capsules.PrimaryCaps(
            c.types, c.primary_dim, c.primary, c.leaky, padding=c.padding, dtype=c.dtype
        )(linen.relu(x))
        return capsules.ClassCaps(
            known(c.classes),
            c.class_dim,
            c.iterations,
            c.shared,
            c.leaky,
            dtype=c.dtype,
        )(primary, return_coupling=return_coupling)


def _nets(config: Config) -> dict[str, linen.Module]:
    nets: dict[str, linen.Module] = {"encoder": Encoder(config)}
    if config.reconstruction:
        shape = (config.resolution, config.resolution, config.channels)
        nets["decoder"] = capsules.Decoder(shape, config.decoder, config.dtype)
    return nets


def game(config: Config) -> Game:
    """One player that owns encoder and decoder.

    Batches are `{"image": [B, H, W, C] in [0, 1], "label": int [B]}`; with more than
    one object, `{"image", "label": int [B, objects], "parts": [B, objects, H, W, C]}`
    where each part is one of the objects alone.
    """
    nets, classes = _nets(config), known(config.classes)
    adam = optimizer(config.learning_rate, config.decay_steps)
    functions = {name: pure(module, name) for name, module in nets.items()}

    def loss(variables, batch, turn):
        del turn
        labels = _labels(config, batch["label"])
        v, variables = functions["encoder"](variables, batch["image"])
        present = jax.nn.one_hot(labels, classes).sum(1)
        inside = (labels >= 0) & (labels < classes)
        margin = losses.margin_loss(
            capsules.lengths(v), present, scaling=config.scaling
        )
        margin = jnp.where(inside.all(1), margin, jnp.nan).mean()
        error = _errors(v, labels).mean()
        metrics = {"margin": margin, "error": error}
        if not config.reconstruction:
            return margin, (variables, metrics)
        parts = batch["image"][:, None] if config.objects == 1 else batch["parts"]
        drawing = jnp.zeros(())
        for i in range(config.objects):
            image, variables = functions["decoder"](
                variables, capsules.mask(v, labels[:, i])
            )
            drawing += losses.capsule_reconstruction_loss(
                parts[:, i], image, scale=1.0
            ).mean()
        metrics["squared_error"] = drawing
        return margin + config.reconstruction * drawing, (variables, metrics)

    return Game(
        nets=nets,
        inputs=lambda batch: {
            "encoder": (batch["image"][:1],),
            "decoder": (jnp.zeros((1, classes, config.class_dim)),),
        },
        players={"capsules": Player(loss, tuple(nets), adam)},
        moves=(Move("capsules"),),
    )


def optimizer(learning_rate: float, decay_steps: int) -> optax.GradientTransformation:
    """Adam with a step size that falls by 4 % in `decay_steps`, but not below 1e-6."""
    schedule = optax.exponential_decay(learning_rate, decay_steps, 0.96, end_value=1e-6)
    return optax.adam(schedule)


def check_image(image: jax.Array, resolution: int, channels: int) -> None:
    """Refuses images `[B, H, W, C]` of another size than a network's.

    Raises:
        ValueError: the size is another; the message names both.
    """
    wanted = (resolution, resolution, channels)
    if image.shape[1:] != wanted:
        raise ValueError(
            f"the network takes images {wanted}, but got {image.shape[1:]}: change"
            " the images, or resolution and channels of its Config"
        )


def encode(
    config: Config,
    variables: Variables,
    image: jax.Array,
    *,
    return_coupling: bool = False,
):
    """Class capsules `[B, J, D]` of images `[B, H, W, C]` in [0, 1]."""
    encoder = pure(Encoder(config), "encoder")
    return encoder(variables, image, return_coupling=return_coupling)[0]


def decode(config: Config, variables: Variables, masked: jax.Array) -> jax.Array:
    """Images `[B, H, W, C]` in [0, 1] from masked capsules `[B, J, D]`.

    Raises:
        ValueError: If the network has no decoder.
    """
    if not config.reconstruction:
        raise ValueError("this network has no decoder: its `reconstruction` is 0")
    return pure(_nets(config)["decoder"], "decoder")(variables, masked)[0]


def predict(config: Config, variables: Variables, image: jax.Array) -> jax.Array:
    """The classes seen in images `[B, H, W, C]`: int32 `[B, objects]`."""
    return capsules.longest(encode(config, variables, image), config.objects)


def _labels(config: Config, labels: jax.Array) -> jax.Array:
    """Labels as `[B, objects]`."""
    wanted = "[B]" if config.objects == 1 else f"[B, {config.objects}]"
    if labels.ndim == 1 and config.objects == 1:
        return labels[:, None]
    if labels.ndim != 2 or labels.shape[1] != config.objects:
        raise ValueError(
            f"labels have the shape {labels.shape}, expected {wanted} for"
            f" {config.objects} objects in an image"
        )
    return labels


def _errors(v: jax.Array, labels: jax.Array) -> jax.Array:
    """1 where an object is not among the longest capsules, else 0: `[B]`."""
    seen = capsules.longest(v, labels.shape[1])
    found = (seen[:, None, :] == labels[:, :, None]).any(2)
    return 1.0 - found.all(1).astype(jnp.float32)


def batch(config: Config, key: jax.Array, count: int) -> Batch:
    """Makes a random batch for `game`; the classes in an image differ."""
    image_key, label_key, part_key = jax.random.split(key, 3)
    shape = (config.resolution, config.resolution, config.channels)
    made = images.batch(image_key, count, shape)
    order = jax.random.uniform(label_key, (count, known(config.classes))).argsort(1)
    if config.objects == 1:
        return {**made, "label": order[:, 0]}
    parts = jax.random.uniform(part_key, (count, config.objects, *shape))
    return {**made, "label": order[:, : config.objects], "parts": parts}


def show(
    config: Config, variables: Variables, key: jax.Array, batch: Batch
) -> Mapping[str, jax.Array]:
    """Draws, with the decoder, the classes that are seen in the images of a batch."""
    del key
    if not config.reconstruction:
        return {}
    v = encode(config, variables, batch["image"])
    seen = capsules.longest(v, config.objects)
    drawn = [
        decode(config, variables, capsules.mask(v, seen[:, i]))
        for i in range(config.objects)
    ]
    return {"reconstructions": jnp.clip(sum(drawn, jnp.zeros(())), 0, 1)}


MODEL = Model(
    paper="1710.09829",
    config=Config,
    game=game,
    batch=batch,
    show=show,
    tiny=Config(
        resolution=17, classes=3, features=4, types=2, primary_dim=3, class_dim=4,
        iterations=2, decoder=(6,),
    ),
    exact=True,
)  # fmt: skip
