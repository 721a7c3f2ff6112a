"""Predicted codes and their evidence, as figures take them, from the objects that `medcode code` writes."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from medcode_ml.coding.figures.marked import PredictedCode
from medcode_ml.coding.labelled.note import EvidenceSpan, written_code
from medcode_ml.models.labelled_files import Rejected, json_objects, line_of


class PredictionFileError(ValueError):
    """The predictions cannot be read."""


def read_answers(path: Path) -> tuple[list[dict[str, Any]], list[Rejected]]:
    """Read the lines of `medcode code`; malformed ones, and those of a record already read, are rejected.

    A code may be a string too: then it is accepted, and the order of the list is its score.

    Raises:
        LabelledSourceError: the file cannot be opened.
        PredictionFileError: it holds no good line.
    """
    answers: dict[str, dict[str, Any]] = {}
    rejected: list[Rejected] = []
    for number, line in json_objects(path, rejected, "what `medcode code` wrote"):
        try:
            answer = _answer(line)
            if answer["record_id"] in answers:
                raise ValueError("its record_id has codes on an earlier line")
        except ValueError as wrong:
            rejected.append(Rejected(line_of(path, number), str(wrong)))
            continue
        answers[answer["record_id"]] = answer
    if not answers:
        first = f"; {rejected[0].where}: {rejected[0].reason}" if rejected else ""
        raise PredictionFileError(f"{path}: no prediction in it{first}")
    return list(answers.values()), rejected


def listed_codes(answers: Iterable[Mapping[str, Any]]) -> dict[str, list[PredictedCode]]:
    """All listed codes by record_id, in the order of the list; labels not written like ICD-10-CM stay as they are."""
    return {
        answer["record_id"]: [
            PredictedCode(_written(one), float(one["score"]), bool(one["accepted"]), one.get("band"))
            for one in answer["codes"]
        ]
        for answer in answers
    }


def accepted_evidence(answers: Iterable[Mapping[str, Any]]) -> dict[str, list[EvidenceSpan]]:
    """Evidence of the accepted codes by record_id."""
    return {
        answer["record_id"]: [
            EvidenceSpan(_written(one), place["start"], place["end"])
            for one in answer["codes"]
            if one["accepted"]
            for place in one.get("evidence") or ()
        ]
        for answer in answers
    }


def _written(one: Mapping[str, Any]) -> str:
    return written_code(one["code"]) or one["code"]


def _answer(record: Any) -> dict[str, Any]:
    """A line checked, its codes as objects.

    Raises:
        ValueError: what is wrong with it.
    """
    if not isinstance(record, dict):
        raise ValueError("not a JSON object; one object a line is wanted")
    if not isinstance(record.get("record_id"), str):
        raise ValueError("record_id is missing or no text")
    if not isinstance(record.get("codes"), list):
        raise ValueError("codes is missing or no list")
    codes = []
    for place, one in enumerate(record["codes"], start=1):
        if isinstance(one, str):
            codes.append({"code": one, "score": 1 / place, "accepted": True})
            continue
        if not isinstance(one, dict) or not isinstance(one.get("code"), str):
            raise ValueError('a code is neither a string nor an object {"code", "score", "accepted"}')
        score, accepted = one.get("score"), one.get("accepted")
        if isinstance(score, bool) or not isinstance(score, int | float) or not math.isfinite(score):
            raise ValueError("the score of a code is missing or no number")
        if not isinstance(accepted, bool):
            raise ValueError("accepted of a code is neither true nor false")
        if not isinstance(one.get("band"), str | None):
            raise ValueError("the band of a code is no text")
        for span in one.get("evidence") or ():
            if not isinstance(span, dict) or type(span.get("start")) is not int or type(span.get("end")) is not int:
                raise ValueError('evidence of a code is no list of {"start", "end"} in whole characters')
        codes.append(one)
    return {"record_id": record["record_id"], "codes": codes, "model_version": record.get("model_version")}
