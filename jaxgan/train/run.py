"""The settings of a run, and the devices it asks for."""

import dataclasses
import pathlib
from typing import Literal

import jax
from jax.sharding import Mesh

from jaxgan import bounds, parallel
from jaxgan.train import beside


@dataclasses.dataclass(frozen=True)
class Run:
    """How long to train, where, and what to write."""

    workdir: pathlib.Path
    """Directory of the run; the same command again resumes it."""
    steps: bounds.Count = 2000
    """Steps to train for, including those of earlier calls."""
    batch_size: bounds.Count = 64
    """Examples in a minibatch, over all devices together."""
    seed: bounds.Seed = 0
    """Seed of initial weights, noise and data order."""
    devices: bounds.Natural = 0
    """Devices to train on; 0 takes all devices of all processes."""
    fsdp: bounds.Count = 1
    """Devices over which large parameters, their optimiser states and averages are
    split; 1 keeps them whole on every device."""
    accumulate: bounds.Count = 1
    """Parts into which a minibatch is cut, to save memory; gradients are averaged."""
    processes: bounds.Count | Literal["auto"] = 1
    """Processes that train together; auto asks the cluster (TPU pod, SLURM, MPI)."""
    process: bounds.Natural = 0
    """Number of this process, from 0; auto finds it."""
    coordinator: str = ""
    """Address of process 0, as HOST:PORT; auto finds it."""
    on_nan: Literal["stop", "rollback", "ignore"] = "stop"
    """What to do when a loss or weight is NaN or infinite: stop; go back to the last
    checkpoint and on from there with other noise, up to three times; or only warn."""
    accept_changes: bool = False
    """Resume although the configuration has changed, and say what changed."""
    log_every: bounds.Count = 20
    """Steps between scalars."""
    sample_every: bounds.Count = 250
    """Steps between sample sheets."""
    checkpoint_every: bounds.Count = 250
    """Steps between checkpoints."""
    evaluate_every: bounds.Natural = 0
    """Steps between evaluations, where the experiment has one; the state with the best
    score is kept in the folder best. 0 leaves evaluations out."""
    track: tuple[Literal["wandb", "mlflow", "trackio"], ...] = ()
    """Trackers that are sent scalars and sheets too, such as: --track wandb mlflow."""
    keep: bounds.Count = 2
    """Latest checkpoints to keep."""
    steps_per_call: bounds.Natural = 0
    """Steps in one call of the device; 0 chooses: 1 for convolutions on CPU."""

    def __post_init__(self):
        bounds.check(self, flags=True)


def devices(run: Run) -> Mesh:
    """The mesh of the devices a run asks for.

    Raises:
        ValueError: there are fewer, or the batch does not divide over them.
    """
    there = beside.devices()
    if run.devices > len(there):
        raise ValueError(
            f"{run.devices} devices were asked for, but there are {len(there)};"
            f" use --devices {len(there)} or fewer"
        )
    if jax.process_count() > 1 and run.devices not in (0, len(there)):
        raise ValueError(
            f"--devices is {run.devices}, but several processes train on all they have"
            f" ({len(there)}); leave it out"
        )
    mesh = parallel.mesh(there[: run.devices or None], run.fsdp)
    parallel.check_batch_size(run.batch_size, mesh, run.accumulate)
    return mesh
