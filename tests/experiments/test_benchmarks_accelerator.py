"""The benchmark for accelerators, on a CPU: sides, ratios, shares and tables."""

import functools
import json
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from commands import call

from experiments.benchmarks import accelerator
from experiments.benchmarks.accelerator import cases, frameworks, processes, reporting
from experiments.benchmarks.parts import kept, roofline, timing
from experiments.benchmarks.parts import steps as steps_
from experiments.benchmarks.parts.routing import Sizes
from jaxgan.capsules import routing

MATMUL = "jax_default_matmul_precision"
CASE = cases.Case("DCGAN", "dcgan", {"batch": 4, "width": 2})
ROUTING = cases.Case("routing", "routing", {"batch": 3, "below": 5})
MLP = cases.Case("MLP", "mlp", {"batch": 4, "hidden": 8}, (1, 2))
REACHED = {"float32": 1e12, "tf32": 2e12, "bfloat16": 4e12, "bandwidth": 1e11}
DEVICE = {
    "platform": "cpu", "kind": "cpu", "reached": REACHED,
    "torch": {"version": "9.9", "devices": ["cpu"], "kind": None},
}  # fmt: skip
FLAGS = ["--device", "cpu", "--small", "--rounds", 3]


def config(**flags):
    return accelerator.Config(device="cpu", small=True, steps=2, scan=3, **flags)


def turns(*ms):
    return [[x, 0.0] for x in ms]


@pytest.fixture
def precision():
    """Puts the precision of products back, which a side sets for its process."""
    before = getattr(jax.config, MATMUL)
    yield
    jax.config.update(MATMUL, before)


# --- what is reported ----------------------------------------------------------------


def test_the_faster_of_pytorch_s_sides_is_the_reference():
    samples = {
        "jaxgan tf32 1": turns(2, 3, 4),
        "torch tf32 1": turns(4, 6, 8),
        "torch-compiled tf32 1": turns(2, 3, 2),
        "jaxgan bfloat16 1": turns(1, 1, 1),
        "torch bfloat16 1": turns(4, 4, 4),
        "torch-compiled bfloat16 1": turns(5, 5, 5),
    }
    found = accelerator.rows(CASE, samples, DEVICE, None)
    assert [row["over"] for row in found] == [
        *["torch-compiled tf32 1"] * 3, *["torch bfloat16 1"] * 3,
    ]  # fmt: skip
    assert [row["ratio"] for row in found] == [1, 2, 1, 0.25, 1, 1.25]
    assert found[0]["quartiles"] == [1, 2]
    assert found[3]["examples"] == 4000


def test_shares_are_work_over_time_over_what_is_reached_and_said():
    peaks = cases.Peaks(None, 8e12, 16e12, 1e12)
    samples = {"jaxgan tf32 1": turns(5, 5, 5), "jaxgan float32 1": turns(5, 5, 5)}
    tf32, exact = accelerator.rows(CASE, samples, DEVICE, peaks)
    work = roofline.step(steps_.parse("dcgan batch=4 width=2").nets, 4)
    np.testing.assert_allclose(tf32["arithmetic"], work.flops / 5e-3 / 2e12)
    np.testing.assert_allclose(tf32["memory"], work.bytes / 5e-3 / 1e11)
    np.testing.assert_allclose(tf32["vendor_arithmetic"], work.flops / 5e-3 / 8e12)
    np.testing.assert_allclose(exact["vendor_memory"], work.bytes / 5e-3 / 1e12)
    assert exact["vendor_arithmetic"] is None
    assert tf32["ratio"] is tf32["over"] is tf32["quartiles"] is None


def test_bfloat16_moves_half_the_bytes_of_products():
    samples = {f"jaxgan {p} 1": turns(1, 1) for p in ("tf32", "bfloat16")}
    wide, narrow = accelerator.rows(CASE, samples, DEVICE, None)
    nets = steps_.parse("dcgan batch=4 width=2").nets
    updates = sum(r.bytes for r in roofline.rows(nets, 4) if "update" in r.name)
    assert wide["bytes"] - updates == 2 * (narrow["bytes"] - updates)
    assert wide["flops"] == narrow["flops"]


def test_routing_s_bound_is_its_inputs_weights_and_results():
    samples = {
        f"jaxgan {p} {what}": turns(1, 1)
        for p in ("float32", "bfloat16")
        for what in ("forward", "forward+backward")
    }
    found = accelerator.rows(ROUTING, samples, DEVICE, None)
    u, weights, v = 3 * 5 * 8, 5 * 8 * 160, 3 * 160
    inputs, results = u + weights, 4 * v
    assert [row["bytes"] for row in found] == [
        4 * inputs + results, 2 * (4 * inputs + results),
        2 * inputs + results, 2 * (2 * inputs + results),
    ]  # fmt: skip
    # Votes of 8 products each, three weighted sums, two agreements.
    votes = 3 * 5 * 160
    assert found[0]["flops"] == 2 * votes * (8 + 5)
    assert found[1]["flops"] == 3 * found[0]["flops"]


