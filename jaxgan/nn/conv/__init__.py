"""Convolutions and transposed convolutions with fast derivatives of any order.

A convolution, its adjoint in the image (the transposed convolution) and its adjoint in
the kernel (the filter gradient) are three bilinear maps over one kernel tensor
`w [kh, kw, C, O]`, with C channels on the side of the large image `x` and O on that of
the small one `y`. At stride 2:

    down(x, w)                      [B, 2H, 2W, C] -> [B, H, W, O]
    up(y, w)                        [B, H, W, O] -> [B, 2H, 2W, C]
    filter_gradient(x, y, (kh, kw))                -> [kh, kw, C, O]

    <down(x, w), y> = <x, up(y, w)> = <w, filter_gradient(x, y)>

The gradient of each consists of the other two. Since the trio is closed under
differentiation, the gradient of a gradient penalty uses the same fast forms as the
forward pass.

`lax` with automatic differentiation is too slow on a CPU: the filter gradient of a
transposed convolution takes a hundred times as long as a matrix product, and so does
*every* gradient of a convolution inside `lax.scan`. So CPUs use the forms of
`forms.py`. Accelerators use the maps that automatic differentiation makes, since their
compilers are tuned for those.

The default padding is that of Torch with `padding=(k - 1) // 2`, and `output_padding=1`
for odd kernels of `up`. At stride 2, this is "SAME" for even kernels. For odd ones
"SAME" starts one pixel later, which gives the same result with a kernel shifted by one
pixel.

Forward mode, reverse mode and batching compose in any order (`trio.py`).
"""

from jaxgan.nn.conv.functions import conv, conv_transpose, down, filter_gradient, up
from jaxgan.nn.conv.trio import plain

__all__ = ["conv", "conv_transpose", "down", "filter_gradient", "plain", "up"]
