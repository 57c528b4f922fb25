"""What a training step would take on a slice of TPU v5e: a plan on paper.

    python -m experiments.scaling_plan
    python -m experiments.scaling_plan --chips 8 --batch-per-chip 64
    python -m experiments.scaling_plan --compile     # asks the TPU's compiler as well

Nothing here runs on a TPU. A step is taken apart into arithmetic, traffic of memory and
messages between chips, each over the rate that the chip's documentation gives. For the
library's models the arithmetic is that of their own step, lowered for a TPU; BigGAN,
which the library does not have, is counted from its paper. With --compile, the TPU's
compiler (`pip install "jaxgan[tpu]"`; it needs no TPU) compiles some of the steps, and
its own counts stand beside those by hand: some minutes. What it all means:
docs/scaling.md.

Writes results.json and scaling_plan.png. Half a minute on a CPU.
"""

import dataclasses
import functools
import math
import pathlib
import re
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from experiments.scaling_plan import compiler
from jaxgan.game import Game, algorithm
from jaxgan.lab import figures
from jaxgan.lab.counting import chips as lab_chips
from jaxgan.lab.counting import networks
from jaxgan.lab.counting.chips import Chip, Model
from jaxgan.lab.counting.networks import Net, Play
from jaxgan.lab.data import say
from jaxgan.models import capsnet, dcgan, gan

COLOURS = ("#1b4965", "#5fa8a3", "#e4572e", "#e8a33d", "#777777")
ADVERSARIAL = {
    "generator": Play(forward=1, train=1, average=True),
    "discriminator": Play(through=1, train=2, beside=2),
}
BIGGAN = {  # two updates of the discriminator to one of the generator
    "generator": Play(forward=2, train=1, average=True),
    "discriminator": Play(through=1, train=4, beside=2, updates=2),
}
# Model, chips, chips that share the state, images a chip.
COMPILED = (
    ("dcgan 64", 1, 1, 32),
    ("dcgan 64", 256, 1, 8),
    ("dcgan 64", 256, 16, 8),
    ("capsnet", 256, 1, 8),
)
SPARE = 0.9  # of the memory that a program may fill
STORAGE = 1e9  # bytes a second to where checkpoints go


class Subject(NamedTuple):
    """A model of the library, to lower and to count by hand.

    Attributes:
        game: whose step it is.
        batch: `batch(B)` are the shapes of a batch.
        nets: each as counted by hand, and how it is played.
        image: bytes of an example.
        size: the paper's batch.
    """

    game: Game
    batch: Callable[[int], Any]
    nets: dict[str, tuple[Net, Play]]
    image: int
    size: int


@dataclasses.dataclass(frozen=True)
class Config:
    """What to plan for."""

    chips: tuple[int, ...] = (8, 64, 256)
    """Sizes of slices."""
    batch_per_chip: tuple[int, ...] = (8, 32)
    """Images of a batch on one chip."""
    mxu: float = 0.4
    """Share of the peak that convolutions are taken to reach."""
    compile: bool = False
    """Ask the TPU's compiler too."""
    workdir: pathlib.Path = pathlib.Path("runs/scaling_plan")
    """Where the picture and the numbers go."""

    def __post_init__(self):
        for name in ("chips", "batch_per_chip"):
            if not getattr(self, name):
                flag = name.replace("_", "-")
                raise ValueError(f"--{flag} is empty; give one number or more")
        for n in self.chips:
            lab_chips.shape(n)
        if min(self.batch_per_chip) < 1:
            raise ValueError(
                f"--batch-per-chip has {min(self.batch_per_chip)}; it must be at least"
                " 1"
            )
        if not 0 < self.mxu <= 1:
            raise ValueError(
                f"--mxu is {self.mxu}; it is a share of the peak, above 0 and at most 1"
            )


def main(config: Config) -> None:
    """Counts, tabulates, draws."""
    chip = Chip(mxu=config.mxu)
    subjects = library()
    if config.compile:  # a missing compiler is told before anything is counted
        compiler.devices((1, 1))
    models = {name: counted(subject) for name, subject in subjects.items()}
    seeds = {n: models.pop(n) for n in list(models) if n.startswith("gan")}
    models["biggan 128"] = biggan()
    found = {}
    for name, model in models.items():
        found[name] = plan(model, config.chips, config.batch_per_chip, chip)
        say("\n".join((f"{name}", *table(found[name]), "")))
    seeds |= {name: models[name] for name in ("capsnet", "dcgan 64")}
    results = {
        "chip": chip._asdict(),
        "assumed": {"spare": SPARE, "storage": STORAGE},
        "models": found,
        "seeds": {name: filling(model, chip) for name, model in seeds.items()},
        "compiled": [],
    }
    if config.compile:
        for name, chips, fsdp, batch in COMPILED:
            subject, model = subjects[name], models[name]
            counts = compiler.compiled(
                subject.game, subject.batch(batch * chips), lab_chips.shape(chips), fsdp
            )
            say(
                f"{name} on {chips} chips, --fsdp {fsdp}, {batch} images each: {counts}"
            )
            results["compiled"].append(
                {
                    **{"model": name, "chips": chips, "fsdp": fsdp, "batch": batch},
                    **counts,
                    "by_hand": by_hand(model, fsdp, batch),
                }
            )
    _draw(config, models, chip)
    figures.save_results(config.workdir / "results.json", results)


