"""Shows what a net has learned to see in images, beside the same net at random weights.

    python -m experiments.inside_networks --run runs/dcgan_faces
    python -m experiments.inside_networks --run runs/dcgan_faces --layer 1 --maps 12
    python -m experiments.inside_networks --run runs/infogan_mnist --images 2000

Takes about a minute on a CPU. The run is only read; the images that it was trained on
must be available. --workdir gets these pictures, with trained weights on the left and
random ones on the right, and a file of numbers:

- weights.png: the filters of the first layer;
- activations.png: the maps of every layer for one image;
- projections.png: for the first maps of a layer, the image that each responds to most,
  and what reaches its pixels from there by the rules of deconvnet (arXiv:1311.2901),
  guided backpropagation (arXiv:1412.6806) and the plain gradient;
- guided.png: guided backpropagation on more images: DCGAN's figure 5
  (arXiv:1511.06434);
- patches.png: the pieces of training images that drive a map most;
- results.json: how the two nets differ in numbers.

A layer is the output of a rectifier: maps with rows and columns or, in a net without
those, units, which are treated as maps of one pixel. Nets without rectifiers, such as
those of maxout units, are refused. With the seed of the run, the random weights are the
ones that it started from.

Expect deconvnet and the plain gradient to look like noise. Guided backpropagation draws
a few lines of what a trained map looks for, and nearly the whole image where weights
are random: `guided_spread`, the share of the pixels that carry it, is half as large in
the last layer of a trained DCGAN (0.15 to 0.19 against 0.30 to 0.34 on drawn faces,
photographs and clothes). The patches of random maps, which pick out bright or dark
corners, agree with each other about as well as those of trained maps. In layers that
see only a few pixels, and in small nets on digits, the numbers hardly differ.
"""

import dataclasses
import pathlib
from typing import Annotated

import numpy as np

from experiments.inside_networks import looks, pictures
from experiments.inside_networks.layers import find_layers, first_filters
from jaxgan import bounds
from jaxgan.lab import figures, inference


@dataclasses.dataclass(frozen=True)
class Config:
    """The net to look into, and how much to show."""

    run: pathlib.Path
    """Directory of a training run; it is only read."""
    workdir: pathlib.Path = pathlib.Path("runs/inside_networks")
    """Directory for the pictures and the numbers."""
    net: str = "discriminator"
    """The net of the model to look into; it must take images."""
    layer: bounds.Whole = -1
    """The layer whose maps are projected, from 0; negative ones count from the last."""
    maps: bounds.Count = 6
    """Number of maps of that layer to show, from the first."""
    images: Annotated[int, bounds.Within(2)] = 1000
    """Number of training images to search for those that drive a map most."""
    shown: Annotated[int, bounds.Within(2)] = 8
    """Number of those images to show for each map."""
    image: bounds.Natural = 0
    """Number of the image whose activations are shown."""
    seed: bounds.Seed = 0
    """Seed of the choice of images and of the random weights."""

    def __post_init__(self):
        bounds.check(self, flags=True)
        for name in ("shown", "image"):
            if getattr(self, name) + (name == "image") > self.images:
                raise ValueError(
                    f"--{name} is {getattr(self, name)}, but --images is"
                    f" {self.images}; look at more images"
                )


def main(config: Config) -> None:
    """Looks into the trained net and the random one, and draws both."""
    trained = inference.open_run(config.run)
    images, labels = inference.training_images(trained, config.images, config.seed)
    if len(images) < max(config.shown, config.image + 1):
        raise ValueError(
            f"the run was trained on {len(images)} images; give a smaller --shown and"
            " --image"
        )
    labels = np.zeros(len(images), np.int32) if labels is None else labels
    layers = find_layers(trained, config.net, images, labels)
    if not -len(layers) <= config.layer < len(layers):
        raise ValueError(
            f"--layer is {config.layer}, but the net has layers 0 to {len(layers) - 1}"
        )
    models = trained, inference.untrained(trained, config.seed)
    seen = [
        looks.look(
            looks.net(model, config.net, images, labels, layers, config.layer),
            title,
            maps=config.maps,
            shown=config.shown,
            image=config.image,
            seed=config.seed,
        )
        for model, title in zip(models, pictures.SIDES, strict=True)
    ]
    filters = [first_filters(x, config.net, images.shape[1:]) for x in models]
    chosen = config.layer % len(layers)
    height, width, channels = layers[chosen].shape
    about = f"{trained.name}, {config.net}, step {trained.step:,}"
    kind = "units" if height == width == 1 else f"maps of {height}x{width}"
    what = f"{about}, layer {chosen} (of 0 to {len(layers) - 1}): {channels} {kind}"
    low, high = inference.range_of(trained)
    scaled = [x._replace(patches=(x.patches - low) / (high - low)) for x in seen]
    drawn = {
        "activations": (
            pictures.draw_activations(seen, layers, images[config.image], about),
            "the maps of one image",
        ),
        "projections": (
            pictures.draw_projections(seen, images, what),
            "projections back to the pixels",
        ),
        "guided": (
            pictures.draw_guided(seen, what),
            "guided backpropagation, on more images",
        ),
        "patches": (pictures.draw_patches(scaled, what), "what drives each map most"),
    }
    if kernels := [x for x in filters if x is not None]:
        figure = pictures.draw_weights(kernels, about)
        drawn["weights"] = figure, "the filters of the first layer"
    for name, (figure, said) in drawn.items():
        figures.save(config.workdir / f"{name}.png", figure, said)
    figures.save_results(
        config.workdir / "results.json",
        {
            "run": str(config.run),
            "model": trained.name,
            "net": config.net,
            "step": trained.step,
            "images": len(images),
            "seed": config.seed,
            "layers": [
                {"shape": list(x.shape), "field": x.field._asdict()} for x in layers
            ],
            "layer": chosen,
            "trained": seen[0].numbers,
            "random": seen[1].numbers,
        },
    )
