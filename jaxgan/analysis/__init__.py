"""Looking inside trained networks, and using them: functions of arrays and functions.

| module | what it is for |
| --- | --- |
| `latent` | walks, grids, vector arithmetic, turn vectors, closed-form directions |
| `rectifiers` | maps of any network, seen and edited; deconvnet, guided gradients |
| `norms` | batch norms held still |
| `inside` | tiles of filters, what a map answers to, receptive fields |
| `outline` | shapes and parameters of every layer |
| `forgetting` | the maps that draw an object, dropped |
| `features` | a discriminator's maps, pooled, for other tasks |
| `hashing` | semantic hashes, and near duplicates in linear time |
| `search` | the latent of an image, by optimisation |
| `inpainting` | holes filled by a generator |
| `blending` | Poisson's equation |
| `anomaly` | AnoGAN's scores |
"""

from jaxgan.analysis import (
    anomaly,
    blending,
    features,
    forgetting,
    hashing,
    inpainting,
    inside,
    latent,
    norms,
    outline,
    rectifiers,
    search,
)

__all__ = [
    "anomaly",
    "blending",
    "features",
    "forgetting",
    "hashing",
    "inpainting",
    "inside",
    "latent",
    "norms",
    "outline",
    "rectifiers",
    "search",
]
