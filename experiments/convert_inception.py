"""Converts the FID's Inception weights to a file that is read without PyTorch.

    python -m experiments.convert_inception --weights FILE.pth --workdir FOLDER

FILE.pth is pt_inception-2015-12-05-6726825d.pth from the release page of
mseitzer/pytorch-fid on GitHub, or torch-fidelity's file of the same weights. Writes
inception.npz, with the same names, shapes and bits, and a record of the original file;
an older inception.npz is replaced. Takes seconds on a CPU, and needs PyTorch once.
"""

import dataclasses
import hashlib
import io
import pathlib

from jaxgan import report
from jaxgan.lab import cli
from jaxgan.train.terminal import say

ALIASES = {"--out": "--workdir"}


@dataclasses.dataclass(frozen=True)
class Config:
    """What to convert."""

    weights: pathlib.Path
    """The published file."""
    workdir: pathlib.Path = pathlib.Path("runs/convert_inception")
    """Directory for inception.npz or, if the name ends in .npz, the file to write."""

    def __post_init__(self):
        if self.workdir.is_file() and self.workdir.suffix != ".npz":
            raise ValueError(
                f"--workdir is {self.workdir}; give a folder, or a file whose name ends"
                " in .npz"
            )

    @property
    def path(self) -> pathlib.Path:
        """The file to write."""
        one = self.workdir.suffix == ".npz"
        return self.workdir if one else self.workdir / "inception.npz"


def main(config: Config) -> None:
    """Reads, checks and writes."""
    from jaxgan.metrics import inception

    weights = inception.load(config.weights)
    content = io.BytesIO()
    inception.save(content, weights)
    report.write(config.path, content.getvalue())
    is_it = "the published file" if weights.published else "not the published file"
    say(f"{config.weights}: SHA-256 {weights.checksum}, {is_it}")
    checksum = hashlib.sha256(content.getvalue()).hexdigest()
    say(f"{config.path}: SHA-256 {checksum}")


if __name__ == "__main__":
    cli.run(main, Config, description=__doc__, aliases=ALIASES)
