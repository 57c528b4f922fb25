"""The scaling plan: its arithmetic against numbers worked by hand and published."""

import importlib.util
import itertools
import json
import math
import pathlib

import jax
import numpy as np
import pytest
from commands import call
from hypothesis import given
from hypothesis import strategies as st

from experiments import scaling_plan
from experiments.scaling_plan import compiler, planning, subjects
from jaxgan import game
from jaxgan.lab.counting import costs, networks
from jaxgan.lab.counting.costs import Chip, Model
from jaxgan.lab.counting.networks import Net, Play
from jaxgan.models import capsnet, dcgan

DOCS = pathlib.Path(__file__).parents[2] / "docs"
# 100 operations a second, 10 bytes a second of memory, 1 of a link, 2 s to a neighbour.
SLOW = Chip(100, 1e4, 10, 1, 2, 1, 1, 1, 3)


def toy(play=Play(), norms=(), params=10, fixed=0.0):  # noqa: B008
    net = Net(params, 50, 7, norms, 2)
    return Model({"net": (net, play)}, 300.0, fixed, 12, 1, 4, 5)


# --- counts --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("ch", "generator", "discriminator"),
    [(96, 70_433_988, 87_982_370), (64, 31_978_628, 39_448_258)],
)
def test_biggan_has_the_published_number_of_parameters(ch, generator, discriminator):
    """128 pixels, 1,000 classes: G's count is published, D's comes from its table."""
    nets = networks.biggan(ch)
    assert nets["generator"].params == generator
    assert nets["discriminator"].params == discriminator


def test_bigger_products_of_biggan_are_as_worked_by_hand():
    """The convolutions of 3x3 are most of it: G's on 8 to 128, D's on 128 to 4."""
    widths = [1536, 1536, 768, 384, 192, 96]
    area = [8**2, 16**2, 32**2, 64**2, 128**2]
    pairs = list(zip(itertools.pairwise(widths), area, strict=True))
    large = sum(9 * n * (a * b + b * b) for (a, b), n in pairs)
    generator = networks.biggan()["generator"]
    # 1x1 shortcuts and attention add some 10 %, and the image 42 million.
    assert large < generator.macs < 1.15 * large
    assert generator.norms == (1536, 1536, 1536, 768, 768, 384, 384, 192, 192, 96, 96)
    assert networks.biggan()["discriminator"].norms == ()


@pytest.mark.parametrize(
    ("resolution", "width", "latent", "kernel"), [(16, 4, 6, 5), (32, 3, 5, 4)]
)
def test_dcgan_counted_by_hand_is_the_library_s(resolution, width, latent, kernel):
    config = dcgan.Config(
        resolution=resolution, width=width, latent=latent, kernel=kernel
    )
    batch = {"image": jax.ShapeDtypeStruct((2, resolution, resolution, 3), "float32")}
    init = game.algorithm(dcgan.game(config)).init
    state = jax.eval_shape(init, jax.random.key(0), batch)
    nets = networks.dcgan(resolution, width, latent, kernel)
    for name, net in nets.items():
        assert net.params == sum(x.size for x in jax.tree.leaves(state.params[name]))
        means = [x for x in jax.tree.leaves(state.stats[name]) if x.ndim]
        assert sorted(net.norms * 2) == sorted(x.size for x in means)


def test_capsnet_counted_by_hand_is_the_library_s():
    init = game.algorithm(capsnet.game(capsnet.Config())).init
    batch = scaling_plan.library()["capsnet"].batch(1)
    state = jax.eval_shape(init, jax.random.key(0), batch)
    for name, net in networks.capsnet().items():
        assert net.params == sum(x.size for x in jax.tree.leaves(state.params[name]))
    # Sabour et al.: 8.2 million parameters.
    assert sum(n.params for n in networks.capsnet().values()) == 8_215_728


