"""Tools that look inside trained networks, or use them: functions of arrays and nets.

| module | what it is for |
| --- | --- |
| `latent` | walks, grids, vector arithmetic, turn vectors, closed-form directions |
| `rectifiers` | a network's maps, observed and edited; deconvnet, guided gradients |
| `norms` | batch norms fixed to given statistics |
| `inside` | tiles of filters, what a map answers to, receptive fields |
| `arithmetic` | sizes of convolutions, and a convolution as a matrix |
| `outline` | shapes and parameters of every layer |
| `forgetting` | which maps draw an object, and what is drawn without them |
| `features` | a discriminator's maps, pooled, for other tasks |
| `hashing` | semantic hashes, and near duplicates in linear time |
| `search` | the latent of an image, by optimisation |
| `inpainting` | holes in images, filled by a generator |
| `blending` | Poisson's equation: a patch without a seam |
| `gaussian_poisson` | blending of images of any size, in closed form |
| `anomaly` | AnoGAN's scores |
| `plug_and_play` | PPGN's chains of codes |
"""

from jaxgan.analysis import (
    anomaly,
    arithmetic,
    blending,
    features,
    forgetting,
    gaussian_poisson,
    hashing,
    inpainting,
    inside,
    latent,
    norms,
    outline,
    plug_and_play,
    rectifiers,
    search,
)

__all__ = [
    "anomaly",
    "arithmetic",
    "blending",
    "features",
    "forgetting",
    "gaussian_poisson",
    "hashing",
    "inpainting",
    "inside",
    "latent",
    "norms",
    "outline",
    "plug_and_play",
    "rectifiers",
    "search",
]
