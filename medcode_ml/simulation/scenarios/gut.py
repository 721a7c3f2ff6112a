"""Inpatient scenarios of stomach and bowel."""

from __future__ import annotations

from medcode_ml.simulation.model import Dx, Op, Scenario, Study
from medcode_ml.simulation.scenarios.shared_findings import ABLA

SCENARIOS = (
    Scenario(
        name="upper_gi_bleed_ulcer",
        setting="inpatient",
        weight=3,
        ages=(45, 88),
        service="MED",
        complaint=("black stools x {n} days", "coffee ground emesis, melena"),
        admitting=("K92.1", "K92.2"),
        hpi=(
            ("{age} yo {man} with {n} days of melena and lightheadedness.",),
            ("Taking naproxen daily for back.", "On daily ibuprofen for knee pain."),
            ("Hgb 7.1 from baseline 13. PPI gtt, GI for EGD.",),
        ),
        main=(
            Dx(
                "K25.4",
                ("bleeding gastric ulcer", "GU with visible vessel, bleeding", "UGIB 2/2 gastric ulcer"),
                share=0.5,
                plan=("PPI gtt x72h, H pylori testing, no NSAIDs",),
                ops=(
                    Op(
                        "0W3P8ZZ",
                        "EGD with clip and epinephrine",
                        day=1,
                        note=(
                            (
                                "Scope to D2. 1.2 cm antral ulcer with visible vessel, epi injected and two "
                                "clips placed, hemostasis."
                            ),
                            "Biopsies for H pylori.",
                        ),
                    ),
                ),
            ),
            Dx(
                "K26.4",
                ("bleeding duodenal ulcer", "DU bleed, Forrest Ib"),
                share=0.5,
                plan=("PPI BID, H pylori bx",),
                ops=(
                    Op(
                        "0W3P8ZZ",
                        "EGD with cautery of duodenal ulcer",
                        day=1,
                        note=(
                            "Oozing ulcer posterior bulb, bipolar cautery with hemostasis. Stomach with mild erythema.",
                        ),
                    ),
                ),
            ),
        ),
        also=(
            ABLA,
            Dx("T39.315A", ("Bleed attributed to {his} naproxen, taken as directed.",), share=0.3, place="story"),
            Dx(
                "R57.1",
                ("hemorrhagic shock on arrival, MTP", "hypovolemic shock from bleed"),
                share=0.08,
                plan=("transfuse, resuscitate",),
            ),
            Dx("B96.81", ("H pylori positive on bx",), share=0.25, plan=("quad therapy at d/c",)),
        ),
        exam={"abdomen": "soft, mild epigastric tenderness, no guarding", "rectal": "melena, guaiac positive"},
        vitals={"HR": (98, 124), "SBP": (88, 112)},
        labs={"Hgb": (6.8, 9.4), "BUN": (34, 60)},
        course=(("Hgb stable after EGD, diet advanced.", "No rebleed over 48 h."),),
        denies=("hematemesis", "prior GI bleed", "chest pain"),
        drugs=("pantoprazole infusion 8 mg/h",),
        los=(2, 4, 7),
        icu=0.2,
        leaves={"01": 0.85, "06": 0.08, "03": 0.05, "20": 0.02},
        without=("afib", "ida", "anemia_ckd"),
        consult="Gastroenterology",
    ),
    Scenario(
        name="diverticular_bleed",
        setting="inpatient",
        weight=1.5,
        ages=(58, 92),
        service="MED",
        complaint=("bright red blood per rectum",),
        admitting=("K92.2", "K62.5"),
        hpi=(
            ("{age} yo {man} with painless BRBPR, 4 large bloody BMs since last night.",),
            ("On {his} usual aspirin.", "Had similar bleed 5 years ago."),
            ("CTA without active extravasation.",),
        ),
        main=(
            Dx(
                "K57.31",
                ("diverticular bleed", "lower GIB, colonic diverticular source"),
                plan=("colonoscopy after prep, hold ASA, trend Hgb",),
            ),
        ),
        also=(ABLA,),
        ops=(
            Op(
                "0DJD8ZZ",
                "colonoscopy",
                day=1,
                note=("Cecum reached, prep fair. Pan-colonic diverticula, old blood in sigmoid, no active bleeding.",),
            ),
        ),
        exam={"rectal": "maroon blood, no mass"},
        vitals={"HR": (88, 114), "SBP": (98, 126)},
        labs={"Hgb": (7, 10)},
        course=(("Bleeding stopped spontaneously.",),),
        denies=("abdominal pain", "fever", "weight loss"),
        drugs=("polyethylene glycol 4 L prep",),
        los=(2, 3, 6),
        leaves={"01": 0.88, "06": 0.07, "03": 0.05},
        without=("ida", "anemia_ckd"),
        consult="Gastroenterology",
    ),
    Scenario(
        name="appendicitis",
        setting="inpatient",
        weight=2.5,
        ages=(8, 60),
        service="SURG",
        complaint=("RLQ pain",),
        admitting=("R10.31",),
        hpi=(
            ("{age} yo {man} with periumbilical pain migrating to RLQ over {n}0 hours, anorexia and nausea.",),
            ("CT with dilated enhancing appendix.",),
        ),
        main=(
            Dx(
                "K35.80",
                ("acute appendicitis", "acute appy, non-perforated"),
                share=0.65,
                plan=("CTX/flagyl, lap appy",),
            ),
            Dx(
                "K35.32",
                ("perforated appy with localized peritonitis", "ruptured appendix, contained, no abscess"),
                share=0.35,
                plan=("lap appy, IV abx x4d",),
            ),
        ),
        ops=(
            Op(
                "0DTJ4ZZ",
                "laparoscopic appendectomy",
                day=0,
                note=(
                    "3 ports. Appendix inflamed, base healthy, stapled across. Mesoappendix with energy device.",
                    "Specimen in bag. RLQ irrigated. EBL 10 cc.",
                ),
            ),
        ),
        exam={"abdomen": "RLQ tenderness with guarding, + Rovsing"},
        vitals={"T": (37.5, 38.9), "HR": (88, 116)},
        labs={"WBC": (12, 19)},
        studies=(
            Study(
                "CT abdomen/pelvis",
                ("Appendix 12 mm with periappendiceal stranding and appendicolith.",),
                ("Findings of appendicitis.",),
            ),
        ),
        course=(("Diet advanced, pain controlled on PO meds.",),),
        denies=("diarrhea", "dysuria"),
        drugs=("ceftriaxone 2 g IV", "metronidazole 500 mg IV q8h"),
        los=(1, 2, 5),
        chronic=0.4,
        pathology="appendix with transmural neutrophilic inflammation",
    ),
    Scenario(
        name="small_bowel_obstruction",
        setting="inpatient",
        weight=2.5,
        ages=(40, 88),
        service="SURG",
        complaint=("abd pain, vomiting, no flatus",),
        admitting=("R10.9", "R11.2"),
        hpi=(
            (
                (
                    "{age} yo {man} with prior laparotomy presents with {n} days of cramping pain, bilious "
                    "emesis and obstipation."
                ),
            ),
            ("NGT placed with 900 cc bilious output.",),
        ),
        main=(
            Dx(
                "K56.609",
                ("SBO", "small bowel obstruction, cause unclear"),
                share=0.3,
                plan=("NPO, NGT LIS, gastrografin challenge",),
            ),
            Dx(
                "K56.51",
                ("partial SBO from adhesions", "adhesive pSBO"),
                share=0.45,
                plan=("NGT, serial exams", "gastrografin in colon at 8 h, clamp trial"),
            ),
            Dx(
                "K56.52",
                ("complete SBO from adhesions, to OR", "high grade adhesive SBO failed nonop mgmt"),
                share=0.25,
                plan=("s/p lysis of adhesions, await flatus",),
                ops=(
                    Op(
                        "0DN80ZZ",
                        "open lysis of adhesions",
                        day=2,
                        note=(
                            (
                                "Midline laparotomy. Dense band to pelvis with transition point, divided. "
                                "Bowel viable, run twice."
                            ),
                            "No resection. EBL 75 cc.",
                        ),
                    ),
                ),
                brings=(Dx("K56.7", ("post-op ileus",), share=0.2, poa="N", day=3, plan=("NPO, ambulate",)),),
            ),
        ),
        also=(
            Dx("E86.0", ("volume depletion/dehydration",), share=0.4, plan=("LR 125/h",)),
            Dx(
                "N17.9",
                ("AKI, prerenal from vomiting",),
                share=0.2,
                plan=("IVF",),
                labs={"Cr": (1.7, 2.9), "BUN": (34, 58)},
            ),
            Dx("E87.6", ("hypokalemia",), share=0.25, plan=("replete IV",), labs={"K": (2.8, 3.3)}),
        ),
        exam={"abdomen": "distended, tympanitic, high-pitched bowel sounds, no peritonitis, midline scar"},
        vitals={"HR": (90, 114)},
        labs={"WBC": (9, 14)},
        studies=(
            Study(
                "CT abdomen/pelvis",
                ("Dilated small bowel to 4.2 cm with transition point in the {side} lower quadrant. No free air.",),
                ("Small bowel obstruction with transition point.",),
            ),
        ),
        course=(("Bowel function returned, NGT out, advanced to low residue diet.",),),
        denies=("melena", "fever", "chest pain"),
        drugs=("lactated Ringer's 125 mL/h", "ondansetron 4 mg IV prn"),
        los=(3, 4, 9),
        chronic=2,
        leaves={"01": 0.85, "06": 0.1, "03": 0.05},
    ),
    Scenario(
        name="c_diff_colitis",
        setting="inpatient",
        weight=1.2,
        ages=(50, 90),
        service="MED",
        complaint=("diarrhea x {n} days",),
        admitting=("R19.7",),
        hpi=(
            ("{age} yo {man} with {n} days of watery stools, 10 per day, after clindamycin for dental work.",),
            ("C diff toxin positive.",),
        ),
        main=(
            Dx(
                "A04.72",
                ("C diff", "C. diff colitis, first episode", "CDI, initial"),
                plan=("PO vanc 125 QID x10d, contact precautions", "continue PO vanc, bleach wipes"),
            ),
        ),
        also=(
            Dx("E86.0", ("dehydration",), share=0.6, plan=("IVF",)),
            Dx("N17.9", ("AKI, prerenal",), share=0.35, plan=("IVF",), labs={"Cr": (1.8, 3.1), "BUN": (36, 64)}),
            Dx("E87.6", ("hypokalemia",), share=0.4, plan=("replete",), labs={"K": (2.7, 3.3)}),
            Dx("T36.8X5A", ("Came on after {his} clindamycin course.",), share=0.4, place="story"),
        ),
        exam={"abdomen": "soft, diffusely tender, no peritonitis"},
        vitals={"T": (37.4, 38.6), "HR": (90, 112)},
        labs={"WBC": (13, 26)},
        results=("C diff GDH/toxin: positive",),
        course=(("Stool frequency down to 3 per day.",),),
        denies=("blood in stool", "vomiting"),
        drugs=("vancomycin 125 mg PO QID",),
        los=(3, 4, 8),
        leaves={"01": 0.65, "03": 0.25, "06": 0.1},
    ),
)
