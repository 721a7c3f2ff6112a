"""Inpatient scenarios of children."""

from __future__ import annotations

from medcode_ml.simulation.model import Dx, Op, Scenario, Study

SCENARIOS = (
    Scenario(
        name="asthma_child",
        setting="inpatient",
        weight=1.5,
        ages=(3, 16),
        service="PEDS",
        complaint=("wheezing, increased WOB",),
        admitting=("R06.2",),
        hpi=(
            ("{age} yo {man} with asthma, URI x{n} days, now wheeze and retractions despite albuterol q3h.",),
            ("Continuous albuterol, steroids and Mg in ED.",),
        ),
        main=(
            Dx(
                "J45.41",
                ("asthma exacerbation, moderate persistent", "mod persistent asthma w/ acute exac"),
                share=0.6,
                plan=("albuterol wean per score, orapred",),
            ),
            Dx("J45.31", ("mild persistent asthma, exacerbation",), share=0.25, plan=("wean albuterol",)),
            Dx("J45.42", ("status asthmaticus, mod persistent",), share=0.15, plan=("continuous albuterol, Mg",)),
        ),
        also=(
            Dx("J96.01", ("acute hypoxic resp failure",), share=0.15, plan=("HFNC",)),
            Dx("B34.8", ("rhinovirus/enterovirus on RVP",), share=0.25, plan=("supportive",)),
            Dx("Z77.22", ("Father smokes in the home.",), share=0.2, place="story"),
        ),
        exam={"lungs": "diffuse exp wheeze, subcostal retractions"},
        vitals={"RR": (30, 46), "HR": (120, 156), "SpO2": (87, 92), "SBP": (92, 112)},
        course=(("Spaced to q4h albuterol, asthma action plan reviewed.",),),
        denies=("fever", "vomiting", "choking"),
        drugs=("albuterol continuous neb 10 mg/h", "prednisolone 2 mg/kg PO daily"),
        los=(1, 2, 3),
        icu=0.15,
        chronic=0,
    ),
    Scenario(
        name="bronchiolitis_rsv",
        setting="inpatient",
        weight=1.5,
        ages=(0, 1),
        service="PEDS",
        complaint=("cough, poor feeding",),
        admitting=("R06.03",),
        hpi=(("Infant {man} with {n} days of congestion, now increased WOB and poor feeding, RSV positive.",),),
        main=(Dx("J21.0", ("RSV bronchiolitis", "RSV bronch, day {n}"), plan=("HFNC, suction, NG feeds if RR >60",)),),
        also=(
            Dx("J96.01", ("acute hypoxic respiratory failure on HFNC 2 L/kg",), share=0.35, plan=("wean HFNC",)),
            Dx("E86.0", ("dehydration",), share=0.3, plan=("NS bolus, mIVF",)),
        ),
        exam={"lungs": "diffuse crackles and wheeze, nasal flaring"},
        vitals={"T": (37.4, 38.6), "RR": (48, 70), "HR": (140, 176), "SpO2": (86, 92), "SBP": (72, 92)},
        course=(("Weaned to RA, bottle feeding well.",),),
        denies=("apnea", "cyanosis"),
        drugs=("acetaminophen 15 mg/kg PO prn",),
        los=(1, 2, 5),
        icu=0.15,
        chronic=0,
    ),
    Scenario(
        name="gastroenteritis_child",
        setting="inpatient",
        weight=0.8,
        ages=(1, 9),
        service="PEDS",
        complaint=("vomiting and diarrhea",),
        admitting=("R11.2",),
        hpi=(("{age} yo {man} with {n} days of NBNB emesis and watery stool, no wet diaper x10 h.",),),
        main=(
            Dx("A08.11", ("norovirus GE", "norovirus AGE, stool PCR pos"), share=0.4, plan=("ORT, zofran",)),
            Dx("A08.4", ("viral AGE", "viral gastro"), share=0.6, plan=("IVF then ORT",)),
        ),
        also=(Dx("E86.0", ("dehydration, 7%",), plan=("NS 20 cc/kg x2",)),),
        exam={"general": "tired, cap refill 3 s", "abdomen": "soft, nontender"},
        vitals={"HR": (120, 150), "T": (37, 38.4), "SBP": (88, 104)},
        labs={"CO2": (15, 19)},
        course=(("Tolerating pedialyte and crackers.",),),
        denies=("bloody stool", "bilious emesis"),
        drugs=("ondansetron 0.15 mg/kg IV",),
        los=(1, 1, 3),
        chronic=0,
    ),
    Scenario(
        name="sickle_cell_crisis",
        setting="inpatient",
        weight=1.2,
        ages=(12, 42),
        service="MED",
        complaint=("pain crisis",),
        admitting=("D57.00",),
        hpi=(
            (
                (
                    "{age} yo {man} with HbSS, {n} days of back and leg pain typical of {his} crises, "
                    "unrelieved by home oxycodone."
                ),
            ),
        ),
        main=(
            Dx(
                "D57.00",
                ("sickle cell pain crisis", "VOC, HbSS", "vaso-occlusive crisis"),
                share=0.75,
                plan=("hydromorphone PCA, IVF, IS",),
            ),
            Dx(
                "D57.01",
                ("acute chest syndrome", "ACS in HbSS with new infiltrate"),
                share=0.25,
                plan=("CTX/azithro, transfuse, O2",),
                ops=(Op("30233N1", "transfusion of packed red cells", day=1),),
            ),
        ),
        also=(
            Dx("Z79.891", ("on chronic opioids",), share=0.3, place="history"),
            Dx("K59.03", ("opioid induced constipation",), share=0.2, plan=("senna, miralax",)),
        ),
        exam={"general": "uncomfortable", "ext": "tender thighs, no swelling"},
        vitals={"HR": (92, 118), "SpO2": (92, 97)},
        labs={"Hgb": (6.6, 8.8), "WBC": (11, 17), "Retic": (9, 18)},
        studies=(Study("CXR portable", ("Mild cardiomegaly. H-shaped vertebrae.",), ("No focal consolidation.",)),),
        course=(("Transitioned from PCA to orals.",),),
        denies=("fever", "priapism", "weakness"),
        drugs=("hydromorphone PCA", "ketorolac 15 mg IV q6h", "hydroxyurea 1 g PO daily"),
        los=(3, 4, 8),
        chronic=0.2,
        without=("ida", "anemia_ckd"),
        leaves={"01": 0.95, "07": 0.05},
    ),
)
