"""Writes the book: one HTML page with all figures, and nothing outside it."""

import base64
import html
import pathlib
from collections.abc import Mapping

from PIL import Image

from experiments.figures.entries import Figure
from experiments.figures.judging import MEANINGS, Status, Verdict
from experiments.figures.making import Shelf, pictures

STYLE = """
:root { color-scheme: light; --ink: #222; --pale: #666; --line: #ddd }
body { font: 16px/1.55 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto;
  padding: 0 1rem; color: var(--ink); background: #fff }
h1 { line-height: 1.2 } h2 { margin: 0 0 .3rem; font-size: 1.25rem }
section { border-top: 1px solid var(--line); padding: 1.6rem 0 }
img { max-width: 100%; height: auto; image-rendering: pixelated; margin: .6rem 0;
  display: block }
img.drawn { image-rendering: auto }
pre, code { font: 13px/1.5 ui-monospace, monospace }
pre { overflow-x: auto; background: #f6f6f6; padding: .6rem .8rem; margin: .6rem 0 }
.sum { margin: .2rem 0 } nav { columns: 3 15rem; margin: 1.5rem 0 }
nav a { display: block; color: inherit; text-decoration: none; padding: .1rem 0;
  break-inside: avoid }
nav a:hover { text-decoration: underline }
.tag { display: inline-block; min-width: 4.6em; text-align: center; font-size: .75rem;
  border-radius: 1em; padding: .05em .6em; margin-right: .5em; color: #fff }
.holds { background: #2a7d4f } .fails, .broken { background: #b3312c }
.look { background: #3a6ea5 } .not-made, .missing { background: #888 }
.check { color: var(--pale) } table { border-collapse: collapse; font-size: .9rem }
td, th { border: 1px solid var(--line); padding: .2rem .6rem; text-align: left }
.wide { overflow-x: auto }
"""


def page(
    shelf: Shelf,
    figures: tuple[Figure, ...],
    verdicts: Mapping[int, Verdict],
    about: str,
) -> str:
    """The book in HTML.

    Args:
        shelf: where pictures are.
        figures: in order.
        verdicts: of each figure, by its number.
        about: a sentence on how it was made.
    """
    counts: dict[Status, int] = dict.fromkeys(MEANINGS, 0)
    for verdict in verdicts.values():
        counts[verdict.status] += 1
    summary = "".join(
        f'<p class="sum">{tag(status)}{count} of {len(figures)}: {MEANINGS[status]}</p>'
        for status, count in counts.items()
        if count
    )
    contents = "".join(
        f'<a href="#figure-{x.number}">{tag(verdicts[x.number].status)}'
        f"{x.number}. {html.escape(x.title)}</a>"
        for x in figures
    )
    body = "".join(section(shelf, x, verdicts[x.number]) for x in figures)
    return f"""<!doctype html>
<html lang="en"><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>The figures</title>
<style>{STYLE}</style>
<h1>The figures of the lectures, drawn by jaxgan</h1>
<p>{html.escape(about)}</p>
{summary}
<nav>{contents}</nav>
{body}
</html>
"""


def tag(status: str) -> str:
    """A status in its colour."""
    return f'<span class="tag {status.replace(" ", "-")}">{status}</span>'


def section(shelf: Shelf, figure: Figure, verdict: Verdict) -> str:
    """One figure: what to see, pictures, commands, what must hold, what was found."""
    parts = [
        f"<h2>{figure.number}. {html.escape(figure.title)}</h2>",
        f"<p>{html.escape(figure.see)}</p>",
        *(shown(path, figure.title) for path in pictures(shelf, figure)),
    ]
    if figure.made:
        commands = "\n".join(shelf.command(name) for name in figure.made)
        parts.append(f"<pre>{html.escape(commands)}</pre>")
    wanted = figure.wanted or MEANINGS["look"].capitalize() + "."
    said = [wanted] if figure.made else [MEANINGS["missing"].capitalize() + "."]
    said += [f"Found: {verdict.found}."] if verdict.found else []
    said += [f"Nothing draws yet: {figure.lacks}."] if figure.lacks else []
    parts.append(
        f'<p class="check">{tag(verdict.status)}{html.escape(" ".join(said))}</p>'
    )
    return f'<section id="figure-{figure.number}">{"".join(parts)}</section>'


def shown(path: pathlib.Path, title: str) -> str:
    """A picture inside the page, small ones enlarged; or a table of Markdown."""
    if path.suffix == ".md":
        return f'<div class="wide">{table(path.read_text(encoding="utf-8"))}</div>'
    with Image.open(path) as image:
        width, colours = image.width, len(image.convert("RGB").getcolors(2**24) or ())
    times = max(1, min(4, 700 // width))
    # Plots have letters, which look bad in large pixels; sheets have small tiles.
    kind = ' class="drawn"' if times == 1 or colours < 3 else ""
    data = base64.b64encode(path.read_bytes()).decode()
    source = f"data:image/{path.suffix[1:]};base64,{data}"
    return (
        f'<img{kind} width="{times * width}" alt="{html.escape(title)}" src="{source}">'
    )


def table(text: str) -> str:
    """The tables of Markdown as those of HTML, and its other lines as paragraphs."""
    out, rows = [], []
    for line in [*text.splitlines(), ""]:
        if line.startswith("|"):
            rows.append([cell.strip() for cell in line.strip("| ").split("|")])
            continue
        if rows:
            lines = [row for row in rows if set("".join(row)) - set("-: ")]
            cells = (
                "".join(f"<td>{html.escape(cell)}</td>" for cell in row)
                for row in lines
            )
            out.append(f"<table>{''.join(f'<tr>{row}</tr>' for row in cells)}</table>")
            rows = []
        if line.strip():
            out.append(f"<p>{html.escape(line)}</p>")
    return "".join(out)
