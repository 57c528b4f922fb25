"""Real processes that train together over the loopback address, and lose each other."""

import json
import re
import shutil
import signal
import subprocess
import time

import jax
import numpy as np
import pytest
from commands import call
from PIL import Image

from experiments import dcgan_faces, lsgan_mnist
from experiments.endurance.parts import processes as processes_
from jaxgan import checkpoint, parallel, report
from jaxgan.game import algorithm, variables
from jaxgan.lab.data import Data, open_set
from jaxgan.lab.judges import cache
from jaxgan.lab.judges import classifier as judges
from jaxgan.models import classifier, dcgan

pytestmark = pytest.mark.slow
# At this width one array is large enough for --fsdp to split it.
FLAGS = [
    "--model.resolution", "16", "--model.width", "8", "--batch-size", "8",
    "--log-every", "1", "--checkpoint-every", "4", "--sample-every", "100000",
]  # fmt: skip
SCORED = ["--evaluate-every", "8", "--evaluation.samples", "19"]
PATIENCE = 200  # seconds, on a machine that does much else


def quick():
    """Environment variables with which little is compiled, and nothing twice."""
    return {
        "JAX_DISABLE_MOST_OPTIMIZATIONS": "1",
        "JAX_COMPILATION_CACHE_DIR": str(jax.config.jax_compilation_cache_dir),
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0.1",
    }


