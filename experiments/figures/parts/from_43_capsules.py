"""Figures 43 to 50: capsules, routing, and what capsules learn."""

from experiments.figures.entries import (
    Figure,
    Outcome,
    Read,
    at_most,
    every,
    less,
    near,
)

PAPER = "the paper: baseline 0.39 %; 0.34 and 0.29 % with one iteration of routing,"


def pooling(read: Read) -> Outcome:
    """The two vectors of the lecture, convolved and pooled."""
    found = read("equivariance/equivariance.json")["pooling"]
    moved = found["detected"] == [[0, 1, 0, 0], [0, 0, 1, 0]]
    same = found["pooled"][0] == found["pooled"][1]
    return Outcome(moved and same, f"{found['detected']}, pooled {found['pooled']}")


def half(read: Read) -> Outcome:
    """Where the squash has a length of one half."""
    found = read("squash/squash.json")
    return every(
        near("length of ½ at", found["half_at"], 1, 0.01),
        near("steepest at", found["steepest_at"], 3**-0.5, 0.02),
    )


def coupled(read: Read) -> Outcome:
    """Sums of coefficients, and the share of the true class by iteration."""
    found = read("routing/routing.json")
    least, most = found["sums_over_classes"]
    shares = found["means"]["inked"]["true_class"]
    return every(
        near("least sum over classes", least, 1, 1e-4),
        near("largest", most, 1, 1e-4),
        less("share of the true class at first", shares[0], "at last", shares[-1]),
    )


def failures(read: Read) -> Outcome:
    """The error, and whose drawing is nearer where a digit is classified wrong."""
    found = read("reconstructions/reconstructions.json")
    wrong = found["squared_error"]["wrong"]
    known = wrong["prediction"] is not None
    return every(
        at_most("test error", found["test_error"], 0.1),
        less(
            "wrong digits, squared error of the prediction", wrong["prediction"],
            "of the label", wrong["label"],
        ) if known else Outcome(True, "no digit is classified wrong"),
    )  # fmt: skip


def visible(read: Read) -> Outcome:
    """How much the drawings change along each dimension."""
    change = read("dimensions/dimensions.json")["visible_change"]
    return Outcome(
        min(change) > 0, f"changes of {min(change):.2g} to {max(change):.2g}"
    )


def overlapping(read: Read) -> Outcome:
    """The share of pairs of digits of which one or both are not found."""
    error = read("multimnist/results.json")["test_error"]
    return at_most("test error", error, 0.5)


def ranked(read: Read) -> Outcome:
    """Whether capsules beat the baseline, as in the paper's table."""
    found = read("capsnet_table/results.json")["sets"]["mnist"]
    best, baseline = found["routing 3, reconstruction"], found["baseline"]
    return less("error in %, capsules", best["mean"], "baseline", baseline["mean"])


def moved(read: Read) -> Outcome:
    """How far poses move when digits move by three pixels."""
    found = read("shifts/results.json")["columns after +3"]
    return every(
        near("slope", found["slope"]["median"], 1, 0.15),
        near("offset", found["offset"]["median"], 3, 0.6),
    )


FIGURES = (
    Figure(
        43, "Equivariance and pooling",
        "A detection moves with its input, and pooling forgets where it was.",
        ("equivariance",), ("equivariance/equivariance_pooling.png",),
        "(0, 3, 2, 0, 0) gives (0, 1, 0, 0), the shifted input the shifted output, and"
        " both are pooled to the same.",
        pooling,
    ),
    Figure(
        44, "A capsule beside a neuron, and the squash",
        "A capsule puts out a vector, whose direction says what is there and whose"
        " length, squashed below 1, how likely.",
        ("squash",), ("squash/squash.png",),
        "A length of 1 becomes ½; the curve is steepest at 1/√3.",
        half,
    ),
    Figure(
        45, "Routing by agreement, iteration by iteration",
        "Capsules first send a tenth to each class, then more to the class that agrees"
        " with what they predict.",
        ("routing",),
        tuple(f"routing/routing_{x}.png" for x in ("digit", "mean")),
        "Coefficients sum to 1 over classes, and the share of the true class grows.",
        coupled,
    ),
    Figure(
        46, "Digits and their reconstructions, with failures",
        "Sixteen numbers of one capsule are enough to draw a digit; where a digit is"
        " misread, the drawing of either class explains it.",
        ("reconstructions",), ("reconstructions/reconstructions.png",),
        "A test error of at most 10 %; of misread digits, the drawing of the prediction"
        " is nearer to the input.",
        failures,
    ),
    Figure(
        47, "What each number of a capsule means",
        "Moved from -0.25 to 0.25, one number changes the stroke, another the slant or"
        " the size of a part.",
        ("dimensions",),
        ("dimensions/dimensions.png", "dimensions/dimensions_*.png"),
        "Each of the numbers changes the drawing.",
        visible,
    ),
    Figure(
        48, "Two digits, one over the other",
        "Each capsule draws its own digit, though most of its pixels belong to both; a"
        " class that is not there draws nearly nothing.",
        ("multimnist",), ("multimnist/overlay.png",),
        "Both digits are named in at least half of the test images (the paper: 94.8"
        " %).",
        overlapping,
    ),
    Figure(
        49, "The table of capsules: routing and reconstruction",
        "Reconstruction helps, three iterations of routing help more, and capsules make"
        " fewer errors than a CNN.",
        ("capsnet_table",), ("capsnet_table/table.md",),
        f"Fewer errors than the baseline ({PAPER} 0.35 and 0.25 % with three).",
        ranked,
    ),
    Figure(
        50, "A transforming auto-encoder shifts digits",
        "Told only by how much a digit moves, capsules learn places: they move by as"
        " much.",
        ("shifts",), ("shifts/rows.png", "shifts/poses.png"),
        "For a shift of 3, places move along a line of slope 1 (± 0.15), by 3 (± 0.6).",
        moved,
    ),
)  # fmt: skip
