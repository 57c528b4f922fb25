"""TF-GAN's losses on arrays (`tensorflow_gan.losses.wargs`), as pure functions.

Names, argument order, weights, reductions and defaults follow TF-GAN 2.1. `scope`,
`loss_collection` and `add_summaries` are accepted and ignored. What to know:

- D's label smoothing defaults to 0.25, and TF's smoothing goes towards ½: the real
  target becomes 1 − s/2 = 0.875, not 0.75;
- the default reduction divides by the number of non-zero weights;
- the gradient penalty adds ε = 1e-10 under the root and divides the norm by its target;
  here it needs a random `key`;
- the cycle loss averages its two directions, where the paper adds them.
"""

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

from jaxgan.losses import _checks, adversarial, penalties


class Reduction:
    """The names of `tf.compat.v1.losses.Reduction`."""

    NONE = "none"
    SUM = "weighted_sum"
    MEAN = "weighted_mean"
    SUM_OVER_BATCH_SIZE = "weighted_sum_over_batch_size"
    SUM_BY_NONZERO_WEIGHTS = "weighted_sum_by_nonzero_weights"
    SUM_OVER_NONZERO_WEIGHTS = SUM_BY_NONZERO_WEIGHTS


_BY_NONZERO = Reduction.SUM_BY_NONZERO_WEIGHTS


def compute_weighted_loss(
    losses: ArrayLike,
    weights: ArrayLike = 1.0,
    scope: Any = None,
    loss_collection: Any = None,
    reduction: str = _BY_NONZERO,
) -> jax.Array:
    """Weighs and reduces, as `tf.compat.v1.losses.compute_weighted_loss`.

    Args:
      losses: any shape.
      weights: a number, or the same rank with every axis equal or 1.
      scope: ignored.
      loss_collection: ignored.
      reduction: one of `Reduction`.

    Returns:
      The losses times the weights for `NONE`, else one number.

    References:
      TensorFlow 1 `losses_impl`.

    >>> compute_weighted_loss(jnp.array([2.0, 4.0]), jnp.array([1.0, 0.0]))
    Array(2., dtype=float32)
    """
    values = _checks.floating("losses", losses, min_rank=0)
    if jnp.ndim(weights) == 0:
        weights = jnp.full((1,) * values.ndim, weights, values.dtype)
    w = jnp.broadcast_to(_checks.weights("weights", weights, values), values.shape)
    weighted = values * w
    if reduction == Reduction.NONE:
        return weighted
    divisors = {
        Reduction.SUM: jnp.ones((), values.dtype),
        Reduction.MEAN: w.sum(),
        Reduction.SUM_OVER_BATCH_SIZE: jnp.full((), values.size, values.dtype),
        Reduction.SUM_BY_NONZERO_WEIGHTS: (w != 0).sum().astype(values.dtype),
    }
    _checks.option("reduction", reduction, (Reduction.NONE, *divisors))
    divisor = divisors[reduction]
    zero = divisor == 0  # TensorFlow gives 0 where nothing is weighted
    return jnp.where(zero, 0.0, weighted.sum() / jnp.where(zero, 1.0, divisor))


def wasserstein_generator_loss(
    discriminator_gen_outputs: ArrayLike,
    weights: ArrayLike = 1.0,
    scope: Any = None,
    loss_collection: Any = None,
    reduction: str = _BY_NONZERO,
    add_summaries: bool = False,
) -> jax.Array:
    """TF-GAN's Wasserstein generator loss, −y.

    Args:
      discriminator_gen_outputs: scores of generated examples, `[B]` or `[B, ...]`.
      weights: as in `compute_weighted_loss`.
      scope: ignored.
      loss_collection: ignored.
      reduction: one of `Reduction`.
      add_summaries: ignored.

    Returns:
      One number, or the unreduced losses for `Reduction.NONE`.

    References:
      TF-GAN 2.1; Arjovsky et al., 2017, https://arxiv.org/abs/1701.07875.

    >>> wasserstein_generator_loss(jnp.array([1.0, 3.0]))
    Array(-2., dtype=float32)
    """
    losses = adversarial.wasserstein_generator_loss(discriminator_gen_outputs)
    return compute_weighted_loss(losses, weights, reduction=reduction)


