"""Figures 1 to 7: the two losses, the game they play, and GANs of digits."""

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


FIGURES = (
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
)  # fmt: skip
