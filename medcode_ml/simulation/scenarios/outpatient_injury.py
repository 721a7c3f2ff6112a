"""Outpatient scenarios of minor injury."""

from __future__ import annotations

from medcode_ml.simulation.model import ChargeLine, Dx, Scenario, Study
from medcode_ml.simulation.scenarios.shared_findings import CLINIC

_ED_LOW = ChargeLine("0450", "G0381", 1, 540.0)

SCENARIOS = (
    Scenario(
        name="ankle_sprain",
        setting="outpatient",
        weight=2.5,
        ages=(12, 60),
        service="ED",
        admission_type="1",
        complaint=("twisted {side} ankle",),
        admitting=("M25.57{side:1|2}",),
        hpi=(("{age} yo {man} rolled {side} ankle, able to bear weight with limp.",),),
        main=(
            Dx(
                "S93.40{side:1|2}A",
                ("{side} ankle sprain", "sprained ankle {side:R|L}"),
                share=0.6,
                plan=("RICE, air cast",),
            ),
            Dx(
                "S93.41{side:1|2}A",
                ("{side} lateral ankle sprain, CFL", "CFL sprain {side:R|L} ankle"),
                share=0.4,
                plan=("brace, PT",),
            ),
        ),
        also=(
            Dx("Y93.67", ("Happened playing basketball.",), share=0.35, place="story"),
            Dx("X50.1XXA", ("Inverted the foot landing awkwardly.",), share=0.8, place="story"),
        ),
        exam={"ext": "{side} lateral malleolus swollen, no bony tenderness, neg squeeze"},
        denies=("numbness", "knee pain"),
        not_coded=("Occult fracture less likely.",),
        studies=(Study("XR {side} ankle", ("Soft tissue swelling. No fracture.",), ("No acute fracture.",)),),
        drugs=("ibuprofen 600 mg PO",),
        chronic=0.2,
        charges=(_ED_LOW, ChargeLine("0274", "L4350", 1, 140.0)),
    ),
    Scenario(
        name="wrist_fracture",
        setting="outpatient",
        weight=1.2,
        ages=(40, 85),
        service="ED",
        admission_type="1",
        complaint=("fall on {side} hand",),
        admitting=("S69.9{side:1|2}XA",),
        hpi=(("{age} yo {man} FOOSH on {side}, dinner fork deformity.",),),
        main=(
            Dx(
                "S52.53{side:1|2}A",
                ("{side} Colles fx, closed", "{side:R|L} distal radius fx, Colles type"),
                plan=("reduced under block, sugar tong, hand f/u 5d",),
                brings=(
                    Dx("W01.0XXA", ("Tripped on a curb edge.",), place="story"),
                    Dx("Y92.480", ("Fell on the sidewalk.",), place="story", share=0.7),
                ),
            ),
        ),
        exam={"ext": "{side} wrist deformity, NVI, cap refill brisk"},
        denies=("LOC", "elbow pain"),
        studies=(
            Study(
                "XR {side} wrist",
                ("Dorsally angulated extra-articular fracture of the distal radius.",),
                ("Distal radius fracture.",),
            ),
        ),
        drugs=("hydrocodone-acetaminophen 5-325",),
        chronic=0.8,
        without=("osteoporosis",),
        charges=(ChargeLine("0450", "G0382", 1, 860.0), ChargeLine("0270", "Q4022", 1, 84.0)),
    ),
    Scenario(
        name="plantar_fasciitis",
        setting="outpatient",
        weight=1.5,
        ages=(28, 68),
        service="PODIATRY",
        complaint=("{side} heel pain",),
        admitting=("M79.67{side:1|2}",),
        hpi=(("{age} yo {man} with {side} heel pain worst with first steps in the morning x {n} weeks.",),),
        main=(
            Dx(
                "M72.2",
                ("{side} plantar fasciitis", "PF, {side:R|L} heel"),
                plan=("stretching, heel cups, NSAIDs", "injected today, night splint"),
            ),
        ),
        exam={"ext": "{side} medial calcaneal tubercle tender, Windlass +"},
        denies=("numbness", "trauma"),
        drugs=("meloxicam 15 mg daily",),
        chronic=0.6,
        charges=(CLINIC, ChargeLine("0636", "J3301", 1, 34.0)),
    ),
    Scenario(
        name="knee_oa_injection",
        setting="outpatient",
        weight=1.6,
        ages=(50, 84),
        service="ORTHO",
        complaint=("{side} knee pain",),
        admitting=("M25.56{side:1|2}",),
        hpi=(("{age} yo {man} with chronic {side} knee pain, stairs are hard.",),),
        main=(
            Dx(
                "M17.1{side:1|2}",
                ("{side} knee OA", "DJD {side:R|L} knee, moderate"),
                plan=("steroid injection today, PT",),
            ),
        ),
        exam={"ext": "{side} knee crepitus, trace effusion, ROM 5-115"},
        denies=("locking", "fever"),
        studies=(
            Study(
                "XR {side} knee",
                ("Medial joint space narrowing with osteophytes.",),
                ("Moderate medial compartment arthrosis.",),
            ),
        ),
        drugs=("triamcinolone 40 mg IA",),
        chronic=1.2,
        without=("knee_oa",),
        charges=(CLINIC, ChargeLine("0636", "J3301", 4, 17.0)),
    ),
    Scenario(
        name="laceration_finger",
        setting="outpatient",
        weight=1.5,
        ages=(10, 70),
        service="ED",
        admission_type="1",
        complaint=("cut {side} index finger",),
        admitting=("S61.21{side:0|1}A",),
        hpi=(("{age} yo {man} cut {side} index finger slicing a bagel.",),),
        main=(
            Dx(
                "S61.21{side:0|1}A",
                ("{side} index finger lac, 2 cm, no FB", "2 cm laceration {side:R|L} index, nail intact"),
                plan=("4 sutures, out in 10 d, tetanus updated",),
                brings=(
                    Dx("W26.0XXA", ("Cut on a kitchen knife.",), place="story"),
                    Dx("Y92.010", ("At home in the kitchen.",), place="story", share=0.6),
                    Dx("Z23", ("Tdap given.",), place="story", share=0.6),
                ),
            ),
        ),
        exam={"ext": "{side} index volar lac 2 cm, FDP/FDS intact, 2 pt intact"},
        denies=("numbness", "weakness"),
        drugs=("lidocaine 1% local",),
        chronic=0.2,
        charges=(_ED_LOW,),
    ),
)
