"""README's code, and that of the pages of losses and games, runs as it is printed."""

import pathlib
import re
from code import InteractiveConsole

import pytest

ROOT = pathlib.Path(__file__).parents[1]
README = ROOT / "README.md"


def blocks(page):
    return re.findall(r"```python\n(.*?)```", (ROOT / page).read_text(), re.DOTALL)


def _fail(*_, **__):
    raise AssertionError("the code does not run")


def pasted(code):
    """Runs code as one pastes it into a fresh interpreter, and returns its names."""
    names = {}
    console = InteractiveConsole(names)
    console.showtraceback = console.showsyntaxerror = _fail  # type: ignore[method-assign]
    for line in [*code.splitlines(), ""]:
        more = console.push(line)
    assert not more
    return names


def test_the_loss_of_readme():
    names = pasted(blocks("README.md")[0])
    assert names["slope"].tolist() == [12.0, 12.0]
    assert float(names["d_loss"]) == 0.875


@pytest.mark.slow
def test_the_game_of_readme_and_its_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    _, played, trained = blocks("README.md")
    names = pasted(played + "\n" + trained)
    assert int(names["state"].step) == 500
    assert int(names["result"].state.step) == 500
    assert (tmp_path / "runs" / "points" / "report.html").is_file()


@pytest.mark.parametrize("number", range(2))
def test_the_losses_of_their_page(number):
    assert pasted(blocks("docs/losses.md")[number])


def test_the_loss_of_the_page_of_games():
    import jax
    import jax.numpy as jnp

    from jaxgan import Turn

    names = {}
    exec(blocks("docs/games.md")[0], names)
    nets = {"generator": (2, 8), "critic": (1, 2)}
    variables = {
        net: {"params": {"kernel": jnp.ones((fan, out)), "bias": jnp.zeros(out)}}
        for net, (out, fan) in nets.items()
    }
    turn = Turn(jax.random.key(0), 0)
    batch = {"point": jnp.ones((4, 2))}
    loss, (_, metrics) = names["critic_loss"](variables, batch, turn)
    assert float(loss) == pytest.approx(-float(metrics["gap"]), rel=1e-5)


def test_install_commands_name_extras_that_exist():
    pyproject = (ROOT / "pyproject.toml").read_text()
    for page in (README, ROOT / "docs" / "start.md", ROOT / "CONTRIBUTING.md"):
        for extras in re.findall(r'pip install -e "\.\[([\w,]+)\]"', page.read_text()):
            for extra in extras.split(","):
                assert f"\n{extra} = [" in pyproject
