"""Which chips lie together in a mesh, and which rows of a batch a process holds."""

import subprocess
import sys
import types

import numpy as np
import pytest

from experiments.endurance.parts import processes
from jaxgan.parallel import places


def torus(width, height, slices=1):
    """The chips of slices of v5e, four to a host, in an order of no meaning."""
    chips = [
        types.SimpleNamespace(
            platform="tpu", device_kind="TPU v5 lite", core_on_chip=0, coords=(x, y, 0),
            id=x + width * y, slice_index=part,
            process_index=x // 2 + width // 2 * (y // 2) + part * width * height // 4,
        )
        for part in range(slices) for y in range(height) for x in range(width)
    ]  # fmt: skip
    return [chips[i] for i in np.random.default_rng(0).permutation(len(chips))]


@pytest.mark.parametrize(
    ("chips", "fsdp", "box"),
    [
        (torus(16, 16), 16, (16, 1)),  # a ring
        (torus(16, 16), 8, (8, 1)),
        (torus(16, 16), 4, (2, 2)),  # a host
        (torus(8, 8, slices=2), 8, (8, 1)),
        (torus(4, 4, slices=2), 32, (4, 4)),  # longer than a slice
        (torus(8, 8)[:36], 12, None),  # no cuboid
    ],
)
def test_chips_that_share_the_state_lie_together(chips, fsdp, box):
    grid = places._grid(
        sorted(chips, key=lambda chip: (chip.process_index, chip.id)), fsdp
    )
    assert grid.shape == (len(chips) // fsdp, fsdp)
    assert {id(chip) for chip in grid.flat} == {id(chip) for chip in chips}
    for row in grid if box else []:
        at = np.array([chip.coords[:2] for chip in row])
        assert sorted(np.ptp(at, axis=0) + 1) == sorted(box)
        if fsdp <= 16:
            assert len({chip.slice_index for chip in row}) == 1


SCRIPT = """
import sys
import jax, numpy as np
from jax.sharding import Mesh
from jaxgan import parallel
me, port = map(int, sys.argv[1:])
with parallel.start(2, me, f"127.0.0.1:{port}"):
    places = parallel.mesh().devices.reshape(4)[[0, 2, 1, 3]].reshape(2, 2)
    mesh = Mesh(places, ("data", "fsdp"))
    mine = parallel.rows(mesh, 8)
    assert mine.tolist() == [[0, 1, 4, 5], [2, 3, 6, 7]][me], mine
    whole = np.arange(3 * 8 * 2).reshape(3, 8, 2)
    for axis, item in ((0, whole[0]), (1, whole)):
        for given in (item, item.take(mine, axis)):
            made = parallel.assemble(mesh, {"x": given}, 8, axis)["x"]
            assert made.shape == item.shape and made.sharding.mesh == mesh
            np.testing.assert_array_equal(parallel.gather(mesh, made), item)
"""


def test_a_process_may_hold_rows_that_are_not_consecutive():
    port = processes.free_port()
    started = [
        subprocess.Popen(
            [sys.executable, "-c", SCRIPT, str(i), str(port)],
            env=processes.environment(2, {}), stderr=subprocess.PIPE, text=True,
        )
        for i in range(2)
    ]  # fmt: skip
    said = [process.communicate(timeout=100)[1] for process in started]
    assert [process.returncode for process in started] == [0, 0], said
