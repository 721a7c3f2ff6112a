"""From labelled sources to model folders: reading, sections, training and tracking put together.

Only composition lives here; the stages do the work.
"""

from __future__ import annotations

import shutil
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd

from medcode_ml.billing.amounts.reading import LabelledCases, read_cases
from medcode_ml.codes.release import NoReleaseError, release_on
from medcode_ml.coding.batch import sections_by_document
from medcode_ml.coding.encounter import Document
from medcode_ml.coding.labelled.note import TEST, LabelledData, LabelledNote, Rejected
from medcode_ml.coding.labelled.reading import read_labelled
from medcode_ml.coding.proposals.charts import LabelledChart
from medcode_ml.documentation import with_documents
from medcode_ml.mapping.sections import split_documents
from medcode_ml.models.folder import ModelFolder, check_target
from medcode_ml.ranking.frames_of_stay import RankingFrames
from medcode_ml.ranking.labelled.reading import read_stays
from medcode_ml.ranking.labelled.stay import LabelledStay, LabelledStays
from medcode_ml.ranking.records import frames_of
from medcode_ml.settings import settings

Labelled = LabelledCases | LabelledData | LabelledStays
"""What a source of labels held, whatever is learned from it."""


class NothingToLearnError(ValueError):
    """The labelled sources hold nothing to learn from."""


def train_coding(
    sources: Sequence[Path],
    folder: Path,
    *,
    calibrate_on: Path | None = None,
    hold_out: str | None = None,
    trials: int = 0,
    parameters: Mapping[str, Any] | None = None,
    as_of: Any = None,
    progress: bool = False,
) -> tuple[ModelFolder, list[LabelledData]]:
    """Train a coding model on labelled sources and write it to `folder`; the run is recorded in MLflow.

    Args:
        sources: what `read_labelled` reads; notes of the split "test" are left out.
        folder: the model folder.
        calibrate_on: a source to calibrate on, of other patients; None calibrates out of fold.
        hold_out: the split of `sources` to calibrate on instead of learning from it.
        trials: of a tuning. parameters: choices of the training by name. as_of: code set day of undated notes.
        progress: show bars.

    Returns:
        The model, and what was read.

    Raises:
        NothingToLearnError, LabelledSourceError, TooFewChartsError, ModelFolderError: what is wrong with the data or
            the folder.
    """
    from medcode_ml.coding.model import KIND
    from medcode_ml.coding.training import train
    from medcode_ml.coding.training_parameters import TrainingParameters

    check_target(folder, KIND)
    chosen = TrainingParameters.of(parameters or {})
    data = [with_code_set(read_labelled(path, as_of=as_of, progress=progress)) for path in sources]
    _check_distinct(data, "notes")
    # a note without a split is learned from: without `hold_out`, None names no split
    kept_back = {TEST} if hold_out is None else {TEST, hold_out}
    learned = [c for d in data for c in labelled_charts(d, [n for n in d.notes if n.split not in kept_back])]
    held = [] if hold_out is None else [c for d in data for c in labelled_charts(d, list(d.split(hold_out)))]
    if hold_out is not None and not held:
        splits = ", ".join(sorted({n.split for d in data for n in d.notes if n.split})) or "none"
        raise NothingToLearnError(f"no note of the split {hold_out} to calibrate on; splits of the sources: {splits}")
    if calibrate_on is not None:
        more = with_code_set(read_labelled(calibrate_on, as_of=as_of, progress=progress, evidence=False))
        held += labelled_charts(more, [n for n in more.notes if n.split != TEST])
    if not learned:
        raise NothingToLearnError(
            f"{', '.join(str(s) for s in sources)}: no note to learn from; notes of the split test are left out"
            + (f", those of {hold_out} are held out" if hold_out else "")
            + _first_rejected(data)
        )
    _check_patients_apart((c.patient_id for c in learned), (c.patient_id for c in held))
    if same := {c.documents[0].text for c in learned} & {c.documents[0].text for c in held}:
        raise NothingToLearnError(
            f"{len(same)} notes stand in what is learned from and in what is calibrated on; a calibration needs notes "
            "of its own"
        )
    undated = next((d.day for d in data if any(n.discharge_date is None for n in d.notes)), None)
    counts = {"charts": len(learned), "calibration_charts": len(held)}
    with _recorded(KIND, folder, chosen.facts(), counts, trials, data) as recorded:
        model = train(
            learned,
            held,
            folder,
            chosen,
            progress,
            day=undated,
            **recorded,
        )
    return model, data


