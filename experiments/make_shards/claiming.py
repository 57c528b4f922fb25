"""Checks that a folder belongs to these shards."""

import json
import pathlib
from typing import Any

from jaxgan import report
from jaxgan.data import shard_writing, shards


def claim(folder: pathlib.Path, made: dict[str, Any], counts, like) -> bool:
    """Marks a folder as belonging to these shards.

    Returns:
        Whether any shards are missing.

    Raises:
        ValueError: it has other files, or shards whose content has changed.
    """
    index, unfinished = folder / shards.INDEX, folder / shards.UNFINISHED
    there = next((path for path in (index, unfinished) if path.exists()), None)
    if there is None:
        if folder.exists() and not folder.is_dir():
            raise ValueError(f"--workdir {folder} is a file; give a new folder")
        if folder.exists() and any(folder.iterdir()):
            raise ValueError(
                f"--workdir {folder} has other files in it; give a new folder"
            )
    else:
        try:
            plain = json.loads(there.read_text())
            before = dict(plain["made"])
        except (ValueError, TypeError, KeyError, RecursionError):
            raise ValueError(
                f"{there} is damaged; remove {folder}, and run the command again"
            ) from None
        if before != made:
            changed = sorted(k for k in made if before.get(k) != made[k])
            raise ValueError(
                f"--workdir {folder} holds shards made in another way"
                f" ({', '.join(changed)} differ); give a new folder"
            )
        if there == index and all(
            shard_writing.has_shard(folder, number, count, like)
            for number, count in enumerate(counts)
        ):
            if shard_writing.digest(folder, counts, like) != plain.get("sha256"):
                raise ValueError(
                    f"the shards in {folder} are not those that were written; remove"
                    " the folder, and run the command again"
                )
            return False
    report.write(unfinished, json.dumps({"made": made}, indent=1) + "\n")
    index.unlink(missing_ok=True)
    return True
