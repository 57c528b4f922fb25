"""Sheets, strips, curves, scalars and the page of a run."""

import base64
import errno
import html.parser
import io
import json
import os
import re

import matplotlib.axes
import numpy as np
import pytest
from PIL import Image

from jaxgan import report
from jaxgan.report import GAP


def flat(values, height=3, width=4, channels=3):
    """Images of one value each."""
    values = np.asarray(values, np.uint8)[:, None, None, None]
    return np.broadcast_to(values, (len(values), height, width, channels))


# --- sheets --------------------------------------------------------------------------


@pytest.mark.parametrize("channels", [1, 3])
def test_a_sheet_lays_images_row_by_row_on_white(channels):
    images = flat([10, 20, 30, 40, 50], channels=channels)
    out = report.sheet(images, columns=3)
    assert out.shape == (2 * (3 + GAP) + GAP, 3 * (4 + GAP) + GAP, channels)
    assert out.dtype == np.uint8
    expected = np.full_like(out, 255)
    for value, row, column in (
        (10, 0, 0), (20, 0, 1), (30, 0, 2), (40, 1, 0), (50, 1, 1),
    ):  # fmt: skip
        y, x = GAP + row * (3 + GAP), GAP + column * (4 + GAP)
        expected[y : y + 3, x : x + 4] = value
    np.testing.assert_array_equal(out, expected)


@pytest.mark.parametrize(
    ("count", "columns", "rows"), [(1, 1, 1), (2, 2, 1), (5, 3, 2), (64, 8, 8)]
)
def test_a_sheet_is_about_square_by_default(count, columns, rows):
    out = report.sheet(flat(np.zeros(count), 1, 1))
    assert out.shape[:2] == (rows * (1 + GAP) + GAP, columns * (1 + GAP) + GAP)


# --- files ---------------------------------------------------------------------------


@pytest.mark.parametrize("channels", [1, 3])
def test_a_png_holds_the_pixels_it_was_given(tmp_path, channels):
    image = np.random.default_rng(0).integers(0, 256, (5, 7, channels), np.uint8)
    path = tmp_path / "new" / "folder" / "a.png"
    report.save_png(path, image)
    with Image.open(path) as read:
        assert read.mode == {1: "L", 3: "RGB"}[channels]
        np.testing.assert_array_equal(np.asarray(read).reshape(image.shape), image)
    assert [p.name for p in path.parent.iterdir()] == ["a.png"]


def test_a_picture_is_written_whole_or_not_at_all(tmp_path, monkeypatch):
    path = tmp_path / "a.png"
    report.save_png(path, flat([1])[0])
    before = path.read_bytes()

    def full(*args):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    for name in ("replace", "fsync"):
        with monkeypatch.context() as context:
            context.setattr(os, name, full)
            with pytest.raises(OSError, match="No space"):
                report.save_png(path, flat([2])[0])
        assert path.read_bytes() == before
        assert list(tmp_path.iterdir()) == [path]
    report.save_png(path, flat([2])[0])
    assert path.read_bytes() != before


def test_a_file_is_on_disk_before_it_has_its_name(tmp_path, monkeypatch):
    (tmp_path / "a").write_text("old")
    synced = []

    def sync(number):
        assert (tmp_path / "a").read_text() == "old"
        (beside,) = tmp_path.glob("a.*.part")
        synced.append(os.path.samestat(os.fstat(number), beside.stat()))
        assert beside.read_text() == "new"

    monkeypatch.setattr(os, "fsync", sync)
    report.write(tmp_path / "a", "new")
    assert synced == [True]
    assert (tmp_path / "a").read_text() == "new"


def test_names_that_are_not_utf8_are_escaped(tmp_path):
    name = os.fsdecode(b"caf\xe9s & more")
    report.write(tmp_path / "page", report.page(name, {name: name}, {}))
    assert r"caf\udce9s &amp; more" in (tmp_path / "page").read_text(encoding="utf-8")


@pytest.mark.parametrize("channels", [1, 3])
def test_a_gif_shows_every_frame_for_the_time_given_and_repeats(tmp_path, channels):
    path = tmp_path / "a.gif"
    report.save_gif(path, iter(flat([0, 90, 180, 255], channels=channels)), 120)
    with Image.open(path) as read:
        assert (read.n_frames, read.size, read.info["loop"]) == (4, (4, 3), 0)
        for i, value in enumerate((0, 90, 180, 255)):
            read.seek(i)
            assert read.info["duration"] == 120
            frame = np.asarray(read.convert("RGB")).astype(int)
            assert np.abs(frame - value).max() <= 4  # a palette of 256 colours


