"""The grammar of captions: what each phrase states, sentences, and their reading.

A fact is an attribute with all of its values that a phrase allows: "glasses" are round
or rectangular, "no glasses" are none. `write` picks phrases that are true of a face and
joins them; `read` finds the same phrases in a sentence, its own or somebody else's.
"""

import functools
import random
import re
from collections.abc import Mapping
from typing import NamedTuple

from jaxgan.data.synthetic.captions.attributes import ATTRIBUTES

Facts = dict[str, frozenset[str]]


class Phrase(NamedTuple):
    """Words that state something.

    Attributes:
        words: as they are written.
        attribute: what they are about.
        values: those that they allow.
        rare: whether it is a negation, which captions seldom have.
    """

    words: str
    attribute: str
    values: frozenset[str]
    rare: bool = False


def _phrases(attribute: str, table: str, rare: bool = False) -> list[Phrase]:
    """Phrases of a table: a line has values, a colon, and phrases between commas."""
    found = []
    for line in table.strip().splitlines():
        allowed, _, phrases = line.partition(":")
        values = frozenset(x.strip() for x in allowed.split(","))
        assert values <= set(ATTRIBUTES[attribute]), line
        for words in phrases.split(","):
            found.append(Phrase(words.strip(), attribute, values, rare))
    return found


NOUNS = _phrases("sex", "woman: woman, lady\nman: man, gentleman, guy")
BEFORE = [  # adjectives of a person
    *_phrases(
        "age",
        """young: young, youthful
        middle-aged: middle-aged
        old: old, elderly, aged""",
    ),
    *_phrases("skin", "light: fair-skinned, pale-skinned\ndark: dark-skinned"),
    *_phrases(
        "hair",
        """bald: bald, hairless
        curly: curly-haired
        long, wavy: long-haired""",
    ),
    *_phrases(
        "colour",
        """grey: grey-haired
        red: red-haired
        blond: blond, fair-haired
        black, dark brown: dark-haired""",
    ),
    *_phrases("expression", "smiling: smiling, cheerful\nfrowning: frowning, sad"),
    *_phrases("expression", "frowning, serious: unsmiling", rare=True),
    *_phrases("beard", "goatee, full: bearded\nmoustache: moustached"),
    *_phrases("beard", "none: clean-shaven, beardless", rare=True),
    *_phrases("glasses", "round, rectangular: bespectacled"),
]
WITH = [  # what a person has
    *_phrases("skin", "light: fair skin, pale skin\ndark: dark skin"),
    *_phrases("expression", "smiling: a smile, a big smile\nfrowning: a frown"),
    *_phrases("expression", "serious: a serious look"),
    *_phrases(
        "beard",
        """stubble: stubble
        moustache: a moustache, a mustache
        goatee: a goatee
        full: a full beard, a bushy beard
        goatee, full: a beard""",
    ),
    *_phrases("beard", "none: no beard", rare=True),
    *_phrases(
        "glasses",
        """round, rectangular: glasses, spectacles
        round: round glasses
        rectangular: square glasses, rectangular glasses""",
    ),
    *_phrases("glasses", "none: no glasses", rare=True),
]
AFTER = [  # what a person is doing
    *_phrases("expression", "smiling: smiling\nfrowning: frowning"),
    *_phrases("expression", "frowning, serious: not smiling", rare=True),
    *_phrases("glasses", "round, rectangular: wearing glasses, in glasses"),
    *_phrases("glasses", "none: without glasses", rare=True),
]
STYLES = _phrases(  # words of hair; several of them allow what they share
    "hair",
    """cropped: close-cropped, shaved
    cropped, short: short
    cropped, short, bob, long: straight, sleek
    curly: curly, curls, frizzy
    bob: bob
    long, wavy: long
    wavy: wavy
    bun: bun""",
)
COLOURS = _phrases(
    "colour",
    """black: black, jet-black
    dark brown: dark brown
    light brown: light brown
    dark brown, light brown: brown
    blond: blond, blonde, golden
    red: red, ginger
    black, dark brown: dark
    grey: grey, gray, silver
    greying: greying""",
)
HAIR = (  # the braces are for a colour
    *("close-cropped {} hair", "shaved {} hair", "short {} hair", "curly {} hair"),
    *("{} curly hair", "{} curls", "frizzy {} hair", "a {} bob", "{} hair in a bob"),
    *("long {} hair", "long straight {} hair", "long sleek {} hair", "{} wavy hair"),
    *("long wavy {} hair", "wavy {} hair", "{} long hair", "{} hair in a bun"),
)
WALLS = _phrases(
    "wall",
    """brown: brown, tan
    green: green
    blue: blue
    purple: purple, violet
    pink: pink, rosy""",
)
# How often an attribute is mentioned.
_SHARES = {
    "sex": 0.92, "age": 0.45, "skin": 0.35, "hair": 0.65, "colour": 0.6,
    "expression": 0.5, "beard": 0.7, "glasses": 0.7, "wall": 0.3,
}  # fmt: skip
_RARE = 0.1  # the share of mentions that a negation gets
_PLACES = ("in front of", "before", "against")