def test_routing_above_twice_its_bound_is_marked():
    bound = 4 * (120 + 6400) + 4 * 480
    reached = {**DEVICE, "reached": {**REACHED, "bandwidth": bound * 1e3 / 2}}
    samples = {"jaxgan float32 forward": turns(3.9, 3.9)}
    (row,) = accelerator.rows(ROUTING, samples, reached, None)
    assert "| 3.9 | 2 | 1.95 |" in reporting._routing_line(ROUTING, row)
    samples = {"jaxgan float32 forward": turns(5.0, 5.0)}
    (row,) = accelerator.rows(ROUTING, samples, reached, None)
    assert "| 5 | 2 | 2.50 (above 2) |" in reporting._routing_line(ROUTING, row)


@pytest.mark.parametrize(
    ("kind", "bandwidth"),
    [
        ("NVIDIA H200", 4.8), ("NVIDIA H100 80GB HBM3", 3.35),
        ("NVIDIA A100-SXM4-80GB", 2.0), ("NVIDIA A100-SXM4-40GB", 1.555),
        ("TPU v5 lite", 0.82), ("NVIDIA H100 PCIe", None), ("cpu", None),
    ],
)  # fmt: skip
def test_vendors_print_what_their_devices_do(kind, bandwidth):
    peaks = accelerator.vendor(config(), kind)
    assert (peaks and peaks.bandwidth) == (bandwidth and bandwidth * 1e12)


def test_the_user_knows_better_than_the_table():
    flags = config(vendor=(0.0, 378.0, 756.0, 2.0))
    assert accelerator.vendor(flags, "NVIDIA H200") == (None, 378e12, 756e12, 2e12)


# --- who is measured -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("platform", "torch", "flags", "sides"),
    [
        ("gpu", ["cpu", "cuda"], {}, ["jaxgan", "torch", "torch-compiled"]),
        ("gpu", ["cpu", "cuda"], {"compile": False}, ["jaxgan", "torch"]),
        ("gpu", ["cpu", "cuda"], {"torch": False}, ["jaxgan"]),
        ("gpu", ["cpu"], {}, ["jaxgan"]),
        ("tpu", ["cpu"], {}, ["jaxgan"]),
        ("cpu", ["cpu"], {"compile": False}, ["jaxgan", "torch"]),
        ("gpu", None, {}, ["jaxgan"]),
    ],
)
def test_sides(platform, torch, flags, sides):
    found = {"platform": platform, "torch": torch and {"devices": torch}}
    assert processes.sides_of(config(**flags), found) == sides


def words_of(command):
    """`torch float32 1` of a child's command line, which begins with its case."""
    return command[command.index("--serve") + 1].split(maxsplit=1)[1]


def test_turns_become_steps_of_one_run(monkeypatch):
    def measure(commands, rounds):
        assert all(words_of(command) == name for name, command in commands.items())
        return {name: [timing.Sample(12.0, 0.0)] * rounds for name in commands}

    monkeypatch.setattr(timing, "measure", measure)
    flags = config(precisions=("tf32",))
    mlp = cases.SMALL[3]
    found = processes.measure(flags, mlp, ["jaxgan", "torch"], "cpu")["samples"]
    # Three steps a turn, of one or two runs.
    assert {name: turns[0].ms for name, turns in found.items()} == {
        "jaxgan tf32 1": 4, "jaxgan tf32 2": 2, "torch tf32 1": 4,
    }  # fmt: skip
    found = processes.measure(flags, cases.SMALL[0], ["jaxgan"], "cpu")
    assert found["samples"]["jaxgan tf32 1"][0].ms == 6
    found = processes.measure(flags, cases.SMALL[-1], ["jaxgan"], "cpu")
    assert list(found["samples"]) == [
        "jaxgan tf32 forward", "jaxgan tf32 forward+backward",
    ]  # fmt: skip


def test_long_steps_have_shorter_turns():
    case = cases.Case("x", "residual", {"batch": 1}, shorter=4)
    flags = [accelerator.Config(steps=n) for n in (20, 3)]
    assert [processes.steps_of(f, case, "jaxgan tf32 1") for f in flags] == [5, 1]


