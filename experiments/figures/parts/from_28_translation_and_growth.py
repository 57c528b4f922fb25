"""Figures 28 to 31: translations, training as it goes, networks that grow."""

from experiments.figures.entries import Figure, Outcome, Read, at_most, every, less

TASKS = (
    *("labels_to_portrait", "portrait_to_labels", "edges_to_photo"),
    *("grey_to_colour", "day_to_night", "young_to_old"),
)


def translated(read: Read) -> Outcome:
    """The error of six translations, beside the partner of the nearest input."""
    outcomes = []
    for task in TASKS:
        errors = read(f"pix2pix_{task}/results.json")["errors"]
        output, nearest = errors["output"]["l1"], errors["nearest"]["l1"]
        name = task.replace("_", " ")
        outcomes.append(less(f"{name}: L1", output, "nearest", nearest))
    return every(*outcomes)


def there_and_back(read: Read) -> Outcome:
    """The errors of a cycle, and to the same person at the other age."""
    outcomes = []
    for way in ("a_to_b", "b_to_a"):
        found = read("cyclegan/results.json")[way]
        outcomes += [
            at_most("L1 there and back", found["cycle"]["l1"], 0.05),
            less(
                "L1 to the truth", found["output"]["l1"],
                "of the input", found["input"]["l1"],
            ),
        ]  # fmt: skip
    return every(*outcomes)


def truncated(read: Read) -> Outcome:
    """Whether truncation buys quality with variety."""
    rows = read("truncation/results.json")["rows"]
    least, most = rows[0], rows[-1]
    return every(
        less(
            "coverage at the smallest threshold", least["coverage"],
            "without one", most["coverage"],
        ),
        less(
            "precision without a threshold", most["precision"],
            "at best", max(row["precision"] for row in rows[:-1]),
        ),
    )  # fmt: skip


FIGURES = (
    Figure(
        28, "pix2pix: six tasks, one network",
        "The same network and loss learn every translation of which there are pairs.",
        tuple(f"pix2pix_{task}" for task in TASKS),
        tuple(f"pix2pix_{task}/samples/pairs_*.png" for task in TASKS),
        "In each task the error is below that of the partner of the nearest training"
        " input.",
        translated,
        "façades and maps, which do not come with the library",
    ),
    Figure(
        29, "CycleGAN: there and back again",
        "Without pairs, a translation is held to what was there by having to be"
        " translated back.",
        ("cyclegan",), ("cyclegan/samples/both_ways_*.png",),
        "An L1 there and back of at most 0.05, and translations nearer to the same"
        " person at the other age than the inputs are.",
        there_and_back,
    ),
    Figure(
        30, "The same latents, by training step",
        "Colours and places come first, then parts, and details last.",
        ("faces",), ("faces/strip.png",),
    ),
    Figure(
        31, "Growing networks, and truncated latents",
        "GANs became large by growing from 4x4 up, and by large networks of classes,"
        " whose latents can be truncated: better pictures, but fewer kinds.",
        ("progan", "truncation"),
        (
            *("progan/growth.png", "progan/fade.png"),
            *("truncation/truncation.png", "truncation/sheet.png"),
        ),
        "The smallest threshold has less coverage than none, and some threshold has"
        " more precision.",
        truncated,
        "the timeline from 2014 to 2018",
    ),
)  # fmt: skip
