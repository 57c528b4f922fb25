"""Those examples of a source that have a class: labels below 0 stand for none."""

import dataclasses

import numpy as np

from jaxgan.data.protocol import Example, Source, classes_of, labels_of, name_of
from jaxgan.data.shards import ShardSource
from jaxgan.data.sources import ArraySource


@dataclasses.dataclass(frozen=True, eq=False)
class Classed:
    """A source without the examples that have no class; see `classed`.

    Attributes:
        source: all examples.
        places: where those with a class are in it, integers `[N]`; None where its
            labels are known only once its images are read.
    """

    source: Source
    places: np.ndarray | None

    def __len__(self) -> int:
        return len(self.source if self.places is None else self.places)

    def __getitem__(self, index: int) -> Example:
        example = self.source[self._place(index)]
        if self.places is None and example["label"] < 0:
            raise ValueError(
                f"{self.name(index)} has no class (a label below 0), and every image"
                " needs its class here: decode the set into shards with `python -m"
                " experiments.make_shards`, of which such images are left out"
            )
        return example

    @property
    def classes(self) -> tuple[str, ...]:
        """The names of the labels, in the order of their numbers."""
        return classes_of(self.source)

    def name(self, index: int) -> str:
        """What to call an example in an error."""
        return name_of(self.source, self._place(index))

    def gather(self, index: np.ndarray) -> dict[str, np.ndarray]:
        """Reads examples of a source that gathers them."""
        assert isinstance(self.source, ShardSource | ArraySource)
        return self.source.gather(self._place(index))

    def _place(self, index):
        return index if self.places is None else self.places[index]


def classed(source: Source) -> Source:
    """The same set without the examples whose label is below 0.

    Returns:
        The source itself where every example has a class. Where labels are known only
        once images are read, as in tfds, a source that raises a `ValueError` at an
        example without one.
    """
    labels = labels_of(source)
    if labels is None:
        return Classed(source, None)
    places = np.flatnonzero(np.asarray(labels) >= 0)
    return source if len(places) == len(source) else Classed(source, places)


def gathering(source: object) -> "Gathering | None":
    """A source that gives whole batches at once, or None for another one."""
    whole = source.source if isinstance(source, Classed) else source
    return source if isinstance(whole, ShardSource | ArraySource) else None  # type: ignore[return-value]


Gathering = ShardSource | ArraySource | Classed
