"""GoGAN: stages of Wasserstein GANs, each of which outdoes the last by a margin.

Juefei-Xu, Boddeti and Savvides, "Gang of GANs: Generative Adversarial Networks with
Maximum Margin Ranking", arXiv:1704.04865.

Reproduced: the first stage is a WGAN with a margin: the critic's loss is zero once a
real image outscores its fake by the margin; its weights are clipped; it moves five
times for each move of the generator; the optimiser is RMSProp. Later stages start from
the weights of the stage before and keep its generator, frozen, as a third net that
nobody owns. A ranking term puts the scores of the new generator above those of the old
one, on the same latents.

Known differences: the formulas of later stages follow the paper's idea, not its code:
both players minimise the ranking term, the critic to tell the two generators apart, and
the generator to outscore the old one. The small networks are those of `digit_nets`,
without batch norm in the critic; the paper uses DCGAN's on 64x64 colour images.
"""

import dataclasses

import jax
import jax.numpy as jnp
import optax
from jax import lax

from jaxgan import bounds, compose, losses, nn
from jaxgan.game import Batch, Game, Move, Player, TrainState, Variables, pure
from jaxgan.models.model import Model
from jaxgan.models.parts import digit_nets, images


@dataclasses.dataclass(frozen=True)
class Config:
    """Networks and training of one stage; the constants are WGAN's."""

    stage: bounds.Count = 1
    """Number of the stage, from 1."""
    margin: bounds.Rate = 1.0
    """Margin by which a real image should outscore its fake, in the critic's units."""
    ranking_margin: bounds.Weight = 0.5
    """Margin by which the second stage should outscore the first; the third should
    outscore the second by half of it, the fourth the third by a quarter, and so on."""
    ranking: bounds.Weight = 1.0
    """Weight of the ranking term."""
    clip: bounds.Rate = 0.01
    """Largest absolute value of the critic's weights, which are clipped to it."""
    critic_steps: bounds.Count = 5
    """Updates of the critic for each update of the generator."""
    latent: bounds.Count = 100
    """Size of the latent vector, drawn from a standard normal."""
    width: bounds.Count = 64
    """Channels of the wide maps; the narrow ones have twice as many."""
    hidden: bounds.Count = 1024
    """Units of the dense layers."""
    learning_rate: bounds.Rate = 5e-5
    """RMSProp's step size."""
    ema: bounds.Decay = 0.0
    """Decay of the moving average of the generator's weights; 0 averages nothing."""

    def __post_init__(self):
        bounds.check(self)

    @property
    def ahead(self) -> float:
        """The ranking margin of this stage, which is halved from stage to stage."""
        return self.ranking_margin / 2 ** max(0, self.stage - 2)


def _generator(config: Config) -> digit_nets.Generator:
    return digit_nets.Generator(config.width, config.hidden)


