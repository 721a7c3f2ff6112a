"""Inpatient scenarios of mental health, substance use and poisoning."""

from __future__ import annotations

from medcode_ml.simulation.model import Dx, Op, Scenario

SCENARIOS = (
    Scenario(
        name="alcohol_withdrawal",
        setting="inpatient",
        weight=2.5,
        ages=(28, 68),
        service="MED",
        complaint=("tremors, wants detox",),
        admitting=("R25.1", "F10.239"),
        hpi=(
            ("{age} yo {man} drinking a fifth daily, last drink {n}0 hours ago, tremor, sweats, tachycardia.",),
            ("CIWA 18.",),
        ),
        main=(
            Dx(
                "F10.230",
                ("EtOH withdrawal, no DTs or sz", "alcohol withdrawal, CIWA driven, uncomplicated"),
                share=0.5,
                plan=("phenobarb load, thiamine/folate/MVI", "CIWA ativan"),
            ),
            Dx("F10.231", ("DTs", "EtOH withdrawal delirium"), share=0.3, plan=("ICU, precedex, phenobarb",)),
            Dx("F10.239", ("alcohol withdrawal",), share=0.2, plan=("CIWA",)),
        ),
        also=(
            Dx("E83.42", ("low Mg", "hypomagnesemia"), share=0.35, plan=("Mg 2 g IV",), labs={"Mg": (1.0, 1.4)}),
            Dx("E87.6", ("hypokalemia",), share=0.3, plan=("replete",), labs={"K": (2.8, 3.3)}),
            Dx(
                "D69.6", ("low plts from EtOH", "thrombocytopenia"), share=0.2, plan=("trend",), labs={"Plt": (62, 118)}
            ),
            Dx(
                "K70.10",
                ("alcoholic hepatitis, mild, no ascites",),
                share=0.12,
                plan=("supportive, MDF 18",),
                labs={"AST": (140, 260), "ALT": (50, 90), "Tbili": (2.2, 4.5)},
            ),
        ),
        ops=(Op("HZ2ZZZZ", "medically managed detox"),),
        exam={"general": "diaphoretic, tremulous", "neuro": "tongue fasciculations, oriented"},
        vitals={"HR": (104, 132), "SBP": (144, 184)},
        labs={"AST": (48, 120), "ALT": (28, 70)},
        course=(("Last scored CIWA 3, ambulating.",), ("Declined inpatient rehab, given outpatient resources.",)),
        denies=("hallucinations", "seizures", "head trauma"),
        drugs=("phenobarbital 260 mg IV", "thiamine 200 mg IV", "folic acid 1 mg PO daily"),
        los=(2, 3, 7),
        icu=0.2,
        chronic=0.8,
        without=("alcohol",),
        leaves={"01": 0.85, "07": 0.15},
    ),
    Scenario(
        name="opioid_overdose",
        setting="inpatient",
        weight=1.5,
        ages=(20, 60),
        service="MED",
        complaint=("found down, given narcan",),
        admitting=("R40.20", "T40.411A"),
        hpi=(
            ("{age} yo {man} found unresponsive in bathroom, RR 4, woke with 4 mg IN narcan by EMS.",),
            ("Says {he} was snorting what {he} thought was heroin. Denies intent to harm {himself}.",),
        ),
        main=(
            Dx(
                "T40.411A",
                ("accidental fentanyl OD", "unintentional fentanyl overdose"),
                plan=("narcan gtt weaned, tele, SW, buprenorphine offered",),
                brings=(
                    Dx(
                        "J96.01",
                        ("hypoxic resp failure from OD", "acute hypoxic respiratory failure, narcan responsive"),
                        share=0.6,
                        plan=("O2 weaned",),
                    ),
                    Dx("F11.20", ("OUD, severe", "opioid use disorder"), plan=("buprenorphine start",)),
                    Dx("J69.0", ("aspiration PNA",), share=0.2, plan=("unasyn",)),
                ),
            ),
        ),
        also=(
            Dx("F17.210", ("smokes 1 ppd",), share=0.5, place="history"),
            Dx("B18.2", ("chronic HCV",), share=0.2, place="history"),
        ),
        exam={"neuro": "drowsy, pinpoint pupils", "lungs": "coarse {side} base"},
        vitals={"RR": (6, 12), "SpO2": (82, 91)},
        results=("UDS: fentanyl positive",),
        course=(("Awake on RA after 24 h, no repeat naloxone.",),),
        denies=("suicidal ideation", "chest pain"),
        drugs=("naloxone infusion", "buprenorphine-naloxone 8-2 mg SL"),
        los=(1, 2, 4),
        icu=0.4,
        chronic=0.3,
        without=("tobacco", "former_smoker", "hcv"),
        leaves={"01": 0.75, "07": 0.23, "20": 0.02},
    ),
    Scenario(
        name="acetaminophen_selfharm",
        setting="inpatient",
        weight=0.8,
        ages=(18, 45),
        service="MED",
        sex="F",
        complaint=("took a bottle of Tylenol",),
        admitting=("T39.1X2A",),
        hpi=(
            ("{age} yo {man} took about 40 tabs of acetaminophen after an argument, told roommate 5 h later.",),
            ("4 h level above treatment line, NAC started.",),
        ),
        main=(
            Dx(
                "T39.1X2A",
                ("intentional APAP overdose", "Tylenol OD, suicide attempt"),
                plan=("NAC 21 h protocol, LFTs q8h, 1:1 sitter",),
                brings=(
                    Dx(
                        "F33.2",
                        ("MDD, recurrent, severe w/o psychosis",),
                        plan=("psych consult, inpatient psych when cleared",),
                    ),
                ),
            ),
        ),
        exam={"abdomen": "mild RUQ tenderness", "psych": "tearful, flat"},
        labs={"APAP": (140, 260), "AST": (30, 90), "ALT": (30, 90)},
        course=(("LFTs peaked at 90 and fell.",),),
        denies=("alcohol", "other ingestions", "vomiting"),
        drugs=("acetylcysteine IV 21 h protocol",),
        los=(2, 2, 4),
        chronic=0.2,
        without=("depression",),
        leaves={"65": 0.8, "01": 0.2},
        consult="Psychiatry",
    ),
    Scenario(
        name="depression_inpatient",
        setting="inpatient",
        weight=1.2,
        ages=(18, 70),
        service="PSYCH",
        complaint=("depressed, suicidal thoughts",),
        admitting=("R45.851", "F32.A"),
        hpi=(
            ("{age} yo {man} with {n} weeks of low mood, anhedonia, poor sleep, passive SI now with plan.",),
            ("Stopped escitalopram in the summer.",),
        ),
        main=(
            Dx(
                "F33.2",
                ("MDD recurrent severe, no psychotic features", "MDD, severe, recurrent"),
                share=0.75,
                plan=("restart SSRI, groups, safety plan",),
            ),
            Dx("F32.2", ("MDD, first episode, severe",), share=0.25, plan=("sertraline, therapy",)),
        ),
        also=(
            Dx("R45.851", ("SI with plan on admission", "suicidal ideation"), plan=("q15 checks",)),
            Dx("F41.1", ("GAD",), share=0.3, plan=("buspirone",)),
        ),
        exam={"psych": "psychomotor slowing, mood 'empty', no AVH"},
        course=(("Mood brighter, denies SI for 72 h, contracts for safety.",),),
        denies=("hallucinations", "mania", "homicidal ideation"),
        drugs=("escitalopram 10 mg PO daily", "trazodone 50 mg PO qHS"),
        los=(4, 7, 12),
        chronic=0.7,
        without=("depression", "anxiety", "dementia"),
        leaves={"01": 1.0},
    ),
)
