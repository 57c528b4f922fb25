"""The page of a run: first its pictures, then what they mean, then how it was made.

It is made from the files of the run, so it can be written at any moment: the loop does
so at each sheet, and the end of the run adds scores and their pictures.
"""

import itertools
import math
import pathlib
import time
from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np

from jaxgan import report
from jaxgan.report import charts
from jaxgan.report.document import (
    document,
    escape,
    figure,
    folded,
    grid,
    picture,
    wide,
)
from jaxgan.train import diagnosis, directory, words
from jaxgan.train.run import Run

RELOAD = 30  # seconds between two looks of a browser at a run that trains
FILM = 8  # steps shown over time
TILES = 9  # of each
SCORES = ("score", "value", "what is good")
TOGETHER = ("real", "fake", "wrong")  # outputs of one net, drawn in one chart
_NOTHING: Mapping[str, Any] = MappingProxyType({})

Rows = Sequence[Mapping[str, Any]]


class About(NamedTuple):
    """What a page tells of a run that its files do not.

    Attributes:
        title: the name of what trains.
        facts: what is known before it trains.
        command: that trains it.
        then: commands to try next, each with what it does.
    """

    title: str
    facts: Mapping[str, Any] = _NOTHING
    command: str = ""
    then: Mapping[str, str] = _NOTHING


def write(
    run: Run,
    about: About,
    step: int,
    rows: Rows,
    wrong: Sequence[diagnosis.Finding],
    *,
    numbers: Mapping[str, Any] = _NOTHING,
    pictures: Mapping[str, pathlib.Path] = _NOTHING,
) -> None:
    """Writes the page as of a step; to be called in the main process alone.

    Args:
        run: the run.
        about: what its files do not tell.
        step: that it has come to.
        rows: its scalars so far.
        wrong: what `diagnosis.findings` says of them.
        numbers: what was measured at the end.
        pictures: caption -> file, of the end.
    """
    path = run.workdir / directory.REPORT
    report.write(path, _page(run, about, step, rows, wrong, numbers, pictures))


def _page(run, about, step, rows, wrong, numbers, pictures) -> str:
    names = directory.sheet_names(run.workdir)
    sheets = {name: directory.sheets(run.workdir, name) for name in names}
    latest = {name: list(found.items())[-1] for name, found in sheets.items()}
    # The strip shows what the film does.
    shown = {path.resolve() for _, path in latest.values()}
    shown.add((run.workdir / directory.STRIP).resolve())
    more = {k: p for k, p in pictures.items() if p.exists()}
    more = {k: p for k, p in more.items() if p.resolve() not in shown}
    drawn = [_sheet(name, *last) for name, last in latest.items()]
    main = "".join([*drawn[:1], *(_film(sheets[name]) for name in names[:1])])
    others = [figure(caption, path) for caption, path in more.items()] + drawn[1:]
    body = [
        f'<header><h1>{escape(about.title)}</h1><p class="soft">'
        f"{escape(_status(run, rows, step))}</p></header>",
        f'<div class="beside">{main}</div>',
        _findings(wrong) if len(rows) >= diagnosis.YOUNG else "",
        f"<h2>Scores</h2>{grid(SCORES, found)}"
        if (found := scores(rows, numbers))
        else "",
        f'<h2>Other pictures</h2><div class="beside">{"".join(others)}</div>'
        if others
        else "",
        f"<h2>Curves</h2>{_charts(rows)}" if rows else "",
        _next(about),
        "<h2>How it was made</h2>",
        wide({**about.facts, "command": about.command}),
        folded("All numbers", wide(_brief(numbers))) if numbers else "",
        folded("Configuration", wide(directory.begun(run.workdir) or {})),
    ]
    reload = 0 if step >= run.steps else RELOAD
    return document(f"{about.title}: step {step:,}", "\n".join(body), reload=reload)


def _status(run: Run, rows: Rows, step: int) -> str:
    """How far a run is, when that was, and how long the rest will take."""
    at = time.strftime("%Y-%m-%d %H:%M:%S")
    if step >= run.steps:
        return f"All {run.steps:,} steps are trained. Written {at}."
    speeds = [r["images_per_second"] for r in rows if "images_per_second" in r]
    left = ""
    if speeds:
        rate = float(np.median(speeds))
        minutes = (run.steps - step) * run.batch_size / rate / 60
        left = f" About {minutes:.0f} min left." if minutes >= 1 else ""
        left = left or " Less than a minute left."
    return (
        f"Step {step:,} of {run.steps:,} ({step / run.steps:.0%}).{left} Written {at};"
        " this page is written again at each sheet, and reloads itself."
    )


