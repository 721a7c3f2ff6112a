"""Logging: one line an event, to standard error, without any patient data.

Log ids, counts and rule names; never names, numbers of patients, or document text (rule 41).
"""

from __future__ import annotations

import logging
import sys


def configure_logging(level: str = "INFO") -> None:
    """Send medcode's log lines to standard error; calling it again changes the level only."""
    root = logging.getLogger("medcode")
    root.setLevel(level)
    if not root.handlers:
        handler = logging.StreamHandler(sys.stderr)
        handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s %(message)s"))
        root.addHandler(handler)
        root.propagate = False


def logger(name: str) -> logging.Logger:
    """Return the logger `medcode.<name>`."""
    return logging.getLogger(f"medcode.{name}")
