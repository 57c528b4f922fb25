"""What the sheets, curves and scores of a run mean, in a sentence each."""

from collections.abc import Sequence

SHEETS = {
    "ema": "Each tile is drawn from a latent of its own, the same at every step, by the"
    " moving average of the generator's weights. Look whether tiles differ from each"
    " other, and whether each holds together by itself.",
    "raw": "The same latents, drawn by the weights as they are now. They change faster"
    " than their moving average and are rougher.",
    "pairs": "Three tiles belong together: the input, what the generator makes of it,"
    " and the truth. Look where the second differs from the third.",
    "both_ways": "Each row goes from one domain to the other and back. Look whether the"
    " middle is of the other domain, and whether the way back ends where it began.",
    "captions": "Each row is drawn for one caption, each column from one latent. Look"
    " whether a row agrees with its caption and still varies.",
    "reconstructions": "Images that were not trained on, and what the network makes of"
    " them. Look what is lost: fine strokes go first.",
}
SHEET = (
    "The same inputs at every step, so that what differs from the sheet before is what"
    " was learned in between."
)

_CURVES = {
    "real": "the discriminator's mean output for real examples",
    "fake": "the mean output for generated ones",
    "wrong": "the mean output for real ones with another's condition",
    "labelled": "the loss on examples with labels",
    "unlabelled": "the loss on examples without labels",
    "penalty": "the penalty on the discriminator's slope, with its weight",
    "gap": "the critic's mean output for real examples less that for generated ones: an"
    " estimate of how far apart they are; it should fall slowly",
    "adversarial": "the part of the loss that comes from the discriminator",
    "l1": "the mean absolute error of the output, 0 at best",
    "error": "the error that is minimised beside the adversarial loss, 0 at best",
    "content": "the distance to the truth, 0 at best",
    "cycle": "how far the way there and back ends from its start, 0 at best",
    "identity": "how much the generator changes what needs no change, 0 at best",
    "divergence": "the divergence of the code from its prior",
    "likelihood": "how well the data is reconstructed",
    "margin": "the margin loss of the classes",
    "squared_error": "the error of the reconstruction",
    "score": "the critic's mean output for generated examples",
    "measure": "BEGAN's measure of convergence; it should fall",
    "k": "how much the discriminator minds generated examples",
    "diversity": "how much samples differ from each other, in units of the data: 1 is"
    " as the data does, and a fall towards 0 is a collapse",
    "distance_to_data": "how far samples are from the nearest training image, in units"
    " of how far these are from each other: far below 1, they are copies",
    "frechet_distance": "the distance between samples and test images in a network's"
    " features, 0 at best",
    "parzen": "the log likelihood of test images by kernels around samples; higher is"
    " better",
    "images_per_second": "how many examples are trained on in a second",
    "waiting_for_data": "the share of the time in which the devices wait for input; it"
    " should be near 0",
}
_LOSSES = {
    "discriminator": "what the discriminator minimises. It need not fall: both players"
    " are in balance where it stays between its values for a blind and for a perfect"
    " discriminator",
    "critic": "what the critic minimises; it is meant to stay away from 0 while the"
    " generator still learns",
    "generator": "what the generator minimises, as the discriminator of the moment sees"
    " it: where that gets better too, it may rise while pictures improve",
}

_SCORES = {
    "frechet_distance": "lower is better; compare with that of training images",
    "frechet_distance_of_training_images": "what a perfect generator would reach",
    "mnist_score": "higher is better, the number of classes at most",
    "class_score": "higher is better, the number of classes at most",
    "class_divergence": "lower is better; 0 where all classes are drawn equally often",
    "pairwise_distance": "near that of test images; far below, samples are too alike",
    "pairwise_distance_of_test_images": "what samples are compared with",
    "conditional_accuracy": "higher is better, 1 at most",
    "distance_to_data": "about 1; below a half, samples may be copies of training"
    " images; blurred samples are below 1 as well",
    "classifier_accuracy": "of the judge, on test images: scores mean little below 0.9",
    "test_error": "lower is better, 0 at best",
    "psnr": "higher is better, in decibels",
    "ssim": "higher is better, 1 at most",
    "l1": "lower is better, 0 at best",
    "l1_percent": "lower is better, 0 at best",
    "l2_percent": "lower is better, 0 at best",
    "iou": "higher is better, 1 at most",
    "parzen": "higher is better",
    "diversity": "near 1; a fall towards 0 is a collapse",
}


def sheet(name: str) -> str:
    """What to see in a sheet."""
    return SHEETS.get(name, SHEET)


def curve(player: str, names: Sequence[str]) -> str:
    """What the curves of one chart mean, as a sentence.

    Args:
        player: whose, such as "discriminator".
        names: of its metrics, such as "real" and "fake".
    """
    known = [_curve(player, name) for name in names]
    text = "; ".join(dict.fromkeys(filter(None, known)))
    if {"real", "fake"} <= set(names):
        text += ". Where the two meet, the discriminator cannot tell them apart"
    return f"{text[:1].upper()}{text[1:]}." if text else ""


def _curve(player: str, name: str) -> str:
    if name == "loss":
        kind = player.rstrip("s0123456789")
        return _LOSSES.get(kind, f"What {player} minimises: it should fall")
    if name in _CURVES:
        return _CURVES[name]
    base = name.rsplit("_", 1)[0]  # such as real_a and real_b
    return _CURVES.get(base, "")


def score(name: str) -> str:
    """What a good value of a score is; nothing where it is not known."""
    return _SCORES.get(name, "")
