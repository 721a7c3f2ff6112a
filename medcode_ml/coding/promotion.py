"""The gates a coding model passes before it codes for real. All are counted from the tables."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import sqlalchemy as sa

from medcode_ml.coding.evaluation import BRIER, MICRO_F1, ONTOLOGY
from medcode_ml.coding.training_parameters import TrainingParameters
from medcode_ml.contracts import ml
from medcode_ml.models.bands import AUTO
from medcode_ml.models.splitting import CALIBRATION, TEST, TRAIN
from medcode_ml.models.warehouse.evaluation import MODEL, WHOLE, Lead, lead
from medcode_ml.models.warehouse.promotion import Gate, champion_gate, data_gates, first_decides
from medcode_ml.models.warehouse.stages import champion_version
from medcode_ml.models.warehouse.versions import parameters_of_version
from medcode_ml.store.frames import read_frame

#: with fewer, neither the model nor its figures mean much: half of the codes would stand in one encounter alone
FEWEST: Final = {TRAIN: 100, CALIBRATION: 20, TEST: 30}
BEFORE: Final = "before"
"""Coder under which the figures of a recalibration name what it recalibrated: only a recalibration has such."""
MARGIN: Final = 0.01
"""Micro-F1 that a recalibration may at most have lost, by the lower end of the interval. "Not proven worse" would not
do: of few encounters nothing is ever proven, and the fewer there were the more would pass."""
FEWEST_AUTO: Final = 20
"""Codes of the auto band on the test from which on its precision is judged."""
_IN_WORDS: Final = {MICRO_F1: "micro-F1"}
_OF_RECALIBRATION: Final = {**_IN_WORDS, BRIER: "Brier score of the listed codes (less is better)"}


@dataclass(frozen=True)
class AutoBand:
    """The auto band of a version on its test, beside the precision that it promises.

    Attributes:
        codes: in the band.
        precision, high: share of them that the coders gave, and the upper end of its 95% interval; None without codes.
        promised: the least precision promised.
    """

    codes: int
    precision: float | None
    high: float | None
    promised: float

    @property
    def broken(self) -> bool:
        """There are enough codes to judge, and chance does not explain how few of them are right."""
        return self.codes >= FEWEST_AUTO and (self.high is None or self.high < self.promised)

    def said(self) -> str:
        """The figures in words."""
        if self.codes < FEWEST_AUTO or self.precision is None or self.high is None:
            return f"{self.codes} codes in the auto band, its precision is judged from {FEWEST_AUTO} on"
        compared = "below" if self.broken else "not below"
        return (
            f"precision of {self.codes} codes in the auto band: {self.precision:.4f} (95% up to {self.high:.4f}), "
            f"{compared} the {self.promised:.0%} promised"
        )


def gates(engine: sa.Engine, version: str) -> list[Gate]:
    """The gates of `version`, from its row, its encounters and its evaluation.

    `candidate_beats_ontology`: the lower end of the 95% interval of its lead in micro-F1 is above 0, so that chance
    alone does not promote a model. `candidate_beats_champion`: so it is of its lead over the model in use, on
    encounters of persons that neither of them learned from; with none in use there is nothing to beat. A recalibration
    of the very model in use may pass that gate by its probabilities instead (`recalibration_beats`): its scores are the
    same, so that a lead in micro-F1 is not what it is made for.

    Raises:
        NotPromotedError: there is no such version.
    """
    found = data_gates(engine, ml.CODING, version, FEWEST)
    ahead = lead(engine, ml.CODING, version, ONTOLOGY, MICRO_F1)
    return [
        *found,
        Gate("candidate_beats_ontology", ahead.proven, ahead.said(_IN_WORDS[MICRO_F1], "the ontology coder")),
        _champion_gate(engine, version),
    ]


def recalibrated_from(engine: sa.Engine, version: str) -> str | None:
    """The version whose probabilities and bands `version` set anew; None where it was trained, whatever parameters."""
    row = read_frame(engine, sa.select(ml.model.c.tuned_from, ml.model.c.figures).where(ml.model.c.version == version))
    if row.empty or not any(figure["coder"] == BEFORE for figure in row["figures"].iloc[0]):
        return None
    parent = row["tuned_from"].iloc[0]
    return None if parent is None else str(parent)


def recalibration_beats(micro_f1: Lead, brier: Lead, auto: AutoBand) -> bool:
    """Whether a recalibration is better than the model it was made of, and that is no chance.

    Either its lead in micro-F1 is proven, as of any version; or all of: the codes it accepts are no worse (the lower
    end of that lead is above -`MARGIN`), its probabilities are proven better (the upper end of the difference in the
    Brier score is below 0), and its auto band does not break its promise beyond chance.

    Args:
        micro_f1: its lead in micro-F1. brier: the same difference of the Brier score, as it stands in the table.
        auto: its auto band on its whole test.
    """
    if micro_f1.proven:
        return True
    if micro_f1.low is None or brier.high is None:
        return False
    # not `proven`: a mean over listed codes, most of them sure, is small, and its intervals are hardly moved
    return micro_f1.low > -MARGIN and brier.high < 0 and not auto.broken


def _champion_gate(engine: sa.Engine, version: str) -> Gate:
    champion = champion_version(engine, ml.CODING.kind)
    if champion is None or recalibrated_from(engine, version) != champion:
        return champion_gate(engine, ml.CODING, version, _IN_WORDS, first_decides)
    auto = _auto_band(engine, version)

    def better(leads: Sequence[Lead]) -> bool:
        return recalibration_beats(leads[0], leads[1], auto)

    gate = champion_gate(engine, ml.CODING, version, _OF_RECALIBRATION, better)
    return Gate(gate.name, gate.passed, f"recalibrated from the model in use; {gate.said}; {auto.said()}")


def _auto_band(engine: sa.Engine, version: str) -> AutoBand:
    table = ml.coding_evaluation.c
    names = {AUTO: f"precision_{AUTO}", "codes": f"codes_{AUTO}"}
    query = sa.select(table.figure, table.value, table.high).where(
        table.version == version, table.part == WHOLE, table.coder == MODEL, table.figure.in_(names.values())
    )
    held = {figure: (value, high) for figure, value, high in read_frame(engine, query).itertuples(index=False)}
    precision, high = held.get(names[AUTO], (None, None))
    promised = TrainingParameters.of(parameters_of_version(engine, ml.CODING, version)).precision
    return AutoBand(int(held.get(names["codes"], (0, None))[0] or 0), precision, high, promised)
