"""Serves a page on which to explore the generators of finished runs in the browser.

    python -m experiments.explore --run runs/dcgan_faces
    python -m experiments.explore --run runs/dcgan_faces --directions directions.npz
    python -m experiments.explore --run runs/infogan_mnist --port 8000
    python -m experiments.explore --run runs/three/seed_0 runs/three/seed_1

Serves http://127.0.0.1:7860 until Ctrl-C. The page shows new images, sliders along the
directions that the first layer stretches most and along those that other experiments
have found, walks between images, and the training images nearest to the one shown; for
a run of text_to_faces also a box for captions. Up to six runs are drawn side by side,
from the same latents where these are of one size and kind; the first run has the
sliders and the training images.
Starting takes long mostly because of these images; --images 0 leaves them out. Needs
`pip install -e ".[explore]"`. The page needs no internet and sends nothing anywhere.
Runs are only read; pictures of the first
run that are saved on the page go to --workdir.
"""

import dataclasses
import importlib.util
import pathlib
import socket
from typing import Annotated

import tyro

from experiments.explore import generator, several
from experiments.explore.page import serve
from experiments.explore.sliders import read_directions
from jaxgan import bounds
from jaxgan.lab import inference
from jaxgan.train.terminal import say


@dataclasses.dataclass(frozen=True)
class Config:
    """The runs to show, and where to serve them."""

    run: Annotated[tuple[pathlib.Path, ...], tyro.conf.arg(metavar="PATH [PATH ...]")]
    """Directories of the runs of generators, up to six; they are only read."""
    workdir: pathlib.Path = pathlib.Path("runs/explore")
    """Directory for pictures that are saved on the page."""
    directions: pathlib.Path | None = None
    """An .npz with an array [Z] for each direction, such as the one that
    experiments.latent_arithmetic writes. If left out, directions.npz of --workdir, if
    there is one."""
    strongest: bounds.Natural = 6
    """Number of sliders along the directions that the first layer stretches most."""
    images: bounds.Natural = 2048
    """Training images to search for the nearest, at most; 0 leaves them out."""
    host: str = "127.0.0.1"
    """Address to serve at; by default only this machine can see the page."""
    port: Annotated[int, bounds.Within(1, 65535)] = 7860
    """Port to serve at."""
    ema: bool = True
    """Whether to use the moving average of the weights."""
    best: bool = False
    """Whether to use the state that scored best instead of the latest."""

    def __post_init__(self):
        bounds.check(self, flags=True)
        if not 1 <= len(self.run) <= several.MOST:
            raise ValueError(
                f"--run has {len(self.run)} runs; give 1 to {several.MOST} of them"
            )


def main(config: Config) -> None:
    """Opens the runs and serves the page until it is stopped."""
    check_gradio()
    check_port(config.host, config.port)
    trained = [
        inference.open_run(run, ema=config.ema, best=config.best) for run in config.run
    ]
    path = config.directions
    usual = config.workdir / "directions.npz"
    if path is None and usual.is_file():
        path = usual
    found = read_directions(path) if path else {}
    explorers = []
    for run, model in zip(config.run, trained, strict=True):
        say(f"{run}: {model.name} of step {model.step:,}; getting ready")
        leads = not explorers  # sliders and training images are those of the first
        explorers.append(
            generator.explorer(
                model,
                strongest=config.strongest if leads else 0,
                found=found if leads else {},
                images=config.images if leads else 0,
            )
        )
    runs = several.beside(config.run, explorers)
    serve(runs, config.run[0], config.workdir, config.host, config.port)


def check_gradio() -> None:
    """Checks that Gradio, which makes the page, is installed.

    Raises:
        ValueError: it is not.
    """
    if importlib.util.find_spec("gradio") is None:
        raise ValueError(
            "the page is made with gradio, which is not installed; use `pip install -e"
            ' ".[explore]"`'
        )


def check_port(host: str, port: int) -> None:
    """Checks that a port is free.

    Raises:
        ValueError: it is not, or there is no such address here.
    """
    try:
        with socket.socket() as trial:
            trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            trial.bind((host, port))
    except OSError as error:
        raise ValueError(
            f"cannot serve at {host}:{port} ({error.strerror}); give another --port or"
            " --host"
        ) from None
