"""Losses and penalties of generative adversarial and capsule networks.

Pure functions of arrays: `from jaxgan import losses` needs nothing else of jaxgan. The
conventions, everywhere unless a docstring says otherwise:

- real before fake (target before prediction); labels and codes after the logits they
  judge;
- logits, never probabilities;
- one value per example, `[B]`, and no reduction: the caller takes the mean. The plain
  adversarial and energy losses are element-wise: `[B]` in gives `[B]`, the `[B, H, W]`
  of a patch discriminator gives `[B, H, W]`. Statistics of batches and of weights
  (`feature_matching_loss`, `orthogonal_penalty`, `convergence_measure`) are one number;
- shapes are equal or refused, `[B]` against `[B, 1]` too; nothing is broadcast, except
  masks, whose axes may be 1. Rank 1 at least: to `vmap` over examples, keep an axis;
- a wrong shape, rank or option is a `ValueError`, a wrong element type (integer logits)
  a `TypeError`, both at trace time, naming the argument; empty arrays are refused;
- arithmetic and result in at least float32, whatever comes in; NaN and infinity pass;
- hyper-parameters are keyword-only, and no weight or λ is inside;
- anything random takes a `key`; anything with memory takes it and returns it;
- gradients are finite, at zero norms too.

Where libraries differ (docs/porting.md has a line for each loss of TF-GAN, torchgan and
PyTorch-StudioGAN):

| What | Here | Elsewhere |
|---|---|---|
| reduction | none, per example | mean in torchgan, StudioGAN, mimicry; mean over
  non-zero weights in TF-GAN |
| order | real, fake | fake, real for some losses of mimicry |
| input | logits | probabilities for some losses of compare_gan and artifex |
| minimax D | sum of two cross-entropies, 2 log 2 at zero logits | half of it in the
  original text, pix2pix, CycleGAN |
| minimax G | log(1 − D) | TF-GAN: lower by the constant 0.3133 |
| label smoothing s | real target 1 − s, default 0 | TF-GAN: default s = 0.25 gives a
  target of 0.875; artifex scales the logit |
| least squares | ½(·)² each | no half in mmgeneration; CycleGAN halves D's only |
| hinge G | −y | a hinge in some ports |
| relativistic average | sum of both terms | half of it in the author's code |
| gradient norm | per example, over all other axes | whole batch in torchgan; channels
  only by default in mmgeneration |
| ε under the root | none: zero norms are guarded | 1e-10 TF-GAN, 1e-4 compare_gan, 1e-8
  or 1e-12 artifex |
| gradient penalty | (‖∇‖ − target)² | TF-GAN: (‖∇‖/target − 1)² |
| R1, R2 | ‖∇‖², times γ/2 by the caller | halved inside in StudioGAN, NVIDIA |
| DRAGAN noise | ½·std·U(0, 1), times one U(0, 1) per example | std·(U − ½), clipped, in
  compare_gan |
| path length | against the mean before the step | after the step in NVIDIA's code |
| LeCam | two-sided, as printed | one-sided in the authors' code: `one_sided=True` |
| pulling-away | rows normalised, no diagonal | torchgan: columns, with the diagonal |
| feature matching | sum of squares of the gap of means | mean in the authors' code;
  pairs of examples in torchgan |
| mutual information | no constant entropy; σ fixed at 1 by default | a learned σ in
  some ports |
| K+1 unlabelled loss | not halved | halved in the authors' code |
| GAN-CLS | both negatives weigh ½ | equal weights in many texts |
| image losses | mean over pixels | `tf.image.total_variation` and the Lp and gradient
  difference terms of their paper sum |
| cycle consistency | sum of the two directions | average in TF-GAN |
| SSIM | 11×11 Gaussian windows inside the image, population variance | uniform 7×7
  windows and sample variance by default in scikit-image |
| f-GAN activations | all increase with v: exp(−v) | exp(v) in the printed table |
| capsule margin loss | the printed sum | 2K times smaller in the released code:
  `scaling="released"` |
| capsule reconstruction | 0.0005 · *sum* of squares | mean in many ports |
"""

