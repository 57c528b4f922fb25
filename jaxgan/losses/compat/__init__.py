"""The loss functions of other libraries, with their own names and conventions.

For porting code: argument names and order, reductions, weights and default values are
those of the library; the arithmetic is `jaxgan.losses`. Import the module wanted:
`from jaxgan.losses.compat import tfgan`.
"""