def test_operations_of_dcgan_64_are_those_worked_by_hand():
    """Four layers of 5x5; 10 passes and gradients of either kind, all told."""
    middle = 3 * 16**2 * 25 * 128 * 256  # each halving leaves the products as many
    ends = 32**2 * 25 * 3 * 128
    generator, discriminator = middle + ends + 100 * 16_384, middle + ends + 16_384
    nets = networks.dcgan(64, 128, 100, 5)
    assert nets["generator"].macs == generator
    assert nets["discriminator"].macs == discriminator
    plays = {n: (nets[n], subjects.ADVERSARIAL[n]) for n in nets}
    # D: generate, judge twice with both gradients. G: generate with both gradients
    # (none is needed of latents, here counted), judge with the image's.
    by_hand = 2 * ((1 + 3) * generator + (3 * 2 + 2) * discriminator)
    assert costs.operations(plays) == by_hand


def test_the_lowered_program_does_what_hand_arithmetic_says():
    """Borders of zeros, which the program does not count, taken out by hand too."""
    side, width = 16, 8
    config = dcgan.Config(resolution=side, width=width, latent=6, dtype="bfloat16")
    subject = subjects.Subject(
        dcgan.game(config),
        lambda n: {"image": jax.ShapeDtypeStruct((n, side, side, 3), "float32")},
        {},
        0,
        1,
    )
    # Of 5 taps at stride 2 with 2 zeros before: two miss at the start, one at the end.
    taps = [(5 * n - 3) ** 2 for n in (8, 4)]
    layers = [taps[0] * 3 * width, taps[1] * width * 2 * width]
    generator, discriminator = sum(layers) + 6 * 16 * 16, sum(layers) + 256
    # No gradient of latents or of real and generated images in D's own update.
    unneeded = 6 * 256 + 2 * layers[0]
    by_hand = 2 * (4 * generator + 8 * discriminator - unneeded)
    model = scaling_plan.counted(subject)
    # Norms, activations and losses come on top: a fifth in networks so narrow.
    assert by_hand < model.flops < 1.25 * by_hand
    assert model.launches >= 20


def test_paper_sized_models_are_within_what_borders_explain():
    found = json.loads((DOCS / "results" / "scaling.json").read_text())["models"]
    # (37/40)^2 and the like, weighted by layers, is 0.84 for 64 pixels.
    sizes = [(32, 9_830_400), (16, 209_715_200), (8, 209_715_200), (4, 209_715_200)]
    seen = sum(((5 * n - 3) / (5 * n)) ** 2 * macs for n, macs in sizes)
    by_hand = 2 * (12 * seen + 4 * 1_638_400 + 8 * 16_384 - 2 * 9_830_400)
    np.testing.assert_allclose(found["dcgan 64"]["flops_an_image"], by_hand, rtol=0.01)
    first, second = 400 * 81 * 256, 36 * 81 * 256**2
    rest = 1152 * 8 * 160 + 160 * 512 + 512 * 1024 + 1024 * 784
    by_hand = 2 * (2 * first + 3 * (second + rest))
    np.testing.assert_allclose(found["capsnet"]["flops_an_image"], by_hand, rtol=0.01)


# --- messages ------------------------------------------------------------------------


def test_one_chip_sends_nothing():
    model = toy(norms=(3,))
    assert costs.reduce_bytes(100, 1) == 0
    assert costs.gradient_seconds(model, 1, SLOW) == 0
    assert costs.norm_seconds(model, 1, SLOW) == 0
    row = planning.step(model, 1, 4, 1, SLOW)
    assert row["apart"] == row["overlapped"] == max(row["arithmetic"], row["memory"])


@given(st.integers(0, 8))
def test_doubling_chips_never_doubles_what_a_chip_sends(power):
    n = 2**power
    sent, doubled = (costs.reduce_bytes(1000.0, k) for k in (n, 2 * n))
    assert sent < doubled < 2000
    np.testing.assert_allclose(doubled - sent, 1000 / n)


