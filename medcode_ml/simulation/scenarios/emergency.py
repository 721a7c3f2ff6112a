"""Outpatient scenarios of the emergency department, where much is ruled out.

An uncertain diagnosis is never coded in the outpatient setting (Official Guidelines IV.H); it stands in `not_coded`.
"""

from __future__ import annotations

from medcode_ml.simulation.model import ChargeLine, Dx, Scenario, Study

_ED = ChargeLine("0450", "G0383", 1, 1180.0)
_ED_LOW = ChargeLine("0450", "G0381", 1, 540.0)

SCENARIOS = (
    Scenario(
        name="ed_chest_pain_rule_out",
        setting="outpatient",
        weight=3,
        ages=(30, 75),
        service="ED",
        admission_type="1",
        complaint=("chest pain",),
        admitting=("R07.9",),
        hpi=(
            ("{age} yo {man} with {n} hours of intermittent L chest pain, worse with movement.",),
            ("Serial trops neg, EKG NSR no ST changes.",),
        ),
        main=(
            Dx(
                "R07.89",
                ("atypical CP, chest wall", "noncardiac chest pain"),
                share=0.6,
                plan=("d/c with PCP f/u, stress outpt",),
            ),
            Dx("R07.9", ("chest pain, workup neg",), share=0.4, plan=("cardiology f/u 72 h",)),
        ),
        exam={"chest": "reproducible tenderness L parasternal"},
        denies=("dyspnea", "diaphoresis", "leg swelling"),
        not_coded=(
            "Rule out ACS. Cannot r/o unstable angina entirely, outpt stress.",
            "Doubt PE, PERC neg. Possible costochondritis.",
        ),
        studies=(Study("CXR PA/lateral", ("Clear lungs, normal heart.",), ("No acute process. No PTX.",)),),
        labs={"Troponin": (0.0, 0.01)},
        drugs=("aspirin 324 mg PO once", "ketorolac 15 mg IV"),
        chronic=1,
        without=("chf_chronic", "cad", "afib"),
        charges=(_ED, ChargeLine("0730", "G0403", 1, 240.0)),
    ),
    Scenario(
        name="ed_abdominal_pain",
        setting="outpatient",
        weight=2,
        ages=(18, 70),
        service="ED",
        admission_type="1",
        complaint=("abd pain",),
        admitting=("R10.9",),
        hpi=(
            ("{age} yo {man} with {n} days of crampy abdominal pain and loose stools after takeout.",),
            ("CT unremarkable.",),
        ),
        main=(
            Dx(
                "K52.9",
                ("gastroenteritis, noninfectious vs viral, no cause found", "acute GE"),
                share=0.5,
                plan=("zofran, PO challenge ok",),
            ),
            Dx("R10.84", ("diffuse abd pain, cause unclear",), share=0.5, plan=("bentyl, PCP f/u",)),
        ),
        exam={"abdomen": "soft, mild diffuse tenderness, no guarding"},
        denies=("melena", "fever", "urinary sx"),
        not_coded=("Possible early appendicitis discussed, return if pain moves to RLQ.", "Suspect viral etiology."),
        drugs=("ondansetron 4 mg ODT",),
        chronic=0.6,
        charges=(_ED,),
        studies=(
            Study(
                "CT abdomen/pelvis",
                ("Normal appendix. No obstruction.",),
                ("No acute abnormality. No evidence of appendicitis.",),
            ),
        ),
    ),
    Scenario(
        name="ed_headache_migraine",
        setting="outpatient",
        weight=1.5,
        ages=(16, 60),
        service="ED",
        admission_type="1",
        complaint=("HA x {n} days",),
        admitting=("R51.9",),
        hpi=(("{age} yo {man} with throbbing unilateral HA, photophobia, nausea, like prior migraines.",),),
        main=(
            Dx(
                "G43.909",
                ("migraine", "migraine HA, typical for {him}"),
                share=0.5,
                plan=("toradol/compazine, resolved",),
            ),
            Dx("G43.109", ("migraine w/ aura",), share=0.25, plan=("triptan rx",)),
            Dx("R51.9", ("HA, nonspecific",), share=0.25, plan=("NSAIDs",)),
        ),
        exam={"neuro": "CN intact, neck supple, no meningismus"},
        denies=("thunderclap onset", "fever", "neck stiffness", "weakness"),
        not_coded=("SAH considered, unlikely.",),
        drugs=("ketorolac 30 mg IV", "prochlorperazine 10 mg IV"),
        chronic=0.3,
        without=("migraine",),
        charges=(_ED_LOW, ChargeLine("0636", "J1885", 2, 18.0)),
    ),
    Scenario(
        name="ed_dvt_ruled_out",
        setting="outpatient",
        weight=1.2,
        ages=(30, 80),
        service="ED",
        admission_type="1",
        complaint=("{side} calf pain",),
        admitting=("M79.66{side:1|2}",),
        hpi=(("{age} yo {man} with {n} days of {side} calf soreness after hiking.",),),
        main=(
            Dx("M79.66{side:1|2}", ("{side} calf pain", "{side:R|L} lower leg pain"), share=0.6, plan=("NSAIDs, f/u",)),
            Dx(
                "M71.2{side:1|2}",
                ("{side} Baker's cyst", "popliteal cyst {side:R|L}"),
                share=0.4,
                plan=("compression, ortho f/u",),
            ),
        ),
        exam={"ext": "{side} calf mildly tender, no cords, equal girth"},
        denies=("chest pain", "dyspnea", "recent surgery"),
        not_coded=("R/o DVT: duplex neg.", "Questionable early phlebitis."),
        studies=(Study("Venous duplex {side} lower extremity", ("All segments compress.",), ("No e/o DVT.",)),),
        drugs=("ibuprofen 600 mg PO",),
        chronic=0.7,
        without=("afib", "hx_dvt"),
        charges=(_ED_LOW,),
    ),
)
