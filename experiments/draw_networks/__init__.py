"""Draws the networks of a model, with the shapes and parameters of every layer.

    python -m experiments.draw_networks --model dcgan --net generator
    python -m experiments.draw_networks --model capsnet
    python -m experiments.draw_networks --run runs/dcgan_faces

Takes seconds: only shapes are computed. --model draws a model of the library with the
settings of its paper, --run a model as it was trained. The command prints a table for
each net, and writes NET.png, with that table under a drawing like figure 1 of DCGAN
(arXiv:1511.06434), and results.json. For DCGAN's generator expect 4x4x1024, 8x8x512,
16x16x256, 32x32x128 and 64x64x3.

Maps are blocks of height x width x channels, vectors are bars, capsules are sheets.
Their sides grow more slowly than the numbers, so that small ones can be seen. Shapes
leave out the batch. Rectifiers and similar layers are not drawn, but labels say where a
network reshapes, resizes or joins arrays. A new line begins where the input of a layer
is not the output of the previous one, and, with a pale block, where the page ends.
"""

import dataclasses
import pathlib
from collections.abc import Mapping
from typing import Any

import jax

from experiments.draw_networks.drawing import draw
from experiments.draw_networks.layout import chains
from experiments.draw_networks.tables import described, printed, table
from jaxgan.analysis.outline import outline
from jaxgan.lab import figures, restored
from jaxgan.models import model as models
from jaxgan.models.model import Model
from jaxgan.train.terminal import say


@dataclasses.dataclass(frozen=True)
class Config:
    """What to draw."""

    run: pathlib.Path | None = None
    """Directory of a training run: draws its model as it was set up."""
    model: str = ""
    """Model of the library to draw, with its default settings: dcgan, cdcgan, capsnet,
    ..."""
    net: str = ""
    """One net of the model, such as generator; all nets if left out."""
    workdir: pathlib.Path = pathlib.Path("runs/draw_networks")
    """Directory for the pictures and the numbers."""

    def __post_init__(self):
        if (self.run is None) == (not self.model):
            raise ValueError(
                "give either --run or --model: --model dcgan draws the paper's"
                " networks, --run those of a training run"
            )
        if self.model:
            models.named(self.model)


def main(config: Config) -> None:
    """Outlines every requested net, then prints and draws."""
    name, record, model = opened(config)
    nets, given = arguments(record, model)
    if config.net and config.net not in nets:
        raise ValueError(
            f"{name} has no net {config.net!r}; it has {', '.join(sorted(nets))}"
        )
    pictures, results = {}, {}
    for net in [config.net] if config.net else nets:
        calls = outline(nets[net], *given[net])
        out = jax.eval_shape(
            lambda *x, net=net: nets[net].init_with_output(jax.random.key(0), *x)[0],
            *given[net],
        )
        rows = table(calls)
        title = f"{name}, {net}"
        say(f"{title}\n{printed(rows)}\n")
        output = next((x.shape[1:] for x in jax.tree.leaves(out)), ())
        start = next((x.shape[1:] for x in jax.tree.leaves(given[net])), ())
        lines = chains(calls, start, output)
        pictures[net] = draw(f"{title}; parameters: {rows[-1][-1]}", lines, rows)
        results[net] = {
            "parameters": sum(call.parameters for call in calls),
            "layers": [described(call) for call in calls],
        }
    for net, figure in pictures.items():
        figures.save(config.workdir / f"{net}.png", figure, f"{name}'s {net}")
    figures.save_results(
        config.workdir / "results.json",
        {
            "model": name,
            "run": config.run and str(config.run),
            "configuration": dataclasses.asdict(model),
            "nets": results,
        },
    )


def opened(config: Config) -> tuple[str, Model, Any]:
    """The name of the model, its record, and its configuration.

    Raises:
        ValueError: there is no such run, or it is not of a model of the library.
    """
    if config.run is not None:
        return restored.described(config.run)
    record = models.named(config.model)
    return config.model, record, record.config()


def arguments(
    record: Model, model: Any
) -> tuple[Mapping[str, Any], Mapping[str, tuple]]:
    """The nets of a model, and the shapes of the arguments of each.

    Args:
        record: of the model.
        model: its configuration.
    """
    game = record.game(model)
    batch = jax.eval_shape(lambda: record.batch(model, jax.random.key(0), 2))
    if game.repeats > 1:
        batch = jax.eval_shape(lambda b: jax.tree.map(lambda x: x[0], b), batch)
    return game.nets, jax.eval_shape(game.inputs, batch)
