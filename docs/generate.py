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
from typing import Any

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
RESULTS = ROOT / "docs" / "results"
# Committed numbers of finished runs of the usual size, by the runs of the book: a file,
# or a file and a name in it.
FINISHED = {
    "gan_1d": ("mnist", "gan_1d"),
    "gan_mnist": ("mnist", "gan_mnist"),
    "cgan_mnist": ("mnist", "cgan_mnist"),
    "cdcgan_mnist": ("mnist", "cdcgan_mnist"),
    "latent_study": ("mnist", "latent_study"),
    "infogan_mnist": ("mnist", "infogan_mnist"),
    "improved_gan": ("improved_gan",),
    "improved_gan_images": ("natural_images",),
    "points_ring": ("mnist", "gan_2d"),
    "points_four": ("mnist", "gan_2d"),
    "points_grid": ("mnist", "gan_2d_grid25"),
    "autoencoder": ("mnist", "autoencoder_mnist"),
    "d_only": ("mnist", "discriminator_only"),
    "conv_arithmetic": ("conv_arithmetic",),
    "text_to_faces": ("text_to_faces",),
    "metrics": ("metric_sanity",),
    "walk": ("inside_latent_walk",),
    "forget": ("inside_forget_object",),
    "arithmetic": ("inside_latent_arithmetic",),
    "inside": ("inside_inside_networks",),
    "inpaint": ("inside_inpaint",),
    "context_encoder": ("filling_context_encoder",),
    "anomaly": ("inside_anomaly",),
    "malgan": ("malgan_study",),
    "ageing": ("codes_age_cgan",),
    "turning": ("codes_tp_gan",),
    "vaegan": ("codes_vaegan",),
    "truncation": ("truncation",),
    "equivariance": ("capsnet_equivariance",),
    "routing": ("capsnet_routing",),
    "multimnist": ("capsnet_multimnist",),
    "capsnet_table": ("capsnet_table_printed",),
    "shifts": ("transforming_autoencoder",),
    "infogan_faces": ("codes_infogan_faces",),
}


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


def finished(name: str) -> Any:
    """What a run of the usual size wrote, such as `gan_1d/results.json`.

    Raises:
        KeyError: its numbers are not committed.
    """
    path, *inside = FINISHED[name.partition("/")[0]]
    found = json.loads((RESULTS / f"{path}.json").read_text())
    return found[inside[0]] if inside else found


def figures(text: str) -> str:
    """figures.md with the table of the lectures' figures."""
    small = json.loads((RESULTS / "figures.json").read_text())["figures"]
    made = report.table(
        ("#", "figure", "the statement it stands for", "command", "min", "status"),
        [figure_row(x, status(x, small[str(x.number)]["status"])) for x in FIGURES],
    )
    return between(text, BOOK[0], made, BOOK[1])


def status(figure: Figure, small: str) -> str:
    """What is known of a figure: by a finished run, or else by the small book."""
    if figure.check is None or not set(figure.made) <= FINISHED.keys():
        return f"{small} (small)" if small in ("holds", "fails") else small
    return "holds" if figure.check(finished).holds else "fails"


def figure_row(figure: Figure, status: str) -> tuple[str, ...]:
    """A figure of the lectures: title, statement, commands, minutes and status."""
    full, small = (Shelf(BOOKS / x, "digits", x == "small") for x in ("full", "small"))
    typed = [full.command(name).partition(" --workdir")[0] for name in figure.made]
    commands = ", ".join(f"`{x.removeprefix('python -m experiments.')}`" for x in typed)
    names = needed([figure])
    times = (sum(map(shelf.minutes, names)) for shelf in (full, small))
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
