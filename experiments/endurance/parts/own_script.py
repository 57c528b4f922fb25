"""A script of one's own that trains in several processes, and raises in one of them.

It knows nothing of the library's command lines.
"""

import itertools
import pathlib
import sys

import numpy as np

from jaxgan import game, parallel, train
from jaxgan.models.toys import points_gan

MODEL = points_gan.Config(
    generator=(16,), discriminator=(16,), penalty="none", discriminator_steps=1
)


def main(workdir: str, process: int, coordinator: str, unlucky: int) -> None:
    """Trains, until one process cannot draw a batch."""
    with parallel.start(2, process, coordinator):
        play(workdir, process, unlucky)


def play(workdir: str, process: int, unlucky: int) -> None:
    """Trains in a process that has met the other."""
    run = train.Run(pathlib.Path(workdir), steps=10_000, batch_size=8, log_every=10)

    def items(start):
        for step in itertools.count(start):
            if step == 100 and process == unlucky:
                raise RuntimeError("there is no more data")
            yield {"data": np.full((8, 2), step, np.float32)}

    train.train(
        game.algorithm(points_gan.game(MODEL)),
        train.Feed((), items, lambda _, item: item),
        run,
        {},
        lambda state: {},
        train.devices(run),
    )


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), sys.argv[3], int(sys.argv[4]))
