"""What a run records about the machine it runs on. Light."""

from __future__ import annotations

import hashlib
import os
import platform
import re
import resource
import sys
from collections import ChainMap
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path

import psutil
from threadpoolctl import threadpool_info

from atlas_core.errors import SpecError
from atlas_core.installed import CORE, about, distributions, family, libraries, versions
from atlas_core.printing import counted
from atlas_core.stages import STAGES


def cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def hardware(device: str) -> dict[str, object]:
    """Return processor, cores, memory, device and platform."""
    return {
        "cpu": _processor(),
        "cores": cores(),
        "memory_gb": round(psutil.virtual_memory().total / 2**30, 1),
        "device": device,
        "platform": platform.platform(terse=True),
        "python": platform.python_version(),
    }


def environment() -> dict[str, object]:
    """Return all that may change a last digit: interpreter, system, processor, BLAS, packages."""
    import scipy.linalg  # noqa: F401 - brings a BLAS of its own

    keys = ("internal_api", "version", "threading_layer", "architecture", "num_threads")
    blas = [one for one in threadpool_info() if one.get("user_api") == "blas"]
    libraries = [{key: one.get(key) for key in keys} for one in blas]
    return {
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "system": platform.platform(),
        "machine": platform.machine(),
        "processor": _processor(),
        "blas": sorted(libraries, key=str),
        "distributions": _distributions(),
    }


@lru_cache(maxsize=1)
def _distributions() -> dict[str, str]:
    found = {one.name: one.version for one in map(about, distributions())}
    return dict(sorted(found.items(), key=lambda item: item[0].lower()))


def _processor() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:  # no Linux: platform knows
        pass
    return platform.processor() or platform.machine()


def peak_memory_mb() -> float:
    """Return the largest resident memory of this process and its finished children, in MB."""
    own, children = (
        resource.getrusage(who).ru_maxrss
        for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    )
    unit = 2**20 if sys.platform == "darwin" else 2**10
    return round(max(own, children) / unit, 1)


@lru_cache(maxsize=1)
def core_source() -> str:
    """Return the sha256 of the core's files, to be noted: no key depends on it."""
    folder = Path(__file__).resolve().parents[1]
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*.py")):
        digest.update(path.relative_to(folder).as_posix().encode())
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def packages(plugins: Iterable[str]) -> dict[str, str]:
    """Return the versions of the core, of plugins, and of the libraries that these require."""
    named = {CORE, *plugins}.union(*(stage.libraries for stage in STAGES.values()))
    named = named.union(*map(family, named - {CORE}))
    required = [libraries(name) for name in sorted(named)]
    return dict(sorted(ChainMap(versions(named), *required).items()))


def choose_device(wanted: str) -> str:
    """Return the device that ``auto`` means here, or ``wanted`` itself.

    torch is asked only when its GPU driver's device files are there, so that a run on a CPU
    imports no torch for the question.

    Raises:
        SpecError: the text is no device, or there is none such here.
    """
    if wanted == "auto":
        if not Path("/dev/nvidia0").exists() or os.environ.get("CUDA_VISIBLE_DEVICES") == "":
            return "cpu"
        return "cuda" if _gpus() else "cpu"
    if wanted == "cpu":
        return wanted
    if (found := re.fullmatch(r"cuda(?::([0-9]{1,4}))?", wanted)) is None:
        raise SpecError(f"--device {wanted}: expected auto, cpu, cuda or cuda:<number>")
    count = _gpus()
    if int(found[1] or 0) >= count:
        there = (
            f"{counted(count, 'GPU')}, numbered from 0" if count else "no GPU that torch can use"
        )
        raise SpecError(f"--device {wanted}: this machine has {there}; give another, or auto")
    return wanted


def _gpus() -> int:
    """Return how many GPUs torch can use; 0 where torch is not installed."""
    try:
        import torch
    except ImportError:
        return 0
    return int(torch.cuda.device_count()) if torch.cuda.is_available() else 0
