"""Trackers of other makers behind one tuple of functions: numbers, pictures, the end.

Each takes its address and credentials from its own settings, by environment variables
or a login, and is imported when it is asked for. docs/lab.md has the commands.
"""

import contextlib
import importlib
import os
import pathlib
import secrets
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

PROJECT = "jaxgan"  # where the tracker's own setting names no other
PATIENCE = 60  # seconds to wait at the end for what is still to be sent


class Tracker(NamedTuple):
    """An open run of a tracker.

    Attributes:
        id: by which `opened` finds this run again.
        scalars: `scalars(step, numbers)`, in the order of steps.
        picture: `picture(step, name, path)` of a PNG, after the numbers of its step.
        close: `close(ended)`; False where the run stopped before its end.
    """

    id: str
    scalars: Callable[[int, Mapping[str, float]], None]
    picture: Callable[[int, str, pathlib.Path], None]
    close: Callable[[bool], None]


def check(name: str) -> None:
    """Checks that a tracker is installed and has the credentials that it needs.

    Raises:
        ValueError: it is not, or has not; the message has the cure.
    """
    library = _imported(name)
    if name == "wandb" and library.setup().settings.mode in ("online", "shared"):
        try:
            known, why = library.login(), ""
        except Exception as error:  # it asks no one, or the service is not there
            known, why = False, f" ({' '.join(str(error).split())[:200]})"
        if not known:
            raise ValueError(
                f"wandb has no credentials, or cannot check them{why}; use `wandb"
                " login`, or set WANDB_MODE=offline and send the run later by `wandb"
                " sync`"
            )


def opened(
    name: str, workdir: pathlib.Path, config: Mapping[str, Any], known: str = ""
) -> Tracker:
    """Opens a run of a tracker, named as the directory is.

    Args:
        name: of the tracker: wandb, mlflow or trackio.
        workdir: the directory of the run.
        config: of the run, which the tracker shows.
        known: the id of the tracker's run to go on in; empty for a new one.

    Raises:
        ValueError: it is not installed, lacks credentials or cannot be reached.
    """
    check(name)
    maker = {"wandb": _wandb, "mlflow": _mlflow, "trackio": _trackio}[name]
    try:
        with contextlib.redirect_stdout(sys.stderr):  # standard output is for results
            return maker(_imported(name), workdir, config, known)
    except Exception as error:  # of networks, servers and settings, of many kinds
        said = " ".join(str(error).split())[:200]
        anew = f"; without {workdir / 'trackers.json'} a new run begins" * bool(known)
        raise ValueError(
            f"{name} cannot be opened ({type(error).__name__}: {said}); check its"
            f" address and credentials, or leave {name} out of --track{anew}"
        ) from error


def _wandb(wandb, workdir, config, known) -> Tracker:
    run = wandb.init(
        project=os.environ.get("WANDB_PROJECT") or PROJECT,
        name=workdir.name,
        id=known or None,
        resume="allow" if known else None,
        config=dict(config),
        dir=str(workdir),
        settings=wandb.Settings(console="off", finish_timeout=PATIENCE),
    )
    return Tracker(
        run.id,
        lambda step, numbers: run.log(dict(numbers), step=step),
        lambda step, name, path: run.log({name: wandb.Image(str(path))}, step=step),
        lambda ended: run.finish(exit_code=0 if ended else 1),
    )


def _mlflow(mlflow, workdir, config, known) -> Tracker:
    # Training waits for each call: where a server is gone, not for minutes of tries.
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "2")
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "20")
    entities = importlib.import_module("mlflow.entities")
    client = mlflow.MlflowClient()
    if known:
        client.update_run(known, status="RUNNING")
    else:
        title = os.environ.get("MLFLOW_EXPERIMENT_NAME") or PROJECT
        found = client.get_experiment_by_name(title)
        place = found.experiment_id if found else client.create_experiment(title)
        known = client.create_run(place, run_name=workdir.name).info.run_id
        for name, value in _flat(config):
            client.log_param(known, name, str(value)[:500])

    def scalars(step, numbers):
        now = int(time.time() * 1000)
        client.log_batch(
            known, [entities.Metric(name, x, now, step) for name, x in numbers.items()]
        )

    def picture(step, name, path):
        from PIL import Image

        with Image.open(path) as image:
            client.log_image(known, image, key=name, step=step)

    def close(ended):
        client.set_terminated(known, "FINISHED" if ended else "FAILED")

    return Tracker(known, scalars, picture, close)


def _trackio(trackio, workdir, config, known) -> Tracker:
    name = known or f"{workdir.name}-{secrets.token_hex(3)}"  # by which it resumes
    run = trackio.init(
        os.environ.get("TRACKIO_PROJECT") or PROJECT,
        name=name,
        config=dict(config),
        resume="allow",
        embed=False,
        auto_log_gpu=False,
        auto_log_cpu=False,
    )

    def close(ended):
        with contextlib.redirect_stdout(sys.stderr):
            trackio.finish()

    return Tracker(
        name,
        lambda step, numbers: run.log(dict(numbers), step=step),
        lambda step, name, path: run.log({name: trackio.Image(path)}, step=step),
        close,
    )


def _imported(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError:
        raise ValueError(
            f"{name} is not installed, which --track {name} needs; use"
            f' `pip install -e ".[{name}]"`'
        ) from None


def _flat(config: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    """All values of a nested configuration, by their paths, such as model.width."""
    for name, value in config.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{above}{name}.")
        else:
            yield f"{above}{name}", value
