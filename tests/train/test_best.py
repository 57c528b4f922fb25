"""What is kept as the best state, when a run goes back and when it goes on."""

import shutil

import jax
import numpy as np
import pytest
from loops import CONFIG, GAME, make_run, resident
from test_breaks import breaking

from jaxgan import checkpoint, parallel, train
from jaxgan.game import algorithm


def go(workdir, scores, played=None, **changes):
    """Trains eight steps with given scores, `scores[step]` a list of them in turn.

    Returns:
        The step and the noise of the state in the folder best, and what was scored, in
        order.
    """
    seen, left = [], {step: list(values) for step, values in scores.items()}

    def evaluate(state):
        step = int(state.step)
        seen.append((step, np.asarray(jax.random.key_data(state.key)).tolist()))
        return {"score": left[step].pop(0) if left.get(step) else np.nan}

    run = make_run(workdir, **{"evaluate_every": 2, "checkpoint_every": 4} | changes)
    mesh, played = parallel.mesh(jax.devices()[:1]), played or algorithm(GAME)
    state = train.train(
        played, resident(run), run, CONFIG, lambda s: {}, mesh, evaluate
    )
    folder = workdir / train.BEST
    if not folder.is_dir():
        return None, seen
    with checkpoint.manager(folder, read_only=True) as bests:
        kept = checkpoint.restore(bests, state)
    kept = kept and (int(kept.step), np.asarray(jax.random.key_data(kept.key)).tolist())
    return kept, seen


# After a break at step 7 the run goes back to step 4, and from there on with another
# noise: a state of step 6 of the first noise is none of this run.
@pytest.mark.parametrize(
    ("scores", "best"),
    [
        ({2: [5.0], 6: [3.0, 4.0]}, 6),
        ({2: [5.0], 6: [3.0, 6.0], 8: [4.0]}, 8),
        ({2: [2.0], 6: [1.0, 3.0], 8: [4.0]}, 2),
        ({6: [1.0]}, None),
    ],
)
def test_after_a_rollback_the_best_is_of_the_run_as_it_is(tmp_path, scores, best):
    with pytest.warns(UserWarning, match="back to step 4"):
        kept, seen = go(tmp_path, scores, breaking(6, once=True), on_nan="rollback")
    last = dict(seen)  # the noise of each step as it was played last
    assert kept == (None if best is None else (best, last[best]))


@pytest.mark.parametrize("asked", [2, 0])
def test_after_a_crash_a_state_that_lies_ahead_is_no_best(tmp_path, asked):
    """Whether or not the run that goes on evaluates."""
    assert go(tmp_path, {2: [5.0], 6: [3.0]})[0][0] == 6
    shutil.rmtree(tmp_path / train.LATEST / "8")
    kept, _ = go(tmp_path, {6: [7.0], 8: [6.0]}, evaluate_every=asked)
    assert kept[0] == 2