def library() -> dict[str, Subject]:
    """The models of the library that are planned for."""

    def photos(side: int, count: int):
        return {"image": jax.ShapeDtypeStruct((count, side, side, 3), jnp.float32)}

    def digits(count: int):
        return {
            "image": jax.ShapeDtypeStruct((count, 28, 28, 1), jnp.float32),
            "label": jax.ShapeDtypeStruct((count,), jnp.int32),
        }

    found = {}
    for side in (64, 128):
        config = dcgan.Config(resolution=side, dtype="bfloat16")
        nets = networks.dcgan(side, config.width, config.latent, config.kernel)
        found[f"dcgan {side}"] = Subject(
            dcgan.game(config),
            functools.partial(photos, side),
            {name: (net, ADVERSARIAL[name]) for name, net in nets.items()},
            side * side * 3,
            128,
        )
    found["capsnet"] = Subject(
        capsnet.game(capsnet.Config(dtype="bfloat16")),
        digits,
        {name: (net, Play()) for name, net in networks.capsnet().items()},
        28 * 28,
        128,
    )
    narrow = gan.Config(hidden=(128, 128), maxout=(32, 32))
    for name, config in (("gan", gan.Config()), ("gan, 128 units", narrow)):
        game = gan.game(config)
        found[name] = Subject(game, digits, _dense(game, digits(2)), 28 * 28, 100)
    return found


def counted(subject: Subject) -> Model:
    """A model with the operations of its own step, as lowered for a TPU.

    Two batches tell what grows with the batch from what does not.
    """
    small, large = 8, 16
    played = algorithm(subject.game)
    state = jax.eval_shape(
        played.init, jax.random.key(0), subject.batch(small)
    )  # which sizes parameters have does not depend on the batch
    flops, text = [], ""
    for size in (small, large):
        traced = jax.jit(played.step).trace(state, subject.batch(size))
        lowered = traced.lower(lowering_platforms=("tpu",))
        flops.append(float((lowered.cost_analysis() or {})["flops"]))
        text = lowered.as_text()
    slope = (flops[1] - flops[0]) / (large - small)
    launches = len(re.findall(r"stablehlo\.(?:convolution|dot_general|reduce)\b", text))
    fixed = flops[0] - small * slope
    return Model(subject.nets, slope, fixed, subject.image, 1, subject.size, launches)


def biggan() -> Model:
    """BigGAN at 128 pixels, all of it by hand; the batch of the paper is 2048."""
    nets = {name: (net, BIGGAN[name]) for name, net in networks.biggan().items()}
    flops, image = lab_chips.operations(nets), 128 * 128 * 3
    return Model(nets, flops, 0.0, image, 2, 2048, 0)


def plan(
    model: Model, sizes: tuple[int, ...], batches: tuple[int, ...], chip: Chip
) -> dict[str, Any]:
    """Everything the plan says of one model, ready for JSON. Seconds and bytes."""
    held, beside = lab_chips.state(model), lab_chips.transient(model)
    count, size = lab_chips.norms(model)
    room = SPARE * chip.hbm - sum(held.values()) - beside["gradients"]
    return {
        "parameters": {name: net.params for name, (net, _) in model.nets.items()},
        "flops_an_image": model.flops,
        "flops_fixed": model.fixed,
        "flops_by_hand": lab_chips.operations(model.nets),
        "state": held,
        **beside,
        "hbm_fixed": lab_chips.hbm_bytes(model, 0),
        "hbm_an_image": lab_chips.hbm_bytes(model, 1) - lab_chips.hbm_bytes(model, 0),
        "gradients_crossing": lab_chips.gradients(model),
        "norm_messages": count,
        "norm_bytes": size,
        "even_with_memory": balanced(model, chip),
        "largest_batch_a_chip": math.floor(room / beside["activations"]),
        "checkpoint": sum(held.values()),
        "checkpoint_seconds": sum(held.values()) * (1 / chip.pcie + 1 / STORAGE),
        "slices": [slice_of(model, n, batches, chip) for n in sizes],
    }