def test_a_tpu_has_one_process_at_a_time(monkeypatch):
    groups = []

    def measure(commands, rounds):
        groups.append(list(commands))
        return {name: [timing.Sample(1.0, 0.0)] * rounds for name in commands}

    monkeypatch.setattr(timing, "measure", measure)
    processes.measure(config(), cases.SMALL[0], ["jaxgan"], "tpu")
    assert groups == [[f"jaxgan {p} 1"] for p in cases.PRECISIONS]


def test_a_side_of_pytorch_that_does_not_start_is_left_out(monkeypatch):
    def measure(commands, rounds, broken):
        for name in commands:
            if name.startswith(broken):
                raise RuntimeError(f"case {name!r} ended before it was ready")
        return {name: [timing.Sample(1.0, 0.0)] * rounds for name in commands}

    sides = ["jaxgan", "torch", "torch-compiled"]
    run = functools.partial(processes.measure, config(), cases.SMALL[0], sides, "gpu")
    for broken, left_out in (
        ("torch-compiled", ["torch-compiled"]),
        ("torch", ["torch", "torch-compiled"]),
    ):
        some = functools.partial(measure, broken=broken)
        monkeypatch.setattr(timing, "measure", some)
        found = run()
        assert found["left_out"] == left_out
        assert len(found["samples"]) == 3 * (3 - len(left_out))
    monkeypatch.setattr(timing, "measure", functools.partial(measure, broken="jaxgan"))
    with pytest.raises(
        ValueError, match="ended before it was ready; earlier measurements are kept"
    ):
        run()


def test_only_one_process_compiles(tmp_path):
    fcntl = pytest.importorskip("fcntl")
    path = tmp_path / "sub" / "lock"
    exclusive = fcntl.LOCK_EX | fcntl.LOCK_NB
    with frameworks.alone(path), open(path) as other:
        with pytest.raises(BlockingIOError):
            fcntl.flock(other, exclusive)
    with open(path) as other:
        fcntl.flock(other, exclusive)


# --- sides ---------------------------------------------------------------------------


def test_inputs_of_routing_are_more_than_caches_hold(monkeypatch):
    monkeypatch.setattr(frameworks, "SPREAD", 100_000)
    inputs = frameworks.routing_inputs(Sizes(**ROUTING.sizes))
    u, weights = inputs[0]
    assert (u.shape, weights.shape) == ((3, 5, 8), (5, 8, 10, 16))
    # 26,080 bytes each: four of them are enough, three are not.
    assert len(inputs) == 4
    assert not np.array_equal(u, inputs[1][0])


def test_jaxgan_s_routing_is_that_of_the_library(precision):
    play = frameworks.jaxgan_side(config(), ROUTING, "float32", "forward+backward")
    v, gradients = play()
    # The second call of two, on the second of the inputs.
    u, weights = frameworks.routing_inputs(Sizes(**ROUTING.sizes))[1]
    votes = np.einsum("bik,ikjd->bijd", u, weights)
    wanted = routing.dynamic_routing(jnp.asarray(votes), iterations=3)
    np.testing.assert_allclose(v, wanted, rtol=1e-4, atol=1e-6)
    assert [x.shape for x in gradients] == [u.shape, weights.shape]


def test_seeds_play_side_by_side(precision):
    play = frameworks.jaxgan_side(config(), MLP, "bfloat16", "2")
    losses = [play() for _ in range(2)]
    assert all(map(math.isfinite, losses))
    assert losses[0] != losses[1]
    assert getattr(jax.config, MATMUL) == "default"


# --- the command ---------------------------------------------------------------------


@pytest.fixture
def measured(monkeypatch):
    """Replaces processes; returns what was asked of them."""
    asked = []

    def measure(commands, rounds):
        asked.append(sorted(commands))
        times = {"jaxgan": 2.0, "torch": 4.0, "torch-compiled": 3.0}
        return {
            name: [timing.Sample(times[name.split()[0]], 0.0)] * rounds
            for name in commands
        }

    def ask(command):
        words = command[-1]
        asked.append(words)
        return DEVICE["torch"] if words == "probe-torch" else dict(DEVICE)

    monkeypatch.setattr(timing, "measure", measure)
    monkeypatch.setattr(kept, "ask", ask)
    monkeypatch.setattr(processes.importlib.util, "find_spec", lambda name: name)
    return asked