@pytest.mark.parametrize(
    ("axes", "hops", "rate"),
    [((2, 4), 4, 2), ((8, 8), 14, 2), ((16, 16), 16, 4), ((16,), 8, 2), ((4,), 3, 1)],
)
def test_gathering_over_lines_and_rings(axes, hops, rate):
    """A line has one way out of its end; a ring of 16 has two and half the hops."""
    n = math.prod(axes)
    seconds = costs.gather_seconds(64.0, axes, SLOW, 3)
    np.testing.assert_allclose(seconds, 3 * hops * 2 + 64 * (n - 1) / n / rate)
    np.testing.assert_allclose(costs.reduce_seconds(64, axes, SLOW, 3), 2 * seconds)


def test_gradients_cross_once_a_pass():
    # Two passes side by side, two bytes a number, ten parameters; 8 chips on 2 x 4.
    model = toy(Play(train=2, beside=2))
    assert costs.gradients(model) == 40
    seconds = costs.gradient_seconds(model, 8, SLOW)
    np.testing.assert_allclose(seconds, 2 * (4 * 2 + 40 * 7 / 8 / 2))
    assert costs.gradients(model, wire=4) == 80


def test_fsdp_scatters_reduces_and_gathers():
    """Over 4 of 2 x 4: lines of 4, then of 2; two arrays, a pass and one back."""
    model = toy()
    scatter = 2 * 3 * 2 + 20 * 3 / 4
    gather = 2 * 2 * 3 * 2 + 80 * 3 / 4
    reduce = 2 * (2 * 1 * 2 + 5 / 2)
    seconds = costs.gradient_seconds(model, 8, SLOW, 4)
    np.testing.assert_allclose(seconds, scatter + gather + reduce)
    # Over all chips, nothing is left to reduce.
    both = 2 * 4 * 2 + 20 * 7 / 8 / 2 + 4 * 4 * 2 + 80 * 7 / 8 / 2
    np.testing.assert_allclose(costs.gradient_seconds(model, 8, SLOW, 8), both)


def test_what_is_gathered_is_what_the_compiler_gathers():
    """Tests a kept compilation, whose kernels are 98 % of the parameters."""
    results = json.loads((DOCS / "results" / "scaling.json").read_text())
    (split,) = [x for x in results["compiled"] if x["fsdp"] > 1]
    by_compiler = split["messages"]["all-gather, large"]["bytes"]
    by_hand = 4 * (3 * 18_855_043 + 6 * 17_232_897)
    assert split["by_hand"]["parameters_gathered"] == by_hand
    np.testing.assert_allclose(by_compiler, by_hand, rtol=0.02)


def test_norms_send_two_sums_a_pass():
    # One pass without gradient, one through, two trained side by side: two messages
    # each forward, one each backward, for each of two norms.
    play = Play(forward=1, through=1, train=2, beside=2)
    count, size = costs.norms(toy(play, (3, 5)))
    assert count == 2 * (2 + (2 + 1) + (2 + 1))
    assert size == 8 * 2 * 4 * (4 + 3)
    assert costs.norms(toy()) == (0, 0)


def test_dcgan_has_38_norm_messages_a_step():
    """4 norms of G: two passes, one of them back. 3 of D: two and two, pairs shared."""
    nets = networks.dcgan(64, 128, 100, 5)
    plays = {n: (nets[n], subjects.ADVERSARIAL[n]) for n in nets}
    model = Model(plays, 1.0, 0.0, 1, 1, 1, 1)
    assert costs.norms(model)[0] == 4 * (2 + 2 + 1) + 3 * 2 * (2 + 1)


def test_messages_are_read_from_a_compiled_program():
    text = """
  %a = (f32[4,2]{1,0:T(4,128)S(1)}, bf16[600000]{0}) all-reduce(%x, %y), channel_id=1
  %b = f32[] all-reduce(%z), channel_id=2
  %c = bf16[8,4]{1,0} all-gather(%w), dimensions={0}
  %d = f32[9] add(%b, %b)
"""
    assert compiler.messages(text) == {
        "all-reduce, large": {"count": 1, "bytes": 32 + 1_200_000},
        "all-reduce, small": {"count": 1, "bytes": 4},
        "all-gather, small": {"count": 1, "bytes": 64},
    }


