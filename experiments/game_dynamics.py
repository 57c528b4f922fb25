"""Shows which players converge on min_x max_y x·y: trajectories of gradient play.

    python -m experiments.game_dynamics
    python -m experiments.game_dynamics --play simultaneous      # spirals outwards
    python -m experiments.game_dynamics --play alternating       # goes round for ever
    python -m experiments.game_dynamics --play k-steps --k 5     # an ellipse
    python -m experiments.game_dynamics --play extragradient     # finds (0, 0)
    python -m experiments.game_dynamics --play optimistic        # finds (0, 0)

The smallest game on which GAN training fails (Gidel et al., arXiv:1802.10551), played
by the engine and the optimisers that train the large ones. Takes seconds on a CPU. The
run directory gets dynamics.png: paths in the plane, and the distance from the
equilibrium over steps; and dynamics.json, with the factor by which a step multiplies
the distance, beside the spectral radius that linear algebra predicts for it.
"""

import dataclasses
import pathlib
from typing import Annotated, Literal

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from jaxgan import bounds
from jaxgan.game import algorithm
from jaxgan.lab import cli, figures
from jaxgan.models.toys import bilinear
from jaxgan.train.terminal import say

Play = Literal["simultaneous", "alternating", "k-steps", "extragradient", "optimistic"]
COLOURS: dict[Play, str] = {
    "simultaneous": "#d1495b",
    "alternating": "#e8a33d",
    "k-steps": "#9c6ade",
    "extragradient": "#1f6f8b",
    "optimistic": "#3a9d5d",
}
START = (1.0, 1.0)
PALE = "#777777"


@dataclasses.dataclass(frozen=True)
class Config:
    """The play of the bilinear game."""

    play: tuple[Play, ...] = tuple(COLOURS)
    """Dynamics to draw."""
    steps: Annotated[int, bounds.Within(2)] = 200
    """Steps of the game."""
    learning_rate: bounds.Rate = 0.2
    """Step size of both players."""
    k: bounds.Count = 3
    """Moves of y for each move of x in k-steps."""
    workdir: pathlib.Path = pathlib.Path("runs/game_dynamics")
    """Directory for the picture."""

    def __post_init__(self):
        bounds.check(self, flags=True)
        if not self.play:
            raise ValueError(f"--play is empty; give at least one of {tuple(COLOURS)}")
        for play in self.play:  # raises for a wrong rate before anything is drawn
            game_config(self, play)


def game_config(config: Config, play: Play) -> bilinear.Config:
    """Makes the game of a name of `--play`."""
    if play == "k-steps":
        return bilinear.Config("alternating", config.k, config.learning_rate)
    return bilinear.Config(play, learning_rate=config.learning_rate)


def trajectory(config: bilinear.Config, steps: int) -> np.ndarray:
    """Plays, and returns (x, y) from the start: `[steps + 1, 2]`."""
    game = bilinear.game(config)
    run = algorithm(game)
    payoff = jnp.ones((game.repeats, 1) if game.repeats > 1 else (1,))
    state = run.init(jax.random.key(0), {"payoff": payoff})
    start = {n: {"value": jnp.float32(v)} for n, v in zip("xy", START, strict=True)}
    # Extragradient's anchor is overwritten before it is read.
    state = state.replace(params=start)

    def body(state, _):
        state, _ = run.step(state, {"payoff": payoff})
        return state, jnp.stack([state.params[n]["value"] for n in "xy"])

    path = jax.jit(lambda state: lax.scan(body, state, length=steps)[1])(state)
    return np.concatenate([[START], np.asarray(path)])


def spectral_radius(play: Play, rate: float, k: int) -> float:
    """The long-run factor of the distance per step, from linear algebra."""
    turn = np.array([[0.0, -rate], [rate, 0.0]])  # the simultaneous step minus identity
    one = np.eye(2)
    if play in ("alternating", "k-steps"):
        k = k if play == "k-steps" else 1
        x_moves = np.array([[1.0, -rate], [0.0, 1.0]])
        step = x_moves @ np.array([[1.0, 0.0], [k * rate, 1.0]])
    elif play == "extragradient":
        step = one + turn @ (one + turn)
    elif play == "optimistic":  # a map of the last two points
        step = np.block([[one + 2 * turn, -turn], [one, np.zeros((2, 2))]])
    else:
        step = one + turn
    return float(np.abs(np.linalg.eigvals(step)).max())


def main(config: Config) -> None:
    """Plays and draws."""
    figure = figures.new(11.5, 5.2, space=0.06)
    plane, over = figure.subplots(1, 2, width_ratios=(1, 1.15))
    arrows = np.linspace(-2.4, 2.4, 13)
    x, y = np.meshgrid(arrows, arrows)
    plane.quiver(x, y, -y, x, color="#dddddd", width=0.003, scale=45)
    results = {}
    for play in config.play:
        path = trajectory(game_config(config, play), config.steps)
        distance = np.linalg.norm(path, axis=1)
        late = np.arange(config.steps // 2, config.steps + 1)
        measured = np.exp(np.polyfit(late, np.log(distance[late]), 1)[0])
        predicted = spectral_radius(play, config.learning_rate, config.k)
        results[play] = {
            "distance_at_end": float(distance[-1]),
            "factor_a_step": float(measured),
            "spectral_radius": predicted,
        }
        name = f"{config.k} steps of y" if play == "k-steps" else play
        say(
            f"{name:>14}  distance {distance[0]:.3f} -> {distance[-1]:.3g}, times"
            f" {measured:.4f} a step ({predicted:.4f} predicted)"
        )
        style = {"color": COLOURS[play], "lw": 1.6}
        plane.plot(*path.T, marker=".", ms=3, alpha=0.85, **style)
        over.plot(np.maximum(distance, 1e-12), label=name, **style)
    plane.plot(*START, "o", color=PALE, ms=7, zorder=5)
    plane.annotate("start", START, (6, 6), textcoords="offset points", color=PALE)
    plane.plot(0, 0, "*", color="black", ms=13, zorder=5)
    plane.set(xlim=(-2.6, 2.6), ylim=(-2.6, 2.6), aspect="equal")
    plane.set(xlabel="$x$, who minimises", ylabel="$y$, who maximises")
    plane.set_title(r"min$_x$ max$_y$ $x\,y$")
    over.set(yscale="log", xlabel="step", xlim=(0, config.steps))
    over.set_title("Distance from the equilibrium")
    over.grid(alpha=0.25)
    over.legend(frameon=False)
    for axes in (plane, over):
        axes.spines[["top", "right"]].set_visible(False)
    figures.save(config.workdir / "dynamics.png", figure, "paths and distances")
    figures.save_results(config.workdir / "dynamics.json", results)


if __name__ == "__main__":
    cli.run(main, Config, description=__doc__)
