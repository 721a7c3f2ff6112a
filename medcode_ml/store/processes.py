"""Whether a process still runs; a killed one that its parent has not collected yet does not."""

from __future__ import annotations

import os
from pathlib import Path


def is_alive(pid: int) -> bool:
    """Tell whether process `pid` runs on this machine."""
    try:
        os.kill(pid, 0)
        # A killed process that nobody has collected yet still answers; only Linux tells the difference.
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except ProcessLookupError:
        return False
    except (PermissionError, FileNotFoundError):
        return True
    return state not in ("Z", "X")
