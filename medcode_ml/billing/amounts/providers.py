"""What is known of hospitals besides their amounts, and the space in which they are alike.

Facts come from the cases (name, place, number, mix of DRGs), from the ZIP code (`places`) and from what is known of
owners (`owners`). The space is fitted on
the hospitals that are learned from: which mixes there are, which words are rare, how places differ.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from medcode_ml.billing.amounts.cases import AmountCases, Floats
from medcode_ml.billing.amounts.owners import owners_of
from medcode_ml.billing.amounts.places import EARTH_MILES, places

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

_CCN: Final = 6
_LETTERS, _WORDS = 2**15, 2**13
_SHARES, _COUNTS = 12, 40
"""Principal components of the mix that are kept: of shares, of logarithms of counts."""
_SOME: Final = 5.0
"""Discharges added to every count before its logarithm, so that a DRG without any is not infinitely far."""


@dataclass(frozen=True)
class ProviderFacts:
    """Facts of `p` providers.

    Attributes:
        ids, names, state, market: object (p,), "" where not known; the market is the core based statistical area.
        number: float (p,), the last four digits of a CMS certification number, NaN of other identifiers.
        prefix: object (p,), its first two (the state), "" of others.
        degrees: float (p, 2), latitude and longitude; NaN where not known.
        people: float (p, len(places.NAMES)), NaN where not known.
        owner, kind: object (p,), who owns it and what kind of owner that is (`owners`), "" where not known.
        counts: float (p, m), discharges by DRG.
    """

    ids: npt.NDArray[np.object_]
    names: npt.NDArray[np.object_]
    state: npt.NDArray[np.object_]
    region: npt.NDArray[np.object_]
    market: npt.NDArray[np.object_]
    number: Floats
    prefix: npt.NDArray[np.object_]
    degrees: Floats
    people: Floats
    owner: npt.NDArray[np.object_]
    kind: npt.NDArray[np.object_]
    counts: Floats

    def __len__(self) -> int:
        """How many providers."""
        return len(self.ids)


@dataclass(frozen=True)
class Located:
    """Providers in the space: what kernels compare and what the contenders read. Rows are providers."""

    facts: ProviderFacts
    place: npt.NDArray[np.float32]
    """Miles from the centre of the earth, (p, 3); NaN where not known."""
    people: npt.NDArray[np.float32]
    shares: npt.NDArray[np.float32]
    counts: npt.NDArray[np.float32]
    letters: csr_matrix
    words: csr_matrix

    def __len__(self) -> int:
        """How many providers."""
        return len(self.facts)

    def some(self, rows: slice) -> Located:
        """Some of the providers."""
        facts = ProviderFacts(**{name: values[rows] for name, values in vars(self.facts).items()})
        arrays = (self.place, self.people, self.shares, self.counts, self.letters, self.words)
        return Located(facts, *(values[rows] for values in arrays))


def facts_of(cases: AmountCases, drgs: tuple[str, ...]) -> ProviderFacts:
    """The facts of the providers of `cases`; the mix is counted over `drgs`."""
    table = cases.providers
    ids = table["provider_id"].to_numpy(dtype=object)
    numbered = np.array([len(i) == _CCN and i.isdecimal() for i in ids], dtype=bool)
    number = np.array([float(i[2:]) if n else np.nan for i, n in zip(ids, numbered, strict=True)])
    figures, market = places(table["zip"].to_numpy(dtype=object))
    owned = owners_of(ids, *(table[name].to_numpy(dtype=object) for name in ("provider_name", "city", "state")))
    return ProviderFacts(
        ids=ids,
        names=table["provider_name"].str.upper().to_numpy(dtype=object),
        state=table["state"].str.upper().to_numpy(dtype=object),
        region=table["referral_region"].str.upper().to_numpy(dtype=object),
        market=market,
        number=number,
        prefix=np.array([i[:2] if n else "" for i, n in zip(ids, numbered, strict=True)], dtype=object),
        degrees=figures[:, :2],
        people=figures[:, 2:],
        owner=np.array([one.owner for one in owned], dtype=object),
        kind=np.array([one.kind for one in owned], dtype=object),
        counts=counts_of(cases, drgs),
    )


def counts_of(cases: AmountCases, drgs: tuple[str, ...]) -> Floats:
    """Discharges by provider and DRG, shape (p, m)."""
    place = drg_places(cases.drg, drgs)
    known = place >= 0
    found = np.zeros((len(cases.providers), len(drgs)))
    np.add.at(found, (cases.provider[known], place[known]), cases.discharges[known])
    return found


def drg_places(drg: npt.NDArray[np.object_], drgs: tuple[str, ...]) -> npt.NDArray[np.int64]:
    """Place of each DRG among `drgs`, -1 of others."""
    found: npt.NDArray[np.int64] = pd.Index(drgs).get_indexer(drg).astype(np.int64)
    return found


@dataclass(frozen=True)
class ProviderSpace:
    """What was fitted on the providers that are learned from: means, scales, components and rarities, by name."""

    held: Mapping[str, npt.NDArray[Any]]

    @staticmethod
    def fit(facts: ProviderFacts) -> ProviderSpace:
        """Fit it on `facts`."""
        people = facts.people
        middle = np.nan_to_num(_quiet_median(people))
        spread = np.nanstd(np.where(np.isnan(people), middle, people), axis=0)
        shares, counts = _shares(facts.counts), _logs(facts.counts)
        held: dict[str, npt.NDArray[Any]] = {
            "people_middle": middle,
            "people_spread": np.where(spread > 0, spread, 1.0),
            "letters": _rarity(_letters(facts.names)),
            "words": _rarity(_words(facts.names)),
        }
        for name, values, kept in (("shares", shares, _SHARES), ("counts", counts, _COUNTS)):
            mean = values.mean(axis=0)
            _, sizes, axes = np.linalg.svd(values - mean, full_matrices=False)
            first = sizes[0] / np.sqrt(max(len(values), 1))
            held[f"{name}_mean"] = mean
            held[f"{name}_axes"] = axes[:kept].T / (first if first > 0 else 1.0)
        return ProviderSpace(held)

    def located(self, facts: ProviderFacts) -> Located:
        """Where providers lie in the space."""
        held = self.held
        people = np.where(np.isnan(facts.people), held["people_middle"], facts.people)
        latitude, longitude = np.radians(facts.degrees.T)
        across = np.cos(latitude)
        place = EARTH_MILES * np.stack(
            [across * np.cos(longitude), across * np.sin(longitude), np.sin(latitude)], axis=1
        )
        return Located(
            facts,
            place.astype(np.float32),
            ((people - held["people_middle"]) / held["people_spread"]).astype(np.float32),
            ((_shares(facts.counts) - held["shares_mean"]) @ held["shares_axes"]).astype(np.float32),
            ((_logs(facts.counts) - held["counts_mean"]) @ held["counts_axes"]).astype(np.float32),
            _weighted(_letters(facts.names), held["letters"]),
            _weighted(_words(facts.names), held["words"]),
        )


def _quiet_median(values: Floats) -> Floats:
    """The median of each column; NaN of a column where nothing is known."""
    found = np.full(values.shape[1], np.nan)
    some = (~np.isnan(values)).any(axis=0)
    found[some] = np.nanmedian(values[:, some], axis=0)
    return found


def _shares(counts: Floats) -> Floats:
    """Square roots of the shares of the mix: their distances are Hellinger's."""
    found: Floats = np.sqrt(counts / np.maximum(counts.sum(axis=1, keepdims=True), 1.0))
    return found


