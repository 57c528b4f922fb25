"""Opens a laboratory in the browser: GANs of the plane, live, that can be changed.

    python -m experiments.lab2d
    python -m experiments.lab2d --port 8000 --no-browser

Serves http://127.0.0.1:7862 until Ctrl-C, to this machine alone; needs no internet and
no other package. Choose the data (or draw them), one of 17 losses, a penalty, the
schedule and the step sizes, and press Play: eight seeds train at once, and the page
shows samples over the landscape of the discriminator, its slopes at the samples,
losses, and how many modes each seed has found. Step sizes, the weight of a penalty and
the data change at once; for another loss, penalty or network a new program is compiled,
which takes seconds. Nothing is saved, and training waits while no page looks at it.
"""

import dataclasses
import os
import sys
import threading
import webbrowser
from typing import Annotated

from experiments.lab2d.laboratory import Laboratory
from experiments.lab2d.server import serving
from jaxgan import bounds
from jaxgan.lab import plane
from jaxgan.train.terminal import say


@dataclasses.dataclass(frozen=True)
class Config:
    """Where to serve the page."""

    port: Annotated[int, bounds.Within(1, 65535)] = 7862
    """Port of 127.0.0.1 to serve at."""
    browser: bool = True
    """Whether to open the page in a browser, where there is a screen."""
    seed: bounds.Seed = 0
    """Seed of the first weights; the button New seeds takes others."""

    def __post_init__(self):
        bounds.check(self, flags=True)


def main(config: Config) -> None:
    """Serves the page until Ctrl-C."""
    laboratory = Laboratory(plane.Setting(), config.seed)
    server = serving(laboratory, config.port)
    address = f"http://127.0.0.1:{config.port}"
    training = threading.Thread(target=laboratory.run, daemon=True)
    training.start()
    say(f"open {address} in a browser; Ctrl-C stops")
    if config.browser and has_screen():
        threading.Thread(target=webbrowser.open, args=(address,), daemon=True).start()
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        say(f"\nstopped at step {laboratory.step:,}; nothing was saved")
    finally:
        server.server_close()
        laboratory.stop()
        training.join(timeout=10)


def has_screen() -> bool:
    """Whether a browser can show itself here, and not only a terminal."""
    unix = sys.platform not in ("win32", "darwin")
    return not unix or any(os.environ.get(x) for x in ("DISPLAY", "WAYLAND_DISPLAY"))
