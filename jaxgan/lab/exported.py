"""Generators that leave a run: weights, programs and ONNX; and the way back.

Batch norms are held still, as in `inference.drawing`, so that an image depends on its
own latent alone. Convolutions are plain ones, which every runtime knows.
"""

import importlib
import json
import pathlib
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxgan import report
from jaxgan.lab import inference, restored
from jaxgan.lab.inference import Trained
from jaxgan.nn import conv

WEIGHTS, PROGRAM, ONNX = (
    "generator.safetensors", "generator.stablehlo", "generator.onnx"
)  # fmt: skip
CONFIG = "config.json"
HUB = "hf://"
PLATFORMS = ("cpu", "cuda", "tpu")
_HOLD = "held norms"  # the first part of the names of their means and variances
NEEDED = {
    "safetensors": 'pip install -e ".[export]"',
    "jax2onnx": 'pip install -e ".[onnx]" && pip install --no-deps jax2onnx',
    "huggingface_hub": 'pip install -e ".[hub]"',
}  # it asks for an older orbax than jaxgan, and does not use it


class Generator(NamedTuple):
    """A generator that was exported.

    Attributes:
        draw: `draw(latent, label=None)`: latents `[B, Z]` to images `[B, H, W, C]` as
            the model has them; see `facts["range"]`. Pure.
        latents: `latents(key, count)` draws what `draw` takes.
        facts: of config.json: `step`, `classes`, `range`, `image`, `latent`.
    """

    draw: Callable[..., jax.Array]
    latents: Callable[[jax.Array, int], Any]
    facts: Mapping[str, Any]


def load(path: pathlib.Path | str) -> Generator:
    """Opens what `experiments.export` wrote.

        generator = jaxgan.load("runs/dcgan_faces/export")
        images = generator.draw(generator.latents(jax.random.key(0), 8))

    Args:
        path: the folder, of which the weights are read, or else the program; or one of
            these two files in it; or `hf://USER/NAME`, whose weights are fetched.

    Raises:
        ValueError: there is neither, it is damaged, or is of another generator.
    """
    if str(path).startswith(HUB):
        from jaxgan.lab import hub

        path = hub.pull(str(path))
    path = pathlib.Path(path)
    if not path.exists():
        raise ValueError(
            f"there is no {path}; `python -m experiments.export --run RUN` makes one"
        )
    folder = path if path.is_dir() else path.parent
    plain = restored.configuration(folder)
    facts = plain.get("export")
    if not isinstance(facts, dict):
        raise ValueError(
            f"{folder} is not an exported generator; `python -m experiments.export"
            " --run RUN` makes one"
        )
    name, record, config = restored.described(folder)
    trained = Trained(name, record, config, {}, int(facts["step"]), plain)
    files = [folder / WEIGHTS, folder / PROGRAM] if path.is_dir() else [path]
    file = next((x for x in files if x.is_file()), None)
    if file is None or file.suffix not in (".safetensors", ".stablehlo"):
        raise ValueError(
            f"{path} is neither a {WEIGHTS} nor a {PROGRAM}, which jaxgan.load reads;"
            " export the run again with one of these formats"
        )
    opened = _weights if file.suffix == ".safetensors" else _program
    draw = opened(file, trained)
    return Generator(
        draw, lambda key, count: inference.latents(trained, key, count), facts
    )


def facts(trained: Trained) -> dict[str, Any]:
    """What config.json says of an export; nothing of the machine or the data.

    Raises:
        ValueError: the model draws no images.
    """
    inference.check_draws(trained)
    latent, label = _form(trained, 1)
    image = jax.eval_shape(lambda *x: inference.sampled(trained, *x), latent, label)
    leaves = jax.tree_util.tree_leaves_with_path(latent)
    kept = ("game", "model", "class_names")
    return {name: trained.plain[name] for name in kept if name in trained.plain} | {
        "export": {
            "step": trained.step,
            "classes": trained.classes,
            "range": list(trained.record.range),
            "image": list(image.shape[1:]),
            "latent": {
                _named(p) or "latent": {
                    "shape": list(x.shape[1:]),
                    "dtype": str(x.dtype),
                }
                for p, x in leaves
            },
            "gaussian": inference.are_gaussian(trained),
        }
    }


def save_config(trained: Trained, folder: pathlib.Path) -> None:
    """Writes config.json, which every format needs."""
    folder.mkdir(parents=True, exist_ok=True)
    report.write(folder / CONFIG, json.dumps(facts(trained), indent=1))


def save_weights(trained: Trained, folder: pathlib.Path) -> pathlib.Path:
    """Writes the weights that drawing reads, and what batch norms are held at."""
    tensors = needed("safetensors.numpy")
    statistics = inference.held(trained)
    arrays = _read(trained, statistics)
    for name, both in statistics.items():
        for kind, value in zip(("mean", "var"), both, strict=True):
            arrays[f"{_HOLD}/{name}/{kind}"] = value
    found = {name: np.asarray(x, order="C") for name, x in arrays.items()}
    report.write(folder / WEIGHTS, tensors.save(found))
    return folder / WEIGHTS


def save_program(trained: Trained, folder: pathlib.Path) -> pathlib.Path:
    """Writes the generator as StableHLO, for batches of any size and all platforms."""
    import jax.export

    (size,) = jax.export.symbolic_shape("b")
    given, draw = _flat(trained, size)
    try:
        made = jax.export.export(jax.jit(draw), platforms=PLATFORMS)(*given)
        content = made.serialize()
    except Exception as error:  # of shapes that are no symbols, of many kinds
        raise ValueError(
            f"{trained.name} cannot be exported for batches of any size"
            f" ({str(error).splitlines()[0][:200]}); use --formats safetensors"
        ) from error
    report.write(folder / PROGRAM, bytes(content))
    return folder / PROGRAM


