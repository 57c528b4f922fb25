"""Writes what `--help` of a command prints: prose, then flags under headings."""

import argparse
import re
import shutil
import textwrap
import warnings
from typing import Any, get_origin, get_type_hints

COMMON = (
    "preset", "workdir", "run", "data", "steps", "batch-size", "seed", "sample-every",
    "checkpoint-every", "evaluate-every",
)  # fmt: skip
DEVICES = (
    "devices", "fsdp", "accumulate", "steps-per-call", "processes", "process",
    "coordinator",
)  # fmt: skip
SEEDS = (
    "Training seeds: trains once with --seed and once with each of those after it, in"
    " folders of the workdir, and reports means and standard deviations. (default: 1)"
)
WIDTH = 100  # columns at most: longer lines are hard to read
TIE = "\0"  # a space at which no line ends


def text(config: type, description: str | None, program: str, **default: Any) -> str:
    """Writes the help of a command, no wider than the terminal.

    Args:
        config: the dataclass that the flags are made from.
        description: prose; indented lines stay as they are.
        program: what the user typed.
        default: `default=config`, where flags take their defaults from a config.
    """
    import tyro

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        known = tyro.extras.get_parser(config, **default)
    width = min(shutil.get_terminal_size().columns, WIDTH)
    parser = argparse.ArgumentParser(
        prog=program,
        description=wrapped(description or "", width - 2),
        formatter_class=lambda prog: argparse.RawDescriptionHelpFormatter(
            prog, max_help_position=22, width=width
        ),
        add_help=False,
    )
    places = [str(x.metavar) for x in known._actions if not x.option_strings]
    parser.usage = " ".join(["%(prog)s", *places, "[FLAGS]"])
    groups: dict[str, Any] = {}
    for action in sorted(known._actions, key=_rank):
        title = _heading(action.dest)
        if title is None or str(action.help).startswith("Internal: "):
            continue
        if title not in groups:
            groups[title] = parser.add_argument_group(title)
        about = re.sub(r"\(default: (None)?\)$", "", " ".join(str(action.help).split()))
        groups[title].add_argument(
            *(action.option_strings or [action.dest]),
            help=about,  # with % doubled already
            # A flag that is either on or off takes no value.
            action="store_true" if action.nargs == 0 else "store",
        ).metavar = str(action.metavar).replace("{None}|", "")
        if action.dest == "run.seed" and offers_seeds(config):
            groups[title].add_argument("--seeds", metavar="INT", help=SEEDS)
    return parser.format_help()


def offers_seeds(config: type) -> bool:
    """Whether a command trains one run, so that `cli.run` can repeat it for seeds."""
    kind: Any = get_origin(config) or config  # a generic dataclass with parameters
    fields = get_type_hints(kind)
    # `run` may be a folder too, of a run that has ended.
    return hasattr(fields.get("run"), "seed") and "seeds" not in fields


def wrapped(prose: str, width: int) -> str:
    """Fills the paragraphs and list items of a text.

    Indented paragraphs stay as they are; flags, and code in backticks, are not broken.
    """
    filler = textwrap.TextWrapper(width, break_long_words=False, break_on_hyphens=False)

    def filled(paragraph: str) -> str:
        if paragraph.startswith(" "):
            return paragraph
        filler.subsequent_indent = "  " if paragraph.startswith("- ") else ""
        words = re.compile(r"(?:`[^`]*`|\S)+")
        items = [words.findall(item) for item in re.split(r"\n(?=- )", paragraph)]
        tied = [[" ".join(w.split()).replace(" ", TIE) for w in item] for item in items]
        lines = [filler.fill(" ".join(item)) for item in tied]
        return "\n".join(lines).replace(TIE, " ")

    paragraphs = re.split(r"\n\s*\n", textwrap.dedent(prose).strip("\n"))
    return "\n\n".join(map(filled, paragraphs))


def _heading(dest: str) -> str | None:
    """The heading of a flag; `dest` is the path of the flag, such as `run.steps`."""
    part, _, name = dest.rpartition(".")
    if dest == "help":
        return None
    if name in COMMON and part in ("", "run", "data"):
        return "common flags"
    if name in DEVICES and part in ("", "run"):
        return "devices and processes"
    return {"": "this command", "run": "the run"}.get(part, part)


def _rank(action: argparse.Action) -> tuple[int, int]:
    """Orders flags: common ones first, those about machines last."""
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
