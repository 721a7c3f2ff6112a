"""Inpatient scenarios of the nervous system."""

from __future__ import annotations

from medcode_ml.simulation.model import Dx, Op, Scenario, Study

_CTH = Study(
    "CT head without contrast",
    ("No hemorrhage. Subtle loss of gray-white differentiation in the {other} insula.",),
    ("No hemorrhage. Possible early ischemic change {other} MCA territory.",),
)

SCENARIOS = (
    Scenario(
        name="stroke_afib_hemiparesis",
        setting="inpatient",
        weight=3,
        ages=(60, 92),
        service="NMED",
        complaint=("{side} sided weakness, facial droop",),
        admitting=("R29.810", "R53.1"),
        hpi=(
            ("{age} yo right-handed {man}, LKW 0700, found with {side} arm and leg weakness and slurred speech.",),
            ("tPA given at 0915.", "Outside tPA window.", "Not a lytic candidate, on DOAC."),
            ("CTA: {other} M1 occlusion.", "CTA with {other} M2 cutoff."),
        ),
        main=(
            Dx(
                "I63.41{side:2|1}",
                (
                    "cardioembolic CVA, {other} MCA",
                    "acute {other} MCA stroke from AF",
                    "{other:R|L} MCA infarct, embolic",
                ),
                plan=("permissive HTN, hold AC x7d, statin, PT/OT/SLP", "stroke w/u done, apixaban on day 7"),
                brings=(
                    Dx(
                        "G81.9{side:1|4}",
                        ("{side} hemiparesis", "{side} sided weakness, arm>leg, dense hemiparesis"),
                        plan=("PT/OT",),
                    ),
                    Dx("R47.01", ("expressive aphasia", "global aphasia"), share=0.4, plan=("SLP",)),
                    Dx("R29.810", ("facial droop {side}",), share=0.6, plan=("SLP",)),
                    Dx(
                        "R13.12",
                        ("dysphagia, oropharyngeal phase, failed bedside swallow",),
                        share=0.35,
                        plan=("puree/nectar",),
                    ),
                ),
            ),
        ),
        also=(
            Dx("I48.91", ("AF", "a-fib, newly found on tele"), share=0.55, plan=("apixaban when safe",)),
            Dx("R29.7{nihss}", ("NIHSS {nihss_score} on arrival per RN.",), place="nursing"),
            Dx("Z92.82", ("Got tPA at the outside hospital before transfer here.",), share=0.12, place="story"),
        ),
        exam={
            "neuro": "{side} facial droop, {side} arm 2/5, leg 3/5, dysarthric, gaze preference",
            "heart": "irregular",
        },
        vitals={"SBP": (152, 196)},
        studies=(
            _CTH,
            Study(
                "MRI brain",
                ("Restricted diffusion in the {other} MCA territory.",),
                ("Acute {other} MCA infarct, no hemorrhagic conversion.",),
            ),
        ),
        ops=(
            Op(
                "03CG3ZZ",
                "mechanical thrombectomy",
                day=0,
                share=0.3,
                note=(
                    (
                        "{side:Right|Left} femoral access. {other:Right|Left} M1 occlusion crossed, two "
                        "passes with aspiration and stent retriever, TICI 2b."
                    ),
                    "No hemorrhage on cone beam CT.",
                ),
            ),
        ),
        course=(("Strength improving to 3+/5 at discharge.", "Deficit persists, transferring to acute rehab."),),
        denies=("headache", "seizure", "chest pain"),
        drugs=("atorvastatin 80 mg PO nightly", "aspirin 81 mg PO daily"),
        los=(3, 5, 9),
        icu=0.35,
        has=("htn", "hld"),
        leaves={"62": 0.45, "03": 0.2, "01": 0.2, "06": 0.1, "20": 0.05},
        without=("afib", "hx_stroke"),
        consult="Neurology",
    ),
    Scenario(
        name="tia",
        setting="inpatient",
        weight=1,
        ages=(50, 90),
        service="NMED",
        complaint=("transient {side} arm weakness",),
        admitting=("R29.90", "R53.1"),
        hpi=(
            ("{age} yo {man} with 20 min of {side} arm numbness and word finding trouble, fully resolved in triage.",),
            ("ABCD2 of 4.",),
        ),
        main=(Dx("G45.9", ("TIA", "transient ischemic attack, resolved"), plan=("DAPT x21d, statin, event monitor",)),),
        exam={"neuro": "NIHSS 0, no drift, speech fluent"},
        studies=(
            Study("MRI brain", ("No restricted diffusion. Chronic microvascular change.",), ("No acute infarct.",)),
        ),
        course=(("No recurrent symptoms.",),),
        denies=("headache", "vision loss", "palpitations"),
        drugs=("clopidogrel 300 mg PO load", "aspirin 81 mg PO daily"),
        los=(1, 1, 3),
        has=("htn",),
        without=("hx_stroke",),
    ),
    Scenario(
        name="seizure_epilepsy",
        setting="inpatient",
        weight=2,
        ages=(18, 75),
        service="NMED",
        complaint=("seizure x2",),
        admitting=("R56.9",),
        hpi=(
            ("{age} yo {man} with known epilepsy, two GTCs at home, post-ictal on arrival.",),
            ("Ran out of Keppra {n} days ago.", "Level of lamotrigine subtherapeutic, missed doses."),
            ("Loaded with levetiracetam.",),
        ),
        main=(
            Dx(
                "G40.909",
                ("breakthrough seizure, known epilepsy", "epilepsy w/ breakthrough sz"),
                share=0.55,
                plan=("Keppra 1 g BID, sz precautions, no driving",),
            ),
            Dx(
                "G40.409",
                ("generalized tonic-clonic epilepsy", "GTC epilepsy, breakthrough"),
                share=0.3,
                plan=("Keppra 1.5 g BID",),
            ),
            Dx(
                "G40.901",
                ("status epilepticus", "status, aborted w/ ativan and fosphenytoin"),
                share=0.15,
                plan=("EEG, ICU",),
            ),
        ),
        also=(
            Dx(
                "Z91.148",
                ("{He} had stopped taking {his} AED.",),
                share=0.4,
                place="story",
                brings=(Dx("T42.6X6A", ("Was underdosing levetiracetam, ran out early.",), place="story"),),
            ),
            Dx("S01.512A", ("tongue lac from the seizure",), share=0.15, plan=("no repair",)),
        ),
        ops=(Op("4A10X4Z", "EEG monitoring", day=0, share=0.5),),
        exam={"neuro": "post-ictal, follows commands, no focal weakness"},
        vitals={"HR": (90, 116)},
        labs={"Lactate": (2.2, 6), "WBC": (9, 14)},
        studies=(Study("CT head without contrast", ("No mass or bleed.",), ("No acute intracranial abnormality.",)),),
        course=(("No further seizures, at baseline.",),),
        denies=("fever", "headache", "alcohol use"),
        drugs=("levetiracetam 1,500 mg IV load",),
        los=(1, 2, 4),
        chronic=1,
        without=("alcohol",),
    ),
    Scenario(
        name="subdural_fall",
        setting="inpatient",
        weight=1.2,
        ages=(65, 94),
        service="NSURG",
        admission_type="5",
        complaint=("fall with head strike",),
        admitting=("S09.90XA",),
        hpi=(
            ("{age} yo {man} on aspirin, mechanical fall at home, struck head, brief LOC less than 10 min, GCS 14.",),
            ("CT with {side} SDH 11 mm, 5 mm shift.",),
        ),
        main=(
            Dx(
                "S06.5X1A",
                ("traumatic SDH {side}, LOC <30 min", "acute {side:R|L} subdural w/ brief LOC"),
                plan=("NSGY for evacuation, keppra x7d, hold ASA", "post-op CT improved"),
                brings=(
                    Dx("W01.0XXA", ("Tripped over a throw rug and fell.",), place="story"),
                    Dx("Y92.013", ("It happened in the bedroom of {his} house.",), place="story"),
                ),
            ),
        ),
        also=(
            Dx(
                "G93.5",
                ("brain compression with midline shift", "mass effect/herniation syndrome"),
                share=0.3,
                plan=("serial neuro checks",),
            ),
        ),
        ops=(
            Op(
                "00C40ZZ",
                "craniotomy for evacuation of subdural",
                day=0,
                share=0.6,
                note=(
                    (
                        "{side:Right|Left} frontoparietal flap, dura opened, clot evacuated and irrigated. "
                        "Subdural drain left."
                    ),
                    "Bone plated. EBL 150 cc.",
                ),
            ),
        ),
        exam={"neuro": "GCS 14, pronator drift {other}", "head": "{side} scalp hematoma"},
        studies=(
            Study(
                "CT head without contrast",
                ("{side:Right|Left} convexity extra-axial hyperdense collection 11 mm, 5 mm midline shift.",),
                ("Acute subdural hematoma with midline shift.",),
            ),
        ),
        course=(("Neuro exam improved, drain out.",),),
        denies=("seizure", "neck pain", "vomiting"),
        drugs=("levetiracetam 500 mg IV BID",),
        los=(4, 6, 11),
        icu=0.9,
        leaves={"62": 0.35, "03": 0.35, "01": 0.15, "20": 0.15},
        without=("afib",),
    ),
    Scenario(
        name="encephalopathy_dementia_uti",
        setting="inpatient",
        weight=1.5,
        ages=(74, 96),
        service="MED",
        complaint=("AMS",),
        admitting=("R41.82",),
        hpi=(
            ("{age} yo {man} with dementia, {n} days more confused and agitated, not eating.",),
            ("UA positive, CT head negative.",),
        ),
        main=(
            Dx(
                "G93.41",
                (
                    "metabolic encephalopathy from UTI",
                    "toxic-metabolic encephalopathy",
                    "acute metabolic enceph on dementia",
                ),
                plan=("treat UTI, delirium precautions",),
                brings=(Dx("N39.0", ("UTI",), plan=("CTX x5d",)),),
            ),
        ),
        also=(
            Dx("E86.0", ("dehydration",), share=0.5, plan=("gentle IVF",)),
            Dx("E87.0", ("hypernatremia, free water deficit",), share=0.25, plan=("D5W",), labs={"Na": (148, 156)}),
            Dx("Z66", ("DNR confirmed with HCP",), share=0.35, plan=("comfort focused if worsens",)),
        ),
        exam={"neuro": "oriented to self only, inattentive, moves all 4"},
        vitals={"T": (37.1, 38.2)},
        results=("UA: LE large, nitrite pos",),
        cultures=(("Urine culture", "Escherichia coli"),),
        studies=(
            Study(
                "CT head without contrast",
                ("Atrophy and chronic white matter change. No hemorrhage.",),
                ("No acute intracranial abnormality.",),
            ),
        ),
        course=(("Back to baseline orientation per daughter.",),),
        denies=("falls", "headache"),
        drugs=("ceftriaxone 1 g IV daily", "quetiapine 12.5 mg PO qHS prn"),
        los=(3, 4, 8),
        has=("dementia",),
        leaves={"03": 0.5, "01": 0.25, "06": 0.22, "20": 0.03},
    ),
)
