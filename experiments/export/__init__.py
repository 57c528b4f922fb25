"""Exports the generator of a finished run, as files that other programs read.

    python -m experiments.export --run runs/dcgan_faces
    python -m experiments.export --run runs/dcgan_faces --formats onnx page
    python -m experiments.export --run runs/dcgan_faces --push USER/NAME

Without flags it writes the weights (safetensors) and the program (StableHLO, for a CPU,
CUDA or a TPU), beside a small config.json; `jaxgan.load(FOLDER)` makes functions of
them. `onnx` writes what onnxruntime reads, and `page` one HTML page that draws in the
browser, without a network. Batch norms are held still, so an image depends on its own
latent alone. `--push` then sends the files to a repository of Hugging Face, with a page
of the run's facts, and `jaxgan.load("hf://USER/NAME")` opens them anywhere.
docs/export.md says what each format needs. The run itself is only read.
"""

import dataclasses
import pathlib
from typing import Literal

from experiments.export import page
from jaxgan import bounds, report
from jaxgan.lab import exported, hub, inference
from jaxgan.train.terminal import say

Format = Literal["safetensors", "stablehlo", "onnx", "page"]


@dataclasses.dataclass(frozen=True)
class Config:
    """The run, and how to export its generator."""

    run: pathlib.Path
    """Directory of the run of a generator; it is only read."""
    workdir: pathlib.Path | None = None
    """Directory for the files; by default RUN/export."""
    formats: tuple[Format, ...] = ("safetensors", "stablehlo")
    """What to write; each needs what docs/export.md says."""
    runtime: pathlib.Path = pathlib.Path()
    """For the page: the file that `npm pack onnxruntime-web` leaves, or its folder."""
    push: str = ""
    """Repository of Hugging Face to send the files to, as USER/NAME; made if absent."""
    private: bool = False
    """Whether a repository that --push makes is private."""
    ema: bool = True
    """Use the moving average of the weights, not the weights themselves."""
    best: bool = False
    """Use the state that scored best while it trained, not the latest."""

    def __post_init__(self):
        bounds.check(self, flags=True)


def main(config: Config) -> None:
    """Opens the run, and writes each format."""
    trained = inference.open_run(config.run, ema=config.ema, best=config.best)
    inference.check_draws(trained)
    out = config.workdir or config.run / "export"
    api = hub.opened(config.push) if config.push else None
    runtime = page.runtime(config.runtime) if "page" in config.formats else None
    exported.save_config(trained, out)
    ways = {
        "safetensors": exported.save_weights,
        "stablehlo": exported.save_program,
        "onnx": exported.save_onnx,
    }
    written = []
    for name in dict.fromkeys(config.formats):
        if name == "page":
            assert runtime is not None
            path = page.save(trained, out, runtime)
        else:
            path = ways[name](trained, out)
        written.append(path.name)
        size = path.stat().st_size / 1e6
        say(f"{path}: {trained.name} of step {trained.step:,}, {size:.1f} MB")
    if api is not None:
        files = [exported.CONFIG, *written]
        if not (out / hub.CARD).exists():
            card = hub.card(trained, config.run, config.push, average=config.ema)
            report.write(out / hub.CARD, card)
        where = hub.push(api, config.push, out, files, private=config.private)
        say(f"sent with {out / hub.CARD} to {where}; name a licence in that file")
