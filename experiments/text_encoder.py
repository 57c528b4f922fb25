"""Trains the encoder of captions that text-to-image models read (arXiv:1605.05395).

    python -m experiments.text_encoder
    python -m experiments.text_encoder --level words

It is trained on drawn portraits and their captions or taken from the cache, which every
experiment with captions does by itself; three minutes on two CPU cores. results.json
gets its retrieval: how often the portrait nearest to a caption, of 256 unseen people,
is one that the caption is true of, for combinations of attributes that were trained on
and for others, beside chance. captions.txt has sentences and what each states.
"""

import dataclasses
import pathlib

import jax
import numpy as np

from jaxgan import bounds, report
from jaxgan.data.synthetic import captions, faces
from jaxgan.lab import cli, session
from jaxgan.lab.judges import captions as judge
from jaxgan.train.terminal import say


@dataclasses.dataclass(frozen=True)
class Config:
    """Which encoder to train."""

    workdir: pathlib.Path = pathlib.Path("runs/text_encoder")
    """Directory for the results; the encoder itself goes into the cache."""
    level: judge.Level = "characters"
    """What sentences are made of: characters, which spell any word, or words."""
    shown: bounds.Count = 20
    """Sentences of captions.txt."""
    again: bool = False
    """Train even where the cache has one."""

    def __post_init__(self):
        bounds.check(self, flags=True)


def main(config: Config) -> None:
    """Trains or loads, and reports."""
    encoder = judge.caption_encoder(config.level, again=config.again)
    results = {
        "level": config.level,
        "retrieval": encoder.quality,
        "embedding": encoder.config.embedding,
        "symbols": encoder.config.symbols,
        "longest_text": encoder.config.length,
        "parameters": sum(np.size(x) for x in jax.tree.leaves(encoder.variables)),
        "kept_in": judge.file(encoder.config),
    }
    session.save_json(config.workdir / "results.json", results)
    people = faces.dataset(0, config.shown, 16)["factors"]
    said = captions.captions(captions.values(people), 0, 1)
    lines = [f"{text}\n    {_stated(text)}" for (text,) in said]
    report.write(config.workdir / "captions.txt", "\n".join(lines))
    quality = encoder.quality
    say(
        f"the nearest portrait fits {quality['seen']:.1%} of captions of combinations"
        f" that were trained on, {quality['unseen']:.1%} of others"
    )
    say(f"done: {config.workdir / 'results.json'}")


def _stated(text: str) -> str:
    facts = captions.read(text)
    return ", ".join(f"{name}: {' or '.join(sorted(x))}" for name, x in facts.items())


if __name__ == "__main__":
    cli.run(main, Config, description=__doc__)
