"""torch-fidelity's side of `metrics.py`: the same numbers by its own functions.

If torchvision does not load, torch-fidelity is imported without it, since nothing here
needs it.
"""

import contextlib
import importlib
import sys
import types
from collections.abc import Callable, Iterator
from typing import Any

_TORCHVISION = (
    "torchvision",
    "torchvision.datasets",
    "torchvision.models",
    "torchvision.transforms",
    "torchvision.transforms.functional",
    "torchvision.utils",
)


class _Names(types.ModuleType):
    """A module in which every name is a class that does nothing."""

    def __init__(self, name: str):
        super().__init__(name)
        self.__path__ = []  # makes it a package, so that its modules are searched for

    def __getattr__(self, name: str) -> type:
        if name.startswith("__"):
            raise AttributeError(name)
        return type(name, (), {})


@contextlib.contextmanager
def _torchvision() -> Iterator[None]:
    """Provides the real torchvision or, during an import, empty names."""
    try:
        importlib.import_module("torchvision")
    except Exception:  # not installed, or built for another torch: a RuntimeError
        _forget_torchvision()
        modules = {name: _Names(name) for name in _TORCHVISION}
        for name, module in modules.items():
            parent, _, own = name.rpartition(".")
            if parent:
                setattr(modules[parent], own, module)
        sys.modules.update(modules)
        try:
            yield
        finally:
            _forget_torchvision()
    else:
        yield


def _forget_torchvision() -> None:
    for name in list(sys.modules):
        if name.partition(".")[0] == "torchvision":
            del sys.modules[name]


def import_torch_fidelity(module: str = "torch_fidelity") -> Any:
    """Imports torch-fidelity, or a module of it.

    Raises:
        ImportError: it or torch is not installed.
    """
    importlib.import_module("torch")
    with _torchvision():
        return importlib.import_module(module)


def extractor(
    weights: str, images: Any, *, channels_last: bool, threads: int
) -> Callable[[], object]:
    """Inception's features and logits of one batch.

    Args:
        weights: a file in PyTorch's form.
        images: uint8 `[N, H, W, 3]`.
        channels_last: memory format of weights and images.
        threads: the threads of PyTorch.
    """
    import torch

    torch.set_num_threads(threads)
    name = "torch_fidelity.feature_extractor_inceptionv3"
    network = import_torch_fidelity(name).FeatureExtractorInceptionV3(
        "inception-v3-compat",
        ["2048", "logits_unbiased"],
        feature_extractor_weights_path=weights,
    )
    batch = torch.from_numpy(images).permute(0, 3, 1, 2)
    if channels_last:
        network = network.to(memory_format=torch.channels_last)
    else:
        batch = batch.contiguous()

    def extract() -> object:
        with torch.inference_mode():
            return [x.numpy() for x in network(batch)]

    return extract


def frechet(statistics: tuple, others: tuple) -> Callable[[], object]:
    """Its Fréchet distance of two means and covariances."""
    function = import_torch_fidelity("torch_fidelity.metric_fid")
    a, b = ({"mu": mu, "sigma": sigma} for mu, sigma in (statistics, others))
    return lambda: function.fid_statistics_to_metric(a, b, verbose=False)


def discrepancy(real: Any, fake: Any) -> Callable[[], object]:
    """Its unbiased squared discrepancy of all samples."""
    function = import_torch_fidelity("torch_fidelity.metric_kid").kernel_mmd
    return lambda: function(fake, real)


def kernel(
    real: Any, fake: Any, *, subsets: int, subset_size: int
) -> Callable[[], object]:
    """Its kernel distance over subsets."""
    import torch

    function = import_torch_fidelity("torch_fidelity.metric_kid").kid_features_to_metric
    real, fake = torch.from_numpy(real), torch.from_numpy(fake)
    return lambda: function(
        fake,
        real,
        kid_subsets=subsets,
        kid_subset_size=subset_size,
        verbose=False,
    )


def manifold(real: Any, fake: Any, *, k: int, threads: int) -> Callable[[], object]:
    """Its precision and recall."""
    import torch

    torch.set_num_threads(threads)
    function = import_torch_fidelity("torch_fidelity.metric_prc").prc_features_to_metric
    real, fake = torch.from_numpy(real), torch.from_numpy(fake)
    return lambda: function(fake, real, prc_neighborhood=k, verbose=False)
