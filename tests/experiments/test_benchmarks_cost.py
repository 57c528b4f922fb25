"""The cost of a step: hand counts against arithmetic, and the command's files."""

import json
import math
import pathlib
import sys
import time

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from commands import call

from experiments.benchmarks import cost
from experiments.benchmarks.cost import measuring
from experiments.benchmarks.parts import first_step, kept, roofline, roofs, timing
from experiments.benchmarks.parts import steps as steps_
from jaxgan import game
from jaxgan.lab.counting import costs, networks
from jaxgan.lab.counting.networks import Layer, Net, Play

TINY = "mlp batch=2 hidden=2 latent=3"
ROOFS = {"float32": 1e9, "bfloat16": 2e9, "bandwidth": 1e8}
SIZES = [
    *("--batch-size", 2, "--width", 2, "--resolution", 16, "--features", 4),
    *("--capsnet-batch-size", 2, "--batches", 2, 4, "--widths", 2),
    *("--resolutions", 16, "--capsnet-batches", 2, "--rounds", 3),
]


# --- counts --------------------------------------------------------------------------


@pytest.mark.parametrize(
    "words",
    [
        "dcgan batch=2 resolution=16 width=3 kernel=5",
        "capsnet batch=2 features=4 types=2",
        "residual batch=2 resolution=16 width=2",
        "residual batch=2 resolution=128 width=96",
        "mlp batch=2 hidden=5 latent=3",
    ],
)
def test_layers_have_the_library_s_parameters(words):
    subject = steps_.parse(words)
    init = game.algorithm(subject.game).init
    state = jax.eval_shape(init, jax.random.key(0), subject.batch)
    for name, (layers, _) in subject.nets.items():
        wanted = sum(x.size for x in jax.tree.leaves(state.params[name]))
        assert networks.total(layers).params == wanted


def test_layers_of_the_dcgan_follow_on_each_other():
    layers = networks.dcgan_layers(32, 3, 7, 4)
    sizes = [(layer.reads, layer.numbers) for layer in layers["generator"]]
    assert sizes == [(7, 192), (192, 384), (384, 768), (768, 3072)]
    sizes = [(layer.reads, layer.numbers) for layer in layers["discriminator"]]
    assert sizes == [(3072, 768), (768, 384), (384, 192), (192, 1)]
    # 16 taps, 3 to 3 channels on 16 x 16 pixels of the smaller map.
    assert layers["generator"][-1].macs == 16 * 3 * 3 * 16**2
    assert [layer.data for layer in layers["discriminator"]] == [True] + [False] * 3


def test_layers_of_the_capsnet_are_those_of_the_paper():
    encoder = {x.name: x for x in networks.capsnet_layers()["encoder"]}
    assert encoder["conv"].macs == 20 * 20 * 256 * 81
    assert encoder["primary"].kernel == 81 * 256 * 256
    assert encoder["votes"].kernel == 1152 * 8 * 160
    # Three weighted sums and two agreements of 1152 x 160 votes.
    assert encoder["routing"].macs == 5 * 1152 * 160


def test_a_bigger_map_costs_the_residual_pair_what_arithmetic_says():
    """Generator at 16 pixels, width 2: channels 8, 4, 2; image of 3."""
    nets = steps_.parse("residual batch=1 resolution=16 width=2").nets
    up_8 = 64 * 9 * (8 * 4 + 4 * 4) + 16 * 8 * 4
    up_16 = 256 * 9 * (4 * 2 + 2 * 2) + 64 * 4 * 2
    wanted = 120 * 128 + up_8 + up_16 + 256 * 9 * 2 * 3
    assert networks.total(nets["generator"][0]).macs == wanted
    # Discriminator: 3 to 2 channels at 16, 2 to 4 at 8, 4 to 4 at 4 without a shortcut.
    down_8 = 256 * 9 * (3 * 2 + 2 * 2) + 64 * 3 * 2
    down_4 = 64 * 9 * (2 * 4 + 4 * 4) + 16 * 2 * 4
    wanted = down_8 + down_4 + 16 * 9 * 2 * 4 * 4 + 4
    assert networks.total(nets["discriminator"][0]).macs == wanted


