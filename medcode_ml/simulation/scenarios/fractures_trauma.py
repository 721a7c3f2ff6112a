"""Inpatient scenarios of fractures and injury."""

from __future__ import annotations

from medcode_ml.simulation.model import ChargeLine, Dx, Op, Scenario, Study
from medcode_ml.simulation.scenarios.shared_findings import ABLA_POSTOP

_FALLS = (
    Dx(
        "W01.0XXA",
        ("Tripped on a rug and landed on {his} {side} hip.", "Slipped on a wet floor, landed on {side} side."),
        place="story",
        brings=(Dx("Y92.010", ("Fall was in the kitchen at home, single-family house.",), place="story", share=0.6),),
    ),
    Dx(
        "W06.XXXA",
        ("Fell getting out of bed overnight.",),
        place="story",
        brings=(Dx("Y92.122", ("Fall was in {his} bedroom at the nursing home.",), place="story"),),
    ),
)

SCENARIOS = (
    Scenario(
        name="hip_fracture_fixation",
        setting="inpatient",
        weight=4,
        ages=(68, 97),
        service="ORTHO",
        complaint=("fall, {side} hip pain, unable to bear weight",),
        admitting=("S72.00{side:1|2}A", "S72.14{side:1|2}A"),
        hpi=(
            ("{age} yo {man} s/p mechanical fall, {side} leg shortened and externally rotated.",),
            ("Community ambulator with cane.", "Walks with rolling walker at baseline."),
            ("Films with {side} hip fx.",),
        ),
        main=tuple(
            Dx(
                code,
                says,
                share=share,
                plan=("NWB pre op, ORIF tomorrow, DVT ppx", "WBAT, PT/OT, Lovenox x28d"),
                ops=(op,),
                brings=(fall,),
            )
            for code, says, share, op, fall in (
                (
                    "S72.14{side:1|2}A",
                    ("{side} IT hip fx, displaced", "displaced intertroch fx {side:R|L} femur"),
                    0.4,
                    Op(
                        "0QS{side:6|7}36Z",
                        "{side} hip cephalomedullary nail",
                        day=1,
                        note=(
                            "Fracture table, closed reduction of {side} intertrochanteric fx under fluoro.",
                            "Short nail with lag screw, tip apex <25 mm, distal interlock. EBL 150 cc.",
                        ),
                    ),
                    _FALLS[0],
                ),
                (
                    "S72.14{side:1|2}A",
                    ("{side} intertrochanteric fx w/ displacement",),
                    0.2,
                    Op(
                        "0QS{side:6|7}06Z",
                        "open reduction and nailing of {side} hip",
                        day=1,
                        note=("Open reduction through lateral incision, nail placed, stable on fluoro.", "EBL 200 cc."),
                    ),
                    _FALLS[1],
                ),
                (
                    "S72.03{side:1|2}A",
                    ("{side} femoral neck fx, displaced midcervical", "displaced FNF {side:R|L}"),
                    0.4,
                    Op(
                        "0SR{side:R|S}01A",
                        "{side} hip hemiarthroplasty",
                        day=1,
                        note=(
                            "Posterior approach, femoral head extracted 48 mm. Press-fit stem, bipolar head, stable.",
                            "Capsule repaired, EBL 200 cc.",
                        ),
                    ),
                    _FALLS[0],
                ),
            )
        ),
        also=(
            ABLA_POSTOP,
            Dx(
                "F05",
                ("post-op delirium", "delirium, hyperactive at night"),
                share=0.15,
                poa="N",
                day=2,
                plan=("reorient, melatonin, avoid benzos",),
            ),
            Dx("N39.0", ("UTI",), share=0.1, plan=("CTX x3d",)),
            Dx("R33.8", ("urinary retention, straight cath x2",), share=0.1, poa="N", day=2, plan=("void trial",)),
            Dx(
                "L89.312",
                ("Stage 2 pressure injury on R buttock noted on day 3 skin check.",),
                share=0.05,
                poa="N",
                day=3,
                place="nursing",
            ),
        ),
        exam={"ext": "{side} leg shortened, externally rotated, NVI distally"},
        vitals={"HR": (80, 104), "SBP": (122, 168)},
        studies=(
            Study(
                "XR pelvis and {side} hip",
                ("Displaced fracture of the proximal {side} femur. Bones are osteopenic.",),
                ("{side:Right|Left} hip fracture.",),
            ),
        ),
        course=(("Worked with PT POD 1.",), ("Pain controlled with Tylenol and low dose oxycodone.",)),
        denies=("LOC", "head strike", "chest pain", "palpitations"),
        drugs=("enoxaparin 40 mg SC daily", "acetaminophen 1 g PO TID", "cefazolin 2 g IV periop"),
        los=(4, 5, 9),
        leaves={"03": 0.6, "62": 0.2, "06": 0.13, "01": 0.04, "20": 0.03},
        without=("osteoporosis",),
        chronic=3,
        consult="Internal Medicine",
        charges=(ChargeLine("0360", "", 1, 14800.0), ChargeLine("0278", "C1713", 3, 1450.0)),
    ),
    Scenario(
        name="ankle_fracture_orif",
        setting="inpatient",
        weight=1,
        ages=(22, 75),
        service="ORTHO",
        complaint=("{side} ankle injury",),
        admitting=("S82.85{side:1|2}A",),
        hpi=(("{age} yo {man} twisted {side} ankle on icy steps, immediate deformity, closed reduction in ED.",),),
        main=(
            Dx(
                "S82.85{side:1|2}A",
                ("trimal fx {side} ankle, displaced", "{side:R|L} trimalleolar fracture, displaced, closed"),
                plan=("ORIF, NWB 6 wks, splint",),
                brings=(
                    Dx("W00.1XXA", ("Slipped on ice on the front steps.",), place="story"),
                    Dx("Y92.018", ("Injury was outside {his} house on the walk.",), place="story", share=0.5),
                ),
            ),
        ),
        ops=(
            Op(
                "0QS{side:G|H}04Z",
                "ORIF {side} tibia (medial and posterior malleolus)",
                day=1,
                note=(
                    (
                        "Fibula plated with one third tubular, medial malleolus two screws, posterior "
                        "fragment lag screw. {side:R|L} ankle mortise congruent."
                    ),
                    "Tourniquet 74 min.",
                ),
            ),
            Op("0QS{side:J|K}04Z", "ORIF {side} fibula", day=1),
        ),
        exam={"ext": "{side} ankle splinted, toes warm, SILT"},
        studies=(
            Study(
                "XR {side} ankle",
                ("Trimalleolar fracture with lateral talar shift.",),
                ("Displaced trimalleolar fracture.",),
            ),
        ),
        course=(("Safe on crutches.",),),
        denies=("head injury", "numbness"),
        drugs=("cefazolin 2 g IV periop", "oxycodone 5 mg PO prn", "aspirin 81 mg PO BID"),
        los=(1, 2, 4),
        chronic=0.8,
        leaves={"01": 0.75, "06": 0.15, "03": 0.1},
        charges=(ChargeLine("0360", "", 1, 12900.0), ChargeLine("0278", "C1713", 6, 420.0)),
    ),
    Scenario(
        name="rib_fractures_hemothorax",
        setting="inpatient",
        weight=0.8,
        ages=(30, 85),
        service="TRAUMA",
        admission_type="5",
        complaint=("MVC, {side} chest pain",),
        admitting=("S29.9XXA",),
        hpi=(
            ("{age} yo {man} restrained driver in T-bone collision with another car, {side} sided impact, no LOC.",),
            ("Pan-scan: {side} ribs 5-8 fx, small HTX.",),
        ),
        main=(
            Dx(
                "S27.1XXA",
                ("traumatic HTX {side}", "{side} hemothorax, chest tube placed"),
                plan=("CT to suction, IS, pain control",),
                ops=(
                    Op(
                        "0W9{side:9|B}30Z",
                        "{side} chest tube",
                        day=0,
                        note=("28 Fr tube {side} 5th ICS, 300 cc dark blood out, to suction.",),
                    ),
                ),
                brings=(
                    Dx(
                        "S22.4{side:1|2}XA",
                        ("{side} ribs 5-8 fx, no flail", "multiple {side:R|L} rib fractures"),
                        plan=("multimodal pain, paravertebral block",),
                    ),
                    Dx("V43.52XA", ("Was driving, hit by a sedan at an intersection.",), place="story"),
                ),
            ),
        ),
        also=(Dx("J96.01", ("acute hypoxic resp failure",), share=0.15, plan=("HFNC",)),),
        exam={"chest": "{side} chest wall tender with ecchymosis", "lungs": "decreased at {side} base"},
        vitals={"HR": (94, 118), "SpO2": (90, 95)},
        studies=(
            Study(
                "CT chest",
                ("{side:Right|Left} 5th-8th rib fractures, moderate pleural blood.",),
                ("{side:Right|Left} rib fractures with hemothorax, no PTX.",),
            ),
        ),
        course=(("Tube out on day 3, IS 1500.",),),
        denies=("LOC", "abdominal pain", "neck pain"),
        drugs=("ketorolac 15 mg IV q6h", "lidocaine patch"),
        los=(3, 4, 7),
        icu=0.4,
        chronic=1.2,
        leaves={"01": 0.75, "06": 0.12, "03": 0.13},
        without=("afib",),
    ),
    Scenario(
        name="vertebral_compression_fracture",
        setting="inpatient",
        weight=0.8,
        ages=(70, 94),
        sex="F",
        service="MED",
        complaint=("severe back pain",),
        admitting=("M54.50",),
        hpi=(("{age} yo {man} with osteoporosis, severe mid back pain after lifting groceries {n} days ago.",),),
        main=(
            Dx(
                "M80.08XA",
                ("osteoporotic compression fx at T-12", "fragility fx of T-12, age-related OP"),
                plan=("TLSO, calcitonin, kyphoplasty",),
            ),
        ),
        ops=(
            Op(
                "0PS43ZZ",
                "kyphoplasty, balloon reduction",
                day=2,
                note=(
                    (
                        "Transpedicular access bilateral, balloons inflated, height restored 20%, cement "
                        "filled without leak."
                    ),
                ),
            ),
            Op("0PU43JZ", "cement augmentation of the vertebra", day=2),
        ),
        exam={"back": "midline tenderness thoracolumbar junction", "neuro": "strength 5/5 LEs"},
        studies=(
            Study(
                "MRI lumbar spine",
                ("Acute wedge deformity with marrow edema, no retropulsion.",),
                ("Acute compression deformity at the thoracolumbar junction.",),
            ),
        ),
        course=(("Pain better after procedure, walking with walker.",),),
        denies=("incontinence", "leg weakness", "trauma"),
        drugs=("calcitonin nasal 200 units daily", "acetaminophen 1 g PO TID"),
        los=(2, 3, 6),
        leaves={"01": 0.35, "06": 0.35, "03": 0.3},
        without=("osteoporosis",),
    ),
)
