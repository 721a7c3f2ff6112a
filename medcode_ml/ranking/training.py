"""Training the ranking model: stays in the order of their coders in, a model folder out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from tqdm import tqdm

from medcode_ml.models.card import render_card
from medcode_ml.models.folder import ModelFolder, check_target, write_folder
from medcode_ml.models.splitting import folds_of
from medcode_ml.models.steps import steps
from medcode_ml.ranking.boosting import OBJECTIVES, RankingTrees, TreeParameters
from medcode_ml.ranking.columns import lists_of
from medcode_ml.ranking.frames_of_stay import RankingFrames
from medcode_ml.ranking.lists import Lists
from medcode_ml.ranking.model import KIND, RankingModel, Scorer
from medcode_ml.ranking.network.fit import fit_network
from medcode_ml.ranking.reading import ReadBatch, read_batch
from medcode_ml.ranking.scorers import NETWORK, NetworkScorer, TreesScorer
from medcode_ml.ranking.scores import Scores, guideline_scores
from medcode_ml.ranking.training_certainty import Certainty, Judged, certainty
from medcode_ml.ranking.training_figures import (
    DECIDES,
    GUIDELINES,
    Contender,
    better_beyond_chance,
    figures_of,
    measured,
)
from medcode_ml.ranking.training_parameters import TrainingParameters, space_of
from medcode_ml.ranking.training_words import card_words

if TYPE_CHECKING:
    import sqlalchemy as sa

    from medcode_ml.models.tracking import Run
    from medcode_ml.models.tuning import Tuned

FEWEST: Final = 30
_STEPS: Final = ("reading", "tuning", "folds", "fitting", "calibration", "model folder")


class TooFewStaysError(ValueError):
    """There is too little to learn from."""


def train(
    stays: RankingFrames,
    calibration: RankingFrames | None,
    folder: Path,
    parameters: Mapping[str, Any] | TrainingParameters | None = None,
    progress: bool = False,
    *,
    data: Mapping[str, Any] | None = None,
    run: Run | None = None,
    checkpoints: Path | None = None,
    trials: int = 0,
    studies: sa.Engine | None = None,
) -> ModelFolder:
    """Train on `stays` and write the model to `folder`.

    The network and boosted trees are fitted on the same folds, patients kept together; the network decides unless the
    trees find more principals beyond chance. Probabilities and the review threshold are set on `calibration`, stays of
    other patients; without any, on the training stays scored out of fold.

    Args:
        stays: what is learned from, `frames.PLACE` among the columns of their codes, patient_id among the encounters'.
        calibration: what is only measured on, or nothing.
        folder: of the model; a model that lies there is replaced.
        parameters: choices of the training, or some of them by name.
        progress: show bars.
        data: what the manifest says of the data besides counts.
        run: the tracking run that gets figures and pictures.
        checkpoints: where network and tuning keep their state, so that an interrupted training goes on.
        trials: of a tuning of the network; 0 takes the parameters as they are.
        studies: database whose schema `optuna` holds the tuning, shared by processes; without, a file does.

    Raises:
        TooFewStaysError: fewer than FEWEST stays whose principal is known.
        RankingInputError: the frames do not fit together.
        ModelFolderError: the folder cannot be written.
    """
    p = parameters if isinstance(parameters, TrainingParameters) else TrainingParameters.of(parameters or {})
    check_target(folder, KIND)
    with steps(_STEPS, progress) as step:
        step("reading")
        read = read_batch(stays)
        lists = lists_of(read)
        taught = int((lists.place == 1).sum())
        if taught < FEWEST:
            raise TooFewStaysError(f"the principal of {taught} stays is known; at least {FEWEST} are needed to learn")
        best: Tuned | None = None
        if trials:
            step("tuning")
            best = tuned(read, lists, p, trials, studies or (checkpoints or folder.parent) / "tuning.db", progress)
            p = TrainingParameters.of(best.parameters, p)
        step("folds")
        judged = out_of_fold(read, lists, p, progress)
        contenders = judged.contenders()
        decided_by = decide(contenders)
        step("fitting")
        scorer = fit_scorer(lists, decided_by, p, progress, run, checkpoints)
        step("calibration")
        kept_apart = None if calibration is None else apart(read_batch(calibration), scorer, decided_by)
        sure = certainty(judged, contenders, kept_apart, p, decided_by)
        step("model folder")
        model = RankingModel("", lists.names, scorer, decided_by, sure.calibrator, sure.threshold.value)
        return _written(folder, model, lists, sure, p, data or {}, run, best)


def _written(
    folder: Path,
    model: RankingModel,
    lists: Lists,
    sure: Certainty,
    p: TrainingParameters,
    data: Mapping[str, Any],
    run: Run | None,
    best: Tuned | None,
) -> ModelFolder:
    """Write the model folder, and tell the tracking run."""
    figures = [*figures_of(sure.contenders, sure.part), *(sure.reliability.figures if sure.reliability else ())]
    pictures = sure.pictures(p)
    written = write_folder(
        folder,
        kind=KIND,
        files=model.files() | pictures,
        data={**_counted(lists), **data},
        parameters=p.facts(),
        figures=figures,
        facts={
            "decided_by": model.decided_by,
            **sure.facts(),
            **({} if best is None else {"tuning": best.facts()}),
        },
        card=lambda manifest: render_card(manifest, card_words(manifest)),
    )
    if run is not None:
        run.metrics({f"{f.coder}.{f.part}.{f.name}": f.value for f in figures})
        for name in pictures:
            run.picture(written.path / name)
        run.folder(written.path)
    return written


def out_of_fold(read: ReadBatch, lists: Lists, p: TrainingParameters, progress: bool = False) -> Judged:
    """Score every stay by each contender fitted on the patients of the other folds."""
    folds = folds_of(lists.patients, p.folds, p.seed)
    names = (NETWORK, *(OBJECTIVES if p.rivals else ()))
    rows = len(lists.values)
    lead = {name: np.zeros(rows) for name in names}
    rest = {name: np.zeros(rows) for name in names}
    bar = tqdm(total=p.folds * len(names), desc="folds", unit="fit", disable=not progress, leave=False)
    for fold in range(p.folds):
        learned, held = lists.of(folds != fold), lists.of(folds == fold)
        of_held = (folds == fold)[lists.encounter]
        for name in names:
            scorer = fit_scorer(learned, name, p)
            lead[name][of_held] = scorer.principal_scores(held)
            rest[name][of_held] = scorer.order_scores(held)
            bar.update()
    bar.close()
    scores = {name: Scores(lead[name], rest[name]) for name in names}
    return Judged(read, lists, {**scores, GUIDELINES: guideline_scores(read.batch, read.features)})


def apart(read: ReadBatch, scorer: Scorer, decided_by: str) -> Judged:
    """Score stays of other patients by the model and by the guidelines."""
    lists = lists_of(read)
    scores = Scores(scorer.principal_scores(lists), scorer.order_scores(lists))
    return Judged(read, lists, {decided_by: scores, GUIDELINES: guideline_scores(read.batch, read.features)})


def decide(contenders: Mapping[str, Contender]) -> str:
    """The network, unless trees find more principals than it beyond chance (paired, by patient); then the best."""
    network = contenders[NETWORK]
    ahead = [n for n in OBJECTIVES if n in contenders and better_beyond_chance(contenders[n], network)]
    return max(ahead, key=lambda name: contenders[name].mean(DECIDES)) if ahead else NETWORK


def fit_scorer(
    lists: Lists,
    name: str,
    p: TrainingParameters,
    progress: bool = False,
    run: Run | None = None,
    checkpoints: Path | None = None,
) -> Scorer:
    """Fit the network, or trees with the objective `name`."""
    if name == NETWORK:
        return NetworkScorer(fit_network(lists, p.network, progress, run, checkpoints))
    return TreesScorer(RankingTrees.fit(lists, TreeParameters(seed=p.seed), name))


def tuned(
    read: ReadBatch, lists: Lists, p: TrainingParameters, trials: int, storage: Path | sa.Engine, progress: bool
) -> Tuned:
    """The best of `trials` trials: principals found plus nDCG@10, out of fold."""
    from medcode_ml.models.fitting import run_key
    from medcode_ml.models.tuning import tune

    def objective(chosen: Mapping[str, Any], report: Any) -> float:
        tried = replace(TrainingParameters.of(chosen, p), rivals=False)
        judged = out_of_fold(read, lists, tried)
        own = measured(read, lists.patients, {NETWORK: judged.scores[NETWORK]})[NETWORK]
        return own.mean(DECIDES) + own.mean("ndcg_at_10")

    key = run_key(lists.values.tobytes(), lists.place.tobytes(), p.facts())
    return tune(objective, space_of(p), trials, storage, key=key, seed=p.seed, progress=progress)


def _counted(lists: Lists) -> dict[str, Any]:
    return {
        "stays": len(lists),
        "patients": len(set(lists.patients)),
        "hospitals": len({h for h in lists.hospitals if h is not None}),
        "codes": int((lists.place > 0).sum()),
        "stays_whose_principal_is_known": int((lists.place == 1).sum()),
        "stays_whose_principal_may_not_lead": int(((lists.place == 1) & ~lists.candidate).sum()),
    }
