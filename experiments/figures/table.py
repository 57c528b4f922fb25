"""All fifty figures of the lectures, in order."""

from experiments.figures.parts import (
    from_01_first_gans,
    from_08_convolutions,
    from_10_improvements,
    from_19_dcgan,
    from_28_translation_and_growth,
    from_32_autoencoders_and_points,
    from_37_applications,
    from_43_capsules,
)

FIGURES = (
    *from_01_first_gans.FIGURES,
    *from_08_convolutions.FIGURES,
    *from_10_improvements.FIGURES,
    *from_19_dcgan.FIGURES,
    *from_28_translation_and_growth.FIGURES,
    *from_32_autoencoders_and_points.FIGURES,
    *from_37_applications.FIGURES,
    *from_43_capsules.FIGURES,
)
