"""What every test shares: eight CPU devices, strict broadcasting, fast compiles."""

import pathlib
import tempfile

import hypothesis
import jax
import pytest

# How long an example takes says how busy the machine is, and nothing of the library.
hypothesis.settings.register_profile("jaxgan", deadline=None)
hypothesis.settings.load_profile("jaxgan")
jax.config.update("jax_platforms", "cpu")
jax.config.update("jax_num_cpu_devices", 8)
# `[B]` against `[B, 1]` broadcasts to `[B, B]`: the silent bug of GAN losses.
jax.config.update("jax_numpy_rank_promotion", "raise")
jax.config.update("jax_disable_most_optimizations", True)
# What a command compiles is what the same command compiles when it goes on.
compiled = tempfile.TemporaryDirectory(prefix="jaxgan-compiled-")
jax.config.update("jax_compilation_cache_dir", compiled.name)
jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.1)

DATA = pathlib.Path(__file__).resolve().parents[2] / "shared" / "data"


@pytest.fixture
def key():
    """A fixed random key."""
    return jax.random.key(0)


@pytest.fixture
def real_data():
    """The folder of real data sets beside the project, or a skip that says so."""
    if not DATA.is_dir():
        pytest.skip(f"no real data sets at {DATA}")
    return DATA