def game(config: Config) -> Game:
    """Critic k times, then generator. Batches: `{"image": [k, B, 28, 28, 1]}`.

    From the second stage on there is a third net, "previous", which nobody owns:
    `next_stage` fills it.
    """
    nets = {
        "generator": _generator(config),
        "critic": digit_nets.Discriminator(config.width, config.hidden, norm=False),
    }
    if config.stage > 1:
        nets["previous"] = _generator(config)
    functions = {name: pure(module, name) for name, module in nets.items()}
    critic = functions["critic"]

    def latents(batch, key):
        size = len(batch["image"])
        return nn.batch_latent(batch, key, size, config.latent)

    def ranking(variables, latent, fake_scores):
        """The ranking term `[B]` of the scores of one batch of latents."""
        earlier, _ = functions["previous"](variables, latent)
        earlier_scores, _ = critic(variables, lax.stop_gradient(earlier))
        return losses.margin_ranking_generator_loss(
            earlier_scores, fake_scores, margin=config.ahead
        )

    def critic_loss(variables, batch, turn):
        latent = latents(batch, turn.key)
        fake = lax.stop_gradient(functions["generator"](variables, latent)[0])
        real_scores, variables = critic(variables, batch["image"])
        fake_scores, variables = critic(variables, fake)
        loss = losses.margin_ranking_discriminator_loss(
            real_scores, fake_scores, margin=config.margin
        ).mean()
        metrics = {"gap": (real_scores - fake_scores).mean()}
        if config.stage > 1:
            metrics["ranking"] = ranking(variables, latent, fake_scores).mean()
            loss += config.ranking * metrics["ranking"]
        return loss, (variables, metrics)

    def generator_loss(variables, batch, turn):
        latent = latents(batch, turn.key)
        fake, variables = functions["generator"](variables, latent)
        fake_scores, variables = critic(variables, fake)
        loss = losses.wasserstein_generator_loss(fake_scores).mean()
        metrics = {}
        if config.stage > 1:
            metrics["ranking"] = ranking(variables, latent, fake_scores).mean()
            loss += config.ranking * metrics["ranking"]
        return loss, (variables, metrics)

    # ε is outside the root, as in Torch: a clipped critic's gradients are small beside
    # it.
    rmsprop = optax.rmsprop(config.learning_rate, decay=0.99, eps_in_sqrt=False)
    clipped = optax.chain(rmsprop, losses.weight_clipping(config.clip))
    zeros = jnp.zeros((1, config.latent))
    return Game(
        nets=nets,
        inputs=lambda batch: {
            net: (batch["image"][:1],) if net == "critic" else (zeros,) for net in nets
        },
        players={
            "critic": Player(critic_loss, ("critic",), clipped),
            "generator": Player(generator_loss, ("generator",), rmsprop),
        },
        moves=(Move("critic", repeat=config.critic_steps), Move("generator")),
        ema={"generator": config.ema},
    )


def next_stage(new: TrainState, old: TrainState) -> TrainState:
    """Starts a stage from the end of the stage before.

    Generator and critic continue with their weights, and a frozen copy of the generator
    is the one to outdo. Optimisers start afresh, and the step and the key are those of
    `old` (`compose.adopt`).

    Args:
        new: a fresh state of the new stage's game.
        old: the last state of the stage before, of the same sizes.

    Raises:
        ValueError: `new` belongs to a first stage, or the sizes differ.
    """
    if "previous" not in new.params:
        raise ValueError(
            f"the new state has the nets {sorted(new.params)} and none called"
            " 'previous'; make it from a Config with a stage of 2 or more"
        )
    shapes = [jax.tree.map(jnp.shape, s.params["generator"]) for s in (new, old)]
    if shapes[0] != shapes[1]:
        raise ValueError(
            "the generators differ in size; give all stages the same latent, width and"
            " hidden"
        )
    state = compose.adopt(new, old)
    copy = lambda tree: jax.tree.map(jnp.copy, tree)  # noqa: E731
    return state.replace(
        params={**state.params, "previous": copy(old.params["generator"])},
        stats={**state.stats, "previous": copy(old.stats["generator"])},
    )


def latent(config: Config, key: jax.Array, count: int) -> jax.Array:
    """Draws latents `[count, Z]`."""
    return nn.sample_latent(key, count, config.latent)


def sample(config: Config, variables: Variables, latent: jax.Array) -> jax.Array:
    """Images `[N, 28, 28, 1]` in [0, 1] from latents `[N, Z]`, normalised together."""
    return pure(_generator(config), "generator")(variables, latent)[0]


def batch(config: Config, key: jax.Array, count: int) -> Batch:
    """Makes a random batch in the form that `game` takes."""
    return images.batch(key, count, repeats=config.critic_steps)


MODEL = Model(
    paper="1704.04865",
    config=Config,
    game=game,
    batch=batch,
    show=images.samples(latent, sample),
    tiny=Config(stage=2, critic_steps=2, latent=4, width=2, hidden=6),
    latent=latent,
    sample=sample,
    # A constant added to every score does not change any hinge.
    still=("critic/Dense_0/bias",),
)
