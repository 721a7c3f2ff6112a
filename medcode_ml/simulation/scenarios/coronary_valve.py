"""Inpatient scenarios of the coronary arteries and the valves."""

from __future__ import annotations

from medcode_ml.simulation.model import ChargeLine, Dx, Op, Scenario, Study

_CATH_NOTE = (
    "Access: {side} radial, 6 Fr. Diagnostic angiography: 95% mid LAD, mild RCA disease, LCx patent.",
    "Mid LAD pre-dilated, drug eluting stent 3.0 x 22 deployed, TIMI 3 flow, no residual.",
    "LVEDP 18. Radial band applied. No complications, EBL minimal.",
)
_PCI = (
    Op("027034Z", "PCI with DES to mid LAD", day=0, note=_CATH_NOTE),
    Op("4A023N7", "left heart catheterization", day=0),
    Op("B2111ZZ", "coronary angiography", day=0),
)

SCENARIOS = (
    Scenario(
        name="nstemi_pci",
        setting="inpatient",
        weight=4,
        ages=(45, 86),
        service="CMED",
        complaint=("chest pressure x {n} hrs", "substernal CP radiating to jaw"),
        admitting=("R07.9", "R07.89"),
        hpi=(
            ("{age} yo {man} with substernal pressure radiating to the {side} arm, diaphoresis, onset while mowing.",),
            ("Trop rose 0.4 to 6.8; EKG with lateral ST depressions.",),
            ("Loaded with ASA and ticagrelor, heparin gtt, to cath lab.",),
        ),
        main=(
            Dx(
                "I21.4",
                ("NSTEMI", "non-ST elevation MI, type 1", "NSTEMI s/p DES to LAD"),
                plan=("DAPT x12 mo, high-intensity statin, BB", "ASA/ticagrelor, atorva 80, cardiac rehab"),
            ),
        ),
        also=(
            Dx("I25.10", ("CAD, native vessel", "single vessel CAD on cath"), plan=("risk factor modification",)),
            Dx(
                "I50.21",
                ("acute systolic CHF post MI", "acute HFrEF, EF 35% post-MI"),
                share=0.12,
                plan=("gentle diuresis, start ACEi",),
            ),
            Dx("Z72.0", ("Chews tobacco daily.",), share=0.06, place="story"),
        ),
        exam={"heart": "RRR, no murmur, no rub", "general": "diaphoretic, uncomfortable"},
        vitals={"SBP": (138, 178), "HR": (84, 108)},
        labs={"Troponin": (1.2, 18)},
        studies=(
            Study("CXR portable", ("Normal heart size. Clear lungs.",), ("No acute process.",)),
            Study(
                "Transthoracic echo",
                ("EF 50% with anterior hypokinesis.",),
                ("Mildly reduced function, regional wall motion abnormality in LAD territory.",),
            ),
        ),
        ops=_PCI,
        course=(
            ("Uncomplicated PCI, chest pain free since.", "Ambulated without angina."),
            ("Groin/radial site clean.",),
        ),
        denies=("fever", "pleuritic pain", "leg swelling", "abdominal pain"),
        drugs=(
            "aspirin 325 mg PO once",
            "ticagrelor 180 mg PO load",
            "heparin infusion",
            "atorvastatin 80 mg PO nightly",
        ),
        los=(2, 3, 5),
        icu=0.25,
        leaves={"01": 0.92, "06": 0.06, "20": 0.02},
        without=("cad",),
        charges=(ChargeLine("0481", "", 1, 18400.0), ChargeLine("0278", "C1874", 1, 5200.0)),
    ),
    Scenario(
        name="stemi_inferior",
        setting="inpatient",
        weight=1.5,
        ages=(42, 84),
        service="CMED",
        complaint=("crushing chest pain, code STEMI",),
        admitting=("R07.9",),
        hpi=(
            ("{age} yo {man} with crushing chest pain for 90 minutes, field EKG with ST elevation in II, III, aVF.",),
            ("Taken emergently to cath lab, 100% mid RCA occlusion, door to balloon 58 min.",),
        ),
        main=(
            Dx(
                "I21.11",
                ("inferior STEMI, RCA culprit", "STEMI inf wall, mid RCA occlusion"),
                plan=("s/p DES to RCA, DAPT, statin, BB", "CCU x24h, echo"),
            ),
        ),
        also=(
            Dx("I25.10", ("CAD",), plan=("secondary prevention",)),
            Dx(
                "R57.0",
                ("cardiogenic shock", "shock, cardiogenic, on levophed"),
                share=0.15,
                plan=("pressors, wean as able",),
            ),
            Dx(
                "I44.2",
                ("complete heart block during case", "transient CHB"),
                share=0.12,
                plan=("temp wire, resolved after reperfusion",),
            ),
            Dx(
                "I46.2",
                ("cardiac arrest in ED from VF", "VF arrest, ROSC 4 min"),
                share=0.08,
                plan=("TTM not indicated, awake",),
                story=("Had VF arrest in the ED bay, ROSC after one shock.",),
            ),
        ),
        exam={"general": "pale, clammy"},
        vitals={"SBP": (88, 132), "HR": (48, 104)},
        labs={"Troponin": (8, 60)},
        studies=(
            Study(
                "Transthoracic echo",
                ("EF 45%, inferior akinesis, RV function mildly reduced.",),
                ("Inferior wall motion abnormality.",),
            ),
        ),
        ops=(
            Op(
                "027034Z",
                "primary PCI, DES to mid RCA",
                note=(
                    "{side:Right|Left} femoral access. 100% thrombotic occlusion mid RCA.",
                    "Aspiration then 3.5 x 28 DES, TIMI 3.",
                    "No dissection, closure device deployed.",
                ),
            ),
            Op("4A023N7", "left heart catheterization"),
            Op("B2111ZZ", "coronary angiography"),
        ),
        course=(("Transferred out of CCU on day 2.",), ("Referred to cardiac rehab.",)),
        denies=("prior MI", "bleeding history"),
        drugs=("aspirin 324 mg PO", "ticagrelor 180 mg PO", "heparin bolus IV"),
        los=(2, 4, 7),
        icu=1.0,
        leaves={"01": 0.88, "06": 0.05, "20": 0.07},
        without=("cad",),
        charges=(ChargeLine("0481", "", 1, 19800.0), ChargeLine("0278", "C1874", 1, 5200.0)),
    ),
    Scenario(
        name="cabg_elective",
        setting="inpatient",
        weight=0.8,
        ages=(52, 80),
        service="CSURG",
        admission_type="3",
        complaint=("here for elective CABG",),
        admitting=("I25.10",),
        hpi=(
            (
                (
                    "{age} yo {man} with exertional angina and three vessel disease on recent cath, admitted "
                    "for elective bypass."
                ),
            ),
            ("Off clopidogrel for 7 days.",),
        ),
        main=(
            Dx(
                "I25.119",
                ("multivessel CAD with angina", "3v CAD, stable exertional angina"),
                plan=("s/p CABG x3 (LIMA-LAD, SVG-OM, SVG-PDA), ASA, statin", "chest tubes out, wires out tomorrow"),
            ),
        ),
        also=(
            Dx(
                "D62",
                ("ABLA", "acute blood loss anemia, expected post-op, transfused 2 u"),
                share=0.5,
                poa="N",
                day=1,
                plan=("transfused 1 u PRBC, trend Hgb",),
                ops=(Op("30233N1", "transfusion of packed red cells", day=1),),
                labs={"Hgb": (6.8, 7.9)},
            ),
            Dx(
                "I97.190",
                ("postoperative atrial fibrillation following heart surgery",),
                share=0.3,
                poa="N",
                day=2,
                plan=("amio load",),
                brings=(Dx("I48.91", ("post-op AF",), poa="N", day=2, plan=("amio gtt to PO",)),),
            ),
            Dx(
                "J95.89",
                ("post-op atelectasis needing extra O2, pulmonary complication of surgery",),
                share=0.1,
                poa="N",
                day=2,
                plan=("IS, mobilise",),
                brings=(Dx("J98.11", ("bibasilar atelectasis",), poa="N", day=2, plan=("IS 10x/h",)),),
            ),
        ),
        ops=(
            Op(
                "02100Z9",
                "LIMA to LAD bypass",
                day=1,
                note=(
                    "Median sternotomy, LIMA harvested. Cardiopulmonary bypass 92 min, cross clamp 70 min.",
                    "LIMA to LAD, reversed saphenous vein to OM and PDA. Good flows.",
                    "Two mediastinal and one {side} pleural tube, sternum wired.",
                ),
            ),
            Op("021109W", "vein grafts to two coronary arteries", day=1),
            Op("5A1221Z", "cardiopulmonary bypass", day=1),
            Op("06BQ4ZZ", "endoscopic vein harvest, left thigh", day=1),
        ),
        exam={"heart": "sternal incision c/d/i, no click"},
        course=(("Extubated 5 h post op, out of unit on POD 2.",), ("Ambulating, sternal precautions reviewed.",)),
        denies=("rest pain", "orthopnea", "claudication"),
        drugs=("cefazolin 2 g IV periop", "aspirin 81 mg PO daily", "metoprolol 25 mg PO BID"),
        los=(6, 7, 10),
        icu=1.0,
        leaves={"01": 0.55, "06": 0.35, "62": 0.08, "20": 0.02},
        without=("cad", "afib", "chf_chronic"),
        has=("htn", "hld"),
        charges=(ChargeLine("0360", "", 1, 42000.0), ChargeLine("0370", "", 1, 6900.0)),
    ),
    Scenario(
        name="tavr",
        setting="inpatient",
        weight=0.8,
        ages=(72, 92),
        service="CSURG",
        admission_type="3",
        complaint=("here for TAVR",),
        admitting=("I35.0",),
        hpi=(
            (
                (
                    "{age} yo {man} with symptomatic severe AS (AVA 0.7, mean gradient 46) referred for "
                    "transcatheter valve."
                ),
            ),
            ("NYHA III dyspnea.",),
        ),
        main=(
            Dx(
                "I35.0",
                ("severe AS", "severe calcific AS, s/p TAVR", "critical aortic valve narrowing (AVA 0.7)"),
                plan=("ASA, tele, TTE before d/c",),
            ),
        ),
        also=(Dx("I44.7", ("new LBBB after valve",), share=0.25, poa="N", day=1, plan=("monitor PR, EP aware",)),),
        ops=(
            Op(
                "02RF38Z",
                "transfemoral TAVR, 26 mm",
                day=0,
                note=(
                    (
                        "{side:Right|Left} transfemoral access. 26 mm balloon-expandable valve deployed under "
                        "rapid pacing."
                    ),
                    "Trivial paravalvular leak on TTE. Access closed percutaneously.",
                ),
            ),
        ),
        exam={"heart": "3/6 late-peaking SEM at RUSB before procedure"},
        course=(("Uneventful, walked the hall that evening.",),),
        denies=("syncope", "fever"),
        drugs=("aspirin 81 mg PO daily", "cefazolin 2 g IV periop"),
        los=(1, 2, 4),
        leaves={"01": 0.85, "06": 0.15},
        has=("htn",),
        without=("pacemaker",),
        charges=(ChargeLine("0278", "", 1, 32500.0), ChargeLine("0360", "", 1, 21000.0)),
    ),
)
