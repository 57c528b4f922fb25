"""The words of the page: names, formulas of losses, and examples to try."""

NAMES = {
    "discriminator_steps": "D steps per G step",
    "discriminator_rate": "D step size",
    "generator_rate": "G step size",
    "weight": "Weight of the penalty",
    "batch": "Batch",
    "width": "Width",
    "layers": "Layers",
    "dynamics": "Optimiser",
    "ring4": "4 Gaussians on a ring",
    "ring8": "8 Gaussians on a ring",
    "grid25": "25 Gaussians on a grid",
    "swiss_roll": "Swiss roll",
    "drawn": "Draw your own",
    "non_saturating": "Non-saturating",
    "minimax": "Minimax",
    "hinge": "Hinge",
    "least_squares": "Least squares (LSGAN)",
    "wasserstein": "Wasserstein (WGAN)",
    "relativistic": "Relativistic",
    "relativistic_average": "Relativistic average",
    "boundary_seeking": "Boundary-seeking (BGAN)",
    "margin_ranking": "Margin ranking (GoGAN)",
    "f_gan_kl": "f-GAN: KL",
    "f_gan_reverse_kl": "f-GAN: reverse KL",
    "f_gan_pearson": "f-GAN: Pearson χ²",
    "f_gan_neyman": "f-GAN: Neyman χ²",
    "f_gan_squared_hellinger": "f-GAN: squared Hellinger",
    "f_gan_jensen_shannon": "f-GAN: Jensen-Shannon",
    "f_gan_gan": "f-GAN: GAN",
    "f_gan_total_variation": "f-GAN: total variation",
    "none": "None",
    "gradient": "Gradient penalty (WGAN-GP)",
    "r1": "R1, at data",
    "r2": "R2, at samples",
    "r1r2": "R1 + R2, at both",
    "dragan": "DRAGAN, around data",
    "clip": "Clip the weights of D",
    "alternating": "Take turns",
    "simultaneous": "Both at once",
    "adam": "Adam",
    "extragradient": "ExtraAdam (looks ahead)",
    "optimistic": "Optimistic Adam",
}
ABOUT = {
    "none": "Nothing holds the slope of D.",
    "gradient": "weight · (‖∇D‖ − 1)², between data and samples",
    "r1": "weight / 2 · ‖∇D‖², at data",
    "r2": "weight / 2 · ‖∇D‖², at samples",
    "r1r2": "weight / 2 · ‖∇D‖², at data and at samples",
    "dragan": "weight · (‖∇D‖ − 1)², near data",
    "clip": "Each weight of D stays within ± weight.",
    "drawn": "Drag across the plane to draw the data.",
}
TIPS = {
    "discriminator_steps": "1, if both move at once.",
}
# What D and G make small; x is D's logit of data, y that of a sample, sp(a) = log(1 +
# e^a), so that sp(−x) = −log σ(x).
LOSSES = {
    "non_saturating": ("sp(−x) + sp(y)", "sp(−y)"),
    "minimax": ("sp(−x) + sp(y)", "−sp(y)"),
    "hinge": ("max(0, 1 − x) + max(0, 1 + y)", "−y"),
    "least_squares": ("½(x − 1)² + ½y²", "½(y − 1)²"),
    "wasserstein": ("y − x", "−y"),
    "relativistic": ("sp(y − x)", "sp(x − y)"),
    "relativistic_average": (
        "sp(ȳ − x) + sp(y − x̄)",
        "sp(x − ȳ) + sp(x̄ − y)",
    ),
    "boundary_seeking": ("sp(−x) + sp(y)", "½y²"),
    "margin_ranking": ("max(0, 1 + y − x)", "−y"),
    "f_gan_kl": ("−x + exp(y − 1)", "−y"),
    "f_gan_reverse_kl": ("exp(−x) + y − 1", "exp(−y)"),
    "f_gan_pearson": ("−x + ¼y² + y", "−y"),
    "f_gan_neyman": ("exp(−x) − 2 exp(−½y) + 1", "exp(−y) − 1"),
    "f_gan_squared_hellinger": ("exp(−x) + exp(y) − 2", "exp(−y) − 1"),
    "f_gan_jensen_shannon": ("sp(−x) + sp(y) − 2 log 2", "sp(−y) − log 2"),
    "f_gan_gan": ("sp(−x) + sp(y)", "sp(−y)"),
    "f_gan_total_variation": ("½ tanh y − ½ tanh x", "−½ tanh y"),
}
_PLAIN = {
    "data": "ring8",
    "loss": "non_saturating",
    "penalty": "none",
    "weight": 0.05,
    "order": "alternating",
    "dynamics": "adam",
    "discriminator_steps": 1,
    "discriminator_rate": 2e-3,
    "generator_rate": 1e-3,
    "width": 32,
    "layers": 3,
    "batch": 128,
    "seeds": 8,
}
# What to see was seen in 3,000 steps of the first eight seeds.
EXAMPLES = [
    {
        "title": "R1 finds the modes",
        "see": "D keeps a gentle slope towards data. From step 750 on seeds have 6 to 8"
        " of the 8 modes: all samples are close, though not always within three sigma.",
        "setting": {**_PLAIN, "penalty": "r1"},
    },
    {
        "title": "D too strong",
        "see": "D moves ten times a step, and far: it is sure of every sample, so that"
        " minimax leaves G nothing to learn from. After 3,000 steps seeds have 1 or 2"
        " modes.",
        "setting": {
            **_PLAIN,
            **{"loss": "minimax", "discriminator_steps": 10},
            "discriminator_rate": 1e-2,
        },
    },
    {
        "title": "G too fast",
        "see": "G moves ten times as far as D, and all samples gather where D is high;"
        " D follows, and they flee. After 3,000 steps some seeds have no mode.",
        "setting": {**_PLAIN, "discriminator_rate": 5e-4, "generator_rate": 5e-3},
    },
    {
        "title": "Round and round",
        "see": "Wasserstein without a penalty, both at once: the two chase each other,"
        " and most seeds have at most one mode after 3,000 steps. Optimistic Adam is"
        " one cure to try, a gradient penalty another.",
        "setting": {
            **_PLAIN,
            **{"loss": "wasserstein", "order": "simultaneous"},
            "discriminator_rate": 1e-3,
        },
    },
    {
        "title": "Clipped weights",
        "see": "The first WGAN: weights within ±0.05 make D a coarse landscape, and"
        " seeds find 0 to 7 modes in 3,000 steps.",
        "setting": {
            **_PLAIN,
            **{"loss": "wasserstein", "penalty": "clip", "discriminator_steps": 5},
            "discriminator_rate": 1e-3,
        },
    },
    {
        "title": "WGAN-GP on a grid",
        "see": "25 modes with small nets: the gradient penalty keeps D steep between"
        " them, and seeds have 9 to 20 after 3,000 steps.",
        "setting": {
            **_PLAIN,
            **{"data": "grid25", "loss": "wasserstein", "penalty": "gradient"},
            **{"weight": 0.1, "discriminator_steps": 5, "discriminator_rate": 1e-3},
        },
    },
    {
        "title": "Swiss roll",
        "see": "Each is compared with the mean of the others; penalties at both. In"
        " 3,000 steps four in five samples or more lie on the roll.",
        "setting": {
            **_PLAIN,
            **{"data": "swiss_roll", "loss": "relativistic_average"},
            "penalty": "r1r2",
        },
    },
    {
        "title": "Draw your own",
        "see": "Drag across the plane: the nets go on from where they are, towards the"
        " new data.",
        "setting": {**_PLAIN, "data": "drawn", "penalty": "r1"},
    },
]
