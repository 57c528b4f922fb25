"""Figures 19 to 27: DCGAN, and what its networks learned."""

from experiments.figures.entries import (
    Figure,
    Outcome,
    Read,
    at_least,
    at_most,
    every,
    less,
    logged,
)

SHAPES = [[4, 4, 1024], [8, 8, 512], [16, 16, 256], [32, 32, 128], [64, 64, 3]]


def sizes(read: Read) -> Outcome:
    """Sizes by the formula and by the layers, and what a transposed matrix gives."""
    cases = read("conv_arithmetic/arithmetic.json")["cases"]
    equal = all(
        case["convolved"] == case["by_formula"]
        and case["transposed"] == case["transposed_by_formula"]
        for case in cases
    )
    worst = max(case["difference_to_matrix"] for case in cases)
    return every(
        Outcome(equal, f"{len(cases)} cases"),
        at_most("difference to the matrix", worst, 1e-5),
    )


def shapes(read: Read) -> Outcome:
    """The sizes of the maps of DCGAN's generator, in order."""
    layers = read("shapes/results.json")["nets"]["generator"]["layers"]
    outputs = [layer["output"] for layer in layers]
    sizes = [x for x in SHAPES if x in outputs]
    said = ", ".join("x".join(map(str, x)) for x in sizes)
    return Outcome(sizes == SHAPES, f"found {said}")


def better_and_better(read: Read) -> Outcome:
    """Whether the DCGAN's samples came nearer to the data."""
    seen = logged(read, "faces", "evaluation/frechet_distance")
    return less("Fréchet distance at the end", seen[-1], "first", seen[0])


def duplicates(read: Read) -> Outcome:
    """How many planted copies are found, and how many images are removed falsely."""
    found = read("deduplicate/results.json")["tested_on"]
    false = found["false"] / max(1, found["images"])
    return every(
        at_least("copies found", found["recall"], 0.5),
        at_most("images removed falsely", false, 0.01),
    )


def features(read: Read) -> Outcome:
    """What a linear SVM makes of a discriminator's maps, with few labels."""
    found = read("features/results.json")["features"]
    accuracy = {
        name: of["accuracy"]["500"]["mean"]
        for name, of in found.items()
        if name != "k-means"
    }
    learned = accuracy.pop("discriminator")
    name, best = max(accuracy.items(), key=lambda item: item[1])
    return less(name, best, "discriminator", learned)


def smooth(read: Read) -> Outcome:
    """Whether a walk has no jumps."""
    found = read("walk/results.json")["linear"]
    return every(
        at_most(
            "largest step, by the distance of two samples",
            found["largest_over_independent"], 0.7,
        ),
        at_most("largest step with twice the frames", found["halved"], 0.8),
    )  # fmt: skip


def guided(read: Read) -> Outcome:
    """Whether a few lines drive a trained map, and much of an image a random one."""
    found = read("inside/results.json")
    trained, random = (found[x]["guided_spread"] for x in ("trained", "random"))
    return less("share of pixels, trained", trained, "random", random)


def forgotten(read: Read) -> Outcome:
    """How many samples still have glasses, without maps that draw them."""
    found = read("forget/results.json")
    rate, before = found["searched"]["rate"], found["rate_before"]
    other = found["searched_control"]
    return every(
        less("share with glasses", rate, "before", before),
        less("", rate, "without as many random maps", other["rate"]),
    )


def arithmetic(read: Read) -> Outcome:
    """How often the sum gains what it should, beside a random direction."""
    outcomes = []
    for name, found in read("arithmetic/results.json")["arithmetic"].items():
        trial = found["exemplars"].get("3")
        if trial is not None:
            gains = (trial[x]["gains"] for x in ("random_direction", "latents"))
            chance, sums = (count / trial["trials"] for count in gains)
            outcomes.append(less(f"{name}: random", chance, "sums", sums))
    return every(Outcome(bool(outcomes), f"{len(outcomes)} equations"), *outcomes)


