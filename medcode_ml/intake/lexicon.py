"""Words a clinical page may hold, to tell a word from a misreading: those of the code titles, and everyday English.

Belongs here: which words are known. A word that is not known is not wrong: names, drugs and typing errors are none.
"""

from __future__ import annotations

import re
from functools import lru_cache

from medcode_ml.codes.reference import reference_table

_TITLES = ("diagnosis_title", "procedure_title", "icd9_title")
_WORD = re.compile(r"[a-z]+(?:'[a-z]+)?")
#: what discharge summaries, letters and orders say and code titles do not
_EVERYDAY = """
a able about above according across active actually added address admission admit admitted advised afebrile after
afternoon again age ago alert all allergies allergy allowed along already also although always am ambulating an and
another any apparent appears appetite appointment approximately are arrival as ask asked assessment at attending
available average away awake back be because become bed bedtime been before began begin being believe below benefit
best better between bid bilaterally birth blood body both breakfast breath brought but by call called came can care
carefully case caused center central change changed check chest chief child city clear clinic close comes comfortable
complained complaint complaints complete completed concern condition consent consult consultation consulted continue
continued continues control controlled could course current currently daily date daughter day days dear decided
decreased demonstrated denied denies department described despite developed diagnosed diagnosis diagnostic did diet
difficulty discharge discharged discomfort discussed distress do doctor does done dose doses down drinks drive drop
dry due during each ear early eat effect eight either emergency encounter end enough episode episodes etc evaluated
evaluation evening every examination examined except experienced extremities eye eyes face facility fair family father
fax felt few finding findings fine first five fluid fluids follow followed following follows followup food for found
four free from full further gave general gentleman get given go goal goes going good got gradually great had half hand
has have having he head health heart heard held help her here hers high him his history home hospital hospitalized
hour hours house how however hundred husband if images immediately impression improve improved improvement in include
included includes including increased indicated information inhaler initial initially instructed instructions intact
into is issues it its just keep known laboratory lady last later least left less let level levels life light like
likely limits list little live lives long look loss lot low lower lungs made mail male management many married may mcg
me medical medication medications medicine meal meals mg might mild minutes moderate moist month months more morning
most mother move much murmur my name nausea neck need needed needs negative neurologic never new next night nine no
nontender none nor normal not note noted notes nothing notify now number nurse nursing obtained occasional occur
occurred of off office old on once one only onto oral order ordered oriented other our out outpatient over oxygen p.o
page pain pale past patient patients per performed phone physical physician placed plan pleasant please point positive
possible potential prescribed present presented presents pressure previous previously primary prior private problem
problems procedure progress provider pulse puffs pupils put quit rate rather reason received recent recently recommend
recommended record reevaluated referred regular regarding related remained remember reported reports respirations
respiratory rest result results return returned review reviewed rhythm right room routine said same saturation saw
says schedule scheduled see seemed seen send sent service services set seven several severe sex she should show showed
shows side sign signed signs significant since sincerely sister site six skin sleep slight slightly small smoke smokes
so social soft some sometimes son soon sounds speech stable standing started state stated states stay still stools
stop stopped street strong such suggest supple surgery surgical symptoms take taken takes taking tablet tablets team
telephone temperature ten tender test tested tests than that the their them then there therefore these they thing
think third this those though three through time times to today together told tolerated took total toward transferred
treated treatment tried twice two type unable unchanged under understands unit units unremarkable until up upon upper
us use used using usual usually very via view visit vital vitals vomiting walk walking want warm was water way we week
weeks weight well were what when where whether which while white who whole whose wife will with within without woman
work worse worsening would written year years yes yesterday yet you your
"""


@lru_cache(maxsize=1)
def known_words() -> frozenset[str]:
    """Lower-case words of three letters and more of every code title, and everyday words of any length."""
    words = set(_EVERYDAY.split())
    for name in _TITLES:
        titles = " ".join(reference_table(name, ("title",))["title"].dropna())
        words.update(w for w in set(_WORD.findall(titles.lower())) if len(w) >= 3)
    return frozenset(words)


def known_share(text: str) -> float:
    """Share of the letters of a text that stand in known words; figures and signs do not count. 0 without letters."""
    found = _WORD.findall(text.lower())
    letters = sum(map(len, found))
    known = known_words()
    return sum(len(w) for w in found if w in known) / letters if letters else 0.0
