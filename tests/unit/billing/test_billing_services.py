"""NCCI pairs, unlikely units and coverage: the samples, the files of CMS, and what a claim hears of them."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from medcode_ml.billing.edits.service_files import load_coverage, load_pairs, load_unit_limits
from medcode_ml.billing.edits.service_tables import encoded, encoded_pair, service_tables
from medcode_ml.codes.loaded import ReferenceFileError
from medcode_ml.settings import settings

_PAIRS = (
    "CPT only copyright 2025 American Medical Association.  All rights reserved.\r\n"
    "Column1/Column2 Edits\r\n"
    "Column 1\tColumn 2\t*=in existence\tEffective\tDeletion\tModifier\tPTP Edit Rationale\r\n"
    "\t\tprior to 1996\tDate\tDate\t0=not allowed\t\r\n"
    "\t\t\t\t*=no data\t1=allowed\t\r\n"
    "\t\t\t\t\t9=not applicable\t\r\n"
    "G0380\tJ1885\t\t20260101\t*\t1\tMisuse of column two code\r\n"
    "G0380\tJ1885\t\t20200101\t20231231\t0\tMisuse of column two code\r\n"
    "G0381\tJ1885\t*\t19960101\t*\t0\tStandards of medical practice\r\n"
    "G0382\tJ1885\t\t20200101\t20200101\t1\tDeleted on its first day\r\n"
    "G0383\tJ1885\t\t20200101\t*\t9\tNot applicable\r\n"
)
_UNITS = (
    '"CPT only copyright 2025 American Medical Association, all rights reserved."\r\n'
    '"HCPCS/\nCPT Code","Outpatient Hospital Services MUE Values","MUE Adjudication Indicator","MUE Rationale"\r\n'
    '"J1885","8","3 Date of Service Edit: Clinical","Clinical: Data"\r\n'
    '"G0380","1","1 Line Edit","Nature of Service/Procedure"\r\n'
)


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A home of its own, so that what is loaded here is nobody else's."""
    monkeypatch.setenv("MEDCODE_HOME", str(tmp_path / "home"))
    settings.cache_clear()
    yield tmp_path
    monkeypatch.undo()
    settings.cache_clear()


def _file(folder: Path, name: str, text: str) -> Path:
    (folder / name).write_text(text, encoding="latin-1", newline="")
    return folder / name


def _lines(*lines):
    """(hcpcs, units, modifiers) as lines of one day."""
    return [
        {"revenue_code": "0450", "hcpcs": code, "modifiers": list(modifiers), "units": units, "charge": "50.00",
         "date": "2026-11-15"}
        for code, units, *modifiers in lines
    ]  # fmt: skip


def _edits(answer):
    numbers = range(700, 800)
    return {(e["edit"], e["code"]) for e in answer["edits"] if e["number"] in numbers}


def test_a_pair_of_codes_fits_in_one_number_and_back():
    assert encoded("ZZZZZ") == 36**5 - 1
    assert encoded_pair(encoded("ZZZZZ"), encoded("ZZZZZ")) < 2**63
    assert encoded_pair(encoded("00001"), encoded("00000")) > encoded_pair(encoded("00000"), encoded("ZZZZZ"))
    with pytest.raises(ValueError, match="five"):
        encoded("G038")


def test_the_samples_are_cited_and_in_use_until_files_are_loaded(home, outpatient, bill_all):
    tables = service_tables("practitioner")
    assert "procedure-to-procedure" in tables.note
    assert all(source.startswith("NCCI Policy Manual") for source in tables.pairs.sources)
    result = bill_all(outpatient(claim_type="837P", lines=_lines(("99213", 1), ("G0102", 1)), codes=["Z12.5"]))
    assert _edits(result.answers[0]) == {("ncci_pair", "G0102")}
    assert result.answers[0]["claim"] == "held"
    assert any("samples" in note for note in result.billed.notes)


def test_an_inpatient_claim_knows_none_of_them(home, record, bill_all):
    made = record()
    made["lines"][1]["hcpcs"], made["lines"][1]["units"] = "44950", 3
    result = bill_all(made)
    assert _edits(result.answers[0]) == set()
    assert not any("samples" in note for note in result.billed.notes)


def test_pairs_by_date_and_modifier_from_cms_file(home, outpatient, bill):
    assert load_pairs([_file(home, "ccioph-v323r0-f1.txt", _PAIRS)], "hospital") == 3
    assert _edits(bill(outpatient(lines=_lines(("G0380", 1), ("J1885", 1))))) == {
        ("ncci_pair_without_modifier", "J1885")
    }
    for modifier in ("59", "XU", "25", "LT"):
        assert _edits(bill(outpatient(lines=_lines(("G0380", 1), ("J1885", 1, modifier))))) == set()
    assert _edits(bill(outpatient(lines=_lines(("G0381", 1), ("J1885", 1, "59"))))) == {("ncci_pair", "J1885")}
    for code in ("G0382", "G0383"):
        assert _edits(bill(outpatient(lines=_lines((code, 1), ("J1885", 1))))) == set()


