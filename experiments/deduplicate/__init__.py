"""Finds near duplicates in a set of images by semantic hashing, in linear time.

    python -m experiments.deduplicate --data npz:PHOTOS.npz
    python -m experiments.deduplicate --run runs/photos --plant 200

DCGAN's bedrooms were deduplicated in this way (Radford, Metz and Chintala,
arXiv:1511.06434, section 4.1). A denoising autoencoder learns codes of 128 numbers from
32x32 central squares (normalised in brightness and contrast), a threshold turns them
into bits, and images with the same bits count as copies of each other, of which the
first is kept.

How good that is depends on the set, so the command measures it on copies planted in the
set: images compressed again, brightened, shifted or resized. The threshold is chosen on
those of one half of the set: it is the one that finds most copies while at most
--most-false of the removed images are false. It is tested on those of the other half.
An image is removed falsely if it is not a planted copy of the one kept in its place,
and their pixels correlate less than --alike. The share that is false depends on how
many copies there are: in a set without any, all that is removed is removed falsely, so
results.json also says how many of a thousand images of the set that happens to. If all
images are similar, such as clothes of one kind, a correlation proves little: look at
the pictures.

Takes a few minutes on two CPU cores. Writes kept.json (the indices to keep, and what
replaces each removed image), results.json, groups.png (the largest groups), planted.png
(copies that were found and missed, and other thresholds) and the run of the
autoencoder; if that was stopped, the same command goes on with it.
"""

import dataclasses
import json
import pathlib
from typing import Any

import numpy as np

from experiments.deduplicate import duplicates, hashes, pictures
from experiments.deduplicate.halves import by_chance, counts, halves, plain, threshold
from jaxgan import bounds, report, train
from jaxgan.lab import figures
from jaxgan.train.terminal import say


@dataclasses.dataclass(frozen=True)
class Config:
    """The set, and how to search it for copies."""

    data: str | None = None
    """Images, written as in training; those of --run if left out."""
    run: pathlib.Path | None = None
    """Directory of a run whose images are taken; it is only read."""
    workdir: pathlib.Path = pathlib.Path("runs/deduplicate")
    """Directory for the results and the run of the autoencoder."""
    split: str = "train"
    """Part to take of a set that has parts."""
    download: bool = False
    """Whether tfds may download and prepare a set that is missing."""
    bits: bounds.Count = 128
    """Bits of a hash, the size of the code."""
    steps: bounds.Count = 3000
    """Training steps of the autoencoder."""
    batch_size: bounds.Count = 128
    """Images in a step."""
    plant: bounds.Natural = 500
    """Copies planted in each half of the set; at most as many as its images."""
    threshold: bounds.Weight | None = None
    """Threshold of the codes; chosen on planted copies if left out."""
    most_false: bounds.Share = 0.01
    """Largest share of removed images that may be false, on planted copies."""
    alike: bounds.Share = 0.95
    """Correlation of pixels from which two images count as copies."""
    seed: bounds.Seed = 0
    """Seed of the weights and of the planted copies."""
    devices: bounds.Natural = 0
    """Devices to train on; 0 takes all."""

    def __post_init__(self):
        bounds.check(self, flags=True)
        if self.data is None and self.run is None:
            raise ValueError("give images with --data, or a run of a model with --run")
        if not self.plant and self.threshold is None:
            raise ValueError(
                "--plant is 0, so there are no copies to choose the threshold on; give"
                " --threshold, or plant copies"
            )


def main(config: Config) -> None:
    """Trains, chooses, tests and removes, then writes everything at the end."""
    opened = hashes.open_set(config.data, config.run, config.split, config.download)
    half = len(opened.images) // 2
    if config.plant > half:
        raise ValueError(
            f"--plant is {config.plant}, but half of {opened.spec} has only {half}"
            " images to make copies of; give at most that"
        )
    encode = hashes.encoder(opened, _run(config), config.bits)
    codes = encode(opened.images)
    both = halves(config, opened, codes, encode)
    results: dict[str, Any] = {
        "data": opened.spec,
        "split": config.split,
        "images": len(opened.images),
        "bits": config.bits,
        "steps": config.steps,
        "seed": config.seed,
        "alike": config.alike,
    }
    trials = []
    if config.plant:
        trials = [
            duplicates.tried(both[0], value, config.alike)
            for value in duplicates.thresholds(codes)
        ]
    results |= threshold(config, both[0], trials)
    tested = None
    if config.plant:
        tested = duplicates.tried(both[1], results["threshold"], config.alike)
        results["tested_on"] = counts(both[1], tested)
        results["alike_by_chance"] = by_chance(opened.images, config)
    everything = plain(opened.images, codes)
    final = duplicates.tried(everything, results["threshold"], config.alike)
    kept = np.unique(final.kept)
    results["removed"] = final.removed
    results["removed_that_correlate_less"] = final.others_false
    _write_kept(config, opened, final, kept)
    if tested is not None:
        figures.save(
            config.workdir / "planted.png",
            pictures.planted(both[1], tested, trials, config.most_false),
            "planted copies, found and missed",
        )
        say(
            f"planted copies: {tested.recall:.1%} found; {tested.false_rate:.1%} of"
            f" {tested.removed:,} removed images are false"
        )
    figures.save(
        config.workdir / "groups.png",
        pictures.groups(opened.spec, opened.images, final),
        "the largest groups of images with one hash",
    )
    figures.save_results(config.workdir / "results.json", results)
    say(
        f"{opened.spec}: {len(kept):,} of {len(opened.images):,} images to keep"
        f" ({config.workdir / 'kept.json'}); of {final.removed:,} removed,"
        f" {final.others_false:,} correlate less than {config.alike} with the image"
        " kept in their place"
    )


def _run(config: Config) -> train.Run:
    """The run of the autoencoder."""
    return train.Run(
        workdir=config.workdir / "autoencoder",
        steps=config.steps,
        batch_size=config.batch_size,
        seed=config.seed,
        devices=config.devices,
        sample_every=max(1, config.steps // 4),
        checkpoint_every=max(1, config.steps // 4),
        log_every=max(1, config.steps // 100),
        keep=1,
    )


def _write_kept(config, opened, final, kept) -> None:
    """Writes kept.json."""
    removed = np.flatnonzero(final.kept != np.arange(len(final.kept)))
    plain = {
        "data": opened.spec,
        "split": config.split,
        "images": len(opened.images),
        "kept": kept.tolist(),
        "removed": {str(i): int(final.kept[i]) for i in removed},
    }
    path = config.workdir / "kept.json"
    report.write(path, json.dumps(plain) + "\n")
    say(f"{path}: the images to keep")
