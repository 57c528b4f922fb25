"""Commands, each for a figure, a table or a trained model: `python -m experiments`."""

import pathlib
import sys


def commands() -> dict[str, pathlib.Path]:
    """The file of every command by its name, such as `gan_2d` or `benchmarks.all`.

    A command is a file, or a folder that has a `__main__.py`; other folders hold
    commands of one kind.
    """
    here = pathlib.Path(__file__).parent
    found = {}
    for path in [*here.glob("*/*/__main__.py"), *here.glob("*/__main__.py")]:
        name = ".".join(path.parent.relative_to(here).parts)
        found[name] = path.parent / "__init__.py"
    for path in [*here.glob("[!_]*.py"), *here.glob("*/[!_]*.py")]:
        if path.parent == here or not (path.parent / "__main__.py").exists():
            name = ".".join(path.relative_to(here).with_suffix("").parts)
            found[name] = path
    return dict(sorted(found.items()))


def unknown(name: str) -> str:
    """The message for a command that does not exist."""
    import difflib

    names = list(commands())
    near = [known for known in names if name in known]
    near += difflib.get_close_matches(name, names, n=3, cutoff=0)
    nearest = ", ".join(list(dict.fromkeys(near))[:6])
    return (
        f"there is no command experiments.{name}; the nearest names are {nearest};"
        " `python -m experiments` lists all"
    )


class _Unknown:
    """The last of Python's finders, which names similar commands if `-m` finds none."""

    @staticmethod
    def find_spec(fullname, path=None, target=None):
        # While Python looks for the module to run, the first argument is "-m".
        if fullname.startswith("experiments.") and sys.argv[:1] == ["-m"]:
            if not fullname.endswith(".__main__"):
                raise SystemExit(unknown(fullname.removeprefix("experiments.")))
        return None


sys.meta_path.append(_Unknown)
