"""Images in, batches out, on the host.

A set is opened by `open_source`, read into memory by `load` (or left where it is and
read through `fitted`), and batch `i` is `plan(seed, i)` followed by `take`, which
`stream` does ahead of time. See `jaxgan.data.transforms` for the image functions.
"""

from jaxgan.data.arrays import NoSplit
from jaxgan.data.batches import Order, Plan, order_of, plan, plan_many, take
from jaxgan.data.choice import held_out, some, some_of_each
from jaxgan.data.classed import classed
from jaxgan.data.decode import CorruptImage
from jaxgan.data.load import Arrays, fingerprint, fits, fitted, load
from jaxgan.data.protocol import Example, Source, classes_of, name_of
from jaxgan.data.shards import ShardSource
from jaxgan.data.sources import ArraySource, drawn, open_source
from jaxgan.data.stream import Batch, stream
from jaxgan.data.transforms import Crop, Size, Upscale, fit, height_width

__all__ = [
    "ArraySource",
    "Arrays",
    "Batch",
    "CorruptImage",
    "Crop",
    "Example",
    "NoSplit",
    "Order",
    "Plan",
    "ShardSource",
    "Size",
    "Source",
    "Upscale",
    "classed",
    "classes_of",
    "drawn",
    "fingerprint",
    "fit",
    "fits",
    "fitted",
    "height_width",
    "held_out",
    "load",
    "name_of",
    "open_source",
    "order_of",
    "plan",
    "plan_many",
    "some",
    "some_of_each",
    "stream",
    "take",
]
