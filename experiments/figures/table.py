"""All fifty figures of the lectures, in order."""

from experiments.figures.first import FIRST
from experiments.figures.second import SECOND
from experiments.figures.third import THIRD

FIGURES = (*FIRST, *SECOND, *THIRD)
