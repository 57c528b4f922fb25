"""One row for each public loss: how to call it with arrays alone.

`CASES` feeds the properties that hold for all of them (test_all_losses.py).
"""

import dataclasses
import functools
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np

from jaxgan import losses

KEY = jax.random.key(7)
_W = np.array([0.7, -1.1, 0.4], np.float32)


def critic(x):
    """A smooth critic that treats examples independently."""
    h = x.reshape(x.shape[0], -1)
    w = jnp.asarray(np.resize(_W, h.shape[1]), h.dtype)[None, :]
    return jnp.sin(h * w).sum(axis=1) + 0.5 * jnp.square(h).sum(axis=1)


def synthesis(w):
    """A smooth map from latents `[B, D]` to images `[B, 2, 2, 3]`."""
    image = jnp.stack([jnp.sin(w), w * w, jnp.cos(w), w], axis=1)
    return image.reshape(w.shape[0], 2, 2, 3)


def features(x):
    return [jnp.tanh(x), {"deep": jnp.square(x).sum(axis=-1, keepdims=True)}]


@dataclasses.dataclass(frozen=True)
class Case:
    """A loss of arrays that all begin with the batch axis.

    Each of `args` is the trailing shape of a floating argument, or the number of
    classes of an integer label argument.
    """

    fn: Callable
    args: tuple
    independent: bool = True  # example i of the result depends on example i alone
    positional: bool = False  # random numbers are drawn by position in the batch
    large: float = 1e4  # values and gradients are finite up to here
    differentiable: bool = True

    def arrays(self, batch=4, seed=0, dtype=np.float32):
        rng = np.random.default_rng(seed)
        return tuple(
            rng.integers(0, spec, batch).astype(np.int32)
            if isinstance(spec, int)
            else rng.normal(size=(batch, *spec)).astype(dtype)
            for spec in self.args
        )

    @property
    def floating(self):
        return tuple(i for i, spec in enumerate(self.args) if not isinstance(spec, int))

    def value_and_gradients(self, *args):
        """The loss, and the gradients of a weighted sum of it."""

        def total(*args):
            value = self.fn(*args)
            weights = 1.0 + jnp.arange(value.size, dtype=value.dtype)
            return (value * weights.reshape(value.shape)).sum(), value

        function = jax.value_and_grad(total, self.floating, has_aux=True)
        (weighted, value), gradients = function(*args)
        return value, weighted, gradients


_LOGIT, _ROW, _IMAGE = (), (3,), (4, 4, 2)
_pair = (_LOGIT, _LOGIT)


def _with(fn, **fixed):
    return functools.partial(fn, **fixed)


def _noisy(image, noise):
    """A copy with some noise: no factor of multi-scale SSIM is cut off at zero."""
    wide = jnp.promote_types(image.dtype, jnp.float32)
    return image.astype(wide) + 0.1 * noise.astype(wide)


