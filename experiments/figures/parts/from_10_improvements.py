"""Figures 10 to 18: captions, codes, few labels, measures, blending, pyramids."""

from itertools import pairwise

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


def told(read: Read) -> Outcome:
    """How many factors of heads a code is correlated with."""
    best = read("infogan_faces/results.json")["heads"]["best"]
    found = [name for name, x in best.items() if abs(x["correlation"]) >= 0.8]
    return at_least("factors told by a code", len(found), 2)


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


def named(read: Read) -> Outcome:
    """Whether a classifier tells samples of the improved GAN more surely apart."""
    runs = read("improved_gan_images/results.json")["runs"]
    dcgan, improved = (runs[x]["class_score"] for x in ("dcgan", "improved_gan"))
    return less("score of DCGAN", dcgan, "of the improved GAN", improved)


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
    seen = logged(read, "lapgan/level8", "evaluation/parzen")
    return less("distance to unseen images, best", min(seen), "first", seen[0])


def two_stages(read: Read) -> Outcome:
    """Whether captions vary the condition, and stage II keeps to them."""
    *_, last = logged(read, "stackgan/stage1", "generator/divergence")
    found = read("stackgan/results.json")["runs"]["stage2"]
    chance, drawn = (found[x]["share"] for x in ("chance", "stage2"))
    return every(
        Outcome(last > 0, f"divergence {last:.3g}"),
        less("share of captions by chance", chance, "drawn", drawn),
    )


FIGURES = (
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
        ("infogan_faces",), ("infogan_faces/sweeps.png", "infogan_faces/codes.png"),
        "Of turn, elevation, width and the light's two directions, at least two are"
        " told by a code of heads that were not trained on, with a correlation of"
        " ranks of 0.8 or more (a plain GAN has reached 0.79).",
        told,
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
        ("improved_gan_images",), ("improved_gan_images/samples.png",),
        "A classifier of the same images gives samples of the improved GAN the higher"
        " score: it is surer of the class of each, or sees the classes more evenly.",
        named,
        "CIFAR-10 and ImageNet, which do not come with the library; in the book, drawn"
        " portraits by hair style stand in for natural images",
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
    Figure(
        18, "StackGAN: a sketch, and a portrait made of it",
        "Stage II makes of the same caption and noise a picture of twice the size, with"
        " details that the sketch has not.",
        ("stackgan",), ("stackgan/words.png",),
        "The divergence of the condition is above 0, and stage II draws more of what"
        " captions state than chance does.",
        two_stages,
    ),
)  # fmt: skip
