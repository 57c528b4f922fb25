"""What `--help` of a command prints: prose first, then flags under headings."""

import argparse
import re
import shutil
import textwrap
import warnings
from typing import Any

COMMON = (
    "preset", "workdir", "run", "data", "steps", "batch-size", "seed", "sample-every",
    "checkpoint-every", "evaluate-every",
)  # fmt: skip
DEVICES = (
    "devices", "fsdp", "accumulate", "steps-per-call", "processes", "process",
    "coordinator",
)  # fmt: skip
WIDTH = 100  # columns at most: longer lines are hard to read


def text(config: type, description: str | None, program: str, **default: Any) -> str:
    """The help of a command, no wider than the terminal.

    Args:
        config: the dataclass that the flags are made from.
        description: prose; lines that are indented stay as they are.
        program: what the user typed.
        default: `default=config`, where flags have their defaults from one.
    """
    import tyro

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        known = tyro.extras.get_parser(config, **default)
    width = min(shutil.get_terminal_size().columns, WIDTH)
    parser = argparse.ArgumentParser(
        prog=program,
        usage="%(prog)s [FLAGS]",
        description=wrapped(description or "", width - 2),
        formatter_class=lambda prog: argparse.RawDescriptionHelpFormatter(
            prog, max_help_position=22, width=width
        ),
        add_help=False,
    )
    groups: dict[str, Any] = {}
    for action in sorted(known._actions, key=_rank):
        title = _heading(action.dest)
        if title is None or str(action.help).startswith("Internal: "):
            continue
        if title not in groups:
            groups[title] = parser.add_argument_group(title)
        about = re.sub(r"\(default: (None)?\)$", "", " ".join(str(action.help).split()))
        groups[title].add_argument(
            *action.option_strings,
            help=about,  # with % doubled already
            # A flag that is on or off takes no value.
            action="store_true" if action.nargs == 0 else "store",
        ).metavar = str(action.metavar).replace("{None}|", "")
    return parser.format_help()


def wrapped(prose: str, width: int) -> str:
    """Fills the paragraphs and list items of a text; indented ones stay as they are."""

    def filled(paragraph: str) -> str:
        if paragraph.startswith(" "):
            return paragraph
        items = re.split(r"\n(?=- )", paragraph)
        indent = "  " if paragraph.startswith("- ") else ""
        return "\n".join(
            textwrap.fill(" ".join(item.split()), width, subsequent_indent=indent)
            for item in items
        )

    paragraphs = re.split(r"\n\s*\n", textwrap.dedent(prose).strip("\n"))
    return "\n\n".join(map(filled, paragraphs))


def _heading(dest: str) -> str | None:
    """Under which heading a flag stands; `dest` is its path, as in `run.steps`."""
    part, _, name = dest.rpartition(".")
    if dest == "help":
        return None
    if name in COMMON and part in ("", "run", "data"):
        return "common flags"
    if name in DEVICES and part in ("", "run"):
        return "devices and processes"
    return {"": "this command", "run": "the run"}.get(part, part)


def _rank(action: argparse.Action) -> tuple[int, int]:
    """Common flags first, in their order; what is about machines last."""
    _, _, name = action.dest.rpartition(".")
    order = {
        "common flags": 0,
        "this command": 1,
        "model": 2,
        "the run": 8,
        "devices and processes": 9,
    }
    heading = _heading(action.dest)
    within = COMMON.index(name) if heading == "common flags" else 0
    return order.get(heading or "", 5), within
