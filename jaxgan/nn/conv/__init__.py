"""Convolutions and transposed convolutions with fast derivatives of any order.

A convolution, its adjoint in the image (the transposed convolution) and its adjoint in
the kernel (the filter gradient) are three bilinear maps over one kernel tensor
`w [kh, kw, C, O]`, with C channels on the side of the large image `x` and O on that of
the small one `y`. At stride 2:

    down(x, w)                      [B, 2H, 2W, C] -> [B, H, W, O]
    up(y, w)                        [B, H, W, O] -> [B, 2H, 2W, C]
    filter_gradient(x, y, (kh, kw))                -> [kh, kw, C, O]

    <down(x, w), y> = <x, up(y, w)> = <w, filter_gradient(x, y)>

The gradient of each is made of the other two: the trio is closed under differentiation,
so the gradient of a gradient penalty runs on the same forms as the forward pass.

Why not `lax` and automatic differentiation: on a CPU its filter gradient of a
transposed convolution is a hundred times slower than a matrix product, and so is
*every* gradient of a convolution inside `lax.scan`. Hence, on CPU, the forms of
`forms.py`. On accelerators the maps are what automatic differentiation makes,
which is what their compilers look for.

Padding left out is that of Torch with `padding=(k - 1) // 2`, and `output_padding=1`
for odd kernels going up. At stride 2, that is "SAME" for even kernels; for odd ones
"SAME" starts one pixel later: the same result for a kernel shifted by one pixel.

Forward mode, reverse mode and batching compose in any order (`trio.py`).
"""

from jaxgan.nn.conv.functions import conv, conv_transpose, down, filter_gradient, up

__all__ = ["conv", "conv_transpose", "down", "filter_gradient", "up"]
