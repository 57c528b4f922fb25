"""SRResNet and SRGAN make pictures four times larger (Ledig et al., arXiv:1609.04802).

    python -m experiments.srgan_images
    python -m experiments.srgan_images --preset paper --data folder:PHOTOS

Trains SRResNet, which minimises the squared error, in the directory `srresnet`, then
goes on from its weights with an adversarial loss beside it in `srgan`: the paper's
SRGAN-MSE. Unseen pictures are reduced and enlarged again, by bicubic interpolation and
by both networks, and compared with the originals in PSNR and SSIM of the luminance
without a border of 4 pixels, as in the paper. SRGAN is meant to look sharper, and not
to score higher: in the paper, too, its PSNR is lower than that of SRResNet.

Without flags: 4,096 drawn faces of 64x64, narrow networks, minutes on two CPU cores.
Writes results.json and enlarged.png, and a run for each of the two.
"""

import dataclasses
from typing import Annotated, Literal

import tyro

from experiments.srgan_images import measuring
from jaxgan import bounds
from jaxgan.lab import figures, generator, runs, session, unseen
from jaxgan.lab.data import Data, open_set
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
    adversarial: bounds.Rate = 1e-3
    """Weight of SRGAN's adversarial loss."""
    preset: Literal["laptop", "paper"] = "laptop"
    """laptop: minutes on two cores; paper: the paper's sizes, for an accelerator."""

    def __post_init__(self):
        bounds.check(self, flags=True)
        if self.model.adversarial:
            raise ValueError(
                f"--model.adversarial is {self.model.adversarial}; leave it at 0 and"
                " give --adversarial, as SRResNet is trained without"
            )


PRESETS = {
    "laptop": Config(
        run=runs.run("srgan_images", steps=900, every=300, batch_size=16),
        data=Data("faces:4096", flip=True, upscale="auto", tests=100),
        model=srgan.Config(
            resolution=64, width=16, blocks=4, hidden=64, learning_rate=1e-3
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
        data=Data("folder:PHOTOS", flip=True),
        model=srgan.Config(),
        gan_steps=200_000,
        preset="paper",
    ),
}


def main(config: Config) -> None:
    """Trains what is missing, then enlarges and measures."""
    gan = dataclasses.replace(config.model, adversarial=config.adversarial)
    parts = {
        "srresnet": runs.part(config, "srresnet", config.model),
        "srgan": runs.part(config, "srgan", gan, steps=config.gan_steps),
    }
    shape = generator.image_shape(srgan.MODEL, config.model)
    opened = open_set(config.data, shape, test=True)
    if not opened.test:
        raise ValueError(
            f"{config.data.data} is too large to set images aside; give a set with a"
            " test split"
        )
    real = opened.test["image"]

    def fit(name, part, start):
        return unseen.train(
            measuring.TITLES[name],
            srgan.MODEL,
            part,
            opened,
            {"image": real},
            lambda variables: measuring.measured(part, real, variables),
            start=start,
        )

    results = runs.in_stages(parts, fit)
    session.only_main()
    numbers = {name: result.numbers for name, result in results.items()}
    path = config.run.workdir / "enlarged.png"
    measuring.draw(path, parts, real, numbers)
    caption = "Reduced and enlarged again; none was trained on"
    figures.write("SRGAN", config.run.workdir, numbers, {caption: path})
