"""Makes a generator forget an object: finds the maps that draw it and drops them.

    python -m experiments.forget_object --run runs/dcgan_faces
    python -m experiments.forget_object --run runs/photos --sheet
    python -m experiments.forget_object --run runs/photos --boxes boxes.json

Radford, Metz and Chintala, arXiv:1511.06434, section 6.3.2, forget windows: people drew
52 boxes around them in 150 samples; a logistic regression on the maps of the layer
before the last told positions inside the boxes from others; the samples were drawn
again without the maps of positive weight. Here the samples are drawn faces and the
object is their glasses. A regressor finds them in the samples to learn from; another
one, with other weights and trained on other faces, in those to test on. On other
pictures the boxes are drawn by hand: --sheet writes the numbered samples for that.

Windows can be anywhere, but glasses are always in front of eyes. A regression that only
compares them with their surroundings finds the maps that draw eyes. So by default it
also has to tell them from the eyes of samples without glasses (--against outside is the
paper's way).

The rest of the object is compared with other changes of the image, and with dropping
equally many maps at random: a generator without half of its maps loses the glasses too,
along with everything else. So the heaviest maps alone are dropped as well, in several
layers, and maps of positive weight are tried one by one: first the map that removes
most of the glasses for the least damage, then the best one to drop beside it, and so
on. All choices are made on the samples to learn from; the rates are those of new
samples.

Takes some minutes on two CPU cores; the first run on drawn faces trains the regressor,
which takes a few more. The run itself is only read. Writes forgotten.png (the same
latents before and after), evidence.png (where the regression sees the object),
trade.png (what is forgotten against what changes) and results.json.
"""

import dataclasses
import pathlib
from typing import Literal

import jax
import numpy as np

from experiments.forget_object import findings, pictures, samples, sweep
from experiments.forget_object.fitting import BLOCK, FIT, TEST, measure, search
from jaxgan import bounds
from jaxgan.analysis import forgetting, rectifiers
from jaxgan.lab import blocks, figures, inference


@dataclasses.dataclass(frozen=True)
class Config:
    """The object to forget, and the run."""

    run: pathlib.Path
    """Directory of a finished run of a generator; it is only read."""
    workdir: pathlib.Path = pathlib.Path("runs/forget_object")
    """Directory for the pictures and the results."""
    object: str = "glasses"
    """Object to forget: glasses on drawn faces, or anything with --boxes."""
    boxes: pathlib.Path | None = None
    """File of boxes drawn by hand: JSON, from the number of a sample to its top, left,
    bottom and right in pixels."""
    sheet: bool = False
    """Whether to write samples.png only: the numbered samples, to draw boxes on."""
    layer: bounds.Whole = -2
    """Rectifier of the generator whose maps the picture drops; -1 is the last."""
    compare: tuple[bounds.Whole, ...] = ()
    """Rectifiers whose maps are dropped in turn, for comparison. If left out, the last
    three that have maps."""
    against: Literal["both", "absent", "outside"] = "both"
    """What to tell the object from: other places of the same samples (outside, as in
    the paper), the same places of samples without it (absent), or both. With --boxes it
    is always outside."""
    drop: bounds.Natural = 0
    """Number of maps of positive weight that the picture drops, the heaviest first. 0
    drops those that the search finds or, with --boxes, a quarter of them."""
    samples: bounds.Count = 400
    """Samples to learn from, with and without the object; the paper has 150."""
    count: bounds.Count = 500
    """New samples to test on, where the regressor finds the object."""
    controls: bounds.Count = 3
    """Number of random choices of maps, which are averaged."""
    penalty: bounds.Rate = 1.0
    """Strength of the regression's L2 penalty, the inverse of scikit-learn's C."""
    seed: bounds.Seed = 0
    """Seed of the latents."""
    ema: bool = True
    """Whether to use the moving average of the weights."""

    def __post_init__(self):
        bounds.check(self, flags=True)
        if self.boxes is None and self.object != "glasses" and not self.sheet:
            raise ValueError(
                f"--object is {self.object!r}, but only glasses are found"
                " automatically: draw boxes and give them with --boxes"
            )


def main(config: Config) -> None:
    """Learns where the object is, forgets it, and measures the changes."""
    trained = inference.open_run(config.run, ema=config.ema)
    draw = inference.drawing(trained)
    key = jax.random.key(config.seed)
    latents, labels = samples.latents(
        trained, jax.random.fold_in(key, FIT), config.samples
    )
    plain = jax.jit(lambda *x: inference.to_uint8(trained, draw(*x)))
    images = blocks.in_blocks(plain, latents, labels, size=BLOCK)
    if config.sheet:
        pictures.save_sheet(config, images)
        return
    look = jax.jit(lambda *x: rectifiers.observed(draw)(*x)[1])
    shapes = [x.shape for x in jax.eval_shape(look, *samples.first(latents, labels))]
    layers, total = samples.layers(config, shapes), len(shapes)
    # Whoever finds the glasses to learn from does not score what is left of them.
    finder, scorer = (
        (None, None) if config.boxes else samples.regressors(trained, images)
    )
    seen = samples.seen(config, finder, latents, labels, images)
    fitted = sweep.fit_all(config, key, look, layers, seen)
    test = seen
    if scorer is not None:
        latents, labels = samples.latents(
            trained, jax.random.fold_in(key, TEST), config.count
        )
        images = blocks.in_blocks(plain, latents, labels, size=BLOCK)
        test = samples.seen(config, scorer, latents, labels, images)
    find, read = (None if one is None else one.read for one in (finder, scorer))
    rows = sweep.compare(config, key, trained, draw, fitted, seen, test, find, read)
    chosen = config.layer % total
    results = findings.collected(config, trained, fitted, rows, seen, test, scorer)
    forget = sweep.without(trained, draw, chosen)
    positive = fitted[chosen].heavy > 0
    if find is None or config.drop:
        few = forgetting.heaviest(
            fitted[chosen].heavy, config.drop or -(-positive.sum() // 4)
        )
    else:
        few, others = (search(forget, x, seen, find) for x in (positive, ~positive))
        for name, maps in (("searched", few), ("searched_control", others)):
            found = measure(test, forget(maps, test), read)
            results[name] = {"maps": np.flatnonzero(maps).tolist(), **found}
    sets = (few,) if (few == positive).all() else (few, positive)
    pictures.draw_forgotten(config, key, forget, sets, test)
    pictures.draw_evidence(config, look, chosen, fitted[chosen], seen)
    pictures.draw_trade(config, rows, total, test, results.get("searched"))
    figures.save_results(config.workdir / "results.json", results)
    findings.tell(results)
