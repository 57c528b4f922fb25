"""The loop: exact resumption, clean stops, refusals that lose nothing."""

import json
import os
import pathlib
import re
import shutil
import signal
import threading

import chex
import jax
import jax.monitoring
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jaxgan import checkpoint, compose, data, losses, nn, parallel, report, train
from jaxgan.game import algorithm, pure, variables
from jaxgan.models import dcgan
from jaxgan.models.parts.two_players import adversarial
from jaxgan.train import directory
from jaxgan.train.compile import programs


# A model without convolutions, which compiles fast: the loop does not care. The wide
# array of BIG is large enough for several devices to split it.
def game(width):
    return adversarial(
        nn.MLP((width,), 192),
        nn.MLP((8,), 1),
        latent=lambda key, count: jax.random.normal(key, (count, 6)),
        losses=(
            losses.non_saturating_discriminator_loss,
            losses.non_saturating_generator_loss,
        ),
        optimizer=optax.adam(1e-3),
        data="data",
    )


GAME, BIG = game(8), game(128)
IMAGES = np.random.default_rng(0).integers(0, 256, (20, 8, 8, 3), np.uint8)
CONFIG = {"model": {"width": 4}, "steps": 0}


def make_run(workdir, **changes):
    options = {
        "steps": 8, "batch_size": 8, "log_every": 2, "sample_every": 4,
        "checkpoint_every": 4, "steps_per_call": 1,
    }  # fmt: skip
    return train.Run(workdir=workdir, **(options | changes))


def vectors(batch):
    return {"data": nn.from_uint8(batch["image"]).reshape(-1, 192)}


def resident(run):
    def plans(start):
        i = start
        while True:
            yield data.plan(run.seed, i, count=20, batch_size=run.batch_size, flip=True)
            i += 1

    def prepare(arrays, plan):
        batch = data.take(arrays, plan, xp=jnp)
        return vectors(batch)

    return train.Feed({"image": jnp.asarray(IMAGES)}, plans, prepare)


def streamed(run):
    def items(start):
        return data.stream(
            {"image": IMAGES}, run.seed, run.batch_size, flip=True, start=start
        )

    return train.Feed((), items, lambda _, batch: vectors(batch))


@jax.jit
def draw(variables):
    latent = jax.random.normal(jax.random.key(1), (4, 6))
    drawn, _ = pure(nn.MLP((8,), 192), "generator")(variables, latent)
    return nn.to_uint8(drawn.reshape(4, 8, 8, 3))


def sheets(state):
    return {"raw": np.asarray(draw(variables(state)))}


def play(run, *, game=GAME, feed=resident, mesh=None, config=CONFIG, show=sheets):
    mesh = mesh or parallel.mesh(jax.devices()[:1])
    return train.train(algorithm(game), feed(run), run, config, show, mesh)


def plain(state):
    return jax.device_get(state.replace(key=jax.random.key_data(state.key)))


def assert_same(a, b):
    chex.assert_trees_all_equal(plain(a), plain(b))


def scalars(workdir):
    timing = {"images_per_second", "waiting_for_data"}
    rows = map(json.loads, (workdir / "scalars.jsonl").read_text().splitlines())
    return [{k: v for k, v in row.items() if k not in timing} for row in rows]