def slice_of(
    model: Model, chips: int, batches: tuple[int, ...], chip: Chip
) -> dict[str, Any]:
    """One slice: messages, the batch from which on they do not matter, step times."""
    shared = lab_chips.shape(chips)[1]
    norm = lab_chips.norm_seconds(model, chips, chip)
    crossing = {
        f: lab_chips.gradient_seconds(model, chips, chip, f)
        for f in sorted({1, shared, chips})
    }
    message = norm + crossing[1]
    return {
        "chips": chips,
        "gradients_sent": lab_chips.reduce_bytes(lab_chips.gradients(model), chips),
        "gradients_seconds": {str(f): seconds for f, seconds in crossing.items()},
        "norm_seconds": norm,
        "message_seconds": lab_chips.reduce_seconds(0.0, lab_chips.shape(chips), chip),
        "even_with_arithmetic": even(model, message, chip, 0.0),
        "even_with_chip": even(model, message, chip, 1.0),
        "norm_even": even(model, norm, chip, 0.0),
        "state_a_chip": {
            str(f): sum(lab_chips.state(model).values()) / f for f in crossing
        },
        "steps": [
            step(model, chips, batch, f, chip)
            for batch in batches
            for f in dict.fromkeys((1, shared))
        ],
    }


def balanced(model: Model, chip: Chip) -> int | None:
    """The least batch a chip whose arithmetic takes as long as its memory's traffic.

    None where the traffic of an image alone takes longer.
    """
    compute, memory = (
        [seconds(model, batch, chip) for batch in (0, 1)]
        for seconds in (lab_chips.compute_seconds, lab_chips.hbm_seconds)
    )
    image = (compute[1] - compute[0]) - (memory[1] - memory[0])
    return max(1, math.ceil((memory[0] - compute[0]) / image)) if image > 0 else None


def even(model: Model, seconds: float, chip: Chip, memory: float) -> int:
    """The least batch a chip that keeps it busy for `seconds`; 1 if any does.

    Args:
        model: what is trained.
        seconds: of messages.
        chip: that computes meanwhile.
        memory: 1 to count the traffic of memory as work, 0 for arithmetic alone.
    """
    at = [
        (
            lab_chips.compute_seconds(model, batch, chip),
            memory * lab_chips.hbm_seconds(model, batch, chip),
        )
        for batch in (0, 1)
    ]
    needed = [
        (seconds - none) / (one - none) if one > none else math.inf
        for none, one in zip(*at, strict=True)
    ]
    return max(1, math.ceil(min(needed)))


def step(model: Model, chips: int, batch: int, fsdp: int, chip: Chip) -> dict[str, Any]:
    """One step of `batch` images a chip, in seconds, and what the host must give.

    `apart` takes arithmetic or memory, whichever is slower, and then the messages;
    `overlapped` hides the gradients' messages behind it, but not those of batch norm,
    which the next layer waits for.
    """
    compute = lab_chips.compute_seconds(model, batch, chip)
    memory = lab_chips.hbm_seconds(model, batch, chip, fsdp)
    crossing = lab_chips.gradient_seconds(model, chips, chip, fsdp)
    norm = lab_chips.norm_seconds(model, chips, chip)
    apart = max(compute, memory) + crossing + norm
    overlapped = max(compute, memory, crossing) + norm
    times = {
        "arithmetic": compute, "memory": memory, "gradients": crossing, "norm": norm
    }  # fmt: skip
    images = model.images * batch * chips / overlapped
    return {
        "batch": batch,
        "fsdp": fsdp,
        **times,
        "bound": max(times, key=lambda name: times[name]),
        "apart": apart,
        "overlapped": overlapped,
        "images_a_second": images,
        "host_bytes_a_second": {
            str(n): images * model.image * min(n, chips) / chips for n in (4, 8)
        },
    }


def filling(model: Model, chip: Chip) -> dict[str, Any]:
    """How many seeds, trained together under `vmap`, keep one chip busy.

    A small step takes as long as its operations take to start. Seeds share the starts.
    """
    compute = lab_chips.compute_seconds(model, model.batch, chip)
    memory = lab_chips.hbm_seconds(model, model.batch, chip)
    beside = lab_chips.transient(model)
    each = sum(lab_chips.state(model).values()) + beside["gradients"]
    each += model.batch * beside["activations"]
    starts = model.launches * chip.launch
    return {
        "batch": model.batch,
        "launches": model.launches,
        "starts": starts,
        "arithmetic": compute,
        "memory": memory,
        "bytes": each,
        "fill": max(1, math.ceil(starts / max(compute, memory))),
        "fit": math.floor(SPARE * chip.hbm / each),
    }