def test_everything_is_measured_once_and_tabulated(tmp_path, measured, monkeypatch):
    argv = [*FLAGS, "--workdir", tmp_path, "--vendor", 0, 0, 8, 1]
    assert call(accelerator, argv, monkeypatch) == 0
    assert measured[:2] == ["probe", "probe-torch"]
    assert len(measured) == 2 + len(cases.SMALL)
    text = (tmp_path / "table.md").read_text()
    assert text.startswith("cpu (cpu), PyTorch 9.9\n")
    assert "| reached | 1 | 2 | 4 | 0.1 |" in text
    assert "| the vendor's |  |  | 8 | 1 |" in text
    # 20 steps a turn, of 2 images: 0.1 ms and 20,000 a second, 2 / 3 of PyTorch's time.
    words = "| DCGAN 64 px, width 2 | tf32 | jaxgan | 0.1 | 2e+04 |"
    assert f"{words} 0.67 (0.67-0.67) over torch-compiled |" in text
    # 100 steps of two runs in 2 ms, of PyTorch's one in 3.
    assert "| jaxgan, 2 seeds | 0.01 | 4e+05 | 0.33 (0.33-0.33)" in text
    assert text.count("| routing, batch 2 |") == 3 * 3 * 2
    results = json.loads((tmp_path / "results.json").read_text())
    assert [entry["case"]["name"] for entry in results["cases"]] == [
        "dcgan", "residual", "capsnet", "mlp", "routing",
    ]  # fmt: skip
    count = len(measured)
    assert call(accelerator, argv, monkeypatch) == 0
    assert len(measured) == count
    assert call(accelerator, [*argv, "--only", "mlp", "--again"], monkeypatch) == 0
    assert len(measured) == count + 3


def test_without_pytorch_jaxgan_is_alone(tmp_path, measured, monkeypatch):
    monkeypatch.setattr(processes.importlib.util, "find_spec", lambda name: None)
    argv = [*FLAGS, "--workdir", tmp_path, "--only", "dcgan"]
    assert call(accelerator, argv, monkeypatch) == 0
    assert measured == [
        "probe",
        sorted(f"jaxgan {p} 1" for p in cases.PRECISIONS),
    ]
    text = (tmp_path / "table.md").read_text()
    assert text.startswith("cpu (cpu), jaxgan alone\n")
    assert "over" not in text.partition("| model |")[2].partition("\n")[2]
    assert "routing |" not in text


def test_what_did_not_start_is_told(tmp_path, measured, monkeypatch):
    quiet = timing.measure

    def measure(commands, rounds):
        for name in commands:
            if name.startswith("torch-compiled"):
                raise RuntimeError(f"case {name!r} ended before it was ready")
        return quiet(commands, rounds=rounds)

    monkeypatch.setattr(timing, "measure", measure)
    argv = [*FLAGS, "--workdir", tmp_path, "--only", "capsnet"]
    assert call(accelerator, argv, monkeypatch) == 0
    text = (tmp_path / "table.md").read_text()
    assert (
        "| CapsNet, 4 features | | torch-compiled | did not start, left out |" in text
    )


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (["--rounds", 1], "--rounds is 1; it must be at least 2"),
        (["--steps", 0], "--steps is 0; it must be at least 1"),
        (["--only"], "--only is empty; name one or more"),
        (["--precisions"], "--precisions is empty; name one or more"),
        (["--vendor", 1, 2, -3, 4], "-3.0, 4.0); each must be at least 0"),
        ([], "JAX sees no accelerator, only the CPU: install JAX for yours"),
    ],
)
def test_bad_flags_are_one_sentence(
    argv, words, tmp_path, measured, monkeypatch, capsys
):
    assert call(accelerator, ["--workdir", tmp_path, *argv], monkeypatch) == 2
    assert words in " ".join(capsys.readouterr().err.split())
    assert not list(tmp_path.iterdir())


def test_the_child_that_probes_says_what_it_sees(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(kept, "prepare", lambda threads, allocator="tuned": None)
    from experiments.benchmarks.parts import roofs

    monkeypatch.setattr(roofs, "product", lambda precision, sizes: 2.0 * sizes[0])
    monkeypatch.setattr(roofs, "bandwidth", lambda megabytes: float(megabytes))
    assert call(accelerator, [*FLAGS, "--serve", "probe"], monkeypatch) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["platform"] == "cpu"
    assert found["reached"] == {
        "float32": 512.0, "tf32": 512.0, "bfloat16": 512.0, "bandwidth": 16.0,
    }  # fmt: skip


def test_the_child_serves_its_case(tmp_path, monkeypatch, precision):
    served = []
    monkeypatch.setattr(kept, "prepare", lambda threads, allocator="tuned": None)
    monkeypatch.setattr(timing, "serve", lambda play, warmup: served.append(play()))
    argv = [*FLAGS, "--workdir", tmp_path, "--serve", "4 jaxgan tf32 forward"]
    assert call(accelerator, argv, monkeypatch) == 0
    assert served[0].shape == (2, 10, 16)
    assert getattr(jax.config, MATMUL) == "tensorfloat32"