def train_ranking(
    sources: Sequence[Path],
    folder: Path,
    *,
    calibrate_on: Path | None = None,
    trials: int = 0,
    parameters: Mapping[str, Any] | None = None,
    progress: bool = False,
) -> tuple[ModelFolder, list[LabelledStays]]:
    """Train a ranking model on stays in their coders' order and write it to `folder`; the run is recorded in MLflow.

    Args:
        sources: what `read_stays` reads. calibrate_on: a source of other patients; None calibrates out of fold.
        folder: the model folder.
        trials: of a tuning. parameters: choices of the training by name.
        progress: show bars.

    Returns:
        The model, and what was read.

    Raises:
        NothingToLearnError, LabelledSourceError, TooFewStaysError, ModelFolderError: what is wrong with the data or
            the folder.
    """
    from medcode_ml.ranking.model import KIND
    from medcode_ml.ranking.training import train
    from medcode_ml.ranking.training_parameters import TrainingParameters

    check_target(folder, KIND)
    chosen = TrainingParameters.of(parameters or {})
    data = [read_stays(path) for path in sources]
    _check_distinct(data, "stays")
    learned = [stay for d in data for stay in d.stays]
    held = list(read_stays(calibrate_on).stays) if calibrate_on is not None else []
    if not learned:
        raise NothingToLearnError(f"{', '.join(str(s) for s in sources)}: no stay to learn from{_first_rejected(data)}")
    _check_patients_apart((s.patient_id for s in learned), (s.patient_id for s in held))
    counts = {"stays": len(learned), "calibration_stays": len(held)}
    with _recorded(KIND, folder, chosen.facts(), counts, trials, data) as recorded:
        model = train(
            frames_of_stays(learned, progress),
            frames_of_stays(held, progress) if held else None,
            folder,
            chosen,
            progress,
            **recorded,
        )
    return model, data


def train_amounts(
    sources: Sequence[Path],
    folder: Path,
    *,
    trials: int = 0,
    parameters: Mapping[str, Any] | None = None,
    progress: bool = False,
) -> tuple[ModelFolder, list[LabelledCases]]:
    """Train a model of amounts on cases whose amounts are known and write it to `folder`; recorded in MLflow.

    Args:
        sources: what `read_cases` reads.
        folder: the model folder.
        trials: of a tuning. parameters: choices of the training by name.
        progress: show bars.

    Returns:
        The model, and what was read.

    Raises:
        NothingToLearnError, LabelledSourceError, TooFewProvidersError, ModelFolderError: what is wrong with the data or
            the folder.
    """
    from medcode_ml.billing.amounts.cases import cases_of
    from medcode_ml.billing.amounts.model import KIND
    from medcode_ml.billing.amounts.training import train
    from medcode_ml.billing.amounts.training_parameters import AmountTrainingParameters

    check_target(folder, KIND)
    chosen = AmountTrainingParameters.of(parameters or {})
    data = [read_cases(path) for path in sources]
    _check_distinct(data, "cases")
    cases = pd.concat([d.cases for d in data], ignore_index=True)
    if cases.empty:
        raise NothingToLearnError(f"{', '.join(str(s) for s in sources)}: no case to learn from{_first_rejected(data)}")
    with _recorded(KIND, folder, chosen.facts(), {"cases": len(cases)}, trials, data) as recorded:
        model = train(
            cases_of(cases),
            folder,
            chosen,
            progress,
            **recorded,
        )
    return model, data


