"""Units as delivered read into UCUM, and values converted between units with pint; molar to mass by molar mass."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

from medcode_ml.codes.observed import Observed

#: how laboratories write units, lower case without spaces -> UCUM; matched before UCUM itself, which knows case
_WRITTEN = {
    "mmhg": "mm[Hg]", "mm[hg]": "mm[Hg]", "torr": "mm[Hg]", "kpa": "kPa", "cmh2o": "cm[H2O]",
    "f": "[degF]", "degf": "[degF]", "°f": "[degF]", "fahrenheit": "[degF]", "[degf]": "[degF]", "deg.f": "[degF]",
    "c": "Cel", "degc": "Cel", "°c": "Cel", "celsius": "Cel", "cel": "Cel", "deg.c": "Cel",
    "bpm": "/min", "beats/min": "/min", "breaths/min": "/min", "/min": "/min", "permin": "/min", "br/min": "/min",
    "lb": "[lb_av]", "lbs": "[lb_av]", "pound": "[lb_av]", "pounds": "[lb_av]", "[lb_av]": "[lb_av]", "kg": "kg",
    "kgs": "kg", "g": "g", "gm": "g", "grams": "g", "oz": "[oz_av]", "in": "[in_i]", "inch": "[in_i]",
    "inches": "[in_i]", "[in_i]": "[in_i]", "ft": "[ft_i]", "cm": "cm", "cms": "cm", "m": "m", "mm": "mm",
    "kg/m2": "kg/m2", "kg/m^2": "kg/m2", "kg/m²": "kg/m2",
    "%": "%", "percent": "%", "pct": "%", "fraction": "1", "ratio": "1", "{inr}": "{INR}", "inr": "{INR}",
    "k/ul": "10*3/uL", "k/mcl": "10*3/uL", "k/mm3": "10*3/uL", "thou/ul": "10*3/uL", "thou/mm3": "10*3/uL",
    "th/ul": "10*3/uL", "10^3/ul": "10*3/uL", "x10^3/ul": "10*3/uL", "10*3/ul": "10*3/uL", "x10e3/ul": "10*3/uL",
    "10e3/ul": "10*3/uL", "x10*3/ul": "10*3/uL", "10^3/mcl": "10*3/uL", "x10(3)/mcl": "10*3/uL",
    "x10(3)/ul": "10*3/uL",
    "10^9/l": "10*9/L", "x10^9/l": "10*9/L", "10*9/l": "10*9/L", "x10e9/l": "10*9/L", "10e9/l": "10*9/L",
    "g/l": "g/L", "giga/l": "10*9/L", "/ul": "/uL",
    "cells/ul": "/uL", "/mm3": "/uL", "/cumm": "/uL", "cells/mcl": "/uL",
    "g/dl": "g/dL", "gm/dl": "g/dL", "gms/dl": "g/dL",
    "g%": "g/dL", "mg/dl": "mg/dL", "mg%": "mg/dL", "mgs/dl": "mg/dL",
    "mg/l": "mg/L", "mcg/ml": "ug/mL", "ug/ml": "ug/mL", "µg/ml": "ug/mL", "mcg/l": "ug/L", "ug/l": "ug/L",
    "µg/l": "ug/L", "mcg/dl": "ug/dL", "ug/dl": "ug/dL", "µg/dl": "ug/dL", "ng/ml": "ng/mL", "ng/dl": "ng/dL",
    "ng/l": "ng/L", "pg/ml": "pg/mL", "pg/dl": "pg/dL", "ng/mlfeu": "ng/mL", "ngfeu/ml": "ng/mL",
    "mmol/l": "mmol/L", "mmoles/l": "mmol/L", "umol/l": "umol/L", "µmol/l": "umol/L", "μmol/l": "umol/L",
    "mcmol/l": "umol/L", "micromol/l": "umol/L", "nmol/l": "nmol/L", "pmol/l": "pmol/L", "mmol/mol": "mmol/mol",
    "meq/l": "meq/L", "meq/dl": "meq/dL",
    "u/l": "U/L", "iu/l": "U/L", "units/l": "U/L", "unit/l": "U/L", "[iu]/l": "U/L", "ukat/l": "ukat/L",
    "µkat/l": "ukat/L", "miu/l": "m[IU]/L", "m[iu]/l": "m[IU]/L", "miu/ml": "m[IU]/mL", "uiu/ml": "u[IU]/mL",
    "µiu/ml": "u[IU]/mL", "mcu/ml": "u[IU]/mL", "mu/l": "m[IU]/L", "mm/hr": "mm/h", "mm/h": "mm/h", "mm/hour": "mm/h",
    "[ph]": "[pH]", "units": "[pH]", "phunits": "[pH]",
}  # fmt: skip
#: units of which one is like another: nothing is converted
_BARE = frozenset({"{INR}", "[pH]", "%", "1"})
_SPACES = re.compile(r"\s+")


class UnitError(ValueError):
    """A unit is not known, or a value cannot be converted into another."""


@lru_cache(maxsize=5_000)
def ucum(unit: str | None) -> str | None:
    """Return a delivered unit in UCUM; None where there is none or nobody knows it."""
    if unit is None or not unit.strip():
        return None
    bare = _SPACES.sub("", unit)
    if known := _WRITTEN.get(bare.lower()):
        return known
    from lark.exceptions import VisitError
    from ucumvert.parser import InvalidUcumError

    try:
        _registry().from_ucum(bare)
    except (InvalidUcumError, VisitError):  # not UCUM; UCUM that pint has no unit for
        return None
    return bare


@lru_cache(maxsize=1)
def _registry() -> Any:
    from ucumvert import PintUcumRegistry

    return PintUcumRegistry()


@lru_cache(maxsize=5_000)
def conversion(kind: Observed, unit: str) -> tuple[float, float]:
    """Return (factor, offset) that turn a value in UCUM `unit` into the standard unit of an observation.

    Raises:
        UnitError: the units are of different dimensions and nothing about the observation bridges them.
    """
    if unit == kind.unit:
        return 1.0, 0.0
    if unit in kind.other_units:
        return kind.other_units[unit]
    if unit in _BARE or kind.unit in _BARE:
        if (unit, kind.unit) in (("1", "%"), ("%", "1")):
            return (100.0, 0.0) if unit == "1" else (0.01, 0.0)
        raise UnitError(f"no conversion of {kind.name} from {unit} to {kind.unit}")
    factor = 1.0
    if unit.startswith("meq/"):
        # an equivalent is a mole over the charge of the ion
        if kind.valence is None:
            raise UnitError(f"no conversion of {kind.name} from {unit}: the charge is not known")
        factor, unit = 1.0 / kind.valence, unit.replace("meq/", "mmol/")
    from pint import DimensionalityError, OffsetUnitCalculusError

    source, target = _registry().from_ucum(unit), _registry().from_ucum(kind.unit)
    if not hasattr(source, "units"):  # only an annotation in braces
        raise UnitError(f"no conversion of {kind.name} from {unit} to {kind.unit}")
    quantity = type(source)
    for bridge in _bridges(quantity, kind):
        try:
            zero, one = (
                (quantity(v, source.units) * bridge if bridge is not None else quantity(v, source.units))
                .to(target.units)
                .magnitude
                for v in (0.0, 1.0)
            )
        except (DimensionalityError, OffsetUnitCalculusError):
            continue
        # a number before a UCUM unit stands in the magnitude
        return (one - zero) * factor * source.magnitude / target.magnitude, zero
    raise UnitError(f"no conversion of {kind.name} from {unit} to {kind.unit}")


def _bridges(quantity: Any, kind: Observed) -> tuple[Any, ...]:
    """What a value may be multiplied by to change its dimension: nothing, the molar mass, or its reciprocal."""
    if kind.molar_mass is None:
        return (None,)
    mass = quantity(kind.molar_mass, "gram / mole")
    return (None, mass, 1 / mass)
