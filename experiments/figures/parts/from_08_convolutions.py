"""Figures 8 and 9: inside a discriminator, and the arithmetic of its layers."""

from experiments.figures.entries import Figure, Outcome, Read, at_most, every


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


FIGURES = (
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
)  # fmt: skip
