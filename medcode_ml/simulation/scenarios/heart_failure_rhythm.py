"""Inpatient scenarios of heart failure, rhythm, syncope and venous thrombosis."""

from __future__ import annotations

from medcode_ml.simulation.model import Dx, Op, Scenario, Study

_HF_EXAM = {
    "lungs": "bibasilar crackles 1/2 way up",
    "neck": "JVP 14 cm, +HJR",
    "ext": "2+ pitting edema to knees b/l",
    "heart": "S3 present, no rub",
}
_ECHO_LOW = Study(
    "Transthoracic echo",
    ("LVEF 25-30% with global hypokinesis. LA moderately dilated. Moderate functional MR.",),
    ("Severely reduced LV systolic function.",),
)
_ECHO_OK = Study(
    "Transthoracic echo",
    ("LVEF 60%, concentric LVH, E/e' 18, LA enlarged.",),
    ("Preserved LVEF with elevated filling pressures.",),
)
_HF_CXR = Study(
    "CXR portable",
    ("Cardiomegaly, cephalization, small bilateral effusions.",),
    ("Pulmonary vascular congestion.", "Interstitial edema pattern, small effusions."),
)

SCENARIOS = (
    Scenario(
        name="heart_failure_systolic",
        setting="inpatient",
        weight=5,
        ages=(48, 90),
        service="CMED",
        complaint=("SOB, leg swelling, 15 lb wt gain", "worsening DOE and orthopnea x {n} days"),
        admitting=("R06.02", "R60.0"),
        hpi=(
            (
                (
                    "{age} yo {man} with known reduced EF presents with {n} days of worsening DOE, 3-pillow "
                    "orthopnea, PND and leg swelling."
                ),
                "{age}{sexletter} with cardiomyopathy here with volume overload after running out of torsemide.",
            ),
            (
                "Admits to dietary indiscretion.",
                "Weight up 15 lb from dry weight.",
                "Has been taking ibuprofen for knee pain.",
            ),
            ("Given IV Lasix 80 in ED with 1 L out.",),
        ),
        main=(
            Dx(
                "I50.23",
                (
                    "acute on chronic systolic CHF",
                    "acute on chronic HFrEF",
                    "ADHF, EF 25%, acute on chronic systolic HF",
                ),
                plan=(
                    "Lasix gtt, strict I/Os, daily wts, 2 g Na diet",
                    "IV bumex 2 BID, GDMT as BP allows",
                    "net neg 1.5 L, continue diuresis",
                ),
            ),
        ),
        also=(
            Dx(
                "I42.0",
                ("nonischemic dilated CM", "dilated cardiomyopathy, EF 25%"),
                share=0.3,
                plan=("continue carvedilol and sacubitril/valsartan",),
            ),
            Dx("J96.01", ("acute hypoxic respiratory failure d/t pulm edema",), share=0.2, plan=("O2, diurese",)),
            Dx(
                "N17.9",
                ("AKI, cardiorenal", "acute kidney injury on admission labs"),
                share=0.2,
                plan=("follow Cr with diuresis",),
                labs={"Cr": (1.9, 2.8), "BUN": (38, 66)},
            ),
            Dx("E87.6", ("hypokalemia",), share=0.2, poa="N", day=2, plan=("KCl 40 mEq x2",), labs={"K": (2.9, 3.3)}),
            Dx("I47.29", ("NSVT on tele", "runs of nonsustained VT"), share=0.08, plan=("keep K>4 Mg>2",)),
            Dx("Z91.148", ("Has not been taking {his} water pill as prescribed.",), share=0.15, place="story"),
        ),
        exam=_HF_EXAM,
        vitals={"RR": (20, 28), "SpO2": (87, 93), "HR": (88, 112)},
        labs={"BNP": (900, 4200), "Troponin": (0.01, 0.04)},
        studies=(_HF_CXR, _ECHO_LOW),
        course=(
            ("Diuresed 7 L net negative, edema resolved.", "Good response to IV diuresis, dry weight reached."),
            ("Transitioned to torsemide 40 daily.",),
        ),
        denies=("chest pain", "palpitations", "syncope", "fever"),
        drugs=("furosemide 80 mg IV BID", "carvedilol 12.5 mg PO BID", "spironolactone 25 mg PO daily"),
        los=(3, 5, 10),
        icu=0.1,
        leaves={"01": 0.55, "06": 0.25, "03": 0.15, "20": 0.05},
        has=("htn",),
        without=("chf_chronic",),
        chronic=4,
        consult="Cardiology",
    ),
    Scenario(
        name="heart_failure_diastolic",
        setting="inpatient",
        weight=4,
        ages=(60, 94),
        service="CMED",
        sex="any",
        complaint=("leg swelling and SOB",),
        admitting=("R06.02", "R60.0"),
        hpi=(
            (
                (
                    "{age} yo {man} with preserved EF, presents with {n} days of progressive leg edema, "
                    "bloating and exertional dyspnea."
                ),
            ),
            ("BP was 190s in the ED.", "Missed several dialysis-free clinic visits, salt intake high."),
            ("CXR with congestion, BNP elevated.",),
        ),
        main=(
            Dx(
                "I50.33",
                ("acute on chronic diastolic CHF", "acute on chronic HFpEF", "HFpEF exacerbation, acute on chronic"),
                share=0.8,
                plan=("IV Lasix 40 BID, BP control", "diurese, add SGLT2i at d/c"),
            ),
            Dx(
                "I50.31",
                ("acute diastolic CHF, new dx", "new onset acute HFpEF"),
                share=0.2,
                plan=("IV Lasix, echo, BP control",),
            ),
        ),
        also=(
            Dx("J96.01", ("acute hypoxic resp failure",), share=0.2, plan=("wean O2",)),
            Dx("I16.0", ("hypertensive urgency",), share=0.12, plan=("hydralazine prn, restart home meds",)),
            Dx("N17.9", ("AKI",), share=0.15, poa="N", day=2, plan=("hold Lasix today",), labs={"Cr": (1.7, 2.4)}),
        ),
        exam=_HF_EXAM,
        vitals={"SBP": (158, 204), "SpO2": (88, 94)},
        labs={"BNP": (450, 1800)},
        studies=(_HF_CXR, _ECHO_OK),
        course=(("Net negative 5 L, breathing back to baseline.",),),
        denies=("chest pain", "fever", "cough"),
        drugs=("furosemide 40 mg IV BID", "lisinopril 20 mg PO daily"),
        los=(3, 4, 8),
        leaves={"01": 0.55, "06": 0.25, "03": 0.18, "20": 0.02},
        has=("htn", "ckd3b"),
        without=("chf_chronic",),
        chronic=4,
    ),
    Scenario(
        name="afib_rvr",
        setting="inpatient",
        weight=3,
        ages=(55, 90),
        service="CMED",
        complaint=("palpitations, HR 150s",),
        admitting=("R00.2", "R00.0"),
        hpi=(
            ("{age} yo {man} with {n} days of palpitations and fatigue, found in AF with RVR to 150s.",),
            (
                "No prior arrhythmia dx.",
                "Skipped metoprolol for a week.",
                "Recent heavy alcohol over a wedding weekend.",
            ),
            ("Dilt gtt started in ED.",),
        ),
        main=(
            Dx(
                "I48.91",
                ("AF with RVR", "new onset a-fib w/ RVR"),
                share=0.5,
                plan=("dilt gtt to PO, apixaban", "rate control, CHADS-VASc 3 -> DOAC"),
            ),
            Dx(
                "I48.0", ("paroxysmal AF with RVR", "PAF, now back in sinus"), share=0.3, plan=("metoprolol, apixaban",)
            ),
            Dx(
                "I48.19",
                ("persistent AF", "persistent a-fib s/p DCCV"),
                share=0.2,
                plan=("TEE/DCCV, amio load",),
                ops=(Op("5A2204Z", "DC cardioversion, 200 J x1", day=1), Op("B24BZZ4", "TEE", day=1)),
            ),
        ),
        also=(
            Dx("Z79.01", ("Started on apixaban this admission, continues long term.",), share=0.5, place="story"),
            Dx(
                "E05.90",
                ("hyperthyroidism, new, TSH suppressed",),
                share=0.06,
                plan=("endo f/u, methimazole",),
                labs={"TSH": (0.01, 0.05)},
            ),
        ),
        exam={"heart": "irregularly irregular, tachy, no murmur"},
        vitals={"HR": (128, 164), "SBP": (102, 138)},
        labs={"TSH": (0.8, 3.5)},
        studies=(
            Study(
                "Transthoracic echo",
                ("EF 55%, LA dilated 4.6 cm, no thrombus seen.",),
                ("Normal LV function, LA enlargement.",),
            ),
        ),
        course=(("Rate controlled in 80s on PO meds.", "Converted to sinus overnight."),),
        denies=("chest pain", "syncope", "dyspnea at rest"),
        drugs=("diltiazem infusion", "metoprolol tartrate 50 mg PO BID", "apixaban 5 mg PO BID"),
        los=(1, 2, 5),
        leaves={"01": 0.93, "06": 0.07},
        without=("afib", "hypothyroid"),
    ),
    Scenario(
        name="syncope",
        setting="inpatient",
        weight=2,
        ages=(45, 92),
        service="MED",
        complaint=("passed out", "syncopal episode at home"),
        admitting=("R55",),
        hpi=(
            ("{age} yo {man} with witnessed LOC in the kitchen lasting under a minute, no post-ictal state.",),
            ("Prodrome of lightheadedness on standing.", "No prodrome, hit the floor."),
            ("Tele without arrhythmia, orthostatics checked.",),
        ),
        main=(
            Dx(
                "I95.1",
                ("orthostatic syncope", "orthostasis, SBP drop 32 on standing"),
                share=0.4,
                plan=("IVF, hold HCTZ, compression stockings",),
            ),
            Dx(
                "R55",
                ("syncope, unclear etiology", "syncopal episode, w/u neg"),
                share=0.35,
                plan=("30 day monitor, echo ok",),
            ),
            Dx(
                "I49.5",
                ("sick sinus, 5 s pauses", "SSS with symptomatic pauses"),
                share=0.25,
                plan=("s/p dual chamber PPM",),
                ops=(
                    Op(
                        "0JH606Z",
                        "dual chamber pacemaker",
                        day=2,
                        note=(
                            "{side:Right|Left} subclavian access, RA and RV leads placed under fluoro.",
                            "Thresholds acceptable, pocket irrigated and closed.",
                        ),
                    ),
                    Op("02H63JZ", "RA lead", day=2),
                    Op("02HK3JZ", "RV lead", day=2),
                ),
            ),
        ),
        also=(
            Dx("E86.0", ("dehydration",), share=0.25, plan=("IVF",)),
            Dx(
                "S01.81XA",
                ("forehead laceration, 3 cm, sutured",),
                share=0.15,
                plan=("sutures out in 5 d",),
                brings=(
                    Dx("W18.30XA", ("Struck {his} forehead on the floor when {he} fell.",), place="story"),
                    Dx("Y92.010", ("This happened in the kitchen of {his} own house.",), place="story"),
                ),
            ),
        ),
        exam={"neuro": "non-focal, gait steady with walker"},
        vitals={"SBP": (96, 128), "HR": (50, 88)},
        studies=(
            Study(
                "CT head without contrast",
                ("No hemorrhage, mass or acute territorial infarct. Chronic small vessel change.",),
                ("No acute intracranial abnormality.",),
            ),
        ),
        course=(("No events on tele.", "Ambulated without dizziness."),),
        denies=("chest pain", "tongue biting", "incontinence", "palpitations"),
        drugs=("0.9% NaCl 1 L IV bolus",),
        los=(1, 2, 4),
        leaves={"01": 0.8, "06": 0.12, "03": 0.08},
        without=("afib", "pacemaker"),
    ),
    Scenario(
        name="dvt_leg",
        setting="inpatient",
        weight=1,
        ages=(35, 85),
        service="MED",
        complaint=("{side} leg swelling",),
        admitting=("M79.89", "R60.0"),
        hpi=(
            (
                "{age} yo {man} with {n} days of {side} leg swelling and pain after a long flight.",
                "{age}{sexletter}, sedentary after ankle sprain, now {side} thigh-length swelling.",
            ),
            ("Duplex positive for occlusive thrombus in {side} femoral and popliteal veins.",),
        ),
        main=(
            Dx(
                "I82.41{side:1|2}",
                ("acute {side} femoral DVT", "extensive {side:R|L} LE DVT, femoral"),
                plan=("heparin gtt to apixaban",),
                brings=(Dx("I82.43{side:1|2}", ("popliteal DVT on the {side}",), plan=("as above",), share=0.6),),
            ),
        ),
        exam={"ext": "{side} leg swollen to thigh, warm, 3 cm larger than {other}"},
        labs={"D-dimer": (1500, 8000)},
        studies=(
            Study(
                "Venous duplex {side} lower extremity",
                ("Noncompressible {side} common femoral, femoral and popliteal veins.",),
                ("Acute occlusive thrombus, {side} femoropopliteal segment.",),
            ),
        ),
        course=(("Swelling down with elevation, DOAC tolerated.",),),
        denies=("chest pain", "dyspnea", "hemoptysis", "trauma"),
        drugs=("heparin infusion", "apixaban 10 mg PO BID"),
        los=(1, 2, 4),
        without=("afib", "hx_dvt"),
    ),
)
