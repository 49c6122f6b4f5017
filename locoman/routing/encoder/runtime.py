"""ONNX Runtime, opened so that it costs little: one question at a time on one core, its weights mapped.

It runs the graph as it is. Its optimizations save a quarter of a question's time, but make other vectors, and take longer at
the start than they save on all that is asked of a command.
"""

from __future__ import annotations

import mmap
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeAlias

from locoman.errors import InvalidFile, LocomanError, MissingPrerequisite
from locoman.routing.encoder.graph import graph_alone

Session: TypeAlias = Any
"""An onnxruntime.InferenceSession, which has no types."""

_WEIGHTS_FOLDER = "session.model_external_initializers_file_folder_path"
_DAMAGED = "not the encoder's weights, or damaged ones"
_NOTHING_SAID = 4  # what is wrong is raised; nothing is written beside it


def opening(model: Path, outputs: Iterable[str]) -> Future[Session]:
    """The session of an ONNX file with these `outputs`. A thread works on its weights meanwhile, which does not hold Python up.

    What is awaited raises InvalidFile, MissingPrerequisite where there is no ONNX Runtime.
    """
    try:
        made = _prepared(model, outputs)
    except LocomanError as error:
        failed: Future[Session] = Future()
        failed.set_exception(error)
        return failed
    thread = ThreadPoolExecutor(1, thread_name_prefix="encoder")
    opened = thread.submit(made)
    thread.shutdown(wait=False)  # it ends when the session is there
    return opened


def _prepared(model: Path, outputs: Iterable[str]) -> Callable[[], Session]:
    """What makes the session. Raises InvalidFile, MissingPrerequisite."""
    try:
        import onnxruntime as ort
    except ImportError as error:
        raise MissingPrerequisite("The router's encoder needs ONNX Runtime.", "pip install onnxruntime") from error
    ort.set_default_logger_severity(_NOTHING_SAID)
    ort.disable_telemetry_events()
    options = ort.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.log_severity_level = _NOTHING_SAID
    try:
        options.add_session_config_entry(_WEIGHTS_FOLDER, str(model.parent.absolute()))
        with model.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            graph = graph_alone(data, model.name, tuple(outputs))
    except (OSError, ValueError) as error:
        raise InvalidFile(model, _DAMAGED) from error
    except TypeError as error:
        raise InvalidFile(model, "ONNX Runtime reads nothing in a folder whose name is no Unicode") from error

    def made() -> Session:
        try:
            return ort.InferenceSession(graph, options, providers=["CPUExecutionProvider"], enable_fallback=0)
        except Exception as error:  # the runtime's own have nothing else in common
            raise InvalidFile(model, _DAMAGED) from error

    return made