def _logs(counts: Floats) -> Floats:
    """Logarithms of the counts around the mean count of the provider: the mix, softened where counts are small."""
    found: Floats = np.log(counts + _SOME) - np.log((counts + _SOME).mean(axis=1, keepdims=True))
    return found


def _letters(names: npt.NDArray[np.object_]) -> csr_matrix:
    from sklearn.feature_extraction.text import HashingVectorizer

    return HashingVectorizer(
        analyzer="char_wb", ngram_range=(3, 5), n_features=_LETTERS, norm=None, alternate_sign=False, dtype=np.float32
    ).transform(names)


def _words(names: npt.NDArray[np.object_]) -> csr_matrix:
    from sklearn.feature_extraction.text import HashingVectorizer

    return HashingVectorizer(
        token_pattern=r"(?u)\b\w+\b", ngram_range=(1, 2), n_features=_WORDS, norm=None, alternate_sign=False,
        binary=True, dtype=np.float32,
    ).transform(names)  # fmt: skip


def _rarity(counts: csr_matrix) -> npt.NDArray[np.float32]:
    """Inverse document frequency of each column; 0 of those that stand in one name only or in none."""
    names = np.asarray((counts > 0).sum(axis=0)).ravel()
    found = np.where(names > 1, np.log((1.0 + counts.shape[0]) / (1.0 + names)) + 1.0, 0.0)
    return found.astype(np.float32)


def _weighted(counts: csr_matrix, rarity: npt.NDArray[np.float32]) -> csr_matrix:
    """Rows of length 1, so that their products are cosines; a name of unknown words is 0."""
    from sklearn.preprocessing import normalize

    weighted = counts.astype(np.float32)
    weighted.data = 1.0 + np.log(weighted.data)
    return normalize(weighted.multiply(rarity[None, :]).tocsr())
