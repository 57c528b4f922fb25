"""The documentation: its links lead somewhere, its tables are those of the code."""

import ast
import pathlib
import re

import pytest

from experiments import commands

ROOT = pathlib.Path(__file__).parents[1]
DOCS = ROOT / "docs"
PAGES = sorted(
    page
    for page in [*ROOT.glob("*.md"), *DOCS.rglob("*.md")]
    if page.name != "api.md"  # generated, and not kept
)
LINK = re.compile(r"\]\(([^)\s]+)\)")


def anchors(page):
    """The names of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(), re.MULTILINE)
    plain = [re.sub(r"[^\w\- ]", "", heading.lower()) for heading in headings]
    return {heading.replace(" ", "-") for heading in plain}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page):
    for link in LINK.findall(page.read_text()):
        if link.startswith(("http://", "https://")):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), link
        assert target.is_relative_to(ROOT), link
        if anchor:
            assert anchor in anchors(target), link


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_commands_exist(page):
    named = re.findall(r"python -m\s+experiments\.([\w.]*\w)", page.read_text())
    assert {name for name in named if name != "NAME"} <= commands().keys()


def test_pictures_are_small_and_on_the_page_of_figures():
    pictures = sorted(
        path for path in DOCS.rglob("*") if path.suffix in (".png", ".gif")
    )
    assert pictures
    listed = LINK.findall((DOCS / "figures.md").read_text())
    for picture in pictures:
        assert picture.stat().st_size <= 200_000, picture
        assert str(picture.relative_to(DOCS)) in listed


def test_commands_of_figures_exist():
    rows = re.findall(r"^\| .*?\| `([\w.]+)", (DOCS / "figures.md").read_text(), re.M)
    assert len(rows) > 60
    assert set(rows) <= commands().keys()


def test_tables_are_those_of_the_records(generate):
    """Where this fails: `python docs/generate.py`."""
    readme = (ROOT / "README.md").read_text()
    assert generate.readme(readme) == readme
    assert generate.papers() == (DOCS / "papers.md").read_text()
    figures = (DOCS / "figures.md").read_text()
    assert generate.figures(figures) == figures


def test_commands_belong_to_the_longest_name(generate):
    names = ["gan", "wgan", "wgan_gp", "capsnet", "capsnet_baseline"]
    assert "gan_2d" in generate.commands_of("gan", names)
    assert generate.commands_of("wgan", names) == ["wgan_mnist"]
    assert generate.commands_of("wgan_gp", names) == ["wgan_gp_mnist"]
    assert "capsnet_table" in generate.commands_of("capsnet", names)


def test_code_in_pages_is_python():
    for page in PAGES:
        for code in re.findall(r"```python\n(.*?)```", page.read_text(), re.DOTALL):
            ast.parse(code)


def test_readme_is_short():
    """But for its table, which grows with the models."""
    lines = (ROOT / "README.md").read_text().splitlines()
    assert len([line for line in lines if not line.startswith("| [")]) <= 102
