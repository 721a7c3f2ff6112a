"""What a shadow run says of a version before it takes the champion's place: its gates, counted from its figures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import pandas as pd
import sqlalchemy as sa

from medcode_ml.contracts.ml import shadow_encounter, shadow_figure
from medcode_ml.models.warehouse.promotion import Gate
from medcode_ml.store.frames import read_frame

#: share of the encounters whose MS-DRG would be another
DRG_SHIFT: Final = "drg_shift"
RAN: Final = "shadow_ran"
AGREES: Final = "shadow_agrees"
#: of the test whether the coders are with the version or against it; divided by the days on which it may be asked
LEVEL: Final = 0.05
#: labelled encounters with another MS-DRG: fewer say nothing of the encounters to come, however they fall
LEAST_CHANGED: Final = 20


@dataclass(frozen=True)
class AgainstCoders:
    """Encounters of a shadow run that coders labelled, by what the two versions make of them.

    Attributes:
        labelled: whose coders' codes give an MS-DRG.
        changed: of those, the two versions disagree.
        gained: of those, the version in shadow alone has the coders' MS-DRG.
        lost: of those, the champion alone has it.
    """

    labelled: int = 0
    changed: int = 0
    gained: int = 0
    lost: int = 0

    def chance(self, favoured: int) -> float:
        """Probability that as many as `favoured` or more fall to one side if neither version is better.

        The exact one-sided test of McNemar (Psychometrika 12, 1947): where one of the two alone has the coders'
        MS-DRG, it is either with probability one half. Where both are right or both are wrong nothing is learned.
        """
        from scipy.stats import binomtest

        apart = self.gained + self.lost
        return float(binomtest(favoured, apart, alternative="greater").pvalue) if apart else 1.0

    def least_gain(self, level: float) -> float:
        """Share of labelled encounters won less lost: at least so much, with an error in `level` of cases at most.

        The lower end of the exact interval (Clopper and Pearson, Biometrika 26, 1934) of the part that is won among
        those that are won or lost.
        """
        from scipy.stats import binomtest

        apart = self.gained + self.lost
        if not apart:
            return 0.0
        won = binomtest(self.gained, apart, alternative="greater").proportion_ci(1 - level, method="exact").low
        return float((2 * won - 1) * apart / self.labelled)


def shadow_figures(source: sa.Engine | sa.Connection, version: str, champion: str | None = None) -> pd.DataFrame:
    """The figures of a version by day, all or those beside `champion`: the columns of `ml.shadow_figure`."""
    table = shadow_figure.c
    query = sa.select(shadow_figure).where(table.shadow == version).order_by(table.received_date, table.figure)
    return read_frame(source, query if champion is None else query.where(table.champion == champion))


def days_in_shadow(engine: sa.Engine, version: str) -> int:
    """Days with input on which a version ran in shadow, beside whatever worked then."""
    table = shadow_figure.c
    query = sa.select(sa.func.count(sa.distinct(table.received_date))).where(
        table.shadow == version, table.encounters > 0
    )
    with engine.connect() as connection:
        return int(connection.execute(query).scalar_one())


def against_coders(engine: sa.Engine, version: str, champion: str) -> AgainstCoders:
    """What the coders' labels say of all days of a version beside `champion`, counted from `ml.shadow_encounter`."""
    query = sa.text(_AGAINST_CODERS.format(table=shadow_encounter.fullname))
    with engine.connect() as connection:
        row = connection.execute(query, {"shadow": version, "champion": champion}).one()
    return AgainstCoders(row.labelled, row.changed, row.gained, row.lost)


