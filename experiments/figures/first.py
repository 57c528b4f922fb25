"""Figures 1 to 17: losses, GANs of digits, captions, measures, pyramids."""

from itertools import pairwise

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

DIGITS = "mnist_score"


def slopes(read: Read) -> Outcome:
    """The slopes of both losses where D is sure of a fake."""
    found = read("loss_curves/results.json")["slopes_near_0"]
    saturating, other = found["saturating"], found["non_saturating"]
    return every(
        near("log(1 - D): slope in D", saturating["d"], -1, 0.01),
        near("in the logit", saturating["logit"], 0, 0.01),
        at_most("-log D: slope in D", other["d"], -1e4),
        near("in the logit", other["logit"], -1, 0.01),
    )


def one_dimension(read: Read) -> Outcome:
    """D and the value of the game at the end, on the line."""
    found = read("gan_1d/results.json")
    return every(
        near("D on data", found["d_on_data"], 0.5, 0.05),
        near("C(G)", found["c"], found["minus_log_4"], 0.05),
    )


def best_value(read: Read) -> Outcome:
    """The least value of the game, and where it is."""
    found = read("loss_curves/results.json")["value_of_the_game"]
    return every(
        near("least C(G)", found["least"], -1.3863, 1e-3),
        near("at a distance of", found["at"], 0, 1e-6),
    )


def parzen(read: Read) -> Outcome:
    """The log-likelihood of test digits under windows around samples."""
    found = read("gan_mnist/results.json")
    return at_least("log-likelihood", found["parzen_log_likelihood"], 0)


def labels_obeyed(read: Read) -> Outcome:
    """How many digits are those that were asked for."""
    found = read("cgan_mnist/results.json")
    return at_least("share as asked", found["conditional_accuracy"], 0.9)


def labels_of_dcgan(read: Read) -> Outcome:
    """The same for convolutions, and what labels do for quality."""
    found = read("cdcgan_mnist/results.json")
    with_labels, without = found["with labels"], found["without labels"]
    return every(
        at_least("share as asked", with_labels["conditional_accuracy"], 0.9),
        less(
            "Fréchet distance with labels", with_labels["frechet_distance"],
            "without", without["frechet_distance"],
        ),
    )  # fmt: skip


def latents(read: Read) -> Outcome:
    """Whether few latents make samples alike, and other noise or order changes much."""
    nets = read("latent_study/results.json")["networks"]
    many, few, swapped = nets["z of 100"], nets["z of 10"], nets["G before D"]
    noises = many["noises"]
    gaussian = noises["N(0, 1/3), same variance"]["running"]
    return every(
        less(
            "distance between samples with 10 latents", few["pairwise_distance"],
            "with 100", many["pairwise_distance"],
        ),
        near("score with Gaussian noise", gaussian[DIGITS], many[DIGITS], 0.5),
        near("score with G first", swapped[DIGITS], many[DIGITS], 0.5),
    )  # fmt: skip


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


def captions(read: Read) -> Outcome:
    """The share of what captions state that is found in portraits, beside chance."""
    found = read("text_to_faces/results.json")
    chance, drawn = found["chance"]["share"], found["drawn"]["share"]
    return less("share by chance", chance, "drawn", drawn - 0.1)


def codes(read: Read) -> Outcome:
    """How often the categorical code names the digit."""
    runs = read("infogan_mnist/results.json")["runs"]
    info, plain = runs["InfoGAN, seed 0"], runs["plain GAN, seed 0"]
    return every(
        at_most("error of c1", info["code_error"], 0.25),
        less("InfoGAN", info["code_error"], "plain GAN", plain["code_error"]),
    )


def few_labels(read: Read) -> Outcome:
    """Errors with 100 labels, and the quality of the samples of both."""
    found = read("improved_gan/results.json")
    run = found["labels"]["100"]["runs"][0]
    pictures = found["samples_of"]
    return every(
        at_most("test error", run["test_errors"] / run["test_images"], 0.1),
        less(
            "Fréchet distance by minibatch discrimination",
            pictures["discrimination"]["frechet_distance"],
            "by feature matching", pictures["features"]["frechet_distance"],
        ),
    )  # fmt: skip


def distances_grow(read: Read) -> Outcome:
    """Whether distances grow with noise and with blur, in all sets."""
    broken = []
    for name, found in read("metrics/results.json")["sets"].items():
        for damage in ("noise", "blur"):
            values = [row["frechet"] for row in found[damage]]
            if any(b < a * 0.99 for a, b in pairwise(values)):
                broken.append(f"{damage} of {name}")
    said = f"does not grow with {', '.join(broken)}" if broken else "grows with both"
    return Outcome(not broken, f"the Fréchet distance {said}")


def blended(read: Read) -> Outcome:
    """Whether blending comes nearer to the true picture than pasting does."""
    found = read("gp_gan/results.json")["blending"]
    pasted, drawn = (found[name]["psnr"] for name in ("copy_paste", "gp_gan"))
    return less("PSNR pasted", pasted, "by GP-GAN", drawn)


def pyramid(read: Read) -> Outcome:
    """Whether the coarsest level comes nearer to unseen images as it trains."""
    rows = read("lapgan/level8/scalars.jsonl")
    seen = [row["evaluation/parzen"] for row in rows if "evaluation/parzen" in row]
    return less("distance to unseen images, best", min(seen), "first", seen[0])


