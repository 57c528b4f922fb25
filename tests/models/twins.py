"""A network in PyTorch with the weights of one of ours, layer after layer."""

import itertools

import numpy as np
import pytest


class Twin:
    """Layers whose weights are taken in the order of their names, Conv_0 first."""

    def __init__(self, weights):
        self.torch = pytest.importorskip("torch")
        self.weights, self.used = weights, {}

    def tensor(self, x):
        return self.torch.tensor(np.asarray(x, "float64"))

    def next(self, kind):
        count = self.used.setdefault(kind, itertools.count())
        return self.layer(f"{kind}_{next(count)}")

    def layer(self, name):
        return {part: self.tensor(x) for part, x in self.weights[name].items()}

    def dense(self, x, name=None):
        layer = self.layer(name) if name else self.next("Dense")
        return x @ layer["kernel"] + layer.get("bias", 0)

    def conv(self, x, stride=1):
        layer = self.next("Conv")
        kernel = layer["kernel"].permute(3, 2, 0, 1)
        padding = (kernel.shape[-1] - 1) // 2
        return self.torch.nn.functional.conv2d(
            x, kernel, layer.get("bias"), stride=stride, padding=padding
        )

    def norm(self, x):
        layer = self.next("BatchNorm")
        return self.torch.nn.functional.batch_norm(
            x, None, None, layer["scale"], layer["bias"], training=True, eps=1e-5
        )

    def normed(self, x, stride=1):
        return self.norm(self.conv(x, stride))

    def leaky(self, x):
        return self.torch.nn.functional.leaky_relu(x, 0.2)

    def residual(self, x, active):
        y = active(self.normed(x))
        y = active(self.normed(y))
        return active(x + self.normed(y))

    def tiled(self, vector, side):
        return vector[:, :, None, None].expand(-1, -1, side, side)
