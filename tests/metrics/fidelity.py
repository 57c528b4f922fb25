"""torch-fidelity for parity tests, or a skip that says what is absent."""

import pytest

from experiments.benchmarks.parts import torch_metrics


def torch_fidelity():
    """The module `torch_fidelity`, imported without torchvision if need be."""
    pytest.importorskip("torch", exc_type=ImportError)
    try:
        return torch_metrics.import_torch_fidelity()
    except ImportError as error:
        pytest.skip(
            f"torch-fidelity cannot be imported ({error}): pip install --no-deps"
            " torch-fidelity==0.4.0 tqdm"
        )