from jaxgan.losses.adversarial import (
    boundary_seeking_discrete_generator_loss,
    boundary_seeking_discriminator_loss,
    boundary_seeking_generator_loss,
    boundary_seeking_weights,
    minimax_discriminator_loss,
    minimax_discriminator_terms,
    minimax_generator_loss,
    non_saturating_discriminator_loss,
    non_saturating_discriminator_terms,
    non_saturating_generator_loss,
)
from jaxgan.losses.capsule import (
    capsule_reconstruction_loss,
    margin_loss,
    spread_loss,
)
from jaxgan.losses.captions import (
    interpolate_embeddings,
    matching_aware_discriminator_loss,
    matching_aware_generator_loss,
    matching_aware_interpolation_loss,
    structured_joint_embedding_loss,
)
from jaxgan.losses.divergences import (
    DIVERGENCES,
    Divergence,
    f_divergence,
    f_gan_discriminator_loss,
    f_gan_discriminator_terms,
    f_gan_generator_loss,
)
from jaxgan.losses.energy import (
    boundary_equilibrium_discriminator_loss,
    boundary_equilibrium_generator_loss,
    convergence_measure,
    energy_based_discriminator_loss,
    energy_based_generator_loss,
    margin_ranking_discriminator_loss,
    margin_ranking_generator_loss,
    update_balance,
)
from jaxgan.losses.hybrids import (
    alpha_gan_code_discriminator_loss,
    alpha_gan_discriminator_loss,
    alpha_gan_generator_loss,
    density_ratio_loss,
    learned_similarity_loss,
    vae_gan_discriminator_loss,
    vae_gan_generator_loss,
)
from jaxgan.losses.image import (
    gradient_difference_loss,
    multi_scale_ssim,
    multi_scale_ssim_loss,
    ssim,
    ssim_loss,
    total_variation_loss,
)
from jaxgan.losses.information import (
    auxiliary_classification_loss,
    categorical_mutual_information_loss,
    feature_matching_loss,
    gaussian_mutual_information_loss,
)
from jaxgan.losses.inpainting import (
    inpainting_contextual_loss,
    inpainting_prior_loss,
    inpainting_weights,
    masked_reconstruction_loss,
    overlap_weights,
)
from jaxgan.losses.penalties import (
    dragan_penalty,
    gradient_penalty,
    path_length_penalty,
    r1_penalty,
    r2_penalty,
)
from jaxgan.losses.reconstruction import (
    charbonnier_loss,
    cycle_consistency_loss,
    identity_loss,
    l1_loss,
    l2_loss,
    perceptual_loss,
)
from jaxgan.losses.regularisers import (
    LecamAnchors,
    drift_penalty,
    lecam_penalty,
    mode_seeking_loss,
    orthogonal_penalty,
    pulling_away_term,
)
from jaxgan.losses.relativistic import (
    relativistic_average_discriminator_loss,
    relativistic_average_discriminator_terms,
    relativistic_average_generator_loss,
    relativistic_discriminator_loss,
    relativistic_generator_loss,
)
from jaxgan.losses.scores import (
    hinge_discriminator_loss,
    hinge_discriminator_terms,
    hinge_generator_loss,
    least_squares_discriminator_loss,
    least_squares_discriminator_terms,
    least_squares_generator_loss,
    wasserstein_discriminator_loss,
    wasserstein_discriminator_terms,
    wasserstein_generator_loss,
)
from jaxgan.losses.semi_supervised import (
    semi_supervised_classification_loss,
    semi_supervised_discriminator_loss,
    semi_supervised_explicit_discriminator_loss,
    semi_supervised_generator_loss,
    semi_supervised_real_logit,
)
from jaxgan.losses.transforms import (
    HistoricalAverageState,
    historical_average_penalty,
    historical_averaging,
    weight_clipping,
)
from jaxgan.losses.variational import (
    bernoulli_log_likelihood,
    gaussian_kl,
    gaussian_kl_between,
    gaussian_log_likelihood,
    gaussian_reverse_kl,
    reparameterise,
)

