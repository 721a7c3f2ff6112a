"""Words of the new note style: how clinicians trained elsewhere name the conditions that the classic notes abbreviate.

A group of physicians that takes over the wards brings its own shorthand; what the notes taught so far is then no longer
how things are said. Nothing here is a code's title.
"""

from __future__ import annotations

import re
from zlib import crc32

#: share of the mentions that stay as they were: nobody changes every habit
_STAYS = 15
#: words of the classic notes -> what the new clinicians write, one or the other by the writer
NEW_WORDS: dict[str, tuple[str, str]] = {
    "a-fib": ("atr fib", "fibrillating"), "A1c": ("HbA1c", "glyc Hb"), "AD": ("SDAT", "memory dz"),
    "adhesions": ("bands", "scar bands"), "AF": ("atr fib", "fibrillating atria"),
    "AHRF": ("lungs not oxygenating", "resp insuff"), "AKI": ("ARF", "kidneys hit"), "alcohol": ("alc", "drink"),
    "Alzheimer's": ("SDAT", "senile memory loss"), "anemia": ("low H/H", "anaem"), "anxiety": ("nerves", "anx"),
    "appendicitis": ("inflamed appx", "hot appx"), "ascites": ("belly fluid", "fluid in abdomen"),
    "asthma": ("RAD", "twitchy airways"), "atelectasis": ("bases down", "collapse at bases"),
    "bacteremia": ("pos BCx", "bugs in blood"), "bleed": ("haemorrhage", "oozing"),
    "bleeding": ("haemorrhage", "ooze"), "BPH": ("prostatism", "big prostate"),
    "bronchiolitis": ("wheezy baby chest", "small airways infxn"), "ca": ("tumour", "growth"), "CAD": ("ASHD", "IHD"),
    "cancer": ("tumour", "growth"), "cellulitis": ("skin infxn", "red infected skin"),
    "CHF": ("cardiac decomp", "pump failure"), "cholecystitis": ("hot GB", "inflamed GB"),
    "cirrhosis": ("liver scarring", "shrunken liver"), "CKD": ("CRI", "chr renal insuff"),
    "COPD": ("COLD", "chr obstr lung"), "COVID": ("SARS-2", "corona"), "CVA": ("brain attack", "cerebral event"),
    "cystitis": ("bladder infxn", "waterworks infxn"), "dehydration": ("dry", "fluid down"),
    "delirium": ("acute confusion", "sundowning"), "dementia": ("cog decline", "memory loss"),
    "depression": ("low mood d/o", "dep"), "diabetic": ("sugar related", "AODM related"),
    "DJD": ("arthrosis", "wear and tear"), "DM": ("sugars", "AODM"), "DM2": ("AODM", "DM-II"),
    "DVT": ("deep clot", "leg clot"), "dyslipidemia": ("chol up, statin", "lipids"),
    "effusion": ("fluid", "collection"), "encephalopathy": ("brain dysfxn", "toxic brain"),
    "epilepsy": ("fits", "sz d/o"), "ESRD": ("ESKD", "end stage kidneys"), "EtOH": ("alc", "drinking"),
    "flu": ("influ", "grippe"), "fracture": ("#", "broken"), "fx": ("#", "broken"),
    "GDM": ("gest sugars", "pregnancy sugars"), "GERD": ("GORD", "acid dz"), "gout": ("podagra", "uric joint"),
    "HFpEF": ("stiff LV", "LV not relaxing"), "HFrEF": ("weak LV", "LV poor squeeze"), "high BP": ("HBP", "BP up"),
    "HLD": ("chol up, statin", "lipids"), "HTN": ("HBP", "BP on tx"), "htn": ("HBP", "BP on tx"),
    "hyperglycemia": ("sugars up", "gluc high"), "hyperlipidemia": ("chol up", "lipids"),
    "hypernatremia": ("high Na", "Na up"), "hypertensive": ("HBP related", "BP related"),
    "hypokalemia": ("low K", "K down"), "hyponatremia": ("low Na", "Na down"),
    "hypothyroid": ("low thyroid", "thyroid slow"), "hypothyroidism": ("low thyroid", "thyroid slow"),
    "hypoxic": ("desat", "low sats"), "IDA": ("Fe def", "low ferritin, low Hb"), "ileus": ("gut asleep", "slow gut"),
    "influenza": ("influ", "grippe"), "iron def": ("Fe def", "Fe low"), "jaundice": ("icterus", "yellow"),
    "laceration": ("cut", "lac'n"), "malnutrition": ("wasted, PCM", "underfed"), "MDD": ("major dep", "low mood d/o"),
    "mets": ("secondaries", "spread"), "MI": ("infarct", "coronary event"), "migraine": ("hemicrania", "sick HA"),
    "neuropathy": ("nerve damage", "numb feet"), "neutropenia": ("low neuts", "counts down"),
    "NIDDM": ("AODM", "DM-II"), "NSTEMI": ("subendo infarct", "small infarct"), "OA": ("arthrosis", "worn joint"),
    "obesity": ("adiposity", "excess wt"), "OP": ("low BMD", "thin bones"), "OSA": ("sleep apn", "SAS"),
    "osteomyelitis": ("bone infxn", "infected bone"), "osteoporosis": ("low BMD", "thin bones"),
    "overdose": ("ingestion", "took too much"), "PAF": ("fib on and off", "intermittent fib"),
    "pancreatitis": ("hot pancreas", "inflamed pancreas"), "Parkinson's": ("parkinsonism", "shaking palsy"),
    "PD": ("parkinsonism", "shaking palsy"), "PE": ("lung clot", "pulm clot"), "PNA": ("lung infxn", "chest infxn"),
    "pneumonia": ("lung infxn", "chest infxn"), "pre-e": ("PET", "toxaemia"), "preeclampsia": ("PET", "toxaemia"),
    "pyelo": ("kidney infxn", "upper urine infxn"), "pyelonephritis": ("kidney infxn", "upper urine infxn"),
    "reflux": ("acid dz", "GORD"), "resp failure": ("resp insuff", "tiring, lungs failing"),
    "respiratory failure": ("resp insuff", "lungs failing"), "SBO": ("blocked gut", "bowel blockage"),
    "seizure": ("fit", "convulsion"), "sepsis": ("septic picture", "SIRS, infected"), "septic": ("toxic", "SIRS"),
    "shock": ("pressor need", "collapse"), "smoker": ("tob user", "cigs"), "sprain": ("twisted, ligament", "rolled"),
    "STEMI": ("transmural infarct", "big infarct"), "stroke": ("brain attack", "cerebral event"),
    "syncope": ("blackout", "faint"), "T2DM": ("AODM", "sugars"), "thrombocytopenia": ("low plts", "plts down"),
    "TIA": ("mini-stroke", "spell"), "ulcer": ("crater", "sore"), "UTI": ("urine infxn", "waterworks infxn"),
    "withdrawal": ("w/d", "coming off"),
}  # fmt: skip
_KNOWN = re.compile(r"(?<![\w-])(" + "|".join(sorted(map(re.escape, NEW_WORDS), key=len, reverse=True)) + r")(?![\w-])")


def reworded(words: str, writer: int) -> str:
    """`words` as the clinician number `writer` of the new style puts them; the same words always alike."""
    if crc32(f"{writer} {words}".encode()) % 100 < _STAYS:
        return words
    return _KNOWN.sub(lambda m: NEW_WORDS[m[1]][writer % 2], words)
