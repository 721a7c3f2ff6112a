"""Units: what laboratories write read as UCUM, conversions worked by hand, and what is never converted."""

from __future__ import annotations

import pytest

from medcode_ml.codes.observed import OBSERVED, Observed, alias_key, observed
from medcode_ml.mapping.units import UnitError, conversion, ucum


def known(name: str) -> Observed:
    found = observed(name)
    assert found is not None, name
    return found


@pytest.mark.parametrize(
    ("written", "unit"),
    [
        ("mg/dl", "mg/dL"), ("K/uL", "10*3/uL"), ("x10E3/uL", "10*3/uL"), ("10^9/L", "10*9/L"), ("mmHg", "mm[Hg]"),
        ("LBS", "[lb_av]"), ("deg F", "[degF]"), ("IU/L", "U/L"), ("µmol/L", "umol/L"), ("mIU/mL", "m[IU]/mL"),
        ("bpm", "/min"), ("mol/kg2", "mol/kg2"), ("", None), (None, None), ("blurbs", None),
    ],
)  # fmt: skip
def test_units_as_written_are_read(written: str | None, unit: str | None) -> None:
    assert ucum(written) == unit


@pytest.mark.parametrize(
    ("name", "value", "unit", "expected"),
    [
        ("temperature", 98.6, "[degF]", 37.0), ("temperature", 0, "[degF]", -17.7778),
        ("weight", 150, "[lb_av]", 68.0389),
        ("height", 70, "[in_i]", 177.8), ("glucose", 5.55, "mmol/L", 99.987), ("creatinine", 88.4, "umol/L", 1.0),
        ("BUN", 5, "mmol/L", 14.007), ("total bilirubin", 17.1, "umol/L", 1.0), ("calcium", 2.5, "mmol/L", 10.02),
        ("calcium", 5.0, "meq/L", 10.02), ("sodium", 140, "meq/L", 140), ("magnesium", 2.0, "meq/L", 2.4305),
        ("LDL", 2.59, "mmol/L", 100.14), ("A1c", 53, "mmol/mol", 7.0), ("hemoglobin", 140, "g/L", 14.0),
        ("WBC", 7500, "/uL", 7.5), ("platelets", 250, "10*9/L", 250), ("troponin", 40, "ng/L", 0.04),
        ("ALT", 1, "ukat/L", 60), ("CRP", 1, "mg/dL", 10), ("PaO2", 13.3, "kPa", 99.76), ("SpO2", 0.97, "1", 97),
        ("TSH", 2.0, "u[IU]/mL", 2.0), ("lactate", 18.0, "mg/dL", 1.998),
    ],
)  # fmt: skip
def test_conversions_agree_with_values_worked_by_hand(name: str, value: float, unit: str, expected: float) -> None:
    factor, offset = conversion(known(name), unit)
    assert value * factor + offset == pytest.approx(expected, rel=2e-3)


@pytest.mark.parametrize(
    ("name", "unit"),
    [("sodium", "kg"), ("albumin", "umol/L"), ("INR", "%"), ("Na", "Cel"), ("Temp", "kPa"), ("WBC", "{cells}")],
)
def test_units_that_nothing_bridges_are_refused(name: str, unit: str) -> None:
    with pytest.raises(UnitError):
        conversion(known(name), unit)


@pytest.mark.parametrize(
    ("name", "standard"),
    [
        ("Na", "sodium"), ("SODIUM, SERUM", "sodium"), ("Sodium [Plasma]", "sodium"), ("WBC", "white cell count"),
        ("Hgb A1c", "hemoglobin A1c"), ("HEMOGLOBIN", "hemoglobin"), ("Pulse Ox", "oxygen saturation"),
        ("B.U.N.", None), ("Glucose, urine", None), ("Creatinine, 24h urine", None), ("", None),
    ],
)  # fmt: skip
def test_names_are_known_by_their_usual_short_forms_and_never_across_samples(name: str, standard: str | None) -> None:
    found = observed(name)
    assert (found.name if found else None) == standard


def test_a_loinc_code_goes_before_the_name() -> None:
    assert observed("whatever", "2160-0", "LOINC") is known("creatinine")
    assert observed("Na", "2160-0", "LAB7") is known("sodium")


def test_no_short_form_means_two_things_and_every_standard_unit_is_ucum() -> None:
    names = [(alias_key(n), o.name) for o in OBSERVED for n in {o.name, *o.aliases}]
    meanings: dict[str, set[str]] = {}
    for key, name in names:
        meanings.setdefault(key, set()).add(name)
    assert {k: v for k, v in meanings.items() if len(v) > 1} == {}
    assert len({o.code for o in OBSERVED}) == len(OBSERVED)
    from ucumvert import PintUcumRegistry

    registry = PintUcumRegistry()
    for one in OBSERVED:
        if one.unit not in ("{INR}", "[pH]"):  # UCUM, but pint has no unit for them
            registry.from_ucum(one.unit)


def loinc_check_digit(code: str) -> int:
    """Mod 10 of LOINC: digits doubled from the right, every other."""
    digits = code.split("-")[0][::-1]
    doubled = sum(int(c) for c in str(int(digits[::2][::-1]) * 2))
    return -(doubled + sum(int(c) for c in digits[1::2])) % 10


def test_loinc_codes_have_their_check_digit() -> None:
    assert [o.code for o in OBSERVED if loinc_check_digit(o.code) != int(o.code.split("-")[1])] == []
