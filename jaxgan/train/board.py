"""Rows of numbers as the bytes that TensorBoard reads, with no thread and no queue."""

import io
import time
from collections.abc import Mapping, Sequence
from typing import Any


def beginning(step: int) -> bytes:
    """What a file of events begins with.

    By its mark TensorBoard hides what it read, from files before, of `step` and later.
    """
    return _records(
        {"file_version": "brain.Event:2"},
        {"step": step, "session_log": {"status": 1}},  # SessionLog.START
    )


def events(rows: Sequence[Mapping[str, Any]]) -> bytes:
    """The numbers of rows, each of which has a `step`."""
    return _records(
        *(
            {
                "step": row["step"],
                "summary": {
                    "value": [
                        {"tag": name, "simple_value": value}
                        for name, value in row.items()
                        if name != "step"
                    ]
                },
            }
            for row in rows
        )
    )


def _records(*contents: Mapping[str, Any]) -> bytes:
    """Events of now, by their fields, as records with checksums."""
    from tensorboard.compat.proto import event_pb2
    from tensorboard.summary.writer.record_writer import RecordWriter

    file, now = io.BytesIO(), time.time()
    writer = RecordWriter(file)
    for fields in contents:
        event = event_pb2.Event(  # pyright: ignore[reportAttributeAccessIssue]
            wall_time=now, **fields
        )
        writer.write(event.SerializeToString())
    return file.getvalue()
