"""Words: how a text is cut into tokens and how a token becomes the form that terms are compared in.

Titles and notes go through the same two functions, so that "oedemas", "Edema" and "edema" are one word. Nothing here
knows a code.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache


def word_set(text: str) -> frozenset[str]:
    """The words of `text` that white space parts: a list that reads like one."""
    return frozenset(text.split())


TOKEN = re.compile(
    r"(?<![^\W_])[Bb]/[Ll](?![^\W_])|\d+(?:[.,]\d+)*[^\W_]*|[^\W_]+(?:['’]s(?![^\W_]))?|\n[ \t\r]*\n|[^\w\s]|\n"
)

# Words without meaning for a match: they are left out on both sides.
# "a" stays: it tells hepatitis A from hepatitis.
ELIDED = word_set("of the an in on at to by from for his her their its this that these those patient - ' ’ \" ` *")
LEFT, RIGHT, BILATERAL = "left", "right", "bilateral"
LATERAL = {
    "left": LEFT,
    "lt": LEFT,
    "right": RIGHT,
    "rt": RIGHT,
    "bilateral": BILATERAL,
    "bilaterally": BILATERAL,
    "both": BILATERAL,
    "bilat": BILATERAL,
    "b/l": BILATERAL,
}

# British and classical spellings by letters; applied in order to the lower-case word.
_SPELLING = tuple(
    (re.compile(pattern), replacement)
    for pattern, replacement in (
        (r"aemi", "emi"),
        (r"haem", "hem"),
        (r"oedem", "edem"),
        (r"^oesoph", "esoph"),
        (r"oesoph", "esoph"),
        (r"^oestr", "estr"),
        (r"diarrhoe", "diarrhe"),
        (r"rrhoea", "rrhea"),
        (r"pnoea", "pnea"),
        (r"^paed", "ped"),
        (r"^orthopaed", "orthoped"),
        (r"^foet", "fet"),
        (r"^faec", "fec"),
        (r"^caec", "cec"),
        (r"^coeli", "celi"),
        (r"^anaesth", "anesth"),
        (r"^gynaec", "gynec"),
        (r"^leucoc", "leukoc"),
        (r"^leucop", "leukop"),
        (r"^leucaem", "leukem"),
        (r"leukaem", "leukem"),
        (r"^caesar", "cesar"),
        (r"^aetiol", "etiol"),
        (r"^dyspnoea", "dyspnea"),
        (r"ischaem", "ischem"),
        (r"(hyper|hypo)(natr|kal|calc|glyc)aem", r"\1\2em"),
        (r"isation$", "ization"),
        (r"ised$", "ized"),
        (r"^tumour", "tumor"),
        (r"^fibre", "fiber"),
        (r"^colour", "color"),
        (r"^odour", "odor"),
        (r"^behaviour", "behavior"),
        (r"^sulph", "sulf"),
        (r"^grey$", "gray"),
        (r"^disc(s?)$", r"disk\1"),
        (r"^adenopath(y|ies)$", r"lymphadenopath\1"),
    )
)

_PLURALS = {
    "metastases": "metastasis",
    "calculi": "calculus",
    "diagnoses": "diagnosis",
    "thromboses": "thrombosis",
    "stenoses": "stenosis",
    "prostheses": "prosthesis",
    "varices": "varix",
    "bullae": "bulla",
    "vertebrae": "vertebra",
    "fistulae": "fistula",
    "emboli": "embolus",
    "thrombi": "thrombus",
    "bronchi": "bronchus",
    "diverticula": "diverticulum",
    "petechiae": "petechia",
    "effusions": "effusion",
    "feet": "foot",
    "teeth": "tooth",
    "lice": "louse",
    "apices": "apex",
    "ova": "ovum",
    "nevi": "nevus",
    "naevi": "nevus",
    "naevus": "nevus",
    "adenomata": "adenoma",
    "fibromata": "fibroma",
    "carcinomata": "carcinoma",
    "atheromata": "atheroma",
    "scotomata": "scotoma",
    "necroses": "necrosis",
    "psychoses": "psychosis",
    "neuroses": "neurosis",
    "ulcera": "ulcer",
    "striae": "stria",
    "cicatrices": "scar",
    "cicatrix": "scar",
    "ganglia": "ganglion",
    "criteria": "criterion",
    "haemorrhoids": "hemorrhoid",
    "viscera": "viscus",
    "women": "woman",
    "men": "man",
    "children": "child",
}

# One word for one thing, where ICD titles and clinicians differ. Both sides are folded, so no meaning is lost.
_SAME = {
    "renal": "kidney",
    "hepatic": "liver",
    "cardiac": "heart",
    "pulmonary": "lung",
    "gastric": "stomach",
    "vesical": "bladder",
    "cutaneous": "skin",
    "prostatic": "prostate",
    "pancreatic": "pancreas",
    "splenic": "spleen",
    "ovarian": "ovary",
    "testicular": "testis",
    "testicle": "testis",
    "uterine": "uterus",
    "thyroidal": "thyroid",
    "esophageal": "esophagus",
    "duodenal": "duodenum",
    "colonic": "colon",
    "rectal": "rectum",
    "anal": "anus",
    "vaginal": "vagina",
    "vulvar": "vulva",
    "cerebral": "brain",
    "ocular": "eye",
    "corneal": "cornea",
    "retinal": "retina",
    "choroidal": "choroid",
    "ureteral": "ureter",
    "ureteric": "ureter",
    "urethral": "urethra",
    "penile": "penis",
    "scrotal": "scrotum",
    "pericardiac": "pericardial",
    "bony": "bone",
    "osseous": "bone",
    "nasal": "nose",
    "laryngeal": "larynx",
    "pharyngeal": "pharynx",
    "tonsillar": "tonsil",
    "tracheal": "trachea",
    "bronchial": "bronchus",
    "femoral": "femur",
    "tibial": "tibia",
    "humeral": "humerus",
    "patellar": "patella",
    "vertebral": "vertebra",
    "cervix": "cervix",
    "abdominal": "abdomen",
    "belly": "abdomen",
    "thoracic": "thorax",
    "chest": "thorax",
    "carcinoma": "cancer",
    "carcinomas": "cancer",
    "malignancy": "cancer",
    "neoplasia": "neoplasm",
    "tumor": "neoplasm",
    "lithiasis": "calculus",
    "stone": "calculus",
    "bleeding": "hemorrhage",
    "haemorrhage": "hemorrhage",
    "bleed": "hemorrhage",
    "hemorrhagic": "hemorrhagic",
    "insufficiency": "insufficiency",
    "infarct": "infarction",
    "embolus": "embolism",
    "thrombus": "thrombosis",
    "fractured": "fracture",
    "dislocated": "dislocation",
    "ruptured": "rupture",
    "perforated": "perforation",
    "ulceration": "ulcer",
    "swollen": "swelling",
    "enlarged": "enlargement",
    "stenotic": "stenosis",
    "metastatic": "metastatic",
    "infected": "infection",
    "obese": "obesity",
    "hypertensive": "hypertensive",
    "painful": "pain",
    "aching": "pain",
    "ache": "pain",
    "itching": "pruritus",
    "itch": "pruritus",
    "sputum": "sputum",
    "bilat": "bilateral",
    "b/l": "bilateral",
    "ii": "2",
    "iii": "3",
    "iv": "4",
    "i": "1",
}
# Four letters with an s are mostly abbreviations (AIDS, ARDS, CRPS, LUTS).
_SHORT_PLURALS = word_set("eyes legs arms ears ribs lips toes hips jaws utis pvcs pacs cvas tias mis")
_BRITISH = re.compile(r"ae|oe|isation|ised|our|fibre|sulph|grey|disc|leuco|adenopath")
_KEEP_S = re.compile(r"(ss|us|is|os|ous)$")
_NOT_PLURAL = word_set("pancreas atlas texas christmas alias bias always")


@lru_cache(maxsize=300_000)
def canonical(word: str) -> str:
    """The form in which `word` is compared: lower case, no accents, American spelling, singular, one name a thing."""
    out = word.lower()
    if not out.isascii():
        out = "".join(c for c in unicodedata.normalize("NFKD", out) if not unicodedata.combining(c))
    if out.endswith(("'s", "’s")):
        out = out[:-2]
    if _BRITISH.search(out):
        for pattern, replacement in _SPELLING:
            out = pattern.sub(replacement, out)
    out = _PLURALS.get(out, out)
    if (
        (len(out) > 4 or out in _SHORT_PLURALS)
        and out.endswith("s")
        and not (_KEEP_S.search(out) or out in _NOT_PLURAL)
    ):
        if out.endswith("ies") and len(out) > 5:
            out = out[:-3] + "y"
        elif out.endswith(("sses", "shes", "ches", "xes", "zes")):
            out = out[:-2]
        else:
            out = out[:-1]
    return _SAME.get(out, out)


def canonical_words(text: str) -> tuple[str, ...]:
    """Canonical tokens of `text` in order, meaningless words left out, punctuation kept."""
    return tuple(w for w in (canonical(t) for t in TOKEN.findall(text) if not t.isspace()) if w not in ELIDED)


def words_of(text: str) -> set[str]:
    """The canonical words of `text`, no order."""
    return {canonical(t) for t in set(TOKEN.findall(text))}