# --- the strip -----------------------------------------------------------------------


def sheets(folder, steps, tile=6, columns=8):
    """A sheet a step: its first row tells the step, the others are black."""
    paths = {}
    for i, step in enumerate(steps):
        row = flat([10 * i + column for column in range(columns)], tile, tile)
        paths[step] = folder / f"{step}.png"
        rest = flat(np.zeros(columns), tile, tile)
        out = report.sheet(np.concatenate([row, rest]), columns)
        report.save_png(paths[step], out)
    return paths


def first_column(strip, tile, rows):
    """The value of the first tile of each row of a strip, right of the labels."""
    height = strip.shape[0] // rows
    return [int(strip[i * height + GAP + 1, -8 * (tile + GAP) + GAP + 1, 0])
            for i in range(rows)]  # fmt: skip


def test_a_strip_has_the_first_row_of_each_sheet_in_order(tmp_path):
    paths = sheets(tmp_path, [0, 20, 100])
    shuffled = {step: paths[step] for step in (100, 0, 20)}
    strip = report.strip(shuffled, tile=6)
    height = 6 + 2 * GAP
    assert strip.shape[0] == 3 * height
    assert strip.dtype == np.uint8
    for i in range(3):
        row = strip[i * height : (i + 1) * height]
        for column in range(8):
            x = row.shape[1] - 8 * (6 + GAP) + GAP + column * (6 + GAP)
            tile = row[GAP : GAP + 6, x : x + 6]
            assert (tile == 10 * i + column).all()
        label = row[:, : row.shape[1] - 8 * (6 + GAP)]
        assert label.min() < 128 < label.max()  # something is written on it


def test_steps_of_a_long_run_are_picked_by_doubling(tmp_path):
    paths = sheets(tmp_path, [100 * i for i in range(16)])
    strip = report.strip(paths, tile=6, count=5)
    assert first_column(strip, 6, 5) == [10 * i for i in (0, 1, 3, 7, 15)]
    assert len(report.strip(paths, tile=6, count=1)) == 6 + 2 * GAP


def test_a_strip_of_grey_sheets_and_few_columns(tmp_path):
    path = tmp_path / "a.png"
    report.save_png(path, report.sheet(flat([7, 8], 5, 5, channels=1), 2))
    strip = report.strip({3: path}, tile=5)
    assert strip.shape[0] == 5 + 2 * GAP
    assert strip.shape[2] == 3
    assert {7, 8} <= set(np.unique(strip))


# --- scalars -------------------------------------------------------------------------

ROWS = [{"step": step, "p/loss": step / 4} for step in (10, 20, 30)]


def test_scalars_are_appended_and_read_back(tmp_path):
    path = tmp_path / "run" / "scalars.jsonl"
    assert report.read_scalars(path) == []
    report.append_scalars(path, ROWS[:1])
    report.append_scalars(path, ROWS[1:])
    report.append_scalars(path, [])
    assert report.read_scalars(path) == ROWS
    assert [json.loads(line) for line in path.read_text().splitlines()] == ROWS


def test_a_line_cut_short_by_a_crash_is_left_out(tmp_path):
    path = tmp_path / "scalars.jsonl"
    report.append_scalars(path, ROWS)
    whole = path.read_bytes()
    last = len(json.dumps(ROWS[-1]))
    for cut in range(2, last + 1):
        path.write_bytes(whole[:-cut])
        assert report.read_scalars(path) == ROWS[:2], cut
    path.write_bytes(whole[:-1])  # all but the end of the line
    assert report.read_scalars(path) == ROWS


def test_garbage_after_the_last_line_is_left_out(tmp_path):
    """What a file system may leave when the power fails."""
    path = tmp_path / "s.jsonl"
    for garbage in (b"\0" * 40, b"\xff\xfe\n{}", b'{"step": 3}\xff'):
        path.write_bytes(b'{"step": 2}\n' + garbage)
        assert report.read_scalars(path) == [{"step": 2}]


def test_rewinding_drops_later_rows_and_the_broken_one(tmp_path):
    path = tmp_path / "scalars.jsonl"
    report.append_scalars(path, ROWS)
    path.write_bytes(path.read_bytes()[:-3])
    report.rewind_scalars(path, 10)
    assert report.read_scalars(path) == ROWS[:1]
    report.append_scalars(path, ROWS[1:])
    assert report.read_scalars(path) == ROWS
    report.rewind_scalars(path, 30)
    assert report.read_scalars(path) == ROWS
    report.rewind_scalars(path, 0)
    assert report.read_scalars(path) == []
    report.rewind_scalars(tmp_path / "none.jsonl", 0)  # a run that has just begun
    assert report.read_scalars(tmp_path / "none.jsonl") == []


