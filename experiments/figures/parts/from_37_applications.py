"""Figures 37 to 42: video, holes, enlarging, anomalies, faces turned, MalGAN."""

from experiments.figures.entries import (
    Figure,
    Outcome,
    Read,
    at_least,
    at_most,
    every,
    less,
)


def turned(read: Read) -> Outcome:
    """Whether faces turn further with each step along the difference of two means."""
    found = read("arithmetic/results.json")["turn"]["mean_of_4"]
    turn, random = (found[x]["spearman"] for x in ("turn", "random_direction"))
    return every(
        at_least("rank correlation of steps and yaw", turn, 0.8),
        less("in a random direction", abs(random), "turn", turn),
    )


def decided(read: Read) -> Outcome:
    """How sharp guesses are, and whether they are of one future, by both losses."""
    scores = read("video/results.json")["scores"]
    mean, one = scores["l2"], scores["adv"]
    return every(
        less("sharpness: L2", mean["sharpness"], "adversary", one["sharpness"]),
        less("decided: L2", mean["decides"], "adversary", one["decides"]),
    )


def filled(read: Read) -> Outcome:
    """The PSNR of filled holes, beside what needs no network."""
    search = read("inpaint/results.json")["psnr_mean"]["centre"]
    direct = read("context_encoder/results.json")["filling"]
    return every(
        less(
            "searched, PSNR: mean colour", search["mean"]["hole"],
            "blended", search["blended"]["hole"],
        ),
        less(
            "context encoder, PSNR: nearest image", direct["nearest"]["psnr"],
            "network", direct["context_encoder"]["psnr"],
        ),
    )  # fmt: skip


def enlarged(read: Read) -> Outcome:
    """The PSNR of SRResNet, and the edges of SRGAN."""
    runs = read("srgan/results.json")["runs"]
    first, second = (runs[name]["scores"] for name in ("srresnet", "srgan"))
    edges = [abs(1 - scores["network"]["edges"]) for scores in (second, first)]
    return every(
        less(
            "PSNR: bicubic", first["bicubic"]["psnr"],
            "SRResNet", first["network"]["psnr"],
        ),
        less("edges off by: SRGAN", edges[0], "SRResNet", edges[1]),
    )  # fmt: skip


def anomalies(read: Read) -> Outcome:
    """How well the score tells the digit that was left out."""
    auc = read("anomaly/results.json")["auc"]["A"]["auc"]
    return at_least("area under the ROC curve", auc, 0.7)


def aged(read: Read) -> Outcome:
    """How many are old, how many the same person, and how near fronts are."""
    found = read("ageing/results.json")["aged"]
    by, young = found["identity"], found["input"]
    turned = read("turning/results.json")["turned"]
    front, before = (turned[name]["all"]["l1"] for name in ("output", "input"))
    return every(
        less("read as old before", young["rate"], "after", by["rate"] - 0.25),
        at_least("still the same person", by["same_person"], 0.5),
        less("L1 to the front: turned back", front, "before", before),
    )


def evaded(read: Read) -> Outcome:
    """The shares of vectors that detectors find, before, after, and fitted again."""
    found = read("malgan/results.json")["detectors"]
    rates = {
        name: {x: of[x]["mean"] for x in ("before", "after", "again")}
        for name, of in found.items()
    }
    return every(
        *(less(name, x["after"], "before", x["before"]) for name, x in rates.items()),
        at_most("linear, after", rates["LR"]["after"], 0.05),
        at_least("least, fitted again", min(x["again"] for x in rates.values()), 0.9),
    )


FIGURES = (
    Figure(
        37, "Two futures of a video",
        "Where the future has two possible ways, the squared error predicts their mean;"
        " an adversary makes the network choose one.",
        ("video",), ("video/futures.png",),
        "With an adversary, guesses are sharper and nearer"
        " to one future than by the squared error.",
        decided,
    ),
    Figure(
        38, "Holes, filled",
        "A generator can be asked for the latent whose picture agrees with all that is"
        " known, and a context encoder draws the rest at once.",
        ("inpaint", "context_encoder"),
        (
            *("inpaint/centre.png", "inpaint/random.png", "inpaint/half.png"),
            *("inpaint/centre_steps.png", "context_encoder/filling.png"),
        ),
        "In the centre, the search beats the mean colour in PSNR, and the context"
        " encoder the nearest training image.",
        filled,
    ),
    Figure(
        39, "Four times larger: bicubic, SRResNet, SRGAN, the original",
        "The squared error makes the highest PSNR and smooth pictures, an adversary"
        " makes textures.",
        ("srgan",), ("srgan/enlarged.png",),
        "SRResNet beats bicubic interpolation in PSNR, and SRGAN's edges are nearer to"
        " the originals' than SRResNet's.",
        enlarged,
        "Set5 and Set14, which do not come with the library",
    ),
    Figure(
        40, "AnoGAN: what was never seen",
        "A GAN of normal images cannot draw what it has never seen, so that the best it"
        " can do leaves a residual.",
        ("anomaly",), ("anomaly/images.png", "anomaly/scores.png"),
        "An area under the ROC curve of at least 0.7 for the digit that was left out"
        " (the paper: 0.89 on retinas).",
        anomalies,
    ),
    Figure(
        41, "The same person, older and turned",
        "A search for latents that keep the person gives pictures at other ages, and a"
        " network of two paths turns a face to the front.",
        ("ageing", "turning"), ("ageing/ages.png", "turning/turned.png"),
        "At least a quarter more are read as old than before, and at least half are"
        " still recognised; turned faces are nearer to their true fronts than before.",
        aged,
    ),
    Figure(
        42, "MalGAN: past a detector",
        "A generator that only sees the answers of a detector learns to add features"
        " until nothing is detected.",
        ("malgan",), ("malgan/malgan.png", "malgan/malgan.md"),
        "Detectors find fewer vectors than before, the linear one at most 5 %; fitted"
        " again, they find at least 90 % of those (the paper: nearly none, then all).",
        evaded,
    ),
)  # fmt: skip
