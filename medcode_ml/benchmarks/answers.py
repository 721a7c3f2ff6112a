"""Measures how answers of payers are read: files of others, speed and memory of a large 835, and what faults do.

    python -m medcode_ml.benchmarks.answers [--data DIR] [--claims N] [--faults N]

`--data` is a folder of X12 files written by others: every file is told as read, or with the reason why not, beside what
pyx12 (guide syntax) and x12sdk say of it where they are installed. Speed and memory are of one process that streams a
synthetic 835 from a file and matches each part to as many claims of ours; the baseline only cuts the same file into
segments with pyx12. Faults are drawn at random into a synthetic 835: nothing that came in may be lost, and no claim
whose amounts were changed may be matched.
"""

from __future__ import annotations

import argparse
import io
import random
import resource
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import BinaryIO

import pandas as pd
from tqdm import tqdm

from medcode_ml.billing.answers.frames import Answers
from medcode_ml.billing.answers.matching import OurClaims, match
from medcode_ml.billing.answers.reading import read_answers, stream_answers
from medcode_ml.billing.answers.repeated import Seen, mark_repeated
from medcode_ml.simulation.answer_segments import GUIDES, header, trailer

_OPENING = header("HP", GUIDES["835"], 1, sender="PAYERONE", receiver="HOSPITAL")
_HEAD = (
    "TRN*1*TRACE1*1512345678", "DTM*405*20261119", "N1*PR*FIRST HEALTH PLAN*XV*P1", "N3*1 MAIN ST",
    "N4*BOSTON*MA*021140000", "PER*BL*HELP DESK*TE*6175550100", "N1*PE*HARBOUR GENERAL*XX*1234567893", "LX*1",
)  # fmt: skip
_CLAIMS_OF_MEMORY = 20_000


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")


def claim_segments(number: int) -> list[str]:
    """One claim with two or three lines: paid, one in eleven denied."""
    charge, lines = 900 + number % 700, 2 + number % 2
    whole = charge * lines
    denied = number % 11 == 0
    line_paid = 0 if denied else 400
    paid, status = line_paid * lines, "4" if denied else "1"
    made = [
        f"CLP*A{number:09d}*{status}*{whole}*{paid}**MA*ICN{number}*11*1**193*1.2",
        "NM1*QC*1*DOE*JANE****MI*M1", "DTM*232*20261101", "DTM*233*20261104",
    ]  # fmt: skip
    for place in range(1, lines + 1):
        made += [f"SVC*HC:9921{place}*{charge}*{line_paid}*0510*1", "DTM*472*20261102"]
        made += [f"CAS*CO*{16 if denied else 45}*{charge - line_paid}", f"REF*6R*L{place}"]
        made += ["LQ*HE*M76"] if denied else []
    return made


def payment_segments(claims: int) -> Iterator[str]:
    """The segments of one interchange with one 835 of `claims` claims."""
    yield from _OPENING
    total, count = sum(int(claim_segments(number)[0].split("*")[4]) for number in range(claims)), 0
    body = (f"BPR*I*{total}*C*CHK************20261119", *_HEAD)
    yield f"ST*835*0001*{GUIDES['835']}"
    for segment in body:
        count += 1
        yield segment
    for number in range(claims):
        for segment in claim_segments(number):
            count += 1
            yield segment
    yield f"SE*{count + 2}*0001"
    yield from trailer(1, 1)


def our_claims(claims: int) -> pd.DataFrame:
    """Our side of `payment_segments`."""
    charges = [Decimal((900 + n % 700) * (2 + n % 2)) for n in range(claims)]
    return pd.DataFrame(
        {
            "claim_number": [f"A{n:09d}" for n in range(claims)],
            "payer_id": "P1",
            "total_charge": charges,
            "encounter_id": [f"E{n}" for n in range(claims)],
        },
        dtype=object,
    )


# files of others ------------------------------------------------------------------------------------------------------


def read_others(folder: Path) -> None:
    """Print what is made of every file in `folder`."""
    _say(f"Files of others in {folder}: read, or why not; beside it pyx12 and x12sdk.\n")
    tally: Counter[str] = Counter()
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        data = path.read_bytes()
        if b"ISA" not in data[:4000] and path.suffix.lower() not in (".x12", ".edi", ".835", ".999", ".277"):
            continue
        answers = read_answers(data, path.name)
        told = _told(answers)
        tally[told.partition(":")[0]] += 1
        _say(f"  {path.name:34s} {told}")
        _say(f"  {'':34s}   pyx12 {_pyx12(data)}; x12sdk {_x12sdk(data)}")
    _say(f"\n  {dict(tally)}\n")


