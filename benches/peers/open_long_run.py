"""Opens a run of 1 000 000 points x 10 metrics with TensorBoard's and trackio's own code.

    pip install tensorboard==2.20.0 trackio==0.43.0      # an environment of their own: numpy 2
    python open_long_run.py DIR                          # takes a few minutes to write what is opened

Beside `cargo bench --bench window -- --store`: from opening what is on disk to having what the first
picture of all ten curves needs, each at the number of points the program itself asks for.
"""

import json
import os
import sys
import time
from pathlib import Path

POINTS = 1_000_000
TAGS = [f"metric {n}" for n in range(10)]


def value(run, step):
    x = step / POINTS
    noise = ((step * 2_654_435_761) ^ (run << 7)) % 1_000 / 1_000 - 0.5
    return (1.0 + run * 0.1) * x**0.5 + 0.3 * noise


def tell(case, seconds, **more):
    print(json.dumps({"case": case, "seconds": round(seconds, 3), **more}), flush=True)


def tensorboard(folder):
    from tensorboard.compat.proto.event_pb2 import Event
    from tensorboard.compat.proto.summary_pb2 import Summary
    from tensorboard.data import grpc_provider, server_ingester  # noqa: F401
    from tensorboard.context import RequestContext
    from tensorboard.summary.writer.event_file_writer import EventFileWriter
    from tensorboard.util import grpc_util

    if not folder.exists():
        writer = EventFileWriter(str(folder))
        started = time.perf_counter()
        for step in range(POINTS):
            values = [Summary.Value(tag=tag, simple_value=value(n, step)) for n, tag in enumerate(TAGS)]
            writer.add_event(Event(wall_time=step / 1e3, step=step, summary=Summary(value=values)))
        writer.close()
        each = (time.perf_counter() - started) / POINTS
        tell("TensorBoard: a step of ten metrics is written", each, core_at_1000_a_second=each * 100)

    def read():
        started = time.perf_counter()
        ingester = server_ingester.SubprocessServerDataIngester(
            server_binary=server_ingester.get_server_binary(),
            logdir=str(folder),
            reload_interval=0,
            channel_creds_type=grpc_util.ChannelCredsType.LOCAL,
            samples_per_plugin={},
        )
        ingester.start()
        provider, first = ingester.data_provider, None
        while True:
            found = provider.read_scalars(
                RequestContext(), experiment_id="", plugin_name="scalars", downsample=1000
            )
            tags = [series for run in found.values() for series in run.values()]
            if len(tags) == len(TAGS):
                first = first or time.perf_counter() - started
                if all(series[-1].step == POINTS - 1 for series in tags):
                    return first, time.perf_counter() - started
            time.sleep(0.005)

    first, whole = sorted(read() for _ in range(3))[1]
    tell("TensorBoard: something of every curve", first)
    tell("TensorBoard: 1 000 points of every curve, the last one there", whole)


def trackio(folder):
    os.environ["TRACKIO_DIR"] = str(folder)
    from trackio.sqlite_storage import SQLiteStorage

    if not folder.exists():
        folder.mkdir()
        started = time.perf_counter()
        for begin in range(0, POINTS, 20_000):
            steps = list(range(begin, begin + 20_000))
            rows = [{tag: value(n, step) for n, tag in enumerate(TAGS)} for step in steps]
            SQLiteStorage.bulk_log("long", "run", rows, steps=steps)
        each = (time.perf_counter() - started) / POINTS
        tell("trackio: a step of ten metrics is written", each, core_at_1000_a_second=each * 100)
    # A process of its own would start cold; its cache is passed over by another number of points.
    times = []
    for points in (3000, 2999, 2998):
        started = time.perf_counter()
        logs = SQLiteStorage.get_logs("long", "run", max_points=points)
        assert len(logs) > 1000
        times.append(time.perf_counter() - started)
    tell("trackio: 3 000 steps of every curve", sorted(times)[1])


if __name__ == "__main__":
    target = Path(sys.argv[1])
    target.mkdir(parents=True, exist_ok=True)
    tensorboard(target / "tensorboard")
    trackio(target / "trackio")
