"""Which room of the library may know which: walks every import, at any depth."""

import ast
import fnmatch
import os
import pathlib
import subprocess
import sys

import pytest

import jaxgan

LIBRARY = pathlib.Path(jaxgan.__file__).parent

# room -> (rooms of jaxgan it may import, packages it may import); the standard library
# is free for all. With a slash, a pattern of files that differ from their room.
ALLOWED: dict[str, tuple[str, str]] = {
    # For type checkers alone: nothing is imported before it is used (test_surface.py).
    "jaxgan": (
        "allocator analysis capsules checkpoint compose data dynamics game lab losses"
        " metrics models nets nn parallel report train",
        "",
    ),
    "allocator": ("", ""),
    "bounds": ("", ""),
    "linear_call": ("", "jax"),
    "game": ("", "jax flax optax"),
    "nets": ("game", "jax flax equinox"),
    "compose": ("game", "jax flax optax"),
    "dynamics": ("game", "jax optax"),
    "parallel": ("game linear_call", "jax numpy"),
    "paths": ("", "etils"),
    "checkpoint": ("parallel paths", "jax numpy orbax"),
    "report": ("paths", "numpy PIL matplotlib"),
    "train": (
        "bounds game compose parallel paths checkpoint report",
        "jax numpy tqdm tensorboard PIL",
    ),
    # The one room that knows models, data and training.
    "lab": (
        "allocator analysis bounds capsules checkpoint compose data dynamics game"
        " losses metrics models nn parallel paths report train",
        "jax numpy flax optax chex tyro tqdm PIL matplotlib sklearn"
        " safetensors jax2onnx onnx huggingface_hub",
    ),
    "losses": ("", "jax numpy chex"),
    "losses/transforms": ("", "jax numpy chex optax"),
    "nn": ("linear_call losses", "jax numpy chex flax"),
    "capsules": ("linear_call losses nn", "jax numpy chex flax"),
    "capsules/routing": ("", "jax chex"),
    "capsules/em": ("losses", "jax chex"),
    "models": (
        "bounds nn capsules losses game compose dynamics",
        "jax numpy chex flax optax",
    ),
    "analysis": ("losses capsules nn game", "jax numpy chex flax optax"),
    "metrics": ("", "jax numpy chex"),
    "metrics/similarity": ("losses", "jax numpy"),
    "metrics/features": ("nn", "jax numpy chex flax"),
    "metrics/inception": ("nn", "jax numpy chex flax torch"),
    "metrics/vgg": ("nn", "jax numpy chex flax torch"),
    "metrics/_weight_files": ("", "numpy torch"),
    "metrics/_inception_net": ("", "jax numpy flax"),
    "data": ("paths", "numpy grain tensorflow_datasets PIL tqdm"),
    # The procedural renderers, which draw on the device.
    "data/synthetic/*": ("", "numpy jax"),
}
FILES = sorted(
    path.relative_to(LIBRARY).with_suffix("").as_posix()
    for path in LIBRARY.rglob("*.py")
)


def imported(source: str, package: str) -> set[str]:
    """Full names of what a file imports, inside functions and `if`s too."""
    names = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[: -node.level + 1 or None] if node.level else []
            base = ".".join([*above, *([node.module] if node.module else [])])
            names |= {f"{base}.{alias.name}" for alias in node.names}
    return names


def room(name: str) -> str:
    """`jaxgan.nn.conv.down` -> "nn"; a name of the package itself -> "jaxgan"."""
    part = f"{name}.".split(".")[1]
    there = (LIBRARY / part).is_dir() or (LIBRARY / f"{part}.py").is_file()
    return part if part and there else "jaxgan"


def forbidden(file: str, names: set[str]) -> list[str]:
    """The imports of a file, `nn/conv`, that the table does not allow."""
    own = file.split("/")[0].replace("__init__", "jaxgan")
    patterns = [p for p in ALLOWED if "/" in p and fnmatch.fnmatchcase(file, p)]
    rooms, packages = (column.split() for column in ALLOWED[(patterns or [own])[0]])
    wrong = []
    for name in sorted(names):
        top = name.split(".")[0]
        if top == "jaxgan":
            allowed = room(name) in {own, "jaxgan", *rooms}
        else:
            allowed = top in packages or top in sys.stdlib_module_names
        if not allowed:
            wrong.append(name)
    return wrong


@pytest.mark.parametrize("file", FILES)
def test_only_allowed_rooms_and_packages_are_imported(file):
    own = file.split("/")[0].replace("__init__", "jaxgan")
    assert own in ALLOWED, f"{own} is a new room: say in the table what it may import"
    package = ".".join(["jaxgan", *file.split("/")[:-1]])
    names = imported((LIBRARY / f"{file}.py").read_text(), package)
    assert not forbidden(file, names)