def wasserstein_discriminator_loss(
    discriminator_real_outputs: ArrayLike,
    discriminator_gen_outputs: ArrayLike,
    real_weights: ArrayLike = 1.0,
    generated_weights: ArrayLike = 1.0,
    scope: Any = None,
    loss_collection: Any = None,
    reduction: str = _BY_NONZERO,
    add_summaries: bool = False,
) -> jax.Array:
    """TF-GAN's Wasserstein critic loss, y − x.

    Args:
      discriminator_real_outputs: scores of real examples.
      discriminator_gen_outputs: scores of generated examples, the same shape.
      real_weights: as in `compute_weighted_loss`.
      generated_weights: as in `compute_weighted_loss`.
      scope: ignored.
      loss_collection: ignored.
      reduction: one of `Reduction`.
      add_summaries: ignored.

    Returns:
      One number, or the unreduced losses for `Reduction.NONE`.

    References:
      TF-GAN 2.1; Arjovsky et al., 2017, https://arxiv.org/abs/1701.07875.

    >>> wasserstein_discriminator_loss(jnp.array([1.0]), jnp.array([3.0]))
    Array(2., dtype=float32)
    """
    terms = adversarial.wasserstein_discriminator_terms(
        *_pair(discriminator_real_outputs, discriminator_gen_outputs)
    )
    return _total(terms, real_weights, generated_weights, reduction)


def wasserstein_hinge_generator_loss(
    discriminator_gen_outputs: ArrayLike,
    weights: ArrayLike = 1.0,
    scope: Any = None,
    loss_collection: Any = None,
    reduction: str = _BY_NONZERO,
    add_summaries: bool = False,
) -> jax.Array:
    """TF-GAN's hinge generator loss, −y: the same as its Wasserstein one.

    Args:
      discriminator_gen_outputs: logits of generated examples, `[B]` or `[B, ...]`.
      weights: as in `compute_weighted_loss`.
      scope: ignored.
      loss_collection: ignored.
      reduction: one of `Reduction`.
      add_summaries: ignored.

    Returns:
      One number, or the unreduced losses for `Reduction.NONE`.

    References:
      TF-GAN 2.1; Miyato et al., 2018, https://arxiv.org/abs/1802.05957.

    >>> wasserstein_hinge_generator_loss(jnp.array([1.0, 3.0]))
    Array(-2., dtype=float32)
    """
    losses = adversarial.hinge_generator_loss(discriminator_gen_outputs)
    return compute_weighted_loss(losses, weights, reduction=reduction)


def wasserstein_hinge_discriminator_loss(
    discriminator_real_outputs: ArrayLike,
    discriminator_gen_outputs: ArrayLike,
    real_weights: ArrayLike = 1.0,
    generated_weights: ArrayLike = 1.0,
    real_hinge: _checks.Number = 1.0,
    generated_hinge: _checks.Number = 1.0,
    scope: Any = None,
    loss_collection: Any = None,
    reduction: str = _BY_NONZERO,
    add_summaries: bool = False,
) -> jax.Array:
    """TF-GAN's hinge discriminator loss, max(0, h_r − x) + max(0, h_g + y).

    Args:
      discriminator_real_outputs: logits of real examples.
      discriminator_gen_outputs: logits of generated examples, the same shape.
      real_weights: as in `compute_weighted_loss`.
      generated_weights: as in `compute_weighted_loss`.
      real_hinge: h_r.
      generated_hinge: h_g.
      scope: ignored.
      loss_collection: ignored.
      reduction: one of `Reduction`.
      add_summaries: ignored.

    Returns:
      One number, or the unreduced losses for `Reduction.NONE`.

    References:
      TF-GAN 2.1; Miyato et al., 2018, https://arxiv.org/abs/1802.05957.

    >>> wasserstein_hinge_discriminator_loss(jnp.zeros(2), jnp.zeros(2))
    Array(2., dtype=float32)
    """
    real, gen = _pair(discriminator_real_outputs, discriminator_gen_outputs)
    terms = adversarial.hinge_discriminator_terms(
        real + (1.0 - real_hinge), gen + (generated_hinge - 1.0)
    )
    return _total(terms, real_weights, generated_weights, reduction)