# --- one chip ------------------------------------------------------------------------


def test_state_and_traffic_of_memory():
    model = toy(Play(average=True))
    held = costs.state(model)
    assert held == {"parameters": 40, "optimiser": 80, "average": 40}
    # 28 and 12 bytes of update, 6 twice of casts, 2 read in 3 products.
    assert costs.hbm_bytes(model, 0) == 10 * (28 + 12 + 12 + 6)
    # 7 numbers of 2 bytes, 5 times forward and 10 back.
    assert costs.hbm_bytes(model, 1) - costs.hbm_bytes(model, 0) == 7 * 2 * 15
    assert costs.hbm_bytes(model, 0, 4) == 10 * (10 + 12 + 6)


def test_the_player_that_keeps_most_decides():
    small, large = Net(1, 1, 3), Net(2, 1, 5)
    nets = {"g": (small, Play(train=1)), "d": (large, Play(through=1, beside=2))}
    beside = costs.transient(Model(nets, 1.0, 0.0, 1, 1, 1, 1))
    # D keeps 2 x 5 numbers, G its 3 and those of D: 2 x 2 bytes each.
    assert beside == {"gradients": 8, "activations": 4 * 10}


def test_a_step_takes_the_slower_of_arithmetic_and_memory_and_waits_for_norms():
    model = toy(norms=(1,), fixed=100.0)
    row = planning.step(model, 8, 2, 1, SLOW)
    assert row["arithmetic"] == (300 * 2 + 100) / 100
    assert row["memory"] == costs.hbm_bytes(model, 2) / 10
    busy = max(row["arithmetic"], row["memory"])
    np.testing.assert_allclose(row["apart"], busy + row["gradients"] + row["norm"])
    assert row["overlapped"] == max(busy, row["gradients"]) + row["norm"]
    assert row["bound"] == "memory"
    np.testing.assert_allclose(row["images_a_second"], 16 / row["overlapped"])
    hosts = row["host_bytes_a_second"]
    np.testing.assert_allclose(hosts["8"], 12 * row["images_a_second"])
    np.testing.assert_allclose(hosts["4"], 6 * row["images_a_second"])


def test_batches_that_balance_messages():
    model = toy(fixed=100.0)
    # 3 s an image and one whatever the batch: 16 s are reached by 5 images.
    assert planning.even(model, 16.0, SLOW, 0.0) == 5
    assert planning.even(model, 16.1, SLOW, 0.0) == 6
    assert planning.even(model, 0.5, SLOW, 0.0) == 1
    # Memory: 46 s before the first image.
    assert planning.even(model, 40.0, SLOW, 1.0) == 1


def test_batches_that_balance_memory():
    model = toy(fixed=100.0)
    # Memory: 46 s and 21 an image; arithmetic: one, and three: never as long.
    assert planning.balanced(model, SLOW) is None
    quick = SLOW._replace(hbm_rate=100)
    # Now 4.6 s and 2.1, against 1 / 0.9 and 3 / 0.9: 3.49 over 1.23.
    assert planning.balanced(model, quick._replace(mxu=0.9)) == 3
    assert planning.balanced(model, quick._replace(mxu=0.5)) == 1


def test_seeds_fill_a_chip_that_waits_for_starts():
    model = toy()
    found = scaling_plan.filling(model, SLOW)
    assert found["starts"] == 15
    assert found["arithmetic"] == 12
    memory = (10 * (28 + 12 + 6) + 4 * 210) / 10
    assert found["memory"] == memory
    assert found["fill"] == 1
    quick = SLOW._replace(peak=1e6, hbm_rate=1e6)
    assert scaling_plan.filling(model, quick)["fill"] == math.ceil(15 / 1.3e-3)
    # Parameters and moments 120, gradients 40, 4 images of 7 numbers twice: 112.
    assert found["bytes"] == 120 + 40 + 112
    assert found["fit"] == math.floor(0.9 * 1e4 / 272)