def by_hand(model: Model, fsdp: int, batch: int) -> dict[str, float]:
    """What the plan says of a step that the compiler was asked about."""
    return {
        "flops": model.flops * batch + model.fixed,
        "bytes_accessed": lab_chips.hbm_bytes(model, batch, fsdp),
        "state": sum(lab_chips.state(model).values()) / fsdp,
        "gradients_crossing": lab_chips.gradients(model),
        "parameters_gathered": sum(
            lab_chips.gathered(net, play) * (fsdp > 1)
            for net, play in model.nets.values()
        ),
        "norm_messages": lab_chips.norms(model)[0],
        "norm_bytes": lab_chips.norms(model)[1],
    }


def table(found: dict[str, Any]) -> list[str]:
    """The steps of a plan as lines of Markdown; times in milliseconds."""
    lines = [
        "| chips | batch a chip | `--fsdp` | arithmetic | memory | gradients |"
        " batch norm | step | bound by | images/s | MB/s a host of 8 |",
        "|---" * 11 + "|",
    ]
    most = max(on["chips"] for on in found["slices"])
    for on in found["slices"]:
        for row in on["steps"]:
            if row["fsdp"] > 1 and on["chips"] < most:
                continue  # the others say the same, less clearly
            times = [row[k] for k in ("arithmetic", "memory", "gradients", "norm")]
            best, worst = row["overlapped"], row["apart"]
            lines.append(
                f"| {on['chips']} | {row['batch']} | {row['fsdp']} | "
                + " | ".join(f"{1e3 * t:.2f}" for t in times)
                + f" | {1e3 * best:.2f}-{1e3 * worst:.2f} | {row['bound']}"
                f" | {row['images_a_second']:,.0f}"
                f" | {row['host_bytes_a_second']['8'] / 1e6:,.0f} |"
            )
    return lines


def _dense(game: Game, batch: Any) -> dict[str, tuple[Net, Play]]:
    """Nets of products alone, counted from their parameters."""
    state = jax.eval_shape(algorithm(game).init, jax.random.key(0), batch)
    nets = {}
    for name, params in state.params.items():
        leaves = jax.tree.leaves(params)
        products = [leaf for leaf in leaves if leaf.ndim > 1]
        nets[name] = (
            Net(
                sum(leaf.size for leaf in leaves),
                sum(leaf.size for leaf in products),
                sum(leaf.size // leaf.shape[0] for leaf in products),
                arrays=len(products),
            ),
            ADVERSARIAL[name],
        )
    return nets


def _draw(config: Config, models: dict[str, Model], chip: Chip) -> None:
    chips = max(config.chips)
    shared = lab_chips.shape(chips)[1]
    batches = 2.0 ** np.arange(0, 9.01, 0.25)
    figure = figures.new(3.9 * len(models), 4.0, 0.03)
    panels = figure.subplots(1, len(models), sharey=True, squeeze=False)[0]
    for axes, (name, model) in zip(panels, models.items(), strict=True):
        compute, memory, split = (
            1e3 * np.array([seconds(b) for b in batches])
            for seconds in (
                lambda b, m=model: lab_chips.compute_seconds(m, b, chip),
                lambda b, m=model: lab_chips.hbm_seconds(m, b, chip),
                lambda b, m=model: lab_chips.hbm_seconds(m, b, chip, shared),
            )
        )
        axes.plot(batches, compute, color=COLOURS[0], label="arithmetic")
        axes.plot(batches, memory, color=COLOURS[1], label="memory")
        axes.plot(
            batches, split, ":", color=COLOURS[1], label=f"memory, --fsdp {shared}"
        )
        cross = 1e3 * lab_chips.gradient_seconds(model, chips, chip)
        axes.axhline(cross, color=COLOURS[2], label="gradients across chips")
        if norm := 1e3 * lab_chips.norm_seconds(model, chips, chip):
            axes.axhline(norm, color=COLOURS[3], ls="--", label="global batch norm")
        room = plan(model, (), (), chip)["largest_batch_a_chip"]
        if room < batches[-1]:
            axes.axvspan(room, batches[-1], color=COLOURS[4], alpha=0.25, lw=0)
        at = model.batch / chips
        if at >= 1:
            axes.axvline(at, color=COLOURS[4], lw=1, ls="-.", label="the paper's batch")
        axes.set_xscale("log", base=2)
        axes.set_yscale("log")
        axes.set_xlim(batches[0], batches[-1])
        axes.set_title(f"{name}, {chips} chips")
        axes.set_xlabel("images of the batch on one chip")
        axes.grid(alpha=0.3)
    panels[0].set_ylabel("milliseconds of a step (planned)")
    lines = {
        t: h
        for a in panels
        for h, t in zip(*a.get_legend_handles_labels(), strict=True)
    }
    figure.legend(lines.values(), lines.keys(), loc="outside lower center", ncols=6)
    figures.save(
        config.workdir / "scaling_plan.png", figure, "what bounds a step, by the batch"
    )
