"""Networks drawn: tables of shapes and parameters, and what stands in the picture."""

import dataclasses
import itertools
import json

import jax
import numpy as np
import pytest
from commands import call
from PIL import Image

from experiments import draw_networks
from experiments.draw_networks import drawing, layout, tables
from jaxgan.analysis.outline import outline
from jaxgan.models import dcgan
from jaxgan.models import model as models


def results(folder):
    return json.loads((folder / "results.json").read_text())


def lines_of(name, net):
    record = models.named(name)
    nets, given = draw_networks.arguments(record, record.config())
    calls = outline(nets[net], *given[net])
    out = jax.eval_shape(
        lambda *x: nets[net].init_with_output(jax.random.key(0), *x)[0], *given[net]
    )
    start = next((x.shape[1:] for x in jax.tree.leaves(given[net])), ())
    lines = layout.chains(calls, start, jax.tree.leaves(out)[0].shape[1:])
    return calls, lines


def shapes(line):
    return [block.shape for block in line.blocks]


def test_the_generator_of_dcgan_as_in_its_figure(tmp_path, monkeypatch, capsys):
    argv = ["--model", "dcgan", "--net", "generator", "--workdir", tmp_path]
    assert call(draw_networks, argv, monkeypatch) == 0
    said = capsys.readouterr().err
    for shape in ("4x4x1024", "8x8x512", "16x16x256", "32x32x128", "64x64x3"):
        assert shape in said
    # 100 x 16384 + 25 (1024 x 512 + 512 x 256 + 256 x 128 + 128 x 3) + 3, and a gain
    # and a shift for 1024 + 512 + 256 + 128 channels.
    assert said.split("total")[1].split()[0] == "18,855,043"
    found = results(tmp_path)
    assert list(found["nets"]) == ["generator"]
    assert found["run"] is None
    assert found["configuration"] == dataclasses.asdict(dcgan.Config()) | {
        "augment": []
    }
    layers = found["nets"]["generator"]["layers"]
    assert layers[-1] == {
        "layer": "to_image", "kind": "ConvTranspose", "kernel": [5, 5],
        "stride": [2, 2], "inputs": [[32, 32, 128]], "output": [64, 64, 3],
        "parameters": 25 * 128 * 3 + 3, "called_before": False,
    }  # fmt: skip
    assert found["nets"]["generator"]["parameters"] == 18_855_043
    with Image.open(tmp_path / "generator.png") as image:
        assert image.width > 800
        assert (
            len(np.unique(np.asarray(image.convert("RGB")).reshape(-1, 3), axis=0)) > 9
        )
    assert not (tmp_path / "discriminator.png").exists()


def test_what_stands_between_the_blocks_of_dcgan():
    _, (line,) = lines_of("dcgan", "generator")
    assert shapes(line) == [
        (100,), (4, 4, 1024), (8, 8, 512), (16, 16, 256), (32, 32, 128), (64, 64, 3)
    ]  # fmt: skip
    conv = ["transposed conv 5x5", "stride 2"]
    assert line.labels == [
        ["dense", "reshape", "batch norm"], *[[*conv, "batch norm"]] * 3, conv
    ]  # fmt: skip
    assert line.windows == [None, *[(5, True)] * 4]
    _, (line,) = lines_of("dcgan", "discriminator")
    assert shapes(line) == [
        (64, 64, 3), (32, 32, 128), (16, 16, 256), (8, 8, 512), (4, 4, 1024), (1,)
    ]  # fmt: skip
    assert line.labels[0] == ["conv 5x5", "stride 2"]
    assert line.labels[-1] == ["flatten", "dense"]
    assert line.windows == [*[(5, False)] * 4, None]


def test_labels_that_are_joined_on_the_way():
    _, (line,) = lines_of("cdcgan", "generator")
    assert line.blocks == [
        layout.Block((100,), 10), layout.Block((1024,), 10),
        layout.Block((7, 7, 128), 10), layout.Block((14, 14, 128), 10),
        layout.Block((28, 28, 1)),
    ]  # fmt: skip
    assert [x[0] for x in line.labels] == ["join"] * 4
    _, (line,) = lines_of("cdcgan", "discriminator")
    joined = [block.joined for block in line.blocks]
    assert joined == [10, 10, 10, 10, 0]
    assert line.labels[2][:2] == ["flatten, join", "dense"]


def test_branches_are_lines_of_their_own():
    _, lines = lines_of("infogan", "discriminator")
    assert [shapes(line)[-1] for line in lines] == [(1,), (12,)]
    assert shapes(lines[1]) == [(1024,), (128,), (12,)]
    _, lines = lines_of("cgan", "discriminator")
    assert [shapes(line) for line in lines] == [
        [(28, 28, 1), (240,)], [(10,), (50,)], [(290,), (240,), (1,)]
    ]  # fmt: skip
    assert lines[0].labels == [["flatten", "maxout", "dropout"]]


