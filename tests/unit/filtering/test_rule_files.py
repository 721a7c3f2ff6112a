"""A hospital's own file of rules: added without code, merged over those that ship, every fault told by its line."""

from __future__ import annotations

from pathlib import Path

import pytest

from medcode_ml.filtering.checks import CHECKS
from medcode_ml.filtering.examples import frame_of, verify
from medcode_ml.filtering.rule import Rule, RuleFileError, read_rules, rules
from medcode_ml.settings import settings

OWN = """\
charge:
- name: implants_are_itemised
  check: cross_field
  ask: revenue_code != '0278' or units <= 20
  severity: warning
  owner: charge capture
  reason: more than twenty implants on one line; itemise them
  pass: [{revenue_code: "0278", units: 2}]
  fail: [{revenue_code: "0278", units: 21}]
"""


def _read(folder: Path, text: str) -> dict[str, Rule]:
    path = folder / "own.yaml"
    path.write_text(text, encoding="utf-8")
    return {r.name: r for r in read_rules(path)}


def test_a_new_rule_needs_no_code(tmp_path: Path) -> None:
    found = _read(tmp_path, OWN)
    rule = found["implants_are_itemised"]
    assert set(found) == {r.name for r in read_rules()} | {rule.name}
    assert (rule.record, rule.columns, rule.where) == ("charge", ("revenue_code", "units"), "own.yaml: line 2")
    assert verify([rule]) == 2


def test_a_name_that_exists_changes_only_the_keys_given(tmp_path: Path) -> None:
    text = """\
encounter:
- {name: stay_at_most_a_year, severity: error}
- {name: hours_in_order, enabled: false}
- name: discharge_status_known
  values: ["01", "20", "99"]
  fail: ["98"]
"""
    found = _read(tmp_path, text)
    shipped = {r.name: r for r in read_rules()}
    assert found["stay_at_most_a_year"].severity == "error"
    assert found["stay_at_most_a_year"].reason == shipped["stay_at_most_a_year"].reason
    assert (found["hours_in_order"].enabled, shipped["hours_in_order"].enabled) == (False, True)
    assert found["discharge_status_known"].options["values"] == ["01", "20", "99"]
    verify(found.values())


def test_a_changed_rule_whose_examples_no_longer_behave_is_refused(tmp_path: Path) -> None:
    found = _read(tmp_path, 'encounter:\n- {name: discharge_status_known, values: ["99"]}\n')
    with pytest.raises(RuleFileError, match=r"own.yaml: line 2: rule discharge_status_known: pass: example 1 fails"):
        verify(found.values())


def test_values_may_stand_in_a_file_beside_the_rules(tmp_path: Path) -> None:
    (tmp_path / "codes.csv").write_text("code,title\n0120,Room\n0250,Pharmacy\n", encoding="utf-8")
    text = OWN.replace(
        "ask: revenue_code != '0278' or units <= 20", "column: revenue_code\n  file: codes.csv\n  file_column: code"
    )
    text = text.replace("cross_field", "look_up").split("  pass")[0] + '  pass: ["0120"]\n  fail: ["0999"]\n'
    rule = _read(tmp_path, text)["implants_are_itemised"]
    assert verify([rule]) == 2
    with pytest.raises(RuleFileError, match=r"line 5: .*codes\.csv has no column number"):
        _read(tmp_path, text.replace("file_column: code", "file_column: number"))
    with pytest.raises(RuleFileError, match="cannot be read"):
        _read(tmp_path, text.replace("codes.csv", "nowhere.csv"))


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("check: cross_field", "check: nonsense", "line 3: rule implants_are_itemised: check: 'nonsense' is none of"),
        ("severity: warning", "severity: eror", "line 5: rule implants_are_itemised: severity: 'eror' is none of"),
        ("  owner: charge capture\n", "", "line 2: rule implants_are_itemised: the key owner is missing; add it"),
        ("owner:", "ownr:", "line 6: .*ownr: no such key; did you mean owner"),
        ("charge:\n", "chrge:\n", "line 1: chrge: did you mean charge"),
        ("units <= 20", "unit <= 20", "line 4: .*ask: no column 'unit' here: choose units"),
        ('  pass: [{revenue_code: "0278", units: 2}]\n', "", "pass: add an example that should pass"),
        ('  fail: [{revenue_code: "0278", units: 21}]', "", "fail: add an example that should fail"),
        ('revenue_code: "0278", units: 2}', "revenue_code: 0270, units: 2}", "line 8: .*put it in quotes"),
        ("units: 2}", 'units: "2"}', "line 8: .*write it without quotes"),
        ("units: 2}", "unit: 2}", "line 8: .*no column 'unit'"),
        (
            "severity: warning",
            "severity: warning\n  column: units\n  share: 0.5",
            "line 7: .*share: a cross_field rule has no such key",
        ),
        ("  ask: revenue_code != '0278' or units <= 20\n", "", "a cross_field rule needs the key ask; add it"),
        (
            "severity: warning",
            "severity: warning\n  trade_rule: 99",
            "line 6: .*trade_rule: input should be less than or equal to 45",
        ),
        ("severity: warning", "severity: warning\n  severity: error", "line 6: severity stands twice"),
        ("- name: implants_are_itemised", "- name: Implants", "name: string should match"),
        (
            "- name: implants_are_itemised",
            "- name: mbi_valid",
            "rule of that name looks at encounter; choose another name",
        ),
        ("charge:", "charge: {", "not YAML"),
        ("reason: more", "when: {unit: x}\n  reason: more", "no column 'unit'"),
    ],
)
def test_a_fault_is_told_with_line_rule_and_key(tmp_path: Path, old: str, new: str, says: str) -> None:
    assert old in OWN
    with pytest.raises(RuleFileError, match=says):
        _read(tmp_path, OWN.replace(old, new))


