"""Forms of revenue codes, HCPCS codes and modifiers, taxonomy codes, ZIPs and tax numbers (rule 37)."""

from __future__ import annotations

import pytest

from medcode_ml.codes import identifiers


@pytest.mark.parametrize(
    ("form", "good", "bad"),
    [
        (identifiers.revenue_code_is_assigned, ["0001", "0022", "0120", "0999", "1001", "2101", "3104"],
         ["0000", "0002", "0009", "1101", "9999", "120", "O120"]),
        (identifiers.procedure_code_is_valid, ["G0463", "99213", "0001U", "V5336"],
         ["W1234", "9921", "g0463", "99213 "]),
        (identifiers.modifier_is_valid, ["25", "LT", "1P"], ["", "5", "LEFT", "lt", "٢٥"]),
        (identifiers.taxonomy_is_valid, ["207R00000X", "282N00000X", "2080P0216X"],
         ["207R00000Y", "07R00000X", "2O7R00000X", "207R000000X"]),
        (identifiers.zip_is_valid, ["01970", "019700123"], ["00000", "1970", "01970-0123", "0197001"]),
        (identifiers.ein_is_valid, ["123456789", "010203040"], ["001234567", "891234567", "12345678", "12-3456789"]),
    ],
)  # fmt: skip
def test_form(form: object, good: list[str], bad: list[str]) -> None:
    assert callable(form)
    assert [value for value in good if not form(value)] == []
    assert [value for value in bad if form(value)] == []
