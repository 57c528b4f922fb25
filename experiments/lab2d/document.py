"""The page as one document: its pieces, and what can be chosen."""

import json
import pathlib
from typing import Any, get_args, get_type_hints

from experiments.lab2d.words import ABOUT, EXAMPLES, LOSSES, NAMES, TIPS
from jaxgan import bounds
from jaxgan.lab import plane

FOLDER = pathlib.Path(__file__).parent / "page"
SCRIPTS = ("draw.js", "curves.js", "controls.js", "page.js")
OPTIONS = {  # numbers that are chosen from a list
    "width": (8, 16, 32, 64, 128),
    "layers": (1, 2, 3, 4),
    "seeds": (1, 2, 4, 8, 12, 16),
    "batch": (32, 64, 128, 256, 512),
    "discriminator_steps": (1, 2, 3, 5, 10),
}


def page() -> str:
    """The document, which asks no other address for anything."""
    text = (FOLDER / "page.html").read_text(encoding="utf-8")
    script = "\n".join((FOLDER / x).read_text(encoding="utf-8") for x in SCRIPTS)
    pieces = {
        "STYLE": (FOLDER / "style.css").read_text(encoding="utf-8"),
        "CHOICES": json.dumps(choices()).replace("<", "\\u003c"),
        "SCRIPT": script,
    }
    for name, piece in pieces.items():
        text = text.replace(f"/*{name}*/", piece)
    return text


def choices() -> dict[str, Any]:
    """What the page lets one choose: the fields of a setting, and examples."""
    hints = get_type_hints(plane.Setting, include_extras=True)
    fields = {name: _field(name, hint) for name, hint in hints.items()}
    return {"fields": fields, "losses": LOSSES, "examples": EXAMPLES}


def _field(name: str, hint: Any) -> dict[str, Any]:
    found: dict[str, Any] = {"name": name, "tip": TIPS.get(name, "")}
    found["label"] = NAMES.get(name, name.replace("_", " ").capitalize())
    named = [x for x in get_args(hint) if isinstance(x, str)]
    if name in OPTIONS:
        found |= {"kind": "number", "options": [[x, str(x)] for x in OPTIONS[name]]}
    elif named:
        found |= {"kind": "name", "options": [[x, _option(x)] for x in named]}
        found["about"] = {x: ABOUT[x] for x in named if x in ABOUT}
    elif name == "drawn":
        found |= {"kind": "places", "most": plane.PLACES}
    else:
        (bound,) = (x for x in get_args(hint) if isinstance(x, bounds.Within))
        found |= {"kind": "slider", "least": bound.least, "most": bound.most}
    return found


def _option(name: str) -> str:
    return NAMES.get(name, name.replace("_", " "))
