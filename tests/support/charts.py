"""Made-up labelled charts: conditions in plain words and in one house's own shorthand, with the codes they get."""

from __future__ import annotations

from datetime import date
from typing import Any

import numpy as np

from medcode_ml.coding.encounter import Document
from medcode_ml.coding.proposals.charts import LabelledChart

DAY = date(2026, 10, 15)
#: Shorthand that no dictionary knows, so that only labels teach it, and the plain term of each code.
CONDITIONS = {
    "J18.9": ("blorvex chest", "pneumonia"),
    "E11.9": ("glimsweet", "type 2 diabetes mellitus"),
    "I10": ("tensotrop", "hypertension"),
    "N39.0": ("burnwater", "urinary tract infection"),
    "J45.909": ("wheezolin", "asthma"),
    "K21.9": ("acidrise", "gastroesophageal reflux disease"),
    "M10.9": ("toecrysta", "gout"),
    "D64.9": ("palehemo", "anemia"),
    "G43.909": ("halfhead storm", "migraine"),
    "E03.9": ("slowthyr", "hypothyroidism"),
    "I48.91": ("quiverbeat", "atrial fibrillation"),
    "E78.5": ("fatblood", "hyperlipidemia"),
    "L40.9": ("silverscale", "psoriasis"),
    "G47.33": ("nightstop", "obstructive sleep apnea"),
    "H40.9": ("eyepressor", "glaucoma"),
    "A46": ("redflame skin", "erysipelas"),
    "B02.9": ("beltpox", "herpes zoster"),
    "G40.909": ("shakewell", "epilepsy"),
    "L50.9": ("nettlewheal", "urticaria"),
    "M81.0": ("thinbone", "osteoporosis"),
}
_FILLER = (
    "She slept well and walked the ward without help.",
    "Family at the bedside, questions answered.",
    "Seen with the team this morning.",
    "Eating and drinking as before.",
    "Plan discussed in detail.",
)


def made_up(count: int, seed: int = 0, first: int = 0) -> list[dict[str, Any]]:
    """Records as `medcode train coding` reads them; two notes a patient, evidence marked in every third note.

    A condition is named in plain words or in shorthand; another one is denied and so gets no code.
    """
    generator = np.random.default_rng(seed)
    records = []
    for number in range(first, first + count):
        own = generator.choice(len(CONDITIONS), 4, replace=False).tolist()  # three are stated, one denied
        codes = [list(CONDITIONS)[i] for i in own]
        denied = CONDITIONS[codes.pop()][1]
        text = f"HPI: {generator.choice(_FILLER)}"
        labels: list[Any] = []
        for code in codes:
            term = CONDITIONS[code][int(generator.random() < 0.4)]
            text += f" Known {term}. {generator.choice(_FILLER)}"
            start = text.rindex(term)
            marked = {"code": code, "evidence": [{"start": start, "end": start + len(term)}]}
            labels.append(marked if number % 3 == 0 else code)
        text += f"\nROS: Denies {denied}.\n"
        records.append(
            {"record_id": f"n{number}", "patient_id": f"p{number // 2}", "text": text, "codes": labels,
             "setting": "inpatient", "discharge_date": DAY.isoformat()}
        )  # fmt: skip
    return records


def labelled(records: list[dict[str, Any]], day: date = DAY) -> list[LabelledChart]:
    """Records as charts of one document each, without sections."""
    return [
        LabelledChart(
            r["record_id"],
            r["patient_id"],
            (Document(r["record_id"], r["text"], None, ()),),
            r["setting"],
            day,
            tuple(c if isinstance(c, str) else c["code"] for c in r["codes"]),
            {
                c["code"]: tuple((e["start"], e["end"]) for e in c["evidence"])
                for c in r["codes"]
                if not isinstance(c, str)
            },
        )
        for r in records
    ]
