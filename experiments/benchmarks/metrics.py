"""Times scores, Inception's features and the distances, beside torch-fidelity.

    python -m experiments.benchmarks.metrics --rounds 5
    python -m experiments.benchmarks.metrics --parts extract-32 extract-299

`extract-32` and `extract-299` compute 2048 features and 1008 logits of images of that
size, with the same weights (random, unless `--weights` names a file). `frechet` is the
distance of two sets of statistics of 2048 features; "scipy" computes the root of the
product of the covariances, as in the first FID code. `mmd` is the squared discrepancy
of all samples, `kernel` its mean over subsets, and `manifold` precision and recall.
"jaxgan" computes distances of NumPy arrays in float64, and "jaxgan-jax" those of JAX
arrays in float32, like torch-fidelity.

Each case runs in a separate process; ratios are over torch-fidelity, round by round, or
over the first of the other cases if it is not installed. Takes minutes on two cores;
other work on the machine disturbs it.
"""

import dataclasses
import importlib.util
import json
import os
import pathlib
import sys
import tempfile
from collections.abc import Callable
from typing import Any, Literal

from experiments.benchmarks.parts import kept, timing
from jaxgan import bounds
from jaxgan.lab import cli

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


@dataclasses.dataclass(frozen=True)
class Config:
    """What to measure, and for how long."""

    parts: tuple[Part, ...] = tuple(CASES)
    """Parts to measure, one after the other."""
    batch_size: bounds.Count = 16
    """Images in a batch of extraction."""
    weights: pathlib.Path | None = None
    """File of Inception's weights; by default they are random."""
    channels_last: bool = True
    """Whether PyTorch extracts features in the faster channels-last format."""
    samples: bounds.Count = 5000
    """Features in each of two sets."""
    features: bounds.Count = 2048
    """Numbers in each feature vector."""
    subsets: bounds.Count = 10
    """Subsets of `kernel`, of a thousand samples each."""
    threads: bounds.Count = 2
    """Threads for each side."""
    rounds: bounds.Count = 5
    """Timed turns of each case."""
    allocator: Literal["tuned", "default"] = "tuned"
    """Settings of the allocator (jaxgan/allocator.py), on both sides."""
    workdir: pathlib.Path = pathlib.Path("runs/benchmarks/metrics")
    """Directory for results.json."""
    output: pathlib.Path | None = None
    """Internal: the file to write, instead of results.json."""
    serve: str | None = None
    """Internal: be the child process of this case."""
    folder: pathlib.Path | None = None
    """Internal: where the weights lie in the form of each side."""

    def __post_init__(self):
        bounds.check(self, flags=True)


def pictures(config: Config, size: int) -> Any:
    """Makes bytes `[N, size, size, 3]`."""
    import numpy as np

    shape = (config.batch_size, size, size, 3)
    return np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)


def two_sets(config: Config) -> tuple[Any, Any]:
    """Makes features `[N, F]` of two distributions, at least 0 like Inception's."""
    import numpy as np

    rng, count = np.random.default_rng(0), config.features
    mix = rng.normal(size=(count, count)).astype("float32") / np.sqrt(count)
    shape = (config.samples, count)
    real, fake = (rng.normal(size=shape).astype("float32") @ mix for _ in range(2))
    return np.maximum(real, 0), np.maximum(fake + 0.1, 0)


def extract(config: Config, case: str, size: int) -> Callable[[], object]:
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


def frechet(config: Config, case: str) -> Callable[[], object]:
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


def of_samples(config: Config, part: str, case: str) -> Callable[[], object]:
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


def write_weights(config: Config, folder: pathlib.Path) -> None:
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


def _serve(config: Config, part: str, case: str) -> None:
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


def table(part: str, rows: list[timing.Row], config: Config) -> str:
    """The rows of a part as Markdown."""
    lines = []
    for row in rows:
        rate = 1e3 * config.batch_size / row.ms if part.startswith("extract") else None
        lines.append(
            f"| {part} | {row.name} | {row.ms:.0f} | {row.ms_min:.0f} "
            f"| {row.ratio:.2f} ({row.ratio_low:.2f}-{row.ratio_high:.2f}) "
            f"| {f'{rate:.1f}' if rate else '-'} |"
        )
    return "\n".join(lines)


def main(config: Config) -> None:
    """Measures every case and prints the table."""
    if config.serve:
        part, _, case = config.serve.partition(" ")
        return _serve(config, part, case)
    if config.rounds < 2:
        raise ValueError(f"--rounds is {config.rounds}; quartiles need 2 or more")
    there = all(importlib.util.find_spec(name) for name in ("torch", "torch_fidelity"))
    if not there:
        print(
            "torch-fidelity is not installed, so ratios are over the first of the"
            " other cases"
        )
    machine = timing.machine()
    print(json.dumps(machine))
    print("| part | case | ms, median | best | ratio (quartiles) | images / s |")
    print("|---|---|---|---|---|---|", flush=True)
    result: dict[str, Any] = {"machine": machine, "rows": {}, "samples": {}}
    with tempfile.TemporaryDirectory() as folder:
        if any(part.startswith("extract") for part in config.parts):
            write_weights(config, pathlib.Path(folder))
        child = [sys.executable, "-m", "experiments.benchmarks.metrics", *sys.argv[1:]]
        child += ["--folder", folder]
        for part in config.parts:
            names = [name for name in CASES[part] if there or name != THEIRS]
            samples = timing.measure(
                {name: [*child, "--serve", f"{part} {name}"] for name in names},
                rounds=config.rounds,
            )
            rows = timing.compare(samples, dict.fromkeys(names, names[0]))
            print(table(part, rows, config), flush=True)
            result["rows"][part] = [row._asdict() for row in rows]
            result["samples"][part] = samples
    kept.save(config, result)


if __name__ == "__main__":
    main(cli.parse(Config, __doc__, sys.argv[1:]))