def minimax_discriminator_loss(
    discriminator_real_outputs: ArrayLike,
    discriminator_gen_outputs: ArrayLike,
    label_smoothing: float = 0.25,
    real_weights: ArrayLike = 1.0,
    generated_weights: ArrayLike = 1.0,
    scope: Any = None,
    loss_collection: Any = None,
    reduction: str = _BY_NONZERO,
    add_summaries: bool = False,
) -> jax.Array:
    """TF-GAN's minimax discriminator loss, real target 1 − s/2 with s = 0.25.

    Args:
      discriminator_real_outputs: logits of real examples.
      discriminator_gen_outputs: logits of generated examples, the same shape.
      label_smoothing: s.
      real_weights: as in `compute_weighted_loss`.
      generated_weights: as in `compute_weighted_loss`.
      scope: ignored.
      loss_collection: ignored.
      reduction: one of `Reduction`.
      add_summaries: ignored.

    Returns:
      One number, or the unreduced losses for `Reduction.NONE`.

    References:
      TF-GAN 2.1; Goodfellow et al., 2014, https://arxiv.org/abs/1406.2661.

    >>> minimax_discriminator_loss(jnp.zeros(2), jnp.zeros(2))
    Array(1.3862944, dtype=float32)
    """
    terms = adversarial.minimax_discriminator_terms(
        *_pair(discriminator_real_outputs, discriminator_gen_outputs),
        label_smoothing=0.5 * label_smoothing,
    )
    return _total(terms, real_weights, generated_weights, reduction)


def minimax_generator_loss(
    discriminator_gen_outputs: ArrayLike,
    label_smoothing: float = 0.0,
    weights: ArrayLike = 1.0,
    scope: Any = None,
    loss_collection: Any = None,
    reduction: str = _BY_NONZERO,
    add_summaries: bool = False,
) -> jax.Array:
    """TF-GAN's saturating generator loss: minus D's, with made-up real logits of 1.

    It is lower than log(1 − σ(y)) by the constant softplus(−1) = 0.3133.

    Args:
      discriminator_gen_outputs: logits of generated examples, `[B]` or `[B, ...]`.
      label_smoothing: s, which only changes that constant.
      weights: as in `compute_weighted_loss`.
      scope: ignored.
      loss_collection: ignored.
      reduction: one of `Reduction`.
      add_summaries: ignored.

    Returns:
      One number, or the unreduced losses for `Reduction.NONE`.

    References:
      TF-GAN 2.1; Goodfellow et al., 2014, https://arxiv.org/abs/1406.2661.

    >>> minimax_generator_loss(jnp.zeros(2))
    Array(-1.0064089, dtype=float32)
    """
    gen = _checks.floating("discriminator_gen_outputs", discriminator_gen_outputs)
    return -minimax_discriminator_loss(
        jnp.ones_like(gen), gen, label_smoothing, weights, weights, reduction=reduction
    )


def modified_discriminator_loss(
    discriminator_real_outputs: ArrayLike,
    discriminator_gen_outputs: ArrayLike,
    label_smoothing: float = 0.25,
    real_weights: ArrayLike = 1.0,
    generated_weights: ArrayLike = 1.0,
    scope: Any = None,
    loss_collection: Any = None,
    reduction: str = _BY_NONZERO,
    add_summaries: bool = False,
) -> jax.Array:
    """TF-GAN's non-saturating discriminator loss: the same as the minimax one.

    Args:
      discriminator_real_outputs: logits of real examples.
      discriminator_gen_outputs: logits of generated examples, the same shape.
      label_smoothing: s; the real target is 1 − s/2.
      real_weights: as in `compute_weighted_loss`.
      generated_weights: as in `compute_weighted_loss`.
      scope: ignored.
      loss_collection: ignored.
      reduction: one of `Reduction`.
      add_summaries: ignored.

    Returns:
      One number, or the unreduced losses for `Reduction.NONE`.

    References:
      TF-GAN 2.1; Goodfellow et al., 2014, https://arxiv.org/abs/1406.2661.

    >>> modified_discriminator_loss(jnp.zeros(2), jnp.zeros(2))
    Array(1.3862944, dtype=float32)
    """
    return minimax_discriminator_loss(
        discriminator_real_outputs,
        discriminator_gen_outputs,
        label_smoothing,
        real_weights,
        generated_weights,
        reduction=reduction,
    )