FIRST = (
    Figure(
        1, "Two losses of the generator",
        "Both losses pull in the same direction, but where D is sure of a fake,"
        " log(1 - D) has no slope left in the logit, and -log D has the most.",
        ("loss_curves",), ("loss_curves/loss_curves.png",),
        "As D goes to 0: slopes of -1 and minus infinity in D, 0 and -1 in the logit.",
        slopes,
    ),
    Figure(
        2, "A GAN on the line, at four times",
        "The generator's density moves over that of the data, and D, at first a step"
        " between the two, becomes ½ everywhere.",
        ("gan_1d",), ("gan_1d/evolution.png",),
        "D ends within 0.05 of ½ on data, and C(G) within 0.05 of -log 4.",
        one_dimension,
    ),
    Figure(
        3, "The best discriminator, and the value of the game",
        "For a fixed generator the best D is p/(p + q), and at this D the value of the"
        " game is -log 4 plus twice the Jensen-Shannon divergence.",
        ("loss_curves",), ("loss_curves/loss_curves.png",),
        "The least value is -1.386, where both distributions coincide.",
        best_value,
    ),
    Figure(
        4, "The first GAN: digits, and their nearest neighbours",
        "Samples are not copies: the right-most column has the training image nearest"
        " to the sample beside it.",
        ("gan_mnist",), ("gan_mnist/gan_mnist.png",),
        "Parzen windows give test digits a log-likelihood above 0 (the paper: 225 ± 2"
        " on all of MNIST).",
        parzen,
        "faces (TFD) and CIFAR-10, which do not come with the library",
    ),
    Figure(
        5, "CGAN: a row for each label",
        "Told the label, a generator draws the digit that was asked for; its noise"
        " keeps the handwriting.",
        ("cgan_mnist",), ("cgan_mnist/samples/ema_*.png",),
        "A classifier finds the digit that was asked for in at least 90 %.",
        labels_obeyed,
    ),
    Figure(
        6, "DCGAN of digits, without labels and with them",
        "Convolutions draw cleaner digits than dense layers, and labels make them"
        " cleaner still.",
        ("cdcgan_mnist",), ("cdcgan_mnist/sheets.png",),
        "At least 90 % as asked, and a smaller Fréchet distance than without labels.",
        labels_of_dcgan,
    ),
    Figure(
        7, "Latents: how many, of which noise, and who moves first",
        "Fewer latents make samples alike, noise of another kind but of the same"
        " variance still works, and the order of updates does not matter.",
        ("latent_study",), ("latent_study/latent_study.png",),
        "Samples from 10 latents are nearer to each other than from 100; Gaussian noise"
        " and the other order change the score of digits by at most 0.5.",
        latents,
    ),
    Figure(
        8, "Inside a discriminator: filters, maps, deconvnet",
        "First filters find edges and colours; deeper maps answer to larger and more"
        " particular parts, which a deconvnet projects back to pixels.",
        ("inside",),
        tuple(f"inside/{x}.png" for x in ("weights", "activations", "projections")),
    ),
    Figure(
        9, "The arithmetic of convolutions",
        "A convolution from 4x4 to 2x2 and its transpose have the same connections, and"
        " one formula gives the size of every output.",
        ("conv_arithmetic",), ("conv_arithmetic/arithmetic.png",),
        "Sizes by the formula are those of the layers, and transposed layers those of"
        " the transposed matrix, to 1e-5.",
        sizes,
    ),
    Figure(
        10, "Portraits from captions",
        "A sentence says what to draw, and its embedding goes to both players, of which"
        " D also sees pairs that do not match.",
        ("text_to_faces", "stackgan"),
        ("text_to_faces/words.png", "stackgan/words.png"),
        "A judge finds at least 10 % more of what captions state than in portraits of"
        " other people.",
        captions,
        "birds and flowers, and sizes of 128 and 256",
    ),
    Figure(
        11, "InfoGAN: what codes mean",
        "Codes that can be read off the images get meanings by themselves: one names"
        " the digit, others lean or widen it; in a plain GAN they mean nothing.",
        ("infogan_mnist",), ("infogan_mnist/sweeps.png",),
        "c1 names the digit with at most 25 % errors (the paper: 5 %, on MNIST), and"
        " with fewer than in a plain GAN.",
        codes,
    ),
    Figure(
        12, "InfoGAN of faces: elevation and width",
        "Without any label, continuous codes find the elevation of a head and whether"
        " it is wide or narrow.",
    ),
    Figure(
        13, "Feature matching, and minibatch discrimination",
        "Feature matching makes the better classifier with few labels, minibatch"
        " discrimination the better samples.",
        ("improved_gan",), ("improved_gan/samples.png",),
        "At most 10 % errors with 100 labels (the paper: 0.93 ± 0.07 %, on MNIST), and"
        " a smaller Fréchet distance by minibatch discrimination.",
        few_labels,
    ),
    Figure(
        14, "Natural images: DCGAN, and the improved GAN",
        "On natural images the tricks of the improved GAN make things that can nearly"
        " be named.",
    ),
    Figure(
        15, "Inception score and Fréchet distance",
        "A measure of samples must get worse with every damage done to real images, and"
        " the Fréchet distance does.",
        ("metrics",), ("metrics/sanity.png",),
        "The distance grows with each step of noise and of blur.",
        distances_grow,
    ),
    Figure(
        16, "GP-GAN: a region pasted into another picture",
        "Colours from a network and gradients from the pictures, joined by one linear"
        " system, make a seam disappear.",
        ("gp_gan",), ("gp_gan/blending.png",),
        "The PSNR to the true picture is above that of copy and paste.",
        blended,
    ),
    Figure(
        17, "LAPGAN: from coarse to fine",
        "A sample grows: each level of the pyramid enlarges the last picture and adds"
        " the details that are missing.",
        ("lapgan",), ("lapgan/coarse_to_fine.png",),
        "The coarsest level comes nearer to unseen images than its first state was.",
        pyramid,
    ),
)  # fmt: skip
