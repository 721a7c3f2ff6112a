"""Short forms of first names in American English: enough to keep "Bill" from being somebody other than "William"."""

from __future__ import annotations

from functools import lru_cache

_FORMS = """
abigail abby gail|alexander alex al sandy|alexandra alex sandra sandy lexi|andrew andy drew|anthony tony
barbara barb babs|benjamin ben benny|catherine katherine kathryn cathy kathy kate katie kitty
charles charlie chuck chas|christina christine|chris tina chrissy|christopher chris kit|cynthia cindy
daniel dan danny|david dave davey|deborah debra deb debbie|donald don donnie|dorothy dot dottie dolly
edward ed eddie ted ned|eleanor ellie nell nora|elizabeth liz beth betty eliza|lisa libby bess betsy|emily em emmy
eugene gene|frances fran frannie|francis frank|frederick fred freddie|gerald gerry jerry|gregory greg
harold harry hal|helen nell ellen|henry hank harry hal|isabella bella izzy|jacob jake|james jim jimmy jamie
janet jan|jeffrey jeff|jennifer jen jenny|jessica jess jessie|john jack johnny jon|jonathan jon|joseph joe joey
joshua josh|judith judy|kenneth ken kenny|lawrence larry|leonard len lenny|linda lin|lucas luke
margaret maggie meg peg peggy marge margie|greta|marjorie marge margie|martha marty|martin marty
mary molly polly mae|matthew matt|melissa mel missy|michael mike mick|mickey|nancy nan|nathaniel nathan nate
nicholas nick|olivia liv|pamela pam|patricia pat patty tricia trish|patrick pat paddy|peter pete|philip phil
raymond ray|rebecca becky becca|richard rick dick rich ricky|robert bob rob bobby robby bert|ronald ron ronnie
samantha sam|samuel sam sammy|sandra sandy|sarah sally sadie|stephanie steph|steven stephen steve
susan sue susie suzanne|theodore ted theo teddy|theresa teresa terry tess|thomas tom tommy|timothy tim timmy
victoria vicky|virginia ginny|walter walt wally|william bill will billy willie liam|zachary zach
"""


@lru_cache(maxsize=1)
def _groups() -> dict[str, frozenset[int]]:
    found: dict[str, set[int]] = {}
    for number, group in enumerate(_FORMS.replace("\n", "|").strip("|").split("|")):
        for name in group.split():
            found.setdefault(name, set()).add(number)
    return {name: frozenset(numbers) for name, numbers in found.items()}


def same_first_name(one: str, other: str) -> bool:
    """Whether two first names (lower case) may be forms of one: equal, known short form, or cut after three letters."""
    if one == other or (min(len(one), len(other)) >= 3 and (one.startswith(other) or other.startswith(one))):
        return True
    groups = _groups()
    return bool(groups.get(one, frozenset()) & groups.get(other, frozenset()))
