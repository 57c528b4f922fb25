"""Generators go to a repository of Hugging Face and come back, on a stub of its server.

The stub answers on the loopback address alone. It keeps repositories in memory, as the
service does: files by the name of a commit.
"""

import base64
import hashlib
import http.server
import importlib
import json
import os
import re
import sys
import threading

import jax
import numpy as np
import pytest
from commands import call

import jaxgan
from experiments import export
from jaxgan.lab import hub, inference

pytestmark = [
    pytest.mark.usefixtures("undisturbed"),
    pytest.mark.filterwarnings("ignore"),  # of huggingface_hub and what it imports
]
TOKEN = "hf_of_the_stub"


class Stub(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 20
    repositories: dict

    def answer(self, content, status=200, **headers):
        if not isinstance(content, bytes):
            content = json.dumps(content).encode()
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", headers.get("size", str(len(content))))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def do_POST(self):
        length = int(self.headers.get("Content-Length") or 0)
        content = self.rfile.read(length)
        if self.headers.get("Transfer-Encoding") == "chunked":
            while size := int(self.rfile.readline(), 16):
                content += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
        if self.headers.get("Authorization") != f"Bearer {TOKEN}":
            return self.answer({"error": "no"}, 401)
        here = f"http://{self.headers['Host']}"
        if self.path == "/api/repos/create":
            given = json.loads(content)
            name = f"{given['organization']}/{given['name']}"
            if name in self.repositories:
                return self.answer({"url": f"{here}/{name}"}, 409)
            self.repositories[name] = {"private": given.get("private")}
            return self.answer({"url": f"{here}/{name}"})
        if self.path == "/api/validate-yaml":
            return self.answer({"errors": [], "warnings": []})
        name, action = re.match(r"/api/models/([^/]+/[^/]+)/(\w+)", self.path).groups()
        if action == "preupload":
            files = json.loads(content)["files"]
            plain = {"uploadMode": "regular", "shouldIgnore": False}
            return self.answer({"files": [{"path": x["path"], **plain} for x in files]})
        assert action == "commit"
        lines = map(json.loads, content.splitlines())
        made = {
            line["value"]["path"]: base64.b64decode(line["value"]["content"])
            for line in lines
            if line["key"] == "file"
        }
        sha = hashlib.sha1(content).hexdigest()
        self.repositories[name] |= {"main": sha, sha: made}
        url = f"{here}/{name}/commit/{sha}"
        return self.answer({"success": True, "commitUrl": url, "commitOid": sha})

    def do_GET(self):
        found = re.match(r"/([^/]+/[^/]+)/resolve/([^/]+)/(.+)", self.path)
        name, revision, file = found.groups() if found else ("", "", "")
        repository = self.repositories.get(name)
        if repository is None:
            return self.answer(b"", 404, X_Error_Code="RepoNotFound")
        sha = repository.get(revision, revision) if revision == "main" else revision
        if sha not in repository:
            return self.answer(b"", 404, X_Error_Code="RevisionNotFound")
        if file not in repository[sha]:
            return self.answer(
                b"", 404, X_Error_Code="EntryNotFound", X_Repo_Commit=sha
            )
        content = repository[sha][file]
        etag = f'"{hashlib.sha1(content).hexdigest()}"'
        return self.answer(content, X_Repo_Commit=sha, ETag=etag)

    do_HEAD = do_GET

    def log_message(self, *_):
        pass


@pytest.fixture
def service(monkeypatch, tmp_path):
    """The repositories of a running stub, for which a token is set."""
    reason = 'huggingface_hub is not installed: pip install -e ".[hub]"'
    library = pytest.importorskip("huggingface_hub", reason=reason)
    pytest.importorskip("safetensors", reason=reason)
    handler = type("Handler", (Stub,), {"repositories": {}})
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{server.server_port}")
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    constants = importlib.import_module("huggingface_hub.constants")
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    library.close_session()  # a session reads its proxies once
    yield handler.repositories
    library.close_session()
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def pushed(service, tiny_run, tmp_path, monkeypatch):
    out = tmp_path / "out"
    argv = ["--run", tiny_run, "--workdir", out, "--formats", "safetensors"]
    assert call(export, [*argv, "--push", "ada/faces"], monkeypatch) == 0
    return out


def files(service, name="ada/faces"):
    return service[name][service[name]["main"]]


def test_what_was_pushed_is_loaded_by_its_address(service, pushed, tiny_run, capsys):
    assert files(service).keys() == {
        "README.md", "config.json", "generator.safetensors"
    }  # fmt: skip
    trained = inference.open_run(tiny_run)
    latent = inference.latents(trained, jax.random.key(5), 2)
    expected = jax.jit(inference.drawing(trained))(latent)
    sha = service["ada/faces"]["main"]
    for address in ("hf://ada/faces", f"hf://ada/faces@{sha}"):
        generator = jaxgan.load(address)
        np.testing.assert_allclose(generator.draw(latent), expected, atol=1e-5)
    service.clear()  # gone, but fetched before
    os.environ["HF_ENDPOINT"] = "http://127.0.0.1:9"
    kept = jaxgan.load(f"hf://ada/faces@{sha}")
    np.testing.assert_allclose(kept.draw(latent), expected, atol=1e-5)


def test_the_page_tells_of_the_run_and_nothing_of_its_machine(
    service, pushed, tiny_run
):
    text = files(service)["README.md"].decode()
    assert (pushed / "README.md").read_text() == text
    head = text.split("---\n")[1].splitlines()
    assert head[0] == 'library_name: "jaxgan"'
    assert head[2] == 'tags: ["jax", "gan", "dcgan"]'
    assert not [line for line in head if line.startswith("license:")]
    assert "(https://arxiv.org/abs/1511.06434)" in text
    assert "| data | npz:photos.npz |" in text
    assert "| steps | 2 |" in text
    assert "| seed | 0 |" in text
    assert "--data npz:photos.npz --workdir run --steps 2" in text
    assert "| distance to data |" in text
    assert str(tiny_run.parent) not in text
    assert TOKEN not in "".join(map(str, files(service).values()))
    code = text.split("```")[1].removeprefix("python\n")
    lines = code.splitlines()
    assert len(lines) == 3
    found = {}
    exec(code, found)
    assert found["images"].shape == (8, 16, 16, 3)


def test_a_page_that_was_written_by_hand_is_kept(
    service, pushed, tiny_run, monkeypatch
):
    (pushed / "README.md").write_text("---\nlicense: mit\n---\nMine.\n")
    (pushed / "secret.txt").write_text("not for others")
    argv = ["--run", tiny_run, "--workdir", pushed, "--formats", "safetensors"]
    assert call(export, [*argv, "--push", "ada/faces", "--private"], monkeypatch) == 0
    assert files(service)["README.md"] == b"---\nlicense: mit\n---\nMine.\n"
    assert "secret.txt" not in files(service)
    assert service["ada/faces"]["private"] is None  # it was there, and stays public


def test_files_of_strangers_are_checked(service, pushed, monkeypatch):
    good = dict(files(service))
    sha = service["ada/faces"]["main"]

    def refused(changes, said):
        service["ada/faces"] = {"main": sha[::-1], sha[::-1]: good | changes}
        with pytest.raises(ValueError, match=said):
            jaxgan.load(f"hf://ada/faces@{sha[::-1]}")

    refused({"config.json": b"[" * 100_000}, "is damaged")
    for i, (changes, said) in enumerate(
        [
            ({"generator.safetensors": b"not it"}, "is damaged"),
            ({"config.json": b'{"game": "os.system"}'}, "not an exported generator"),
            ({"config.json": b" " * (1 << 21)}, "has 2097152 bytes, expected 1048576"),
        ]
    ):
        sha = f"{i + 1:040x}"[::-1]
        refused(changes, said)
    monkeypatch.setitem(hub.MOST, hub.WEIGHTS, 100)
    sha = f"{9:040x}"[::-1]
    refused({}, r"generator\.safetensors of ada/faces has .* expected 100 at most")


def test_what_is_not_there_is_one_sentence(service, pushed):
    with pytest.raises(ValueError, match=r"no repository ada/cats that you may see"):
        jaxgan.load("hf://ada/cats")
    with pytest.raises(ValueError, match=r"ada/faces has no such revision"):
        jaxgan.load("hf://ada/faces@nothing")
    service["ada/other"] = {"main": "1" * 40, "1" * 40: {"model.bin": b""}}
    with pytest.raises(ValueError, match=r"ada/other is not an exported generator"):
        jaxgan.load("hf://ada/other")
    for wrong in ("faces", "ada/faces/config.json", "ada/..", "a b/c", ""):
        with pytest.raises(ValueError, match="names no repository of Hugging Face"):
            jaxgan.load(f"hf://{wrong}")


def test_pushing_without_what_it_needs_writes_nothing(
    service, tiny_run, tmp_path, monkeypatch, capsys
):
    def said(name="ada/faces"):
        argv = ["--run", tiny_run, "--workdir", tmp_path / "none", "--push", name]
        assert call(export, argv, monkeypatch) == 2
        assert not (tmp_path / "none").exists()
        return capsys.readouterr().err

    assert "give USER/NAME, such as ada/faces" in said("faces")
    monkeypatch.delenv("HF_TOKEN")
    library = sys.modules["huggingface_hub"]
    monkeypatch.setattr(library, "get_token", lambda: None)
    assert "use `hf auth login`, or set HF_TOKEN" in said()
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    assert 'pip install -e ".[hub]"' in said()
    assert service == {}


def test_a_token_that_may_not_write_is_one_sentence(
    service, tiny_run, tmp_path, monkeypatch, capsys
):
    monkeypatch.setenv("HF_TOKEN", "hf_another")
    argv = ["--run", tiny_run, "--workdir", tmp_path, "--formats", "safetensors"]
    assert call(export, [*argv, "--push", "ada/faces"], monkeypatch) == 2
    said = capsys.readouterr().err
    assert "the token of Hugging Face may not do this with ada/faces" in said
    assert (tmp_path / "generator.safetensors").exists()
