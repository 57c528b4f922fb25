"""Figures 32 to 36: autoencoders, D alone, points of the plane, VAE/GAN."""

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


def codes_drawn(read: Read) -> Outcome:
    """How far random codes' digits are from real ones, for both models."""
    found = read("autoencoder/results.json")
    plain, variational = (
        found[name]["random_codes"]["frechet_distance"]
        for name in ("autoencoder", "vae")
    )
    return less("Fréchet distance, VAE", variational, "autoencoder", plain)


def one_pixel(read: Read) -> Outcome:
    """What a squared error prefers, and what a discriminator does."""
    found = read("autoencoder/results.json")["edits"]
    return every(
        near(
            "share where L2 prefers the stray pixel",
            found["squared_error_prefers_the_stray_pixel"], 1, 0.001,
        ),
        at_least(
            "share where D ranks the other way", found["discriminator_ranks_opposite"],
            0.5,
        ),
    )  # fmt: skip


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


FIGURES = (
    Figure(
        32, "Grids of codes: an autoencoder and a VAE",
        "An autoencoder leaves gaps between its codes, from which nothing good is"
        " drawn; a VAE fills them.",
        ("autoencoder",), ("autoencoder/grids.png",),
        "Digits from random codes are nearer to real ones for the VAE.",
        codes_drawn,
    ),
    Figure(
        33, "One stray pixel, or a thicker stroke",
        "A squared error prefers a digit with one wrong pixel to one with a stroke six"
        " pixels thicker; people, and a discriminator, do not.",
        ("autoencoder",), ("autoencoder/pixels.png",),
        "L2 always prefers the stray pixel, and D the stroke for at least half of the"
        " digits.",
        one_pixel,
    ),
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
)  # fmt: skip
