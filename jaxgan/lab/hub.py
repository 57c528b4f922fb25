"""Exported generators on Hugging Face: sends them with a page of facts, and fetches.

What is fetched comes from strangers: of each repository the configuration and the
weights alone are read, each only up to a size, and both by the checks of
`exported.load`. A program of StableHLO is code, and is never fetched.
"""

import contextlib
import json
import os
import pathlib
import re
import shlex
from collections.abc import Iterator, Sequence
from typing import Any

from jaxgan.lab.exported import CONFIG, HUB, WEIGHTS, facts, needed
from jaxgan.lab.inference import Trained
from jaxgan.lab.restored import configuration
from jaxgan.report import table
from jaxgan.train import directory, page

CARD = "README.md"
LOGIN = "`hf auth login`, or set HF_TOKEN,"
MOST = {CONFIG: 1 << 20, WEIGHTS: 4 << 30}  # bytes of a file that is fetched
_NAME = re.compile(r"[\w.-]+/[\w.-]+")


def opened(name: str) -> Any:
    """Checks what sending to a repository needs, before anything is made.

    Args:
        name: of the repository, `USER/NAME`.

    Returns:
        The service, for `push`.

    Raises:
        ValueError: the name cannot be one, huggingface_hub is missing, or a token is.
    """
    library = needed("huggingface_hub")
    _check_name(name, name)
    if not library.get_token():
        raise ValueError(
            f"sending to {name} needs a token of Hugging Face that may write; use"
            f" {LOGIN} and run the command again"
        )
    return _api(library)


def push(
    api: Any,
    name: str,
    folder: pathlib.Path,
    files: Sequence[str],
    *,
    private: bool = False,
) -> str:
    """Sends files of a folder, and its page, in one commit; returns the address.

    Args:
        api: of `opened`.
        name: of the repository, which is made if it is not there.
        folder: of the files.
        files: their names; nothing else in the folder is sent.
        private: whether a repository that is made is private.

    Raises:
        ValueError: it was refused, or the service cannot be reached.
    """
    with _told(name, "sent to"):
        made = api.create_repo(name, private=private or None, exist_ok=True)
        api.upload_folder(
            repo_id=name,
            folder_path=folder,
            allow_patterns=[CARD, *files],
            commit_message="A generator exported by jaxgan",
        )
    return str(made)


def pull(address: str) -> pathlib.Path:
    """Fetches the configuration and the weights of an exported generator.

    Args:
        address: `hf://USER/NAME`, or `hf://USER/NAME@REVISION`.

    Returns:
        A folder of the cache of huggingface_hub, for `exported.load`. Without a
        network, it is what was fetched before.

    Raises:
        ValueError: there is no such repository, it holds no export, or a file of it is
            too large.
    """
    library = needed("huggingface_hub")
    name, _, revision = address.removeprefix(HUB).partition("@")
    _check_name(name, address)
    api, found = _api(library), pathlib.Path()
    for file, most in MOST.items():
        with _told(name, "fetched from"):
            known = api.hf_hub_download(
                name, file, revision=revision or None, dry_run=True
            )
        size = known.file_size
        if size is None or size > most:
            raise ValueError(
                f"{file} of {name} has {size} bytes, expected {most} at most; it is no"
                " generator that jaxgan exported"
            )
        revision = known.commit_hash  # both files of one commit
        with _told(name, "fetched from"):
            found = pathlib.Path(api.hf_hub_download(name, file, revision=revision))
    return found.parent