def modified_generator_loss(
    discriminator_gen_outputs: ArrayLike,
    label_smoothing: float = 0.0,
    weights: ArrayLike = 1.0,
    scope: Any = None,
    loss_collection: Any = None,
    reduction: str = _BY_NONZERO,
    add_summaries: bool = False,
) -> jax.Array:
    """TF-GAN's non-saturating generator loss, −log σ(y).

    Args:
      discriminator_gen_outputs: logits of generated examples, `[B]` or `[B, ...]`.
      label_smoothing: s; the target is 1 − s/2.
      weights: as in `compute_weighted_loss`.
      scope: ignored.
      loss_collection: ignored.
      reduction: one of `Reduction`.
      add_summaries: ignored.

    Returns:
      One number, or the unreduced losses for `Reduction.NONE`.

    References:
      TF-GAN 2.1; Goodfellow et al., 2014, https://arxiv.org/abs/1406.2661.

    >>> modified_generator_loss(jnp.zeros(2))
    Array(0.6931472, dtype=float32)
    """
    gen = _checks.floating("discriminator_gen_outputs", discriminator_gen_outputs)
    towards_real, _ = adversarial.minimax_discriminator_terms(
        gen, gen, label_smoothing=0.5 * label_smoothing
    )
    return compute_weighted_loss(towards_real, weights, reduction=reduction)


def least_squares_generator_loss(
    discriminator_gen_outputs: ArrayLike,
    real_label: _checks.Number = 1,
    weights: ArrayLike = 1.0,
    scope: Any = None,
    loss_collection: Any = None,
    reduction: str = _BY_NONZERO,
    add_summaries: bool = False,
) -> jax.Array:
    """TF-GAN's least squares generator loss, ½(y − 1)².

    Args:
      discriminator_gen_outputs: outputs for generated examples, `[B]` or `[B, ...]`.
      real_label: what the generator wants the discriminator to say.
      weights: as in `compute_weighted_loss`.
      scope: ignored.
      loss_collection: ignored.
      reduction: one of `Reduction`.
      add_summaries: ignored.

    Returns:
      One number, or the unreduced losses for `Reduction.NONE`.

    References:
      TF-GAN 2.1; Mao et al., 2017, https://arxiv.org/abs/1611.04076.

    >>> least_squares_generator_loss(jnp.zeros(2))
    Array(0.5, dtype=float32)
    """
    losses = adversarial.least_squares_generator_loss(
        discriminator_gen_outputs, target=real_label
    )
    return compute_weighted_loss(losses, weights, reduction=reduction)


def least_squares_discriminator_loss(
    discriminator_real_outputs: ArrayLike,
    discriminator_gen_outputs: ArrayLike,
    real_label: _checks.Number = 1,
    fake_label: _checks.Number = 0,
    real_weights: ArrayLike = 1.0,
    generated_weights: ArrayLike = 1.0,
    scope: Any = None,
    loss_collection: Any = None,
    reduction: str = _BY_NONZERO,
    add_summaries: bool = False,
) -> jax.Array:
    """TF-GAN's least squares discriminator loss, ½(x − 1)² + ½y².

    Args:
      discriminator_real_outputs: outputs for real examples.
      discriminator_gen_outputs: outputs for generated examples, the same shape.
      real_label: the target of reals.
      fake_label: the target of fakes.
      real_weights: as in `compute_weighted_loss`.
      generated_weights: as in `compute_weighted_loss`.
      scope: ignored.
      loss_collection: ignored.
      reduction: one of `Reduction`.
      add_summaries: ignored.

    Returns:
      One number, or the unreduced losses for `Reduction.NONE`.

    References:
      TF-GAN 2.1; Mao et al., 2017, https://arxiv.org/abs/1611.04076.

    >>> least_squares_discriminator_loss(jnp.zeros(2), jnp.ones(2))
    Array(1., dtype=float32)
    """
    terms = adversarial.least_squares_discriminator_terms(
        *_pair(discriminator_real_outputs, discriminator_gen_outputs),
        real_label=real_label,
        fake_label=fake_label,
    )
    return _total(terms, real_weights, generated_weights, reduction)


