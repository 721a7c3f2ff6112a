"""Findings and charges that scenarios of several modules tell in the same words."""

from __future__ import annotations

from medcode_ml.simulation.model import ChargeLine, Dx, Op

HYPOXIC = Dx(
    "J96.01",
    ("acute hypoxic respiratory failure", "AHRF, new O2 requirement", "acute resp failure w/ hypoxia, sats 80s on RA"),
    share=0.35,
    plan=("wean O2 for goal sat >90%", "on 4-6 L NC, RT following", "HFNC, ABG prn, wean as able"),
    story=(
        "Sats were 82% on RA on arrival with RR in the 30s, placed on HFNC.",
        "EMS found {him} at 79% RA, speaking in short phrases, accessory muscle use.",
    ),
    labs={"PaO2": (48, 58)},
)
ABLA = Dx(
    "D62",
    ("acute blood loss anemia", "ABLA", "anemia from acute bleed, Hgb 7s"),
    share=0.7,
    plan=("2 u PRBC, Hgb q6h", "transfuse <7, serial H/H"),
    ops=(Op("30233N1", "transfusion of packed red cells"),),
    labs={"Hgb": (5.9, 7.8)},
)
CLINIC = ChargeLine("0510", "G0463", 1, 265.0)
ABLA_POSTOP = Dx(
    "D62",
    ("acute blood loss anemia, post op", "ABLA on POD 1, Hgb 7.2", "post-op anemia from blood loss"),
    share=0.4,
    poa="N",
    day=2,
    plan=("1 u PRBC", "transfused 1 u, recheck am"),
    ops=(Op("30233N1", "transfusion of packed red cells", day=2),),
    labs={"Hgb": (6.7, 7.9)},
)
