"""HTML that stands alone: one file, no network, light or dark, for phones and desks."""

import base64
import html
import io
import pathlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from PIL import Image

LARGE = 720  # pixels of a screen that an enlarged picture may take
NARROW = 320  # pixels of the line below a narrow one

_STYLE = """
:root { color-scheme: light dark; --paper: #fff; --ink: #1d2126; --soft: #5c6670;
  --line: #d9dee3; --card: #f5f7f9; --warn: #8a4b00; --warned: #fff4e0; --good: #14663a;
  --a: #1f6fd1; --b: #c4500c; --c: #2c8a4b; --d: #8a3fb5; --e: #6b6b6b; }
@media (prefers-color-scheme: dark) { :root { --paper: #14171a; --ink: #e4e8ec;
  --soft: #9aa5af; --line: #333a41; --card: #1d2226; --warn: #ffc069; --warned: #33270f;
  --good: #7fd6a2; --a: #6db0ff; --b: #ff9a57; --c: #71d492; --d: #d29bf2;
  --e: #a8a8a8; } }
* { box-sizing: border-box }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 76rem; margin: 0 auto;
  padding: 1rem; color: var(--ink); background: var(--paper);
  overflow-wrap: break-word }
h1 { font-size: 1.6rem; line-height: 1.2; margin: .5rem 0 }
h2 { font-size: 1.15rem; margin: 2rem 0 .5rem }
h3 { font-size: 1rem; margin: 0 }
p { margin: .4rem 0; max-width: 46rem }
.soft, figcaption { color: var(--soft) }
figure { margin: 0 0 1.5rem; min-width: 0; max-width: 100% }
img, svg { max-width: 100%; height: auto; display: block; border-radius: 3px }
img { background: #fff }
.pixels { image-rendering: pixelated }
@media (max-width: 600px) and (max-resolution: 1.5dppx) {
  .pixels { image-rendering: auto } }
figcaption { font-size: .95rem; margin-top: .4rem }
.beside { display: flex; flex-wrap: wrap; gap: 1rem 2rem; align-items: flex-start }
.beside > figure { flex: 0 1 auto; max-width: 100% }
.beside > section { flex: 1 1 20rem; min-width: 0 }
.beside > section > :first-child { margin-top: 0 }
.cards { display: grid; gap: 1.2rem;
  grid-template-columns: repeat(auto-fill, minmax(min(100%, 21rem), 1fr)) }
.card { background: var(--card); border-radius: 8px; padding: .8rem; min-width: 0 }
.card p { font-size: .9rem; color: var(--soft); margin: .3rem 0 0 }
.warn { border-left: 4px solid var(--warn); background: var(--warned);
  padding: .6rem .9rem; margin: .8rem 0; border-radius: 4px }
.good { color: var(--good) }
.film { display: grid; grid-template-columns: max-content minmax(0, 1fr);
  gap: 2px .8rem; align-items: center; color: var(--soft); font-size: .9rem;
  margin-bottom: 1.5rem }
.wide { overflow-x: auto }
table { border-collapse: collapse; font-size: .95rem }
td, th { padding: .2rem 1rem .2rem 0; vertical-align: top; text-align: left }
td:first-child { color: var(--soft); overflow-wrap: normal }
td:last-child { overflow-wrap: anywhere }
tr { border-bottom: 1px solid var(--line) }
code, pre { font: .85rem/1.5 ui-monospace, monospace }
pre { background: var(--card); padding: .6rem .8rem; border-radius: 6px;
  white-space: pre-wrap; margin: .3rem 0 }
details { border-top: 1px solid var(--line); padding: .6rem 0 }
summary { cursor: pointer }
""".strip()


def escape(text: object) -> str:
    """Text as HTML shows it."""
    return html.escape(str(text))


def document(title: str, body: str, *, reload: int = 0) -> str:
    """A whole page.

    Args:
        title: of the window.
        body: HTML.
        reload: seconds after which a browser reads the file again; 0 for never.
    """
    again = f'\n<meta http-equiv="refresh" content="{reload}">' if reload else ""
    return f"""<!doctype html>
<html lang="en"><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">{again}
<title>{escape(title)}</title>
<style>
{_STYLE}
</style>
{body}
</html>
"""


def table(facts: Mapping[str, Any]) -> str:
    """A table of facts; a dictionary inside becomes an inner table."""
    rows = "".join(
        f"<tr><td>{escape(name)}</td><td>"
        f"{table(v) if isinstance(v, Mapping) else escape(v)}</td></tr>"
        for name, v in facts.items()
    )
    return f"<table>{rows}</table>"


def wide(facts: Mapping[str, Any]) -> str:
    """A table of facts that scrolls where it is too wide."""
    return f'<div class="wide">{table(facts)}</div>'


def grid(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A table with a line of titles, which scrolls where it is too wide."""
    titles = "".join(f"<th>{escape(name)}</th>" for name in head)
    lines = "".join(
        "<tr>" + "".join(f"<td>{escape(x)}</td>" for x in row) + "</tr>" for row in rows
    )
    return f'<div class="wide"><table><tr>{titles}</tr>{lines}</table></div>'


def folded(title: str, body: str) -> str:
    """What shows when its title is clicked."""
    return f"<details><summary>{escape(title)}</summary>{body}</details>"


def figure(caption: str, path: pathlib.Path, *, alt: str = "") -> str:
    """A picture of a file, PNG or GIF, with a line below it.

    Small pictures are enlarged by a whole number, with sharp pixels.
    """
    content = path.read_bytes()
    with Image.open(io.BytesIO(content)) as image:
        size = image.size
    picture = _image(content, path.suffix[1:], size, alt or caption)
    return (
        f'<figure style="width: {max(_width(size), NARROW)}px">{picture}'
        f"<figcaption>{escape(caption)}</figcaption></figure>"
    )


def picture(pixels: np.ndarray, alt: str) -> str:
    """A picture `[H, W, 3]` uint8, as `figure` shows it, without a line."""
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG", optimize=True)
    return _image(file.getvalue(), "png", (pixels.shape[1], pixels.shape[0]), alt)


def _image(content: bytes, kind: str, size: tuple[int, int], alt: str) -> str:
    source = f"data:image/{kind};base64,{base64.b64encode(content).decode()}"
    about = f'alt="{escape(alt)}" width="{_width(size)}"'
    return f'<img class="pixels" {about} src="{source}">'


def _width(size: tuple[int, int]) -> int:
    return size[0] * max(1, LARGE // max(size))


def page(
    title: str,
    facts: Mapping[str, Any],
    pictures: Mapping[str, pathlib.Path],
) -> str:
    """A page of pictures, and below them what is known.

    Args:
        title: the name of what ran.
        facts: a table of facts about it; a dictionary inside becomes an inner table.
        pictures: caption -> PNG or GIF file to embed.
    """
    figures = "".join(
        figure(caption, path) for caption, path in pictures.items() if path.exists()
    )
    return document(title, f"<h1>{escape(title)}</h1>\n{figures}\n{wide(facts)}")
