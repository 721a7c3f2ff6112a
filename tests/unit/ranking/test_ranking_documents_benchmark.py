"""The measurement of documents reads the simulated network as lines of `medcode rank` and takes keys away."""

from __future__ import annotations

from medcode_ml.benchmarks.ranking_documents import lines_of, run, without
from medcode_ml.ranking.records import check_record


def test_lines_hold_what_ranking_reads_and_no_order_is_given_away() -> None:
    lines = lines_of(3, 12)
    assert len(lines) == 12
    for line in lines:
        check_record(line)
        assert line["documents"]
        assert line["age"] == int(line["age"]) >= 0
    bare = without(lines, "documents", "poa")
    assert all(set(line) & {"documents", "poa"} == set() for line in bare)
    assert all(line["codes"] == sorted(line["codes"]) for line in bare)
    assert {tuple(line["codes"]) for line in bare} != {tuple(line["codes"]) for line in lines}


def test_every_figure_has_its_interval_and_the_gain_is_the_difference() -> None:
    rows = {(name, setting): (count, figure) for name, setting, count, figure in run(3, 30)}
    inpatient, outpatient, both = (rows["all", setting] for setting in ("inpatient", "outpatient", "both"))
    assert inpatient[0] + outpatient[0] == both[0]
    for _, (mean, low, high) in rows.values():
        assert low <= mean <= high
    gain = rows["gain: documents on all else", "both"][1][0]
    assert abs(gain - (both[1][0] - rows["all but documents", "both"][1][0])) < 1e-9
