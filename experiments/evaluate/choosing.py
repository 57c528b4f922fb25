"""Which metrics can be made of what there is."""

from jaxgan.lab.measure import census, statistics
from jaxgan.lab.sets import ImageSet
from jaxgan.train.terminal import say


def counted(config, real) -> bool:
    """Whether to count what is in the faces: where that is asked for, or cheap.

    Raises:
        ValueError: it is asked for, but the images are no drawn faces.
    """
    possible = census.possible(real.protocol["data"], real.shape)
    if config.factors and not possible:
        raise ValueError(
            "--factors is for drawn faces of 16, 32, 64, 128 or 256 pixels; the real"
            f" images are {real.about}"
        )
    if possible and not (config.factors or census.ready(real.shape[0])):
        say(" left out  the factors of faces: --factors trains what reads them, once")
        return False
    return possible


def wanted(sets, extractor, config) -> tuple[statistics.Metric, ...]:
    """Chooses the requested metrics, or all that can be computed.

    Raises:
        ValueError: one of the requested metrics cannot be computed, or none can.
    """
    logits = extractor.about.get("classes") is not None
    missing = _unlike(sets["real"], sets["fake"])
    count = min(pictures.count for pictures in sets.values())
    kept, side = min(config.kept, count), min(sets["real"].shape[:2])
    needs: dict[statistics.Metric, tuple[bool, str]] = {
        "frechet": (count >= 2, f"2 images of each set or more, not {count}"),
        "kernel": (
            kept >= config.subset_size,
            f"as many images as --subset-size, {config.subset_size}, not {kept}",
        ),
        "coverage": (
            kept >= statistics.LEAST_COVERED,
            f"{statistics.LEAST_COVERED} images of each set or more, not {kept}",
        ),
        "score": (logits, "logits of classes: give --extractor inception or digits"),
        "classes": (
            bool(extractor.about.get("sees_labels")) or not missing,
            missing,
        ),
        "memorisation": (
            "held out" in sets,
            "real images that were not trained on: name them with --held-out",
        ),
        "diversity": (side >= 11, f"images of 11 pixels a side, not {side}"),
        "wasserstein": (side >= 16, f"images of 16 pixels a side, not {side}"),
    }
    for name in config.metrics:
        possible, what = needs[name]
        if not possible:
            raise ValueError(f"--metrics {name} needs {what}")
    if config.metrics:
        return config.metrics
    there: tuple[statistics.Metric, ...] = tuple(
        name for name, (possible, _) in needs.items() if possible
    )
    if not there:
        raise ValueError(f"nothing can be measured with {count} image: give more")
    if left_out := [name for name in needs if name not in there]:
        say(f" left out  {', '.join(left_out)}: not to be had of these sets")
    return there


def _unlike(real: ImageSet, fake: ImageSet) -> str:
    """What two sets need for a table of the classes of both; empty if nothing."""
    if not (real.labelled and fake.labelled):
        return "labels of both sets, or --extractor digits"
    if not (real.classes and fake.classes) or {*real.classes} & {*fake.classes}:
        return ""
    return (
        f"a class that both sets have: one has {', '.join(real.classes[:20])}, the"
        f" other {', '.join(fake.classes[:20])}"
    )
