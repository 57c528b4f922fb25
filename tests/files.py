"""Files for tests of reading, and a process apart that reads them."""

import io
import json
import pathlib
import struct
import subprocess
import sys
import zipfile

from PIL import Image

import jaxgan


def archive(**members):
    """A zip of members, whose names have "__" for "."."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as file:
        for name, data in members.items():
            file.writestr(name.replace("__", "."), data)
    return content.getvalue()


def entry(name, packed, claimed, method=zipfile.ZIP_DEFLATED, checksum=0):
    """A zip archive with one entry that claims what it is told to."""
    fields = (0, method, 0, 0, checksum, len(packed), claimed, len(name), 0)
    local = struct.pack("<4sHHHHHIIIHH", b"PK\x03\x04", 20, *fields) + name
    central = struct.pack("<4sHHHHHHIIIHH", b"PK\x01\x02", 20, 20, *fields)
    central += struct.pack("<HHHII", 0, 0, 0, 0, 0) + name
    places = (0, 0, 1, 1, len(central), len(local) + len(packed), 0)
    return local + packed + central + struct.pack("<4sHHHHIIH", b"PK\x05\x06", *places)


def coloured(value):
    """A PNG of one grey."""
    content = io.BytesIO()
    Image.new("RGB", (8, 8), (value,) * 3).save(content, "PNG")
    return content.getvalue()


def values(source):
    """The first number of every image."""
    return [int(source[i]["image"][0, 0, 0]) for i in range(len(source))]


def read_apart(script, *arguments):
    """Runs a script in a process of its own, whose memory is its own."""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", script, *map(str, arguments)],
        capture_output=True,
        text=True,
        cwd=pathlib.Path(jaxgan.__path__[0]).parent,
    )
    assert done.returncode == 0, (done.returncode, done.stderr[-2000:])
    return [json.loads(line) for line in done.stdout.splitlines()]