def acgan_discriminator_loss(
    discriminator_real_classification_logits: ArrayLike,
    discriminator_gen_classification_logits: ArrayLike,
    one_hot_labels: ArrayLike,
    label_smoothing: float = 0.0,
    real_weights: ArrayLike = 1.0,
    generated_weights: ArrayLike = 1.0,
    scope: Any = None,
    loss_collection: Any = None,
    reduction: str = _BY_NONZERO,
    add_summaries: bool = False,
) -> jax.Array:
    """TF-GAN's classification loss of the discriminator, on reals and on fakes.

    Args:
      discriminator_real_classification_logits: class logits of reals, `[..., K]`.
      discriminator_gen_classification_logits: class logits of fakes, the same shape.
      one_hot_labels: the classes of both, the same shape.
      label_smoothing: s, for the reals: targets (1 − s)·one-hot + s/K.
      real_weights: as in `compute_weighted_loss`.
      generated_weights: as in `compute_weighted_loss`.
      scope: ignored.
      loss_collection: ignored.
      reduction: one of `Reduction`.
      add_summaries: ignored.

    Returns:
      One number, or the unreduced losses for `Reduction.NONE`.

    References:
      TF-GAN 2.1; Odena et al., 2016, https://arxiv.org/abs/1610.09585.

    >>> acgan_discriminator_loss(jnp.zeros((1, 2)), jnp.zeros((1, 2)), jnp.eye(2)[:1])
    Array(1.3862944, dtype=float32)
    """
    terms = (
        _softmax_cross_entropy(
            one_hot_labels, discriminator_real_classification_logits, label_smoothing
        ),
        _softmax_cross_entropy(one_hot_labels, discriminator_gen_classification_logits),
    )
    return _total(terms, real_weights, generated_weights, reduction)


def acgan_generator_loss(
    discriminator_gen_classification_logits: ArrayLike,
    one_hot_labels: ArrayLike,
    weights: ArrayLike = 1.0,
    scope: Any = None,
    loss_collection: Any = None,
    reduction: str = _BY_NONZERO,
    add_summaries: bool = False,
) -> jax.Array:
    """TF-GAN's classification loss of the generator.

    Args:
      discriminator_gen_classification_logits: class logits of fakes, `[..., K]`.
      one_hot_labels: their classes, the same shape.
      weights: as in `compute_weighted_loss`.
      scope: ignored.
      loss_collection: ignored.
      reduction: one of `Reduction`.
      add_summaries: ignored.

    Returns:
      One number, or the unreduced losses for `Reduction.NONE`.

    References:
      TF-GAN 2.1; Odena et al., 2016, https://arxiv.org/abs/1610.09585.

    >>> acgan_generator_loss(jnp.zeros((1, 2)), jnp.eye(2)[:1])
    Array(0.6931472, dtype=float32)
    """
    losses = _softmax_cross_entropy(
        one_hot_labels, discriminator_gen_classification_logits
    )
    return compute_weighted_loss(losses, weights, reduction=reduction)


