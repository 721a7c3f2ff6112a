"""Training the amount model: cases with their amounts in, a model folder out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt
from tqdm import tqdm

from medcode_ml.billing.amounts.basis import LEAST_CELL, Basis, ProviderView
from medcode_ml.billing.amounts.cases import TARGETS, AmountCases, Floats
from medcode_ml.billing.amounts.figures import figures_of, relative_error
from medcode_ml.billing.amounts.intervals import calibrated
from medcode_ml.billing.amounts.known import KnownAmounts
from medcode_ml.billing.amounts.model import BLEND, KIND, NETWORK, TREES, AmountModel, Decision, blended
from medcode_ml.billing.amounts.network_fit import NetworkWeights, fit_network
from medcode_ml.billing.amounts.own_claims import OwnClaims, claim_terms
from medcode_ml.billing.amounts.points import fitted_point
from medcode_ml.billing.amounts.rows import Rows, rows_of
from medcode_ml.billing.amounts.training_parameters import TUNED, AmountTrainingParameters
from medcode_ml.billing.amounts.training_words import card_words
from medcode_ml.billing.amounts.trees import QUANTILES, AmountTrees
from medcode_ml.models.card import render_card
from medcode_ml.models.folder import ModelFolder, check_target, write_folder
from medcode_ml.models.splitting import folds_of
from medcode_ml.models.steps import steps

if TYPE_CHECKING:
    import sqlalchemy as sa

    from medcode_ml.models.tracking import Run
    from medcode_ml.models.tuning import Tuned

FEWEST: Final = 20
BASELINE: Final = "mean of the DRG"
LEVEL: Final = "level alone"
_STEPS: Final = ("hospitals", "tuning", "folds", "calibration", "fitting", "model folder")


class TooFewProvidersError(ValueError):
    """There are too few hospitals to learn from."""


@dataclass(frozen=True)
class Prepared:
    """Cases as contenders read them: their columns, hospitals and log amounts."""

    cases: AmountCases
    basis: Basis
    view: ProviderView
    rows: Rows
    logs: Mapping[str, Floats]

    @staticmethod
    def of(cases: AmountCases, steps: int) -> Prepared:
        """Fit the basis on `cases` and make their columns."""
        basis, view = Basis.fit(cases, steps)
        logs = {target: np.log(cases.amounts[target]) for target in TARGETS}
        return Prepared(cases, basis, view, rows_of(cases, basis, view), logs)

    def hospitals(self) -> list[str]:
        """The hospital of each case."""
        return [str(name) for name in self.cases.providers["provider_id"].to_numpy()[self.cases.provider]]


def train(
    cases: AmountCases,
    folder: Path,
    parameters: Mapping[str, Any] | AmountTrainingParameters | None = None,
    progress: bool = False,
    *,
    data: Mapping[str, Any] | None = None,
    run: Run | None = None,
    checkpoints: Path | None = None,
    trials: int = 0,
    studies: sa.Engine | None = None,
    claims: OwnClaims | None = None,
) -> ModelFolder:
    """Train on `cases` and write the model to `folder`.

    Network and trees are fitted on the same folds, hospitals kept together. Of network, trees and their mean the one of
    the least mean relative error out of fold decides, for either amount; what it said out of fold calibrates prices and
    intervals.

    Args:
        cases: what is learned from; such without both amounts are passed over.
        folder: of the model; a model that lies there is replaced.
        parameters: choices of the training, or some of them by name.
        progress: show bars.
        data: what the manifest says of the data besides counts.
        run: the tracking run that gets the figures.
        checkpoints: where network and tuning keep their state, so that an interrupted training goes on.
        trials: of a tuning of the network; 0 takes the parameters as they are.
        studies: database whose schema `optuna` holds the tuning, shared by processes; without, a file does.
        claims: single claims to set the intervals of claims on; without them the model prices means only.

    Raises:
        TooFewProvidersError: fewer than FEWEST hospitals.
        ModelFolderError: the folder cannot be written.
    """
    p = AmountTrainingParameters.of({}) if parameters is None else (
        parameters if isinstance(parameters, AmountTrainingParameters) else AmountTrainingParameters.of(parameters)
    )  # fmt: skip
    check_target(folder, KIND)
    given = len(cases)
    cases = cases.of(~np.any([np.isnan(cases.amounts[target]) for target in TARGETS], axis=0))
    if len(cases.providers) < FEWEST:
        raise TooFewProvidersError(
            f"amounts of {len(cases.providers)} hospitals are known; at least {FEWEST} are needed to learn"
        )
    with steps(_STEPS, progress) as step:
        step("hospitals")
        prepared = Prepared.of(cases, p.steps)
        best: Tuned | None = None
        if trials:
            step("tuning")
            best = tuned(prepared, p, trials, studies or (checkpoints or folder.parent) / "tuning.db", progress)
            p = AmountTrainingParameters.of(best.parameters, p)
        step("folds")
        said = out_of_fold(prepared, p, progress)
        step("calibration")
        decisions, known, left = decide(prepared, said, p)
        step("fitting")
        by = {own.decided_by for own in decisions.values()}
        network = _network(prepared, p, progress, run, checkpoints) if by & {NETWORK, BLEND} else None
        trees = AmountTrees.fit(prepared.rows, prepared.logs, p.trees, p.seed) if by & {TREES, BLEND} else None
        memory, remains = remembered(prepared, known, left)
        model = AmountModel("", prepared.basis, network, trees, decisions, known, memory, remains)
        if claims is not None:
            model = replace(model, claims=claim_terms(model, claims))
        step("model folder")
        figures = figures_of(prepared.logs, contenders(prepared, said), prepared.hospitals())
        written = write_folder(
            folder,
            kind=KIND,
            files=model.files(),
            data={
                **_counted(cases),
                "cases_without_both_amounts": given - len(cases),
                "claims_calibrated_on": 0 if claims is None else len(claims.calibration),
                **(data or {}),
            },
            parameters=p.facts(),
            figures=figures,
            facts={
                "decided_by": {target: own.decided_by for target, own in decisions.items()},
                **({} if best is None else {"tuning": best.facts()}),
            },
            card=lambda manifest: render_card(manifest, card_words(manifest)),
        )
    if run is not None:
        run.metrics({f"{f.coder}.{f.part}.{f.name}": f.value for f in figures})
        run.folder(written.path)
    return written


def out_of_fold(
    prepared: Prepared, p: AmountTrainingParameters, progress: bool = False
) -> dict[str, dict[str, Floats]]:
    """Log amounts at `QUANTILES`, by contender and target, said by contenders fitted on the other hospitals."""
    folds = folds_of(prepared.hospitals(), p.folds, p.seed)
    said = {name: {target: np.zeros((len(folds), len(QUANTILES))) for target in TARGETS} for name in (NETWORK, TREES)}
    for fold in tqdm(range(p.folds), desc="folds", unit="fold", disable=not progress, leave=False):
        held = folds == fold
        learned, asked = prepared.rows.of(~held), prepared.rows.of(held)
        logs = {target: own[~held] for target, own in prepared.logs.items()}
        network = _fit_network(prepared, learned, logs, p)
        trees = AmountTrees.fit(learned, logs, p.trees, p.seed)
        for target, values in network.quantiles(asked, prepared.view.located).items():
            said[NETWORK][target][held] = values
        for target, values in trees.quantiles(asked).items():
            said[TREES][target][held] = values
    return {**said, BLEND: blended(said)}


def decide(
    prepared: Prepared, said: Mapping[str, Mapping[str, Floats]], p: AmountTrainingParameters
) -> tuple[dict[str, Decision], KnownAmounts, dict[str, Floats]]:
    """Choose and calibrate by what was said out of fold.

    Returns:
        The decisions by target, what known amounts tell, and what the prices left (log dollars, by target).
    """
    names, points, quantiles, left = {}, {}, {}, {}
    for target in TARGETS:
        y = prepared.logs[target]
        names[target] = min(said, key=lambda name: relative_error(y, said[name][target][:, 1]))
        quantiles[target] = said[names[target]][target]
        points[target] = fitted_point(y, quantiles[target][:, 1])
        left[target] = y - points[target].of(quantiles[target][:, 1])
    drg, provider = prepared.rows.drg, prepared.rows.provider
    known = KnownAmounts.fit(left, drg, provider, len(prepared.basis.drgs))
    # hospitals of which little is known and such of which much is, alike
    draw = np.random.default_rng(p.seed)
    shown = draw.random(len(provider)) < draw.random(int(provider.max()) + 1)[provider]
    told = known.told({t: np.where(shown, own, np.nan) for t, own in left.items()}, drg, provider)
    decisions = {}
    for target in TARGETS:
        y, q = prepared.logs[target], quantiles[target]
        middle = points[target].of(q[:, 1])
        shift, remains = told[target]
        some = remains < 1.0
        ends = calibrated(y, middle, q)
        known_ends = (
            calibrated(y[some], (middle + shift)[some], q[some], remains[some]) if some.sum() >= FEWEST else ends
        )
        decisions[target] = Decision(names[target], points[target], ends, known_ends)
    return decisions, known, left


def remembered(
    prepared: Prepared, known: KnownAmounts, left: Mapping[str, Floats]
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """What is said of every DRG of the hospitals learned from, by what was left there; shapes (p, 2, m + 1).

    Only what stands for `LEAST_CELL` discharges or more counts.
    """
    hospitals, kinds = len(prepared.view.located), len(prepared.basis.drgs) + 1
    rows = prepared.rows
    kept = prepared.view.located.facts.counts[rows.provider, rows.drg] >= LEAST_CELL
    asked = np.tile(np.arange(kinds), hospitals)
    drg = np.concatenate([rows.drg[kept], np.where(asked == kinds - 1, -1, asked)])
    provider = np.concatenate([rows.provider[kept], np.repeat(np.arange(hospitals), kinds)])
    nothing = np.full(len(asked), np.nan)
    told = known.told({t: np.concatenate([own[kept], nothing]) for t, own in left.items()}, drg, provider)
    first = int(kept.sum())
    shape = (hospitals, kinds)
    shift = np.stack([told[t][0][first:].reshape(shape) for t in TARGETS], axis=1)
    remains = np.stack([told[t][1][first:].reshape(shape) for t in TARGETS], axis=1)
    return shift.astype(np.float32), remains.astype(np.float32)


def contenders(
    prepared: Prepared, said: Mapping[str, Mapping[str, Floats]]
) -> dict[str, dict[str, tuple[Floats, Floats | None, Floats | None]]]:
    """Log price and ends by contender and target; each contender calibrated as the deciding one is."""
    found: dict[str, dict[str, tuple[Floats, Floats | None, Floats | None]]] = {BASELINE: {}, LEVEL: {}}
    for target in TARGETS:
        effect = prepared.basis.effects[target][prepared.rows.drg]
        found[BASELINE][target] = (effect, None, None)
        found[LEVEL][target] = (prepared.rows.base[target], None, None)
        for name, own in said.items():
            y, q = prepared.logs[target], own[target]
            middle = fitted_point(y, q[:, 1]).of(q[:, 1])
            found.setdefault(name, {})[target] = (middle, *calibrated(y, middle, q).around(middle, q))
    return found


def tuned(
    prepared: Prepared, p: AmountTrainingParameters, trials: int, storage: Path | sa.Engine, progress: bool
) -> Tuned:
    """The best of `trials` trials: mean relative errors of the network out of fold."""
    from medcode_ml.models.fitting import run_key
    from medcode_ml.models.tuning import tune

    folds = folds_of(prepared.hospitals(), p.folds, p.seed)

    def objective(chosen: Mapping[str, Any], report: Any) -> float:
        tried, total = AmountTrainingParameters.of(chosen, p), 0.0
        for fold in range(p.folds):
            held = folds == fold
            logs = {target: own[~held] for target, own in prepared.logs.items()}
            network = _fit_network(prepared, prepared.rows.of(~held), logs, tried)
            found = network.quantiles(prepared.rows.of(held), prepared.view.located)
            total += sum(relative_error(prepared.logs[t][held], found[t][:, 1]) for t in TARGETS)
            report(total / (fold + 1), fold)
        return total / p.folds

    key = run_key(prepared.rows.values.tobytes(), [own.tobytes() for own in prepared.logs.values()], p.facts())
    start = {f"network.{name}": value for name, value in p.network.facts().items()}
    return tune(
        objective, TUNED, trials, storage, key=key, seed=p.seed, direction="minimize", start=start, progress=progress
    )


def _network(
    prepared: Prepared, p: AmountTrainingParameters, progress: bool, run: Run | None, checkpoints: Path | None
) -> NetworkWeights:
    return _fit_network(prepared, prepared.rows, prepared.logs, p, progress, run, checkpoints)


def _fit_network(
    prepared: Prepared,
    rows: Rows,
    logs: Mapping[str, Floats],
    p: AmountTrainingParameters,
    progress: bool = False,
    run: Run | None = None,
    checkpoints: Path | None = None,
) -> NetworkWeights:
    return fit_network(
        rows, prepared.view.located, len(prepared.basis.drgs), logs, p.network, p.seed, progress, run, checkpoints
    )


def _counted(cases: AmountCases) -> dict[str, Any]:
    return {
        "cases": len(cases),
        "hospitals": len(cases.providers),
        "drgs": len(set(cases.drg)),
        "states": int((cases.providers["state"].replace("", np.nan)).nunique()),
        "discharges": round(float(cases.discharges.sum())),
    }
