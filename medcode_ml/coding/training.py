"""Training the coding model: labelled charts in, a model folder out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from tqdm import tqdm

from medcode_ml.codes.codeset import CodeSet
from medcode_ml.codes.release import release_on
from medcode_ml.coding.calibrating import calibrate
from medcode_ml.coding.model import KIND, CodingModel, blended_logits
from medcode_ml.coding.ontology import OntologyCoder
from medcode_ml.coding.proposals.charts import Chart, LabelledChart, read_chart
from medcode_ml.coding.proposals.learning import Teacher, propose, propose_out_of_fold
from medcode_ml.coding.proposals.table import Proposals
from medcode_ml.coding.reranker import Reranker
from medcode_ml.coding.training_figures import CALIBRATION, OUT_OF_FOLD, Measured, figures_of
from medcode_ml.coding.training_fit import (
    NetworkTraining,
    OutOfFold,
    best_cut,
    choose_blend,
    f1_at,
    is_true,
    trees_out_of_fold,
)
from medcode_ml.coding.training_parameters import TrainingParameters, tuning_space
from medcode_ml.coding.training_words import card_words
from medcode_ml.models.card import render_card
from medcode_ml.models.folder import ModelFolder, check_target, write_folder
from medcode_ml.models.pictures import reliability_picture, risk_coverage_picture
from medcode_ml.models.splitting import folds_of
from medcode_ml.models.steps import steps

if TYPE_CHECKING:
    import sqlalchemy as sa

    from medcode_ml.models.tracking import Run
    from medcode_ml.models.tuning import Tuned

FEWEST = 20
HELD_BACK, TRAINING_CHARTS = "charts of other patients", "training charts out of fold"
_STEPS = ("proposals", "tuning", "re-ranker", "network", "calibration", "figures", "model folder")


class TooFewChartsError(ValueError):
    """There is too little to learn from."""


def train(
    charts: Sequence[LabelledChart],
    calibration: Sequence[LabelledChart],
    folder: Path,
    parameters: Mapping[str, Any] | TrainingParameters | None = None,
    progress: bool = False,
    *,
    day: date | None = None,
    data: Mapping[str, Any] | None = None,
    run: Run | None = None,
    checkpoints: Path | None = None,
    trials: int = 0,
    studies: sa.Engine | None = None,
) -> ModelFolder:
    """Train on `charts` and write the model to `folder`.

    Probabilities and bands are calibrated on `calibration`, charts of other patients; without any, on the training
    charts scored out of fold, patients kept together.

    Args:
        charts: what is learned from. calibration: what is only measured on, or nothing.
        folder: of the model; a model that lies there is replaced.
        parameters: choices of the training, or some of them by name.
        progress: show bars.
        day: of the code set of charts whose source has no dates, for the notes coded later.
        data: what the manifest says of the data besides counts.
        run: the tracking run that gets figures and pictures.
        checkpoints: where network and tuning keep their state, so that an interrupted training goes on.
        trials: of a tuning of the parameters; 0 takes them as they are.
        studies: database whose schema `optuna` holds the tuning, shared by processes; without, a file does.

    Raises:
        TooFewChartsError: fewer than FEWEST charts with codes.
        ModelFolderError: the folder cannot be written.
    """
    p = parameters if isinstance(parameters, TrainingParameters) else TrainingParameters.of(parameters or {})
    check_target(folder, KIND)
    with steps(_STEPS, progress) as step:
        step("proposals")
        prepared = prepare(charts, p, progress)
        labelled, read, truth, proposals = prepared.labelled, prepared.read, prepared.truth, prepared.proposals
        held = read_charts(calibration, progress)
        best: Tuned | None = None
        if trials:
            step("tuning")
            best = tuned(prepared, p, trials, studies or (checkpoints or folder.parent) / "tuning.db", progress)
            p = TrainingParameters.of(best.parameters, p)
        step("re-ranker")
        trees = trees_out_of_fold(proposals, truth, prepared.folds, p)
        reranker = Reranker.fit(proposals.features, truth, p.reranker, p.seed)
        step("network")
        training = NetworkTraining(proposals, truth, trees, prepared.texts, p, progress, run, checkpoints)
        found = training.out_of_fold(prepared.folds) if p.use_network else OutOfFold(trees, None, training.rows)
        step("calibration")
        weight, cut = choose_blend(found, truth, prepared.true_codes)
        network = training.whole() if weight else None
        learned = prepared.teacher.learn(np.ones(len(read), dtype=bool))
        if held:
            judged, of = propose(held, [c.day for c in calibration], learned), calibration
            held_texts = [c.note.text for c in held]
            logits = blended_logits(reranker, network, weight, held_texts, judged)
            rival = reranker.scores(judged.features)
        else:
            judged, of, logits, rival = proposals, labelled, found.blended(weight), trees
        right = is_true(judged, of)
        by = np.array(groups_of(of))[judged.chart]
        made = calibrate(logits, right, by, cut, p)
        probability, threshold, auto = made.calibrator.probabilities(logits), made.threshold, made.auto
        model = CodingModel("", learned, reranker, network, weight, made.calibrator, threshold, made.bands, day)
        step("figures")
        measured = Measured(
            judged,
            probability,
            rival,
            threshold,
            right,
            by,
            of,
            held or read,
            Counter(c for chart in labelled for c in chart.codes),
            best_cut(trees, truth, prepared.true_codes),
        )
        table, reliability = figures_of(measured, CALIBRATION if held else OUT_OF_FOLD)
        step("model folder")
        files = model.files() | {
            "risk_coverage.png": lambda path: risk_coverage_picture(
                path, probability, right, by, threshold=auto.value, precision=p.precision
            ),
            "reliability.png": lambda path: reliability_picture(path, reliability),
        }
        written = write_folder(
            folder,
            kind=KIND,
            files=files,
            code_set_release=release_on(max(c.day for c in labelled)).name,
            data={**_counted(labelled, calibration), **(data or {})},
            parameters=p.facts(),
            figures=table,
            facts={
                **made.facts(on=HELD_BACK if held else TRAINING_CHARTS, network_weight=weight),
                **({} if best is None else {"tuning": best.facts()}),
            },
            card=lambda manifest: render_card(manifest, card_words(manifest)),
        )
    if run is not None:
        run.metrics({f"{f.coder}.{f.part}.{f.name}": f.value for f in table})
        for name in ("risk_coverage.png", "reliability.png"):
            run.picture(written.path / name)
        run.folder(written.path)
    return written


@dataclass(frozen=True)
class Prepared:
    """Training charts read, with their proposals made out of fold, and which of these are true."""

    labelled: list[LabelledChart]
    read: list[Chart]
    folds: npt.NDArray[np.int64]
    teacher: Teacher
    proposals: Proposals
    truth: npt.NDArray[np.bool_]

    @property
    def texts(self) -> list[str]:
        """The text of each chart."""
        return [c.note.text for c in self.read]

    @property
    def true_codes(self) -> int:
        """Codes of all charts, proposed or not."""
        return sum(len(c.codes) for c in self.labelled)


def prepare(charts: Sequence[LabelledChart], p: TrainingParameters, progress: bool = False) -> Prepared:
    """Read the charts that have codes, learn their phrases and propose codes for each by what the others teach."""
    labelled = [c for c in charts if c.codes]
    if len(labelled) < FEWEST:
        raise TooFewChartsError(f"{len(labelled)} charts have codes; at least {FEWEST} are needed to learn from")
    read = read_charts(labelled, progress)
    codes, marked = [c.codes for c in labelled], [c.marked for c in labelled]
    teacher = Teacher(read, codes, marked, outside_codes(labelled))
    folds = folds_of(groups_of(labelled), p.folds, p.seed)
    bar = tqdm(total=p.folds, desc="proposing", unit="fold", disable=not progress, leave=False)
    proposals = propose_out_of_fold(teacher, read, [c.day for c in labelled], folds, bar.update)
    bar.close()
    return Prepared(labelled, read, folds, teacher, proposals, is_true(proposals, labelled))


def tuned(prepared: Prepared, p: TrainingParameters, trials: int, storage: Path | sa.Engine, progress: bool) -> Tuned:
    """The best of `trials` trials: micro-F1 out of fold, of network and re-ranker together."""
    from medcode_ml.models.fitting import run_key
    from medcode_ml.models.tuning import tune

    def objective(chosen: Mapping[str, Any], report: Any) -> float:
        tried = TrainingParameters.of(chosen, p)
        trees = trees_out_of_fold(prepared.proposals, prepared.truth, prepared.folds, tried)
        report(f1_at(trees, prepared.truth, prepared.true_codes), 0)
        training = NetworkTraining(prepared.proposals, prepared.truth, trees, prepared.texts, tried)
        found = training.out_of_fold(prepared.folds) if p.use_network else OutOfFold(trees, None, training.rows)
        weight, _ = choose_blend(found, prepared.truth, prepared.true_codes)
        return f1_at(found.blended(weight), prepared.truth, prepared.true_codes)

    space = tuning_space(p)
    key = run_key(prepared.proposals.features.tobytes(), prepared.truth.tobytes(), p.facts())
    return tune(objective, space, trials, storage, key=key, seed=p.seed, progress=progress)


def read_charts(charts: Sequence[LabelledChart], progress: bool = False) -> list[Chart]:
    """Read charts, each in the release of its own day."""
    bar = tqdm(charts, desc="reading", unit="chart", disable=not progress, leave=False)
    return [read_chart(c.documents, c.setting, OntologyCoder.for_day(c.day)) for c in bar]


def outside_codes(charts: Sequence[LabelledChart]) -> frozenset[str]:
    """Labels that could not be billed on the day of their own chart."""
    return frozenset(code for c in charts for code in c.codes if not CodeSet.on(c.day).is_billable(code))


def groups_of(charts: Sequence[LabelledChart]) -> list[str]:
    """Whose each chart is: its patient's, or its own where the source names none."""
    return [f"p{c.patient_id}" if c.patient_id is not None else f"r{c.record_id}" for c in charts]


def _counted(charts: Sequence[LabelledChart], calibration: Sequence[LabelledChart]) -> dict[str, Any]:
    return {
        "charts": len(charts),
        "calibration_charts": len(calibration),
        "codes": sum(len(c.codes) for c in charts),
        "distinct_codes": len({code for c in charts for code in c.codes}),
        "charts_with_marked_evidence": sum(bool(c.marked) for c in charts),
        "codes_outside_their_release": sorted(outside_codes(charts)),
        "first_day": min(c.day for c in charts).isoformat(),
        "last_day": max(c.day for c in charts).isoformat(),
    }