__all__ = (
    "DIVERGENCES",
    "Divergence",
    "HistoricalAverageState",
    "LecamAnchors",
    "alpha_gan_code_discriminator_loss",
    "alpha_gan_discriminator_loss",
    "alpha_gan_generator_loss",
    "auxiliary_classification_loss",
    "bernoulli_log_likelihood",
    "boundary_equilibrium_discriminator_loss",
    "boundary_equilibrium_generator_loss",
    "boundary_seeking_discrete_generator_loss",
    "boundary_seeking_discriminator_loss",
    "boundary_seeking_generator_loss",
    "boundary_seeking_weights",
    "capsule_reconstruction_loss",
    "categorical_mutual_information_loss",
    "charbonnier_loss",
    "convergence_measure",
    "cycle_consistency_loss",
    "density_ratio_loss",
    "dragan_penalty",
    "drift_penalty",
    "energy_based_discriminator_loss",
    "energy_based_generator_loss",
    "f_divergence",
    "f_gan_discriminator_loss",
    "f_gan_discriminator_terms",
    "f_gan_generator_loss",
    "feature_matching_loss",
    "gaussian_kl",
    "gaussian_kl_between",
    "gaussian_log_likelihood",
    "gaussian_mutual_information_loss",
    "gaussian_reverse_kl",
    "gradient_difference_loss",
    "gradient_penalty",
    "hinge_discriminator_loss",
    "hinge_discriminator_terms",
    "hinge_generator_loss",
    "historical_average_penalty",
    "historical_averaging",
    "identity_loss",
    "inpainting_contextual_loss",
    "inpainting_prior_loss",
    "inpainting_weights",
    "interpolate_embeddings",
    "l1_loss",
    "l2_loss",
    "learned_similarity_loss",
    "least_squares_discriminator_loss",
    "least_squares_discriminator_terms",
    "least_squares_generator_loss",
    "lecam_penalty",
    "margin_loss",
    "margin_ranking_discriminator_loss",
    "margin_ranking_generator_loss",
    "masked_reconstruction_loss",
    "matching_aware_discriminator_loss",
    "matching_aware_generator_loss",
    "matching_aware_interpolation_loss",
    "minimax_discriminator_loss",
    "minimax_discriminator_terms",
    "minimax_generator_loss",
    "mode_seeking_loss",
    "multi_scale_ssim",
    "multi_scale_ssim_loss",
    "non_saturating_discriminator_loss",
    "non_saturating_discriminator_terms",
    "non_saturating_generator_loss",
    "orthogonal_penalty",
    "overlap_weights",
    "path_length_penalty",
    "perceptual_loss",
    "pulling_away_term",
    "r1_penalty",
    "r2_penalty",
    "relativistic_average_discriminator_loss",
    "relativistic_average_discriminator_terms",
    "relativistic_average_generator_loss",
    "relativistic_discriminator_loss",
    "relativistic_generator_loss",
    "reparameterise",
    "semi_supervised_classification_loss",
    "semi_supervised_discriminator_loss",
    "semi_supervised_explicit_discriminator_loss",
    "semi_supervised_generator_loss",
    "semi_supervised_real_logit",
    "spread_loss",
    "ssim",
    "ssim_loss",
    "structured_joint_embedding_loss",
    "total_variation_loss",
    "update_balance",
    "vae_gan_discriminator_loss",
    "vae_gan_generator_loss",
    "wasserstein_discriminator_loss",
    "wasserstein_discriminator_terms",
    "wasserstein_generator_loss",
    "weight_clipping",
)
