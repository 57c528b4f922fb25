"""The loop: exact resumption, clean stops, steps played together."""

import re
import shutil
import signal
import threading

import chex
import jax
import jax.monitoring
import numpy as np
import pytest
from loops import (
    BIG,
    CONFIG,
    GAME,
    IMAGES,
    assert_same,
    make_run,
    pictures,
    plain,
    play,
    resident,
    scalars,
    sheets,
    streamed,
)

from jaxgan import checkpoint, nn, parallel, report, train
from jaxgan.game import algorithm, pure, variables
from jaxgan.models import dcgan
from jaxgan.train import directory, loop
from jaxgan.train.compile import programs


def test_a_resumed_run_equals_one_that_never_stopped(tmp_path, whole):
    play(make_run(tmp_path, steps=4))
    state = play(make_run(tmp_path, steps=8))
    assert_same(state, whole[1])
    assert scalars(tmp_path) == scalars(whole[0])
    assert pictures(tmp_path) == pictures(whole[0])


def test_only_what_is_shown_of_a_split_state_is_brought_together(tmp_path):
    def whole():
        return {
            id(x): x.shape
            for x in jax.live_arrays()
            if x.size >= 2**14 and len(x.devices()) > 1 and x.is_fully_replicated
        }

    def draw(variables):
        latent = jax.random.normal(jax.random.key(1), (4, 6))
        return pure(nn.MLP((128,), 192), "generator")(variables, latent)[0]

    def played(name, mesh):
        seen, before = {}, whole()
        draws = parallel.shared(draw, mesh)

        def show(state):
            assert not state.opt_state
            fresh = whole().keys() - before.keys()
            seen["shown"] = [whole()[i] for i in fresh]
            return {}

        def evaluate(state):
            drawn = draws(variables(state))
            seen["scored"] = whole().keys() - before.keys()
            return {"score": abs(drawn).mean()}

        run = make_run(tmp_path / name, steps=2, evaluate_every=2, sample_every=2)
        train.train(algorithm(BIG), resident(run), run, CONFIG, show, mesh, evaluate)
        rows = report.read_scalars(run.workdir / "scalars.jsonl")
        return seen, rows[-1]["score"]

    seen, score = played("split", parallel.mesh(fsdp=8))
    # The weights and their moving average, without Adam's two averages.
    assert seen["shown"] == [(128, 192)] * 2
    assert not seen["scored"]
    _, alone = played("one", parallel.mesh(jax.devices()[:1]))
    np.testing.assert_allclose(score, alone, rtol=1e-3)


def test_the_same_call_on_a_finished_run_does_nothing(whole):
    before = scalars(whole[0])
    assert_same(play(make_run(whole[0])), whole[1])
    assert scalars(whole[0]) == before


def test_what_was_written_after_the_last_checkpoint_is_written_again(tmp_path, whole):
    play(make_run(tmp_path, steps=4))
    with (tmp_path / "scalars.jsonl").open("a") as file:  # a crash between the two
        file.write('{"step": 6, "generator/loss": 99.0}\n{"step": 8, "gener')
    play(make_run(tmp_path))
    assert scalars(tmp_path) == scalars(whole[0])


def test_the_page_is_written_at_each_sheet(tmp_path):
    run, seen = make_run(tmp_path), []

    def show(state):
        place = tmp_path / "report.html"
        written = place.read_text() if place.exists() else "Step none"
        seen.append((int(state.step), re.search(r"Step (\w+)", written)[1]))
        return sheets(state)

    mesh = parallel.mesh(jax.devices()[:1])
    about = train.About("a game")
    train.train(algorithm(GAME), resident(run), run, CONFIG, show, mesh, about=about)
    steps = [str(step) for step, _ in seen]
    assert [before for _, before in seen] == ["none", *steps[:-1]]
    assert "All 8 steps are trained" in (tmp_path / "report.html").read_text()


def test_streamed_batches_train_to_the_same_bits_as_resident_ones(tmp_path, whole):
    assert_same(play(make_run(tmp_path), feed=streamed), whole[1])


SCORES = {2: 5.0, 4: float("nan"), 6: 3.0, 8: 4.0}


def scored(run):
    def evaluate(state):
        return {"score": SCORES[int(state.step)], "other": 0.0}

    mesh = parallel.mesh(jax.devices()[:1])
    played = algorithm(GAME)
    return train.train(played, resident(run), run, CONFIG, sheets, mesh, evaluate)


def best(workdir):
    with checkpoint.manager(workdir / train.BEST, read_only=True) as checkpoints:
        return checkpoints.latest_step()


