"""The weights of the FID's Inception network as a file that is read without PyTorch.

    python -m experiments.convert_inception --weights FILE.pth --out FILE.npz

FILE.pth is pt_inception-2015-12-05-6726825d.pth from the release page of
mseitzer/pytorch-fid on GitHub, or torch-fidelity's file of the same weights. Seconds on
a CPU; takes PyTorch, once. The npz has the same names and shapes, and says which file
it was made of; the weights are the same to the last bit.
"""

import dataclasses
import hashlib
import io
import pathlib

from jaxgan import report
from jaxgan.lab import cli, data


@dataclasses.dataclass(frozen=True)
class Config:
    """What to convert."""

    weights: pathlib.Path
    """The published file."""
    out: pathlib.Path
    """The npz to write; one that is there is replaced."""

    def __post_init__(self):
        if self.out.suffix != ".npz":
            raise ValueError(
                f"--out is {self.out}; its name must end in .npz, by which it is read"
            )


def main(config: Config) -> None:
    """Reads, checks and writes."""
    from jaxgan.metrics import inception

    weights = inception.load(config.weights)
    content = io.BytesIO()
    inception.save(content, weights)
    report.write(config.out, content.getvalue())
    is_it = "the published file" if weights.published else "not the published file"
    data.say(f"{config.weights}: SHA-256 {weights.checksum}, {is_it}")
    checksum = hashlib.sha256(content.getvalue()).hexdigest()
    data.say(f"{config.out}: SHA-256 {checksum}")


if __name__ == "__main__":
    cli.run(main, Config, description=__doc__)
