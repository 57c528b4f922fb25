"""Flags of step sizes that fall while training goes on."""


def check(steps: int, decay: int, *, constant: int | None = None) -> None:
    """Sees that no steps are left when the step size is 0.

    Args:
        steps: of the run.
        decay: steps in which the step size falls to 0; with 0 it never falls.
        constant: steps before that, where the model has such a setting.

    Raises:
        ValueError: there are steps left.
    """
    falls = decay + (constant or 0)
    if not decay or steps <= falls:
        return
    give = f"--model.decay {steps}"
    if constant is not None:
        give = f"--model.constant and --model.decay {steps} steps between them"
    raise ValueError(
        f"--steps is {steps}, but the rate has fallen to 0 after {falls}: give {give}"
    )
