"""The networks of a model, drawn: every layer's shapes and parameters, and a picture.

    python -m experiments.draw_networks --model dcgan --net generator
    python -m experiments.draw_networks --model capsnet
    python -m experiments.draw_networks --run runs/dcgan_faces

Takes seconds: only shapes are computed. --model draws a model of the library with the
settings of its paper, --run a model as it was trained. The command prints a table for
each net, and writes NET.png, with that table under a drawing like figure 1 of DCGAN
(arXiv:1511.06434), and results.json. For DCGAN's generator expect 4x4x1024, 8x8x512,
16x16x256, 32x32x128 and 64x64x3.

Maps are blocks of height x width x channels, vectors are bars, capsules are sheets.
Sides grow more slowly than the numbers they show, or the small ones could not be seen.
Shapes leave out the batch. Rectifiers and the like are not drawn, but the labels say
where a network reshapes, resizes or joins. A new line begins where the input of a layer
is not the output of the previous one, or, from a pale block, where the page ends.
"""

import dataclasses
import importlib
import pathlib
from collections.abc import Mapping
from typing import Any

import jax

from experiments.draw_networks.drawing import draw
from experiments.draw_networks.layout import chains
from experiments.draw_networks.tables import described, printed, table
from jaxgan.analysis.outline import outline
from jaxgan.lab import data, session
from jaxgan.lab import figures as lab_figures
from jaxgan.models.catalogue import CATALOGUE


@dataclasses.dataclass(frozen=True)
class Config:
    """What to draw."""

    run: pathlib.Path | None = None
    """Directory of a training run: draws its model as it was set up."""
    model: str = ""
    """A model of the library instead, at its defaults: dcgan, cdcgan, capsnet, ..."""
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
        if self.model and self.model not in CATALOGUE:
            raise ValueError(
                f"there is no model {self.model!r}; choose from {', '.join(CATALOGUE)}"
            )


def main(config: Config) -> None:
    """Outlines every net that is asked for, then prints and draws."""
    name, model = opened(config)
    nets, given = arguments(name, model)
    if config.net and config.net not in nets:
        raise ValueError(
            f"{name} has no net {config.net!r}; it has {', '.join(sorted(nets))}"
        )
    figures, results = {}, {}
    for net in [config.net] if config.net else nets:
        calls = outline(nets[net], *given[net])
        out = jax.eval_shape(
            lambda *x, net=net: nets[net].init_with_output(jax.random.key(0), *x)[0],
            *given[net],
        )
        rows = table(calls)
        title = f"{name}, {net}"
        data.say(f"{title}\n{printed(rows)}\n")
        output = next((x.shape[1:] for x in jax.tree.leaves(out)), ())
        start = next((x.shape[1:] for x in jax.tree.leaves(given[net])), ())
        lines = chains(calls, start, output)
        figures[net] = draw(f"{title}; parameters: {rows[-1][-1]}", lines, rows)
        results[net] = {
            "parameters": sum(call.parameters for call in calls),
            "layers": [described(call) for call in calls],
        }
    for net, figure in figures.items():
        lab_figures.save(config.workdir / f"{net}.png", figure, f"{name}'s {net}")
    lab_figures.save_results(
        config.workdir / "results.json",
        {
            "model": name,
            "run": config.run and str(config.run),
            "configuration": dataclasses.asdict(model),
            "nets": results,
        },
    )


def opened(config: Config) -> tuple[str, Any]:
    """The name of the model, and its configuration.

    Raises:
        ValueError: there is no such run, or it is not of a model of the library.
    """
    if config.run is None:
        return config.model, _module(config.model).Config()
    plain = session.configuration(config.run)
    *package, name, kind = ["", "", *str(plain.get("game", "")).split(".")]
    if package[2:] != ["jaxgan", "models"] or name not in CATALOGUE:
        raise ValueError(
            f"{config.run / 'config.json'} does not say which model it is of; draw"
            " that at its defaults, with --model"
        )
    try:
        return name, getattr(_module(name), kind)(**_tuples(plain["model"]))
    except (AttributeError, KeyError, TypeError):
        raise ValueError(
            f"{config.run / 'config.json'} is not the configuration of a {name}"
        ) from None


def arguments(name: str, model: Any) -> tuple[Mapping[str, Any], Mapping[str, tuple]]:
    """The nets of a model, and the shapes that each is called with.

    The catalogue has batches for small configurations: their images are given the size
    of this one's.

    Args:
        name: of the model.
        model: its configuration.
    """
    played, entry = _module(name).game(model), CATALOGUE[name]
    batch = jax.eval_shape(lambda: entry.batch(jax.random.key(0), 2))
    leading = 1 if entry.make().repeats > 1 else 0
    side, channels = getattr(model, "resolution", 28), getattr(model, "channels", 1)

    def resized(x):
        shape = x.shape[leading:]
        if len(shape) == 4:
            shape = (shape[0], side, side, channels)
        elif len(shape) == 2 and isinstance(size := getattr(model, "data", 0), int):
            shape = (shape[0], size or shape[1])  # points
        return jax.ShapeDtypeStruct(shape, x.dtype)

    return played.nets, jax.eval_shape(played.inputs, jax.tree.map(resized, batch))


def _module(name: str) -> Any:
    return importlib.import_module(f"jaxgan.models.{name}")


def _tuples(value: Any) -> Any:
    """JSON's lists as the tuples they were."""
    if isinstance(value, dict):
        return {name: _tuples(inner) for name, inner in value.items()}
    return tuple(map(_tuples, value)) if isinstance(value, list) else value