def test_the_best_state_is_kept_and_again_after_a_crash(tmp_path, whole):
    assert_same(scored(make_run(tmp_path, evaluate_every=2)), whole[1])
    rows = report.read_scalars(tmp_path / "scalars.jsonl")
    found = {row["step"]: row["score"] for row in rows if "score" in row}
    np.testing.assert_equal(found, SCORES)
    assert best(tmp_path) == 6
    # Killed at step 8, before it was saved: the best lies ahead of where it goes on.
    shutil.rmtree(tmp_path / train.LATEST / "8")
    assert_same(scored(make_run(tmp_path, evaluate_every=2)), whole[1])
    assert best(tmp_path) == 6
    rows = report.read_scalars(tmp_path / "scalars.jsonl")
    assert [row["step"] for row in rows if "score" in row] == list(SCORES)


def test_memory_does_not_grow_while_no_event_falls_due(tmp_path, monkeypatch):
    monkeypatch.setattr(loop, "MOST_PENDING", 5)
    alive = []

    def counted(run):
        def items(start):
            for plan in resident(run).items(start):
                alive.append(len(jax.live_arrays()))
                yield plan

        return resident(run)._replace(items=items)

    never = {"log_every": 40, "sample_every": 40, "checkpoint_every": 40}
    play(make_run(tmp_path, steps=40, **never), feed=counted)
    assert max(alive[20:]) == max(alive[10:20])
    assert [row["step"] for row in scalars(tmp_path)] == [40]


def test_the_best_so_far_is_that_of_the_steps_so_far(tmp_path):
    scored(make_run(tmp_path, steps=4, evaluate_every=2))
    assert best(tmp_path) == 2  # a score that is no number is never the best
    scored(make_run(tmp_path, evaluate_every=2))
    assert best(tmp_path) == 6


def test_an_evaluation_that_there_is_none_of_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"--evaluate-every is 2.*no\s+evaluation"):
        play(make_run(tmp_path / "run", evaluate_every=2))
    assert not (tmp_path / "run").exists()


def test_it_says_what_it_does_where_it_resumes_and_what_is_best(tmp_path, capsys):
    scored(make_run(tmp_path, steps=4, evaluate_every=2, checkpoint_every=2))
    scored(make_run(tmp_path, evaluate_every=2, checkpoint_every=2))
    said = capsys.readouterr().err
    expected = (
        r"tracing the training step\n"
        r" parameters  discriminator 1,553, generator 1,784\n"
        r".*drawing the first weights\n.*step 0: samples/raw_0000000\.png\n"
        r".*compiling the training step\n"
        r".*step 2: score 5 \(the best so far\)\n"
        r".*samples/raw_0000004\.png\n.*step 4: score nan \(best 5 at 2\)\n"
        r".*going on from step 4 of .*\n"
        r".*step 6: score 3 \(the best so far\)\n"
        r".*step 8: score 4 \(best 3 at 6\)\n"
    )
    assert re.search(expected, said, re.DOTALL), said
    assert "\r" not in said


def test_numbers_seen_of_a_state_join_the_scalars(tmp_path, whole):
    def show(state):
        return {"test/step": state.step}

    rows = [
        {"step": 0, "test/step": 0.0},
        {"step": 4, "test/step": 4.0},
        {"step": 8, "test/step": 8.0},
    ]
    play(make_run(tmp_path, steps=4), show=show)
    play(make_run(tmp_path), show=show)  # resumed: none is missing or there twice
    seen = report.read_scalars(tmp_path / "scalars.jsonl")
    found = [row for row in seen if "test/step" in row]
    assert [{name: row[name] for name in rows[0]} for row in found] == rows
    assert not (tmp_path / "samples").exists()
    # A row a step, with the losses where these are logged.
    assert [row["step"] for row in seen] == [0, 2, 4, 6, 8]
    assert ["generator/loss" in row for row in seen] == [False, True, True, True, True]


def test_several_steps_a_call_train_alike(tmp_path, whole):
    state = play(make_run(tmp_path, steps_per_call=2))
    chex.assert_trees_all_close(
        plain(state).params, plain(whole[1]).params, rtol=1e-4, atol=1e-5
    )
    assert [row["step"] for row in scalars(tmp_path)] == [2, 4, 6, 8]


def test_steps_are_scanned_where_that_is_faster(tmp_path):
    """On CPU: all but those with convolutions, in calls that end where events are."""

    def size(game, feed=resident, **changes):
        run = make_run(tmp_path, steps_per_call=0, **changes)
        mesh = parallel.mesh(jax.devices()[:1])
        return programs(algorithm(game), feed(run), run, mesh).size

    every = {"log_every": 6, "sample_every": 12, "checkpoint_every": 18}
    assert size(GAME, **every) == 6
    every = {"log_every": 80, "sample_every": 160, "checkpoint_every": 80}
    assert size(GAME, **every) == 20
    images = lambda run: resident(run)._replace(  # noqa: E731
        prepare=lambda arrays, plan: {"image": arrays["image"][plan["index"]] / 255.0}
    )
    convolves = dcgan.game(dcgan.Config(resolution=8, width=4, kernel=4, latent=6))
    assert size(convolves, images, **every) == 1


