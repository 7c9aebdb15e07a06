"""The exit codes of ``atlas``. Light."""

from __future__ import annotations

import signal

from atlas_core.errors import (
    AtlasError,
    DataError,
    PluginError,
    SpecError,
    WorkerError,
)

DONE = 0
DEFECT = 70
INTERRUPTED = 128 + signal.SIGINT
TERMINATED = 128 + signal.SIGTERM
HUNG_UP = 128 + signal.SIGHUP

EXIT_CODES: dict[int, str] = {
    DONE: "done",
    AtlasError.exit_code: "a broken contract, a training that failed, a run that another process"
    " is in, or a broken plugin that `atlas plugins --verify` found",
    SpecError.exit_code: "a wrong spec or command line",
    PluginError.exit_code: "a broken or missing plugin",
    DataError.exit_code: "unusable data, a file or an output that cannot be written, or too little"
    " memory",
    WorkerError.exit_code: "a worker process was killed (often: out of memory); the same command"
    " runs only its jobs again",
    DEFECT: "a defect of ATLAS or of a plugin; please report it with what `--debug` shows",
    HUNG_UP: "the terminal was closed (SIGHUP)",
    INTERRUPTED: "interrupted (Ctrl-C); the same command goes on where it stopped",
    TERMINATED: "asked to stop (SIGTERM); the same command goes on where it stopped",
}
"""What each code means, in the order of the docs."""
