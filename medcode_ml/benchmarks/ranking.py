"""Measures the order of codes against stays whose true order is known.

    python -m medcode_ml.benchmarks.ranking --data DIR [--model DIR] [--cross-validate [--folds 5 --repeats 3]]
        [--without medications,units] [--variants 4] [--speed] [--json FILE]

DIR is what `medcode train ranking` reads (`ranking.labelled.reading`). The guidelines, a trained model and, with
--cross-validate, models trained on the other patients stand beside random orders and the order of the file; every
figure has its 95% interval by patient, and its paired difference to the guidelines.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import numpy as np

from medcode_ml.benchmarks.ranking_folds import TRAINERS, Ranker, Train, cross_validated
from medcode_ml.documentation import with_documents
from medcode_ml.models.bootstrap import RESAMPLES, SEED
from medcode_ml.ranking.figures.certainty import NAMES as CERTAINTY_NAMES
from medcode_ml.ranking.figures.certainty import certainty_figures
from medcode_ml.ranking.figures.measured import (
    BY_PATIENT,
    BY_STAY,
    NAMES,
    OF_ORDERS,
    Gold,
    Measured,
    averaged,
    paired,
    summary,
)
from medcode_ml.ranking.figures.predictions import RankedStay, ranked_stays
from medcode_ml.ranking.figures.report import told
from medcode_ml.ranking.labelled.reading import read_stays
from medcode_ml.ranking.labelled.stay import LabelledStay
from medcode_ml.ranking.records import rank_records

RULE: Final = "guidelines"
MODEL: Final = "model"
GIVEN: Final = "as given"
RANDOM: Final = "random"
RANDOM_ORDERS: Final = 20
OPTIONAL: Final = (
    "documents", "poa", "services", "service", "medications", "microbiology", "units", "icu_hours", "procedures",
    "age", "sex", "admission_type", "admission_location", "length_of_stay_days",
)  # fmt: skip
"""Keys that --without may take away."""
_TITLE: Final = 58


class MissingKeyError(ValueError):
    """--without names a key that no stay can have."""


def run(
    data: Path,
    *,
    model: Path | None = None,
    trainers: Mapping[str, Train] | None = None,
    folds: int = 5,
    repeats: int = 1,
    variants: int = 1,
    without: Sequence[str] = (),
    resamples: int = RESAMPLES,
    seed: int = SEED,
) -> dict[str, Any]:
    """Measure every way of ordering the stays of `data`.

    Args:
        data: what `read_stays` reads.
        model: a model folder. On stays that it learned from its figures flatter it.
        trainers: by name, what makes a ranker of stays; each is trained on the patients of the other folds.
        folds: parts of the patients. repeats: how often they are cut anew; figures are means over the repeats.
        variants: readings of a stay of mapped ICD-9-CM codes that trainers learn from.
        without: keys of `OPTIONAL` that every stay is deprived of, in training too.
        resamples: bootstrap draws by patient.
        seed: of folds, random orders and draws.

    Raises:
        LabelledSourceError, ModelFolderError, MissingKeyError: what is wrong with what was asked for.
    """
    unknown = sorted(set(without) - set(OPTIONAL))
    if unknown:
        raise MissingKeyError(f"--without {', '.join(unknown)}: choose of {', '.join(OPTIONAL)}")
    source = read_stays(data, variants=variants)
    stays = prepared(source.stays, without)
    asked = [stay for stay in stays if not stay.variant]
    lines = [stay.record for stay in asked]
    gold = Gold(asked)
    answers: dict[str, list[list[RankedStay]]] = {}
    seconds: dict[str, float] = {}
    for name, rank in _rankers(model).items():
        began = time.perf_counter()
        answers[name] = [ranked_stays(rank(lines))]
        seconds[name] = round(time.perf_counter() - began, 2)
    for name, train in (trainers or {}).items():
        began = time.perf_counter()
        answers[name] = cross_validated(stays, train, folds=folds, repeats=repeats, seed=seed)
        seconds[name] = round(time.perf_counter() - began, 2)
    measured = {name: averaged([gold.measure([s.codes for s in one]) for one in own]) for name, own in answers.items()}
    measured[GIVEN] = gold.measure([[_text(code) for code in line["codes"]] for line in lines])
    measured[RANDOM] = _random(gold, lines, seed)
    options = {"resamples": resamples, "seed": seed}
    return {
        "data": source.source,
        "encounters": len(asked),
        "patients": len(set(gold.patients)),
        "rejected": len(source.rejected),
        "remarks": list(source.remarks),
        "without": list(without),
        "grouping": gold.grouper.facts,
        "versions": {name: sorted({str(s.model_version) for s in own[0]}) for name, own in answers.items()},
        "seconds": seconds,
        "folds": folds,
        "repeats": repeats,
        "counts": {name: own.counts() for name, own in measured.items()},
        "figures": {name: summary(own, **options) for name, own in measured.items()},
        "difference": {name: paired(own, measured[RULE], **options) for name, own in measured.items() if name != RULE},
        "certainty": {name: sure for name, own in answers.items() if (sure := _certainty(gold, own, **options))},
    }


def prepared(stays: Sequence[LabelledStay], without: Sequence[str] = ()) -> list[LabelledStay]:
    """The stays without some keys, and with what their documents say of each code in place of the documents."""
    kept = [{key: value for key, value in stay.record.items() if key not in without} for stay in stays]
    if "poa" in without:
        kept = [{**line, "codes": [_without_poa(code) for code in line["codes"]]} for line in kept]
    read = with_documents([{**line, "hospital_id": stay.hospital} for line, stay in zip(kept, stays, strict=True)])
    lines = [{key: value for key, value in line.items() if key != "documents"} for line in read]
    return [replace(stay, record=line) for stay, line in zip(stays, lines, strict=True)]


def _rankers(model: Path | None) -> dict[str, Ranker]:
    rankers: dict[str, Ranker] = {RULE: rank_records}
    if model is not None:
        from medcode_ml.ranking.model import load_model

        loaded = load_model(model)
        rankers[MODEL] = lambda lines: rank_records(lines, loaded)
    return rankers


def _random(gold: Gold, lines: Sequence[Mapping[str, Any]], seed: int) -> Measured:
    generator = np.random.default_rng(seed)

    def shuffled(line: Mapping[str, Any]) -> list[str]:
        return [_text(line["codes"][place]) for place in generator.permutation(len(line["codes"]))]

    return averaged([gold.measure([shuffled(line) for line in lines]) for _ in range(RANDOM_ORDERS)])


def _certainty(gold: Gold, repeats: Sequence[Sequence[RankedStay]], **options: int) -> dict[str, Any] | None:
    """Figures of the probabilities said, of all repeats together; None where none was."""
    said = [
        (stay.probability, right == 1, patient)
        for one in repeats
        for stay, right, patient in zip(
            one, gold.measure([s.codes for s in one]).values["principal_top1"], gold.patients, strict=True
        )
        if stay.probability is not None
    ]
    if not said:
        return None
    probabilities, right, patients = zip(*said, strict=True)
    return certainty_figures(probabilities, right, patients, **options)


def _text(code: Any) -> str:
    return str(code["code"] if isinstance(code, Mapping) else code)


def _without_poa(code: Any) -> Any:
    return {key: value for key, value in code.items() if key != "poa"} if isinstance(code, Mapping) else code


def table(result: Mapping[str, Any]) -> str:
    """The figures as lines for people: over the stays, over the patients, and differences to the guidelines."""
    left_out = f", without {', '.join(result['without'])}" if result["without"] else ""
    rows = [
        f"{result['data']}: {result['encounters']} encounters of {result['patients']} patients{left_out}; "
        f"{result['rejected']} rejected; DRGs by {', '.join(result['grouping']['grouper_versions'])}, "
        f"{result['grouping']['icd9_procedures_left_out']} ICD-9-CM procedures not grouped",
        *result["remarks"],
    ]
    figures, against = result["figures"], result["difference"]
    for part, title in ((BY_STAY, "mean over encounters"), (BY_PATIENT, "mean over patients' means")):
        rows += _block(title, {name: own[part] for name, own in figures.items()}, NAMES)
        others = {name: own[part] for name, own in against.items() if name not in (GIVEN, RANDOM)}
        if others:
            rows += _block(f"difference to the {RULE}, {title}", others, {name: NAMES[name] for name in OF_ORDERS})
    if result["certainty"]:
        rows += _block("probability of the principal", result["certainty"], CERTAINTY_NAMES)
    rows += ["", "seconds: " + ", ".join(f"{name} {spent}" for name, spent in result["seconds"].items())]
    return "\n".join(rows)


def _block(title: str, columns: Mapping[str, Mapping[str, Any]], names: Mapping[str, str]) -> list[str]:
    head = f"{title:{_TITLE}}" + "".join(f"{name:>26}" for name in columns)
    body = [
        f"{label:{_TITLE}}" + "".join(f"{told(own, name):>26}" for own in columns.values())
        for name, label in names.items()
    ]
    return ["", head, *body]


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(
        prog="python -m medcode_ml.benchmarks.ranking",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--data", type=Path, help="labelled stays: JSON Lines or a folder")
    add("--model", type=Path, help="a model folder")
    add("--cross-validate", nargs="*", choices=[*TRAINERS], help="train by patient folds; all trainers without a name")
    add("--folds", type=int, default=5)
    add("--repeats", type=int, default=1, help="cuts into folds")
    add("--variants", type=int, default=1, help="readings of each stay of ICD-9-CM codes that trainers learn from")
    add("--without", type=lambda text: [key for key in text.split(",") if key], default=[], help="keys, by comma")
    add("--resamples", type=int, default=RESAMPLES)
    add("--json", type=Path, help="write every figure to this file")
    add("--speed", action="store_true", help="rank 10,000 made-up encounters of 20 codes on one core")
    chosen = parser.parse_args(arguments)
    if chosen.data is None and not chosen.speed:
        parser.error("nothing to measure: give --data or --speed")
    if chosen.data is not None:
        names = chosen.cross_validate
        trainers = {} if names is None else {name: TRAINERS[name] for name in (names or TRAINERS)}
        result = run(
            chosen.data, model=chosen.model, trainers=trainers, folds=chosen.folds, repeats=chosen.repeats,
            variants=chosen.variants, without=chosen.without, resamples=chosen.resamples,
        )  # fmt: skip
        sys.stdout.write(table(result) + "\n")
        if chosen.json is not None:
            chosen.json.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    if chosen.speed:
        from medcode_ml.benchmarks.ranking_speed import measured_apart

        sys.stdout.write(measured_apart(chosen.model).line() + "\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
