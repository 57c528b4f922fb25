"""Layers and functions that the networks of several papers share."""

from jaxgan.nn.ada import Adaptive, adapt, adaptive_augment
from jaxgan.nn.attention import SelfAttention
from jaxgan.nn.augment import POLICIES, check_policy, diff_augment
from jaxgan.nn.blocks import DownBlock, UpBlock
from jaxgan.nn.boxes import crop, paste
from jaxgan.nn.conditional import ConditionalBatchNorm, Projection
from jaxgan.nn.equalised import GAIN, EqualisedConv, EqualisedDense
from jaxgan.nn.grouped import GroupedConv
from jaxgan.nn.images import from_uint8, reflect_pad, to_uint8
from jaxgan.nn.latent import batch_latent, sample_latent, slerp, truncated
from jaxgan.nn.layers import Conv, ConvTranspose, Dense
from jaxgan.nn.maxout import Maxout
from jaxgan.nn.minibatch import MinibatchDiscrimination, minibatch_deviation
from jaxgan.nn.mlp import MLP
from jaxgan.nn.moved import random_affine
from jaxgan.nn.noise import GaussianNoise
from jaxgan.nn.norm import BatchNorm, InstanceNorm, pixel_norm, reestimate, use_running
from jaxgan.nn.regions import check_mask, random_regions
from jaxgan.nn.resolution import (
    double,
    double_filtered,
    double_smoothly,
    enlarge,
    halve,
    halve_filtered,
    pixel_shuffle,
    reduce,
)
from jaxgan.nn.spectral import power_iteration, spectral_normalise
from jaxgan.nn.virtual_norm import VirtualBatchNorm
from jaxgan.nn.weight_norm import WeightNormConv, WeightNormDense

__all__ = [
    "GAIN",
    "MLP",
    "POLICIES",
    "Adaptive",
    "BatchNorm",
    "ConditionalBatchNorm",
    "Conv",
    "ConvTranspose",
    "Dense",
    "DownBlock",
    "EqualisedConv",
    "EqualisedDense",
    "GaussianNoise",
    "GroupedConv",
    "InstanceNorm",
    "Maxout",
    "MinibatchDiscrimination",
    "Projection",
    "SelfAttention",
    "UpBlock",
    "VirtualBatchNorm",
    "WeightNormConv",
    "WeightNormDense",
    "adapt",
    "adaptive_augment",
    "batch_latent",
    "check_mask",
    "check_policy",
    "crop",
    "diff_augment",
    "double",
    "double_filtered",
    "double_smoothly",
    "enlarge",
    "from_uint8",
    "halve",
    "halve_filtered",
    "minibatch_deviation",
    "paste",
    "pixel_norm",
    "pixel_shuffle",
    "power_iteration",
    "random_affine",
    "random_regions",
    "reduce",
    "reestimate",
    "reflect_pad",
    "sample_latent",
    "slerp",
    "spectral_normalise",
    "to_uint8",
    "truncated",
    "use_running",
]