def _told(answers: Answers) -> str:
    kinds = Counter(zip(answers.sets["transaction"], answers.sets["status"], strict=True))
    what = ", ".join(f"{n} x {kind} {status}" for (kind, status), n in sorted(kinds.items())) or "no transaction set"
    read = "read" if any(status == "read" for _, status in kinds) else "not read"
    balanced = answers.remittance_claims["balanced"]
    if len(balanced):
        what += f"; {len(balanced)} claims, {int(balanced.sum())} balanced"
    reasons = [b for because in answers.sets["because"] for b in because] + list(answers.unread["because"])
    return f"{read}: {what}" + (f" ({'; '.join(dict.fromkeys(reasons))})" if reasons else "")


def _pyx12(data: bytes) -> str:
    import pyx12.errors
    import pyx12.params
    import pyx12.x12n_document

    try:
        text = io.StringIO(data.decode("latin-1"))
        valid = pyx12.x12n_document.x12n_document(pyx12.params.params(), text, None, None)
    except (pyx12.errors.X12Error, pyx12.errors.EngineError, IndexError, KeyError, AttributeError) as error:
        return f"cannot follow it ({type(error).__name__})"
    return "valid" if valid else "not valid"


def _x12sdk(data: bytes) -> str:
    try:
        from x12sdk.io import X12ModelReader
    except ImportError:
        return "not installed"
    try:
        with X12ModelReader(data.decode("latin-1")) as reader:
            return f"{len(list(reader.models()))} models"
    except Exception as error:  # whatever a rival raises is the figure here
        return f"refuses it ({type(error).__name__})"


# speed and memory -----------------------------------------------------------------------------------------------------


