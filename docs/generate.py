"""Writes what docs say of the code, from the code: `python docs/generate.py`.

The table of models in README.md, and papers.md, come from the `MODEL` records; the
table of figures.md, from that of `experiments.figures`; api.md, which is not kept in
the repository, from the docstrings of everything public.
"""

import importlib
import inspect
import json
import pathlib
import pkgutil
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

import jaxgan  # noqa: E402
from experiments import commands  # noqa: E402
from experiments.figures.entries import Figure  # noqa: E402
from experiments.figures.making import Shelf, needed  # noqa: E402
from experiments.figures.table import FIGURES  # noqa: E402
from jaxgan import report  # noqa: E402
from jaxgan.models import model  # noqa: E402

HEAD = ("model", "paper", "`python -m experiments.` ...")
BEGIN, END = "<!-- models: by docs/generate.py -->", "<!-- end of models -->"
BOOK = "<!-- figures: by docs/generate.py -->", "<!-- end of figures -->"
BOOKS = pathlib.Path("runs/figures")  # the default of the command


def first_line(module: str) -> str:
    """The first line of a module's docstring, without its stop."""
    text = inspect.getdoc(importlib.import_module(module)) or ""
    return text.partition("\n")[0].removesuffix(".")


def paper(record: model.Model) -> str:
    """The paper of a record, as a link where it is on arXiv."""
    if re.fullmatch(r"\d{4}\.\d{4,5}", record.paper):
        return f"[{record.paper}](https://arxiv.org/abs/{record.paper})"
    return record.paper


def commands_of(name: str, names: list[str]) -> list[str]:
    """Commands of a model.

    They begin with its name, and with no longer name of a model; where none does, they
    are those that read its record.
    """

    def owner(command: str) -> str:
        owners = [other for other in names if f"{command}_".startswith(f"{other}_")]
        return max(owners, key=len, default="")

    own = [command for command in commands() if owner(command) == name]
    return own or [c for c, path in commands().items() if reads(name, path)]


def reads(name: str, path: pathlib.Path) -> bool:
    """Whether the file of a command names the record of a model."""
    return bool(re.search(rf"\b{name}\.MODEL\b", path.read_text(encoding="utf-8")))


def rows(records: dict[str, model.Model], up: str = "") -> list[tuple[str, str, str]]:
    """Model, paper and commands of every record, in Markdown."""
    names = list(records)
    found = []
    for name, record in records.items():
        module = record.config.__module__
        title, _, rest = first_line(module).partition(": ")
        link = f"[{title}]({up}{module.replace('.', '/')}.py)"
        said = f"{link}: {rest}" if rest else link
        runs = ", ".join(f"`{command}`" for command in commands_of(name, names))
        found.append((said, paper(record), runs))
    return found


def readme(text: str) -> str:
    """README.md with the table of the models that have a command."""
    cells = [row for row in rows(model.find()) if row[2]]
    return between(text, BEGIN, report.table(HEAD, cells), END)


def between(text: str, begin: str, made: str, end: str) -> str:
    """A page with what stands between two comments made anew."""
    before, _, rest = text.partition(begin)
    return f"{before}{begin}\n{made}\n{end}{rest.partition(end)[2]}"


def papers() -> str:
    """The page of all models."""
    records = model.find()
    lines = [
        "# Papers",
        "",
        "Every model of the library, from its `MODEL` record. What was reproduced,",
        "what differs from the paper, and where the released code departs from it",
        "stand at the top of the model's file; the numbers that runs reached, in",
        "[notes/mnist.md](notes/mnist.md), [notes/capsules.md](notes/capsules.md),",
        "[notes/inside.md](notes/inside.md), [notes/filling.md](notes/filling.md),",
        "[notes/coarse_to_fine.md](notes/coarse_to_fine.md),",
        "[notes/by_class.md](notes/by_class.md),",
        "[notes/words.md](notes/words.md),",
        "[notes/small_studies.md](notes/small_studies.md),",
        "[notes/video.md](notes/video.md) and",
        "[notes/superresolution.md](notes/superresolution.md).",
        "This page is written by",
        "`python docs/generate.py`.",
        "",
        report.table(HEAD, rows(records, "../")),
        "",
        "What the laboratory can do with each:",
        "",
        "| model | draws from latents | takes classes | pixels between |",
        "|---|---|---|---|",
    ]
    for name, record in records.items():
        draws = "yes" if record.sample else ""
        labels = "yes" if record.labels else ""
        low, high = record.range
        span = f"{low:g} and {high:g}" if record.sample else ""
        lines.append(f"| `{name}` | {draws} | {labels} | {span} |")
    return "\n".join([*lines, ""])


def figures(text: str) -> str:
    """figures.md with the table of the lectures' figures."""
    path = ROOT / "docs" / "results" / "figures.json"
    known = json.loads(path.read_text())["figures"] if path.exists() else {}
    made = report.table(
        ("#", "figure", "the statement it stands for", "command", "min", "status"),
        [figure_row(x, known.get(str(x.number), {})) for x in FIGURES],
    )
    return between(text, BOOK[0], made, BOOK[1])


def figure_row(figure: Figure, known: dict) -> tuple[str, ...]:
    """A figure of the lectures: title, statement, commands, minutes and status."""
    full, small = (Shelf(BOOKS / x, "digits", x == "small") for x in ("full", "small"))
    typed = [full.command(name).partition(" --workdir")[0] for name in figure.made]
    commands = ", ".join(f"`{x.removeprefix('python -m experiments.')}`" for x in typed)
    names = needed([figure])
    times = (sum(map(shelf.minutes, names)) for shelf in (full, small))
    status = known.get("status", "not made") if figure.made else "missing"
    more = f" Missing: {figure.lacks}." if figure.lacks else ""
    return (
        str(figure.number),
        figure.title,
        figure.see + more,
        commands,
        " / ".join(f"{x:.0f}" if x >= 1 else "<1" for x in times) if names else "",
        status,
    )


def api() -> str:
    """Every public function and class of the library, a line each."""
    lines = ["# API", "", "Written by `python docs/generate.py`.", ""]
    for info in pkgutil.walk_packages(jaxgan.__path__, "jaxgan."):
        if any(part.startswith("_") for part in info.name.split(".")):
            continue
        module = importlib.import_module(info.name)
        lines += [f"## {info.name}", "", f"{first_line(info.name)}.", ""]
        for name, value in vars(module).items():
            own = getattr(value, "__module__", None) == info.name
            if own and callable(value) and not name.startswith("_"):
                said = (inspect.getdoc(value) or "").partition("\n")[0]
                lines.append(f"- `{name}`: {said}")
        lines.append("")
    return "\n".join(lines)


def main() -> None:
    """Writes all of it."""
    path = ROOT / "README.md"
    path.write_text(readme(path.read_text()))
    path = ROOT / "docs" / "figures.md"
    path.write_text(figures(path.read_text()))
    (ROOT / "docs" / "papers.md").write_text(papers())
    (ROOT / "docs" / "api.md").write_text(api())


if __name__ == "__main__":
    main()
