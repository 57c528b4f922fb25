"""Weights & Biases, MLflow and trackio keep what they are sent, all of them offline."""

import json
import math
import sqlite3
import sys

import numpy as np
import pytest

from jaxgan import report
from jaxgan.train import trackers

pytestmark = pytest.mark.filterwarnings("ignore")  # of the trackers' own libraries
CONFIG = {"steps": 4, "model": {"width": 8}}


def library(name):
    reason = f'{name} is not installed: pip install -e ".[{name}]"'
    return pytest.importorskip(name, reason=reason, exc_type=ImportError)


@pytest.fixture
def workdir(tmp_path):
    folder = tmp_path / "faces"
    report.save_png(folder / "sheet.png", np.full((6, 9, 3), 77, np.uint8))
    return folder


def track(name, workdir):
    """Two calls of a run, of which the second goes on in the first; returns the id."""
    tracker = trackers.opened(name, workdir, CONFIG)
    tracker.scalars(0, {"generator/loss": 1.5})
    tracker.picture(0, "ema", workdir / "sheet.png")
    tracker.scalars(2, {"generator/loss": math.nan})
    tracker.close(False)
    again = trackers.opened(name, workdir, CONFIG, tracker.id)
    again.scalars(4, {"generator/loss": 0.5})
    again.scalars(4, {"evaluation/distance": 7.0})
    again.picture(4, "ema", workdir / "sheet.png")
    again.close(True)
    assert again.id == tracker.id
    return tracker.id


def test_mlflow_in_a_folder(workdir, tmp_path, monkeypatch):
    for name in ("MAX_RETRIES", "TIMEOUT"):
        monkeypatch.setenv(f"MLFLOW_HTTP_REQUEST_{name}", "1")
    monkeypatch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")  # a data base takes seconds
    monkeypatch.setenv("MLFLOW_TRACKING_URI", (tmp_path / "store").as_uri())
    monkeypatch.setenv("MLFLOW_EXPERIMENT_NAME", "portraits")
    mlflow = library("mlflow")
    client = mlflow.MlflowClient()
    found = client.get_run(run := track("mlflow", workdir))
    assert found.info.run_name == "faces"
    assert found.info.status == "FINISHED"
    assert found.data.params == {"steps": "4", "model.width": "8"}
    history = client.get_metric_history(run, "generator/loss")
    assert [point.step for point in history] == [0, 2, 4]
    np.testing.assert_equal([x.value for x in history], [1.5, math.nan, 0.5])
    (score,) = client.get_metric_history(run, "evaluation/distance")
    assert (score.step, score.value) == (4, 7.0)
    images = [x.path for x in client.list_artifacts(run, "images")]
    assert sum(path.endswith(".png") for path in images) == 2
    place = client.get_experiment(found.info.experiment_id)
    assert place.name == "portraits"


def test_trackio_in_a_folder(workdir, tmp_path, monkeypatch, capsys):
    library("trackio")
    from trackio import sqlite_storage

    monkeypatch.setenv("TRACKIO_PROJECT", "portraits")
    monkeypatch.delenv("TRACKIO_SPACE_ID", raising=False)
    for module in [m for n, m in sys.modules.items() if n.startswith("trackio")]:
        for name, folder in (("TRACKIO_DIR", "store"), ("MEDIA_DIR", "store/media")):
            if hasattr(module, name):
                monkeypatch.setattr(module, name, tmp_path / folder)
    run = track("trackio", workdir)
    assert capsys.readouterr().out == ""
    assert run.startswith("faces-")
    file = sqlite_storage.SQLiteStorage.get_project_db_path("portraits")
    assert file.is_relative_to(tmp_path)
    with sqlite3.connect(file) as base:
        rows = base.execute("select step, metrics from metrics order by id").fetchall()
        names = base.execute("select distinct run_name from metrics").fetchall()
    base.close()
    assert names == [(run,)]
    found = [(step, json.loads(content)) for step, content in rows]
    numbers = [x for x in found if "ema" not in x[1]]
    assert numbers == [
        (0, {"generator/loss": 1.5}),
        (2, {"generator/loss": "NaN"}),
        (4, {"generator/loss": 0.5}),
        (4, {"evaluation/distance": 7.0}),
    ]
    assert [step for step, x in found if "ema" in x] == [0, 4]


def history(path):
    """Step -> numbers and pictures of a file of wandb, as its records hold them."""
    from wandb.proto import wandb_internal_pb2

    content, at, found = path.read_bytes(), 7, {}  # after its mark
    while at + 7 <= len(content):  # checksum, length, kind, and then the record
        length = int.from_bytes(content[at + 4 : at + 6], "little")
        assert content[at + 6] == 1, "a record over several blocks"
        record = wandb_internal_pb2.Record()
        record.ParseFromString(content[at + 7 : at + 7 + length])
        at += 7 + length
        if record.HasField("history"):
            row = {
                "/".join(x.nested_key) or x.key: json.loads(x.value_json)
                for x in record.history.item
            }
            found.setdefault(record.history.step.num, {}).update(row)
    return found


@pytest.fixture
def wandb(monkeypatch, tmp_path):
    monkeypatch.setenv("WANDB_ERROR_REPORTING", "false")
    for name in ("CACHE", "CONFIG", "DATA"):
        monkeypatch.setenv(f"WANDB_{name}_DIR", str(tmp_path / name))
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    monkeypatch.delenv("WANDB_API_KEY", raising=False)
    module = library("wandb")
    yield module
    module.teardown()


def test_wandb_without_a_network(wandb, workdir, monkeypatch):
    monkeypatch.setenv("WANDB_MODE", "offline")
    wandb.teardown()  # the mode is read once
    run = track("wandb", workdir)
    wandb.teardown()  # which ends the process that writes the file
    first, second = sorted(workdir.glob(f"wandb/offline-run-*/run-{run}.wandb"))
    before, after = history(first), history(second)
    assert list(before) == [0, 2]
    assert before[0]["generator/loss"] == 1.5
    assert before[0]["ema/_type"] == "image-file"
    assert math.isnan(before[2]["generator/loss"])
    assert list(after) == [4]
    assert after[4]["generator/loss"] == 0.5
    assert after[4]["evaluation/distance"] == 7.0
    assert (
        len(list(workdir.glob("wandb/offline-run-*/files/media/images/ema_*.png"))) == 2
    )


def test_wandb_without_credentials_is_one_sentence(wandb, monkeypatch):
    monkeypatch.setenv("WANDB_MODE", "online")
    wandb.teardown()
    with pytest.raises(ValueError, match=r"^wandb has no credentials, .*=offline"):
        trackers.check("wandb")


def test_an_address_that_is_none_is_one_sentence(workdir, monkeypatch):
    library("mlflow")
    for name in ("MAX_RETRIES", "TIMEOUT"):
        monkeypatch.setenv(f"MLFLOW_HTTP_REQUEST_{name}", "1")
    monkeypatch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "nothing://here")
    with pytest.raises(ValueError, match=r"^mlflow cannot be opened .*--track$"):
        trackers.opened("mlflow", workdir, CONFIG)
