"""Inpatient scenarios of cancer and blood."""

from __future__ import annotations

from medcode_ml.simulation.model import ChargeLine, Dx, Op, Scenario, Study

_PORT = Op("3E04305", "chemotherapy infusion, central", day=0)

SCENARIOS = (
    Scenario(
        name="chemotherapy_admission",
        setting="inpatient",
        weight=1.5,
        ages=(25, 74),
        service="ONC",
        admission_type="3",
        complaint=("scheduled chemo",),
        admitting=("Z51.11",),
        hpi=(("{age} yo {man} admitted for planned inpatient chemotherapy, tolerated prior cycle with mild nausea.",),),
        main=(
            Dx(
                "Z51.11",
                ("admitted for chemo cycle {n}", "planned inpatient chemotherapy"),
                plan=("R-EPOCH per protocol, antiemetics, TLS labs", "continue infusion, daily CBC"),
                brings=(
                    Dx(
                        "C83.398",
                        ("DLBCL, stage IV with gastric and bone disease", "diffuse large B cell lymphoma, extranodal"),
                        plan=("cycle per protocol",),
                    ),
                ),
            ),
        ),
        also=(
            Dx(
                "D70.1",
                ("chemo induced neutropenia",),
                share=0.15,
                poa="N",
                day=3,
                plan=("GCSF",),
                labs={"WBC": (0.4, 1.2)},
            ),
            Dx(
                "R11.2",
                ("chemo nausea and vomiting, N/V",),
                share=0.3,
                poa="N",
                day=1,
                plan=("zofran, olanzapine",),
                brings=(Dx("T45.1X5A", ("Nausea came with the infusion.",), place="story", poa="N", day=1),),
            ),
            Dx("D64.81", ("anemia from chemo",), share=0.35, plan=("transfuse <7",), labs={"Hgb": (7.6, 9.2)}),
        ),
        ops=(_PORT,),
        exam={"neck": "no palpable nodes", "general": "well appearing, alopecia"},
        course=(("Infusion completed without reaction.",),),
        denies=("fever", "mucositis", "neuropathy"),
        drugs=("etoposide/doxorubicin/vincristine infusion", "rituximab 375 mg/m2 IV", "prednisone 60 mg/m2 PO BID"),
        los=(3, 5, 6),
        chronic=1,
        without=("ida", "anemia_ckd", "hx_breast", "hx_colon"),
        charges=(ChargeLine("0636", "J9312", 70, 118.0), ChargeLine("0335", "", 5, 640.0)),
    ),
    Scenario(
        name="neutropenic_fever",
        setting="inpatient",
        weight=1.2,
        ages=(30, 78),
        service="ONC",
        complaint=("fever after chemo",),
        admitting=("R50.81",),
        hpi=(("{age} yo {man} on chemo for {side} breast primary, day 9 after cycle, T 38.6 at home, ANC 150.",),),
        sex="F",
        main=(
            Dx(
                "D70.1",
                ("neutropenic fever, chemo", "febrile neutropenia, ANC 150"),
                plan=("cefepime, GCSF, cx ngtd",),
                brings=(
                    Dx("R50.81", ("fever with low ANC",), plan=("tylenol after cx",)),
                    Dx("T45.1X5A", ("Counts are at nadir from {his} TC regimen.",), place="story"),
                    Dx(
                        "C50.91{side:1|2}",
                        ("{side} breast CA on adjuvant TC", "breast ca, {side:R|L}, on chemo"),
                        plan=("onc following",),
                    ),
                ),
            ),
        ),
        also=(Dx("K12.31", ("oral mucositis from chemo",), share=0.25, plan=("magic mouthwash",)),),
        exam={"general": "tired, no rigors", "skin": "port site clean"},
        vitals={"T": (38.3, 39.3), "HR": (98, 120)},
        labs={"WBC": (0.3, 1.1), "Plt": (90, 160), "Hgb": (8.8, 10.4)},
        cultures=(("Blood culture", ""), ("Urine culture", "")),
        course=(("ANC recovered to 1,400, afebrile 48 h.",),),
        denies=("cough", "diarrhea", "dysuria"),
        drugs=("cefepime 2 g IV q8h", "filgrastim 480 mcg SC daily"),
        los=(2, 4, 6),
        chronic=0.7,
        without=("ida", "anemia_ckd", "hx_breast"),
        charges=(ChargeLine("0636", "J1442", 480, 1.6),),
    ),
    Scenario(
        name="colon_cancer_resection",
        setting="inpatient",
        weight=1.5,
        ages=(45, 86),
        service="SURG",
        admission_type="3",
        complaint=("elective colectomy",),
        admitting=("C18.2", "C18.7"),
        hpi=(
            (
                (
                    "{age} yo {man} found to have a colon mass on scope for anemia, bx adeno, staging CT no "
                    "mets, here for resection."
                ),
            ),
        ),
        main=(
            Dx(
                "C18.2",
                ("ascending colon adenoCA", "right colon cancer, s/p R hemi"),
                share=0.5,
                plan=("ERAS, clears, ambulate",),
                ops=(
                    Op(
                        "0DTF4ZZ",
                        "laparoscopic right hemicolectomy",
                        day=0,
                        note=(
                            (
                                "Medial to lateral mobilisation, ileocolic pedicle divided, extracorporeal "
                                "stapled ileocolic anastomosis."
                            ),
                            "No liver lesions. EBL 75 cc.",
                        ),
                    ),
                ),
                brings=(
                    Dx("C77.2", ("2/18 nodes positive", "nodal mets on path"), share=0.35, plan=("onc for adjuvant",)),
                ),
            ),
            Dx(
                "C18.7",
                ("sigmoid adenoCA", "sigmoid cancer, s/p lap sigmoid"),
                share=0.5,
                plan=("ERAS",),
                ops=(
                    Op(
                        "0DTN4ZZ",
                        "laparoscopic sigmoid colectomy",
                        day=0,
                        note=(
                            "Splenic flexure taken down, IMA divided, 29 EEA anastomosis, leak test neg.",
                            "EBL 100 cc.",
                        ),
                    ),
                ),
            ),
        ),
        also=(
            Dx(
                "D50.0",
                ("iron def anemia from tumor bleeding",),
                share=0.4,
                plan=("IV iron",),
                labs={"Hgb": (8.4, 10.2)},
            ),
            Dx(
                "K91.89",
                ("post-op ileus, NGT replaced",),
                share=0.2,
                poa="N",
                day=3,
                plan=("NPO, NGT",),
                brings=(Dx("K56.7", ("ileus",), poa="N", day=3, plan=("await flatus",)),),
            ),
        ),
        exam={"abdomen": "incisions c/d/i, mildly distended"},
        labs={"CEA": (2, 18)},
        studies=(
            Study(
                "CT abdomen/pelvis",
                ("Colonic mass 4 cm. No hepatic lesion.",),
                ("Primary colonic neoplasm, no distant disease.",),
            ),
        ),
        course=(("Bowel function on POD 3.",),),
        denies=("weight loss", "obstipation"),
        drugs=("cefazolin 2 g IV periop", "alvimopan 12 mg PO BID", "enoxaparin 40 mg SC daily"),
        los=(3, 4, 8),
        chronic=2,
        without=("ida", "anemia_ckd", "hx_colon"),
        leaves={"01": 0.8, "06": 0.15, "03": 0.05},
        pathology="moderately differentiated adenocarcinoma invading through muscularis propria",
        charges=(ChargeLine("0360", "", 1, 21500.0),),
    ),
    Scenario(
        name="breast_cancer_mastectomy",
        setting="inpatient",
        weight=1,
        ages=(35, 82),
        sex="F",
        service="SURG",
        admission_type="3",
        complaint=("elective {side} mastectomy",),
        admitting=("C50.41{side:1|2}",),
        hpi=(("{age} yo {man} with biopsy proven {side} UOQ IDC, ER+, multifocal, chose mastectomy.",),),
        main=(
            Dx(
                "C50.41{side:1|2}",
                ("{side} breast IDC, UOQ", "invasive ductal ca {side:R|L} breast UOQ"),
                plan=("drain teaching, d/c POD 1-2",),
                brings=(
                    Dx("Z17.0", ("Tumor is ER+.",), place="story"),
                    Dx("C77.3", ("1 of 3 sentinel nodes +", "axillary node met"), share=0.3, plan=("tumor board",)),
                ),
            ),
        ),
        ops=(
            Op(
                "0HT{side:T|U}0ZZ",
                "{side} simple mastectomy",
                day=0,
                note=(
                    (
                        "Elliptical incision, flaps raised to clavicle, sternum, IMF and latissimus. Breast "
                        "off pectoralis with fascia."
                    ),
                    "Two drains. EBL 60 cc.",
                ),
            ),
            Op("07B{side:5|6}0ZX", "{side} sentinel node biopsy", day=0),
        ),
        exam={"chest": "flaps viable, drains serosanguinous"},
        course=(("Pain controlled, drain teaching done.",),),
        denies=("fever", "dyspnea"),
        drugs=("cefazolin 2 g IV periop", "acetaminophen 1 g PO TID"),
        los=(1, 1, 3),
        chronic=1.2,
        without=("hx_breast",),
        leaves={"01": 0.7, "06": 0.3},
        pathology="invasive ductal carcinoma 2.6 cm, grade 2, margins negative",
        charges=(ChargeLine("0360", "", 1, 12800.0),),
    ),
    Scenario(
        name="prostatectomy",
        setting="inpatient",
        weight=0.7,
        ages=(50, 74),
        sex="M",
        service="UROL",
        admission_type="3",
        complaint=("elective prostatectomy",),
        admitting=("C61",),
        hpi=(("{age} yo {man} with Gleason 4+3 prostate ca, organ confined on MRI, for robotic prostatectomy.",),),
        main=(Dx("C61", ("prostate ca, Gleason 7", "PCa s/p RALP"), plan=("foley x7d, diet, ambulate",)),),
        ops=(
            Op(
                "0VT04ZZ",
                "robotic prostatectomy",
                day=0,
                note=(
                    "Bladder neck preserved, nerve sparing on {side}, dorsal complex oversewn, anastomosis watertight.",
                    "EBL 150 cc.",
                ),
            ),
            Op("0VT34ZZ", "removal of seminal vesicles", day=0),
            Op("8E0W4CZ", "robotic assistance", day=0),
        ),
        exam={"abdomen": "port sites clean, foley clear pink"},
        labs={"PSA": (5.1, 14)},
        course=(("Discharged with foley.",),),
        denies=("bone pain", "hematuria"),
        drugs=("cefazolin 2 g IV periop", "ketorolac 15 mg IV q6h"),
        los=(1, 1, 3),
        chronic=1.5,
        without=("bph", "hx_prostate"),
        pathology="adenocarcinoma Gleason 4+3, margins negative",
        charges=(ChargeLine("0360", "", 1, 18400.0),),
    ),
    Scenario(
        name="lung_cancer_palliative",
        setting="inpatient",
        weight=1,
        ages=(55, 86),
        service="ONC",
        complaint=("pain, failure to thrive",),
        admitting=("G89.3",),
        hpi=(("{age} yo {man} with metastatic {side} upper lobe lung ca, worsening back pain, not eating.",),),
        main=(
            Dx(
                "G89.3",
                ("cancer pain, uncontrolled", "intractable pain from mets"),
                plan=("PCA, rotate to methadone, palliative",),
                brings=(
                    Dx(
                        "C34.1{side:1|2}",
                        ("{side:RUL|LUL} NSCLC", "{side} upper lobe lung ca, stage IV"),
                        plan=("onc, goals of care",),
                    ),
                    Dx("C79.51", ("bone mets, T/L spine", "mets to spine"), plan=("palliative XRT",)),
                ),
            ),
        ),
        also=(
            Dx("R64", ("cachexia", "cachectic"), share=0.35, plan=("liberalise diet",)),
            Dx("C78.7", ("liver mets",), share=0.3, plan=("noted",)),
            Dx("Z66", ("DNR",), share=0.6, plan=("MOLST completed",)),
            Dx("Z51.5", ("Palliative care met with {him} and family, comfort plan made.",), share=0.5, place="story"),
            Dx(
                "E83.52",
                ("high calcium of malignancy, Ca 13",),
                share=0.2,
                plan=("zoledronate, IVF",),
                labs={"Ca": (12.1, 14)},
            ),
        ),
        exam={"general": "thin, temporal wasting", "back": "thoracic spine tenderness"},
        studies=(
            Study(
                "CT chest",
                ("Spiculated {side} upper lobe mass 5 cm. Lytic lesions in the spine.",),
                ("Primary lung malignancy with osseous metastases.",),
            ),
        ),
        course=(("Pain acceptable on new regimen.",),),
        denies=("leg weakness", "incontinence", "fever"),
        drugs=("hydromorphone PCA", "dexamethasone 4 mg PO BID"),
        los=(3, 5, 9),
        chronic=1.5,
        without=("copd",),
        leaves={"50": 0.35, "51": 0.2, "01": 0.2, "06": 0.1, "20": 0.15},
        consult="Palliative Care",
    ),
)