def frames_of_stays(stays: Sequence[LabelledStay], progress: bool = False) -> RankingFrames:
    """Labelled stays as ranking takes them, with what their documents say of each code."""
    records = [{**stay.record, "patient_id": stay.patient_id, "hospital_id": stay.hospital} for stay in stays]
    return frames_of(with_documents(records, progress=progress), [stay.codes for stay in stays])


def _check_distinct(data: Sequence[Labelled], what: str) -> None:
    if len({d.fingerprint() for d in data}) < len(data):
        raise NothingToLearnError(f"two of the sources hold the same {what}: name each source once")


def _check_patients_apart(learned: Iterable[str | None], held: Iterable[str | None]) -> None:
    if both := {patient for patient in learned if patient} & set(held):
        raise NothingToLearnError(
            f"{len(both)} patients stand in what is learned from and in what is calibrated on; a calibration needs "
            "patients of its own"
        )


@contextmanager
def _recorded(
    kind: str,
    folder: Path,
    parameters: Mapping[str, Any],
    counts: Mapping[str, int],
    trials: int,
    data: Sequence[Labelled],
) -> Iterator[dict[str, Any]]:
    """Record a training of `folder` in MLflow and keep its state until it is done; gives what every training takes."""
    from medcode_ml.models.fitting import run_key
    from medcode_ml.models.tracking import tracked_run

    fingerprints = [d.fingerprint() for d in data]
    state = f".{folder.name}.training-"
    # another training into the same folder does not take up the state of this one
    kept = folder.parent / f"{state}{run_key(parameters, trials, *fingerprints)[:12]}"
    facts = {**parameters, **counts, "trials": trials}
    sources = [{"layout": d.source, "sha256": f} for d, f in zip(data, fingerprints, strict=True)]
    with tracked_run(kind, facts, settings().home, url=settings().mlflow_url, resume_in=kept) as run:
        yield {"data": {"sources": sources}, "run": run, "checkpoints": kept, "trials": trials}
    for done in folder.parent.glob(f"{state}*"):
        shutil.rmtree(done, ignore_errors=True)


def _first_rejected(data: Sequence[Labelled]) -> str:
    first = next((r for d in data for r in d.rejected), None)
    return f"; the first rejected: {first.where}: {first.reason}" if first else ""


def with_code_set(data: LabelledData) -> LabelledData:
    """`data` with the notes of days for which no code set is known among the rejected."""
    known, unknown = [], []
    for number, note in enumerate(data.notes, start=1):
        try:
            release_on(data.day_of(note))
        except NoReleaseError as error:
            unknown.append(Rejected(f"{data.source}, note {number} of those read", str(error)))
        else:
            known.append(note)
    return replace(data, notes=tuple(known), rejected=(*data.rejected, *unknown))


def labelled_charts(data: LabelledData, notes: Sequence[LabelledNote]) -> list[LabelledChart]:
    """Notes of `data` as charts of one document each, cut into sections as the coder will get them."""
    frame = pd.DataFrame({"document_id": [n.record_id for n in notes], "text": [n.text for n in notes]}, dtype=object)
    sections = sections_by_document(split_documents(frame)) if len(frame) else {}
    charts = []
    for note in notes:
        marked: defaultdict[str, list[tuple[int, int]]] = defaultdict(list)
        for span in note.evidence:
            marked[span.code].append((span.start, span.end))
        document = Document(note.record_id, note.text, note.document_type, sections.get(note.record_id, ()))
        charts.append(
            LabelledChart(
                note.record_id, note.patient_id, (document,), note.setting, data.day_of(note), note.codes,
                {code: tuple(spans) for code, spans in marked.items()}, note.disputed,
            )
        )  # fmt: skip
    return charts
