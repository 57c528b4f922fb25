"""The laboratory: what turns games, models and data into runs, and runs into pictures.

`lab.train(game, data, workdir)` trains a game of your own, `lab.open_run(path)` opens a
run. The commands of `experiments` are made of these modules.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jaxgan.lab.data import Data as Data
    from jaxgan.lab.data import Set as Set
    from jaxgan.lab.data import open_set as open_set
    from jaxgan.lab.games import train as train
    from jaxgan.lab.inference import open_run as open_run
    from jaxgan.lab.session import Result as Result

_HOMES = {
    "Data": "data",
    "Result": "session",
    "Set": "data",
    "open_run": "inference",
    "open_set": "data",
    "train": "games",
}


def __getattr__(name: str) -> Any:
    """Imports a name when it is first asked for: `import jaxgan.lab` stays light."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module = importlib.import_module(f"{__name__}.{_HOMES[name]}")
    return getattr(module, name)


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES})
