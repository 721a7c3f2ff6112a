"""The pool of chronic conditions that adult patients bring along, with how clinicians abbreviate them.

`share` of a condition is its frequency at age 70 relative to the others; below `from_age` it is not drawn.
"""

from __future__ import annotations

from dataclasses import dataclass

from medcode_ml.simulation.model import Dx


@dataclass(frozen=True)
class Chronic:
    """A chronic condition with what comes along with it; a patient has only one of a `group`."""

    name: str
    dx: Dx
    from_age: int
    group: str = ""
    sex: str = "any"


def _dx(
    code: str,
    says: tuple[str, ...],
    share: float,
    drugs: tuple[str, ...] = (),
    brings: tuple[Dx, ...] = (),
    **labs: tuple[float, float],
) -> Dx:
    return Dx(code, says, share=share, place="history", drugs=drugs, brings=brings, labs=labs)


def _status(code: str, *says: str, share: float = 1.0) -> Dx:
    return Dx(code, says, share=share, place="history")


_ORAL = _status("Z79.84", "on metformin", "takes glipizide", share=0.7)
_INSULIN = _status("Z79.4", "on basal insulin", "uses Lantus", share=0.4)

POOL: tuple[Chronic, ...] = (
    Chronic(
        "htn",
        _dx("I10", ("HTN", "high BP", "htn on 2 agents"), 6, ("lisinopril 20 mg PO daily", "amlodipine 5 mg PO daily")),
        35,
    ),
    Chronic("hld", _dx("E78.5", ("HLD", "hyperlipidemia", "dyslipidemia"), 5, ("atorvastatin 40 mg PO nightly",)), 35),
    Chronic(
        "t2dm",
        _dx("E11.9", ("T2DM", "DM2", "type 2 DM", "NIDDM"), 2.2, ("metformin 1,000 mg PO BID",), (_ORAL,)),
        38,
        "dm",
    ),
    Chronic(
        "t2dm_hyper",
        _dx(
            "E11.65",
            ("T2DM w/ hyperglycemia", "poorly controlled DM2, hyperglycemic"),
            1,
            ("insulin glargine 20 units nightly",),
            (_INSULIN,),
            Glu=(190, 320),
            A1c=(8.5, 11),
        ),
        38,
        "dm",
    ),
    Chronic(
        "t2dm_neuro",
        _dx(
            "E11.42",
            ("DM2 with polyneuropathy", "T2DM c/b neuropathy of feet"),
            0.8,
            ("gabapentin 300 mg PO TID", "metformin 500 mg PO BID"),
            (_ORAL,),
        ),
        45,
        "dm",
    ),
    Chronic("ckd3a", _dx("N18.31", ("CKD 3a", "CKD IIIa"), 0.8, (), (), Cr=(1.3, 1.6)), 50, "ckd"),
    Chronic(
        "ckd3b",
        _dx("N18.32", ("CKD 3b", "CKD stage IIIb, baseline Cr 1.8"), 1.0, (), (), Cr=(1.6, 2.1), BUN=(24, 38)),
        55,
        "ckd",
    ),
    Chronic(
        "ckd4", _dx("N18.4", ("CKD 4", "CKD IV, baseline Cr 2.9"), 0.4, (), (), Cr=(2.5, 3.4), BUN=(34, 58)), 55, "ckd"
    ),
    Chronic(
        "esrd",
        _dx(
            "N18.6",
            ("ESRD on HD TTS", "ESRD, dialyzes MWF"),
            0.25,
            ("sevelamer 800 mg PO TID",),
            (_status("Z99.2", "HD dependent via fistula"),),
            Cr=(5, 9),
            BUN=(40, 80),
        ),
        45,
        "ckd",
    ),
    Chronic(
        "cad",
        _dx(
            "I25.10",
            ("CAD", "CAD s/p intervention", "known coronary dz"),
            1.8,
            ("aspirin 81 mg PO daily", "metoprolol succinate 50 mg PO daily"),
            (
                _status("Z95.1", "s/p CABG 2014", "prior bypass x3", share=0.35),
                _status("Z95.5", "s/p DES to RCA", "prior coronary stent", share=0.4),
                _status("I25.2", "prior MI 2016", "h/o MI", share=0.3),
            ),
        ),
        50,
    ),
    Chronic(
        "chf_chronic",
        _dx(
            "I50.22",
            ("chronic HFrEF, EF 35-40%", "chronic systolic CHF"),
            0.7,
            ("torsemide 20 mg PO daily", "carvedilol 6.25 mg PO BID"),
        ),
        55,
        "hf",
    ),
    Chronic(
        "hfpef",
        _dx("I50.32", ("chronic HFpEF", "chronic diastolic CHF"), 0.5, ("furosemide 20 mg PO daily",)),
        62,
        "hf",
    ),
    Chronic(
        "afib",
        _dx(
            "I48.20",
            ("chronic AF", "chronic a-fib", "AF, rate controlled"),
            1.0,
            ("apixaban 5 mg PO BID",),
            (_status("Z79.01", "on apixaban", "on Eliquis"),),
        ),
        60,
        "af",
    ),
    Chronic(
        "paf",
        _dx(
            "I48.0",
            ("PAF", "paroxysmal a-fib"),
            0.7,
            ("apixaban 5 mg PO BID",),
            (_status("Z79.01", "on apixaban", "on DOAC"),),
        ),
        58,
        "af",
    ),
    Chronic(
        "copd",
        _dx("J44.9", ("COPD", "COPD on inhalers"), 1.2, ("tiotropium 18 mcg inhaled daily", "albuterol HFA prn")),
        50,
        "airway",
    ),
    Chronic("asthma", _dx("J45.909", ("asthma", "asthma since childhood"), 0.6, ("albuterol HFA prn",)), 18, "airway"),
    Chronic(
        "hypothyroid", _dx("E03.9", ("hypothyroid", "hypothyroidism"), 1.4, ("levothyroxine 75 mcg PO daily",)), 35
    ),
    Chronic("gerd", _dx("K21.9", ("GERD", "reflux"), 2.2, ("omeprazole 20 mg PO daily",)), 25),
    Chronic("osa", _dx("G47.33", ("OSA on CPAP", "OSA"), 1.0), 35),
    Chronic(
        "obesity1",
        _dx(
            "E66.811",
            ("class 1 obesity", "obesity, class I"),
            0.9,
            (),
            (Dx("Z68.32", ("BMI 32.4 today.",), place="nursing"),),
        ),
        20,
        "weight",
    ),
    Chronic(
        "obesity2",
        _dx(
            "E66.812",
            ("class 2 obesity", "obesity class II"),
            0.6,
            (),
            (Dx("Z68.37", ("BMI 37.1 today.",), place="nursing"),),
        ),
        20,
        "weight",
    ),
    Chronic(
        "obesity3",
        _dx(
            "E66.813",
            ("class 3 obesity", "morbid obesity"),
            0.5,
            (),
            (Dx("Z68.41", ("BMI 42.8 today.",), place="nursing"),),
        ),
        20,
        "weight",
    ),
    Chronic(
        "tobacco",
        _dx(
            "F17.210",
            ("current smoker, 1 ppd", "smokes cigarettes 1/2 ppd, tobacco use disorder"),
            1.2,
            ("nicotine patch 21 mg daily",),
        ),
        20,
        "smoke",
    ),
    Chronic("former_smoker", _dx("Z87.891", ("former smoker, 30 pk-yrs", "quit smoking 2009"), 1.8), 40, "smoke"),
    Chronic(
        "depression", _dx("F32.A", ("depression", "depressed mood on SSRI"), 1.2, ("sertraline 50 mg PO daily",)), 20
    ),
    Chronic("anxiety", _dx("F41.9", ("anxiety",), 0.9, ("hydroxyzine 25 mg PO prn",)), 20),
    Chronic("anemia_ckd", _dx("D63.1", ("anemia of CKD",), 0.5, (), (), Hgb=(8.9, 10.6)), 55, "anemia"),
    Chronic(
        "ida",
        _dx("D50.9", ("iron def anemia", "IDA"), 0.6, ("ferrous sulfate 325 mg PO daily",), (), Hgb=(9.6, 11.2)),
        20,
        "anemia",
    ),
    Chronic("knee_oa", _dx("M17.0", ("b/l knee OA", "DJD both knees"), 0.9, ("acetaminophen 650 mg PO prn",)), 55),
    Chronic(
        "osteoporosis", _dx("M81.0", ("osteoporosis", "OP on alendronate"), 0.8, ("alendronate 70 mg PO weekly",)), 62
    ),
    Chronic("gout", _dx("M10.9", ("gout",), 0.6, ("allopurinol 100 mg PO daily",)), 42),
    Chronic(
        "bph",
        _dx(
            "N40.1",
            ("BPH with LUTS", "BPH w/ nocturia and weak stream"),
            1.2,
            ("tamsulosin 0.4 mg PO daily",),
            (Dx("R35.1", ("nocturia x3",), place="history"),),
        ),
        58,
        sex="M",
    ),
    Chronic(
        "dementia",
        _dx(
            "G30.9",
            ("Alzheimer's", "AD, moderate", "Alzheimer dz"),
            0.7,
            ("donepezil 10 mg PO nightly",),
            (Dx("F02.B0", ("moderate dementia, no behaviors",), place="history"),),
        ),
        75,
        "cognition",
    ),
    Chronic(
        "parkinson", _dx("G20.A1", ("Parkinson's", "PD on Sinemet"), 0.3, ("carbidopa-levodopa 25-100 PO TID",)), 65
    ),
    Chronic("hx_stroke", _dx("Z86.73", ("prior CVA without deficits", "h/o TIA 2019, no residual"), 0.8), 58),
    Chronic("hx_dvt", _dx("Z86.718", ("h/o DVT 2012", "remote DVT, off AC"), 0.4), 45),
    Chronic(
        "hx_breast",
        _dx("Z85.3", ("h/o breast ca s/p lumpectomy 2010", "remote breast CA, NED"), 0.6),
        50,
        "cancer",
        "F",
    ),
    Chronic("hx_colon", _dx("Z85.038", ("h/o colon ca 2013, NED",), 0.3), 55, "cancer"),
    Chronic("hx_prostate", _dx("Z85.46", ("h/o prostate ca s/p XRT",), 0.5), 62, "cancer", "M"),
    Chronic("pad", _dx("I73.9", ("PVD", "PAD"), 0.5, ("clopidogrel 75 mg PO daily",)), 58),
    Chronic("ra", _dx("M06.9", ("RA", "rheumatoid, on MTX"), 0.4, ("methotrexate 15 mg PO weekly",)), 40),
    Chronic("migraine", _dx("G43.909", ("migraines",), 0.5, ("sumatriptan 50 mg PO prn",)), 18),
    Chronic("glaucoma", _dx("H40.9", ("glaucoma",), 0.4, ("latanoprost drops nightly",)), 58),
    Chronic("hcv", _dx("B18.2", ("chronic hep C, untreated", "HCV"), 0.2), 30),
    Chronic("vitd", _dx("E55.9", ("vit D def", "low vit D"), 0.6, ("cholecalciferol 2,000 IU daily",)), 30),
    Chronic("prediabetes", _dx("R73.03", ("prediabetes", "prediabetes, A1c 6.1"), 0.9), 35, "dm"),
    Chronic("fibromyalgia", _dx("M79.7", ("fibromyalgia", "fibro"), 0.5, ("duloxetine 30 mg PO daily",)), 25),
    Chronic(
        "chronic_pain",
        _dx(
            "G89.4",
            ("chronic pain syndrome", "chronic pain syndrome, on gabapentin"),
            0.4,
            ("gabapentin 300 mg PO TID",),
        ),
        30,
    ),
    Chronic(
        "restless_legs", _dx("G25.81", ("restless legs syndrome", "RLS"), 0.4, ("ropinirole 0.5 mg PO nightly",)), 40
    ),
    Chronic("pacemaker", _dx("Z95.0", ("has a PPM", "pacer placed 2018"), 0.3), 68),
    Chronic("aspirin", _dx("Z79.82", ("takes a daily baby aspirin",), 0.8, ("aspirin 81 mg PO daily",)), 50),
    Chronic("pcn_allergy", _dx("Z88.0", ("PCN allergy (hives)",), 0.7), 18),
    Chronic("alcohol", _dx("F10.10", ("EtOH abuse, binges weekends", "alcohol misuse/abuse"), 0.4), 25),
)
