"""Describes a procedural face in a sentence."""

from jaxgan.data.synthetic.faces.factors import Factors

_HAIR = (
    None,
    "buzz-cut {} hair",
    "short {} hair",
    "swept-up {} hair",
    "curly {} hair",
    "a {} bob",
    "long straight {} hair",
    "long wavy {} hair",
    "{} hair in a bun",
)
_HAIR_COLOURS = ("black", "dark brown", "light brown", "blond", "red")
_EYES = ("brown", "hazel", "green", "blue", "grey")
_BEARDS = (None, "stubble", "a moustache", "a goatee", "a full beard")
_GLASSES = (None, "round glasses", "rectangular glasses")
_CLOTHES = ("{} crew-neck top", "{} v-neck top", "{} collared shirt")
_WALLS = (
    "plain {} wall",
    "graded {} wall",
    "haloed {} wall",
    "{} wall with soft lights",
)
_HUES = ("red", "orange", "yellow", "green", "green", "teal", "blue", "blue", "purple")
_HUES += ("purple", "pink", "red")


def _article(words: str) -> str:
    return ("an " if words[0] in "aeiou" else "a ") + words


def _and(parts: list[str]) -> str:
    return parts[0] if len(parts) == 1 else ", ".join(parts[:-1]) + " and " + parts[-1]


def _colour(hue: float, value: float) -> str:
    shade = "dark " if value < 0.3 else "pale " if value > 0.75 else ""
    return shade + _HUES[int(hue * 12) % 12]


def _person(factors: Factors) -> str:
    smile, opened = float(factors.smile), float(factors.mouth_open)
    words = []
    if smile > 0.5 and opened > 0.3:
        words.append("laughing")
    elif smile > 0.25:
        words.append("smiling")
    elif smile < -0.25:
        words.append("frowning")
    years = 18 + 62 * float(factors.age)
    if years < 32:
        words.append("young")
    elif years > 60:
        words.append("elderly")
    elif years > 42:
        words.append("middle-aged")
    if int(factors.hair_style) == 0:
        words.append("bald")
    words.append("man" if float(factors.masculinity) >= 0.5 else "woman")
    return _article(" ".join(words))


def _looks(factors: Factors) -> list[str]:
    grey = float(factors.grey)
    colour = _HAIR_COLOURS[int(factors.hair_colour)]
    colour = "grey" if grey > 0.6 else f"greying {colour}" if grey > 0.25 else colour
    hair = _HAIR[int(factors.hair_style)]
    parts = [hair.format(colour)] if hair else []
    parts.append(f"{_EYES[int(factors.eye_colour)]} eyes")
    worn = _BEARDS[int(factors.beard)], _GLASSES[int(factors.glasses)]
    return parts + [words for words in worn if words]


def _direction(factors: Factors) -> str:
    yaw, pitch = float(factors.yaw), float(factors.pitch)
    words = []
    if abs(pitch) > 0.12:
        words.append("up" if pitch > 0 else "down")
    if abs(yaw) > 0.17:
        words.append("right" if yaw > 0 else "left")
    return f", looking {' and '.join(words)}" if words else ""


def caption(factors: Factors) -> str:
    """Writes a sentence about a face, on the host, from concrete factors.

    It tells expression, age, hair, eyes, beard, glasses, direction (the picture's left
    and right), clothes and background. An example is "A smiling young woman with long
    wavy red hair, green eyes and round glasses, looking left, in a dark blue v-neck top
    before a plain grey wall."

    Args:
        factors: concrete scalars, not traced ones.

    Returns:
        The sentence.
    """
    clothes = _CLOTHES[int(factors.clothes)].format(
        _colour(float(factors.clothes_hue), float(factors.clothes_value))
    )
    wall = _WALLS[int(factors.background)].format(
        _colour(float(factors.background_hue), float(factors.background_value))
    )
    person = _person(factors)
    return (
        f"{person[0].upper()}{person[1:]} with {_and(_looks(factors))}"
        f"{_direction(factors)}, in {_article(clothes)} before {_article(wall)}."
    )
