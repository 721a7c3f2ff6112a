"""`medcode registry load`: reference files that users bring, loaded or refused in one line."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from medcode_assets.commands.registry import NothingToLoadError, app
from medcode_ml.codes.loaded import ReferenceFileError, loaded_path
from medcode_ml.simulation.registry_file import FILE_NAME, write_registry


def test_files_are_loaded_and_counted(tmp_path: Path) -> None:
    write_registry(tmp_path, 3)
    (tmp_path / "gem_i9pcs.txt").write_text("9672  5A1955Z 10000\n")
    (tmp_path / "hospitals.csv").write_text("Facility ID,Hospital Ownership\n010001,Proprietary\n")
    files = ["--nppes", str(tmp_path / FILE_NAME), "--procedure-map", str(tmp_path / "gem_i9pcs.txt"),
             "--hospital-owners", str(tmp_path / "hospitals.csv")]  # fmt: skip
    done = CliRunner().invoke(app, ["load", *files])
    try:
        assert done.exit_code == 0, done.output
        assert "76 provider identifiers" in done.output
        assert "1 entries of the procedure mapping" in done.output
        assert "owners of 1 hospitals" in done.output
    finally:
        for name in ("npi_registry", "procedure_equivalent", "hospital_owner"):
            loaded_path(name).unlink()


def test_no_file_and_a_wrong_file_are_mistakes_of_the_user(tmp_path: Path) -> None:
    nothing = CliRunner().invoke(app, ["load"])
    assert isinstance(nothing.exception, NothingToLoadError)
    with pytest.raises(ReferenceFileError):
        CliRunner().invoke(app, ["load", "--taxonomy", str(tmp_path / "none.csv")], catch_exceptions=False)