def turned(read: Read) -> Outcome:
    """Whether faces turn further with each step along the difference of two means."""
    found = read("arithmetic/results.json")["turn"]["mean_of_4"]
    turn, random = (found[x]["spearman"] for x in ("turn", "random_direction"))
    return every(
        at_least("rank correlation of steps and yaw", turn, 0.8),
        less("in a random direction", abs(random), "turn", turn),
    )


FIGURES = (
    Figure(
        19, "DCGAN's generator, drawn",
        "A latent vector becomes 4x4 maps, and each layer doubles their sides and"
        " halves their number, up to an image of 64x64.",
        ("shapes",), ("shapes/generator.png",),
        "Shapes of 4x4x1024, 8x8x512, 16x16x256, 32x32x128 and 64x64x3.",
        shapes,
    ),
    Figure(
        20, "DCGAN: the first pictures, and the last",
        "After one pass over the data pictures are rough but no longer noise, and a few"
        " passes later most of them are good.",
        ("faces",), ("faces/samples/ema_*.png",),
        "The Fréchet distance to the data is smaller at the end than at first.",
        better_and_better,
        "bedrooms and ImageNet, which do not come with the library",
    ),
    Figure(
        21, "Near duplicates, removed",
        "A GAN can only be said not to copy if its training set has no copies; hashes"
        " of an autoencoder find them in linear time.",
        ("deduplicate",), ("deduplicate/planted.png", "deduplicate/groups.png"),
        "At least half of the planted copies are found, and at most 1 % of images are"
        " removed falsely.",
        duplicates,
    ),
    Figure(
        22, "A discriminator's maps as features",
        "Trained without labels, a discriminator has features from which a linear SVM"
        " learns classes with few of them.",
        ("features",), ("features/features.png",),
        "More accurate with 500 labels than pixels and than the same net at random"
        " weights (the paper: 82.8 % on CIFAR-10, 77.5 % on SVHN).",
        features,
        "CIFAR-10 and SVHN, which do not come with the library (presets cifar10, svhn)",
    ),
    Figure(
        23, "A walk between latents",
        "Between any two latents lie pictures that change gradually: the generator has"
        " not memorised its data.",
        ("walk",), ("walk/walk_linear.png",),
        "No step is more than 0.7 of the distance of two samples, and twice the frames"
        " make the largest step at most 0.8 as large.",
        smooth,
    ),
    Figure(
        24, "Guided backpropagation: learned features, and random ones",
        "Last maps of a trained discriminator answer to eyes, mouths and outlines;"
        " random ones, to nearly all of an image.",
        ("inside",), ("inside/guided.png", "inside/patches.png"),
        "A smaller share of the pixels carries what drives a trained map.",
        guided,
    ),
    Figure(
        25, "A generator forgets an object",
        "Without the maps that draw it, an object is gone, and another thing stands in"
        " its place: the generator has taken scene and objects apart.",
        ("forget",), ("forget/forgotten.png", "forget/trade.png"),
        "Fewer samples have glasses than before, and than without as many random maps.",
        forgotten,
    ),
    Figure(
        26, "Arithmetic with latents",
        "Man with glasses - man + woman is a woman with glasses, where each is the mean"
        " of three latents; sums of pixels are ghosts.",
        ("arithmetic",),
        tuple(f"arithmetic/arithmetic_{x}.png" for x in ("glasses", "age", "hair")),
        "For each equation, sums gain the attribute more often than steps of the same"
        " length in a random direction.",
        arithmetic,
    ),
    Figure(
        27, "A direction that turns faces",
        "The difference between means of faces that look left and right is a direction"
        " along which other faces turn.",
        ("arithmetic",), ("arithmetic/turn.png",),
        "Nine steps and the yaws that a regressor reads have a rank correlation of at"
        " least 0.8.",
        turned,
    ),
)  # fmt: skip
