"""Speeds up training on a CPU: keeps freed memory for the next step.

The commands call `tune_allocator` themselves. In a program of your own, call it before
JAX allocates anything; without it, convolutional networks train up to 1.3 times slower.

XLA on CPU allocates its temporaries anew at every step. The C library gets blocks that
large from the system and returns them at once, so that in each step the kernel has to
zero hundreds of megabytes of fresh pages. With these settings the pages stay with the
process.
"""

import ctypes
import sys

# From glibc's malloc.h.
_M_TRIM_THRESHOLD = -1
_M_TOP_PAD = -2
_M_MMAP_MAX = -4
_M_ARENA_MAX = -8

_SETTINGS = {
    _M_ARENA_MAX: 1,  # one heap for all threads, so that freed blocks are found again
    _M_MMAP_MAX: 0,  # no block gets a mapping of its own
    _M_TRIM_THRESHOLD: 2**31 - 1,  # the heap hardly ever shrinks
    _M_TOP_PAD: 256 * 2**20,  # the heap grows in large pieces
}


def tune_allocator() -> bool:
    """Tells glibc to keep freed memory for the next step.

    Call it before JAX allocates anything. It affects the whole process, whose memory
    then never shrinks. Where the C library is not glibc (macOS, Windows, musl), it does
    nothing. The environment can set the same: `MALLOC_ARENA_MAX=1`,
    `MALLOC_MMAP_MAX_=0`, `MALLOC_TRIM_THRESHOLD_=2147483647` and
    `MALLOC_TOP_PAD_=268435456`.

    Returns:
        Whether the settings took effect.
    """
    if not sys.platform.startswith("linux"):
        return False
    libc = ctypes.CDLL(None)
    # Only glibc has this function; in others, `mallopt` may mean something else.
    if not hasattr(libc, "gnu_get_libc_version"):
        return False
    return all([libc.mallopt(name, value) == 1 for name, value in _SETTINGS.items()])