CASES = {
    # adversarial
    "minimax_discriminator_loss": Case(losses.minimax_discriminator_loss, _pair),
    "minimax_discriminator_loss, smoothed": Case(
        _with(losses.minimax_discriminator_loss, label_smoothing=0.25), _pair
    ),
    "minimax_discriminator_terms": Case(
        lambda x, y: sum(losses.minimax_discriminator_terms(x, y)), _pair
    ),
    "minimax_generator_loss": Case(losses.minimax_generator_loss, (_LOGIT,)),
    "non_saturating_discriminator_loss": Case(
        losses.non_saturating_discriminator_loss, _pair
    ),
    "non_saturating_discriminator_terms": Case(
        lambda x, y: sum(losses.non_saturating_discriminator_terms(x, y)), _pair
    ),
    "non_saturating_generator_loss": Case(
        losses.non_saturating_generator_loss, (_LOGIT,)
    ),
    "least_squares_discriminator_loss": Case(
        losses.least_squares_discriminator_loss, _pair
    ),
    "least_squares_discriminator_terms": Case(
        lambda x, y: sum(losses.least_squares_discriminator_terms(x, y)), _pair
    ),
    "least_squares_generator_loss": Case(
        losses.least_squares_generator_loss, (_LOGIT,)
    ),
    "wasserstein_discriminator_loss": Case(
        losses.wasserstein_discriminator_loss, _pair
    ),
    "wasserstein_discriminator_terms": Case(
        lambda x, y: sum(losses.wasserstein_discriminator_terms(x, y)), _pair
    ),
    "wasserstein_generator_loss": Case(losses.wasserstein_generator_loss, (_LOGIT,)),
    "hinge_discriminator_loss": Case(losses.hinge_discriminator_loss, _pair),
    "hinge_discriminator_terms": Case(
        lambda x, y: sum(losses.hinge_discriminator_terms(x, y)), _pair
    ),
    "hinge_generator_loss": Case(losses.hinge_generator_loss, (_LOGIT,)),
    "hinge_generator_loss, patches": Case(losses.hinge_generator_loss, ((2, 2),)),
    "minimax_discriminator_loss, patches": Case(
        losses.minimax_discriminator_loss, ((2, 2), (2, 2))
    ),
    "relativistic_discriminator_loss": Case(
        losses.relativistic_discriminator_loss, _pair
    ),
    "relativistic_generator_loss": Case(losses.relativistic_generator_loss, _pair),
    "relativistic_average_discriminator_loss": Case(
        losses.relativistic_average_discriminator_loss, _pair, independent=False
    ),
    "relativistic_average_discriminator_terms": Case(
        lambda x, y: sum(losses.relativistic_average_discriminator_terms(x, y)),
        _pair,
        independent=False,
    ),
    "relativistic_average_generator_loss": Case(
        losses.relativistic_average_generator_loss, _pair, independent=False
    ),
    "boundary_seeking_discriminator_loss": Case(
        losses.boundary_seeking_discriminator_loss, _pair
    ),
    "boundary_seeking_generator_loss": Case(
        losses.boundary_seeking_generator_loss, (_LOGIT,)
    ),
    "boundary_seeking_weights": Case(
        losses.boundary_seeking_weights, (_ROW,), differentiable=False
    ),
    "boundary_seeking_discrete_generator_loss": Case(
        # the gradient stops at the weights, so only log g is an argument
        lambda log_probs: losses.boundary_seeking_discrete_generator_loss(
            jnp.tile(jnp.asarray(_W)[None, :], (log_probs.shape[0], 1)), log_probs
        ),
        (_ROW,),
    ),
    # energy
    "energy_based_discriminator_loss": Case(
        _with(losses.energy_based_discriminator_loss, margin=1.0), _pair
    ),
    "energy_based_generator_loss": Case(losses.energy_based_generator_loss, (_LOGIT,)),
    "boundary_equilibrium_discriminator_loss": Case(
        _with(losses.boundary_equilibrium_discriminator_loss, balance=0.3), _pair
    ),
    "boundary_equilibrium_generator_loss": Case(
        losses.boundary_equilibrium_generator_loss, (_LOGIT,)
    ),
    "convergence_measure": Case(
        lambda x, y: losses.convergence_measure(x, y)[None], _pair, independent=False
    ),
    "margin_ranking_discriminator_loss": Case(
        _with(losses.margin_ranking_discriminator_loss, margin=0.5), _pair
    ),
    "margin_ranking_generator_loss": Case(
        _with(losses.margin_ranking_generator_loss, margin=0.5), _pair
    ),
    # penalties
    "gradient_penalty": Case(
        lambda x, y: losses.gradient_penalty(critic, x, y, KEY),
        (_ROW, _ROW),
        positional=True,
    ),
    "gradient_penalty, one-sided": Case(
        lambda x, y: losses.gradient_penalty(critic, x, y, KEY, one_sided=True),
        ((2, 2, 1), (2, 2, 1)),
        positional=True,
    ),
    "r1_penalty": Case(lambda x: losses.r1_penalty(critic, x), (_ROW,)),
    "r2_penalty": Case(lambda x: losses.r2_penalty(critic, x), (_ROW,)),
    "dragan_penalty": Case(
        lambda x: losses.dragan_penalty(critic, x, KEY, std=0.7),
        (_ROW,),
        positional=True,
    ),
    "dragan_penalty, deviation of the batch": Case(
        lambda x: losses.dragan_penalty(critic, x, KEY),
        (_ROW,),
        positional=True,
        independent=False,
    ),
    "drift_penalty": Case(losses.drift_penalty, (_LOGIT,)),
    "lecam_penalty": Case(
        lambda x, y: losses.lecam_penalty(x, y, losses.LecamAnchors(0.5, -0.3))[0],
        _pair,
    ),
    "lecam_penalty, one-sided": Case(
        lambda x, y: losses.lecam_penalty(
            x, y, losses.LecamAnchors(0.5, -0.3), one_sided=True
        )[0],
        _pair,
    ),
    "pulling_away_term": Case(losses.pulling_away_term, (_ROW,), independent=False),
    "mode_seeking_loss": Case(losses.mode_seeking_loss, (_ROW, _ROW, _ROW, _ROW)),
    "orthogonal_penalty": Case(
        lambda w: losses.orthogonal_penalty(w)[None],
        (_ROW,),
        independent=False,
        large=1e3,
    ),
    "path_length_penalty": Case(
        lambda w: losses.path_length_penalty(synthesis, w, KEY, 0.4)[0],
        (_ROW,),
        positional=True,
    ),
    # information
    "auxiliary_classification_loss": Case(
        losses.auxiliary_classification_loss, (_ROW, 3)
    ),
    "matching_aware_discriminator_loss": Case(
        losses.matching_aware_discriminator_loss, (_LOGIT, _LOGIT, _LOGIT)
    ),
    "matching_aware_generator_loss": Case(
        losses.matching_aware_generator_loss, (_LOGIT,)
    ),
    "interpolate_embeddings": Case(losses.interpolate_embeddings, (_ROW, _ROW)),
    "matching_aware_interpolation_loss": Case(
        losses.matching_aware_interpolation_loss, (_LOGIT,)
    ),
    "structured_joint_embedding_loss": Case(
        losses.structured_joint_embedding_loss, (_ROW, _ROW), independent=False
    ),
    "categorical_mutual_information_loss": Case(
        losses.categorical_mutual_information_loss, (_ROW, 3)
    ),
    "gaussian_mutual_information_loss": Case(
        losses.gaussian_mutual_information_loss, (_ROW, _ROW)
    ),
    "gaussian_mutual_information_loss, learned variance": Case(
        lambda m, c, v: losses.gaussian_mutual_information_loss(m, c, log_variance=v),
        (_ROW, _ROW, _ROW),
        large=20.0,
    ),
    "semi_supervised_real_logit": Case(losses.semi_supervised_real_logit, (_ROW,)),
    "semi_supervised_classification_loss": Case(
        losses.semi_supervised_classification_loss, (_ROW, 3)
    ),
    "semi_supervised_discriminator_loss": Case(
        losses.semi_supervised_discriminator_loss, (_ROW, _ROW)
    ),
    "semi_supervised_generator_loss": Case(
        losses.semi_supervised_generator_loss, (_ROW,)
    ),
    "semi_supervised_explicit_discriminator_loss": Case(
        losses.semi_supervised_explicit_discriminator_loss, (_ROW, _ROW)
    ),
    "feature_matching_loss": Case(
        lambda x, y: losses.feature_matching_loss(x, y)[None],
        (_ROW, _ROW),
        independent=False,
    ),
    "feature_matching_loss, absolute": Case(
        lambda x, y: losses.feature_matching_loss(x, y, absolute=True)[None],
        (_ROW, _ROW),
        independent=False,
    ),
    # reconstruction
    "l1_loss": Case(losses.l1_loss, (_IMAGE, _IMAGE)),
    "l2_loss": Case(losses.l2_loss, (_IMAGE, _IMAGE)),
    "charbonnier_loss": Case(losses.charbonnier_loss, (_IMAGE, _IMAGE)),
    "total_variation_loss": Case(losses.total_variation_loss, (_IMAGE,)),
    "gradient_difference_loss": Case(losses.gradient_difference_loss, (_IMAGE, _IMAGE)),
    "gradient_difference_loss, squared": Case(
        _with(losses.gradient_difference_loss, alpha=2.0), (_IMAGE, _IMAGE)
    ),
    "ssim": Case(_with(losses.ssim, data_range=2.0, filter_size=3), (_IMAGE, _IMAGE)),
    "ssim_loss": Case(
        _with(losses.ssim_loss, data_range=2.0, filter_size=3), (_IMAGE, _IMAGE)
    ),
    "multi_scale_ssim": Case(
        lambda x, y: losses.multi_scale_ssim(
            x, _noisy(x, y), data_range=2.0, filter_size=2, weights=(0.4, 0.6)
        ),
        (_IMAGE, _IMAGE),
    ),
    "multi_scale_ssim_loss": Case(
        lambda x, y: losses.multi_scale_ssim_loss(
            x, _noisy(x, y), data_range=2.0, filter_size=2, weights=(0.4, 0.6)
        ),
        (_IMAGE, _IMAGE),
    ),
    "cycle_consistency_loss": Case(
        losses.cycle_consistency_loss, (_ROW, _ROW, _IMAGE, _IMAGE)
    ),
    "identity_loss": Case(losses.identity_loss, (_ROW, _ROW, _IMAGE, _IMAGE)),
    "masked_reconstruction_loss": Case(
        losses.masked_reconstruction_loss, (_IMAGE, _IMAGE, (4, 4, 1)), large=1e3
    ),
    "inpainting_contextual_loss": Case(
        losses.inpainting_contextual_loss, (_IMAGE, _IMAGE, (4, 4, 1))
    ),
    "inpainting_prior_loss": Case(losses.inpainting_prior_loss, (_LOGIT,)),
    "inpainting_weights": Case(losses.inpainting_weights, (_IMAGE,)),
    "perceptual_loss": Case(
        lambda t, p: losses.perceptual_loss(t, p, features), (_IMAGE, _IMAGE)
    ),
    # variational
    "gaussian_kl": Case(losses.gaussian_kl, (_ROW, _ROW), large=20.0),
    "gaussian_reverse_kl": Case(losses.gaussian_reverse_kl, (_ROW, _ROW), large=20.0),
    "gaussian_kl_between": Case(
        losses.gaussian_kl_between, (_ROW, _ROW, _ROW, _ROW), large=20.0
    ),
    "reparameterise": Case(
        lambda m, v: losses.reparameterise(m, v, KEY),
        (_ROW, _ROW),
        positional=True,
        large=20.0,
    ),
    "bernoulli_log_likelihood": Case(losses.bernoulli_log_likelihood, (_ROW, _ROW)),
    "gaussian_log_likelihood": Case(
        losses.gaussian_log_likelihood, (_ROW, _ROW, _ROW), large=20.0
    ),
    "density_ratio_loss": Case(losses.density_ratio_loss, (_LOGIT,)),
    "alpha_gan_discriminator_loss": Case(
        losses.alpha_gan_discriminator_loss, (_LOGIT, _LOGIT, _LOGIT)
    ),
    "alpha_gan_generator_loss": Case(losses.alpha_gan_generator_loss, _pair),
    "alpha_gan_code_discriminator_loss": Case(
        losses.alpha_gan_code_discriminator_loss, _pair
    ),
    "learned_similarity_loss": Case(losses.learned_similarity_loss, (_ROW, _ROW)),
    "vae_gan_discriminator_loss": Case(
        losses.vae_gan_discriminator_loss, (_LOGIT, _LOGIT, _LOGIT)
    ),
    "vae_gan_generator_loss": Case(losses.vae_gan_generator_loss, _pair),
    "vae_gan_generator_loss, saturating": Case(
        _with(losses.vae_gan_generator_loss, saturating=True), _pair
    ),
    # capsules
    "margin_loss": Case(losses.margin_loss, (_ROW, 3)),
    "margin_loss, released": Case(
        _with(losses.margin_loss, scaling="released"), (_ROW, 3)
    ),
    "spread_loss": Case(losses.spread_loss, (_ROW, 3)),
    "capsule_reconstruction_loss": Case(
        losses.capsule_reconstruction_loss, (_IMAGE, _IMAGE)
    ),
}

