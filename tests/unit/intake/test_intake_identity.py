"""Rule 39, identity: whom a page names, wherever its form prints it, against whom it is filed under."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from medcode_ml.intake.identity import Filed, Verdict, misfiled, verdicts
from medcode_ml.intake.nicknames import same_first_name

MIRIAM = Filed("Miriam Harlow", "00482913", date(1951, 3, 14))


def judged(text: str, filed: Filed = MIRIAM, confidence: float | None = None) -> list[str]:
    words = [] if confidence is None else [{"text": text, "start": 0, "end": len(text), "confidence": confidence}]
    return misfiled(verdicts(text, filed, words))


@pytest.mark.parametrize(
    "printed",
    [
        "Patient Name  Medical Record No.  Date of Birth  Admitted\nOkafor, Tobias  00-771-204  9/2/84  11/02/2026",
        "[Patient [MRN [Dos [Admitted\n[Tobias Okafor [00771204 [September 2, 1984 [11/02/2026",  # rules of a table
        "MRN Account\n00-771-204 7710-88213",
        "RE: Mr. Tobias Okafor, DOB 1984-09-02, Med Rec No. 771204",
        "Last Name: Okafor    First Name: Tobias",
        "OKAFOR, TOBIAS\nMRN 00771204\nDOB 09/02/1984 M",
        "Patient Okafor, Tobias     MR# 00771204     D.O.B. 09/02/1984",
        "Patient Name (Last, First): Okafor, Tobias",
        "Pt: Tobias Okafor",
        "Patient ID: 00771204",
        "Birth Date: 2 Sep 1984",
        "\n".join(["Chest radiograph without infiltrate."] * 50 + ["Name: Okafor, Tobias  MRN: 00771204"]),  # footer
    ],
)
def test_rule_39_another_patients_page_is_found_in_every_layout(printed):
    assert judged(printed)
    own = printed.translate(str.maketrans({}))
    for other, filed in (
        ("Okafor", "Harlow"), ("OKAFOR", "HARLOW"), ("Tobias", "Miriam"), ("TOBIAS", "MIRIAM"), ("771204", "482913"),
        ("771-204", "482-913"), ("9/2/84", "3/14/51"), ("September 2, 1984", "March 14, 1951"),
        ("1984-09-02", "1951-03-14"), ("09/02/1984", "03/14/1951"), ("2 Sep 1984", "14 Mar 1951"),
    ):  # fmt: skip
        own = own.replace(other, filed)
    assert own != printed
    assert Verdict.AGREES in verdicts(own, MIRIAM).values()
    assert judged(own) == []


@pytest.mark.parametrize(
    "printed",
    [
        "MRN: 00482913\nAttending: Tobias Okafor, MD   Ordering Physician Name: Okafor, Tobias",
        "Mother's name: Ada Okafor   Mother's MRN: 00771204   Mother's DOB: 09/02/1924",
        "Insured: Okafor, Tobias   Insured's date of birth: 09/02/1984",
        "Emergency contact: Okafor, Tobias",
        "Hospital No.: 99120 (other facility)   Patient: Harlow, Miriam",
        "Patient denies chest pain. Patient Was Seen by Dr. Okafor.",
        "Springfield, Illinois 62701",
        "Date of service: 11/02/2026",
    ],
)
def test_relatives_clinicians_and_places_are_not_the_patient(printed):
    assert judged(printed) == []


@pytest.mark.parametrize(
    ("who", "printed", "astray"),
    [
        ("a twin", "Patient: Harlow, Beatrix  MRN: 00482914  DOB: 03/14/1951", True),
        ("a twin without her number", "Patient: Harlow, Beatrix  DOB: 03/14/1951", True),
        ("a namesake", "Patient: Harlow, Miriam  MRN: 00771204  DOB: 09/02/1984", True),
        ("father and son", "Patient: Harlow, Miriam  DOB: 09/28/1984", True),
        ("a spouse", "Patient: Harlow, Cornelius", True),
        ("married since", "Patient: Wintersmith, Miriam  MRN: 00482913", False),
        ("another hospital's number", "Patient: Harlow, Miriam  MRN: 00771204  DOB: 03/14/1951", False),
        ("a wrong birth date", "Patient: Harlow, Miriam  MRN: 00482913  DOB: 09/02/1984", False),
        ("number of this patient on another's page", "Patient: Okafor, Tobias  MRN: 00482913  DOB: 09/02/1984", True),
        ("an initial", "Patient: M. Harlow", False),
    ],
)
def test_rule_39_people_much_like_the_patient(who, printed, astray):
    assert bool(judged(printed)) is astray, who


def test_short_first_names_and_newborns_are_no_other_person():
    assert judged("Patient: Bill Harlow", Filed("William Harlow")) == []
    assert judged("Patient: Harlow, Baby Boy", Filed("Liam Harlow")) == []
    assert same_first_name("peggy", "margaret")
    assert not same_first_name("peggy", "susan")


def test_what_was_hardly_read_accuses_nobody():
    text = "MRN: 00771204"
    assert judged(text, confidence=95.0) == ["MRN"]
    assert judged(text, confidence=45.0) == []


def test_a_filed_person_known_in_part_is_compared_in_part():
    assert judged("Patient: Okafor, Tobias  MRN: 00771204", Filed()) == []
    assert judged("Patient: Okafor, Tobias  MRN: 00771204", Filed(mrn="00482913")) == ["MRN"]


@given(st.text(max_size=400), st.text(max_size=30), st.text(max_size=12), st.dates())
def test_no_text_makes_it_fail_and_nothing_printed_leaves_it(text, name, mrn, born):
    assert set(misfiled(verdicts(text, Filed(name or None, mrn or None, born)))) <= {"name", "MRN", "birth date"}