def test_capsules_resizing_and_what_is_no_layer():
    _, (line,) = lines_of("capsnet", "encoder")
    assert shapes(line) == [(28, 28, 1), (20, 20, 256), (6, 6, 32, 8), (10, 16)]
    assert line.labels[1] == ["conv 9x9", "stride 2", "reshape"]
    _, (line,) = lines_of("capsnet", "decoder")
    assert shapes(line) == [(10, 16), (512,), (1024,), (28, 28, 1)]
    assert line.labels[0] == ["flatten", "dense"]
    _, (line,) = lines_of("began", "generator")
    assert [["enlarge"], (7, 7, 64), (14, 14, 64)] in [
        [label, *map(tuple, shapes(line)[i : i + 2])]
        for i, label in enumerate(line.labels)
    ]
    _, (line,) = lines_of("bilinear", "x")
    assert shapes(line) == [(1,), (1,)]


@pytest.mark.parametrize("name", models.find())
def test_every_model_can_be_drawn_at_its_defaults(name):
    record = models.named(name)
    for net in draw_networks.arguments(record, record.config())[0]:
        calls, lines = lines_of(name, net)
        assert sum(len(line.labels) for line in lines) >= 1
        for line in lines:
            assert len(line.blocks) == len(line.labels) + 1 == len(line.windows) + 1
        rows = tables.table(calls)
        total = sum(call.parameters for call in calls)
        assert rows[-1] == ("total", "", "", "", "", f"{total:,}")
        assert len({len(row) for row in tables.printed(rows).splitlines()}) == 1


@pytest.mark.parametrize(
    ("name", "net"), [("capsnet", "encoder"), ("began", "generator"), ("bilinear", "x")]
)
def test_pictures_show_all_and_fit(name, net):
    calls, lines = lines_of(name, net)
    rows = tables.table(calls)
    figure = drawing.draw("a title", lines, rows)
    (axes,) = figure.axes
    texts = [text.get_text() for text in axes.texts]
    for row in rows:
        assert set(filter(None, row)) <= set(texts)
    for line in lines:
        for block in line.blocks:
            assert "x".join(map(str, block.shape)) in texts
    width, height = figure.get_size_inches()
    assert width <= drawing.WIDE + 1
    for patch in axes.patches:
        corners = patch.get_path().vertices
        assert (corners >= 0).all()
        assert (corners <= [width, height]).all()


def test_long_chains_go_on_below():
    _, (line,) = lines_of("began", "discriminator")
    sizes = lambda block: (2.0, 1.0, 1.0)  # noqa: E731
    parts = drawing.wrapped(line, sizes)
    assert len(parts) > 1
    assert all(drawing.width_of(x, sizes) <= drawing.WIDE for x in parts)
    assert [label for part in parts for label in part.labels] == line.labels
    for one, two in itertools.pairwise(parts):
        assert two.blocks[0] == one.blocks[-1]._replace(again=True)


@pytest.mark.slow
def test_a_run_is_drawn_as_it_was_set_up(
    tiny_run, unsaved_run, tmp_path, monkeypatch, untouched
):
    before = untouched(tiny_run)
    argv = ["--run", tiny_run, "--workdir", tmp_path / "a"]
    assert call(draw_networks, argv, monkeypatch) == 0
    assert before == untouched(tiny_run)
    found = results(tmp_path / "a")
    assert (found["model"], found["run"]) == ("dcgan", str(tiny_run))
    assert set(found["nets"]) == {"generator", "discriminator"}
    outputs = [x["output"] for x in found["nets"]["generator"]["layers"]]
    assert outputs[0] == [16 * 8]
    assert outputs[-1] == [16, 16, 3]
    # Only the configuration is needed.
    argv = ["--run", unsaved_run, "--workdir", tmp_path / "b"]
    assert call(draw_networks, argv, monkeypatch) == 0
    assert results(tmp_path / "b")["nets"] == found["nets"]


def test_layers_called_again_are_counted_once():
    calls, _ = lines_of("dcgan", "generator")
    twice = [*calls, calls[0]._replace(again=True, parameters=0)]
    rows = tables.table(twice)
    assert rows[-2][-1] == "as above"
    assert rows[-1][-1] == "18,855,043"


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        ([], "give either --run or --model"),
        (["--run", "x", "--model", "dcgan"], "give either --run or --model"),
        (["--model", "dcgam"], "jaxgan has no model 'dcgam'; it has"),
        (["--model", "dcgan", "--net", "critic"], "no net 'critic'; it has disc"),
        (["--run", "nowhere"], "nowhere is not a run"),
    ],
)
def test_what_cannot_be_drawn_is_one_sentence(
    argv, said, tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    assert call(draw_networks, argv, monkeypatch) == 2
    error = capsys.readouterr().err
    assert said in error
    assert "Traceback" not in error
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("plain", "said"),
    [
        ({"model": {}}, "does not say which model it is of"),
        ({"game": "jaxgan.models.nothing.Config"}, "has no model 'nothing'"),
        ({"game": "os.path.Config"}, "does not say which model"),
        ({"game": "jaxgan.models.dcgan.Config"}, "not the configuration of a dcgan"),
        (
            {"game": "jaxgan.models.dcgan.Config", "model": {"depth": 3}},
            "not the configuration of a dcgan",
        ),
    ],
)
def test_runs_that_do_not_say_what_they_are(plain, said, tmp_path, monkeypatch, capsys):
    (tmp_path / "config.json").write_text(json.dumps(plain))
    argv = ["--run", tmp_path, "--workdir", tmp_path / "out"]
    assert call(draw_networks, argv, monkeypatch) == 2
    assert said in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
