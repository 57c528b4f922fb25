"""Figures 34 to 50: D alone, points of the plane, pictures into pictures, capsules."""

from experiments.figures.entries import (
    Figure,
    Outcome,
    Read,
    at_least,
    at_most,
    every,
    less,
    near,
)

PAPER = "the paper: baseline 0.39 %; 0.34 and 0.29 % with one iteration of routing,"


def peaks(read: Read) -> Outcome:
    """The false peaks of D in the last rounds, and the true ones."""
    found = read("d_only/results.json")["plane"]
    last = found["last_quarter"]
    return every(
        at_most("peaks without data", last["peaks/without"], 0.5),
        at_least("peaks with data", last["peaks/with data"], found["modes"] - 1),
    )


def modes(read: Read) -> Outcome:
    """How many seeds cover all modes, of three sets of points."""
    outcomes = []
    for name in ("points_ring", "points_four", "points_grid"):
        found = read(f"{name}/results.json")
        seeds = len(found["modes"]["seeds"])
        title = f"{found['modes_there']} modes: seeds that cover all of {seeds}"
        outcomes.append(at_least(title, found["seeds_that_cover_all"], seeds))
    return every(*outcomes)


def reconstructed(read: Read) -> Outcome:
    """The errors of VAE and VAE/GAN, in features of the discriminator."""
    found = read("vaegan/results.json")["reconstructions"]
    ours, plain = (found[name]["features"] for name in ("VAE/GAN", "VAE"))
    return less("error of features, VAE/GAN", ours, "VAE", plain)


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


THIRD = (
    Figure(
        34, "Generation by a discriminator alone",
        "D's own highest points are its next negatives, so that peaks without data"
        " sink, round by round.",
        ("d_only",), tuple(f"d_only/{x}.png" for x in ("plane", "rounds", "digits")),
        "In the last quarter of the rounds, at most half a peak stands without data,"
        " and all modes but one or none have a peak.",
        peaks,
    ),
    Figure(
        35, "GANs of points, and what D thinks of the plane",
        "Which modes are found, and whether they are kept, shows at once in the plane;"
        " with a penalty on D's slope all of them are.",
        ("points_ring", "points_four", "points_grid"),
        tuple(f"points_{x}/samples.png" for x in ("ring", "four", "grid")),
        "Every seed covers all modes of 8 Gaussians, 4 and 25.",
        modes,
    ),
    Figure(
        36, "VAE/GAN: reconstructions, and attributes added",
        "Compared in a discriminator's features instead of pixels, reconstructions are"
        " sharp, and attributes are vectors in the codes.",
        ("vaegan",), ("vaegan/rows.png",),
        "The error of features is smaller than that of a VAE of the same networks.",
        reconstructed,
    ),
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