def test_products_of_a_layer():
    layer = Layer("x", 1, 1, 1, 1)
    # Forward alone; forward and the input's; forward and both.
    assert roofline.products(layer, Play(forward=1, train=0)) == 1
    assert roofline.products(layer, Play(through=1, train=0)) == 2
    assert roofline.products(layer, Play(train=1)) == 3
    data = layer._replace(data=True)
    assert roofline.products(data, Play(train=1)) == 2
    assert roofline.products(data, Play(forward=1, through=1, train=2)) == 1 + 2 + 4


@pytest.mark.parametrize("size", [4, 2])
def test_a_step_s_work_is_as_worked_by_hand(size):
    layers = [
        Layer("a", kernel=10, macs=100, reads=3, numbers=5, extra=2, data=True),
        Layer("b", kernel=20, macs=7, reads=5, numbers=1),
    ]
    nets = {"net": (layers, Play(forward=1, train=1, average=True))}
    found = roofline.rows(nets, 6, size)
    assert [row.name for row in found] == ["net, a", "net, b", "net, update"]
    # a: two passes and the kernel's gradient; b: the input's too.
    assert found[0][1:] == (2 * 6 * 100 * 3, size * 3 * (10 + 6 * 8))
    assert found[1][1:] == (2 * 6 * 7 * 4, size * 4 * (20 + 6 * 6))
    # 32 parameters of 4 bytes: seven passes of Adam, three of the average.
    assert found[2][1:] == (0, 32 * 4 * 10)
    work = roofline.step(nets, 6, size)
    assert work.flops == 3600 + 336
    assert work.bytes == sum(row.bytes for row in found)


def test_the_step_s_work_is_the_scaling_plan_s_but_for_gradients_of_data():
    subject = steps_.parse("dcgan batch=3 resolution=32 width=4 kernel=5")
    plans = {n: (networks.total(x), play) for n, (x, play) in subject.nets.items()}
    nets = networks.dcgan(32, 4, 100, 5)
    subject = subject._replace(
        nets={
            n: ([layer._replace(border=0) for layer in x], play)
            for n, (x, play) in subject.nets.items()
        }
    )
    unneeded = 2 * 3 * (100 * 256 + 2 * 256 * 25 * 3 * 4)
    assert {n: net.macs for n, (net, _) in plans.items()} == {
        n: net.macs for n, net in nets.items()
    }
    wanted = 3 * costs.operations(plans) - unneeded
    assert roofline.step(subject.nets, 3).flops == wanted


def test_zeros_around_an_image_are_no_work():
    """5x5 kernels at stride 2: two taps miss at the start of an axis, one at its end.

    3 to 8 to 16 channels on 8 x 8 and 4 x 4; G passes once and trains, D trains twice.
    """
    subject = steps_.parse("dcgan batch=3 resolution=16 width=8 kernel=5")
    layers = [(5 * 8 - 3) ** 2 * 3 * 8, (5 * 4 - 3) ** 2 * 8 * 16]
    generator, discriminator = sum(layers) + 100 * 256, sum(layers) + 256
    unneeded = 100 * 256 + 2 * layers[0]
    wanted = 3 * 2 * (4 * generator + 8 * discriminator - unneeded)
    assert roofline.step(subject.nets, 3).flops == wanted


@pytest.mark.parametrize(
    ("side", "kernel", "stride", "wanted"),
    [(4, 4, 2, 14), (8, 5, 2, 37), (4, 3, 2, 11), (4, 3, 1, 10), (7, 1, 1, 7)],
)
def test_taps_that_meet_the_image(side, kernel, stride, wanted):
    """Ones convolved with ones, summed."""
    image, ones = jnp.ones((1, 1, stride * side)), jnp.ones((1, 1, kernel))
    before = (kernel - 1) // 2
    pads = [(before, kernel - stride - before)]
    found = jax.lax.conv_general_dilated(image, ones, (stride,), pads)
    assert found.shape[-1] == side
    assert networks.taps(side, kernel, stride) == found.sum() == wanted


def test_the_least_time_is_that_of_the_slower():
    work = roofline.Work("x", 100.0, 30.0)
    assert roofline.seconds(work, 10.0, 10.0) == 10
    assert roofline.seconds(work, 100.0, 10.0) == 3


def test_totals():
    layers = [Layer("a", 1, 2, 3, 4, 5), Layer("b", 10, 20, 30, 40, 50)]
    assert networks.total(layers) == Net(66, 22, 44, (), 2)


