"""Lists all commands: `python -m experiments`."""

import ast
import io
import os
import pathlib
import sys

from experiments import commands, unknown

# Titles, and the beginnings of the names of their commands. All other commands train a
# model, so that a new paper needs no entry here.
GROUPS = {
    "Look inside a finished run": (
        "anomaly compare deduplicate discriminator_features draw_networks explore"
        " export forget_object inpaint inside_networks latent_ sample truncation_curve"
    ),
    "All figures of the lectures": "figures",
    "Measure": "convert_inception digit_classifier evaluate ladder metric_sanity"
    " real_captions text_encoder",
    "Capsules": "capsnet_ capsule_ matrix_capsnet transforming_autoencoder",
    "Data": "draw_faces make_shards",
    "Losses, games and layers": "chess_style conv_arithmetic fgan_1d game_dynamics"
    " gan_1d gan_2d lab2d loss_curves malgan_study mixed_batches",
    "Benchmarks, endurance and plans": "benchmarks. endurance. scaling_plan",
}
TRAIN = "Train a model"


def summary(path: pathlib.Path) -> str:
    """The first line of a file's docstring, read without importing it."""
    text = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    return text.partition("\n")[0]


def group(name: str) -> str:
    """The title under which a command is listed."""
    for title, words in GROUPS.items():
        if name.startswith(tuple(words.split())):
            return title
    return TRAIN


def listing() -> str:
    """Lists all commands in groups, one line each."""
    found = commands()
    width = max(map(len, found))
    lines = ["Run any of these as `python -m experiments.NAME`; `--help` says more."]
    for title in [TRAIN, *GROUPS]:
        lines += ["", title]
        lines += [
            f"  {name:{width}}  {summary(path)}"
            for name, path in found.items()
            if group(name) == title
        ]
    return "\n".join(lines)


def main() -> None:
    """Prints the list, or the commands with names similar to a given one."""
    if isinstance(sys.stdout, io.TextIOWrapper):  # which may know no letters but ASCII
        sys.stdout.reconfigure(errors="backslashreplace")
    names = [word for word in sys.argv[1:] if not word.startswith("-")]
    if not names:
        try:
            print(listing(), flush=True)
        except BrokenPipeError:  # `| head` stopped reading
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    elif names[0] in commands():
        print(summary(commands()[names[0]]))
        print(f"Run it as `python -m experiments.{names[0]}`; `--help` says more.")
    else:
        sys.exit(unknown(names[0]))


if __name__ == "__main__":
    main()
