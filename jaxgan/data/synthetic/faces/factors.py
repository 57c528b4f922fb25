"""The factors of a procedural face: names, ranges and distribution."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp


class Factors(NamedTuple):
    """The factors of a face: each field is a scalar array `[]`, or `[B]` for a batch.

    Left and right are those of the picture. Signed factors are 0 in an average face.
    Angles are in radians. `RANGES` and `CATEGORIES` hold the same limits and words as
    data.

    | field | range | meaning |
    | --- | --- | --- |
    | yaw | -0.75..0.75 | turn of the head, positive to the right |
    | pitch | -0.3..0.3 | nod, positive upwards |
    | roll | -0.3..0.3 | tilt, positive clockwise |
    | masculinity | 0..1 | jaw, chin, brows, lids, lips, neck; women are below 0.5 |
    | age | 0..1 | 18 to 80 years: lines, bags, hairline |
    | head_width | -1..1 | narrow to broad |
    | jaw | -1..1 | pointed to square |
    | cheeks | -1..1 | hollow to full |
    | skin_tone | 0..1 | light to dark |
    | skin_warmth | -1..1 | pink to golden |
    | hair_style | 9 kinds | see `CATEGORIES` |
    | hair_colour | 5 kinds | before greying |
    | hair_shade | -1..1 | darker to lighter than the colour's middle |
    | hair_volume | -1..1 | flat to full |
    | hair_part | -1..1 | the parting, from left over the middle to right |
    | grey | 0..1 | how much of the hair's colour is lost |
    | brow_thickness | -1..1 | thin to bushy |
    | brow_raise | -1..1 | lowered to raised |
    | brow_tilt | -1..1 | inner ends down (stern) to up (worried) |
    | eye_size | -1..1 | small to large |
    | eye_spacing | -1..1 | close to wide |
    | eye_tilt | -1..1 | outer corners down to up |
    | eye_open | 0..1 | closed to wide open; 0.75 is relaxed |
    | eye_colour | 5 kinds | |
    | gaze_x | -1..1 | eyes to the left, to the right |
    | gaze_y | -1..1 | eyes up, down |
    | nose_width | -1..1 | narrow to wide |
    | nose_length | -1..1 | short to long |
    | nose_height | -1..1 | flat to prominent |
    | mouth_width | -1..1 | narrow to wide |
    | lip_fullness | -1..1 | thin to full |
    | smile | -1..1 | corners down to corners up |
    | mouth_open | 0..1 | closed to wide open |
    | makeup | 0..1 | lips, lids, lashes, cheeks |
    | beard | 5 kinds | |
    | glasses | 3 kinds | |
    | glasses_tone | 0..1 | black to brass |
    | clothes | 3 kinds | |
    | clothes_hue | 0..1 | around the colour circle from red |
    | clothes_value | 0..1 | dark and strong to light and pale |
    | light_azimuth | -1.2..1.2 | where light comes from, positive from the right |
    | light_elevation | -0.1..1 | level to high |
    | light_strength | 0..1 | overcast to a single lamp |
    | background | 4 kinds | |
    | background_hue | 0..1 | around the colour circle from red |
    | background_value | 0..1 | dark to light |
    """

    yaw: jax.Array
    pitch: jax.Array
    roll: jax.Array
    masculinity: jax.Array
    age: jax.Array
    head_width: jax.Array
    jaw: jax.Array
    cheeks: jax.Array
    skin_tone: jax.Array
    skin_warmth: jax.Array
    hair_style: jax.Array
    hair_colour: jax.Array
    hair_shade: jax.Array
    hair_volume: jax.Array
    hair_part: jax.Array
    grey: jax.Array
    brow_thickness: jax.Array
    brow_raise: jax.Array
    brow_tilt: jax.Array
    eye_size: jax.Array
    eye_spacing: jax.Array
    eye_tilt: jax.Array
    eye_open: jax.Array
    eye_colour: jax.Array
    gaze_x: jax.Array
    gaze_y: jax.Array
    nose_width: jax.Array
    nose_length: jax.Array
    nose_height: jax.Array
    mouth_width: jax.Array
    lip_fullness: jax.Array
    smile: jax.Array
    mouth_open: jax.Array
    makeup: jax.Array
    beard: jax.Array
    glasses: jax.Array
    glasses_tone: jax.Array
    clothes: jax.Array
    clothes_hue: jax.Array
    clothes_value: jax.Array
    light_azimuth: jax.Array
    light_elevation: jax.Array
    light_strength: jax.Array
    background: jax.Array
    background_hue: jax.Array
    background_value: jax.Array


CATEGORIES: dict[str, tuple[str, ...]] = {
    "hair_style": (
        "bald",
        "buzz",
        "short",
        "swept",
        "curly",
        "bob",
        "long",
        "wavy",
        "bun",
    ),
    "hair_colour": ("black", "dark brown", "light brown", "blond", "red"),
    "eye_colour": ("brown", "hazel", "green", "blue", "grey"),
    "beard": ("none", "stubble", "moustache", "goatee", "full"),
    "glasses": ("none", "round", "rectangular"),
    "clothes": ("crew", "vee", "shirt"),
    "background": ("plain", "graded", "halo", "lights"),
}

_UNIT = ("masculinity", "age", "skin_tone", "grey", "eye_open", "mouth_open", "makeup")
_UNIT += ("glasses_tone", "clothes_hue", "clothes_value", "light_strength")
_UNIT += ("background_hue", "background_value")

RANGES: dict[str, tuple[float, float]] = {
    name: (0.0, 1.0) if name in _UNIT else (-1.0, 1.0)
    for name in Factors._fields
    if name not in CATEGORIES
} | {
    "yaw": (-0.75, 0.75),
    "pitch": (-0.3, 0.3),
    "roll": (-0.3, 0.3),
    "light_azimuth": (-1.2, 1.2),
    "light_elevation": (-0.1, 1.0),
}

_NEUTRAL = {
    "masculinity": 0.5,
    "age": 0.2,
    "skin_tone": 0.25,
    "hair_style": 2,
    "hair_colour": 1,
    "hair_part": 0.6,
    "eye_open": 0.75,
    "smile": 0.2,
    "glasses_tone": 0.2,
    "clothes_hue": 0.6,
    "clothes_value": 0.5,
    "light_azimuth": 0.5,
    "light_elevation": 0.4,
    "light_strength": 0.5,
    "background_hue": 0.6,
    "background_value": 0.6,
}


def neutral(**changes: Any) -> Factors:
    """Makes the factors of an average face that looks ahead, with some fields changed.

    Args:
        **changes: values of fields of `Factors`; a category may be given by its word.

    Returns:
        Scalars.

    Raises:
        ValueError: a field or a word does not exist.
    """
    unknown = set(changes) - set(Factors._fields)
    if unknown:
        raise ValueError(
            f"unknown factors {sorted(unknown)}; there are {', '.join(Factors._fields)}"
        )
    values = dict.fromkeys(Factors._fields, 0) | _NEUTRAL | changes
    for name, words in CATEGORIES.items():
        word = values[name]
        if isinstance(word, str):
            if word not in words:
                raise ValueError(f"{name} is {word!r}; expected one of {words}")
            values[name] = words.index(word)
    return Factors(
        **{
            name: jnp.asarray(value, jnp.int32 if name in CATEGORIES else jnp.float32)
            for name, value in values.items()
        }
    )


def sample_factors(key: jax.Array) -> Factors:
    """Draws the factors of a random person, light and background.

    Factors are correlated as they are in people: only men have beards, hair is grey
    with age, light eyes and hair come mostly with light skin, and teeth show with a
    smile.

    Args:
        key: a random key.

    Returns:
        The factors, as scalars inside `RANGES` and `CATEGORIES`.
    """
    # Two draws serve all factors: sixty small ones would take longer to compile than a
    # face.
    flat_key, bell_key = jax.random.split(key)
    flat = iter(jax.random.uniform(flat_key, (32,), jnp.float32))
    bell = iter(jax.random.normal(bell_key, (40,), jnp.float32))

    def uniform(low=0.0, high=1.0):
        return low + (high - low) * next(flat)

    def normal(name, spread, mean=0.0):
        low, high = RANGES[name]
        return jnp.clip(mean + spread * next(bell), low, high)

    def choice(weights):
        ends = jnp.cumsum(jnp.asarray(weights, jnp.float32))
        return (next(flat) * ends[-1] >= ends[:-1]).sum(dtype=jnp.int32)

    man = uniform() < 0.5
    age = uniform() ** 1.6
    tone = uniform() ** 1.25
    fair = jnp.clip(1.2 - 2.2 * tone, 0.0, 1.0)
    smile = normal("smile", 0.42, 0.45)
    grey = (age - 0.45) / 0.45 + 0.25 * next(bell)
    opened = normal("mouth_open", 0.30, -0.05) + 0.35 * jnp.maximum(smile - 0.3, 0.0)
    hair_colours = jnp.stack(
        [1.3 - fair, 0.35 + 0 * fair, 0.03 + 0.3 * fair, 0.4 * fair, 0.2 * fair]
    )
    eye_colours = jnp.stack(
        [1.35 - fair, 0.15 + 0 * fair, 0.03 + 0.2 * fair, 0.01 + 0.4 * fair, 0.2 * fair]
    )
    # bald, buzz, short, swept, curly, bob, long, wavy, bun
    on_men = jnp.array([0.14, 0.16, 0.29, 0.20, 0.10, 0.01, 0.05, 0.03, 0.02])
    on_women = jnp.array([0.02, 0.02, 0.07, 0.05, 0.14, 0.19, 0.21, 0.20, 0.10])
    beards = jnp.array([0.42, 0.20, 0.09, 0.11, 0.18])
    return Factors(
        yaw=normal("yaw", 0.30),
        pitch=normal("pitch", 0.09),
        roll=normal("roll", 0.07),
        masculinity=jnp.where(man, uniform(0.65, 1.0), uniform(0.0, 0.35)),
        age=age,
        head_width=normal("head_width", 0.5),
        jaw=normal("jaw", 0.5),
        cheeks=normal("cheeks", 0.5),
        skin_tone=tone,
        skin_warmth=normal("skin_warmth", 0.5),
        hair_style=choice(jnp.where(man, on_men, on_women)),
        hair_colour=choice(hair_colours),
        hair_shade=normal("hair_shade", 0.5),
        hair_volume=normal("hair_volume", 0.5),
        hair_part=uniform(-1.0, 1.0),
        grey=jnp.where(age > 0.3, jnp.clip(grey, 0.0, 1.0), 0.0),
        brow_thickness=normal("brow_thickness", 0.5),
        brow_raise=normal("brow_raise", 0.4),
        brow_tilt=normal("brow_tilt", 0.22),
        eye_size=normal("eye_size", 0.5),
        eye_spacing=normal("eye_spacing", 0.5),
        eye_tilt=normal("eye_tilt", 0.5),
        eye_open=normal("eye_open", 0.13, 0.78),
        eye_colour=choice(eye_colours),
        gaze_x=normal("gaze_x", 0.30),
        gaze_y=normal("gaze_y", 0.20),
        nose_width=normal("nose_width", 0.5),
        nose_length=normal("nose_length", 0.5),
        nose_height=normal("nose_height", 0.5),
        mouth_width=normal("mouth_width", 0.5),
        lip_fullness=normal("lip_fullness", 0.5),
        smile=smile,
        mouth_open=jnp.clip(opened, 0.0, 1.0),
        makeup=jnp.where(man, 0.0, normal("makeup", 0.35, 0.35)),
        beard=jnp.where(man, choice(beards), 0),
        glasses=jnp.where(uniform() < 0.25, 1 + choice([0.45, 0.55]), 0),
        glasses_tone=uniform() ** 2,
        clothes=choice([0.40, 0.25, 0.35]),
        clothes_hue=uniform(),
        clothes_value=uniform(),
        light_azimuth=normal("light_azimuth", 0.55),
        light_elevation=normal("light_elevation", 0.25, 0.4),
        light_strength=uniform(0.1, 0.9),
        background=choice([0.25, 0.30, 0.25, 0.20]),
        background_hue=uniform(),
        background_value=uniform(),
    )


def mirror(factors: Factors) -> Factors:
    """The factors of the mirrored picture: everything that has a side changes sides."""
    return factors._replace(
        yaw=-factors.yaw,
        roll=-factors.roll,
        gaze_x=-factors.gaze_x,
        hair_part=-factors.hair_part,
        light_azimuth=-factors.light_azimuth,
    )
