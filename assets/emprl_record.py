"""Records a run of any Python program in EmpRL Studio, by `emprl record`. Needs nothing but Python 3.8.

    recorder = Recorder(name="sft", config={"learning_rate": 1e-4, "seed": 1})
    for step in range(100):
        recorder.log(step, {"loss": loss})
    recorder.finish()

With Transformers, or TRL, whose trainers are Transformers':

    trainer = Trainer(..., callbacks=[trainer_callback(name="dpo")])

Nothing here stops a training: where `emprl` cannot be started or ends, that is said once on standard error, and the
training goes on unrecorded.
"""

import atexit
import json
import math
import os
import subprocess
import sys
import threading


class Recorder:
    """A run that is recorded as it goes on; `run` is its number in the store, or None where nothing is recorded.

    `unfinished` is what the run counts as where the interpreter ends in order, and `finish` was not called.
    """

    def __init__(self, name=None, experiment=None, config=None, seed=None, tags=(), store=None, program="emprl",
                 unfinished="completed"):
        command = [os.environ.get("EMPRL", program), "record", "--json"]
        for option, value in (("--name", name), ("--experiment", experiment), ("--seed", seed), ("--store", store)):
            if value is not None:
                command += [f"{option}={value}"]
        for tag in tags:
            command += [f"--tag={tag}"]
        self.run = None
        self.recorded = None
        self._unfinished = unfinished
        self._lock = threading.Lock()
        self._process = None
        try:
            # Of its own group, so that Ctrl-C stops the training and not what records its end.
            self._process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8", start_new_session=True
            )
            first = self._process.stdout.readline()
            self.run = json.loads(first)["run"] if first else None
        except (OSError, ValueError, KeyError) as error:
            self._give_up(error)
            return
        if self.run is None:
            self._give_up("it ended at once; what it said is above")
            return
        self._write({"finish": "expected"})
        if config:
            self.config(config)
        # A program that ends without saying how has failed if an exception ends it; a kill is an interruption.
        self._hook = sys.excepthook
        sys.excepthook = self._failed
        atexit.register(self._left)

    def config(self, settings):
        """Settings, which may be nested; later ones of the same name replace earlier ones."""
        self._write({"config": _plain(settings)})

    def log(self, step, values, total_steps=None):
        """Numbers by any names. `step` may be None: then it is one more than the last."""
        line = {} if step is None else {"step": int(step)}
        if total_steps:
            line["total_steps"] = int(total_steps)
        taken = {"step", "config", "samples", "event", "finish", "total_steps"}
        line.update((name, _plain(value)) for name, value in values.items() if name not in taken)
        self._write(line)

    def samples(self, step, samples):
        """A list of {"context": …, "response": …, "target": …}, of which the response alone is needed."""
        self._write({"step": int(step), "samples": _plain(list(samples))})

    def event(self, text, step=None, severity="info"):
        """Something to be noted; severity is info, warning or alert."""
        line = {} if step is None else {"step": int(step)}
        self._write({**line, "event": str(text), "severity": severity})

    def finish(self, status="completed", error=None):
        """Ends the run: completed, failed, stopped or interrupted. When this returns, all of it is on disk."""
        with self._lock:
            process, self._process = self._process, None
        if process is None:
            return
        line = {"finish": status}
        if error is not None:
            line["error"] = str(error)
        try:
            process.stdin.write(json.dumps(line) + "\n")
            process.stdin.close()
            last = process.stdout.readline()
            self.recorded = json.loads(last)["recorded"] if last else None
            process.wait()
        except (OSError, ValueError, KeyError) as problem:
            self._give_up(problem)
        if sys.excepthook == self._failed:
            sys.excepthook = self._hook
        atexit.unregister(self._left)

    def __enter__(self):
        return self

    def __exit__(self, kind, error, _):
        self.finish("completed" if kind is None else "failed", None if error is None else f"{kind.__name__}: {error}")

    def _write(self, line):
        with self._lock:
            if self._process is None:
                return
            try:
                self._process.stdin.write(json.dumps(line) + "\n")
                self._process.stdin.flush()
            except (OSError, ValueError) as error:
                self._process = None
                self._give_up(error)

    def _give_up(self, why):
        self._process = None
        print(f"emprl record: the run is not recorded from here on ({why})", file=sys.stderr)

    def _failed(self, kind, error, trace):
        status = "interrupted" if issubclass(kind, KeyboardInterrupt) else "failed"
        self.finish(status, f"{kind.__name__}: {error}")
        self._hook(kind, error, trace)

    def _left(self):
        # The interpreter ends in order, without a word about the run.
        self.finish(self._unfinished)


def _plain(value):
    """What JSON has a form for: numbers of NumPy and PyTorch as numbers, what is none of it as its text."""
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, float):
        return float(value)
    if isinstance(value, dict):
        return {str(name): _plain(part) for name, part in value.items()}
    if isinstance(value, (list, tuple, set)):
        return [_plain(part) for part in value]
    item = getattr(value, "item", None)
    if callable(item):
        try:
            return _plain(item())
        except (TypeError, ValueError, RuntimeError):
            pass
    return str(value)


def trainer_callback(samples=None, **recorder):
    """A callback for any Transformers or TRL trainer, which records all that it logs; the arguments are a Recorder's.

    `samples`, if given, is called with the trainer's keyword arguments at each evaluation, and returns what
    `Recorder.samples` takes.
    """
    from transformers import TrainerCallback

    class RecorderCallback(TrainerCallback):
        def __init__(self):
            self.recorder = None

        def on_train_begin(self, args, state, control, model=None, **_):
            # Of several processes one speaks for the run.
            if not state.is_world_process_zero or self.recorder is not None:
                return
            settings = _settings(args, model)
            # A trainer that ends says so; in a notebook nobody else does.
            own = {"unfinished": "interrupted", "name": getattr(args, "run_name", None),
                   "seed": getattr(args, "seed", None), **recorder}
            more = own.pop("config", None) or {}
            self.recorder = Recorder(config={**settings, **more}, **own)

        def on_log(self, args, state, control, logs=None, **_):
            if self.recorder is not None and logs:
                self.recorder.log(state.global_step, logs, total_steps=state.max_steps)

        def on_evaluate(self, args, state, control, **known):
            if self.recorder is not None and samples is not None:
                self.recorder.samples(state.global_step, samples(**known))

        def on_save(self, args, state, control, **_):
            if self.recorder is not None:
                folder = os.path.join(args.output_dir, f"checkpoint-{state.global_step}")
                self.recorder.event(f"checkpoint saved to {folder}", state.global_step)

        def on_train_end(self, args, state, control, **_):
            if self.recorder is not None:
                self.recorder.finish()
                self.recorder = None

    return RecorderCallback()


def _settings(args, model):
    """The trainer's arguments, and what the model is."""
    settings = {}
    try:
        settings = {name: value for name, value in args.to_dict().items() if _is_setting(value)}
    except (AttributeError, TypeError, ValueError):
        pass
    config = getattr(model, "config", None)
    for name in ("model_type", "_name_or_path", "hidden_size", "num_hidden_layers", "vocab_size"):
        value = getattr(config, name, None)
        if value is not None:
            settings[f"model.{name.lstrip('_')}"] = value
    return settings


def _is_setting(value):
    if isinstance(value, float):
        return math.isfinite(value)
    return value is not None and value != "" and value != [] and value != {}
