"""Times training steps and routing on one accelerator, beside PyTorch where it runs.

    python -m experiments.benchmarks.accelerator
    python -m experiments.benchmarks.accelerator --only dcgan routing --precisions tf32
    python -m experiments.benchmarks.accelerator --device cpu --small --rounds 3

Times training steps of the DCGAN at 64 pixels (widths 64 and 128), of a residual pair
of BigGAN's widths at 128 pixels, of the CapsNet (batches of 128 and 512) and of the
small GAN (many steps in a dispatch; 1, 8 and 64 seeds under `vmap`), and then routing
alone; each in float32, TensorFloat-32 and bfloat16. PyTorch's side uses channels-last
memory, autocast and fused Adam, and runs with and without `torch.compile`; jaxgan's
time is divided by the faster of the two. Without PyTorch, or on a device that it does
not see, jaxgan is timed alone. On a TPU "tf32" is JAX's version of it, three passes of
bfloat16.

Each case runs in a separate process. The processes share the device: they take turns at
compiling (a compiler that tries kernels must be alone) and then at steps, of which many
are dispatched before the command waits for one. The least work of a step is counted by
hand (`roofline.py`) and compared with what the device reaches in a large matrix product
and a large copy, and with what its vendor states. The bound of routing is the bytes of
its inputs, weights and results; inputs change from call to call, so that no cache holds
them. A call whose work is shorter than its dispatch takes as long as the dispatch;
larger batches show the bound.

Measurements are kept in the work directory: running the same command again continues
with the next one, and --again repeats all. Takes about ten minutes on one H200. Writes
table.md and results.json.
"""

from tqdm import tqdm

from experiments.benchmarks.accelerator.cases import CASES, SMALL, Config, vendor
from experiments.benchmarks.accelerator.processes import (
    measure,
    path,
    probe,
    serve,
    sides_of,
)
from experiments.benchmarks.accelerator.reporting import rows, tables
from experiments.benchmarks.parts import kept, timing
from jaxgan import report
from jaxgan.lab import figures
from jaxgan.train.terminal import say


def main(config: Config) -> None:
    """Measures what has not been measured yet, and writes the tables."""
    if config.serve:
        return serve(config, config.serve)
    # Child processes share the device; this one only counts, and must not use it.
    import jax

    jax.config.update("jax_platforms", "cpu")
    words = ["device", config.device, *(["small"] * config.small)]
    words += ["torch"] * config.torch
    device = kept.kept(
        config.workdir / f"{'_'.join(words)}.json",
        config.again,
        lambda: probe(config),
    )
    sides = sides_of(config, device)
    cases = [c for c in (SMALL if config.small else CASES) if c.name in config.only]
    peaks = vendor(config, device["kind"])
    measured = []
    bar = tqdm(cases, unit="case")
    for case in bar:
        bar.set_postfix_str(case.title)
        found = kept.kept(
            path(config, case, sides),
            config.again,
            lambda case=case: measure(config, case, sides, device["platform"]),
        )
        reported = rows(case, found["samples"], device, peaks)
        left_out = found["left_out"]
        measured.append(
            {"case": case._asdict(), "rows": reported, "left_out": left_out}
        )
    text = tables(device, peaks, measured, sides)
    report.write(config.workdir / "table.md", text)
    results = {
        "machine": timing.machine(),
        "device": device,
        "vendor": peaks and peaks._asdict(),
        "cases": measured,
    }
    figures.save_results(config.workdir / "results.json", results)
    say(text)
