"""Damage to bytes, as disks, networks and attackers do it."""

import random
import struct

EXTREMES = (0, 1, 0x7F, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)
ENDS = 64  # bytes at either end that are hit more often: headers and directories


def damaged(chance: random.Random, content: bytes) -> bytes:
    """The same bytes with none to five of them, or of their parts, changed."""
    changed = bytearray(content)
    for _ in range(chance.choice((0, 0, 1, 1, 2, 5))):
        if changed:
            chance.choice(WAYS)(chance, changed)
    return bytes(changed)


def _place(chance, content) -> int:
    end = min(ENDS, len(content))
    return chance.choice(
        (
            chance.randrange(len(content)),
            chance.randrange(end),
            len(content) - 1 - chance.randrange(end),
        )
    )


def _flip(chance, content):
    content[_place(chance, content)] ^= 1 << chance.randrange(8)


def _overwrite(chance, content):
    at, number = _place(chance, content), chance.choice(EXTREMES)
    form = chance.choice(("<I", ">I", "<H", ">H", "B"))
    number &= (1 << 8 * struct.calcsize(form)) - 1
    content[at : at + struct.calcsize(form)] = struct.pack(form, number)


def _cut(chance, content):
    del content[_place(chance, content) :]


def _drop(chance, content):
    at = _place(chance, content)
    del content[at : at + chance.randrange(1, 64)]


def _insert(chance, content):
    at = _place(chance, content)
    content[at:at] = chance.randbytes(chance.randrange(1, 64))


def _repeat(chance, content):
    at = _place(chance, content)
    content[at:at] = content[at : at + 64] * chance.randrange(1, 20)


def _blank(chance, content):
    at = _place(chance, content)
    count = len(content[at : at + chance.randrange(1, 64)])
    content[at : at + count] = bytes([chance.choice((0, 255))]) * count


WAYS = (_flip, _overwrite, _overwrite, _cut, _drop, _insert, _repeat, _blank)