@pytest.mark.parametrize(("batches", "expected"), [(25, 20), (9, 8), (1, 1), (0, 1)])
def test_the_batches_of_a_call_are_bounded_by_bytes(
    tmp_path, monkeypatch, batches, expected
):
    """Ten batches of 64 images of 1024x1024 would be 2 GB."""
    run = make_run(
        tmp_path, log_every=80, sample_every=160, checkpoint_every=80, steps_per_call=0
    )
    chunk = batches * 8 * IMAGES[0].nbytes
    monkeypatch.setattr("jaxgan.train.compile.CHUNK_BYTES", chunk)
    mesh = parallel.mesh(jax.devices()[:1])
    assert programs(algorithm(GAME), streamed(run), run, mesh).size == expected


def test_what_a_feed_records_is_of_the_run(tmp_path):
    run = make_run(tmp_path, steps=1, log_every=1)

    def recorded(run):
        return resident(run)._replace(record={"order": "x"})

    play(run, feed=recorded, show=lambda state: {})
    assert directory.begun(tmp_path) == CONFIG | {"order": "x"}
    with pytest.raises(ValueError, match="another configuration.*order"):
        play(run, show=lambda state: {})


@pytest.mark.parametrize("cut", [3, 4])
def test_scanned_steps_resume_to_the_same_bits(tmp_path, cut):
    """Whether the cut falls between two calls or would fall inside one."""

    def go(name, steps):
        run = make_run(tmp_path / name, steps=steps, log_every=4, steps_per_call=0)
        return play(run, show=lambda state: {})

    straight = go("straight", 8)
    go("cut", cut)
    assert_same(go("cut", 8), straight)


def test_many_devices_train_as_one_does(tmp_path, whole):
    state = play(make_run(tmp_path), mesh=parallel.mesh())
    # Adam turns rounding noise into steps, so compare what eight of them can move.
    chex.assert_trees_all_close(
        plain(state).params, plain(whole[1]).params, rtol=0, atol=8 * 2e-3
    )
    first, last = scalars(tmp_path)[0], scalars(whole[0])[0]
    assert first.keys() == last.keys()
    for name in first:
        np.testing.assert_allclose(first[name], last[name], rtol=2e-3)


def test_nothing_compiles_after_the_first_steps(tmp_path):
    compiled = []

    def listen(event, duration, **_):
        del duration
        if event == "/jax/core/compile/backend_compile_duration":
            compiled.append(event)

    run = make_run(tmp_path, steps=4, sample_every=100, checkpoint_every=100)
    counts = []
    feed = resident(run)

    def items(start):
        for item in feed.items(start):
            counts.append(len(compiled))
            yield item

    jax.monitoring.register_event_duration_secs_listener(listen)
    try:
        play(run, feed=lambda run: feed._replace(items=items), show=lambda state: {})
    finally:
        jax.monitoring.unregister_event_duration_listener(listen)
    # The first one gives shapes and the initial state; then one comes before each step.
    after_first_step = counts[2:]
    assert len(after_first_step) == 3
    assert len(set(after_first_step)) == 1


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_saves_and_stops_and_the_same_call_goes_on(tmp_path, whole, number):
    run = make_run(tmp_path)
    feed = resident(run)

    def items(start):
        for i, item in enumerate(feed.items(start)):
            if i == 5:  # while step 6 is prepared
                signal.raise_signal(number)
            yield item

    with pytest.raises(train.Stopped, match="step 6 of 8.*same command") as stopped:
        play(run, feed=lambda run: feed._replace(items=items))
    assert stopped.value.signal == number
    assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL
    assert_same(play(run), whole[1])
    assert scalars(tmp_path) == scalars(whole[0])


def test_trains_outside_the_main_thread(tmp_path, whole):
    result = []
    thread = threading.Thread(target=lambda: result.append(play(make_run(tmp_path))))
    thread.start()
    thread.join()
    assert_same(result[0], whole[1])


@pytest.mark.slow
def test_split_parameters_train_and_resume_alike_on_many_devices_or_one(tmp_path):
    # Adam turns rounding noise into steps, so compare what eight of them can move.
    mesh = parallel.mesh(fsdp=4)
    split = {"game": BIG, "show": lambda state: {}, "mesh": mesh}
    straight = play(make_run(tmp_path / "a", fsdp=4), **split)
    kernel = straight.params["generator"]["Dense_1"]["kernel"]
    assert kernel.addressable_shards[0].data.size == kernel.size // 4
    play(make_run(tmp_path / "b", fsdp=4, steps=4), **split)
    shutil.copytree(tmp_path / "b", tmp_path / "c")
    assert_same(play(make_run(tmp_path / "b", fsdp=4), **split), straight)
    one = play(make_run(tmp_path / "c"), **split | {"mesh": None})  # on one device
    chex.assert_trees_all_close(
        plain(straight).params, plain(one).params, rtol=0, atol=8 * 2e-3
    )
    for mine, other in zip(
        *map(scalars, (tmp_path / "a", tmp_path / "c")), strict=True
    ):
        for name in mine:
            np.testing.assert_allclose(mine[name], other[name], rtol=1e-2)