def pictures(workdir):
    return {p.name: p.read_bytes() for p in (workdir / "samples").iterdir()}


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A run of eight steps that nothing interrupted."""
    workdir = tmp_path_factory.mktemp("whole")
    return workdir, play(make_run(workdir))


def test_a_resumed_run_equals_one_that_never_stopped(tmp_path, whole):
    play(make_run(tmp_path, steps=4))
    state = play(make_run(tmp_path, steps=8))
    assert_same(state, whole[1])
    assert scalars(tmp_path) == scalars(whole[0])
    assert pictures(tmp_path) == pictures(whole[0])


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
        return checkpoints.all_steps()


def test_the_best_state_is_kept_and_again_after_a_crash(tmp_path, whole):
    assert_same(scored(make_run(tmp_path, evaluate_every=2)), whole[1])
    rows = report.read_scalars(tmp_path / "scalars.jsonl")
    found = {row["step"]: row["score"] for row in rows if "score" in row}
    np.testing.assert_equal(found, SCORES)
    assert best(tmp_path) == [6]
    # Killed at step 8, before it was saved: the best lies ahead of where it goes on.
    shutil.rmtree(tmp_path / train.LATEST / "8")
    assert_same(scored(make_run(tmp_path, evaluate_every=2)), whole[1])
    assert best(tmp_path) == [6]
    rows = report.read_scalars(tmp_path / "scalars.jsonl")
    assert [row["step"] for row in rows if "score" in row] == list(SCORES)


def test_the_best_so_far_is_that_of_the_steps_so_far(tmp_path):
    scored(make_run(tmp_path, steps=4, evaluate_every=2))
    assert best(tmp_path) == [2]  # a score that is no number is never the best
    scored(make_run(tmp_path, evaluate_every=2))
    assert best(tmp_path) == [6]


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
    assert [row for row in seen if "test/step" in row] == rows
    assert not (tmp_path / "samples").exists()
    assert [row["step"] for row in seen if "test/step" not in row] == [2, 4, 6, 8]


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


def test_a_changed_configuration_is_refused_by_name(tmp_path):
    play(make_run(tmp_path, steps=4))
    before = sorted(tmp_path.rglob("*"))
    changed = {"model": CONFIG["model"] | {"width": 8}, "steps": 0}
    with pytest.raises(ValueError, match=r"model\.width: 4 -> 8.*--workdir"):
        play(make_run(tmp_path), config=changed)
    assert sorted(tmp_path.rglob("*")) == before


def test_how_long_and_how_often_may_change(tmp_path):
    play(make_run(tmp_path, steps=4), config=CONFIG | {"steps": 4})
    play(make_run(tmp_path, steps=6, log_every=3), config=CONFIG | {"steps": 6})
    assert json.loads((tmp_path / "config.json").read_text())["steps"] == 6


def breaking(step_of, once=False):
    """DCGAN whose generator breaks after a step, always or with the first noise."""
    run = algorithm(GAME)

    def run_key():
        return jax.random.split(jax.random.key(0))[1]

    def step(state, batch):
        after, metrics = run.step(state, batch)
        broken = after.step > step_of
        if once:
            original = jax.random.key_data(run_key())
            broken &= (jax.random.key_data(state.key) == original).all()
        loss = jnp.where(broken, jnp.nan, metrics["generator/loss"])
        weights = jax.tree.map(
            lambda x: jnp.where(broken, jnp.nan, x), after.params["generator"]
        )
        after = after.replace(params=after.params | {"generator": weights})
        return after, metrics | {"generator/loss": loss}

    return run._replace(step=step)


def play_breaking(run, **options):
    return train.train(
        breaking(6, **options), resident(run), run, CONFIG, sheets,
        parallel.mesh(jax.devices()[:1]),
    )  # fmt: skip


def saved_steps(workdir):
    with checkpoint.manager(workdir / "checkpoints", read_only=True) as checkpoints:
        return sorted(checkpoints.all_steps())


def test_divergence_names_loss_and_net_and_keeps_the_last_good_state(tmp_path):
    message = (
        r"^generator/loss became nan at step 7 \(NaN or infinite by step 8:"
        r" .*generator: Dense_0/bias and \d+ more\) \(step 4 is saved\).*learning rate"
    )
    with pytest.raises(train.Diverged, match=message):
        play_breaking(make_run(tmp_path, steps=12))
    assert saved_steps(tmp_path) == [4]


def test_weights_are_looked_at_before_they_are_saved(tmp_path):
    def step(state, batch):
        after, metrics = run.step(state, batch)
        stay = jax.tree.map(
            lambda x: jnp.where(after.step == 8, jnp.inf, x), after.params
        )
        return after.replace(params=stay), metrics

    run = algorithm(GAME)
    setting = make_run(tmp_path, steps=12)
    with pytest.raises(train.Diverged, match="NaN or infinite by step 8.*step 4"):
        train.train(
            run._replace(step=step), resident(setting), setting, CONFIG, sheets,
            parallel.mesh(jax.devices()[:1]),
        )  # fmt: skip
    assert saved_steps(tmp_path) == [4]


def test_a_rollback_goes_on_with_other_noise_and_again_so_after_a_crash(tmp_path):
    straight, cut = tmp_path / "straight", tmp_path / "cut"
    with pytest.warns(UserWarning, match="step 7.*back to step 4, for the first time"):
        state = play_breaking(
            make_run(straight, steps=12, on_nan="rollback"), once=True
        )
    assert int(state.step) == 12
    assert all(np.isfinite(row["generator/loss"]) for row in scalars(straight))
    with pytest.warns(UserWarning, match="back to step 4"):
        play_breaking(make_run(cut, steps=8, on_nan="rollback"), once=True)
    again = play_breaking(make_run(cut, steps=12, on_nan="rollback"), once=True)
    assert_same(again, state)
    assert scalars(cut) == scalars(straight)


def test_rollbacks_that_do_not_help_end(tmp_path):
    with (
        pytest.warns(UserWarning, match="back to step 4") as told,
        pytest.raises(train.Diverged, match="even after 3 rollbacks .step 4 is saved"),
    ):
        play_breaking(make_run(tmp_path, steps=12, on_nan="rollback"))
    assert len(told) == 3
    assert saved_steps(tmp_path) == [4]


def test_a_break_may_be_ignored(tmp_path):
    with pytest.warns(UserWarning, match="became nan at step 7.*ignore") as told:
        state = play_breaking(make_run(tmp_path, steps=12, on_nan="ignore"))
    assert len([w for w in told if "became nan" in str(w.message)]) == 1
    assert int(state.step) == 12
    assert np.isnan(scalars(tmp_path)[-1]["generator/loss"])


def test_a_changed_configuration_is_taken_when_asked_for(tmp_path):
    play(make_run(tmp_path, steps=4))
    changed = CONFIG | {"rate": 0.1}
    with pytest.raises(ValueError, match=r"rate: \(absent\) -> 0.1.*--accept-changes"):
        play(make_run(tmp_path), config=changed)
    with pytest.warns(UserWarning, match=r"rate: \(absent\) -> 0.1"):
        play(make_run(tmp_path, accept_changes=True), config=changed)
    assert json.loads((tmp_path / "config.json").read_text())["rate"] == 0.1


def test_a_refused_change_leaves_the_run_as_it_was(tmp_path, whole, untouched):
    """Ways to be refused: another width, a lock, a batch that does not fit."""
    shutil.copytree(whole[0], tmp_path / "run")
    run = make_run(tmp_path / "run", steps=12, accept_changes=True)
    changed, before = CONFIG | {"rate": 0.1}, untouched(tmp_path)

    def images(run):
        return resident(run)._replace(prepare=lambda arrays, plan: arrays)

    with pytest.raises(ValueError, match="another model"):
        play(run, config=changed, game=game(9))
    with pytest.raises(KeyError):
        play(run, config=changed, feed=images)
    with (
        directory.alone(tmp_path / "run"),
        pytest.raises(ValueError, match="another process"),
    ):
        play(run, config=changed)
    assert untouched(tmp_path) == before


def test_what_begins_anew_writes_its_first_step_once(tmp_path):
    """Killed before it saved anything, as a run on a full disk is, and begun again."""

    def show(state):
        return {"test/step": state.step}

    def killed(run):
        def items(start):
            for i, item in enumerate(resident(run).items(start)):
                if i == 3:
                    raise KeyboardInterrupt
                yield item

        return resident(run)._replace(items=items)

    for _ in range(2):
        with pytest.raises(KeyboardInterrupt):
            play(make_run(tmp_path), feed=killed, show=show)
    play(make_run(tmp_path), show=show)
    steps = [row["step"] for row in scalars(tmp_path) if "test/step" in row]
    assert steps == [0, 4, 8]


def test_seeds_roll_back_and_their_weights_are_looked_at(tmp_path):
    """A state that is made of several: their keys, and what they have learned."""

    def step(state, batch):
        after, metrics = run.step(state, batch)
        first = jax.random.key_data(state.members.key) == begun
        breaks = (state.step == 7) & first.all()
        stay = jax.tree.map(
            lambda x: x.at[1].set(jnp.where(breaks, jnp.nan, x[1])),
            after.members.params,
        )
        return after.replace(members=after.members.replace(params=stay)), metrics

    def feed(setting):
        one = resident(setting)

        def prepare(*x):
            return jax.tree.map(lambda x: jnp.stack([x] * 2), one.prepare(*x))

        return one._replace(prepare=prepare)

    def go(workdir, on_nan):
        setting = make_run(workdir, on_nan=on_nan, sample_every=8)
        return train.train(
            run._replace(step=step), feed(setting), setting, CONFIG, lambda state: {},
            parallel.mesh(jax.devices()[:1]),
        )  # fmt: skip

    run = compose.seeds(algorithm(GAME), 2)
    keys = jax.vmap(jax.random.fold_in, (None, 0))(jax.random.key(0), jnp.arange(2))
    begun = jax.random.key_data(jax.vmap(lambda key: jax.random.split(key)[1])(keys))
    with pytest.raises(train.Diverged, match="weights became NaN.*generator"):
        go(tmp_path / "stopped", "stop")
    assert saved_steps(tmp_path / "stopped") == [4]
    with pytest.warns(UserWarning, match="back to step 4"):
        state = go(tmp_path / "back", "rollback")
    assert int(state.step) == 8
    assert all(np.isfinite(x).all() for x in jax.tree.leaves(state.members.params))


def test_a_field_that_a_run_is_too_old_for_had_its_default(tmp_path):
    old = {"model": {"width": 4}, "seed": 1}
    train.claim(tmp_path, old)
    new = {"model": {"width": 4, "double": False}, "seed": 1, "rate": 2}
    with pytest.raises(ValueError, match=r"model.double: \(absent\) -> False; rate"):
        train.check(tmp_path, new)
    train.check(tmp_path, new, defaults={"model": {"double": False}, "rate": 2})
    other = new | {"model": {"width": 4, "double": True}}
    (tmp_path / "config.json").write_text(json.dumps(old))
    with pytest.raises(ValueError, match=r"\(model.double: False -> True\); give"):
        train.check(tmp_path, other, defaults={"model": {"double": False}, "rate": 2})


def test_a_directory_belongs_to_one_process_at_a_time(tmp_path, whole):
    inside = []

    def show(state):
        if not inside:
            with pytest.raises(ValueError, match="another process is training in"):
                play(make_run(tmp_path))
            inside.append(True)
        return sheets(state)

    assert_same(play(make_run(tmp_path), show=show), whole[1])
    assert inside


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


@pytest.mark.parametrize(
    ("workdir", "message"),
    [
        (lambda tmp: tmp / "file", "is a file"),
        (lambda tmp: tmp / "file" / "within", "is a file"),
        (lambda tmp: pathlib.Path("/proc/jaxgan"), "cannot write"),
    ],
)
def test_a_directory_that_cannot_be_used_is_refused(tmp_path, workdir, message):
    (tmp_path / "file").write_text("mine")
    with pytest.raises(ValueError, match=f"{message}.*--workdir"):
        train.check(workdir(tmp_path), CONFIG)
    assert (tmp_path / "file").read_text() == "mine"


@pytest.mark.parametrize("name", ["back\\slash", "gs:/bucket", os.fsdecode(b"caf\xe9")])
def test_a_directory_that_could_keep_no_checkpoint_is_refused(tmp_path, name):
    with pytest.raises(ValueError, match=r"no checkpoint can be kept in .*--workdir"):
        train.check(tmp_path / name, CONFIG)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "others", [["notes.txt"], ["a.log", "thesis"], ["samples"], ["x/config.json"]]
)
def test_a_folder_of_other_files_is_refused(tmp_path, others):
    for name in others:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("mine")
    with pytest.raises(ValueError, match=r"is no run, but holds .*new or empty"):
        train.check(tmp_path, CONFIG)


def test_a_directory_that_a_run_only_began_in_is_taken(tmp_path):
    for name in ("checkpoints", ".cache"):
        (tmp_path / name).mkdir()
    (tmp_path / "slurm-3.out").write_text("begun")
    train.check(tmp_path, CONFIG)


@pytest.mark.parametrize("text", ['{"mod', "[1]", "null", "[" * 9999])
def test_a_damaged_configuration_is_refused(tmp_path, text):
    (tmp_path / "config.json").write_text(text)
    with pytest.raises(ValueError, match="config.json is damaged"):
        train.check(tmp_path, CONFIG)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"steps": 0}, "--steps is 0.*at least 1"),
        ({"batch_size": -1}, "--batch-size is -1"),
        ({"seed": -1}, "--seed is -1"),
        ({"keep": 0}, "--keep is 0"),
        ({"fsdp": 0}, "--fsdp is 0"),
        ({"accumulate": 0}, "--accumulate is 0"),
    ],
)
def test_a_run_that_makes_no_sense_is_refused(tmp_path, changes, message):
    with pytest.raises(ValueError, match=message):
        make_run(tmp_path, **changes)


def test_devices_must_exist_and_share_the_batch(tmp_path):
    with pytest.raises(ValueError, match="9 devices were asked for.*there are 8"):
        train.devices(make_run(tmp_path, devices=9))
    with pytest.raises(ValueError, match="batch size 12.*8 devices; use 8 or 16"):
        train.devices(make_run(tmp_path, batch_size=12))
    assert train.devices(make_run(tmp_path, devices=2)).size == 2
    with pytest.raises(ValueError, match="batch size 8.*8 devices in 2 parts; use 16"):
        train.devices(make_run(tmp_path, accumulate=2))
    mesh = train.devices(make_run(tmp_path, fsdp=2))
    assert mesh.shape == {"data": 4, "fsdp": 2}