# --- roofs ---------------------------------------------------------------------------


def test_the_best_turn_counts(monkeypatch):
    """Calls take 2, 4, 2, 4 ... units of a clock that nothing else moves."""
    clock, calls = [0.0], [0]

    def slow():
        calls[0] += 1
        clock[0] += 2.0
        return calls[0]

    monkeypatch.setattr(time, "perf_counter", lambda: clock[0])
    assert roofs._best(slow, 7.0) == 2.0
    # Two to warm up, one and two that were too short, five turns of four.
    assert calls[0] == 2 + 1 + 2 + 5 * 4


def test_roofs_are_operations_and_bytes_over_seconds(monkeypatch):
    def once(call, least):
        jax.block_until_ready(call())
        return 0.5

    monkeypatch.setattr(roofs, "_best", once)
    assert roofs.product("float32", [4, 8]) == 2 * 8**3 / 0.5
    assert roofs.product("bfloat16", [4]) == 2 * 4**3 / 0.5
    # The sum reads two arrays and writes one, which counts for more.
    assert roofs.bandwidth(1) == 12 * 2**18 / 0.5


# --- steps ---------------------------------------------------------------------------


def test_a_built_step_learns_and_xla_counts_what_hands_do():
    subject = steps_.parse(TINY)
    built = steps_.build(subject)
    first = built.play(1)
    assert math.isfinite(first)
    assert built.play(200) < first  # D tells constant noise apart
    cost = built.compiled.cost_analysis()
    by_hand = roofline.step(subject.nets, 2).flops
    # Adam's few operations a parameter stand beside a batch of two.
    assert by_hand < cost["flops"] < 6 * by_hand


def test_a_new_process_says_when_it_took_its_first_step(monkeypatch, capsys):
    monkeypatch.setattr(kept, "prepare", lambda threads, allocator="tuned": None)
    began = time.time() - 100
    first_step.main(TINY, began, 2)
    found = json.loads(capsys.readouterr().out)
    parts = [found[key] for key in ("import", "build", "step")]
    np.testing.assert_allclose(sum(parts), found["all"], rtol=1e-6)
    assert 100 < found["import"] < 150
    assert min(parts) > 0


def test_the_child_steps_and_writes_xla_s_count(tmp_path, monkeypatch):
    served = []
    monkeypatch.setattr(kept, "prepare", lambda threads, allocator="tuned": None)
    monkeypatch.setattr(timing, "serve", lambda step, warmup: served.append(step()))
    argv = ["--serve", TINY, "--xla", tmp_path / "xla.json"]
    assert call(cost, argv, monkeypatch) == 0
    assert math.isfinite(served[0])
    count = json.loads((tmp_path / "xla.json").read_text())
    assert count["flops"] > 0
    assert count["bytes"] > 0


# --- parts ---------------------------------------------------------------------------


def test_processes_are_asked_for_json(tmp_path):
    code = "import os; print('noise'); print('[1,', os.environ['SOME'], ']')"
    command = [sys.executable, "-c", code]
    assert kept.ask(command, {"SOME": "2"}) == [1, 2]
    with pytest.raises(ValueError, match="failed, see above; .* continues from there"):
        kept.ask([sys.executable, "-c", "raise SystemExit(3)"])


def test_what_was_measured_is_kept(tmp_path):
    path, measured = tmp_path / "sub" / "x.json", iter([{"a": 1}, {"a": 2}])
    for again, wanted in ((False, 1), (False, 1), (True, 2), (False, 2)):
        assert kept.kept(path, again, lambda: next(measured)) == {"a": wanted}


# --- the command ---------------------------------------------------------------------


@pytest.fixture
def measured(monkeypatch):
    """Replaces processes: a step takes 1 ms a unit of batch; returns what was asked."""
    asked = []

    def measure(commands, *, rounds, steps):
        ((words, command),) = commands.items()
        asked.append(words)
        count = {"flops": 1e6, "bytes": None}
        with open(command[command.index("--xla") + 1], "w") as file:
            json.dump(count, file)
        batch = dict(pair.split("=") for pair in words.split()[1:])["batch"]
        return {words: [timing.Sample(float(batch), 0.0)] * rounds}

    def ask(command, env=None):
        asked.append(command[-1] if env is None else command[3])
        if env is None:
            return ROOFS
        cache = pathlib.Path(env["JAX_COMPILATION_CACHE_DIR"])
        cold = not list(cache.iterdir())
        (cache / "program").touch()
        return {"import": 1.0, "build": 8.0 if cold else 2.0, "step": 0.5,
                "all": 9.5 if cold else 3.5}  # fmt: skip

    monkeypatch.setattr(timing, "measure", measure)
    monkeypatch.setattr(kept, "ask", ask)
    return asked