def save_onnx(trained: Trained, folder: pathlib.Path) -> pathlib.Path:
    """Writes the generator as ONNX, for batches of any size."""
    convert = needed("jax2onnx").to_onnx
    given, draw = _flat(trained, 1)
    names = [*facts(trained)["export"]["latent"], "label"][: len(given)]
    shapes = [jax.ShapeDtypeStruct(("B", *x.shape[1:]), x.dtype) for x in given]
    try:
        model = convert(
            draw,
            inputs=shapes,
            model_name=trained.name,
            input_names=names,
            output_names=["image"],
        )
    except Exception as error:  # of operations that it does not know, of many kinds
        raise ValueError(
            f"jax2onnx cannot convert {trained.name}"
            f" ({str(error).splitlines()[0][:200]}); use --formats safetensors"
            " stablehlo"
        ) from error
    report.write(folder / ONNX, model.SerializeToString())
    return folder / ONNX


def needed(module: str) -> Any:
    """Imports a module of an extra.

    Raises:
        ValueError: it is not installed; the message has the command that does it.
    """
    try:
        return importlib.import_module(module)
    except ImportError:
        name = module.partition(".")[0]
        raise ValueError(
            f"{name} is not installed, which this needs; use `{NEEDED[name]}`"
        ) from None


def _form(trained, count):
    """Shapes of latents and labels."""
    latent = jax.eval_shape(
        lambda: inference.latents(trained, jax.random.key(0), count)
    )
    return latent, jax.ShapeDtypeStruct((count,), jnp.int32)


def _flat(trained, size):
    """The arrays that a program takes, and a function of them that draws.

    Its convolutions are plain ones. The size of batches may be a symbol.
    """
    latent, label = _form(trained, 1)
    both = (latent, label) if trained.classes else (latent,)
    leaves, tree = jax.tree.flatten(both)
    given = [jax.ShapeDtypeStruct((size, *x.shape[1:]), x.dtype) for x in leaves]
    draw = inference.drawing(trained)

    def plainly(*arrays):
        latent, *label = tree.unflatten(arrays)
        with conv.plain():
            return draw(latent, *(label or [0]))  # no symbol has a len(), see `drawing`

    return given, plainly


def _named(path) -> str:
    return "/".join(str(getattr(x, "key", getattr(x, "name", x))) for x in path)


def _read(trained, statistics) -> dict[str, Any]:
    """The variables of the nets that draw, by name: those of judges are not wanted."""
    flat, tree = jax.tree_util.tree_flatten_with_path(trained.variables)

    def draw(leaves, latent, label):
        own = trained._replace(variables=tree.unflatten(leaves))
        return inference.drawing(own, statistics=statistics)(latent, label)

    traced = jax.make_jaxpr(draw)([x for _, x in flat], *_form(trained, 2)).jaxpr
    read = {id(x) for equation in traced.eqns for x in equation.invars}
    pairs = zip(flat, traced.invars, strict=False)
    nets = {path[0] for (path, _), var in pairs if id(var) in read}
    return {_named(path): x for path, x in flat if path[0] in nets}


def _weights(path, trained):
    """The model of this library at the weights of a file."""
    tensors = needed("safetensors.numpy")
    try:
        arrays = tensors.load(path.read_bytes())
    except Exception:  # a damaged file can raise many types of errors
        raise ValueError(f"{path} is damaged; export the run again") from None
    variables, statistics = {}, {}
    for name, x in arrays.items():
        first, *rest, last = name.split("/")
        if first == _HOLD:
            statistics.setdefault("/".join(rest), {})[last] = jnp.asarray(x)
            continue
        inner = variables
        for part in (first, *rest):
            inner = inner.setdefault(part, {})
        inner[last] = jnp.asarray(x)
    known = trained._replace(variables=_nested(variables))
    both = {name: (x["mean"], x["var"]) for name, x in statistics.items()}
    draw = inference.drawing(known, statistics=both)
    try:
        jax.eval_shape(draw, *_form(trained, 2))
    except Exception:  # a layer without weights, or of another shape
        raise ValueError(
            f"{path} holds the weights of another network than the {trained.name} of"
            f" {path.parent / CONFIG}; export the run again"
        ) from None
    return draw


def _nested(tree):
    """Nested dictionaries, in which those of "[0]", "[1]" and so on become tuples."""
    if not isinstance(tree, dict):
        return tree
    inner = {name: _nested(x) for name, x in tree.items()}
    if "[0]" not in inner:
        return inner
    return tuple(inner[f"[{i}]"] for i in range(len(inner)))


def _program(path, trained):
    """A program that needs no model of this library."""
    import jax.export

    try:
        call = jax.export.deserialize(bytearray(path.read_bytes())).call
    except Exception:  # a damaged file can raise many types of errors
        raise ValueError(f"{path} is damaged; export the run again") from None

    def draw(latent, label=None):
        leaves = jax.tree.leaves(latent)
        if not trained.classes:
            return call(*leaves)
        label = jnp.zeros(len(leaves[0]), jnp.int32) if label is None else label
        return call(*leaves, jnp.asarray(label, jnp.int32))

    return draw