def write(values: Mapping[str, str], rng: random.Random) -> str:
    """Writes a sentence that is true of a face and mentions some of what is seen.

    Args:
        values: attribute -> value, as `attributes.words` gives them.
        rng: what is mentioned, in which words and which order.

    Returns:
        The sentence, of at most 200 characters.
    """
    said = {name for name, share in _SHARES.items() if rng.random() < share}
    if values["sex"] == "woman":
        said.discard("beard")  # nobody says that she has none
    noun = _pick(NOUNS, "sex", values, rng) if "sex" in said else "person"
    before, having, after = [], [], []
    style = colour = ""
    if "hair" in said and values["hair"] != "bald":
        styles = _styles(values["hair"])
        style = styles[_below(len(styles), rng)]
    if "colour" in said and (style or rng.random() < 0.5):
        colour = _pick(COLOURS, "colour", values, rng)
    if style or colour:
        said -= {"colour"} if colour else set()
        said -= {"hair"} if style else set()
        having.append(" ".join((style or "{} hair").format(colour).split()))
    for name in _shuffled(said - {"sex", "wall"}, rng):
        options = [
            (place, phrase)
            for place, table in ((before, BEFORE), (having, WITH), (after, AFTER))
            for phrase in table
            if phrase.attribute == name and values[name] in phrase.values
        ]
        if options:
            place, phrase = options[_below(len(options), rng)]
            if not phrase.rare or rng.random() < _RARE:
                place.append(phrase.words)
    if "wall" in said and (wall := _pick(WALLS, "wall", values, rng)):
        where = _PLACES[_below(len(_PLACES), rng)]
        after.append(f"{where} a {wall} {('wall', 'background')[_below(2, rng)]}")
    if not before + having + after:
        return write(values, rng)  # so that something is said
    having, after = _shuffled(having, rng), _shuffled(after, rng)
    return _joined(" ".join([*before, noun]), having, after, rng)


def _joined(person: str, having: list[str], after: list[str], rng: random.Random):
    """One of four ways to say it."""
    having_ = " and ".join(filter(None, [", ".join(having[:-1]), *having[-1:]]))
    way = _below(4, rng)
    article = "an" if person[0] in "aeiou" else "a"
    if having and way == 0:
        text = f"{('the', 'this')[_below(2, rng)]} {person} has {having_}"
    elif having and way == 1:
        text = f"with {having_}, {article} {person}"
    else:
        text = f"{article} {person}" + (f" with {having_}" if having else "")
        text = f"a portrait of {text}" if way == 2 else text
    return ", ".join([text, *after])


def _pick(table, attribute, values, rng):
    """The words of a phrase that is true; empty where there is none."""
    value = values[attribute]
    options = [p.words for p in table if value in p.values]
    return options[_below(len(options), rng)] if options else ""


def _below(count: int, rng: random.Random) -> int:
    """An integer below `count`. `random()` alone never changes between Pythons."""
    return int(rng.random() * count)


def _shuffled(items, rng):
    return [x for _, x in sorted((rng.random(), x) for x in sorted(items))]


@functools.cache
def _styles(hair: str) -> list[str]:
    """The templates of hair that are true of a kind of hair."""
    return [text for text in HAIR if hair in read(text)["hair"]]


_SPLIT = re.compile(
    r"[.,;:!?]|\b(?:and|with|has|have|who|whose|of|before|against|in front of|wears)\b"
)
_SKIPPED = {"a", "an", "the", "this", "his", "her", "is", "very", "{}"}


def _table(*phrases: Phrase) -> dict[tuple[str, ...], Phrase]:
    return {tuple(_tokens(phrase.words)): phrase for phrase in phrases}


def _tokens(text: str) -> list[str]:
    return [word for word in text.split() if word not in _SKIPPED]


_TABLES = (  # what must be in a part of a sentence, and phrases as they are meant there
    ({"hair", "curls", "bob", "bun"}, _table(*STYLES, *COLOURS)),
    ({"wall", "background"}, _table(*WALLS)),
    (set(), _table(*NOUNS, *BEFORE, *WITH, *AFTER)),
)


def read(sentence: str) -> Facts:
    """Finds what a sentence states; words that the grammar lacks state nothing.

    Args:
        sentence: of `write`, or somebody's.

    Returns:
        Attribute -> the values that all phrases about it allow.

    Raises:
        ValueError: no face can have all that the sentence says of an attribute.
    """
    facts: Facts = {}
    for part in _SPLIT.split(sentence.lower()):
        tokens = _tokens(part)
        table = next(t for heads, t in _TABLES if not heads or heads & {*tokens})
        while tokens:
            size = next((n for n in (3, 2, 1) if tuple(tokens[:n]) in table), 0)
            if size:
                phrase = table[tuple(tokens[:size])]
                known = facts.get(phrase.attribute, phrase.values)
                facts[phrase.attribute] = known & phrase.values
                if not known & phrase.values:
                    raise ValueError(
                        f"{sentence!r} says of {phrase.attribute} both"
                        f" {' or '.join(sorted(known))} and {phrase.words}: leave one"
                        " out"
                    )
            tokens = tokens[max(size, 1) :]
    return facts


SAID = (  # every word of a sentence
    *(phrase.words for phrase in (*NOUNS, *BEFORE, *WITH, *AFTER, *COLOURS, *WALLS)),
    *HAIR,
    *(f"{place} a wall background" for place in _PLACES),
    "a person, an portrait of the this has with and",
)
