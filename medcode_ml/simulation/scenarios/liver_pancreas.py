"""Inpatient scenarios of the liver, the gallbladder and the pancreas."""

from __future__ import annotations

from medcode_ml.simulation.model import Dx, Op, Scenario, Study
from medcode_ml.simulation.scenarios.shared_findings import ABLA

_LAP_CHOLE = Op(
    "0FT44ZZ",
    "laparoscopic cholecystectomy",
    day=1,
    note=(
        "4-port technique. Gallbladder tense with omental adhesions, decompressed.",
        "Critical view obtained; cystic duct and artery clipped and divided. Gallbladder out in bag via umbilicus.",
        "EBL 30 cc. Counts correct.",
    ),
)
_WITHDRAWAL = Dx(
    "F10.230",
    ("EtOH dependence w/ withdrawal, CIWA 14", "EtOH withdrawal, uncomplicated"),
    plan=("CIWA ativan, thiamine, folate",),
)
_DRINKING = Dx(
    "F10.20", ("heavy EtOH, a pint of vodka daily, alcohol use disorder",), plan=("thiamine, addiction consult",)
)

SCENARIOS = (
    Scenario(
        name="cholecystitis_acute",
        setting="inpatient",
        weight=3,
        ages=(22, 80),
        service="SURG",
        complaint=("RUQ pain after meals", "RUQ pain, vomiting"),
        admitting=("R10.11",),
        hpi=(
            ("{age} yo {man} with {n} days of RUQ pain radiating to back, worse after fatty food, with emesis.",),
            ("US: wall thickening, stones, sonographic Murphy positive.",),
        ),
        main=(
            Dx(
                "K80.00",
                ("acute cholecystitis with stones", "acute calculous chole", "acute chole, gallstones on US"),
                share=0.75,
                plan=("zosyn, lap chole today",),
            ),
            Dx("K80.12", ("acute on chronic cholecystitis with stones",), share=0.25, plan=("lap chole",)),
        ),
        also=(
            Dx("E87.6", ("hypokalemia",), share=0.12, plan=("replete",), labs={"K": (3.0, 3.4)}),
            Dx("K66.0", ("dense omental and abdominal wall adhesions",), share=0.1, plan=("lysed at surgery",)),
        ),
        ops=(_LAP_CHOLE,),
        exam={"abdomen": "RUQ tenderness, + Murphy, no peritonitis"},
        vitals={"T": (37.6, 38.8), "HR": (88, 110)},
        labs={"WBC": (12, 18), "ALT": (40, 110), "Tbili": (0.8, 1.6)},
        studies=(
            Study(
                "US right upper quadrant",
                ("Gallbladder wall 6 mm with pericholecystic fluid and shadowing stones. CBD 4 mm.",),
                ("Gallstones with wall thickening, sonographic Murphy positive.",),
            ),
        ),
        course=(("Uneventful post op, tolerating diet.",),),
        denies=("jaundice", "dark urine", "chest pain"),
        drugs=("piperacillin-tazobactam 3.375 g IV q6h", "ketorolac 15 mg IV q6h"),
        los=(1, 2, 4),
        chronic=1.5,
        pathology="gallbladder with acute and chronic inflammation, multiple yellow stones",
    ),
    Scenario(
        name="cirrhosis_decompensated",
        setting="inpatient",
        weight=2.5,
        ages=(40, 75),
        service="MED",
        complaint=("confusion, abdominal swelling",),
        admitting=("R41.82", "R18.8"),
        hpi=(
            ("{age} yo {man} with EtOH cirrhosis brought in by wife for {n} days of confusion and increasing girth.",),
            ("Stopped lactulose two weeks ago.", "Last drink 8 months ago."),
            ("Paracentesis 5 L, no SBP.",),
        ),
        main=(
            Dx(
                "K70.31",
                ("decompensated EtOH cirrhosis with ascites", "alcoholic cirrhosis c/b ascites"),
                share=0.5,
                plan=("LVP with albumin, spironolactone/Lasix",),
            ),
            Dx(
                "K76.82",
                ("hepatic encephalopathy, grade 2", "HE d/t lactulose nonadherence"),
                share=0.5,
                plan=("lactulose to 3-4 BM, rifaximin",),
                brings=(Dx("K70.31", ("EtOH cirrhosis with ascites",), plan=("diuretics, low Na",)),),
            ),
        ),
        also=(
            Dx("K76.6", ("portal HTN",), share=0.5, plan=("nadolol",)),
            Dx(
                "I85.10", ("esophageal varices, no bleed", "known varices, banded before"), share=0.3, plan=("nadolol",)
            ),
            Dx(
                "D69.6",
                ("thrombocytopenia from liver dz",),
                share=0.4,
                plan=("no transfusion needed",),
                labs={"Plt": (42, 96)},
            ),
            Dx(
                "D68.4",
                ("coagulopathy of liver disease, INR 1.9",),
                share=0.3,
                plan=("vit K x3",),
                labs={"INR": (1.7, 2.4)},
            ),
            Dx("E87.1", ("hyponatremia",), share=0.3, plan=("fluid restrict 1.5 L",), labs={"Na": (123, 131)}),
            Dx("F10.21", ("alcohol use disorder, in remission 8 mo",), place="history"),
            Dx("E44.0", ("moderate malnutrition",), share=0.2, plan=("RD, supplements",)),
        ),
        ops=(Op("0W9G3ZZ", "large volume paracentesis", day=0),),
        exam={
            "abdomen": "tense, shifting dullness, caput",
            "neuro": "A&O x1-2, asterixis present",
            "skin": "jaundiced, spider angiomata",
        },
        vitals={"SBP": (92, 114)},
        labs={"Tbili": (2.8, 8), "Albumin": (1.9, 2.7), "AST": (60, 140), "ALT": (30, 70), "Ammonia": (80, 160)},
        studies=(
            Study(
                "US abdomen with doppler",
                ("Nodular liver, large volume ascites, patent portal vein. Spleen 15 cm.",),
                ("Cirrhotic morphology with ascites.",),
            ),
        ),
        cultures=(("Peritoneal fluid", ""),),
        course=(("Mental status cleared with lactulose.",), ("MELD 19; transplant center referral placed.",)),
        denies=("melena", "hematemesis", "fever"),
        drugs=("lactulose 30 mL PO TID", "rifaximin 550 mg PO BID", "albumin 25% 50 g IV"),
        los=(3, 5, 10),
        leaves={"01": 0.6, "06": 0.15, "03": 0.12, "20": 0.08, "50": 0.05},
        chronic=1.5,
        without=("alcohol",),
        consult="Hepatology",
    ),
    Scenario(
        name="variceal_bleed",
        setting="inpatient",
        weight=0.8,
        ages=(38, 72),
        service="MICU",
        complaint=("vomiting blood",),
        admitting=("K92.0",),
        hpi=(
            ("{age} yo {man} with cirrhosis, large volume hematemesis x3 today.",),
            ("Octreotide, CTX and PPI started, GI scoped urgently.",),
        ),
        main=(
            Dx(
                "K70.30",
                ("EtOH cirrhosis", "alcoholic cirrhosis, Child B"),
                plan=("SBP ppx, hold diuretics",),
                brings=(
                    Dx(
                        "I85.11",
                        ("variceal bleed", "bleeding esoph varices s/p banding x4"),
                        plan=("octreotide x72h, nadolol after",),
                    ),
                ),
            ),
        ),
        also=(
            ABLA,
            Dx("F10.20", ("alcohol use disorder, severe, active drinker",), plan=("CIWA, thiamine",)),
            Dx("D69.6", ("thrombocytopenia",), share=0.4, plan=("plts >50 for scope",), labs={"Plt": (40, 90)}),
            Dx("K76.6", ("portal HTN",), share=0.6, plan=("BB",)),
        ),
        ops=(
            Op(
                "06L38CZ",
                "banding of varices",
                day=0,
                note=(
                    (
                        "Three columns of large varices with red wales. Six bands deployed from GEJ "
                        "proximally, bleeding controlled."
                    ),
                ),
            ),
        ),
        exam={"general": "pale, clammy", "abdomen": "soft, splenomegaly"},
        vitals={"HR": (110, 136), "SBP": (80, 100)},
        labs={"INR": (1.5, 2.1), "Tbili": (2, 4)},
        course=(("No rebleed, out of ICU on day 3.",),),
        denies=("melena before today", "fever"),
        drugs=("octreotide infusion 50 mcg/h", "ceftriaxone 1 g IV daily", "pantoprazole 40 mg IV BID"),
        los=(4, 5, 9),
        icu=1.0,
        leaves={"01": 0.78, "06": 0.07, "20": 0.15},
        chronic=1,
        without=("alcohol", "ida", "afib"),
    ),
    Scenario(
        name="pancreatitis_alcohol",
        setting="inpatient",
        weight=2,
        ages=(28, 68),
        service="MED",
        complaint=("epigastric pain to back",),
        admitting=("R10.13",),
        hpi=(
            ("{age} yo {man} with epigastric pain boring to back and vomiting after a {n} day binge.",),
            ("Lipase 2,400.",),
        ),
        main=tuple(
            Dx(
                "K85.20",
                ("acute EtOH pancreatitis", "alcoholic pancreatitis, mild, no necrosis"),
                share=share,
                plan=("LR, pain control, early feeding",),
                brings=(drinking,),
            )
            for share, drinking in ((0.35, _WITHDRAWAL), (0.65, _DRINKING))
        ),
        also=(
            Dx("E87.6", ("hypokalemia",), share=0.2, plan=("replete",), labs={"K": (2.8, 3.3)}),
            Dx("E83.42", ("hypomagnesemia", "low Mg"), share=0.25, plan=("Mg 4 g IV",), labs={"Mg": (1.0, 1.4)}),
        ),
        exam={"abdomen": "epigastric tenderness, voluntary guarding, no rebound"},
        vitals={"HR": (96, 120)},
        labs={"Lipase": (900, 4200), "AST": (60, 160), "ALT": (30, 80), "WBC": (10, 16)},
        studies=(
            Study(
                "CT abdomen/pelvis",
                ("Peripancreatic stranding without collection. Gland enhances homogeneously.",),
                ("Interstitial edematous pancreatitis.",),
            ),
        ),
        course=(("Pain controlled, tolerating low fat diet.",),),
        denies=("hematemesis", "fever", "jaundice"),
        drugs=("lactated Ringer's 200 mL/h", "hydromorphone 0.5 mg IV prn"),
        los=(2, 4, 7),
        chronic=1,
        without=("alcohol",),
        leaves={"01": 0.9, "07": 0.1},
    ),
    Scenario(
        name="pancreatitis_gallstone",
        setting="inpatient",
        weight=1.5,
        ages=(30, 82),
        service="SURG",
        complaint=("epigastric pain, vomiting",),
        admitting=("R10.13",),
        hpi=(("{age} yo {man} with sudden epigastric pain and emesis, lipase 5,000, stones on US.",),),
        main=(
            Dx(
                "K85.10",
                ("gallstone pancreatitis", "biliary pancreatitis, resolving"),
                plan=("IVF, lap chole this admission",),
            ),
        ),
        also=(Dx("K80.20", ("gallstones", "GB stones without chole"), share=0.75, plan=("lap chole",)),),
        ops=(_LAP_CHOLE,),
        exam={"abdomen": "epigastric and RUQ tenderness"},
        vitals={"HR": (90, 112)},
        labs={"Lipase": (2000, 9000), "ALT": (140, 420), "Tbili": (1.4, 3.2)},
        studies=(
            Study(
                "US right upper quadrant",
                ("Cholelithiasis. CBD 6 mm, no intraductal stone.",),
                ("Stones without wall thickening.",),
            ),
        ),
        course=(("Lipase fell, LFTs normalised, lap chole done.",),),
        denies=("alcohol", "fever"),
        drugs=("lactated Ringer's 150 mL/h", "ketorolac 15 mg IV q6h"),
        los=(3, 4, 6),
        chronic=1.5,
        without=("alcohol",),
    ),
)
