"""The trained amount model: what it holds, how it prices, and its model folder.

A folder holds the hospitals that were learned from as they are known to the public (number, name, place), their mix in
counts, and fitted numbers. Of what was found at one it keeps what is left by DRG, and only where `basis.LEAST_CELL`
discharges or more stand behind it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from medcode_ml.billing.amounts.basis import Basis
from medcode_ml.billing.amounts.cases import TARGETS, AmountCaseError, AmountCases, Floats, cases_of
from medcode_ml.billing.amounts.intervals import Ends
from medcode_ml.billing.amounts.known import KnownAmounts
from medcode_ml.billing.amounts.levels import LevelProcess
from medcode_ml.billing.amounts.network_fit import NetworkWeights
from medcode_ml.billing.amounts.points import Point
from medcode_ml.billing.amounts.providers import ProviderFacts, ProviderSpace
from medcode_ml.billing.amounts.rows import rows_of
from medcode_ml.billing.amounts.trees import QUANTILES, AmountTrees
from medcode_ml.models.contents import Writer, json_file, table_file, tensor_file
from medcode_ml.models.folder import ModelFolder, read_folder
from medcode_ml.models.manifest import ModelFolderError

KIND: Final = "amounts"
NETWORK, TREES, BLEND = "network", "boosted trees", "mean of both"
PRICED: Final = tuple(f"{target}{end}" for target in TARGETS for end in ("", "_low", "_high"))
"""Columns of a price: US dollars; low and high are the ends of the 90% interval."""
_HEAD, _ARRAYS, _HOSPITALS = "model.json", "basis.safetensors", "hospitals.parquet"
_TEXTS: Final = ("ids", "names", "state", "region", "market", "prefix", "owner", "kind")


@dataclass(frozen=True)
class Decision:
    """What decides one amount: the contender, the line to its price, and the ends of its intervals.

    `known_ends` are those where other amounts of the hospital are known.
    """

    decided_by: str
    point: Point
    ends: Ends
    known_ends: Ends


@dataclass(frozen=True)
class ClaimTerms:
    """How single claims are priced.

    Attributes:
        noise: variance of the log amount of a claim around its hospital's price; a mean of n claims has 1/n of it.
        ends: of the intervals of single claims, by target.
    """

    noise: float
    ends: Mapping[str, Ends]


class ClaimIntervalsError(ValueError):
    """Single claims cannot be checked: the model knows means only."""


class Said(NamedTuple):
    """Of `n` cases: log price (n,), log quantiles around its middle (n, 3), share of the spread that remains (n,)."""

    log_price: Floats
    quantiles: Floats
    remains: Floats


@dataclass(frozen=True)
class AmountModel:
    """A trained model; get it with `load_model`.

    Attributes:
        version: of the model folder.
        basis, network, trees: what was fitted; a contender that decides nothing is None.
        decisions: by target.
        known: what known amounts of a hospital say of its other DRGs.
        memory: float32 (p, 2, m + 1), what is said of each DRG of the hospitals learned from (log dollars).
        memory_remains: the share of the spread that remains there.
        claims: how single claims are priced; None where it was given none to learn that on.
    """

    version: str
    basis: Basis
    network: NetworkWeights | None
    trees: AmountTrees | None
    decisions: Mapping[str, Decision]
    known: KnownAmounts
    memory: npt.NDArray[np.float32]
    memory_remains: npt.NDArray[np.float32]
    claims: ClaimTerms | None = None

    def price(self, cases: pd.DataFrame) -> pd.DataFrame:
        """Price cases: a frame by `PRICED`, its index that of `cases`.

        Args:
            cases: drg, provider_id and what else of `cases.COLUMNS` is known. All rows of a hospital tell its mix, and
                those with aveCharges or avePayments inform its other rows, never themselves.

        Raises:
            AmountCaseError: a column or value cannot be read, or a DRG is neither learned nor in the weight table.
        """
        read = cases_of(cases)
        unknown = sorted({drg for drg in set(read.drg) if not self.basis.knows(drg)})
        if unknown:
            raise AmountCaseError(f"DRG {', '.join(unknown)} was not learned and has no weight; leave such cases out")
        values = self.priced(read)
        return pd.DataFrame(values, index=cases.index)[list(PRICED)]

    def priced(self, cases: AmountCases, *, claims: bool = False) -> dict[str, Floats]:
        """The same of cases as arrays: by `PRICED`, shape (n,); with the intervals of single claims if they are such.

        Raises:
            ClaimIntervalsError: claims are asked for, and the model was not given any to set their intervals on.
        """
        terms = self.claims if claims else None
        if claims and terms is None:
            raise ClaimIntervalsError(
                f"{self.version or 'the model'} has no intervals of single claims: train it with own claims"
            )
        found: dict[str, Floats] = {}
        for target, said in self.said(cases, 0.0 if terms is None else terms.noise).items():
            own, at = self.decisions[target], said.log_price
            low, high = own.ends.around(at, said.quantiles)
            informed = own.known_ends.around(at, said.quantiles, said.remains)
            low, high = (np.where(said.remains < 1.0, i, p) for i, p in zip(informed, (low, high), strict=True))
            if terms is not None:
                low, high = terms.ends[target].around(at, said.quantiles, said.remains)
            found[target] = np.exp(at)
            # a moved middle may pass an end that was set for the median
            found[f"{target}_low"] = np.minimum(np.exp(low), found[target])
            found[f"{target}_high"] = np.maximum(np.exp(high), found[target])
        return found

    def said(self, cases: AmountCases, noise: float = 0.0) -> dict[str, Said]:
        """What is said of each case before its interval, by target; `noise` is the variance of a single claim."""
        if not len(cases):
            nothing = Said(np.zeros(0), np.zeros((0, len(QUANTILES))), np.zeros(0))
            return dict.fromkeys(TARGETS, nothing)
        view = self.basis.view(cases)
        rows = rows_of(cases, self.basis, view)
        by: dict[str, dict[str, Floats]] = {}
        if self.network is not None:
            by[NETWORK] = self.network.quantiles(rows, view.located)
        if self.trees is not None:
            by[TREES] = self.trees.quantiles(rows)
        if len(by) == 2:
            by[BLEND] = blended(by)
        quantiles = {target: by[own.decided_by][target] for target, own in self.decisions.items()}
        middle = {target: own.point.of(quantiles[target][:, 1]) for target, own in self.decisions.items()}
        left = {target: np.log(cases.amounts[target]) - middle[target] for target in TARGETS}
        told = self.known.told(left, rows.drg, rows.provider, noise / cases.discharges)
        remembered = self._remembered(cases, rows.drg)
        found = {}
        for target in self.decisions:
            shift, remains = told[target]
            nothing_told = (shift == 0.0) & (remains == 1.0)
            shift = np.where(nothing_told, remembered[target][0], shift)
            remains = np.where(nothing_told, remembered[target][1], remains)
            found[target] = Said(middle[target] + shift, quantiles[target], remains)
        return found

    def _remembered(self, cases: AmountCases, drg: npt.NDArray[np.int64]) -> dict[str, tuple[Floats, Floats]]:
        """What is remembered of hospitals that were learned from: shift and what remains, by target."""
        number = {name: place for place, name in enumerate(self.basis.located.facts.ids)}
        own = np.array([number.get(name, -1) for name in cases.providers["provider_id"]], dtype=np.int64)
        own = own[cases.provider]
        column = np.where(drg < 0, self.memory.shape[2] - 1, drg)
        return {
            target: (
                np.where(own >= 0, self.memory[own, i, column], 0.0).astype(np.float64),
                np.where(own >= 0, self.memory_remains[own, i, column], 1.0).astype(np.float64),
            )
            for i, target in enumerate(TARGETS)
        }

    def files(self) -> dict[str, Writer]:
        """The files of its model folder, by name."""
        basis, facts = self.basis, self.basis.located.facts
        hospitals = pd.DataFrame({name: getattr(facts, name) for name in _TEXTS})
        arrays: dict[str, npt.NDArray[Any]] = {
            "number": facts.number,
            "degrees": facts.degrees,
            "people": facts.people,
            "counts": facts.counts,
            "counted": basis.counted,
            "known.shared": self.known.shared,
            "known.own": self.known.own,
            "memory": self.memory,
            "memory_remains": self.memory_remains,
            **{f"space.{name}": values for name, values in basis.space.held.items()},
        }
        for target, process in basis.processes.items():
            arrays[f"{target}.effects"] = basis.effects[target]
            arrays[f"{target}.left"] = basis.left[target]
            for name in ("variances", "dual", "without", "spread"):
                arrays[f"{target}.process.{name}"] = getattr(process, name)
        head = {
            "drgs": list(basis.drgs),
            "lines": {target: list(line) for target, line in basis.lines.items()},
            "means": {target: process.mean for target, process in basis.processes.items()},
            "decisions": {target: asdict(own) for target, own in self.decisions.items()},
            "claims": None if self.claims is None else asdict(self.claims),
        }
        held: dict[str, Writer] = {
            _HEAD: json_file(head), _ARRAYS: tensor_file(arrays), _HOSPITALS: table_file(hospitals)
        }  # fmt: skip
        for contender in (self.network, self.trees):
            held |= {} if contender is None else contender.files()
        return held


def blended(said: Mapping[str, Mapping[str, Floats]]) -> dict[str, Floats]:
    """The mean of what contenders say, quantile by quantile."""
    return {target: np.mean([own[target] for own in said.values()], axis=0) for target in TARGETS}


def load_model(folder: Path) -> AmountModel:
    """Load the model of a model folder.

    Raises:
        ModelFolderError: there is none, or it is damaged or of another medcode.
    """
    held = read_folder(folder, KIND)
    try:
        return _read(held)
    except (KeyError, TypeError) as wrong:
        raise ModelFolderError(f"the model {folder} lacks a field ({wrong}): train it anew") from wrong


def _read(folder: ModelFolder) -> AmountModel:
    head, arrays, hospitals = folder.value(_HEAD), folder.tensors(_ARRAYS), folder.table(_HOSPITALS)
    texts = {name: hospitals[name].to_numpy(dtype=object) for name in _TEXTS}
    numbers = {f.name: arrays[f.name] for f in fields(ProviderFacts) if f.name not in _TEXTS}
    space = ProviderSpace({name[6:]: values for name, values in arrays.items() if name.startswith("space.")})
    processes = {
        target: LevelProcess(
            mean=head["means"][target],
            **{name: arrays[f"{target}.process.{name}"] for name in ("variances", "dual", "without", "spread")},
        )
        for target in TARGETS
    }
    basis = Basis(
        tuple(head["drgs"]),
        {target: arrays[f"{target}.effects"] for target in TARGETS},
        {target: (line[0], line[1]) for target, line in head["lines"].items()},
        space,
        space.located(ProviderFacts(**texts, **numbers)),
        processes,
        {target: arrays[f"{target}.left"] for target in TARGETS},
        arrays["counted"],
    )
    decisions = {
        target: Decision(said["decided_by"], Point(**said["point"]), Ends(**said["ends"]), Ends(**said["known_ends"]))
        for target, said in head["decisions"].items()
    }
    by = {own.decided_by for own in decisions.values()}
    return AmountModel(
        folder.manifest.version,
        basis,
        NetworkWeights.read(folder) if by & {NETWORK, BLEND} else None,
        AmountTrees.read(folder) if by & {TREES, BLEND} else None,
        decisions,
        KnownAmounts(arrays["known.shared"], arrays["known.own"]),
        arrays["memory"],
        arrays["memory_remains"],
        None
        if (terms := head["claims"]) is None
        else ClaimTerms(terms["noise"], {target: Ends(**own) for target, own in terms["ends"].items()}),
    )
