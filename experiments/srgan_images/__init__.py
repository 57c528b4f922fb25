r"""SRResNet and SRGAN make pictures four times larger (Ledig et al., arXiv:1609.04802).

    python -m experiments.srgan_images
    python -m experiments.srgan_images --content segmenter
    python -m experiments.srgan_images --preset paper --data folder:PHOTOS \
        --weights vgg19-dcbb9e9d.pth

Trains SRResNet, which minimises the squared error, in the directory `srresnet`, then
goes on from its weights in `srgan` with an adversarial loss, beside a content loss that
`--content` names: the squared error again (the paper's SRGAN-MSE), or that of VGG19's
maps, whose weights are a file to be fetched by hand. Unseen pictures are reduced and
enlarged again, by bicubic interpolation and by both networks, and compared with the
originals in PSNR and SSIM of the luminance without a border of 4 pixels, as in the
paper. SRGAN is meant to look sharper, and not to score higher: in the paper, too, its
PSNR is lower than that of SRResNet. Two more numbers tell how strong
edges are, 1 as in the originals, and how far textures are from theirs.

Without flags: 8,192 drawn faces of 64x64, narrow networks, minutes on two CPU cores.
Writes results.json and enlarged.png, and a run for each of the two.
"""

import dataclasses
import functools
import pathlib
from typing import Annotated, Literal

import tyro

from experiments.srgan_images import contents, measuring
from jaxgan import bounds
from jaxgan.lab import figures, generator, runs, session, unseen
from jaxgan.lab.data import Data
from jaxgan.models import srgan
from jaxgan.train import Run


@dataclasses.dataclass(frozen=True)
class Config:
    """The training of SRResNet and of SRGAN."""

    run: Annotated[Run, tyro.conf.arg(name="")]
    """Of SRResNet."""
    data: Annotated[Data, tyro.conf.arg(name="")]
    model: srgan.Config
    """Of SRResNet; SRGAN differs in the weight of its adversarial loss."""
    gan_steps: bounds.Count = 300
    """Steps of SRGAN."""
    gan_learning_rate: bounds.Rate = 1e-4
    """Adam's step size for SRGAN, a tenth of which it is in the second half."""
    adversarial: bounds.Rate = 2e-4
    """Weight of SRGAN's adversarial loss; 0.001 is the paper's."""
    content: Literal["pixels", "vgg22", "vgg54", "segmenter"] = "pixels"
    """SRGAN's content loss: the squared error of pixels; of VGG19's maps, which takes
    --weights; or of pixels and what jaxgan's own segmenter of drawn faces sees, which
    is trained in a few minutes, once."""
    weights: pathlib.Path | None = None
    """File of VGG19's weights, vgg19-dcbb9e9d.pth of torchvision or an npz of the same
    arrays."""
    preset: Literal["laptop", "paper"] = "laptop"
    """laptop: minutes on two cores; paper: the paper's sizes, for an accelerator."""

    def __post_init__(self):
        bounds.check(self, flags=True)
        if self.model.adversarial or self.model.content != "pixels":
            raise ValueError(
                f"--model.adversarial is {self.model.adversarial} and --model.content"
                f" {self.model.content}; leave them at 0 and pixels, as SRResNet is"
                " trained so, and give --adversarial and --content"
            )
        if self.content.startswith("vgg") != (self.weights is not None):
            raise ValueError(
                f"--content is {self.content} and --weights {self.weights}; give a file"
                " of weights with vgg22 or vgg54, and --weights None otherwise"
            )


PRESETS = {
    "laptop": Config(
        run=runs.run("srgan_images", steps=600, every=200, batch_size=16),
        data=Data("portraits:8192", flip=True, upscale="auto", tests=100),
        model=srgan.Config(
            resolution=64,
            width=16,
            blocks=4,
            residual=True,
            hidden=64,
            learning_rate=4e-4,
            drop_after=450,
        ),
    ),
    "paper": Config(
        run=runs.run(
            "srgan_images_paper",
            steps=1_000_000,
            every=20_000,
            batch_size=16,
            log_every=100,
        ),
        data=Data("folder:PHOTOS", flip=True, upscale="no"),
        model=srgan.Config(),
        gan_steps=200_000,
        adversarial=1e-3,
        content="vgg54",
        weights=pathlib.Path("vgg19-dcbb9e9d.pth"),
        preset="paper",
    ),
}


def main(config: Config) -> None:
    """Trains what is missing, then enlarges and measures."""
    gan = dataclasses.replace(
        config.model,
        adversarial=config.adversarial,
        content=config.content,
        learning_rate=config.gan_learning_rate,
        drop_after=config.gan_steps // 2,
    )
    features, about = contents.features(gan, config.weights)
    record = srgan.MODEL._replace(game=functools.partial(srgan.game, features=features))
    parts = {
        "srresnet": runs.part(config, "srresnet", config.model),
        "srgan": runs.part(config, "srgan", gan, steps=config.gan_steps),
    }
    shape = generator.image_shape(srgan.MODEL, config.model)
    opened = unseen.open_both(config.data, shape)
    real = opened.test["image"]

    def fit(name, part, start):
        return unseen.train(
            measuring.TITLES[name],
            record,
            part,
            opened,
            {"image": real},
            lambda variables: measuring.measured(part, real, variables),
            start=start,
        )

    results = runs.in_stages(parts, fit)
    session.only_main()
    numbers = {name: result.numbers for name, result in results.items()}
    numbers["srgan"] = numbers["srgan"] | about
    path = config.run.workdir / "enlarged.png"
    measuring.draw(path, parts, real, numbers)
    caption = "Reduced and enlarged again; none was trained on"
    figures.write("SRGAN", config.run.workdir, numbers, {caption: path})
