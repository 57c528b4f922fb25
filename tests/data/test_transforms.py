"""The image functions, against arithmetic and against pillow."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from jaxgan.data import transforms


def picture(height, width, channels=3, seed=0):
    generator = np.random.default_rng(seed)
    return generator.integers(0, 256, (height, width, channels), np.uint8)


def test_centre_crop_takes_the_middle():
    image = np.arange(5 * 8, dtype=np.uint8).reshape(5, 8, 1)
    np.testing.assert_array_equal(transforms.centre_crop(image), image[:, 1:6])
    tall = image.transpose(1, 0, 2)
    np.testing.assert_array_equal(transforms.centre_crop(tall), tall[1:6])


def test_crop_box_cuts_rows_then_columns():
    image = picture(218, 178)
    box = transforms.crop_box(image, (40, 20, 138, 138))
    np.testing.assert_array_equal(box, image[40:178, 20:158])


@pytest.mark.parametrize(
    "box", [(-1, 0, 4, 4), (0, 0, 9, 4), (0, 5, 4, 4), (0, 0, 0, 4), (2, 2, 4, -1)]
)
def test_crop_box_refuses_what_lies_outside(box):
    with pytest.raises(ValueError, match="8 high and 8 wide: choose a smaller --crop"):
        transforms.crop_box(picture(8, 8), box)


@pytest.mark.parametrize("channels", [1, 3])
def test_resize_keeps_a_flat_image_flat_and_the_mean(channels):
    flat = np.full((96, 80, channels), 77, np.uint8)
    resized = transforms.resize(flat, 20, 30)
    assert resized.shape == (20, 30, channels)
    assert resized.dtype == np.uint8
    assert (resized == 77).all()
    noise = picture(512, 512, channels)
    small = transforms.resize(noise, 16, 16)
    assert abs(small.mean() - noise.mean()) < 1
    # 32 x 32 pixels are averaged in one: without that the spread would stay at 74.
    assert small.std() < 8


def test_resize_does_not_alias():
    stripes = np.zeros((64, 64, 1), np.uint8)
    stripes[:, ::2] = 255  # picking every other column would give all or nothing
    # The outermost columns see the image's edge and are a little off.
    small = transforms.resize(stripes, 32, 32)[:, 2:-2].astype(int)
    assert (abs(small - 127) <= 12).all()


def test_resize_to_the_same_size_is_the_identity():
    image = picture(9, 7)
    assert transforms.resize(image, 9, 7) is image


def test_grey_is_pillows():
    image = picture(40, 50)
    theirs = np.asarray(Image.fromarray(image).convert("L"))[..., None]
    np.testing.assert_array_equal(transforms.to_grey(image), theirs)


def test_channels():
    grey, colour = picture(4, 4, 1), picture(4, 4, 3)
    np.testing.assert_array_equal(
        transforms.to_channels(grey, 3), np.concatenate([grey] * 3, -1)
    )
    assert transforms.to_channels(grey, 1) is grey
    assert transforms.to_channels(colour, 3) is colour
    back = transforms.to_grey(transforms.to_colour(grey))
    np.testing.assert_array_equal(back, grey)  # the weights add up to one
    with pytest.raises(ValueError, match=r"channels is 5: give 1 \(grey\) or 3"):
        transforms.to_channels(colour, 5)


@pytest.mark.parametrize(("mode", "channels"), [("LA", 2), ("RGBA", 4)])
def test_opacity_is_spent_over_white_as_pillow_does(mode, channels):
    image = picture(64, 64, channels)
    layer = Image.fromarray(image, mode).convert("RGBA")
    white = Image.new("RGBA", layer.size, (255, 255, 255, 255))
    theirs = np.asarray(Image.alpha_composite(white, layer).convert("RGB"))
    ours = transforms.to_channels(image, 3)
    np.testing.assert_array_equal(ours, theirs)
    np.testing.assert_array_equal(
        transforms.to_channels(image, 1),
        transforms.to_grey(ours) if channels == 4 else ours[..., :1],
    )


@pytest.mark.parametrize("have", [1, 2, 3, 4])
@pytest.mark.parametrize("want", [1, 2, 3, 4])
def test_every_number_of_channels_becomes_every_other(have, want):
    image = picture(4, 5, have)
    out = transforms.to_channels(image, want)
    assert (out.shape, out.dtype) == ((4, 5, want), np.uint8)
    if want in (2, 4):
        opacity = image[..., -1:] if have in (2, 4) else np.full((4, 5, 1), 255)
        np.testing.assert_array_equal(out[..., -1:], opacity)
    if have in (2, 4) and want == have - 1:  # opaque and clear pixels are exact
        image[..., -1] = 255
        np.testing.assert_array_equal(
            transforms.to_channels(image, want), image[..., :-1]
        )
        image[..., -1] = 0
        assert (transforms.to_channels(image, want) == 255).all()


def test_clear_pixels_do_not_bleed_when_resized():
    image = np.zeros((8, 8, 4), np.uint8)
    image[:, :4] = 200, 100, 50, 255
    image[:, 4:, :3] = 255  # white that nobody can see
    small = transforms.resize(image, 8, 4)
    seen = small[..., 3] > 32  # elsewhere hardly anything is left to round
    assert 16 <= seen.sum() < 32
    assert abs(small[seen][:, :3].astype(int) - (200, 100, 50)).max() <= 4


def test_pad_centres_on_black():
    image = np.full((3, 4, 1), 9, np.uint8)
    padded = transforms.pad(image, 6, 6)
    assert padded.shape == (6, 6, 1)
    assert (padded[1:4, 1:5] == 9).all()
    assert padded.sum() == 9 * 12
    assert transforms.pad(image, 2, 2).shape == image.shape


@given(
    st.integers(8, 40),
    st.integers(8, 40),
    st.integers(1, 4),
    st.integers(1, 4),
    st.sampled_from(["centre", None, (1, 2, 5, 6)]),
    st.sampled_from([True, "pad"]),
    st.integers(1, 24) | st.tuples(st.integers(1, 24), st.integers(1, 24)),
)
def test_fit_gives_what_was_asked(height, width, have, want, crop, upscale, size):
    image = picture(height, width, have)
    before = image.copy()
    out = transforms.fit(image, size, want, crop=crop, upscale=upscale)
    assert out.shape == (*transforms.height_width(size), want)
    assert out.dtype == np.uint8
    np.testing.assert_array_equal(image, before)


def test_fit_of_mnist_to_32_by_padding_keeps_the_pixels():
    digit = picture(28, 28, 1)
    out = transforms.fit(digit, 32, 1, upscale="pad")
    np.testing.assert_array_equal(out[2:30, 2:30], digit)
    assert transforms.fit(digit, 32, 1, upscale=True).shape == (32, 32, 1)


def test_fit_without_crop_keeps_the_edges():
    image = np.zeros((40, 80, 1), np.uint8)
    image[:, :20] = 255
    squeezed = transforms.fit(image, 20, 1, crop=None)
    assert (squeezed[:, :4] > 250).all()
    assert (transforms.fit(image, 20, 1) == 0).all()


def test_fit_refuses_small_images_and_says_what_to_do():
    with pytest.raises(ValueError, match="--upscale") as error:
        transforms.fit(picture(48, 100), 64, 3, name="cats/tom.png")
    text = str(error.value)
    assert "cats/tom.png is 48x48 pixels (height x width) after the crop" in text
    assert "64x64 is wanted" in text
    assert "--model.resolution to at most 48," in text
    with pytest.raises(ValueError, match=r"48x100 pixels \(height x width\), but"):
        transforms.fit(picture(48, 100), 64, 3, crop=None)
    with pytest.raises(ValueError, match="at most 48x36, or"):
        transforms.fit(picture(48, 100), (64, 48), 3)


@pytest.mark.parametrize(
    ("size", "expected"),
    [(64, (64, 64)), ("64", (64, 64)), ("64x48", (64, 48)), ((3, 5), (3, 5))],
)
def test_sizes_are_numbers_pairs_and_text(size, expected):
    assert transforms.height_width(size) == expected
    assert transforms.height_width(np.int64(7)) == (7, 7)


@pytest.mark.parametrize("size", ["", "x", "a", "64x", "1x2x3", (1, 2, 3), ()])
def test_what_is_no_size_is_refused(size):
    with pytest.raises(ValueError, match="the size is .*HEIGHTxWIDTH as 64x48"):
        transforms.height_width(size)


@pytest.mark.parametrize("size", [0, -3, "0x4", (4, 0)])
def test_sizes_are_positive(size):
    with pytest.raises(ValueError, match=r"the size is .*at least 1"):
        transforms.height_width(size)


@pytest.mark.parametrize(
    ("shape", "size", "cropped"),
    [
        ((60, 60), (64, 48), (60, 45)),
        ((60, 60), (48, 64), (45, 60)),
        ((100, 30), (64, 48), (40, 30)),
        ((100, 400), (25, 100), (100, 400)),
        ((1, 90), (1, 300), (1, 90)),
        ((2, 2), (1000, 1), (2, 1)),
    ],
)
def test_the_centre_has_the_shape_of_the_size(shape, size, cropped):
    rows = np.arange(shape[0])[:, None] + np.zeros(shape[1], int)
    columns = np.arange(shape[1])[None] + np.zeros((shape[0], 1), int)
    image = np.stack([rows, columns], -1)
    out = transforms.centre_crop(image, size)
    assert out.shape[:2] == cropped
    for axis in (0, 1):  # as much is cut off on both sides, or one pixel more after
        before = out[..., axis].min()
        after = shape[axis] - 1 - out[..., axis].max()
        assert 0 <= after - before <= 1


def test_rectangles_are_cropped_and_resized_by_pillow():
    image = picture(90, 120)
    theirs = Image.fromarray(image[:, 26:93]).resize(
        (24, 32), Image.Resampling.LANCZOS, reducing_gap=3.0
    )
    np.testing.assert_array_equal(transforms.fit(image, (32, 24), 3), theirs)


def test_fit_names_the_file_whose_crop_does_not_fit():
    with pytest.raises(ValueError, match=r"tom\.png: the crop .* \(40, 20, 138, 138\)"):
        transforms.fit(picture(64, 64), 64, 3, crop=(40, 20, 138, 138), name="tom.png")


def test_fit_refuses_no_size():
    with pytest.raises(ValueError, match="the size is 0: .*at least 1"):
        transforms.fit(picture(8, 8), 0, 3)
