"""The surface of `import jaxgan`: light names, types, and a wheel of one package."""

import ast
import os
import pathlib
import subprocess
import sys
import tomllib
from importlib import metadata

import pytest

import jaxgan

LIBRARY = pathlib.Path(jaxgan.__file__).parent
ROOT = LIBRARY.parent
# Modules behind the surface: `tune_allocator` is there by itself.
BEHIND = {"allocator", "bounds", "linear_call", "paths"}

SCRIPT = """
import sys
before = set(sys.modules)
import jaxgan
print(*sorted({name.partition(".")[0] for name in set(sys.modules) - before}))
dir(jaxgan)
print(*sorted({name.partition(".")[0] for name in set(sys.modules) - before}))
assert jaxgan.losses.hinge_discriminator_loss
print(*sorted({"flax", "optax", "orbax", "grain", "matplotlib"} & set(sys.modules)))
assert jaxgan.tune_allocator.__module__ == "jaxgan.allocator"
from jaxgan import *
assert algorithm is jaxgan.algorithm and losses is jaxgan.losses
"""


def test_nothing_is_imported_before_it_is_used():
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", SCRIPT],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    first, after_dir, after_losses = done.stdout.splitlines()
    light = {"jaxgan", *sys.stdlib_module_names}
    assert set(first.split()) <= light
    assert set(after_dir.split()) <= light
    assert not after_losses


def test_names_are_those_of_their_homes():
    from jaxgan import allocator, game

    for name in "Algorithm Game Move Player TrainState Turn algorithm pure".split():
        assert getattr(jaxgan, name) is getattr(game, name)
    assert jaxgan.tune_allocator is allocator.tune_allocator
    for name in jaxgan.__all__:
        assert getattr(jaxgan, name) is not None
        assert name in dir(jaxgan)
    with pytest.raises(AttributeError, match="has no attribute 'hinge'"):
        jaxgan.hinge  # noqa: B018


def test_every_module_of_the_library_is_on_the_map():
    files = {path.stem for path in LIBRARY.glob("[!_]*.py")}
    folders = {path.parent.name for path in LIBRARY.glob("*/__init__.py")}
    assert (files | folders) - BEHIND == set(jaxgan._MODULES)
    for name in jaxgan.__all__:
        assert name in jaxgan.__doc__, f"help(jaxgan) does not mention {name}"


def test_type_checkers_see_what_there_is():
    tree = ast.parse(pathlib.Path(jaxgan.__file__).read_text())
    (block,) = [node for node in tree.body if isinstance(node, ast.If)]
    seen = {alias.asname for node in block.body for alias in node.names}
    assert seen == set(jaxgan.__all__)
    assert (LIBRARY / "py.typed").is_file()


USER = """
import jax
import jaxgan


def train(game: jaxgan.Game, batch: dict[str, jax.Array]) -> jax.Array:
    init, step = jaxgan.algorithm(game)
    state = init(jax.random.key(0), batch)
    reveal_type(state)
    state, metrics = step(state, batch)
    reveal_type(state.step)
    reveal_type(metrics)
    reveal_type(jaxgan.compose.seeds(jaxgan.algorithm(game), 2).init)
    return jaxgan.losses.hinge_generator_loss(metrics["loss"])


jaxgan.losses.no_such_loss
jaxgan.Move(3)
"""
TYPES = ["TrainState", "Array", "dict[str, Array]", "(Array, Any) -> Members"]


@pytest.mark.slow
def test_a_user_s_program_has_types(tmp_path):
    pytest.importorskip("pyright")
    (tmp_path / "user.py").write_text(USER)
    (tmp_path / "pyrightconfig.json").write_text(
        f'{{"typeCheckingMode": "strict", "extraPaths": ["{ROOT}"]}}'
    )
    done = subprocess.run(
        [sys.executable, "-m", "pyright", "--pythonpath", sys.executable, "user.py"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    lines = [line.strip() for line in done.stdout.splitlines()]
    if not lines:
        pytest.skip(f"pyright does not run here: {done.stderr[-200:]}")
    types = [line.split('"')[-2] for line in lines if " - information: " in line]
    assert types == TYPES, done.stdout
    # In strict mode, and of the two mistakes alone.
    errors = [line for line in lines if " - error: " in line]
    assert all("no_such_loss" in error or "Literal[3]" in error for error in errors)
    assert len(errors) == 3, done.stdout  # the missing loss is unknown, too


def test_the_wheel_holds_jaxgan_alone():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    assert project["build-system"]["build-backend"] == "hatchling.build"
    wheel = project["tool"]["hatch"]["build"]["targets"]["wheel"]
    assert wheel == {"packages": ["jaxgan"]}


def test_the_version_is_that_of_the_installed_package(monkeypatch):
    assert jaxgan.__version__ == metadata.version("jaxgan")

    def missing(name):
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "version", missing)
    with pytest.raises(AttributeError, match="pip install"):
        _ = jaxgan.__version__


def test_the_next_version_stands_in_two_files_alike():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    fallback = project["tool"]["hatch"]["version"]["fallback-version"]
    citation = (ROOT / "CITATION.cff").read_text()
    assert f"\nversion: {fallback.removesuffix('.dev0')}\n" in citation
