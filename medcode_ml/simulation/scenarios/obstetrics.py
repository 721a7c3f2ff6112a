"""Inpatient scenarios of labor and delivery."""

from __future__ import annotations

from medcode_ml.simulation.model import ChargeLine, Dx, Op, Scenario

_DELIVERY = Op("10E0XZZ", "spontaneous vaginal delivery", day=0)
_LABOR = ChargeLine("0722", "", 1, 4800.0)
_OUTCOME = Dx(
    "Z37.0",
    ("Delivered a liveborn singleton, Apgars 8 and 9.", "Viable single infant, Apgars 9/9, to mother's chest."),
    place="story",
)


def _weeks(code: str, words: str) -> Dx:
    return Dx(code, (words,), place="story")


_TERM = _weeks("Z3A.39", "Dated by first trimester scan, 39w2d today.")

SCENARIOS = (
    Scenario(
        name="delivery_normal",
        setting="inpatient",
        weight=3,
        ages=(19, 38),
        sex="F",
        service="OB",
        complaint=("contractions q4 min",),
        admitting=("O80",),
        hpi=(
            ("{age} yo G2P1 in active labor, 5 cm, membranes intact, GBS negative.",),
            ("Prenatal course uncomplicated.",),
        ),
        main=(
            Dx(
                "O80",
                ("SVD, uncomplicated", "term vaginal delivery without complications", "NSVD"),
                plan=("routine postpartum care, breastfeeding support",),
                brings=(_OUTCOME, _TERM),
            ),
        ),
        ops=(_DELIVERY, Op("10907ZC", "AROM, clear fluid", day=0, share=0.4)),
        exam={"abdomen": "fundus firm at umbilicus", "ext": "no calf tenderness"},
        labs={"Hgb": (10.8, 12.4)},
        course=(("Lochia scant, voiding, breastfeeding well.",),),
        denies=("headache", "visual changes", "heavy bleeding"),
        drugs=("ibuprofen 600 mg PO q6h", "oxytocin 30 units IV post delivery"),
        los=(1, 2, 3),
        chronic=0,
        charges=(_LABOR,),
        advice=("Call for heavy bleeding, fever or severe headache.",),
    ),
    Scenario(
        name="delivery_laceration",
        setting="inpatient",
        weight=2.5,
        ages=(18, 40),
        sex="F",
        service="OB",
        complaint=("in labor, SROM",),
        admitting=("O42.02",),
        hpi=(("{age} yo G1P0 with SROM clear fluid and contractions, epidural placed.",), ("Pushed for 2 hours.",)),
        main=(
            Dx(
                "O70.1",
                ("2nd degree perineal lac, repaired", "second-degree tear at delivery, repaired 3-0 vicryl"),
                share=0.6,
                poa="N",
                plan=("pericare, ice",),
                ops=(Op("0KQM0ZZ", "repair of perineal muscle", day=0),),
            ),
            Dx(
                "O70.0",
                ("1st degree lac", "first degree tear, repaired"),
                share=0.25,
                poa="N",
                plan=("pericare",),
                ops=(Op("0HQ9XZZ", "repair of perineal skin", day=0),),
            ),
            Dx("O69.81X0", ("nuchal cord x1, loose, reduced",), share=0.15, poa="N", plan=("routine pp care",)),
        ),
        also=(
            Dx(
                "O99.824",
                ("GBS carrier, PCN in labor", "GBS+ adequately treated"),
                share=0.25,
                plan=("penicillin in labor",),
            ),
            _OUTCOME,
            _TERM,
        ),
        ops=(_DELIVERY,),
        exam={"abdomen": "fundus firm"},
        labs={"Hgb": (10.2, 12.2)},
        course=(("Pain controlled, ambulating, infant latching.",),),
        denies=("headache", "chest pain"),
        drugs=("penicillin G 5 MU IV", "ibuprofen 600 mg PO q6h"),
        los=(2, 2, 3),
        chronic=0,
        charges=(_LABOR,),
        advice=("Call for heavy bleeding, fever or severe headache.",),
    ),
    Scenario(
        name="delivery_preeclampsia_induction",
        setting="inpatient",
        weight=1,
        ages=(18, 43),
        sex="F",
        service="OB",
        complaint=("elevated BP at 37 wks",),
        admitting=("O14.03",),
        hpi=(("{age} yo G1P0 at 37w1d with BPs 150s/90s, P/C ratio 0.5, no severe features, admitted for IOL.",),),
        main=(
            Dx(
                "O14.04",
                ("mild pre-e, delivered", "preeclampsia without severe features"),
                share=0.7,
                plan=("BP checks, IOL with miso then pit, PP labs",),
            ),
            Dx(
                "O14.14",
                ("severe pre-e by BPs", "preeclampsia with severe features"),
                share=0.3,
                plan=("Mg x24h, labetalol",),
            ),
        ),
        also=(
            Dx(
                "O72.1",
                ("PPH, EBL 1100, atony", "postpartum hemorrhage from atony"),
                share=0.15,
                poa="N",
                day=0,
                plan=("TXA, methergine held, hemabate",),
            ),
            Dx(
                "O90.81",
                ("pp anemia, acute blood loss",),
                share=0.25,
                poa="N",
                day=1,
                plan=("IV iron",),
                labs={"Hgb": (7.2, 8.9)},
            ),
            _OUTCOME,
            _weeks("Z3A.37", "37w1d by LMP and 8 wk scan."),
        ),
        ops=(_DELIVERY, Op("3E033VJ", "oxytocin induction", day=0)),
        exam={"neuro": "DTRs 2+, no clonus"},
        vitals={"SBP": (142, 168)},
        labs={"Plt": (160, 240), "AST": (18, 36)},
        results=("Urine P/C 0.52",),
        course=(("BPs 130s on nifedipine.",),),
        denies=("headache", "scotomata", "RUQ pain"),
        drugs=("misoprostol 25 mcg PV", "oxytocin infusion", "nifedipine XL 30 mg PO daily"),
        los=(2, 3, 5),
        chronic=0,
        charges=(_LABOR,),
    ),
    Scenario(
        name="cesarean_repeat",
        setting="inpatient",
        weight=2,
        ages=(21, 43),
        sex="F",
        service="OB",
        admission_type="3",
        complaint=("scheduled repeat C/S",),
        admitting=("O34.211",),
        hpi=(("{age} yo G2P1 with prior low transverse section, declines TOLAC, here for scheduled repeat.",),),
        main=(
            Dx(
                "O34.211",
                ("prior LTCS, repeat section", "repeat C/S, prior low transverse"),
                plan=("routine post op, foley out POD 1",),
            ),
        ),
        also=(
            Dx(
                "O24.420",
                ("GDM, diet controlled (diet-controlled gestational DM)",),
                share=0.2,
                plan=("2 h GTT at 6 wks",),
            ),
            _OUTCOME,
            _TERM,
        ),
        ops=(
            Op(
                "10D00Z1",
                "low transverse cesarean",
                day=0,
                note=(
                    (
                        "Pfannenstiel through old scar, filmy adhesions. Low transverse hysterotomy, vertex "
                        "infant delivered."
                    ),
                    "Hysterotomy two layers, tubes and ovaries normal. EBL 700 cc.",
                ),
            ),
        ),
        exam={"abdomen": "incision c/d/i, fundus firm"},
        labs={"Hgb": (9.8, 11.6)},
        course=(("Ambulating, passing flatus, breastfeeding.",),),
        denies=("headache", "heavy bleeding"),
        drugs=("cefazolin 2 g IV periop", "ketorolac 15 mg IV q6h"),
        los=(2, 3, 4),
        chronic=0,
        charges=(ChargeLine("0360", "", 1, 6200.0),),
    ),
    Scenario(
        name="cesarean_arrest",
        setting="inpatient",
        weight=1,
        ages=(18, 42),
        sex="F",
        service="OB",
        complaint=("labor",),
        admitting=("O62.0",),
        hpi=(("{age} yo G1P0 at term in labor, arrested at 6 cm x5 h despite adequate pit; Cat II tracing.",),),
        main=(
            Dx(
                "O62.1",
                ("secondary arrest of dilation at 6 cm", "arrest of active phase, uterine inertia"),
                poa="Y",
                plan=("primary section",),
            ),
        ),
        also=(
            Dx(
                "O76",
                ("Cat II FHT, recurrent variables", "nonreassuring fetal tracing"),
                share=0.5,
                poa="N",
                plan=("delivered",),
            ),
            Dx(
                "O41.1230",
                ("chorio, treated with amp/gent", "intraamniotic infection"),
                share=0.2,
                poa="N",
                plan=("amp/gent until afebrile 24h",),
            ),
            _OUTCOME,
            _TERM,
        ),
        ops=(
            Op(
                "10D00Z1",
                "low transverse cesarean",
                day=0,
                note=(
                    "Pfannenstiel. Vertex wedged, delivered with flexion, cord clamped at 60 s.",
                    "Uterus closed two layers. EBL 850 cc.",
                ),
            ),
        ),
        exam={"abdomen": "incision clean"},
        labs={"Hgb": (8.9, 11.2), "WBC": (12, 18)},
        course=(("Recovering well.",),),
        denies=("fever", "calf pain"),
        drugs=("oxytocin infusion", "ampicillin 2 g IV q6h"),
        los=(3, 4, 5),
        chronic=0,
        charges=(_LABOR, ChargeLine("0360", "", 1, 6200.0)),
    ),
)
