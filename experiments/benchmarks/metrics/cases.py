"""What is timed: features and distances, here and by others."""

import importlib.util
import os
import pathlib
from collections.abc import Callable
from typing import Any, Literal

from experiments.benchmarks.parts import kept, timing

Part = Literal["extract-32", "extract-299", "frechet", "mmd", "kernel", "manifold"]
THEIRS = "torch-fidelity"
CASES: dict[Part, tuple[str, ...]] = {
    "extract-32": (THEIRS, "jaxgan"),
    "extract-299": (THEIRS, "jaxgan"),
    "frechet": (THEIRS, "scipy", "jaxgan"),
    "mmd": (THEIRS, "jaxgan", "jaxgan-jax"),
    "kernel": (THEIRS, "jaxgan", "jaxgan-jax"),
    "manifold": (THEIRS, "jaxgan", "jaxgan-jax"),
}
NEIGHBOUR = 3  # the neighbour whose distance is the radius in `manifold`


def pictures(config: Any, size: int) -> Any:
    """Makes bytes `[N, size, size, 3]`."""
    import numpy as np

    shape = (config.batch_size, size, size, 3)
    return np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)


def two_sets(config: Any) -> tuple[Any, Any]:
    """Makes features `[N, F]` of two distributions, at least 0 like Inception's."""
    import numpy as np

    rng, count = np.random.default_rng(0), config.features
    mix = rng.normal(size=(count, count)).astype("float32") / np.sqrt(count)
    shape = (config.samples, count)
    real, fake = (rng.normal(size=shape).astype("float32") @ mix for _ in range(2))
    return np.maximum(real, 0), np.maximum(fake + 0.1, 0)


def extract(config: Any, case: str, size: int) -> Callable[[], object]:
    """Makes the function from bytes on the host to features on the host."""
    assert config.folder is not None
    images = pictures(config, size)
    if case == THEIRS:
        from experiments.benchmarks.parts import torch_metrics

        return torch_metrics.extractor(
            str(config.folder / "weights.pth"),
            images,
            channels_last=config.channels_last,
            threads=config.threads,
        )
    import jax
    import numpy as np

    from jaxgan.metrics import inception

    variables = inception.load(config.folder / "weights.npz").variables
    seen = jax.jit(inception.features)
    return lambda: [np.asarray(x) for x in seen(variables, images)]


def frechet(config: Any, case: str) -> Callable[[], object]:
    """Makes the function from statistics to the distance."""
    import numpy as np

    sets = two_sets(config)
    (mean_a, cov_a), (mean_b, cov_b) = (
        (x.mean(0, dtype="float64"), np.cov(x, rowvar=False)) for x in sets
    )
    if case == THEIRS:
        from experiments.benchmarks.parts import torch_metrics

        return torch_metrics.frechet((mean_a, cov_a), (mean_b, cov_b))
    if case == "scipy":
        import scipy.linalg

        def distance() -> float:
            root = np.trace(scipy.linalg.sqrtm(cov_a @ cov_b)).real
            squared = np.square(mean_a - mean_b).sum()
            return squared + np.trace(cov_a) + np.trace(cov_b) - 2 * root

        return distance
    from jaxgan.metrics import frechet_distance

    return lambda: frechet_distance(mean_a, cov_a, mean_b, cov_b)


def of_samples(config: Any, part: str, case: str) -> Callable[[], object]:
    """Makes the function from two sets of features to a distance."""
    real, fake = two_sets(config)
    size = min(1000, config.samples)
    if case == THEIRS:
        from experiments.benchmarks.parts import torch_metrics

        if part == "mmd":
            return torch_metrics.discrepancy(real, fake)
        if part == "kernel":
            return torch_metrics.kernel(
                real, fake, subsets=config.subsets, subset_size=size
            )
        return torch_metrics.manifold(real, fake, k=NEIGHBOUR, threads=config.threads)
    import jax

    from jaxgan.metrics import kernel, manifold

    if case == "jaxgan-jax":
        real, fake = jax.numpy.asarray(real), jax.numpy.asarray(fake)

    def distance() -> object:
        if part == "mmd":
            return kernel.polynomial_mmd(real, fake)
        if part == "kernel":
            return kernel.kernel_distance(
                real, fake, subsets=config.subsets, subset_size=size
            )
        return manifold.precision_recall(real, fake, k=NEIGHBOUR)

    return lambda: jax.block_until_ready(distance())


def write_weights(config: Any, folder: pathlib.Path) -> None:
    """Writes the weights to `folder` in the form of each side."""
    import jax

    from jaxgan.metrics import inception

    if config.weights:
        weights = inception.load(config.weights)
    else:
        variables = inception.random_variables(jax.random.key(0))
        weights = inception.Weights(variables, "", "random", "")
    with open(folder / "weights.npz", "wb") as file:
        inception.save(file, weights)
    if importlib.util.find_spec("torch"):
        import torch

        arrays = inception.to_published(weights.variables)
        state = {name: torch.tensor(x) for name, x in arrays.items()}
        torch.save(state, folder / "weights.pth")


def serve(config: Any, part: str, case: str) -> None:
    """The child that takes the steps of a case."""
    kept.prepare(config.threads, config.allocator)
    os.environ["OMP_NUM_THREADS"] = str(config.threads)  # numpy's products too
    if part.startswith("extract"):
        step = extract(config, case, int(part.partition("-")[2]))
    elif part == "frechet":
        step = frechet(config, case)
    else:
        step = of_samples(config, part, case)
    # LAPACK takes half a minute for these statistics, and nothing is compiled.
    timing.serve(step, warmup=0 if part == "frechet" else 1)
