"""Inpatient scenarios of planned surgery on joints, spine, uterus and stomach."""

from __future__ import annotations

from medcode_ml.simulation.model import ChargeLine, Dx, Op, Scenario, Study
from medcode_ml.simulation.scenarios.shared_findings import ABLA_POSTOP

_KNEE = Op(
    "0SR{side:C|D}0J9",
    "{side} total knee arthroplasty, cemented",
    day=0,
    note=(
        "Medial parapatellar approach, {side} knee. Tricompartmental wear, bone on bone medially.",
        "Cemented components, patella resurfaced, stable 0-125. Tourniquet 62 min, EBL 100 cc.",
    ),
)
_HIP = Op(
    "0SR{side:9|B}04A",
    "{side} total hip arthroplasty",
    day=0,
    note=(
        "Posterior approach {side} hip. Head with eburnated bone. Press fit cup and stem, ceramic on poly.",
        "Leg lengths equal, stable through range. EBL 250 cc.",
    ),
)

SCENARIOS = (
    Scenario(
        name="knee_arthroplasty",
        setting="inpatient",
        weight=2.5,
        ages=(52, 84),
        service="ORTHO",
        admission_type="3",
        complaint=("elective {side} TKA",),
        admitting=("M17.1{side:1|2}",),
        hpi=(
            ("{age} yo {man} with end-stage {side} knee OA, failed injections and PT, here for replacement.",),
            ("Walks less than a block, pain nightly.",),
        ),
        main=(
            Dx(
                "M17.1{side:1|2}",
                ("end stage OA {side} knee", "DJD {side:R|L} knee", "{side} knee OA, bone on bone"),
                plan=("s/p TKA, WBAT, PT BID, ASA for DVT ppx",),
            ),
        ),
        also=(ABLA_POSTOP,),
        ops=(_KNEE,),
        exam={"ext": "{side} knee dressing c/d/i, ROM 5-90, calf soft"},
        studies=(
            Study(
                "XR {side} knee",
                ("Interval placement of components in satisfactory alignment.",),
                ("Status post {side} knee replacement, no complication.",),
            ),
        ),
        course=(("Cleared PT including stairs.",),),
        denies=("calf pain", "chest pain", "fever"),
        drugs=("cefazolin 2 g IV periop", "aspirin 81 mg PO BID", "celecoxib 200 mg PO daily"),
        los=(1, 2, 3),
        leaves={"01": 0.45, "06": 0.45, "03": 0.1},
        without=("knee_oa", "afib"),
        chronic=2.5,
        charges=(ChargeLine("0360", "", 1, 16500.0), ChargeLine("0278", "C1776", 1, 7900.0)),
    ),
    Scenario(
        name="hip_arthroplasty",
        setting="inpatient",
        weight=1.5,
        ages=(50, 84),
        service="ORTHO",
        admission_type="3",
        complaint=("elective {side} THA",),
        admitting=("M16.1{side:1|2}",),
        hpi=(("{age} yo {man} with severe {side} hip OA and groin pain, failed conservative tx.",),),
        main=(
            Dx(
                "M16.1{side:1|2}",
                ("{side} hip OA, end stage", "DJD {side:R|L} hip"),
                plan=("s/p THA, posterior precautions, WBAT",),
            ),
        ),
        also=(ABLA_POSTOP,),
        ops=(_HIP,),
        exam={"ext": "{side} hip incision clean, NVI"},
        course=(("Ambulated 150 ft with walker.",),),
        denies=("calf pain", "dyspnea"),
        drugs=("cefazolin 2 g IV periop", "aspirin 81 mg PO BID"),
        los=(1, 2, 3),
        leaves={"01": 0.5, "06": 0.42, "03": 0.08},
        without=("afib",),
        chronic=2,
        charges=(ChargeLine("0360", "", 1, 17200.0), ChargeLine("0278", "C1776", 1, 8600.0)),
    ),
    Scenario(
        name="lumbar_stenosis_decompression",
        setting="inpatient",
        weight=1,
        ages=(48, 82),
        service="NSURG",
        admission_type="3",
        complaint=("elective lumbar decompression",),
        admitting=("M48.062",),
        hpi=(("{age} yo {man} with L4-5 stenosis, buttock and leg pain walking 100 yards, relieved by sitting.",),),
        main=(
            Dx(
                "M48.062",
                ("lumbar stenosis w/ neurogenic claudication", "L4-5 LSS with claudication"),
                plan=("s/p L4-5 lami, PT, d/c when pain controlled",),
            ),
        ),
        also=(
            Dx(
                "G97.41",
                ("dural tear during case, repaired primarily", "incidental durotomy"),
                share=0.08,
                poa="N",
                day=0,
                plan=("flat x24h",),
            ),
        ),
        ops=(
            Op(
                "01NB0ZZ",
                "L4-5 laminectomy, nerve root decompression",
                day=0,
                note=(
                    "Midline incision, L4-5 laminectomy, bilateral foraminotomies, L5 roots free.",
                    "Drain placed, EBL 75 cc.",
                ),
            ),
        ),
        exam={"neuro": "EHL 5/5 b/l, sensation intact"},
        course=(("Leg pain resolved, walked on POD 0.",),),
        denies=("bowel or bladder changes", "fever"),
        drugs=("cefazolin 2 g IV periop", "gabapentin 300 mg PO TID"),
        los=(1, 2, 4),
        leaves={"01": 0.8, "06": 0.2},
        charges=(ChargeLine("0360", "", 1, 19800.0),),
    ),
    Scenario(
        name="hysterectomy_fibroids",
        setting="inpatient",
        weight=0.8,
        ages=(35, 54),
        sex="F",
        service="GYN",
        admission_type="3",
        complaint=("elective hysterectomy",),
        admitting=("D25.1",),
        hpi=(("{age} yo G2P2 with heavy menses and 14 wk size fibroid uterus, failed IUD.",),),
        main=(
            Dx(
                "D25.1",
                ("intramural fibroids", "fibroid uterus, mostly intramural"),
                plan=("s/p TLH/BS, advance diet",),
            ),
        ),
        also=(
            Dx("N92.0", ("menorrhagia, regular cycles", "heavy periods"), share=0.7, plan=("definitive tx",)),
            Dx("D50.0", ("iron def anemia from heavy menses",), share=0.6, plan=("IV iron",), labs={"Hgb": (8.2, 9.8)}),
        ),
        ops=(
            Op(
                "0UT94ZZ",
                "laparoscopic hysterectomy",
                day=0,
                note=(
                    (
                        "Uterus 14 wk size, bladder flap developed, uterine arteries sealed, colpotomy, "
                        "specimen morcellated in bag vaginally."
                    ),
                    "Cuff closed with barbed suture, ureters peristalsing. EBL 100 cc.",
                ),
            ),
            Op("0UTC4ZZ", "removal of cervix", day=0),
            Op("0UT74ZZ", "bilateral salpingectomy", day=0),
        ),
        exam={"abdomen": "port sites clean, soft"},
        course=(("Voiding, tolerating diet.",),),
        denies=("vaginal discharge", "fever"),
        drugs=("cefazolin 2 g IV periop", "ibuprofen 600 mg PO q6h"),
        los=(1, 1, 3),
        chronic=0.6,
        without=("ida",),
        pathology="leiomyomata, benign endometrium, cervix unremarkable",
        charges=(ChargeLine("0360", "", 1, 11800.0),),
    ),
    Scenario(
        name="sleeve_gastrectomy",
        setting="inpatient",
        weight=0.7,
        ages=(24, 60),
        service="SURG",
        admission_type="3",
        complaint=("elective sleeve",),
        admitting=("E66.813",),
        hpi=(("{age} yo {man} with BMI 46 despite 2 years of supervised diet and GLP-1, for sleeve.",),),
        main=(
            Dx(
                "E66.813",
                ("class 3 obesity", "morbid obesity, BMI 46", "severe obesity"),
                plan=("s/p sleeve, bariatric clears, ambulate",),
                brings=(Dx("Z68.42", ("BMI 46.3 at preop weigh-in.",), place="nursing"),),
            ),
        ),
        also=(
            Dx("G47.33", ("OSA on CPAP",), share=0.5, plan=("CPAP",)),
            Dx("K44.9", ("small hiatal hernia, repaired",), share=0.25, plan=("repaired",)),
        ),
        ops=(
            Op(
                "0DB64Z3",
                "laparoscopic sleeve gastrectomy",
                day=0,
                note=("40 Fr bougie, 5 stapler loads from 5 cm proximal to pylorus, leak test negative.", "EBL 20 cc."),
            ),
        ),
        exam={"abdomen": "port sites c/d/i"},
        course=(("Tolerated clears, UGI without leak.",),),
        denies=("calf pain", "chest pain"),
        drugs=("enoxaparin 40 mg SC BID", "ondansetron 4 mg IV prn"),
        los=(1, 1, 3),
        without=("obesity1", "obesity2", "obesity3", "osa"),
        chronic=1.5,
        charges=(ChargeLine("0360", "", 1, 15500.0),),
    ),
)