def card(
    trained: Trained, run: pathlib.Path, name: str, *, average: bool = True
) -> str:
    """The page of a repository, in Markdown, from what a run says of itself.

    Names of folders are left out, and the licence is for its owner to name.

    Args:
        trained: what is exported.
        run: its directory.
        name: of the repository.
        average: whether the weights are the moving average.
    """
    plain = configuration(run)
    results = _results(run)
    about = facts(trained)["export"]
    low, high = about["range"]
    paper = trained.record.paper
    if re.fullmatch(r"\d{4}\.\d{4,5}", paper):
        paper = f"[arXiv:{paper}](https://arxiv.org/abs/{paper})"
    data, training = plain.get("data"), plain.get("run")
    data = data.get("data", "") if isinstance(data, dict) else ""
    training = training if isinstance(training, dict) else {}
    known = {
        "model": trained.name,
        "paper": paper,
        "data": _without_folders(str(data)),
        "steps": f"{trained.step:,}",
        "batch size": training.get("batch_size"),
        "seed": training.get("seed"),
        "weights": "their moving average" if average else "as they were trained",
        "images": " x ".join(map(str, about["image"])),
        "classes": about["classes"] or None,
        "command": _code(results.get("command", "")),
    }
    rows = [
        (key, _cell(value)) for key, value in known.items() if value not in (None, "")
    ]
    measured = {name: x for name, x in results.items() if name != "setting"}
    scored = page.scores(directory.scalars(run), measured)
    scores = table(page.SCORES, [tuple(map(_cell, row)) for row in scored])
    kind = "" if about["classes"] else '"unconditional-image-generation"'
    labels = f", jax.numpy.arange(8) % {about['classes']}" if about["classes"] else ""
    lines = [
        "---",
        'library_name: "jaxgan"',
        *([f"pipeline_tag: {kind}"] if kind else []),
        f"tags: {json.dumps(['jax', 'gan', trained.name])}",
        "# license: name one here, such as apache-2.0",
        "---",
        f"# {_cell(results.get('model') or trained.name)}",
        "",
        "A generator of images, trained and exported by jaxgan.",
        "",
        "```python",
        "import jax, jaxgan",
        f'generator = jaxgan.load("{HUB}{name}")  # pip install -e ".[hub]"',
        f"images = generator.draw(generator.latents(jax.random.key(0), 8){labels})"
        f"  # in [{low:g}, {high:g}]",
        "```",
        "",
        table(("fact", "value"), rows),
        "",
        "## Scores",
        "",
        scores if scored else "The run measured no scores.",
        "",
    ]
    return "\n".join(lines)


@contextlib.contextmanager
def _told(name: str, what: str) -> Iterator[None]:
    """Turns the errors of the service into one sentence each."""
    errors = needed("huggingface_hub.errors")
    try:
        yield
    except errors.RepositoryNotFoundError as error:  # 401 and 403 too, without a token
        raise ValueError(
            f"Hugging Face has no repository {name} that you may see; check the name,"
            f" and where it is private, use {LOGIN} first"
        ) from error
    except errors.RevisionNotFoundError as error:
        raise ValueError(
            f"{name} has no such revision; check what follows @"
        ) from error
    except errors.RemoteEntryNotFoundError as error:
        raise ValueError(
            f"{name} is not an exported generator of jaxgan: it lacks {CONFIG} or"
            f" {WEIGHTS}; give a repository that `experiments.export --push` made"
        ) from error
    except Exception as error:  # of networks and of two libraries below, of many kinds
        status = getattr(getattr(error, "response", None), "status_code", None)
        if status in (401, 403):
            raise ValueError(
                f"the token of Hugging Face may not do this with {name}; use {LOGIN}"
                " with one that may"
            ) from error
        said = " ".join(str(error).split())[:200]
        raise ValueError(
            f"nothing was {what} {name} ({type(error).__name__}: {said}); try again"
            " when the network and the service are there"
        ) from error


def _api(library: Any) -> Any:
    return library.HfApi(endpoint=os.environ.get("HF_ENDPOINT"))


def _check_name(name: str, given: str) -> None:
    good = _NAME.fullmatch(name)
    try:
        needed("huggingface_hub.utils").validate_repo_id(name)
    except ValueError:
        good = None
    if not good:
        raise ValueError(
            f"{given!r} names no repository of Hugging Face; give USER/NAME, such as"
            " ada/faces, of letters, digits, - _ and ."
        )


def _results(run: pathlib.Path) -> dict[str, Any]:
    """What a run measured at its end; nothing where it did not come to it."""
    try:
        found = json.loads((run / directory.RESULTS).read_text())
    except (OSError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _code(command: str) -> str:
    """A command line without names of folders, which are the machine's own."""
    try:
        words = shlex.split(command)
    except ValueError:
        return ""
    line = shlex.join(map(_without_folders, words)).replace("`", "'")
    return f"`{line}`" if line else ""


def _without_folders(word: str) -> str:
    """`folder:/home/ada/photos` as `folder:photos`; other words as they are."""
    if word.startswith("tfds:"):
        return word
    parts = re.split(r"([:=])", word)
    return "".join(re.split(r"[/\\]", part.rstrip("/\\"))[-1] for part in parts)


def _cell(value: Any) -> str:
    return " ".join(str(value).split()).replace("|", "\\|")
