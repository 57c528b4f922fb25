"""The game that most papers vary: a generator against a discriminator.

Goodfellow et al., "Generative Adversarial Nets", arXiv:1406.2661, Algorithm 1: the
discriminator moves on new data and new noise, then the generator on noise of its own.
Real and generated examples pass the discriminator apart, so that batch normalisation
cannot tell them by their company.
"""

from collections.abc import Callable

import jax
import optax
from flax import linen
from jax import lax

from jaxgan.game import Game, Move, Player, pure


def adversarial(
    generator: linen.Module,
    discriminator: linen.Module,
    *,
    latent: Callable[[jax.Array, int], jax.Array],
    losses: tuple[Callable, Callable],
    optimizer: optax.GradientTransformation,
    data: str = "image",
    look: Callable[[jax.Array, jax.Array], jax.Array] = lambda examples, key: examples,
    discriminator_steps: int = 1,
    ema: float = 0.0,
) -> Game:
    """Two nets, two players, two moves.

    Args:
        generator: latents to examples.
        discriminator: examples `[B, ...]` to logits, `[B]` or `[B, 1]`.
        latent: `latent(key, B)` draws latents; a batch that has a `latent` of its own,
            which makes tests exact, is played with that.
        losses: of the discriminator `(real_logits, fake_logits) -> [B]`, and of the
            generator `fake_logits -> [B]`, as `jaxgan.losses` has them.
        optimizer: of each player.
        data: where a batch has its real examples.
        look: `look(examples, key)` changes what the discriminator is shown, real and
            generated, in both losses: differentiable augmentation, noise.
        discriminator_steps: its updates, on fresh minibatches, to one of the generator.
        ema: decay of the average of the generator's weights.

    Returns:
        The game; nets and players are "generator" and "discriminator".
    """
    nets = {"generator": generator, "discriminator": discriminator}
    generate, discriminate = (pure(module, name) for name, module in nets.items())
    discriminator_objective, generator_objective = losses

    def fakes(variables, batch, key):
        latents = batch.get("latent")
        if latents is None:
            latents = latent(key, batch[data].shape[0])
        return generate(variables, latents)

    def judge(variables, examples, key):
        logits, variables = discriminate(variables, look(examples, key))
        return logits.reshape(examples.shape[0]), variables

    def discriminator_loss(variables, batch, turn):
        latent_key, real_key, fake_key = jax.random.split(turn.key, 3)
        fake, _ = fakes(variables, batch, latent_key)
        real_logits, variables = judge(variables, batch[data], real_key)
        fake_logits, variables = judge(variables, lax.stop_gradient(fake), fake_key)
        loss = discriminator_objective(real_logits, fake_logits).mean()
        metrics = {"real": real_logits.mean(), "fake": fake_logits.mean()}
        return loss, (variables, metrics)

    def generator_loss(variables, batch, turn):
        latent_key, fake_key = jax.random.split(turn.key)
        fake, variables = fakes(variables, batch, latent_key)
        fake_logits, variables = judge(variables, fake, fake_key)
        return generator_objective(fake_logits).mean(), (variables, {})

    def inputs(batch):
        drawn = jax.eval_shape(lambda: latent(jax.random.key(0), 1))
        zeros = jax.numpy.zeros(drawn.shape, drawn.dtype)
        return {"generator": (zeros,), "discriminator": (batch[data][:1],)}

    return Game(
        nets=nets,
        inputs=inputs,
        players={
            "discriminator": Player(discriminator_loss, ("discriminator",), optimizer),
            "generator": Player(generator_loss, ("generator",), optimizer),
        },
        moves=(Move("discriminator", repeat=discriminator_steps), Move("generator")),
        ema={"generator": ema},
    )