def test_every_fault_is_told_at_once(tmp_path: Path) -> None:
    second = OWN.split("charge:\n")[1].replace("implants_are_itemised", "another_rule").replace("warning", "eror")
    with pytest.raises(RuleFileError) as told:
        _read(tmp_path, OWN.replace("units <= 20", "unit <= 20") + second)
    assert [line.split(":")[1] for line in str(told.value).splitlines()] == [" line 4", " line 13"]


def test_a_name_used_twice_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RuleFileError, match=r"line 10: .*line 2 has a rule of that name"):
        _read(tmp_path, OWN + OWN.split("charge:\n")[1])


def test_nothing_confirms_a_social_security_number(tmp_path: Path) -> None:
    with pytest.raises(RuleFileError, match="nothing confirms a reading of ssn"):
        _read(tmp_path, "patient:\n- {name: ssn_possible, repair: true}\n")


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(RuleFileError, match="cannot be read"):
        read_rules(tmp_path / "nowhere.yaml")


def test_an_empty_file_changes_nothing(tmp_path: Path) -> None:
    assert set(_read(tmp_path, "# nothing yet\n")) == {r.name for r in read_rules()}


def test_scope_sets_aside_without_calling_it_an_error(tmp_path: Path) -> None:
    text = """\
scope:
  hospitals: [H1, H2]
  document_types: [discharge_summary]
  discharged_from: 2026-10-01
  discharged_to: 2026-12-31
"""
    scope = [r for r in _read(tmp_path, text).values() if r.severity == "scope"]
    assert {r.name for r in scope} == {
        "hospital_in_scope", "document_type_in_scope", "discharge_not_before_scope", "discharge_not_after_scope",
    }  # fmt: skip
    assert all(r.sets_aside for r in scope)
    assert verify(scope) == 2 + 1 + 1 + 1 + 4
    hospital = next(r for r in scope if r.name == "hospital_in_scope")
    frame = frame_of(hospital, [{"hospital_id": h} for h in ("H1", "H3")])
    assert CHECKS["look_up"](frame, hospital).tolist() == [True, False]


def test_a_wrong_key_of_the_scope_is_told(tmp_path: Path) -> None:
    with pytest.raises(RuleFileError, match=r"own\.yaml: scope: hospital: .*the keys are hospitals"):
        _read(tmp_path, "scope: {hospital: [H1]}\n")


def test_the_setting_names_the_file_and_switched_off_rules_are_not_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "own.yaml"
    path.write_text(OWN + "encounter:\n- {name: hours_in_order, enabled: false}\n", encoding="utf-8")
    monkeypatch.setenv("MEDCODE_RULES_FILE", str(path))
    settings.cache_clear()
    try:
        names = {r.name for r in rules()}
    finally:
        monkeypatch.undo()
        settings.cache_clear()
    assert "implants_are_itemised" in names
    assert "hours_in_order" not in names
    assert "hours_in_order" in {r.name for r in rules()}