def megabytes() -> float:
    """Most memory this process ever held, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def write_payment(file: BinaryIO, claims: int) -> int:
    """Write the synthetic 835; return its size in bytes."""
    for segment in payment_segments(claims):
        file.write(segment.encode() + b"~\n")
    file.flush()
    return file.tell()


def measure_speed(claims: int) -> None:
    """Print claims a second and memory of streaming, marking and matching; beside it the pyx12 baseline."""
    with tempfile.TemporaryDirectory() as folder, (Path(folder) / "synthetic.835").open("w+b") as large:
        size = write_payment(large, claims)
        before = megabytes()
        start = time.perf_counter()
        counted = 0
        for part in stream_answers(large, "synthetic"):
            counted += len(part.remittance_claims)
        reading, held = time.perf_counter() - start, megabytes()
        ours, seen, outcomes = OurClaims(our_claims(claims)), Seen(), Counter[str]()
        start = time.perf_counter()
        for part in stream_answers(large, "synthetic"):
            outcomes.update(match(mark_repeated(part, seen), ours).counts)
        matching, held_by_matching = time.perf_counter() - start, megabytes()
        large.seek(0)
        start = time.perf_counter()
        segments = _cut_with_pyx12(large)
        baseline = time.perf_counter() - start
    _say(f"An 835 of {claims:,} claims, {segments:,} segments, {size / 1e6:.0f} MB, one process:\n")
    _say(f"  {'what':44s} {'seconds':>8s} {'claims/s':>10s} {'peak MB':>8s}")
    _say(f"  {'before':44s} {'':8s} {'':10s} {before:8.0f}")
    _say(f"  {f'read, balanced ({counted:,} claims)':44s} {reading:8.1f} {claims / reading:10,.0f} {held:8.0f}")
    told = ", ".join(f"{n:,} {outcome}" for outcome, n in outcomes.items())
    what = f"read, balanced, matched ({told})"
    _say(f"  {what:44s} {matching:8.1f} {claims / matching:10,.0f} {held_by_matching:8.0f}")
    _say(f"  {'baseline: cut into segments by pyx12':44s} {baseline:8.1f} {claims / baseline:10,.0f}\n")


def _cut_with_pyx12(file: BinaryIO) -> int:
    from pyx12.x12file import X12Reader

    text = io.TextIOWrapper(file, encoding="ascii")
    count = 0
    for _ in X12Reader(text):
        count += 1
    text.detach()
    return count


# faults ---------------------------------------------------------------------------------------------------------------


def faulty(segments: list[str], kind: str, rng: random.Random) -> tuple[list[str], set[str]]:
    """Segments with one fault of a kind, and the control numbers of the claims whose amounts it changed."""
    places = [i for i, s in enumerate(segments) if s.split("*")[0] in _PLACES[kind]]
    place = rng.choice(places)
    segment = segments[place]
    claim = next((s.split("*")[1] for s in reversed(segments[: place + 1]) if s.startswith("CLP*")), "")
    if kind == "cut segment":
        return segments[:place] + segments[place + 1 :], {claim} if segment.startswith(("CAS", "SVC", "CLP")) else set()
    if kind == "doubled segment":
        return [*segments[:place], segment, *segments[place:]], {claim} if segment.startswith("CAS") else set()
    if kind == "cut file":
        data = "~".join(segments)
        return data[: rng.randrange(len(_OPENING[0]) + 60, len(data))].split("~"), set()
    if kind in ("cut, recounted", "doubled, recounted"):
        cut = kind.startswith("cut")
        made = segments[:place] + segments[place + 1 :] if cut else [*segments[: place + 1], *segments[place:]]
        count = int(made[-3].split("*")[1]) + (-1 if cut else 1)
        harm = segment.startswith("CAS") or (cut and segment.startswith("CLP"))
        return [*made[:-3], f"SE*{count}*0001", *made[-2:]], {claim} if harm else set()
    elements = segment.split("*")
    amount = {"CLP": 4, "CAS": 3, "SVC": 3, "BPR": 2}[elements[0]]
    elements[amount] = str(int(elements[amount]) + rng.choice((-1, 1, 10)))
    return [*segments[:place], "*".join(elements), *segments[place + 1 :]], {claim} if elements[0] != "BPR" else set()


_PLACES = {
    "cut segment": ("CLP", "CAS", "SVC", "ST", "SE", "GS", "GE", "IEA", "BPR", "DTM"),
    "doubled segment": ("CLP", "CAS", "SVC", "SE", "BPR", "REF", "LX"),
    "cut, recounted": ("CLP", "CAS", "SVC", "DTM", "REF", "BPR", "TRN"),
    "doubled, recounted": ("CLP", "CAS", "SVC", "DTM", "REF", "BPR"),
    "wrong amount": ("CLP", "CAS", "SVC", "BPR"),
    "cut file": ("CLP",),
}


def measure_faults(trials: int) -> None:
    """Print, by kind of fault, what became of the claims that came in."""
    rng = random.Random(11)
    claims = 30
    sound, ours = list(payment_segments(claims)), our_claims(claims)
    _say(f"{trials} random faults of each kind in an 835 of {claims} claims:\n")
    columns = ("claims in", "out", "matched", "set apart", "lost", "wrongly matched")
    _say(f"  {'fault':18s} " + " ".join(f"{name:>15s}" for name in columns))
    for kind in _PLACES:
        came = out = right = wrong = apart = 0
        for _ in tqdm(range(trials), desc=kind, disable=not sys.stderr.isatty()):
            segments, changed = faulty(sound, kind, rng)
            data = "".join(f"{s}~\n" for s in segments).encode()
            m = match(mark_repeated(read_answers(data, "faulty"), Seen()), ours)
            rows = m.answers.remittance_claims
            posted = rows[rows["outcome"] == "matched"]
            came += sum(s.startswith("CLP*") for s in segments)
            out += len(rows)
            right += len(posted)
            apart += len(rows) - len(posted)
            wrong += int(posted["control_number"].isin(changed).sum())
        _say(f"  {kind:18s} " + " ".join(f"{n:15,d}" for n in (came, out, right, apart, came - out, wrong)))
    _say("")


def main() -> None:
    """Run the parts that were asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="folder of X12 files of others")
    parser.add_argument("--claims", type=int, default=_CLAIMS_OF_MEMORY, help="claims of the large 835; 0 to leave out")
    parser.add_argument("--faults", type=int, default=100, help="random faults of each kind; 0 to leave out")
    chosen = parser.parse_args()
    if chosen.data is not None:
        read_others(chosen.data)
    if chosen.claims:
        measure_speed(chosen.claims)
    if chosen.faults:
        measure_faults(chosen.faults)


if __name__ == "__main__":
    main()
