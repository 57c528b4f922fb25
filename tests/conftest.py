"""Set-up of all tests: eight CPU devices, strict broadcasting, cheap programs."""

import gc
import importlib.metadata
import importlib.util
import os
import pathlib

# XLA reads these once, when JAX starts; child processes inherit them. The first keeps
# LLVM from splitting each small program into pieces; the last takes older emitters,
# which compile a step four times as fast. Later versions have no others, and end the
# process at a flag that they do not know.
os.environ["XLA_FLAGS"] = " ".join(
    [
        os.environ.get("XLA_FLAGS", ""),
        "--xla_cpu_parallel_codegen_split_count=1",
        "--xla_llvm_disable_expensive_passes=true",
        "--xla_cpu_use_fusion_emitters=false"
        if importlib.metadata.version("jaxlib").startswith("0.10.")
        else "",
    ]
).strip()
# The two processes that run tests share two cores: threads of BLAS would wait for each
# other, and do so at full speed.
os.environ["OPENBLAS_NUM_THREADS"] = os.environ["OMP_NUM_THREADS"] = "1"

import budget
import hypothesis
import jax
import kept_programs
import pytest

# How long an example takes says how busy the machine is, and nothing of the library.
hypothesis.settings.register_profile("jaxgan", deadline=None)
hypothesis.settings.load_profile("jaxgan")
jax.config.update("jax_platforms", "cpu")
jax.config.update("jax_num_cpu_devices", 8)
# `[B]` against `[B, 1]` broadcasts to `[B, B]`: the silent bug of GAN losses.
jax.config.update("jax_numpy_rank_promotion", "raise")
jax.config.update("jax_disable_most_optimizations", True)

pytest_plugins = ("runs",)  # tests/runs.py

DATA = pathlib.Path(__file__).resolve().parents[2] / "shared" / "data"


def pytest_collection_finish():
    """Collects garbage less often: tracing makes many small objects, hardly any of them
    garbage, and looking for it took a twelfth of all time.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)


def pytest_configure(config):
    """Adds the duration budget and, in the processes that run tests, the cache."""
    config.pluginmanager.register(budget)
    if hasattr(config, "workerinput") or not config.getoption("numprocesses", None):
        kept_programs.start()


def pytest_unconfigure():
    kept_programs.finish()


@pytest.fixture(scope="module", autouse=True)
def _forgotten_programs():
    """Frees the programs of a module that is done: a worker would grow to 8 GB."""
    yield
    jax.clear_caches()


@pytest.fixture
def key():
    """A fixed random key."""
    return jax.random.key(0)


@pytest.fixture(scope="session")
def generate():
    """docs/generate.py as a module, which no package has."""
    path = pathlib.Path(__file__).resolve().parents[1] / "docs" / "generate.py"
    spec = importlib.util.spec_from_file_location("generate", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def real_data():
    """The folder of real data sets beside the project, or a skip that says so."""
    if not DATA.is_dir():
        pytest.skip(f"no real data sets at {DATA}")
    return DATA