def _sheet(name: str, step: int, path: pathlib.Path) -> str:
    """A sheet, with what to see in it."""
    caption = f"Step {step:,}. {words.sheet(name)}"
    return figure(caption, path, alt=f"the sheet {name} of step {step}")


def _film(sheets: Mapping[int, pathlib.Path]) -> str:
    """The first row of the sheets of one name, from the first step to the latest."""
    if len(sheets) < 2:
        return ""
    lines = []
    for step in report.doubling(list(sheets), FILM):
        row = report.first_row(sheets[step], TILES)
        lines.append(f"<span>{step:,}</span>{picture(row, f'step {step}')}")
    return (
        "<section><h2>Over time</h2><p>The same inputs at every step; most changes"
        f' early.</p><div class="film">{"".join(lines)}</div></section>'
    )


def _findings(wrong: Sequence[diagnosis.Finding]) -> str:
    """What is wrong with the run, with the figure, its threshold and a cure."""
    boxes = [
        f'<div class="warn"><h3>{escape(found.name)}</h3><p>{escape(found.figure)}'
        f" {escape(found.reason)}</p><p><b>Try</b> {escape(found.cure)}</p></div>"
        for found in wrong
    ]
    fine = f'<p class="good">{escape(diagnosis.FINE)}</p>'
    return f"<h2>What the numbers say</h2>{''.join(boxes) or fine}"


def scores(rows: Rows, numbers: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """The scores whose meaning is known: name, value, and what is good."""
    found = [
        (path.replace("_", " "), f"{value:.4g}", words.score(path.rpartition(": ")[2]))
        for path, value in flat(numbers)
        if words.score(path.rpartition(": ")[2])
    ]
    for name in sorted({n for row in rows for n in row if n.startswith("evaluation/")}):
        values = [row[name] for row in rows if math.isfinite(row.get(name, math.nan))]
        last = name.partition("/")[2]
        if values:
            label = f"{last.replace('_', ' ')} while it trains"
            found.append((label, f"{values[-1]:.4g}", words.score(last)))
    return found


def flat(numbers: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, float]]:
    """All numbers of nested tables, by their paths."""
    for name, value in numbers.items():
        if isinstance(value, Mapping):
            yield from flat(value, f"{above}{name}: ")
        elif isinstance(value, int | float) and not isinstance(value, bool):
            yield f"{above}{name}", value


def _brief(numbers: Mapping[str, Any]) -> dict[str, Any]:
    """Numbers, words and tables of them as a table shows them; lists are left out."""
    shown = {}
    for name, value in numbers.items():
        if isinstance(value, Mapping):
            value = _brief(value)
        elif isinstance(value, float):
            value = f"{value:.4g}"
        elif isinstance(value, list | tuple) or value is None:
            continue
        shown[name.replace("_", " ")] = value
    return shown


def _charts(rows: Rows) -> str:
    """A card for each metric, and one for all outputs of a discriminator."""
    cards = []
    for title, names in groups(rows):
        curves = {
            name.rpartition("/")[2]: (
                [row["step"] for row in rows if name in row],
                [row[name] for row in rows if name in row],
            )
            for name in names
        }
        chart = charts.chart(curves)
        if not chart:
            continue
        short = list(curves)
        key = f" {charts.legend(short)}" if len(short) > 1 else ""
        said = words.curve(names[0].partition("/")[0], short)
        cards.append(
            f'<div class="card"><h3>{escape(title)}{key}</h3>{chart}'
            f"<p>{escape(said)}</p></div>"
        )
    return f'<div class="cards">{"".join(cards)}</div>'


def groups(rows: Rows) -> list[tuple[str, list[str]]]:
    """The metrics of some rows as charts show them: title, and names.

    Losses come first, then the outputs of each discriminator together, then the rest.
    """
    names = sorted({name for row in rows for name in row} - {"step"})

    def place(name):
        player, _, metric = name.rpartition("/")
        if _first_word(name) in TOGETHER:
            return 1, player, "outputs"
        return (0 if metric == "loss" else 2 if player else 3), player, metric

    found = []
    for (_, player, metric), group in itertools.groupby(
        sorted(names, key=place), place
    ):
        group = list(group)
        if metric == "outputs":
            group.sort(key=lambda x: TOGETHER.index(_first_word(x)))
        title = f"{player}: {metric}" if player else metric
        found.append((title.replace("_", " "), group))
    return found


def _first_word(name: str) -> str:
    """What a metric is of, such as real for critics/real_a."""
    return name.rpartition("/")[2].split("_")[0]


def _next(about: About) -> str:
    """Commands to try, each with what it does."""
    lines = "".join(
        f"<p>{escape(why)}</p><pre>{escape(command)}</pre>"
        for command, why in about.then.items()
    )
    return f"<h2>What to try next</h2>{lines}" if lines else ""
