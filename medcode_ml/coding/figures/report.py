"""The report of `medcode evaluate coding`: what was measured against what, and every figure, as JSON and as a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from medcode_ml.coding.figures.codes import code_figures
from medcode_ml.coding.figures.evidence import evidence_figures
from medcode_ml.coding.figures.predictions import accepted_evidence, listed_codes
from medcode_ml.coding.labelled.note import LabelledData
from medcode_ml.models.bootstrap import RESAMPLES, SEED

_NAMES: Final = {
    "precision": "precision",
    "recall": "recall",
    "micro_f1": "micro-F1",
    "macro_f1": "macro-F1 over gold codes",
    "macro_f1_by_note": "macro-F1 by note",
    "map": "mean average precision",
    "exact_match": "exact match of a note",
    "candidate_recall": "candidate recall",
    "word_f1": "evidence: F1 of words",
    "any_overlap": "evidence: codes with any overlap",
    "exact_match_evidence": "evidence: exactly the same words",
}


def coding_report(
    gold: LabelledData,
    answers: Sequence[Mapping[str, Any]],
    trained_on: LabelledData | None = None,
    *,
    resamples: int = RESAMPLES,
    seed: int = SEED,
) -> dict[str, Any]:
    """Measure the answers of `medcode code` against labelled notes.

    Args:
        gold: the notes that are asked for; one without an answer counts as nothing predicted.
        answers: objects of `medcode code`; those of records that `gold` does not have are counted and left out.
        trained_on: notes that the model learned from, for the figures on unseen codes and by frequency.
        resamples: bootstrap draws by note.
        seed: of the draws.

    Returns:
        A dict for JSON: `gold`, `predictions` (what was read), `trained_on`, the keys of `code_figures`, and `evidence`
        where coders marked any.
    """
    asked = {n.record_id for n in gold.notes}
    own = [a for a in answers if a["record_id"] in asked]
    report: dict[str, Any] = {
        "task": "coding",
        "gold": {
            "source": gold.source,
            "notes": len(gold.notes),
            "rejected": len(gold.rejected),
            "codes_rejected": gold.codes_rejected,
            "code_set_day": gold.day.isoformat(),
            "code_set_told_by": gold.day_told_by,
            "labels_in_code_set": gold.day_share,
        },
        "predictions": {
            "records": len(answers),
            "missing_records": len(asked) - len(own),
            "extra_records": len(answers) - len(own),
            "model_versions": sorted({str(a["model_version"]) for a in own if a.get("model_version") is not None}),
        },
    }
    seen = None
    if trained_on is not None:
        seen = trained_on.code_counts()
        known = {n.record_id for n in trained_on.notes}
        report["trained_on"] = {
            "source": trained_on.source,
            "notes": len(trained_on.notes),
            "codes": len(seen),
            "gold_records_among_them": len(asked & known),
        }
    report |= code_figures(gold.notes, listed_codes(own), seen_codes=seen, resamples=resamples, seed=seed)
    if any(n.evidence for n in gold.notes):
        report["evidence"] = evidence_figures(gold.notes, accepted_evidence(own), resamples=resamples, seed=seed)
    return report


def table(report: Mapping[str, Any]) -> str:
    """The report as lines for people."""
    rows = [
        f"{report['notes']} notes, {report['true_codes']} true codes, {report['accepted_codes']} accepted, "
        f"{report['listed_codes_per_note']} listed a note",
        f"{'':38}{'full code':>26}{'category':>26}",
    ]
    for key in report["full"]:
        if not key.endswith("_95"):
            rows.append(f"{_NAMES[key]:38}{_told(report['full'], key):>26}{_told(report['category'], key):>26}")
    if "unseen" in report:
        rows.append(f"{'codes by training notes':38}{'micro-F1':>26}{'recall':>26}{'candidate recall':>26}{'true':>7}")
        for name, band in report["by_frequency"].items():
            told = "".join(f"{_told(band, key):>26}" for key in ("micro_f1", "recall", "candidate_recall"))
            rows.append(f"  {name:36}{told}{band['true_codes']:>7}")
    for name, band in report.get("by_band", {}).items():
        label = f"band {name}: precision of {band['codes']} codes"
        rows.append(f"{label:38}{_told(band, 'precision'):>26}")
    if "evidence" in report:
        evidence = report["evidence"]
        for key in ("word_f1", "any_overlap", "exact_match"):
            label = _NAMES["exact_match_evidence" if key == "exact_match" else key]
            rows.append(f"{label:38}{_told(evidence, key):>26}")
        rows.append(
            f"  of {evidence['compared_codes']} codes predicted with evidence, {evidence['marked_codes']} marked"
        )
    return "\n".join(rows)


def _told(figures: Mapping[str, Any], key: str) -> str:
    value, interval = figures[key], figures.get(f"{key}_95")
    if value is None:
        return "nothing to count"
    return f"{value:.3f}" + (f" ({interval[0]:.3f}-{interval[1]:.3f})" if interval else "")
