"""The directory of a run: what is refused, and that a refusal changes nothing."""

import json
import os
import pathlib
import shutil

import pytest
from loops import CONFIG, assert_same, game, make_run, play, resident, scalars, sheets

from jaxgan import train
from jaxgan.train import directory


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
    who = rf"training in .* \(process {os.getpid()} on \S+, since 2\S+ \S+ UTC\)"
    with train.alone(tmp_path / "run"), pytest.raises(ValueError, match=who):
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


def test_what_a_killed_process_left_half_written_goes(tmp_path):
    (tmp_path / "config.json.17.part").write_bytes(b"half")
    directory.check(tmp_path, {"a": 1})
    directory.claim(tmp_path, {"a": 1})
    sheet = directory.sheet(tmp_path, "ema", 1)
    sheet.parent.mkdir()
    sheet.with_name(f"{sheet.name}.17.part").write_bytes(b"half")
    directory.claim(tmp_path, {"a": 1})
    assert not list(tmp_path.rglob("*.part"))
    assert json.loads((tmp_path / directory.CONFIG).read_text()) == {"a": 1}