# --- curves --------------------------------------------------------------------------


def test_curves_have_a_panel_a_player():
    rows = [
        {"step": s, "d/loss": 1 / (1 + s), "d/real": 0.5, "images_per_second": 1e9}
        for s in range(5)
    ]
    one = report.curves(rows, "a run")
    both = report.curves([row | {"g/loss": 2.0} for row in rows], "a run")
    assert one.dtype == np.uint8
    assert one.shape[2] == 3
    assert both.shape == (2 * one.shape[0], *one.shape[1:])
    for image in (one, both):
        report.sheet(image[None])  # an image as the others are
        assert (image == 255).mean() > 0.5  # on white
        colours = {tuple(c) for c in image.reshape(-1, 3)[::7]}
        assert len(colours) > 10


def test_curves_of_metrics_that_come_and_go_and_of_none():
    rows = [{"step": 1, "a/x": 1.0}, {"step": 2, "b/y": 2.0}, {"step": 3, "a/x": 0.0}]
    assert report.curves(rows, "gaps").ndim == 3
    assert report.curves([], "nothing yet").ndim == 3


# --- the page ------------------------------------------------------------------------

VOID = {"meta", "img"}


class Reader(html.parser.HTMLParser):
    """Sees that tags close in order, and keeps what matters."""

    def __init__(self, page):
        super().__init__()
        self.open, self.images, self.cells, self.seen = [], [], [], []
        self.feed(page)
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.seen.append(tag)
        if tag == "img":
            self.images.append(dict(attrs))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] in ("td", "h1", "figcaption", "title"):
            self.cells.append(data)


def test_a_page_embeds_all_it_shows(tmp_path):
    report.save_png(tmp_path / "a.png", flat([9])[0])
    report.save_gif(tmp_path / "b.gif", flat([0, 255]))
    page = report.page(
        "A run",
        {"steps": 20, "model": {"width": 32, "deep": {"er": 1}}},
        {
            "A sheet": tmp_path / "a.png",
            "A film": tmp_path / "b.gif",
            "Not drawn": tmp_path / "none.png",
        },
    )
    reader = Reader(page)
    assert [image["alt"] for image in reader.images] == ["A sheet", "A film"]
    for image, name in zip(reader.images, ("a.png", "b.gif"), strict=True):
        kind, _, content = image["src"].partition(";base64,")
        assert kind == f"data:image/{name[-3:]}"
        content = base64.b64decode(content)
        assert content == (tmp_path / name).read_bytes()
        Image.open(io.BytesIO(content)).verify()
    for text in ("A run", "steps", "20", "width", "32", "er", "A sheet"):
        assert text in reader.cells
    assert "Not drawn" not in page
    # Nothing comes from elsewhere.
    markup = re.sub(r'"data:image/[^"]*"', "", page)
    assert not re.search(r"https?:|//|@import|url\(|<script|<link", markup)


def test_a_page_escapes_what_it_is_told(tmp_path):
    report.save_png(tmp_path / "a.png", flat([9])[0])
    rude = "</table><script>alert('&\"')</script>"
    page = report.page(
        rude, {rude: rude, "inner": {rude: rude}}, {rude: tmp_path / "a.png"}
    )
    reader = Reader(page)
    assert "script" not in reader.seen
    assert reader.cells.count(rude) == 2 + 2 + 2 + 1  # title, h1, cells, caption
    assert reader.images[0]["alt"] == rude


@pytest.mark.parametrize(
    ("values", "logarithmic"),
    [
        ([1.0, 0.1, 0.005], True),
        ([1.0, 0.0, 0.005], True),  # a zero is left out
        ([1.0, 0.5, 0.02], False),
        ([1.0, -0.001, 0.005], False),
    ],
)
def test_curves_that_fall_by_orders_of_magnitude_are_logarithmic(
    monkeypatch, values, logarithmic
):
    scales = []
    monkeypatch.setattr(
        matplotlib.axes.Axes,
        "set_yscale",
        lambda self, scale, **_: scales.append(scale),
    )
    rows = [{"step": i, "test/error": value} for i, value in enumerate(values)]
    report.curves(rows, "errors")
    assert scales == ["log"] * logarithmic
