"""Golden bytes of TensorBoard event files, made and read by the `tensorboard` package itself.

    pip install tensorboard==2.21.0
    python make_events.py write            # writes events.json beside this file
    python make_events.py read FOLDER      # prints what TensorBoard reads out of a run's event files
"""
import io
import json
import pathlib
import sys

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.compat.proto import event_pb2, summary_pb2
from tensorboard.summary.writer.record_writer import RecordWriter

# Seconds, step, tag, value; steps and tags around the lengths where a varint grows by a byte.
SCALARS = [
    (1700000000.25, 0, "train/loss", 2.302585),
    (1700000001.5, 1, "train/accuracy", 0.1),
    (1700000002.0, 127, "validation/loss", 1e-30),
    (1700000003.0, 128, "x" * 127, -1.0),
    (1700000004.0, 16384, "y" * 128, 3.4e38),
    (1700000005.125, 3000000000, "train/learning_rate", 0.0),
]


def record(event):
    out = io.BytesIO()
    RecordWriter(out).write(event.SerializeToString())
    return out.getvalue().hex()


def write():
    version = record(event_pb2.Event(wall_time=1700000000.25, file_version="brain.Event:2"))
    scalars = []
    for seconds, step, tag, value in SCALARS:
        summary = summary_pb2.Summary(value=[summary_pb2.Summary.Value(tag=tag, simple_value=value)])
        event = event_pb2.Event(wall_time=seconds, step=step, summary=summary)
        scalars.append({"seconds": seconds, "step": step, "tag": tag, "value": value, "bytes": record(event)})
    golden = {"version": {"seconds": 1700000000.25, "bytes": version}, "scalars": scalars}
    path = pathlib.Path(__file__).with_name("events.json")
    path.write_text(json.dumps(golden, indent=1) + "\n")


def read(folder):
    accumulator = EventAccumulator(folder)
    accumulator.Reload()
    for tag in sorted(accumulator.Tags()["scalars"]):
        points = accumulator.Scalars(tag)
        print(tag, len(points), [(point.step, round(point.value, 6)) for point in points[-3:]])


if __name__ == "__main__":
    write() if sys.argv[1] == "write" else read(sys.argv[2])
