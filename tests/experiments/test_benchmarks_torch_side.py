"""The side of PyTorch in the benchmark for accelerators plays what ours plays."""

import functools
import itertools
import math
import pathlib
import tempfile

import jax
import numpy as np
import pytest

from experiments.benchmarks import accelerator
from experiments.benchmarks.accelerator import cases, frameworks
from experiments.benchmarks.parts import residual
from jaxgan.lab.counting import networks


def config(**flags):
    return accelerator.Config(device="cpu", small=True, steps=2, scan=3, **flags)


def torch_play(case, what="1", precision="float32", **flags):
    with tempfile.TemporaryDirectory() as folder:
        lock = pathlib.Path(folder) / "lock"
        return frameworks.torch_side(
            config(threads=1, **flags), case, precision, what, False, lock
        )


@pytest.mark.parametrize("case", cases.SMALL, ids=lambda case: case.name)
def test_pytorch_plays_every_case(case):
    pytest.importorskip("torch")
    what = "forward+backward" if case.name == "routing" else "1"
    found = torch_play(case, what, "bfloat16")()
    assert found is None if case.name == "routing" else math.isfinite(found)


def test_pytorch_s_steps_of_a_turn_are_steps_one_after_another():
    pytest.importorskip("torch")
    from experiments.benchmarks.parts import torch_capsnet, torch_dcgan, torch_residual

    sizes = torch_capsnet.Sizes(features=4, types=1)
    for make in (
        functools.partial(torch_dcgan.make_step, width=2, kernel=4),
        functools.partial(torch_residual.make_step, resolution=8, width=2),
        functools.partial(torch_capsnet.make_step, sizes, torch_capsnet.Runtime()),
    ):
        one, three = make(batch_size=4), make(batch_size=4, steps=3)
        import torch

        torch.manual_seed(3)
        apart = [one() for _ in range(3)]
        torch.manual_seed(3)
        np.testing.assert_allclose(three(), apart[-1], rtol=1e-4)
        assert apart[0] != apart[-1]


def test_the_residual_pair_is_the_same_in_pytorch():
    torch = pytest.importorskip("torch")
    from experiments.benchmarks.parts import torch_residual

    rng = np.random.default_rng(0)
    nets = {
        "generator": (residual.Generator(16, 2, "float32"), (3, 120)),
        "discriminator": (residual.Discriminator(16, 2, "float32"), (3, 16, 16, 3)),
    }
    theirs = {
        "generator": torch_residual.Generator(16, 2),
        "discriminator": torch_residual.Discriminator(16, 2),
    }
    for name, (net, shape) in nets.items():
        x = rng.standard_normal(shape, np.float32)
        variables = jax.eval_shape(net.init, jax.random.key(0), x)
        variables = jax.tree.map(
            lambda p: 0.3 * rng.standard_normal(p.shape, np.float32), variables
        )
        params = variables["params"]
        for (layer, kind), values in zip(
            _torch_layers(theirs[name], torch), _in_order(params), strict=True
        ):
            _copy(layer, kind, values, torch, deepest=8 if name == "generator" else 1)
        apply = jax.jit(functools.partial(net.apply, mutable=["batch_stats"]))
        wanted, _ = apply(variables, x)
        image = torch.from_numpy(x)
        found = theirs[name](image if x.ndim == 2 else image.permute(0, 3, 1, 2))
        found = found.detach().numpy()
        found = found.transpose(0, 2, 3, 1) if found.ndim == 4 else found
        np.testing.assert_allclose(found, wanted, rtol=1e-3, atol=1e-4)


def _torch_layers(net, torch):
    """Layers with their kind, kinds together, each in the order they are used in."""
    kinds = {"Conv": torch.nn.Conv2d, "BatchNorm": torch.nn.BatchNorm2d,
             "Dense": torch.nn.Linear}  # fmt: skip
    for name, kind in kinds.items():
        yield from ((m, name) for m in net.modules() if isinstance(m, kind))


def _in_order(params):
    for kind in ("Conv", "BatchNorm", "Dense"):
        names = (f"{kind}_{i}" for i in itertools.count())
        yield from (params[n] for n in itertools.takewhile(params.__contains__, names))


def _copy(layer, kind, values, torch, deepest):
    weight = np.asarray(values["scale" if kind == "BatchNorm" else "kernel"])
    bias = np.asarray(values["bias"])
    if kind == "Conv":
        weight = weight.transpose(3, 2, 0, 1)
    if kind == "Dense":
        if layer.out_features > 1:  # maps have their channels first
            order = np.arange(layer.out_features).reshape(4, 4, deepest)
            order = order.transpose(2, 0, 1).ravel()
            weight, bias = weight[:, order], bias[order]
        weight = weight.T
    with torch.no_grad():
        layer.weight.copy_(torch.from_numpy(weight.copy()))
        layer.bias.copy_(torch.from_numpy(bias.copy()))


def test_pytorch_counts_the_residual_pair_s_multiply_adds():
    torch = pytest.importorskip("torch")
    from torch.utils.flop_counter import FlopCounterMode

    from experiments.benchmarks.parts import torch_residual

    layers = residual.layers(32, 4)
    for name, net, shape in (
        ("generator", torch_residual.Generator(32, 4), (2, 120)),
        ("discriminator", torch_residual.Discriminator(32, 4), (2, 3, 32, 32)),
    ):
        with FlopCounterMode(display=False) as counter, torch.no_grad():
            net(torch.zeros(shape))
        macs = networks.total(layers[name]).macs
        assert counter.get_total_flops() == 2 * 2 * macs