def shadow_gates(
    engine: sa.Engine,
    version: str,
    champion: str | None,
    *,
    days: int,
    most_days: int,
    drg_shift: float,
    despite: str = "",
) -> list[Gate]:
    """`shadow_ran`: the version ran beside `champion` long enough. `shadow_agrees`: see `agreement_gate`.

    Where no model is in use there is none whose place it could take.

    Args:
        engine: the database.
        version: what is to be promoted.
        champion: the model in use.
        days: with input, of the shadow run, at least.
        most_days: with input, of the shadow run, at most.
        drg_shift: share of the encounters of all its days whose MS-DRG may change, at most.
        despite: why a person promotes it all the same.
    """
    if champion is None or champion == version:
        return [Gate(name, True, "no other model is in use") for name in (RAN, AGREES)]
    figures = shadow_figures(engine, version, champion)
    compared = figures[figures["encounters"] > 0]
    ran = int(compared["received_date"].nunique())
    shift = compared[(compared["figure"] == DRG_SHIFT) & compared["value"].notna()]
    counts = shift["encounters"].astype(float)
    share = float((shift["value"].astype(float) * counts).sum() / counts.sum()) if len(shift) else 0.0
    found = [
        Gate(RAN, ran >= days, f"{ran} days in shadow beside {champion}, {days} wanted"),
        agreement_gate(
            share, int(counts.sum()), drg_shift, against_coders(engine, version, champion), LEVEL / max(most_days, 1)
        ),
    ]
    if not despite:
        return found
    return [g if g.passed else Gate(g.name, True, f"{g.said}; promoted all the same: {despite}") for g in found]


def agreement_gate(share: float, grouped: int, most: float, coders: AgainstCoders, level: float) -> Gate:
    """`shadow_agrees`: the version changes few MS-DRGs, or the coders say that it is right to.

    It is passed where few encounters change their MS-DRG and the coders do not show that the change is for the worse.
    Where many change, the coders decide: `LEAST_CHANGED` labelled encounters or more have another MS-DRG, it wins the
    coders' MS-DRG for more of them than it loses, and it is shown to lose no larger share of right ones than a change
    within the limit might. Only whether an MS-DRG is the coders' counts, never what it weighs (rules 43 and 45).

    Args:
        share: of the encounters that change their MS-DRG. grouped: encounters that have one.
        most: the share that may change unasked.
        coders: what their labels say.
        level: of the exact tests. They are asked anew every day, so the caller divides 5% by the days (Dunn, J Am Stat
            Assoc 56, 1961): one of 20 shadow runs at most is then taken for something that it is not.
    """
    shift = f"{share:.1%} of {grouped} encounters get another MS-DRG, at most {most:.1%}"
    if not coders.labelled:
        return Gate(AGREES, share <= most, shift)
    enough = coders.changed >= LEAST_CHANGED
    least = coders.least_gain(level)
    right = enough and coders.gained > coders.lost and least > -most
    worse = enough and coders.lost > coders.gained and coders.chance(coders.lost) < level
    told = (
        f"of {coders.changed} of them that coders labelled {coders.gained} get the coders' MS-DRG by it and "
        f"{coders.lost} lose it"
    )
    if not enough:
        told += f": {LEAST_CHANGED} are needed to tell"
    elif coders.gained > coders.lost:
        won = (coders.gained - coders.lost) / coders.labelled
        told += f": {won:+.1%} of {coders.labelled}, at worst {least:+.1%}, {'' if right else 'not '}above {-most:.1%}"
    elif coders.gained == coders.lost:
        told += ": neither better nor worse"
    else:
        told += f": worse with p = {coders.chance(coders.lost):.2g}, {'' if worse else 'not '}below {level:.2g}"
    return Gate(AGREES, right or (share <= most and not worse), f"{shift}; {told}")


_AGAINST_CODERS = """
SELECT count(*) AS labelled,
       count(*) FILTER (WHERE champion_drg IS DISTINCT FROM shadow_drg) AS changed,
       count(*) FILTER (WHERE shadow_drg = coder_drg AND champion_drg IS DISTINCT FROM coder_drg) AS gained,
       count(*) FILTER (WHERE champion_drg = coder_drg AND shadow_drg IS DISTINCT FROM coder_drg) AS lost
FROM {table} WHERE shadow = :shadow AND champion = :champion AND coder_drg IS NOT NULL
"""
