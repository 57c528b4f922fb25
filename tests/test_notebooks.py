"""The notebooks run as they are, with fewer steps, and are kept without outputs."""

import json
import pathlib

import jax
import pytest

ROOT = pathlib.Path(__file__).parents[1]
BOOKS = sorted((ROOT / "docs" / "notebooks").glob("*.ipynb"))
# What the cell of settings becomes, and what must be among the results.
SMALL = {
    "your_own_loop": ("STEPS, BATCH = 3, 8", "losses at the end: D"),
    "your_own_game": ('STEPS, SEEDS, WORKDIR = 2, 2, "run"', "report.html"),
    "inside_a_run": ('STEPS, WIDTH, WORKDIR = 2, 2, "run"', "noise: mean logit"),
}


def cells(path):
    return json.loads(path.read_text(encoding="utf-8"))["cells"]


def test_there_are_three_and_the_documentation_names_them():
    assert {path.stem for path in BOOKS} == SMALL.keys()
    page = (ROOT / "docs" / "README.md").read_text()
    assert all(f"notebooks/{path.name}" in page for path in BOOKS)


@pytest.mark.parametrize("path", BOOKS, ids=lambda path: path.stem)
def test_notebooks_are_clean_and_begin_by_installing(path):
    code = [cell for cell in cells(path) if cell["cell_type"] == "code"]
    assert not any(cell["outputs"] or cell["execution_count"] for cell in code)
    assert "%pip install" in "".join(code[0]["source"])
    assert [cell["metadata"].get("tags") for cell in code].count(["parameters"]) == 1


@pytest.mark.parametrize("path", BOOKS, ids=lambda path: path.stem)
@pytest.mark.slow  # for the wall time of three kernels, not that of the processor
@pytest.mark.filterwarnings("ignore")  # of Jupyter's own packages
def test_notebooks_run(path, tmp_path, monkeypatch):
    reason = 'pip install -e ".[notebooks]" runs them'
    nbformat = pytest.importorskip("nbformat", reason=reason)
    nbclient = pytest.importorskip("nbclient", reason=reason)
    pytest.importorskip("ipykernel", reason=reason)
    settings, wanted = SMALL[path.stem]
    book = nbformat.read(path, as_version=4)
    for cell in book.cells:
        if "parameters" in cell.metadata.get("tags", ()):
            cell.source = settings
    for name, value in {
        "PYTHONPATH": str(ROOT),
        "JAX_PLATFORMS": "cpu",
        "JAX_COMPILATION_CACHE_DIR": jax.config.jax_compilation_cache_dir,
        "JAX_DISABLE_MOST_OPTIMIZATIONS": "1",
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
        "IPYTHONDIR": str(tmp_path),
    }.items():
        monkeypatch.setenv(name, value)
    client = nbclient.NotebookClient(
        book, timeout=500, resources={"metadata": {"path": str(tmp_path)}}
    )
    client.execute()
    nbformat.validate(book)
    assert wanted in json.dumps(book)
