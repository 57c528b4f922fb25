"""What wrong texts and texts between texts do for GAN-CLS (arXiv:1605.05396).

    python -m experiments.text_to_faces_ablation
    python -m experiments.text_to_faces_ablation --variants gan cls --seeds 0 1 2
    python -m experiments.text_to_faces_ablation --model.size 64 --encoder characters

Trains each variant as `text_to_faces` does: `gan` has neither; `cls` has real portraits
with captions that are not true of them, `int` texts half way between two captions, and
`int-cls` both. The table says which share of what captions state is found in what was
drawn, for seen and unseen combinations of attributes; how alike two portraits of one
caption are, by MS-SSIM, and the share of what the caption leaves open in which they
differ; and all of it for true portraits.

Without flags: 32x32, 800 steps of each, one seed, and captions as the facts that they
state; seven minutes of one CPU core. Runs that ended are only read. The run directory
gets a run for each variant and seed, results.json, and table.png: the same captions and
noise by each variant.
"""

import dataclasses
from typing import Annotated, Any, Literal, get_args

import jax
import numpy as np
import tyro

from jaxgan import bounds
from jaxgan.lab import captioned, cli, figures, inference, runs, spread, told
from jaxgan.models import gan_cls
from jaxgan.train import Run, directory
from jaxgan.train.terminal import say

Variant = Literal["gan", "cls", "int", "int-cls"]
SHOWN = 3, 8  # captions of the picture, and portraits of each by each variant
MEASURES = {
    "stated": lambda x: x["drawn"]["share"],
    "unseen": lambda x: x["drawn_unseen"]["share"],
    "likeness": lambda x: x["variety"]["drawn"]["likeness"],
    "left open": lambda x: x["variety"]["drawn"]["unstated"],
}
TRUE = {
    "stated": lambda x: x["real"]["share"],
    "unseen": lambda x: x["real_unseen"]["share"],
    "likeness": lambda x: x["variety"]["real"]["likeness"],
    "left open": lambda x: x["variety"]["real"]["unstated"],
}


@dataclasses.dataclass(frozen=True)
class Config:
    """Training GAN-CLS in several variants."""

    run: Annotated[Run, tyro.conf.arg(name="")]
    data: Annotated[captioned.Data, tyro.conf.arg(name="")]
    model: gan_cls.Config
    encoder: captioned.Encoder = "facts"
    """What captions are embedded by, as for text_to_faces."""
    tests: bounds.Count = 1024
    """People who are not trained on, whose captions are drawn and judged."""
    variants: tuple[Variant, ...] = get_args(Variant)
    """What to train."""
    seeds: tuple[bounds.Seed, ...] = (0,)
    """Seeds to train each with."""

    def __post_init__(self):
        bounds.check(self, flags=True)
        for name in ("variants", "seeds"):
            values = getattr(self, name)
            if not values or len(set(values)) < len(values):
                raise ValueError(f"--{name} is {values}; give one or more, each once")
        if not (self.model.matching and self.model.between):
            raise ValueError(
                f"--model.matching is {self.model.matching} and --model.between"
                f" {self.model.between}; leave both out, as --variants chooses them"
            )


PRESETS = {
    "laptop": Config(
        run=runs.run("text_to_faces_ablation", steps=800, every=200, batch_size=16),
        data=captioned.Data(),
        model=gan_cls.Config(
            size=32,
            features=64,
            latent=64,
            width=24,
            discriminator_width=24,
            learning_rate=4e-4,
            ema=0.99,
        ),
    )
}


def main(config: Config) -> None:
    """Trains what is not trained yet, then makes the table."""
    found = {
        variant: [_numbers(config, variant, seed) for seed in config.seeds]
        for variant in config.variants
    }
    table = {
        variant: {
            name: spread.spread([measure(x) for x in numbers])
            for name, measure in MEASURES.items()
        }
        for variant, numbers in found.items()
    }
    first = found[config.variants[0]][0]
    true = {name: measure(first) for name, measure in TRUE.items()}
    chance = {"stated": first["chance"]["share"]}
    say(f"{'':<10}" + "".join(f"{name:<18}" for name in MEASURES))
    for variant, row in table.items():
        cells = "".join(f"{row[name].text(3):<18}" for name in MEASURES)
        say(f"{variant:<10}{cells}".rstrip())
    say("true      " + "".join(f"{true[name]:<18.3f}" for name in MEASURES).rstrip())
    _picture(config)
    figures.save_results(
        config.run.workdir / directory.RESULTS,
        {
            **{name: first[name] for name in ("data", "steps", "batch_size", "device")},
            "seeds": config.seeds,
            "encoder": config.encoder,
            "size": config.model.size,
            "variants": {
                variant: {name: value._asdict() for name, value in row.items()}
                for variant, row in table.items()
            },
            "true": true,
            "chance": chance,
            "runs": found,
        },
    )


@dataclasses.dataclass(frozen=True)
class Part(runs.Part):
    """The run of one variant."""

    encoder: captioned.Encoder = "facts"
    tests: int = 1024
    judge: bool = True


def _part(config: Config, variant: Variant, seed: int) -> Part:
    model = dataclasses.replace(
        captioned.sized(config.model, captioned.embedder(config.encoder)),
        matching="cls" in variant,
        between="int" in variant,
    )
    part = runs.part(config, f"{variant}_{seed}", model, seed=seed)
    return Part(**vars(part), encoder=config.encoder, tests=config.tests)


def _numbers(config: Config, variant: Variant, seed: int) -> dict[str, Any]:
    part = _part(config, variant, seed)
    say(f"{variant}, seed {seed}")
    return runs.once(part, lambda: told.train(part))


def _picture(config: Config) -> None:
    """Draws the same captions and noise by each variant, with the first seed."""
    people = captioned.open_people(config.tests, 1, config.model.size, "test")
    said, each = people.sentences[: SHOWN[0]], SHOWN[1]
    texts = np.repeat(captioned.embedder(config.encoder)(said), each, 0)
    drawn = {}
    for variant in config.variants:
        trained = inference.open_run(
            _part(config, variant, config.seeds[0]).run.workdir
        )
        noise = gan_cls.latent(trained.config, jax.random.key(0), len(texts))
        draw = told.drawing(trained.config)
        images = np.asarray(draw(trained.variables, texts, noise))
        drawn[variant] = images.reshape(len(said), each, *images.shape[1:])
    rows = [drawn[variant][i] for i in range(len(said)) for variant in drawn]
    labels = [f"{variant}: {sentence}" for sentence in said for variant in drawn]
    figures.save_sentences(config.run.workdir / "table.png", np.array(rows), labels)


if __name__ == "__main__":
    cli.run(main, Config, presets=PRESETS, description=__doc__)
