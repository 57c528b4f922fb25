"""The numbers that the documentation prints are those of docs/results.

A comment before a table or a paragraph names the file that its numbers come from:

    <!-- numbers: results/mnist.json -->
"""

import json
import pathlib
import re

import pytest

ROOT = pathlib.Path(__file__).parents[1]
DOCS = ROOT / "docs"
MARK = re.compile(r"<!-- numbers: (\S+) -->\n+((?:(?!\n\n).|\n(?!\n))+)")
NUMBER = re.compile(r"(?<![\w.,])-?\d[\d,]*(?:\.\d+)?(?![\w.]*\w)")
# What no result has: names, published numbers, and times that depend on the machine.
ASIDE = ("time", "paper", "the paper", "command", "PyTorch, ms", "jaxgan, ms")
UNITS = re.compile(rf"{NUMBER.pattern} (?:min|s|steps|seeds?|degrees|to)\b")


def leaves(tree):
    """All numbers of a result, those within its text too."""
    if isinstance(tree, dict):
        tree = list(tree.values())
    if isinstance(tree, list):
        for part in tree:
            yield from leaves(part)
    elif isinstance(tree, str):
        yield from (float(x.replace(",", "")) for x in NUMBER.findall(tree))
    elif isinstance(tree, int | float):
        yield float(tree)


def is_there(text, values):
    """Whether a number is one of the values, or one in percent, as it is rounded.

    Zeros at the end of a whole number may stand for digits that were rounded, after the
    first three.
    """
    whole, _, decimals = text.replace(",", "").partition(".")
    zeros = 0 if decimals else len(whole[3:]) - len(whole[3:].rstrip("0"))
    slack = 0.500001 * 10.0 ** (zeros - len(decimals))
    number = float(f"{whole}.{decimals}")
    return any(abs(x * y - number) <= slack for x in values for y in (1, 100))


def cells(row):
    return [cell.strip() for cell in row.strip("|").split("|")]


def claims(block, results):
    """Pieces of text with numbers, each with the results that it speaks of."""
    lines = block.splitlines()
    if not block.startswith("|"):
        yield block, results
        return
    names = cells(lines[0])
    for row in lines[2:]:
        command = re.search(r"`(?:python -m experiments\.)?(\w+)[^`]*`", row)
        of = {k: v for k, v in results.items() if command and k.startswith(command[1])}
        for name, cell in zip(names, cells(row), strict=True):
            if not any(name.startswith(aside) for aside in ASIDE if name):
                yield cell, of or results


def marked():
    for page in [ROOT / "README.md", *sorted(DOCS.rglob("*.md"))]:
        for number, found in enumerate(MARK.finditer(page.read_text(encoding="utf-8"))):
            label = f"{page.relative_to(ROOT)}-{number}"
            yield pytest.param(DOCS / found[1], found[2], id=label)


@pytest.mark.parametrize(("file", "block"), list(marked()))
def test_numbers_are_those_of_the_results(file, block):
    results = json.loads(file.read_text(encoding="utf-8"))
    pieces = list(claims(block, results))
    assert pieces
    wrong = []
    for text, of in pieces:
        plain = UNITS.sub(" ", re.sub(r"`[^`]*`|\]\([^)]*\)", " ", text))
        values = set(leaves(of))
        wrong += [(x, text) for x in NUMBER.findall(plain) if not is_there(x, values)]
    assert not wrong


def test_a_wrong_number_is_seen():
    values = {0.98765, 31.4, 46064.9}
    right, wrong = ("98.8", "31", "31.4", "46,100"), ("98.9", "32", "31.5", "46,000")
    assert all(is_there(text, values) for text in right)
    assert not any(is_there(text, values) for text in wrong)
