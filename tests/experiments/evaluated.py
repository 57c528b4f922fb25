"""Small sets on disk, and the command that measures them refusing something."""

import json

import numpy as np
from commands import call

from experiments import evaluate


def images(seed, count=40, size=16, channels=3):
    rng = np.random.default_rng(seed)
    return rng.integers(0, 256, (count, size, size, channels), np.uint8)


def saved(folder, name, seed, labels=False, **options):
    made = images(seed, **options)
    arrays = {"images": made}
    if labels:
        arrays["labels"] = np.arange(len(made)) % 4
    np.savez(folder / f"{name}.npz", **arrays)
    return f"npz:{folder / name}.npz"


def results(folder):
    return json.loads((folder / "results.json").read_text())


def refused(argv, monkeypatch, capsys, out):
    assert call(evaluate, [*argv, "--out", out], monkeypatch) == 2
    assert not out.exists()
    return capsys.readouterr().err
