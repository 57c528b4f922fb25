"""Files that would run code when they are read: none of it runs."""

import ast
import functools
import gc
import io
import json
import pathlib
import pickle
import time
import warnings
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from files import archive

import jaxgan
from experiments.explore import sliders
from jaxgan import checkpoint
from jaxgan.data import open_source
from jaxgan.game import TrainState
from jaxgan.lab import restored
from jaxgan.lab.judges import cache
from jaxgan.metrics import inception


class Evil:
    """Makes a file when it is unpickled."""

    def __init__(self, marker):
        self.marker = marker

    def __reduce__(self):
        return open, (str(self.marker), "w")


@pytest.fixture
def marker(tmp_path):
    """Where a file would be if code was run; this one would be."""
    path = tmp_path / "code-was-run"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        pickle.loads(pickle.dumps(Evil(path)))
        gc.collect()
    assert path.exists()
    path.unlink()
    return path


def object_npz(evil, name):
    content = io.BytesIO()
    arrays: dict[str, Any] = {name: np.array([evil], object)}
    np.savez(content, **arrays)
    return content.getvalue()


def object_npy(evil):
    content = io.BytesIO()
    np.save(content, np.array([evil], object))
    return content.getvalue()


def whole_torch(evil):
    torch = pytest.importorskip("torch", exc_type=ImportError)
    content = io.BytesIO()
    torch.save({"fc.weight": evil}, content)
    return content.getvalue()


def old_torch(evil):
    torch = pytest.importorskip("torch", exc_type=ImportError)
    content = io.BytesIO()
    torch.save({"fc.weight": evil}, content, _use_new_zipfile_serialization=False)
    return content.getvalue()


def first(spec):
    return open_source(spec)[0]


def cached(path):
    assert cache.load(path, jnp.zeros(2), ("right",)) is None
    raise ValueError("is damaged: training it again")  # what it says, see below


def bare(evil):
    return pickle.dumps(evil)


def in_npz(evil):
    return archive(images__npy=pickle.dumps(evil))


def in_zip(evil):
    return archive(a__png=pickle.dumps(evil))


READERS = {
    # name -> the file, what is in it, who reads it, and what is said
    "npz of objects": ("a.npz", object_npz, "images", first, "Object arrays cannot"),
    "npz of names": ("a.npz", object_npz, "label_names", first, "no images|Object"),
    "npz of a pickle": ("a.npz", in_npz, None, first, "has images of type .*: save u"),
    "weights of a pickle": ("w.npz", in_npz, None, inception.load, "another network"),
    "a pickle as npz": ("a.npz", bare, None, first, "as an npz file"),
    "a pickle as npy": ("a.npy", bare, None, first, "as an npz file"),
    "npy of objects": ("a.npy", object_npy, None, first, "Python objects"),
    "idx": ("train-images-idx3-ubyte", bare, None, first, "not an idx file"),
    "idx.gz": ("x-idx3-ubyte.gz", bare, None, first, r"cannot read .*fetch it again"),
    "image": ("set/a.png", bare, None, first, "cannot read the image"),
    "zip": ("a.zip", in_zip, None, first, "cannot read the image"),
    "a pickle as zip": ("a.zip", bare, None, first, "as a zip archive"),
    "tfds": ("set/dataset_info.json", bare, None, first, "is damaged"),
    "weights npz": ("w.npz", object_npz, "fc.weight", inception.load, "is not an npz"),
    "weights raw npz": ("w.npz", bare, None, inception.load, "is not an npz"),
    "weights pth": (
        "w.pth",
        whole_torch,
        None,
        inception.load,
        "not a file of PyTorch",
    ),
    "weights old pth": (
        "w.pt",
        old_torch,
        None,
        inception.load,
        "not a file of PyTorch",
    ),
    "weights raw pth": ("w.pth", bare, None, inception.load, "not a file of PyTorch"),
    "cache": ("c.npz", object_npz, "leaf0", cached, "is damaged"),
    "a pickle as cache": ("c.npz", bare, None, cached, "is damaged"),
    "directions": ("d.npz", object_npz, "x", sliders.read_directions, "is not an .npz"),
    "config.json": ("config.json", bare, None, None, "is damaged"),
}


@pytest.mark.parametrize("reader", READERS)
def test_a_pickle_is_refused_and_not_run(reader, tmp_path, marker, capsys):
    name, content, inside, read, text = READERS[reader]
    path = tmp_path / "files" / name
    path.parent.mkdir(parents=True)
    options = (inside,) if inside else ()
    path.write_bytes(content(Evil(marker), *options))
    if read is first:
        read = functools.partial(first, str(path.parent if "/" in name else path))
    elif read is None:
        read = functools.partial(restored.configuration, path.parent)
    else:
        read = functools.partial(read, path)
    with pytest.raises(ValueError, match=text) as caught:
        read()
    assert "\n" not in str(caught.value)
    assert not marker.exists()
    if "cache" in reader:
        assert f"{path} is damaged: training" in capsys.readouterr().err


def state(width=3):
    params = {"net": {"kernel": jnp.ones((2, width))}}
    return TrainState(
        step=jnp.asarray(7, jnp.int32),
        key=jax.random.key(11),
        params=params,
        stats={},
        opt_state={"player": optax.sgd(1e-3).init(params)},
        ema={},
    )