def test_everything_is_measured_once_and_tabulated(tmp_path, measured, monkeypatch):
    argv = ["--workdir", tmp_path, *SIZES]
    assert call(cost, argv, monkeypatch) == 0
    base = "dcgan batch=2 resolution=16 width=2"
    steps = [words for words in measured if "resolution" in words and "batch" in words]
    starts = measured.count(base) - 1
    assert starts == 2 * measuring.STARTS
    assert steps.count("dcgan batch=4 resolution=16 width=2") == 1
    assert measured[0] == "--roofs"
    text = (tmp_path / "cost.md").read_text()
    assert "| 1.0 | 2.0 | 0.1 |" in text
    assert "| dcgan | none | 9.50 | 1.00 | 8.00 | 0.50 |" in text
    assert "| mlp | all | 3.50 | 1.00 | 2.00 | 0.50 |" in text
    results = json.loads((tmp_path / "results.json").read_text())
    row = results["roofline"]["dcgan"]
    subject = steps_.parse(base)
    work = roofline.step(subject.nets, 2)
    assert row["flops"] == work.flops
    least = max(work.flops / 1e9, work.bytes / 1e8)
    np.testing.assert_allclose(row["least"], least)
    np.testing.assert_allclose(row["share"], least / 2e-3)
    np.testing.assert_allclose(
        row["in_turn"],
        sum(max(x["flops"] / 1e9, x["bytes"] / 1e8) for x in row["layers"]),
    )
    growth = [(row["axis"], row["value"]) for row in results["growth"]]
    assert growth == [
        ("batch", 2), ("batch", 4), ("width", 2), ("resolution", 16),
        ("capsnet's batch", 2),
    ]  # fmt: skip
    # 4 images in 4 ms.
    (line,) = [line for line in text.splitlines() if line.startswith("| batch | 4 |")]
    assert line.startswith("| batch | 4 | 4 | 1000 |")
    assert (tmp_path / "cost.png").read_bytes().startswith(b"\x89PNG")
    count = len(measured)
    assert call(cost, argv, monkeypatch) == 0
    assert len(measured) == count
    assert call(cost, [*argv, "--again"], monkeypatch) == 0
    assert len(measured) == 2 * count


def test_parts_are_measured_alone_with_the_roofs_they_need(
    tmp_path, measured, monkeypatch
):
    argv = ["--workdir", tmp_path, *SIZES, "--only"]
    assert call(cost, [*argv, "roofline"], monkeypatch) == 0
    assert [words.split()[0] for words in measured] == ["--roofs", "dcgan", "capsnet"]
    text = (tmp_path / "cost.md").read_text()
    assert "axis" not in text
    assert not (tmp_path / "cost.png").exists()
    # XLA said nothing of bytes.
    (line,) = [x for x in text.splitlines() if x.startswith("| dcgan batch")]
    assert line.split(" | ")[4] == ""
    assert call(cost, [*argv, "roofline", "--again"], monkeypatch) == 0
    assert measured.count("--roofs") == 1


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (["--rounds", 0], "--rounds is 0; it must be at least 1"),
        (["--batches", 8, 0], "--batches is (8, 0); each must be at least 1"),
        (["--widths"], "--widths is empty; give one or more"),
        (["--only"], "--only is empty; give one or more"),
        (["--capsnet-batch-size", -1], "--capsnet-batch-size is -1"),
        (["--resolutions", 48], "resolution 48 is not a power of two"),
    ],
)
def test_bad_flags_are_one_sentence(
    argv, words, tmp_path, measured, monkeypatch, capsys
):
    assert call(cost, ["--workdir", tmp_path, *argv], monkeypatch) == 2
    assert words in " ".join(capsys.readouterr().err.split())
    assert not measured