def test_chips_fill_slices():
    for n in (1, 4, 8, 16, 32, 64, 128, 256):
        rows, columns = costs.shape(n)
        assert rows * columns == n
        assert rows <= columns


# --- errors --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (["--chips", 12], "--chips has 12, but slices of v5e have 1, 4, 8, 16, 32, 64"),
        (["--chips"], "--chips is empty; give one number or more"),
        (
            ["--batch-per-chip", 8, 0],
            "--batch-per-chip is (8, 0); each must be at least 1",
        ),
        (["--batch-per-chip"], "--batch-per-chip is empty"),
        (
            ["--mxu", 1.5],
            "--mxu is 1.5; it must be above 0 and at most",
        ),
        (["--mxu", 0], "--mxu is 0.0"),
    ],
)
def test_bad_flags_are_one_sentence(argv, words, tmp_path, monkeypatch, capsys):
    argv = [*argv, "--workdir", tmp_path]
    assert call(scaling_plan, argv, monkeypatch) == 2
    error = capsys.readouterr().err.replace("│", " ")  # of the parser's frame
    assert words in " ".join(error.split())
    assert not list(tmp_path.iterdir())


def test_a_compiler_that_is_missing_is_told(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    argv = ["--compile", "--workdir", tmp_path]
    assert call(scaling_plan, argv, monkeypatch) == 2
    error = capsys.readouterr().err
    assert "--compile needs the TPU's compiler" in error
    assert 'pip install "jaxgan[tpu]"' in error
    assert not list(tmp_path.iterdir())


def test_an_axis_that_is_not_planned_for_is_refused():
    with pytest.raises(ValueError, match=r"--fsdp is 2; on 8 chips .* 1, 4, 8"):
        costs.gradient_seconds(toy(), 8, SLOW, 2)


# --- the command and its page --------------------------------------------------------


def test_the_command_writes_what_it_says(tmp_path, monkeypatch, capsys):
    """On toys: lowering the paper's networks takes half a minute."""
    monkeypatch.setattr(
        scaling_plan, "library", lambda: {"gan": "gan", "capsnet": 0, "dcgan 64": 0}
    )
    monkeypatch.setattr(scaling_plan, "counted", lambda subject: toy(norms=(3,)))
    argv = ["--chips", 1, 8, "--batch-per-chip", 2, "--workdir", tmp_path]
    assert call(scaling_plan, argv, monkeypatch) == 0
    assert (tmp_path / "scaling_plan.png").stat().st_size > 10_000
    found = json.loads((tmp_path / "results.json").read_text())
    assert set(found["models"]) == {"capsnet", "dcgan 64", "biggan 128"}
    assert set(found["seeds"]) == {"gan", "capsnet", "dcgan 64"}
    alone, eight = found["models"]["biggan 128"]["slices"]
    assert (alone["chips"], eight["chips"]) == (1, 8)
    assert alone["norm_seconds"] == alone["gradients_sent"] == 0
    crossing = 2 * (70_433_988 + 4 * 87_982_370)  # two updates of two passes of D
    np.testing.assert_allclose(eight["gradients_sent"], 2 * 7 / 8 * crossing)
    said = capsys.readouterr().err
    for line in scaling_plan.table(found["models"]["biggan 128"]):
        assert line in said


def test_the_page_has_the_tables_of_the_committed_results():
    results = json.loads((DOCS / "results" / "scaling.json").read_text())
    page = (DOCS / "notes" / "scaling.md").read_text()
    for found in results["models"].values():
        for line in scaling_plan.table(found):
            assert line in page


def test_the_committed_picture_is_small():
    assert (DOCS / "pictures" / "scaling_plan.png").stat().st_size < 200_000
