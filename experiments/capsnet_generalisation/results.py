"""The table, the picture and the numbers of the comparison."""

import pathlib
from typing import Any

import numpy as np

from jaxgan import report
from jaxgan.lab import figures, session
from jaxgan.lab.spread import Spread, spread
from jaxgan.train import directory

COLOURS = {"capsules": "#1f6f8b", "CNN": "#d1495b"}
TITLES = {
    "affine": "affine maps",
    "views": "views, and how far away",
    "faces": "faces and scrambled faces",
}
TESTS = {"test_error": "test digits", "affine_error": "under affine maps"}
Found = dict[str, dict[str, list[dict[str, Any]]]]  # setting -> model -> runs


def write(workdir: pathlib.Path, found: Found) -> None:
    """Writes what was found so far."""
    rows = [
        (
            setting,
            _named(test),
            *(_spread(of, test).text(1) for of in models.values()),
            _seeds(models),
        )
        for setting, models in found.items()
        for test in _tests(setting, models)
    ]
    names = list(next(iter(found.values())))
    head = ("training", "test", *(f"{name}, %" for name in names), "seeds")
    report.write(workdir / "table.md", report.table(head, rows) + "\n")
    summary = {
        setting: {
            test: {name: _spread(of, test)._asdict() for name, of in models.items()}
            for test in _tests(setting, models)
        }
        for setting, models in found.items()
    }
    session.save_json(
        workdir / directory.RESULTS,
        {"command": session.command(), "errors_percent": summary, "runs": found},
    )
    figures.save(workdir / "generalisation.png", draw(found), "errors of both models")


def draw(found: Found):
    """Draws a panel for each study, error against what makes it hard."""
    labels = {int(x.split("_")[1]): of for x, of in found.items() if "labels_" in x}
    panels = [name for name in ("affine", "views", "faces") if name in found]
    panels += ["labels"] * bool(labels)
    figure = figures.new(4.4 * len(panels), 4.0, space=0.06)
    for ax, study in zip(
        figure.subplots(1, len(panels), squeeze=False)[0], panels, strict=True
    ):
        for name, colour in COLOURS.items():
            if study == "labels":
                at = sorted(labels)
                values = [_spread(labels[n][name], "test_error") for n in at]
                ax.set(xscale="log", title="few labels", xlabel="labelled digits")
            else:
                tests = _tests(study, found[study])
                at = list(range(len(tests)))
                values = [_spread(found[study][name], test) for test in tests]
                names = [_named(test).replace(" degrees away", "°") for test in tests]
                names = [name.removesuffix(" refused") for name in names]
                ax.set_xticks(at, [x.replace(" to ", "-") for x in names])
                ax.set_title(TITLES[study])
                ax.margins(x=0.2)
            mean, deviation = np.array(
                [(m, 0.0 if d is None else d) for m, d in values]
            ).T
            ax.errorbar(at, mean, deviation, color=colour, fmt="o-", capsize=3)
            ax.plot([], [], "o-", color=colour, label=name)
        ax.set_ylim(bottom=0)
        ax.set_ylabel("refused, %" if study == "faces" else "error, %")
        ax.legend(frameon=False)
        ax.spines[["top", "right"]].set_visible(False)
    return figure


def _tests(setting: str, models: dict[str, list[dict[str, Any]]]) -> list[str]:
    """The names of the tests of a setting."""
    first = next(iter(models.values()))[0]
    if first.get("errors"):
        return list(first["errors"])
    return list(TESTS) if setting == "affine" else ["test_error"]


def _named(test: str) -> str:
    return TESTS.get(test, test)


def _spread(runs: list[dict[str, Any]], test: str) -> Spread:
    """The errors of several seeds, in percent."""
    return spread([100 * (run | run.get("errors", {}))[test] for run in runs])


def _seeds(models: dict[str, list[dict[str, Any]]]) -> str:
    return ", ".join(dict.fromkeys(str(len(of)) for of in models.values()))
