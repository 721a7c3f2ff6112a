# ruff: noqa: E501  (patterns are read across, not down)
"""What stands around names in notes: titles, roles, relations, credentials; and what makes a name that of a thing."""

from __future__ import annotations

import re
from typing import Final

NAME_TOKEN: Final = r"(?:[A-Z0|](?:[A-Za-z0-9|'’])*(?:-[A-Z][A-Za-z'’]+)*)"
TOKEN = re.compile(NAME_TOKEN)
PARTICLE = re.compile(
    r"(?:de la|de los|de|la|del|della|van der|van den|van|von|der|den|bin|ibn|al|el|da|dos|du|di|le) (?=[A-Z])"
)
BETWEEN = re.compile(r" {1,2}|(?<=[ .][A-Z])\. ?|(?<=[A-Z]\.) ?")
COMMA = re.compile(r" ?, ?")
LABEL_AFTER = re.compile(r" ?[:#]|\.[a-z]")
STOP: Final = frozenset(
    [
        "none",
        "unknown",
        "self",
        "n/a",
        "na",
        "not",
        "no",
        "yes",
        "see",
        "same",
        "the",
        "this",
        "that",
        "he",
        "she",
        "they",
        "it",
        "patient",
        "pt",
        "team",
        "doctor",
        "deferred",
        "pending",
        "denies",
        "with",
        "and",
        "or",
        "for",
        "per",
        "if",
        "as",
        "at",
        "is",
        "was",
        "has",
        "in",
        "on",
        "of",
        "mrn",
        "dob",
        "age",
        "sex",
        "date",
        "room",
        "account",
        "encounter",
        "page",
        "unit",
        "dr",
        "drs",
        "mr",
        "mrs",
        "ms",
        "miss",
        "prof",
        "rev",
        "md",
        "do",
        "rn",
        "np",
        "pa",
        "phd",
        "dpm",
        "crna",
        "pgy",
        "i",
        "we",
        "you",
        "our",
        "my",
        "his",
        "her",
        "their",
        "primary",
        "care",
        "internal",
        "medicine",
    ]
)
#: titles after which a name stands, whatever word it is
TITLE = re.compile(
    r"(?<![\w.])(?:Drs?\.?|DRS?\.?|Doctors?|DOCTOR|Mrs?\.?|MRS?\.|MRS|Ms\.?|MS\.|Miss|Mister|Mx\.|Prof\.?|Professor|Rev\.?|Reverend|"
    r"Pastor|Rabbi|Chaplain|Sgt\.|Capt\.|Hon\.)[ \n]{1,2}(?:and (?:Mrs?|Dr)\.? )?(?=[A-Z0])"
)
TITLE_LOW = re.compile(r"(?<!\w)(?:dr|mr|mrs|ms)\.? ([a-z][a-z'’]{2,})\b")
ROLES = (
    r"patient(?:['’]s)?(?: name)?|pt(?: name)?|(?:last |first |full |middle |maiden |family |given )?name|attending(?: physician| md)?|surgeon|"
    r"(?:first |second )?assistants?|an(?:a)?esthesiologist|an(?:a)?esthetist|author|provider|pcp|primary care (?:physician|provider)|"
    r"primary physician|referring(?: physician| provider| md)?|dictated(?: by)?|dictator|(?:electronically )?(?:signed|authenticated|"
    r"approved|verified|reviewed|entered|co-?signed|transcribed|completed|documented|performed|ordered|prepared|"
    r"written|interpreted|read|finalized)(?: electronically)?(?: by)|ordering(?: physician| provider| md)?|consultants?|consulting(?: physician)?|"
    r"cc|next of kin|nok|emergency contact|guardian|mother|father|spouse|wife|husband|hcp|health ?care proxy|poa|"
    r"admitting(?: physician| md)?|resident|intern|fellow|witness(?:ed by)?|rn|nurse|physician|radiologist|pathologist|"
    r"cardiologist|endoscopist|operator|technologist|transcriptionist|proceduralist|hospitalist|midwife|therapist|pharmacist|"
    r"social worker|case manager|interpreter|informant|accompanied by|contact(?: person)?|insured|subscriber|guarantor|"
    r"policy ?holder|responsible party|mother['’]s name|father['’]s name|re|regarding|to|from|dear|copy to|staff|md"
)
ROLE = re.compile(rf"(?<![\w-])(?i:{ROLES})(?: ?\([^)\n]{{1,20}}\))? ?[:=][ \t]*(?=[A-Z0])")
DEAR = re.compile(r"\b(?:Dear|Sincerely,?\n+|Regards,?\n+|/s/|Signed,?|Thank you,?\n+)[ \n]+(?=[A-Z])")
SAID = re.compile(
    r"\b(?:[Ss]een by|[Pp]er|[Dd]/w|[Dd]iscussed with|[Pp]aged|[Cc]alled|[Cc]alled by|[Ss]poke (?:with|to)|[Cc]overing for|[Ss]igned out to|"
    r"[Ee]valuated by|[Ff]ollowed by|[Ff]ollows with|[Ff]ollow up with|[Ff]/u with|[Rr]eferred by|[Rr]eviewed with|[Nn]otified|[Cc]onsulted|"
    r"[Ss]taffed with|[Oo]perated on by|[Pp]erformed by|[Aa]ssisted by|[Uu]nder the care of|[Ii]nformed|[Aa]ttended by|[Cc]ared for by|"
    r"named|[Nn]ame is|goes by|known as|a\.?k\.?a\.?|[Ll]ives with|[Mm]arried to|[Ww]itnessed by|[Dd]ictated by|[Ss]igned by|"
    r"[Pp]atient|[Pp]t|[Rr]esident|[Ss]urgeon|[Aa]ttending|[Nn]urse|RN|NP|PA|[Cc]ardiologist|[Nn]eurologist|[Oo]ncologist|[Pp]ediatrician|"
    r"[Pp]hysician|[Tt]herapist|[Mm]idwife|[Ss]ocial worker|[Cc]ase manager) (?=[A-Z0])"
)
RELATIVE = re.compile(
    r"\b(?:[Ww]ife|[Hh]usband|[Dd]aughter|[Ss]on|[Mm]other|[Ff]ather|[Mm]om|[Dd]ad|[Ss]ister|[Bb]rother|[Pp]artner|[Ss]pouse|[Nn]iece|[Nn]ephew|"
    r"[Nn]eighbou?r|[Ff]riend|[Cc]aregiver|[Aa]unt|[Uu]ncle|[Cc]ousin|[Gg]rand(?:mother|father|son|daughter|ma|pa)|[Ff]ianc[eé]e?|[Rr]oommate|"
    r"[Gg]uardian|[Pp]roxy|[Tt]win|[Bb]oyfriend|[Gg]irlfriend|[Ss]on-in-law|[Dd]aughter-in-law|HCP|NOK|[Kk]in)"
    r"(?:,| is| named|:| \()? ?\(?(?=[A-Z0])"
)
CREDENTIAL = re.compile(
    rf"((?:{NAME_TOKEN}\.?,? ){{0,3}}{NAME_TOKEN})(, ?| )(?:(M\.?D|D\.O|R\.?N|L\.?P\.?N|PA-?C|CRNA|CNM|DPM|DDS|DMD|Pharm\.?D|Ph\.?D|APRN|FNP|ARNP|ACNP|"
    r"LCSW|MSW|MBBS|FACS|FACP|FACC|RRT|BSN|DNP|CNP|NP-C|PGY-?\d|MS[34])|(DO|PA|NP|PT|OT|RD|RT|SLP))\b\.?"
)
LAST_FIRST = re.compile(rf"(?<![\w-])({NAME_TOKEN}), ?({NAME_TOKEN})(?: [A-Z]\b\.?)?(?![\w'’-])")
FIRST_LAST = re.compile(rf"(?<![\w-])(?=({NAME_TOKEN}) (?:[A-Z]\.? )?({NAME_TOKEN}))")
INITIAL_LAST = re.compile(rf"(?<![\w.-])[A-Z]\. ?(?:[A-Z]\. ?)?({NAME_TOKEN})")
INITIALS = re.compile(r"(?<![\w.-])[A-Z]\. ?[A-Z]\.(?: ?[A-Z]\.)?(?![\w])")
NO_INITIALS: Final = frozenset(
    [
        "PO",
        "IV",
        "IM",
        "SC",
        "SL",
        "ER",
        "OR",
        "US",
        "DO",
        "MD",
        "RN",
        "ED",
        "AM",
        "PM",
        "HS",
        "QD",
        "BID",
        "TID",
        "QID",
        "NG",
        "IO",
        "IT",
        "DC",
        "HR",
        "BP",
        "IQ",
        "PE",
        "PR",
        "PT",
        "OT",
        "ID",
        "IE",
        "EG",
        "AD",
        "AS",
        "AU",
        "OD",
        "OS",
        "OU",
        "MRN",
        "DOB",
        "SOB",
        "PMH",
        "UA",
        "HEENT",
        "NPO",
        "PRN",
        "ICU",
        "EKG",
        "ECG",
        "CVA",
        "USA",
    ]
)
PATIENT_BEFORE = re.compile(r"\b(?:[Pp]atient|[Pp]t|[Ii]nitials?):? ?\(?$")
CAPS_LAST_FIRST = re.compile(r"(?<![\w-])([A-Z][A-Z'’-]+) ([A-Z]{2,})(?![\w'’-])")
INITIALS_SAID = re.compile(
    r"(?:\b[Ii]nitials?|\b(?:[Pp]atient|[Pp]t))[ :]+([A-Z]{2,3})(?= (?:is|was|has|presents|reports|states|denies)\b|[.,\n)]|$)"
)
#: words that make the name before them the name of a thing
EPONYM_HEAD: Final = re.compile(
    r"(?:['’]s?)?[ -](?:sign|syndrome|disease|fracture|catheter|score|scale|criteria|criterion|test|tube|drain|classification|class|stage|"
    r"staging|grade|index|palsy|cell|cells|virus|node|nodes|nodule|node|contracture|lymphoma|tumou?r|sarcoma|anemia|thyroiditis|pouch|"
    r"procedure|repair|operation|maneuver|manoeuvre|reflex|line|ring|rings|ulcer|ulcers|cyst|duct|ligament|joint|lesion|deformity|dystrophy|"
    r"phenomenon|esophagus|oesophagus|diverticulum|hernia|abscess|gangrene|retractor|clamp|forceps|needle|wire|stent|filter|valve|graft|"
    r"approach|incision|position|technique|method|stain|smear|agar|bodies|body|chorea|ataxia|encephalopathy|psychosis|aphasia|area|"
    r"arthropathy|exanthem|antigen|factor|fever|tetralogy|triad|fistula|shunt|pump|formula|equation|protocol|response|breathing|"
    r"respirations?|effect|murmur|pulse|vein|artery|canal|gland|glands|loop|capsule|space|fascia|plane|tubercle|dressing|wrap|brace|"
    r"collar|splint|hose|stockings?|bag|mask|bandage|solution|lactate|angle|agitation|pain|coma|fall|dementia|mobility|nodes|exercises?)\b",
    re.I,
)
#: what people do in notes: a name may open such a sentence
DOES = re.compile(
    r" (?:was|is|has|had|denies|denied|reports?|reported|states?|stated|presents|presented|remains|tolerat\w+|continues|feels|felt|seen|"
    r"will|complains|underwent|admitted|informed|returned|came|agrees|agreed|resting|doing|transferred|discharged)\b"
)  # fmt: skip
#: what follows a drug
DOSE: Final = re.compile(
    r"[^\n.;,]{0,14}?\b\d+(?:\.\d+)? ?(?:%|mg|mcg|g|units?|ml|tabs?|meq|puffs?)\b| (?:drip|gtt|nebs?|cream|ointment|inhaler|tablets?|"
    r"capsules?|patch|gauze|suture|dressing|therapy)\b", re.I
)  # fmt: skip
SENTENCE = re.compile(r"(?:^|[.!?:;\n•*-]|\d\.|\n\s*)\s*$")