def wasserstein_gradient_penalty(
    real_data: ArrayLike,
    generated_data: ArrayLike,
    generator_inputs: Any,
    discriminator_fn: Callable[..., Any],
    discriminator_scope: Any = None,
    epsilon: float = 1e-10,
    target: _checks.Number = 1.0,
    one_sided: bool = False,
    weights: ArrayLike = 1.0,
    scope: Any = None,
    loss_collection: Any = None,
    reduction: str = _BY_NONZERO,
    add_summaries: bool = False,
    *,
    key: jax.Array,
) -> jax.Array:
    """TF-GAN's gradient penalty, (√(‖∇‖² + ε)/target − 1)².

    Args:
      real_data: real examples, `[B, ...]`.
      generated_data: generated examples, the same shape.
      generator_inputs: passed on to `discriminator_fn`.
      discriminator_fn: `(data, generator_inputs) -> outputs`, or a tuple that begins
        with them; the outputs of an example are summed.
      discriminator_scope: ignored.
      epsilon: ε.
      target: the wanted norm.
      one_sided: penalise only norms above the target.
      weights: as in `compute_weighted_loss`.
      scope: ignored.
      loss_collection: ignored.
      reduction: one of `Reduction`.
      add_summaries: ignored.
      key: a random key; TF-GAN has none.

    Returns:
      One number, or the unreduced penalties `[B]` for `Reduction.NONE`.

    References:
      TF-GAN 2.1; Gulrajani et al., 2017, https://arxiv.org/abs/1704.00028.

    >>> def double(data, inputs):
    ...     return 2.0 * data
    >>> real, fake, key = jnp.ones((1, 4)), jnp.zeros((1, 4)), jax.random.key(0)
    >>> wasserstein_gradient_penalty(real, fake, None, double, key=key)
    Array(9., dtype=float32)
    """
    real, gen = _checks.same_shape(real_data=real_data, generated_data=generated_data)
    alpha = jax.random.uniform(key, (len(real),) + (1,) * (real.ndim - 1), real.dtype)

    def critic(data: jax.Array) -> jax.Array:
        outputs = discriminator_fn(data, generator_inputs)
        outputs = outputs[0] if isinstance(outputs, tuple) else outputs
        return _checks.per_example(outputs, jnp.sum)

    squares = penalties.r1_penalty(critic, real + alpha * (gen - real))
    excess = jnp.sqrt(squares + epsilon) / target - 1.0
    losses = jnp.square(jax.nn.relu(excess) if one_sided else excess)
    return compute_weighted_loss(losses, weights, reduction=reduction)


def mutual_information_penalty(
    structured_generator_inputs: Sequence[ArrayLike],
    predicted_distributions: Sequence[Any],
    weights: ArrayLike = 1.0,
    scope: Any = None,
    loss_collection: Any = None,
    reduction: str = _BY_NONZERO,
    add_summaries: bool = False,
) -> jax.Array:
    """TF-GAN's InfoGAN penalty: minus the mean log-likelihood of each code.

    Args:
      structured_generator_inputs: a list of codes.
      predicted_distributions: as many distributions, objects with `log_prob`.
      weights: as in `compute_weighted_loss`, over the list.
      scope: ignored.
      loss_collection: ignored.
      reduction: one of `Reduction`.
      add_summaries: ignored.

    Returns:
      One number, or one for each code for `Reduction.NONE`.

    References:
      TF-GAN 2.1; Chen et al., 2016, https://arxiv.org/abs/1606.03657.

    >>> class Uniform:
    ...     def log_prob(self, code):
    ...         return -jnp.log(10.0) * jnp.ones_like(code)
    >>> mutual_information_penalty([jnp.ones(3)], [Uniform()])
    Array(2.3025851, dtype=float32)
    """
    if len(structured_generator_inputs) != len(predicted_distributions):
        raise ValueError(
            f"expected as many structured_generator_inputs as predicted_distributions, "
            f"got {len(structured_generator_inputs)} and {len(predicted_distributions)}"
        )
    log_probs = jnp.stack(
        [
            jnp.mean(distribution.log_prob(code))
            for code, distribution in zip(
                structured_generator_inputs, predicted_distributions, strict=True
            )
        ]
    )
    return -compute_weighted_loss(log_probs, weights, reduction=reduction)


