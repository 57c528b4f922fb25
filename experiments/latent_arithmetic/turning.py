"""Finds directions of latents: one that turns faces, and those of SeFa."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from experiments.latent_arithmetic import pictures
from experiments.latent_arithmetic.laboratory import Laboratory
from jaxgan.analysis import latent
from jaxgan.train.terminal import say

TURNED = 0.3  # yaw in radians above which a face looks to a side
STEPS = 9  # pictures of a turn
VECTORS, FACES = 5, 24  # turn vectors, and the faces that each turns
TURNS = (1, 4, 16)  # exemplars on each side; all exemplars are tried too
SHOWN = 4  # exemplars on each side for the turn in the picture, as in the paper
ROWS = 4  # faces in the picture of turns
SPREADS = 3.0  # largest move along a found direction, in standard deviations of latents
PLACES = 7  # pictures along the direction
TURN, SEFA = 3, 4  # purposes of random keys


def spearman(scales: np.ndarray, values: np.ndarray) -> np.ndarray:
    """The rank correlation of scales `[K]` and values `[K, N]` without ties: `[N]`."""
    ranks = [x.argsort(0).argsort(0) for x in (scales[:, None], values)]
    centred = [x - x.mean(0) for x in ranks]
    product = (centred[0] * centred[1]).sum(0)
    return product / np.sqrt(
        np.square(centred[0]).sum(0) * np.square(centred[1]).sum(0)
    )


def turning(scales: np.ndarray, yaw: np.ndarray) -> dict[str, float]:
    """Measures how well faces turn, from yaws `[K, N]` at rising scales `[K]`.

    Yaw falls along a vector that turns to the left, so signs are reversed.
    """
    steps = -np.diff(yaw, axis=0)
    return {
        "faces": int(yaw.shape[1]),
        "monotone": int((steps > 0).all(0).sum()),
        "steps_the_right_way": float((steps > 0).mean()),
        "spearman": float(spearman(scales, -yaw).mean()),
        "range": float((yaw[0] - yaw[-1]).mean()),
        "most_right": float(yaw[0].mean()),
        "most_left": float(yaw[-1].mean()),
    }


def turn_faces(lab: Laboratory) -> dict[str, Any]:
    """Turns faces, and counts those whose yaw follows according to the regressor."""
    read = lab.read
    assert read is not None
    sides = [np.flatnonzero(s * lab.seen["yaw"] > TURNED) for s in (-1, 1)]
    results: dict[str, Any] = {
        "found": {"left": len(sides[0]), "right": len(sides[1])},
        "about": "yaw in radians, positive to the picture's right; range is yaw at one"
        " end of the turn less that at the other",
        "usual_yaw": {
            "spread": float(lab.seen["yaw"].std()), "largest": TURNED,
        },
    }  # fmt: skip
    scales = jnp.linspace(-1, 1, STEPS)
    rng = np.random.default_rng([lab.config.seed, TURN])
    if not all(map(len, sides)):
        results["note"] = "no samples look to one of the sides; draw more samples"
        return results
    most = min(map(len, sides))
    whole = latent.turn_vector(*(jnp.asarray(lab.latents[x]) for x in sides))
    few = lab.latents[: VECTORS * FACES]
    other = mirror(few, np.asarray(whole))
    yaws = [read(x)["yaw"] for x in (lab.images[: len(few)], lab.paint(other))]
    results["mirror"] = {
        "faces": len(few),
        "correlation_of_yaws": float(np.corrcoef(np.stack(yaws))[0, 1]),
    }
    for count in sorted({x for x in TURNS if x < most} | {most}):
        moved, control = [], []
        for i in range(VECTORS):
            left, right = (lab.latents[rng.choice(x, count, False)] for x in sides)
            turn = latent.turn_vector(jnp.asarray(left), jnp.asarray(right))
            faces = lab.latents[rng.choice(len(lab.latents), FACES, False)]
            key = jax.random.fold_in(lab.key(TURN), i)
            random = latent.with_norm(
                jax.random.normal(key, turn.shape), jnp.linalg.norm(turn)
            )
            images = lab.paint(latent.along(jnp.asarray(faces), turn, scales))
            moved.append(read(images)["yaw"])
            around = lab.paint(latent.along(jnp.asarray(faces), random, scales))
            control.append(read(around)["yaw"])
            if i == 0 and (count == SHOWN or count == most < SHOWN):
                reflected = mirror(faces, np.asarray(whole))
                _draw_turn(lab, turn, faces, reflected, scales, count)
        yaw, around = np.concatenate(moved, 1), np.concatenate(control, 1)
        results[f"mean_of_{count}"] = {
            "turn": turning(np.asarray(scales), yaw),
            "random_direction": turning(np.asarray(scales), around),
        }
        found = results[f"mean_of_{count}"]["turn"]
        say(
            f"turn vector, means of {count}: yaw falls at every step in"
            f" {found['monotone']} of {found['faces']} faces, rank correlation"
            f" {found['spearman']:.2f}, over {found['range']:.2f} radians"
        )
    return results


def mirror(faces: np.ndarray, turn: np.ndarray) -> np.ndarray:
    """Reflects latents `[N, Z]`: equally far along the turn, but on the other side.

    Faces that look left then look right, and everything orthogonal to the turn stays.
    """
    unit = turn / np.linalg.norm(turn)
    return faces - 2 * (faces @ unit)[:, None] * unit[None]


def named(lab: Laboratory) -> dict[str, np.ndarray]:
    """Finds a direction `[Z]` for every factor of the regressor, towards more of it.

    It is the mean of the tenth of the samples with the most of the factor, minus that
    of the tenth with the least.
    """
    tenth = max(1, len(lab.latents) // 10)
    latents = jnp.asarray(lab.latents)
    order = {name: np.argsort(values) for name, values in lab.seen.items()}
    return {
        name: np.asarray(latent.turn_vector(latents[x[-tenth:]], latents[x[:tenth]]))
        for name, x in order.items()
    }


def _draw_turn(lab: Laboratory, turn, faces, other, scales, count) -> None:
    rows, left = [], []
    for i in range(ROWS):
        both = jnp.stack([jnp.asarray(faces[i]), jnp.asarray(other[i])])
        rows += list(lab.paint(latent.along(both, turn, scales)).swapaxes(0, 1))
        left += [f"face {i + 1}", "its mirror"]
    pictures.strips(
        lab.config.workdir / "turn.png",
        f"Turn: faces plus parts of (mean of {count} left-looking"
        f" - mean of {count} right-looking)",
        np.stack(rows),
        left,
        [f"{scale:+.2f}" if scale else "0" for scale in scales],
    )


def factorise(lab: Laboratory, weight: Any) -> dict[str, Any]:
    """Moves along the directions that the first layer stretches most, and draws."""
    count = min(lab.config.directions, len(weight))
    found = latent.sefa(jnp.asarray(weight), count)
    spread = float(lab.latents.std())
    scales = np.linspace(-SPREADS, SPREADS, PLACES, dtype=np.float32) * spread
    faces = jnp.asarray(lab.latents[:FACES])
    noise = jax.random.normal(lab.key(SEFA), found.direction.shape)
    results: dict[str, Any] = {
        "eigenvalues": np.asarray(found.eigenvalue).tolist(),
        "mean_eigenvalue": float(jnp.square(weight).sum() / len(weight)),
        "moves": f"{SPREADS:g} standard deviations of latents to both sides",
        "directions": [],
    }
    change, strips, left = {}, [], []
    for name, directions in (
        ("direction", found.direction), ("random", latent.with_norm(noise, 1.0)),
    ):  # fmt: skip
        ends = scales[jnp.asarray([0, -1])]
        images = [lab.paint(latent.along(faces, d, ends)) for d in directions]
        apart = [float(latent.steps(jnp.asarray(x)).mean()) / 255 for x in images]
        change[name] = apart
        if name == "random" or lab.read is None:
            continue
        for pair in images:
            read = lab.read(pair)
            results["directions"].append(
                {
                    factor: float((v[1] - v[0]).mean() / lab.seen[factor].std())
                    for factor, v in read.items()
                }
            )
    results["change_of_pixels"] = change
    results["about"] = (
        "changes of factors from one end to the other, in their standard deviations"
        " over samples; of pixels the root mean square, from 0 to 1"
    )
    both = faces[:2]
    for k, direction in enumerate(found.direction):
        images = lab.paint(latent.along(both, direction, jnp.asarray(scales)))
        strips.append(np.concatenate(list(images.swapaxes(0, 1))))
        left.append(f"{k + 1}" + _strongest(results["directions"], k))
    pictures.strips(
        lab.config.workdir / "sefa.png",
        "Two samples along the directions that the first layer stretches most"
        f" (±{SPREADS:g} standard deviations)",
        np.stack(strips),
        left,
        [f"{scale / spread:+.0f}" if scale else "0" for scale in scales] * 2,
    )
    return results


def _strongest(changes: list[dict[str, float]], k: int) -> str:
    """Lists the three factors that a direction moves most, each on a line."""
    if not changes:
        return ""
    order = sorted(changes[k].items(), key=lambda item: -abs(item[1]))[:3]
    return "".join(f"\n{name.replace('_', ' ')} {x:+.1f}" for name, x in order)
