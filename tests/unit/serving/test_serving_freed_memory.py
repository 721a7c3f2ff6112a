"""Memory of a server stays flat: what was freed is given back, and Arrow's tables lie in pages that can be shared."""

from __future__ import annotations

import subprocess
import sys

import pytest

_FREED = """
import threading
from pathlib import Path

import pyarrow

from medcode_ml.serving import freed_memory

def anonymous():
    rows = Path("/proc/self/smaps_rollup").read_text().splitlines()
    return next(int(row.split()[1]) for row in rows if row.startswith("Anonymous")) / 1024

def fill():
    blocks = [b"x" * 65_536 for _ in range(1600)]
    kept.extend(blocks[::40])

kept = []
freed_memory.bound_memory()
freed_memory._EVERY_SECONDS = 0.0
freed = freed_memory.FreedMemory()
thread = threading.Thread(target=fill)
thread.start(), thread.join()
before = anonymous()
freed.give_back()
print(before - anonymous(), pyarrow.default_memory_pool().backend_name)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="glibc's allocator")
def test_what_was_freed_between_what_is_kept_goes_back_to_the_machine() -> None:
    """Guards workers that grow with the most unlucky batches so far: 100 MB freed around blocks that stay."""
    told = subprocess.run([sys.executable, "-c", _FREED], capture_output=True, text=True, check=True).stdout.split()
    assert float(told[0]) > 60
    assert told[1] == "system"