@pytest.fixture
def abandoned_reads():
    yield  # what orbax leaves behind complains when it is collected: here
    time.sleep(0.2)
    gc.collect()


@pytest.mark.usefixtures("abandoned_reads")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_pickle_in_a_checkpoint_is_not_run(tmp_path, marker):
    run = tmp_path / "run"
    with checkpoint.manager(run) as checkpoints:
        checkpoint.save(checkpoints, 7, state(), {"lr": 1})
    like = jax.eval_shape(state)
    files = sorted(p for p in run.rglob("*") if p.is_file() and p.stat().st_size)
    # The other files are arrays, which tensorstore reads.
    texts = [p for p in files if p.read_bytes()[:1] in (b"{", b"C")]
    assert len(texts) >= 5
    refused = []
    for path in texts:
        whole = path.read_bytes()
        path.write_bytes(pickle.dumps(Evil(marker)))
        try:
            with checkpoint.manager(run, read_only=True) as checkpoints:
                again = checkpoint.restore(checkpoints, like)
        except checkpoint.CheckpointError as error:
            refused.append(str(error))
        else:  # a file that restoring does without
            assert again is not None
            np.testing.assert_array_equal(again.params["net"]["kernel"], 1)
        assert not marker.exists(), path
        path.write_bytes(whole)
    assert len(refused) >= 3
    assert all(str(run) in text and "\n" not in text for text in refused)
    with checkpoint.manager(run, read_only=True) as checkpoints:
        assert checkpoint.restore(checkpoints, like) is not None


@pytest.mark.parametrize("key", ["type", "pythonClassName", "python_class_name"])
@pytest.mark.parametrize("nested", [False, True])
def test_a_tfds_set_runs_no_code_of_its_own(tmp_path, marker, monkeypatch, key, nested):
    code = tmp_path / "code"
    code.mkdir()
    (code / "own_feature.py").write_text(f"open({str(marker)!r}, 'w').close()\n")
    monkeypatch.syspath_prepend(code)
    folder = tmp_path / "set"
    folder.mkdir()
    (folder / "dataset_info.json").write_text('{"fileFormat": "array_record"}')
    named = {key: "own_feature.Feature", "content": {}}
    if nested:
        inner = json.dumps([{"feature": named}])
        named = {"a": [{"jsonFeature": {"json": inner}}]}
    (folder / "features.json").write_text(json.dumps(named))
    with pytest.raises(ValueError, match=r"code outside .* \(own_feature\.Feature\)"):
        open_source(f"tfds:{folder}")
    assert not marker.exists()


FORBIDDEN = {"pickle", "cPickle", "cloudpickle", "dill", "joblib", "marshal", "shelve"}
FORBIDDEN |= {"yaml", "jsonpickle"}
ASKED = {"torch": ("weights_only", True), "np": ("allow_pickle", False)}
ASKED |= {name: ASKED["np"] for name in ("numpy", "jnp")}


def faults(source):
    """What a module calls or imports that may run code out of a file, or write."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found += [a.name for a in node.names if a.name.split(".")[0] in FORBIDDEN]
        if isinstance(node, ast.ImportFrom):
            if (node.module or "").split(".")[0] in FORBIDDEN:
                found.append(node.module)
            if (node.module, "load") in [("torch", a.name) for a in node.names] + [
                ("numpy", a.name) for a in node.names
            ]:
                found.append("load by its bare name")
        if not isinstance(node, ast.Call):
            continue
        called = ast.unparse(node.func)
        owner, _, last = called.rpartition(".")
        if called in ("eval", "exec", "compile", "__import__", "os.system"):
            found.append(called)
        if last == "unpack_archive" or (owner and last in ("extract", "extractall")):
            found.append(called)
        if last == "load" and owner in ASKED:
            option, value = ASKED[owner]
            given = {k.arg: getattr(k.value, "value", None) for k in node.keywords}
            if given.get(option) is not value:
                found.append(f"{called} without {option}={value}")
    return found


@pytest.mark.parametrize(
    "source",
    [
        "import pickle",
        "from pickle import loads",
        "def f():\n    import dill as d",
        "from yaml import load",
        "import torch\ntorch.load(x)",
        "import torch\ntorch.load(x, weights_only=False)",
        "from torch import load",
        "np.load(x)",
        "np.load(x, allow_pickle=True)",
        "np.load(x, allow_pickle=flag)",
        "numpy.load(x)",
        "eval(text)",
        "exec(text)",
        "zipfile.ZipFile(x).extractall(y)",
        "archive.extract(name)",
        "tarfile.open(x).extractall(y)",
        "shutil.unpack_archive(x)",
    ],
)
def test_the_walk_finds(source):
    assert faults(source)


def test_the_walk_lets_pass():
    assert not faults(
        "import json, zipfile\nnp.load(x, allow_pickle=False)\nnet.eval()\n"
        "torch.load(x, weights_only=True)\njson.load(x)\ninception.load(x)\n"
    )


ROOT = pathlib.Path(jaxgan.__file__).parents[1]


def test_no_module_runs_what_it_reads():
    modules = [
        path
        for package in ("jaxgan", "experiments")
        for path in (ROOT / package).rglob("*.py")
    ]
    assert len(modules) > 100
    found = {str(path): faults(path.read_text()) for path in modules}
    assert {path: what for path, what in found.items() if what} == {}