# Where f*∘g is an exponential, the true value leaves float32 beyond |v| of about 88.
for _name in losses.DIVERGENCES:
    _large = {"kl": 80.0, "reverse_kl": 80.0, "neyman": 80.0, "squared_hellinger": 80.0}
    CASES[f"f_gan_discriminator_loss, {_name}"] = Case(
        _with(losses.f_gan_discriminator_loss, divergence=_name),
        _pair,
        large=_large.get(_name, 1e4),
    )
    CASES[f"f_gan_generator_loss, {_name}"] = Case(
        _with(losses.f_gan_generator_loss, divergence=_name),
        (_LOGIT,),
        large=_large.get(_name, 1e4),
    )
    CASES[f"f_gan_generator_loss, {_name}, saturating"] = Case(
        _with(losses.f_gan_generator_loss, divergence=_name, saturating=True),
        (_LOGIT,),
        large=_large.get(_name, 1e4),
    )
CASES["f_gan_discriminator_terms"] = Case(
    lambda x, y: sum(losses.f_gan_discriminator_terms(x, y, divergence="gan")), _pair
)

# Public names without a row: no loss of arrays, or tested by themselves.
WITHOUT_CASE = {
    "DIVERGENCES",
    "Divergence",
    "HistoricalAverageState",
    "LecamAnchors",
    "f_divergence",
    "historical_average_penalty",
    "historical_averaging",
    "overlap_weights",
    "update_balance",
    "weight_clipping",
}
