"""The laboratory of experiments.lab2d and its server, without a browser."""

import base64
import contextlib
import dataclasses
import http.client
import json
import re
import socket
import threading
from typing import get_args

import jax
import numpy as np
import pytest

from experiments import lab2d
from experiments.lab2d import document, frames, server, words
from experiments.lab2d.curves import MOST, Curves
from experiments.lab2d.laboratory import Laboratory
from experiments.lab2d.programs import carried
from jaxgan.lab import plane
from jaxgan.models.toys import points_gan

TINY = plane.Setting(width=2, layers=1, seeds=2, batch=8)


def free_port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


@pytest.fixture(scope="module")
def served():
    """A server whose laboratory never trains, and its port."""
    laboratory, port = Laboratory(TINY), free_port()
    found = server.serving(laboratory, port)
    thread = threading.Thread(target=found.serve_forever, daemon=True)
    thread.start()
    yield laboratory, port
    found.shutdown()
    found.server_close()


def ask(port, path, told=None, **headers):
    """The status and the answer of a request."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    body = told if told is None or isinstance(told, bytes) else json.dumps(told)
    with contextlib.closing(connection):
        connection.request("GET" if told is None else "POST", path, body, headers)
        answer = connection.getresponse()
        text = answer.read().decode()
        kind = answer.headers["Content-Type"]
        return answer.status, json.loads(text) if "json" in kind else text


@pytest.mark.parametrize(
    ("told", "said"),
    [
        ({"weight": 101}, "weight is 101.0; it must be at least 0 and at most 100"),
        ({"weight": "much"}, "weight is 'much'; it must be a number"),
        ({"weight": True}, "weight is True; it must be a number"),
        ({"weight": None}, "weight is None; it must be a number"),
        (b'{"weight": NaN}', "weight is nan; it must be at least 0"),
        (b'{"weight": 1e999}', "weight is inf; it must be at least 0"),
        (b'{"weight": 1' + b"0" * 400 + b"}", "it is too large"),
        ({"width": 4.5}, "width is 4.5; it must be a whole number"),
        (b'{"width": Infinity}', "width is inf; it must be a whole number"),
        ({"width": 10**6}, "width is 1000000; it must be at least 2 and at most 128"),
        ({"seeds": -1}, "seeds is -1; it must be at least 1 and at most 16"),
        ({"loss": 3}, "loss is 3; it must be a name"),
        ({"loss": "x" * 999}, "unknown loss"),
        ({"__class__": 3}, "there is no setting '__class__'; there are ['data',"),
        ({"drawn": "me"}, "drawn is 'me'; it must be a list of [x, y]"),
        ({"drawn": []}, "give at least one"),
        ({"drawn": [[0, 1], 2]}, "it must be a list of [x, y]"),
        ({"drawn": [[0, "1"]]}, "drawn is '1'; it must be a number"),
        ({"drawn": [[0, 3]]}, "at most 2"),
        ({"drawn": [[0]]}, "a place without two coordinates"),
        ({"drawn": [[0, 0]] * 201}, "drawn has 201 places; draw at most 200"),
        ({"order": "simultaneous", "discriminator_steps": 2}, "use 1"),
        ([1], "the request is no JSON object"),
        (b"{", "the request is not JSON"),
        (b"\xff", "the request is not JSON"),
        (b"[" * 60000, "the request is not JSON"),
        (b" " * 70000, "it must be at most 65536 bytes"),
    ],
)
def test_a_bad_value_is_one_sentence(told, said, served):
    laboratory, port = served
    before = laboratory.setting
    status, answer = ask(port, "/change", told)
    assert status == 400
    assert said in answer["error"]
    assert "Traceback" not in answer["error"]
    assert len(answer["error"]) < 500
    assert laboratory.setting == before


@pytest.mark.parametrize(
    ("path", "told", "status", "said"),
    [
        ("/act", {"what": "explode"}, 400, "there is no button 'explode'; press one"),
        ("/act", {}, 400, "there is no button 'None'"),
        ("/frame?have=x", None, 400, "have is 'x'; it must be a whole number"),
        ("/frame?have=99999999999", None, 400, "below 1000000000"),
        ("/frame?rows=-1", None, 400, "rows is -1; it must be at least 0"),
        ("/frame?size=1", None, 400, "there is no number 'size'"),
        ("/../../etc/passwd", None, 404, "there is no page"),
        ("/page/page.js", None, 404, "there is no page '/page/page.js'; open /"),
        ("/frame", {}, 404, "there is no page"),
    ],
)
def test_a_bad_request_is_one_sentence(path, told, status, said, served):
    found, answer = ask(served[1], path, told)
    assert found == status
    assert said in answer["error"]


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "evil.example"},
        {"Host": "127.0.0.1:1"},
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
    ],
)
def test_other_pages_of_the_browser_are_refused(headers, served):
    laboratory, port = served
    before = laboratory.setting
    status, answer = ask(port, "/change", {"weight": 7}, **headers)
    assert status == 400
    assert "other names are refused" in answer["error"]
    assert laboratory.setting == before


def test_a_good_value_is_taken(served):
    laboratory, port = served
    own = {"Origin": f"http://127.0.0.1:{port}"}
    told = {"weight": 2, "loss": "hinge", "drawn": [[0, 1], [1, -1.5]]}
    assert ask(port, "/change", told, **own) == (200, {})
    setting = laboratory.setting
    assert (setting.weight, setting.loss) == (2.0, "hinge")
    assert setting.drawn == ((0.0, 1.0), (1.0, -1.5))
    status, frame = ask(port, "/frame?have=-1")
    assert status == 200
    assert frame["setting"]["loss"] == "hinge"
    assert frame["picture"] is None  # nothing has been drawn


def test_the_page_is_whole_and_asks_nobody_else(served):
    status, text = ask(served[1], "/")
    assert status == 200
    assert not re.search(r"/\*(STYLE|SCRIPT|CHOICES)\*/", text)
    assert not re.search(r"https?:|//[a-z]|@import|url\(", text.replace("// ", ""))
    found = re.search(r'type="application/json">(.*?)</script>', text, re.DOTALL)
    fields = json.loads(found[1])["fields"]
    assert {*fields} == {x.name for x in dataclasses.fields(plane.Setting)}
    for name, field in fields.items():
        default = getattr(plane.Setting(), name)
        if "options" in field:
            assert default in [value for value, _ in field["options"]], name
            for value, _ in field["options"]:
                with contextlib.suppress(ValueError):  # such as both at once
                    assert dataclasses.replace(TINY, **{name: value})


def test_every_loss_has_its_formula():
    """The formulas of the page, computed, are the losses of the game."""
    assert {*words.LOSSES} == {*get_args(points_gan.Loss)}
    x, y = np.float32([0.3, -1.2, 2.0]), np.float32([-0.4, 0.9, 1.5])
    known = {
        **{"x": x, "y": y, "X": x.mean(), "Y": y.mean(), "exp": np.exp},
        **{"log": np.log, "tanh": np.tanh, "max": np.maximum},
        "sp": lambda a: np.logaddexp(0, a),
    }
    for name, formulas in words.LOSSES.items():
        loss = points_gan._losses(name)
        given = (x, y) if name.startswith("relativistic") else (y,)
        values = loss[0](x, y), loss[1](*given)
        for formula, value in zip(formulas, values, strict=True):
            text = (
                formula.replace("\N{MINUS SIGN}", "-")
                .replace("x̄", "X")
                .replace("ȳ", "Y")
            )
            text = text.replace("½", "0.5*").replace("¼", "0.25*").replace("²", "**2")
            text = re.sub(r"(log|tanh) (\w)", r"\1(\2)", text)
            text = re.sub(r"(\d) (?=[a-z])", r"\1*", text)
            found = eval(text, {"__builtins__": {}}, known)
            np.testing.assert_allclose(found, value, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("example", words.EXAMPLES, ids=lambda x: x["title"])
def test_examples_can_be_set(example):
    setting = dataclasses.replace(plane.Setting(), **example["setting"])
    assert example["see"].endswith(".")
    assert {"data", "loss", "penalty", "weight"} <= {*example["setting"]}
    assert setting.seeds == 8


# --- training -----------------------------------------------------------------------


@pytest.fixture
def laboratory():
    found = Laboratory(TINY)
    thread = threading.Thread(target=found.run, daemon=True)
    thread.start()
    yield found
    found.stop()
    thread.join(timeout=60)


def until(laboratory, condition):
    """Waits for a frame of which something holds."""
    frame = laboratory.frame()
    for _ in range(600):
        if condition(frame):
            return frame
        frame = laboratory.frame(have=frame["number"], wait=0.2)
    raise AssertionError({k: v for k, v in frame.items() if k != "picture"})


def test_it_trains_and_changes_while_it_does(laboratory):
    first = until(laboratory, lambda x: x["number"] == 1 and not x["busy"])
    assert first["step"] == 0
    assert len(first["picture"]["seeds"]) == 2
    laboratory.act("step")
    frame = until(laboratory, lambda x: x["step"] == 1)
    assert [row[0] for row in frame["rows"]] == [1]
    assert all(len(values) == 2 for values in frame["rows"][0][1:])
    laboratory.act("play")
    until(laboratory, lambda x: x["step"] > 10)
    # Another step size: no other program, and the run goes on.
    (form,) = laboratory.programs._kept
    laboratory.change(dataclasses.replace(TINY, weight=2.0, data="grid25"))
    frame = until(laboratory, lambda x: x["marks"])
    assert frame["marks"][0][1] == "data grid25, weight 2"
    assert frame["marks"][0][0] > 10
    assert [*laboratory.programs._kept] == [form]
    until(laboratory, lambda x: x["picture"] and x["picture"]["modes"] == 25)
    # Step sizes so large that nothing is left: it says so, and stops.
    laboratory.change(
        dataclasses.replace(
            laboratory.setting,
            loss="f_gan_kl",
            **{"generator_rate": 1.0, "discriminator_rate": 1.0, "penalty": "none"},
        )
    )
    frame = until(laboratory, lambda x: "every seed" in x["said"])
    assert "NaN or infinite: every seed. Restart" in frame["said"]
    assert len(laboratory.programs._kept) == 2
    assert not until(laboratory, lambda x: not x["playing"])["playing"]
    json.dumps(laboratory.frame(), allow_nan=False)
    laboratory.act("restart")
    frame = until(laboratory, lambda x: x["step"] == 0 and x["said"] == "")
    assert not frame["marks"]


def test_a_failure_is_said_and_another_setting_works(laboratory, monkeypatch):
    until(laboratory, lambda x: x["number"] == 1)

    def fails(setting):
        raise MemoryError("there is\nno room")

    monkeypatch.setattr(laboratory.programs, "get", fails)
    laboratory.change(dataclasses.replace(TINY, width=3))
    frame = until(laboratory, lambda x: "failed" in x["said"])
    assert frame["said"] == "It failed: there is no room"
    monkeypatch.undo()
    laboratory.change(TINY)
    until(laboratory, lambda x: x["said"] == "" and not x["busy"])


def test_what_is_kept_of_a_state():
    init = jax.jit(plane.player(TINY).init)
    old, new = (init(jax.random.key(i)) for i in (0, 1))
    assert carried(new, old) is old
    other = new.replace(opt_state={})
    kept = carried(other, old)
    assert kept.opt_state == {}
    jax.tree.map(np.testing.assert_array_equal, kept.params, old.params)
    wide = jax.tree.map(lambda x: np.zeros((*x.shape, 2)), new.params)
    assert carried(new.replace(params=wide), old) is None


def test_curves_keep_few_rows():
    curves, seen = Curves(), plane.Seen(*[np.array([np.nan, 2.0])] * 7)
    losses = {"discriminator": [np.inf, 0.123456789], "generator": [1, 2]}
    for step in range(1, 5000):
        curves.add(step, losses, seen)
    steps = [row[0] for row in curves.rows]
    assert len(steps) <= MOST
    assert steps[0] == 1
    assert steps[-1] > 4900
    assert curves.edition > 0
    assert curves.rows[0] == [1, [None, 0.12346], [1.0, 2.0], [None, 2.0], [None, 2.0]]


def test_points_and_landscapes_as_bytes():
    half = plane.HALF
    fake = np.float32([[[0, 0], [-half, half], [99, np.nan]]])
    land = np.zeros((1, plane.SIDE, plane.SIDE), np.float32)
    land[0, 0, 0], land[0, :, -1] = -3.0, 5.0
    one = np.float32([1.0])
    seen = plane.Seen(fake, land, np.ones((1, 2, 2)), -one, one, one, one)
    told = frames.seed(seen, 0)
    places = np.frombuffer(base64.b64decode(told["fake"]), "<u2") / 65535
    np.testing.assert_allclose(
        (places * 2 - 1) * 2 * half,
        [0, 0, -half, half, 2 * half, -2 * half],
        atol=1e-3,
    )
    assert told["lost"]
    grey = np.frombuffer(base64.b64decode(told["land"]), np.uint8).reshape(48, 48)
    assert (grey[0, 0], grey[1, 1], grey[3, -1]) == (1, 128, 255)
    assert told["middle"] == 0.0


# --- the command --------------------------------------------------------------------


def test_a_port_in_use_is_refused():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(ValueError, match=rf"127.0.0.1:{port} .*another --port"):
            lab2d.main(lab2d.Config(port=port, browser=False))


def test_the_choice_of_loss_is_that_of_the_flag():
    fields = document.choices()["fields"]
    assert [x for x, _ in fields["loss"]["options"]] == [*get_args(points_gan.Loss)]
    assert fields["weight"]["most"] == 100
