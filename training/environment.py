"""Where a run took place: interpreter, packages, processor; no paths, no names of machines or people."""

from __future__ import annotations

import os
import platform
from importlib.metadata import distributions
from pathlib import Path

_PROCESSORS = Path("/proc/cpuinfo")


def installed_packages() -> list[str]:
    """Return ``name==version`` of every installed package, sorted."""
    return sorted({f"{one.metadata['Name']}=={one.version}" for one in distributions() if one.metadata["Name"]},
                  key=str.lower)


def processor() -> str:
    """Return the processor's model name, or its architecture where that is not told."""
    try:
        lines = _PROCESSORS.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    named = next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), "")
    return named or platform.machine()


def environment_text() -> str:
    """Return the environment as lines of ``name: value``."""
    import torch

    facts = {"python": platform.python_version(), "system": f"{platform.system()} {platform.machine()}",
             "processor": processor(), "cores": os.cpu_count(), "torch threads": torch.get_num_threads(),
             "cuda": torch.cuda.get_device_name(0) if torch.cuda.is_available() else "none"}
    return "".join(f"{name}: {value}\n" for name, value in facts.items())
