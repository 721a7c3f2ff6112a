"""What becomes of X12 files by others: every one is read, or refused with a reason.

    python -m medcode_ml.benchmarks.x12_examples --data DIR

A file goes to the reader of insurers' answers (999, TA1, 277CA, 835) and to the reader of 837 claims, which takes only
what medcode itself writes. The baseline is `pyx12`'s plain segment reader: how many segments it sees, or how it ends.
The exit status is 1 when a file is neither read nor refused with a reason.
"""

from __future__ import annotations

import argparse
import io
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from medcode_ml.billing.answers.frames import Answers
from medcode_ml.billing.answers.reading import read_answers
from medcode_ml.billing.x12.reading import Read837Error, read_837

READ, REFUSED, SILENT = "read", "refused", "no reason"
_SHOWN = 160


class Verdict(NamedTuple):
    """What became of one file: `outcome` is read, refused or no reason; `why` has the reasons of what was refused."""

    name: str
    outcome: str
    what: str
    why: tuple[str, ...]


def verdict(name: str, data: bytes) -> Verdict:
    """Read a file as answers and as claims; it is read when either of them takes something out of it."""
    answers = read_answers(data, name)
    kinds = Counter(zip(answers.sets["transaction"], answers.sets["status"], strict=True))
    told = [f"{count} x {kind} {status}" for (kind, status), count in sorted(kinds.items())]
    why = [reason for because in answers.sets["because"] for reason in because]
    why += [f"segment {one['segment_number']}: {one['because']}" for one in answers.unread.to_dict("records")]
    claims = 0
    if "837" in {kind for kind, _ in kinds} or not kinds:
        try:
            claims = len(read_837(data).encounters)
            told.append(f"{claims} claims")
        except Read837Error as error:
            why += error.faults
    read = bool(claims) or any(status == READ for _, status in kinds)
    outcome = READ if read else REFUSED if why else SILENT
    return Verdict(name, outcome, ", ".join([*told, *_balance(answers)]) or "no X12", tuple(dict.fromkeys(why)))


def verdicts(folder: Path) -> Iterator[Verdict]:
    """Every file below `folder`, by name."""
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        yield verdict(str(path.relative_to(folder)), path.read_bytes())


def _balance(answers: Answers) -> list[str]:
    balanced = answers.remittance_claims["balanced"]
    return [f"{int(balanced.sum())} of {len(balanced)} paid claims balance"] if len(balanced) else []


def plain(data: bytes) -> str:
    """The baseline: segments that pyx12 reads, or the error it ends with."""
    from pyx12.errors import X12Error  # type: ignore[import-untyped]
    from pyx12.x12file import X12Reader  # type: ignore[import-untyped]

    try:
        return f"{sum(1 for _ in X12Reader(io.StringIO(data.decode('latin-1'))))} segments"
    except (X12Error, ValueError, IndexError) as error:
        return f"{type(error).__name__}"


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")


def main() -> int:
    """Print the verdict on every file."""
    assert __doc__ is not None
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", type=Path, required=True, help="folder of X12 files")
    folder: Path = parser.parse_args().data
    tally: Counter[str] = Counter()
    for one in verdicts(folder):
        tally[one.outcome] += 1
        baseline = plain((folder / one.name).read_bytes())
        _say(f"{one.name}\n    {one.outcome}: {one.what}; pyx12 {baseline}")
        for reason in one.why[:3]:
            _say(f"    - {reason[:_SHOWN]}")
        if len(one.why) > 3:
            _say(f"    - and {len(one.why) - 3} more")
    _say(f"\n{sum(tally.values())} files: {dict(tally)}")
    return 1 if tally[SILENT] else 0


if __name__ == "__main__":
    sys.exit(main())