def start(workdir, photos, *flags, processes=2, devices=2):
    command = [*FLAGS, "--data", f"npz:{photos}", "--workdir", str(workdir), *flags]
    return processes_.together(
        "experiments.dcgan_faces", command, processes, devices,
        more=quick(), stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def end(started):
    """Exit statuses and what was said, once all have ended."""
    said = [process.communicate(timeout=PATIENCE)[1] for process in started]
    return [process.returncode for process in started], said


def wait_for(condition, started):
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, "it took too long"
        assert all(p.poll() is None for p in started), [
            p.stderr.read() for p in started
        ]
        time.sleep(0.05)


def losses(workdir):
    return {
        row["step"]: [row["discriminator/loss"], row["generator/loss"]]
        for row in report.read_scalars(workdir / "scalars.jsonl")
        if "generator/loss" in row
    }


def evaluations(workdir):
    rows = report.read_scalars(workdir / "scalars.jsonl")
    found = "evaluation/frechet_distance"
    return {row["step"]: row[found] for row in rows if found in row}


def arrays(workdir, step):
    """Every array of a checkpoint, on one device."""
    model = json.loads((workdir / "config.json").read_text())["model"]
    model["augment"] = tuple(model["augment"])
    config = dcgan.Config(**model)
    batch = {"image": np.zeros((8, 16, 16, 3), np.float32)}
    like = jax.eval_shape(algorithm(dcgan.game(config)).init, jax.random.key(0), batch)
    with checkpoint.manager(workdir / "checkpoints", read_only=True) as checkpoints:
        assert max(checkpoints.all_steps()) == step
        state = checkpoint.restore(checkpoints, like)
    state = state.replace(key=jax.random.key_data(state.key))
    return [np.asarray(x) for x in jax.tree.leaves(state)]


@pytest.fixture(scope="module")
def straight(tmp_path_factory, photos):
    """Eight steps of two processes of two devices each, parameters split over two."""
    workdir = tmp_path_factory.mktemp("straight") / "run"
    command = ["--steps", "8", "--fsdp", "2", *SCORED]
    codes, said = end(start(workdir, photos, *command))
    assert codes == [0, 0], said
    assert "4 x cpu" in said[0]
    assert "done" in said[0]
    assert not re.sub(r"\[Gloo\].*", "", said[1]).strip()  # the other one is silent
    sizes = [x.size for x in arrays(workdir, 8)]
    assert max(sizes) > 2**14  # so it was split
    # Each process wrote what only it had.
    written = {p.name for p in (workdir / "checkpoints" / "8" / "state").iterdir()}
    assert {"ocdbt.process_0", "ocdbt.process_1"} <= written
    return workdir


@pytest.fixture
def killed(straight, tmp_path):
    """The same run, as if both had been killed after step 4."""
    workdir = tmp_path / "run"
    shutil.copytree(straight, workdir)
    shutil.rmtree(workdir / "checkpoints" / "8")
    return workdir


def test_two_processes_train_as_one_does(straight, tmp_path, photos, monkeypatch):
    command = [*FLAGS, "--data", f"npz:{photos}", "--workdir", tmp_path / "run"]
    command += ["--steps", 8, "--devices", 1, *SCORED]
    assert call(dcgan_faces, command, monkeypatch) == 0
    one, two = losses(tmp_path / "run"), losses(straight)
    assert list(one) == list(two) == list(range(1, 9))
    np.testing.assert_allclose(two[1], one[1], rtol=1e-5)
    # Later ones follow Adam, which turns rounding into steps.
    for step in one:
        np.testing.assert_allclose(two[step], one[step], rtol=2e-3)
    one, two = evaluations(tmp_path / "run"), evaluations(straight)
    assert list(one) == list(two) == [8]
    np.testing.assert_allclose(two[8], one[8], rtol=2e-3)
    assert (straight / "best" / "8").is_dir()


def test_one_process_goes_on_where_two_were(straight, killed, photos, monkeypatch):
    command = [*FLAGS, "--data", f"npz:{photos}", "--workdir", killed, "--steps", 8]
    assert call(dcgan_faces, [*command, "--devices", 1], monkeypatch) == 0
    mine, other = losses(killed), losses(straight)
    assert {step: mine[step] for step in range(1, 5)} == {
        step: other[step] for step in range(1, 5)
    }
    np.testing.assert_allclose(mine[5], other[5], rtol=1e-5)
    for step in (6, 7, 8):
        np.testing.assert_allclose(mine[step], other[step], rtol=2e-3)


def test_all_end_if_one_is_killed_and_all_save_if_one_has_to_stop(
    straight, killed, photos, monkeypatch
):
    workdir = killed
    started = start(workdir, photos, "--steps", "100000", "--fsdp", "2")
    wait_for(lambda: max(saved_steps(workdir)) >= 8, started)
    started[1].kill()
    began = time.monotonic()
    codes, said = end(started)
    assert time.monotonic() - began < parallel.HEARTBEAT + 60
    assert codes[0] != 0
    assert codes[1] == -signal.SIGKILL
    assert re.search("another (of them|process) is gone|heartbeat", said[0]), said[0]
    # From the same checkpoint to the same bits.
    played = losses(workdir)
    assert {step: played[step] for step in range(1, 9)} == losses(straight)

    # Ten steps in a call: the step at which all stop may be any.
    many = ["--steps-per-call", "10", "--log-every", "10", "--checkpoint-every", "10"]
    before = max(saved_steps(workdir))
    started = start(workdir, photos, "--steps", "100000", "--fsdp", "2", *many)
    wait_for(lambda: max(saved_steps(workdir)) >= before + 20, started)
    started[1].send_signal(signal.SIGINT)
    codes, said = end(started)
    assert codes == [130, 130], said
    stopped = [int(re.search(r"saved at step (\d+) of 100000", s)[1]) for s in said]
    assert stopped[0] == stopped[1]
    saved = max(saved_steps(workdir))
    assert saved == stopped[0]

    command = [*FLAGS, "--data", f"npz:{photos}", "--workdir", workdir]
    command += ["--devices", 1, "--steps", saved + 2]
    assert call(dcgan_faces, command, monkeypatch) == 0
    assert max(losses(workdir)) == saved + 2


def saved_steps(workdir):
    folder = workdir / "checkpoints"
    return [int(p.name) for p in folder.iterdir() if p.name.isdigit()]


def test_processes_of_different_configurations_are_refused(tmp_path, photos):
    port = processes_.free_port()
    started = [
        processes_.start(
            "experiments.dcgan_faces",
            [
                *FLAGS, "--data", f"npz:{photos}", "--workdir", str(tmp_path / "run"),
                "--seed", str(i), "--steps", str(4 + i), "--keep", str(2 + i),
                *processes_.meeting(i, 2, port),
            ],
            more=quick(), stderr=subprocess.PIPE, text=True,
        )
        for i in range(2)
    ]  # fmt: skip
    codes, said = end(started)
    assert codes == [2, 2]
    for text in said:
        assert re.search(
            r"different configurations or data \(process 1 against process 0:"
            r" run.keep: 2 -> 3; run.seed: 0 -> 1; run.steps: 4 -> 5\); run",
            text,
        ), text
    assert not (tmp_path / "run" / "config.json").exists()


@pytest.fixture
def judge(tmp_path):
    """Pictures of ten classes, and a cache with an untrained classifier of them."""
    labels = np.arange(60) % 10
    images = np.zeros((60, 28, 28), np.uint8)
    for image, label in zip(images, labels, strict=True):
        image[8:20, 7 + label : 11 + label] = 250
    np.savez(tmp_path / "bars.npz", images=images, labels=labels)
    opened = open_set(Data(f"npz:{tmp_path / 'bars.npz'}"), (28, 28, 1), test=True)
    config = judges.recipe(opened)
    batch = {"image": np.zeros((2, 28, 28, 1), "f"), "label": np.zeros(2, "i")}
    state = jax.jit(algorithm(classifier.game(config)).init)(jax.random.key(0), batch)
    cache.save(
        tmp_path / "cache/jaxgan/classifier" / judges.file(opened, config).name,
        variables(state),
        {"accuracy": 0.1, "tested": 10},
    )
    return tmp_path / "bars.npz", tmp_path / "cache"


def test_processes_score_together_by_the_classifier_of_the_first(
    judge, tmp_path, monkeypatch
):
    bars, cache = judge
    command = [
        "--data", f"npz:{bars}", "--batch-size", "8", "--steps", "2",
        "--evaluate-every", "1", "--sample-every", "1", "--log-every", "1",
        "--model.width", "4", "--model.hidden", "64", "--model.latent", "4",
    ]  # fmt: skip
    port = processes_.free_port()
    caches = [cache, tmp_path / "nothing"]
    started = [
        processes_.start(
            "experiments.lsgan_mnist",
            [
                *command, "--workdir", str(tmp_path / "two"), "--fsdp", "2",
                *processes_.meeting(i, 2, port),
            ],
            devices=2, more=quick() | {"XDG_CACHE_HOME": str(caches[i])},
            stderr=subprocess.PIPE, text=True,
        )
        for i in range(2)
    ]  # fmt: skip
    codes, said = end(started)
    assert codes == [0, 0], said
    assert not caches[1].exists()
    monkeypatch.setenv("XDG_CACHE_HOME", str(cache))
    command += ["--workdir", tmp_path / "one", "--devices", 1]
    assert call(lsgan_mnist, command, monkeypatch) == 0
    one, two = evaluations(tmp_path / "one"), evaluations(tmp_path / "two")
    assert list(one) == list(two) == [1, 2]
    for step in one:
        np.testing.assert_allclose(two[step], one[step], rtol=1e-4)
    results = [
        json.loads((tmp_path / name / "results.json").read_text())
        for name in ("one", "two")
    ]
    for name in ("frechet_distance", "pairwise_distance", "mnist_score"):
        np.testing.assert_allclose(results[1][name], results[0][name], rtol=1e-3)
    for name in ("ema_0000000.png", "raw_0000002.png"):
        mine, other = (
            np.asarray(Image.open(tmp_path / run / "samples" / name), int)
            for run in ("one", "two")
        )
        assert abs(mine - other).max() <= 1
