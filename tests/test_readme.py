"""README's code runs as it is printed."""

import pathlib
import re
from code import InteractiveConsole

import pytest

README = pathlib.Path(__file__).parents[1] / "README.md"
BLOCKS = re.findall(r"```python\n(.*?)```", README.read_text(), re.DOTALL)


def _fail(*_, **__):
    raise AssertionError("the code does not run")


@pytest.mark.parametrize("code", BLOCKS, ids=["loss", "game"])
def test_code_runs_in_a_fresh_interpreter(code):
    names = {}
    console = InteractiveConsole(names)
    console.showtraceback = console.showsyntaxerror = _fail  # type: ignore[method-assign]
    for line in [*code.splitlines(), ""]:
        more = console.push(line)  # as a paste arrives
    assert not more
    if "state" in names:
        assert int(names["state"].step) == 500
    else:
        assert names["slope"].tolist() == [12.0, 12.0]


def test_every_picture_is_there():
    pictures = re.findall(r"!\[.*?\]\((.*?)\)", README.read_text())
    assert pictures
    for picture in pictures:
        assert (README.parent / picture).is_file(), picture


def test_install_commands_name_extras_that_exist():
    pyproject = (README.parent / "pyproject.toml").read_text()
    for extra in re.findall(r'pip install -e "\.\[(\w+)\]"', README.read_text()):
        assert f"\n{extra} = [" in pyproject
