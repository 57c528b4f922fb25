"""Every setting of a command is read where the command does its work."""

import ast
import pathlib

import pytest

import experiments
import jaxgan

EXPERIMENTS = pathlib.Path(experiments.__file__).parent
LIBRARY = pathlib.Path(jaxgan.__file__).parent
# The laboratory reads the settings that many commands share.
SHARED = [
    path for name in ("lab", "train", "data") for path in (LIBRARY / name).rglob("*.py")
]
# The command line reads it before there is a configuration.
BEFORE = {"preset"}


def commands():
    """Files that belong together, by the name of their command."""
    for path in sorted(EXPERIMENTS.iterdir()):
        if path.is_dir() and path.name != "__pycache__":
            yield path.name, sorted(path.rglob("*.py"))
        elif path.suffix == ".py":
            yield path.stem, [path]


FILES = dict(commands())


def settings(tree):
    """The fields of each dataclass in a file, by its name."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef) and any(
            "dataclass" in ast.unparse(mark) for mark in node.decorator_list
        ):
            typed = [item for item in node.body if isinstance(item, ast.AnnAssign)]
            yield (
                node.name,
                {
                    ast.unparse(item.target)
                    for item in typed
                    if "ClassVar" not in ast.unparse(item.annotation)
                },
            )


def reads(node):
    """The names that code asks for, except to check them; some as text, for getattr."""
    if isinstance(node, ast.FunctionDef) and node.name == "__post_init__":
        return
    if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Load):
        yield node.attr
    elif isinstance(node, ast.Constant):
        yield node.value
    for child in ast.iter_child_nodes(node):
        yield from reads(child)


def parsed(files):
    return [ast.parse(path.read_text(encoding="utf-8")) for path in files]


@pytest.fixture(scope="module")
def shared():
    return {name for tree in parsed(SHARED) for name in reads(tree)}


@pytest.mark.parametrize("name", FILES)
def test_every_setting_is_read(name, shared):
    trees = parsed(FILES[name])
    read = {asked for tree in trees for asked in reads(tree)} | shared | BEFORE
    for tree in trees:
        for kind, fields in settings(tree):
            assert fields <= read, (kind, fields - read)
