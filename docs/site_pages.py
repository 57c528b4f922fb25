"""What `mkdocs` builds besides the pages of docs: a hook, named in mkdocs.yml.

Pages at the top of the repository join the site, every public module gets a page of its
docstrings, and links to files follow them there; links to other files become text.
"""

import ast
import logging
import pathlib
import posixpath
import re

from mkdocs.structure.files import File

ROOT = pathlib.Path(__file__).resolve().parents[1]
OUTSIDE = {"CONTRIBUTING.md": "contributing.md", "CHANGELOG.md": "changelog.md"}
LOG = logging.getLogger("mkdocs.hooks")  # its warnings are errors of --strict
LINK = re.compile(r"(?<!!)\[((?:[^\]\[]|\[[^\]]*\])*)\]\(([^)\s#]+)(#[^)\s]*)?\)")


def modules() -> dict[str, str]:
    """File of each public module, from the root -> its page."""
    found = {}
    for path in sorted((ROOT / "jaxgan").rglob("*.py")):
        file = path.relative_to(ROOT)
        parts = file.with_suffix("").parts
        parts = parts[:-1] if parts[-1] == "__init__" else parts
        if not any(part.startswith("_") for part in parts):
            found[file.as_posix()] = f"api/{'.'.join(parts)}.md"
    return found


MODULES = modules()


def place(target: str) -> str | None:
    """Where a file of the repository is in the site, if it is there."""
    if target.startswith("docs/") and not target.endswith(".py"):
        return target.removeprefix("docs/")
    if target == "README.md":
        return "README.md"
    return OUTSIDE.get(target) or MODULES.get(target)


def moved(text: str, source: str, page: str) -> str:
    """A page with links that lead to the same files in the site.

    Args:
        text: Markdown.
        source: its file, from the root of the repository.
        page: its place in the site.
    """

    def link(found: re.Match[str]) -> str:
        label, path, anchor = found.groups()
        if re.match(r"[a-z]+:", path):
            return found[0]
        target = posixpath.normpath(posixpath.join(posixpath.dirname(source), path))
        if not (ROOT / target).exists():
            LOG.warning("%s links to %s, which is not there", source, path)
        there = place(target)
        if there is None:
            return label
        there = posixpath.relpath(there, posixpath.dirname(page) or ".")
        return f"[{label}]({there}{anchor or ''})"

    return LINK.sub(link, text)


def on_files(files, config):
    """Adds the pages from outside, and one for each module."""
    for source, page in OUTSIDE.items():
        text = moved((ROOT / source).read_text(encoding="utf-8"), source, page)
        files.append(File.generated(config, page, content=text))
    for page in MODULES.values():
        name = posixpath.basename(page).removesuffix(".md")
        text = f"# {name}\n\n::: {name}\n"
        files.append(File.generated(config, page, content=text))
    return files


def on_config(config):
    """Adds the same pages to the navigation, modules by room."""
    rooms: dict[str, list] = {}
    for source, page in MODULES.items():
        text = (ROOT / source).read_text(encoding="utf-8")
        if ast.get_docstring(ast.parse(text)):
            name = posixpath.basename(page).removesuffix(".md")
            rooms.setdefault(".".join(name.split(".")[:2]), []).append({name: page})
    notes = sorted(path.name for path in (ROOT / "docs" / "notes").glob("*.md"))
    config.nav += [
        {"Measured": [f"notes/{name}" for name in notes]},
        {"Contributing": "contributing.md"},
        {"Changes": "changelog.md"},
        {"API": [{room: pages} for room, pages in rooms.items()]},
    ]
    return config


def on_page_markdown(markdown, page, config, files):
    """Mends the links of a page of docs."""
    uri = page.file.src_uri
    if uri in OUTSIDE.values() or uri.startswith("api/"):
        return markdown
    return moved(markdown, f"docs/{uri}", uri)