def test_orbax_and_tensorboard_have_one_room_each():
    importers = {"orbax": set(), "tensorboard": set(), "experiments": set()}
    for file in FILES:
        names = imported((LIBRARY / f"{file}.py").read_text(), "jaxgan")
        for package in {name.split(".")[0] for name in names} & importers.keys():
            importers[package].add(file)
    assert importers == {
        "orbax": {f"checkpoint/{x}" for x in ("reading", "restoring", "saving")},
        "tensorboard": {"train/board"},
        "experiments": set(),
    }


# A command may import jaxgan and its own parts; these two share parts of their own.
SHARED = ("experiments.benchmarks", "experiments.endurance")
COMMANDS = sorted(
    path.relative_to(LIBRARY.parent).with_suffix("").as_posix()
    for path in (LIBRARY.parent / "experiments").rglob("*.py")
    if path.parent.name != "experiments" or not path.name.startswith("__")
)


def strangers(file: str, names: set[str]) -> list[str]:
    """The imports of a file, `experiments/explore/page`, from other commands."""
    own = file.removesuffix("/__init__").replace("/", ".").split(".")
    group = ".".join(own[:2])
    if group in SHARED:
        own, allowed = own[:3], (f"{group}.parts",)
    else:
        own, allowed = own[:2], ()
    return sorted(
        name
        for name in names
        if name.partition(".")[0] == "experiments"
        and name != "experiments.commands"  # the list of them
        and not f"{name}.".startswith(tuple(f"{x}." for x in (*allowed, ".".join(own))))
    )


@pytest.mark.parametrize("file", COMMANDS)
def test_commands_know_no_other_command(file):
    assert not file.rpartition("/")[2].startswith("_") or file.endswith("__")
    package = ".".join(file.split("/")[:-1])
    names = imported((LIBRARY.parent / f"{file}.py").read_text(), package)
    assert not strangers(file, names)


@pytest.mark.parametrize(
    ("file", "name", "wrong"),
    [
        ("experiments/sample", "jaxgan.lab.cli", False),
        ("experiments/sample", "experiments.evaluate", True),
        ("experiments/explore/page", "experiments.explore.generator.walk", False),
        ("experiments/explore/__init__", "experiments.explore.page", False),
        ("experiments/explore/page", "experiments.sample.main", True),
        ("experiments/explore/page", "experiments.explored", True),
        ("experiments/benchmarks/cost/tables", "experiments.benchmarks.cost", False),
        ("experiments/benchmarks/input", "experiments.benchmarks.parts.kept", False),
        ("experiments/benchmarks/input", "experiments.benchmarks.cost", True),
        ("experiments/benchmarks/parts/kept", "experiments.benchmarks.cost", True),
        ("experiments/sample", "experiments.benchmarks.parts.kept", True),
    ],
)
def test_the_walk_sees_other_commands(file, name, wrong):
    assert strangers(file, {name}) == [name] * wrong


@pytest.mark.parametrize(
    ("file", "source", "wrong"),
    [
        ("losses/x", "def f():\n    import flax.linen as nn", ["flax.linen"]),
        ("losses/x", "import optax", ["optax"]),
        ("losses/transforms", "import optax", []),
        ("losses/x", "from jaxgan import nn", ["jaxgan.nn"]),
        ("losses/x", "from jaxgan import __version__", []),
        ("losses/x", "from . import _checks\nfrom .energy import f", []),
        ("losses/x", "from .. import nn", ["jaxgan.nn"]),
        ("losses/x", "from ..nn.conv import down", ["jaxgan.nn.conv.down"]),
        ("nn/x", "from jaxgan.losses import f\nimport math", []),
        ("nn/x", "if True:\n    from jaxgan.game import f", ["jaxgan.game.f"]),
        ("nn/x", "from experiments import sample", ["experiments.sample"]),
        ("data/load", "import jax.numpy", ["jax.numpy"]),
        ("data/synthetic/faces/__init__", "import jax.numpy", []),
        ("data/synthetic/digits", "import jax.numpy", []),
        ("__init__", "from jaxgan import losses\nimport jax", ["jax"]),
    ],
)
def test_the_walk_sees_what_it_should(file, source, wrong):
    package = ".".join(["jaxgan", *file.split("/")[:-1]])
    assert forbidden(file, imported(source, package)) == wrong


@pytest.mark.parametrize(
    ("module", "absent"),
    [
        (
            "jaxgan.losses",
            "flax optax orbax grain tensorflow_datasets matplotlib tensorboard torch",
        ),
        ("jaxgan.data", "jax flax orbax grain tensorflow_datasets matplotlib torch"),
        (
            "experiments.dcgan_faces",
            "orbax grain tensorflow_datasets matplotlib tensorboard torch",
        ),
    ],
)
def test_an_import_loads_no_more_than_it_needs(module, absent):
    script = (
        f"import sys, {module}\n"
        f"print(*sorted({{n.partition('.')[0] for n in sys.modules}}))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        env=os.environ | {"PYTHONPATH": str(LIBRARY.parent)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert not set(absent.split()) & set(done.stdout.split())
