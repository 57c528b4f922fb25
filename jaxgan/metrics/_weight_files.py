"""Reads files of a network's weights, npz or PyTorch's, for `inception` and `vgg`."""

import hashlib
import io
import pathlib
import zipfile
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

_MOST_BYTES = 1 << 30  # of an unpacked file


class Published(NamedTuple):
    """The published file of a network's weights, as errors name it.

    Attributes:
        network: what the network is called.
        file: the name of the file.
        where: where to fetch it, to stand after the name.
        convert: how to do without PyTorch, to stand after "install it, or".
    """

    network: str
    file: str
    where: str
    convert: str


def read(
    path: pathlib.Path, published: Published, expected: Mapping[str, tuple[int, ...]]
) -> tuple[dict[str, np.ndarray], str]:
    """Reads arrays without running code that a file may hold; never fetches one.

    Args:
        path: `.pth` or `.pt`, which takes PyTorch, or `.npz`.
        published: what the file should be.
        expected: names and shapes; tensors with others are not held in memory.

    Returns:
        The arrays by name, to be checked by `check`, and the file's SHA-256 in
        hexadecimal.

    Raises:
        ValueError: if there is no such file, or it holds no arrays.
    """
    try:
        content = path.read_bytes()
    except (FileNotFoundError, IsADirectoryError):
        raise ValueError(
            f"there is no file of weights at {path}; fetch {published.file}"
            f" {published.where}"
        ) from None
    if path.suffix not in (".npz", ".pth", ".pt"):
        raise ValueError(
            f"{path} ends in {path.suffix!r}, expected .npz or .pth; the published"
            f" file is {published.file}"
        )
    checksum = hashlib.sha256(content).hexdigest()
    if path.suffix == ".npz":
        return _read_npz(path, content), checksum
    return _read_torch(path, content, published, expected), checksum


def _check_unpacked(content: bytes) -> None:
    """Refuses an archive that would unpack to more memory than any such network."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        entries = archive.infolist()
    known = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}  # others unpack without limit
    if not {entry.compress_type for entry in entries} <= known:
        raise ValueError("it is packed by a method other than deflate")
    if sum(entry.file_size for entry in entries) > _MOST_BYTES:
        raise ValueError(f"it unpacks to over {_MOST_BYTES} bytes")


def _read_npz(path: pathlib.Path, content: bytes) -> dict[str, np.ndarray]:
    """Reads the arrays of an npz file."""
    try:
        _check_unpacked(content)
        with np.load(io.BytesIO(content), allow_pickle=False) as file:
            # Entries that are not arrays come as bytes.
            return {name: np.asarray(file[name]) for name in file.files}
    except Exception as error:  # many kinds: a damaged archive, one array, pickles
        raise ValueError(
            f"{path} is not an npz file of arrays, or it is damaged"
        ) from error


def _read_torch(
    path: pathlib.Path,
    content: bytes,
    published: Published,
    expected: Mapping[str, tuple[int, ...]],
) -> dict[str, np.ndarray]:
    """Reads the tensors of a PyTorch file, without the memory of unexpected ones."""
    try:
        import torch
    except ImportError:
        raise ValueError(
            f"reading {path} needs PyTorch; install torch==2.13.0, or"
            f" {published.convert}"
        ) from None
    try:
        if zipfile.is_zipfile(io.BytesIO(content)):  # older files are not archives
            _check_unpacked(content)
        state = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
    except Exception as error:  # many kinds, among them whole programs and cut files
        raise ValueError(
            f"{path} is not a file of PyTorch weights, or it is damaged; the published"
            f" file is {published.file}"
        ) from error
    if not isinstance(state, Mapping):
        raise ValueError(
            f"{path} holds a {type(state).__name__}, expected names and arrays, as in"
            f" {published.file}"
        )

    def array(name: str, x: Any) -> np.ndarray:
        # An unexpected shape may be too large for memory; here it takes none.
        shape = tuple(x.shape) if isinstance(x, torch.Tensor) else (0,)
        if expected.get(name) == shape:
            return x.detach().numpy()
        return np.broadcast_to(np.float32(0), shape)

    try:
        return {str(name): array(str(name), x) for name, x in state.items()}
    except Exception as error:  # sparse, quantised, without memory
        raise ValueError(
            f"{path} holds tensors that are not plain arrays; the published file is"
            f" {published.file}"
        ) from error


def check(
    path: pathlib.Path,
    arrays: Mapping[str, np.ndarray],
    published: Published,
    expected: Mapping[str, tuple[int, ...]],
) -> None:
    """Refuses arrays that are not those of the network, and NaN or infinite ones."""
    shared = [name for name in expected if name in arrays]
    faults = {
        "missing": [name for name in expected if name not in arrays],
        "unexpected": [name for name in arrays if name not in expected],
        "with another shape": [
            f"{name} {arrays[name].shape}, expected {expected[name]}"
            for name in shared
            if arrays[name].shape != expected[name]
        ],
        "without real numbers": [
            n for n in shared if arrays[n].dtype.kind not in "fiu"
        ],
    }
    if any(faults.values()):
        found = "; ".join(f"{what}: {_some(n)}" for what, n in faults.items() if n)
        raise ValueError(
            f"{path} holds another network than {published.network} ({found}); the"
            f" published file is {published.file}"
        )
    if bad := [name for name in shared if not np.isfinite(arrays[name]).all()]:
        raise ValueError(
            f"{path} holds NaN or infinite weights ({_some(bad)}); fetch"
            f" {published.file} again"
        )


def _some(names: list[str]) -> str:
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return ", ".join(names[:3]) + more