def test_pairs_of_another_day_or_of_one_code_are_none(home, outpatient, bill):
    load_pairs([_file(home, "ccioph.txt", _PAIRS)], "hospital")
    apart = _lines(("G0381", 1), ("J1885", 1))
    apart[1]["date"] = "2026-11-14"
    made = outpatient(lines=apart, admission_date="2026-11-14")
    assert _edits(bill(made)) == set()
    assert _edits(bill(outpatient(lines=_lines(("J1885", 1), ("J1885", 1))))) == set()


def test_the_window_of_the_day_of_service_counts(home):
    load_pairs([_file(home, "ccioph.txt", _PAIRS)], "hospital")
    tables = service_tables("hospital")
    found = {day: [p.modifier_allowed for p in tables.pairs_among(["G0380", "J1885"], day)]
             for day in (20191231, 20200101, 20231231, 20240101, 20260101)}  # fmt: skip
    assert found == {20191231: [], 20200101: [False], 20231231: [False], 20240101: [], 20260101: [True]}
    assert list(tables.pairs_among(["G038", "J18855", "É0380"], 20260101)) == []


def test_units_by_line_and_by_day(home, outpatient, bill):
    archive = home / "mue.zip"
    with zipfile.ZipFile(archive, "w") as made:
        made.writestr("MCR_MUE_OutpatientHospitalServices_Eff_10-01-2026.csv", _UNITS)
    assert load_unit_limits(archive) == ("hospital", 2)
    assert _edits(bill(outpatient(lines=_lines(("J1885", 8))))) == set()
    by_day = bill(outpatient(lines=_lines(("J1885", 5), ("J1885", 4), ("J1885", 1))))
    (told,) = [e for e in by_day["edits"] if e["edit"] == "units_unlikely"]
    assert "Line 2: 9 units of J1885 are more than the 8" in told["sentence"]
    assert _edits(bill(outpatient(lines=_lines(("G0380", 1), ("G0380", 1, "76"))))) == set()
    assert _edits(bill(outpatient(lines=_lines(("G0380", 2))))) == {("units_unlikely", "G0380")}


_ARTICLES = {
    "article_x_hcpc_code.csv": "article_id,article_version,hcpc_code_id\n50001,3,J1885\n50001,4,J1885\n50002,1,G0380\n",
    "article_x_icd10_covered.csv": (
        "article_id,article_version,icd10_code_id,icd10_covered_group\n"
        "50001,3,J18.9,1\n50001,4,M54.50,1\n50002,1,XX000,1\n"
    ),
    "article_x_contractor.csv": "article_id,article_version,contractor_id\n50001,4,236\n",
}


def test_coverage_by_the_newest_version_of_an_article(home, outpatient, bill):
    folder = home / "mcd"
    folder.mkdir()
    for name, text in _ARTICLES.items():
        _file(folder, name, text)
    assert load_coverage(folder) == 1
    assert load_coverage(folder, ["236"]) == 1
    made = outpatient(lines=_lines(("J1885", 1)))
    answer = bill(made)
    assert _edits(answer) == {("diagnosis_does_not_cover", "J1885")}
    assert any("article A50001" in e["sentence"] for e in answer["edits"])
    assert answer["claim"] == "ready"
    assert _edits(bill(outpatient(lines=_lines(("J1885", 1)), codes=["J18.9", "M54.50"]))) == set()
    assert _edits(bill(outpatient(lines=_lines(("J1885", 1, "GA"))))) == set()
    commercial = {"payer_id": "X", "name": "X", "kind": "commercial", "contract": "per_diem"}
    assert _edits(bill(outpatient(lines=_lines(("J1885", 1)), payer=commercial))) == set()
    with pytest.raises(ReferenceFileError, match="no article"):
        load_coverage(folder, ["999"])


@pytest.mark.parametrize(
    ("load", "text", "words"),
    [
        (lambda p: load_pairs([p], "hospital"), "nothing\there\n", "not a\\s+procedure-to-procedure file"),
        (lambda p: load_pairs([p], "hospital"), _PAIRS + "G0380\tJ18\t\t2026\t*\t1\t\r\n", "record 12"),
        (lambda p: load_pairs([p], "dentist"), _PAIRS, "dentist"),
        (lambda p: load_pairs([], "hospital"), "", "name the parts"),
        (load_unit_limits, "a,b,c\nd,e,f\n", "no heading"),
        (load_unit_limits, _UNITS + '"J18","8","3",""\r\n', "no code"),
        (load_coverage, "", "cannot be read"),
    ],
)
def test_a_file_of_another_kind_is_refused_and_the_table_stays(home, load, text, words):
    path = _file(home, "given.txt", text)
    with pytest.raises(ReferenceFileError, match=words):
        load(path)
    assert "procedure-to-procedure" in service_tables("hospital").note


def test_what_is_loaded_replaces_what_was(home):
    load_pairs([_file(home, "a.txt", _PAIRS)], "hospital")
    assert len(service_tables("hospital").pairs.pairs) == 3
    fewer = "\r\n".join(line for line in _PAIRS.split("\r\n") if not line.startswith("G0381")) + "\r\n"
    load_pairs([_file(home, "b.txt", fewer)], "hospital")
    tables = service_tables("hospital")
    assert len(tables.pairs.pairs) == 2
    assert tables.pairs.sources == ("NCCI b",)