def combine_adversarial_loss(
    main_loss: Any,
    adversarial_loss: Any,
    weight_factor: _checks.Number | None = None,
    gradient_ratio: _checks.Number | None = None,
    gradient_ratio_epsilon: float = 1e-6,
    variables: Any = None,
    scalar_summaries: bool = True,
    gradient_summaries: bool = True,
    scope: Any = None,
) -> jax.Array:
    """TF-GAN's sum of a main and an adversarial loss.

    main + w·adversarial, with w = `weight_factor`, or such that the norms of the two
    gradients in `variables` have the ratio `gradient_ratio` (main over adversarial). No
    gradient passes to w.

    Args:
      main_loss: an array; with `gradient_ratio`, a scalar function of `variables`.
      adversarial_loss: likewise, the same shape.
      weight_factor: w; exactly one of this and `gradient_ratio` is given.
      gradient_ratio: the wanted ratio.
      gradient_ratio_epsilon: added to the divisor.
      variables: a pytree, the argument of the two functions.
      scalar_summaries: ignored.
      gradient_summaries: ignored.
      scope: ignored.

    Returns:
      The combined loss.

    References:
      TF-GAN 2.1.

    >>> combine_adversarial_loss(jnp.ones(1), 3 * jnp.ones(1), weight_factor=2.0)
    Array([7.], dtype=float32)
    """
    if weight_factor is not None and gradient_ratio is None:
        main, other, weight = main_loss, adversarial_loss, weight_factor
    elif gradient_ratio is None or weight_factor is not None:
        raise ValueError("expected exactly one of weight_factor and gradient_ratio")
    else:
        main, main_grad = jax.value_and_grad(main_loss)(variables)
        other, other_grad = jax.value_and_grad(adversarial_loss)(variables)
        weight = _norm(main_grad) / (
            (_norm(other_grad) + gradient_ratio_epsilon) * gradient_ratio
        )
    main, other = _checks.same_shape(min_rank=0, main_loss=main, adversarial_loss=other)
    return main + jax.lax.stop_gradient(weight) * other


def cycle_consistency_loss(
    data_x: ArrayLike,
    reconstructed_data_x: ArrayLike,
    data_y: ArrayLike,
    reconstructed_data_y: ArrayLike,
    scope: Any = None,
    add_summaries: bool = False,
) -> jax.Array:
    """TF-GAN's cycle consistency: the average of the two mean absolute errors.

    Args:
      data_x: images of one domain.
      reconstructed_data_x: the same after a cycle.
      data_y: images of the other domain.
      reconstructed_data_y: the same after a cycle.
      scope: ignored.
      add_summaries: ignored.

    Returns:
      One number, half of the mean of `jaxgan.losses.cycle_consistency_loss`.

    References:
      TF-GAN 2.1; Zhu et al., 2017, https://arxiv.org/abs/1703.10593.

    >>> zero, one = jnp.zeros((1, 2)), jnp.ones((1, 2))
    >>> cycle_consistency_loss(zero, one, zero, 3 * one)
    Array(2., dtype=float32)
    """
    x, x_again = _checks.same_shape(
        data_x=data_x, reconstructed_data_x=reconstructed_data_x
    )
    y, y_again = _checks.same_shape(
        data_y=data_y, reconstructed_data_y=reconstructed_data_y
    )
    return 0.5 * (jnp.abs(x - x_again).mean() + jnp.abs(y - y_again).mean())


def _pair(real: ArrayLike, gen: ArrayLike) -> tuple[jax.Array, ...]:
    return _checks.same_shape(
        discriminator_real_outputs=real, discriminator_gen_outputs=gen
    )


def _total(
    terms: tuple[jax.Array, jax.Array],
    real_weights: ArrayLike,
    generated_weights: ArrayLike,
    reduction: str,
) -> jax.Array:
    real, gen = terms
    return compute_weighted_loss(
        real, real_weights, reduction=reduction
    ) + compute_weighted_loss(gen, generated_weights, reduction=reduction)


def _softmax_cross_entropy(
    one_hot_labels: ArrayLike, logits: ArrayLike, label_smoothing: float = 0.0
) -> jax.Array:
    scores = _checks.floating("logits", logits, min_rank=2)
    targets = jnp.asarray(one_hot_labels, scores.dtype)
    targets, scores = _checks.same_shape(one_hot_labels=targets, logits=scores)
    targets = targets * (1.0 - label_smoothing) + label_smoothing / scores.shape[-1]
    return -(targets * jax.nn.log_softmax(scores, axis=-1)).sum(axis=-1)


def _norm(tree: Any) -> jax.Array:
    leaves = jax.tree.leaves(tree)
    return _checks.safe_sqrt(
        sum((jnp.square(leaf).sum() for leaf in leaves), jnp.zeros(()))
    )
