"""What coders decide, from the record to the label: who, when, in what code set; blind audits; figures; the doors."""

from __future__ import annotations

import csv
import io
import json
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from scipy.stats import binomtest
from support.reviewed import DOOR, NOON, VERSION, chart, coded_encounters, row, said

from medcode_ml.contracts import filtered, metadata, ml, review
from medcode_ml.feedback.recording import Recorded, Refused, record_charts
from medcode_ml.feedback.report import codes_of, feedback_report
from medcode_ml.store.accounting import accounts
from medcode_ml.store.copying import copy_in
from medcode_ml.store.frames import read_frame

pytestmark = pytest.mark.integration
CLOSED = date(2026, 10, 16)
CODER_LABEL = metadata.tables["raw.coder_label"]
#: heart failure stands untouched, kidney injury is rejected, asthma is added and put second
DECIDED = [said("N17.9", "rejected"), said("J45.909", "added", place=2, poa="Y")]


def record(engine: sa.Engine, *records: dict[str, Any], door: Any = DOOR) -> list[Recorded | Refused]:
    return record_charts(engine, records, door)


def refused(engine: sa.Engine, sent: dict[str, Any]) -> str:
    (one,) = record(engine, sent)
    assert isinstance(one, Refused), one
    with engine.connect() as connection:
        assert connection.execute(sa.select(sa.func.count()).select_from(review.decision)).scalar_one() == 0
    return one.reason


def rows(engine: sa.Engine, table: sa.Table) -> list[dict[str, Any]]:
    return list(map(dict, read_frame(engine, sa.select(table).order_by(*table.primary_key)).to_dict("records")))


def test_a_final_chart_becomes_labels_with_who_gave_them_and_when(database: sa.Engine) -> None:
    from medcode_ml.coding.training_set import run_training_set
    from medcode_ml.ranking.training_set import run_training_set as run_ranking_set

    coded_encounters(database)
    (done,) = record(database, chart("E1", DECIDED))
    assert isinstance(done, Recorded)
    assert (done.state, done.codes) == ("final", ("I50.23", "J45.909", "E11.9"))
    result = run_training_set(database, CLOSED, CLOSED)
    assert result.rows == {"coding_training_set": 1}
    (learned,) = rows(database, ml.coding_training_set)
    assert learned["label_source"] == "review"
    assert learned["codes"] == ["I50.23", "J45.909", "E11.9"]
    assert (learned["received_date"], learned["set_aside"], learned["document_ids"]) == (CLOSED, None, ["DE1"])
    (line,) = accounts(database, "ml.coding_training_set", CLOSED, CLOSED)
    assert (line.rows_in, line.balances) == (1, True)
    run_ranking_set(database, CLOSED, CLOSED)
    (ordered,) = rows(database, ml.ranking_training_set)
    assert (ordered["codes"], ordered["poa"]) == (["I50.23", "J45.909", "E11.9"], ["Y", "Y", "Y"])
    made = rows(database, review.decision)
    assert {(d["coder"], d["source"], d["sent_by"], d["version"]) for d in made} == {
        ("a.coder", "file", "tests", VERSION)
    }
    seen = {d["code"]: (d["band"], d["score"]) for d in made}
    assert seen == {"N17.9": ("review", 0.71), "J45.909": (None, None)}
    outcomes = {c["code"]: (c["outcome"], c["place"]) for c in rows(database, review.chart_code)}
    assert outcomes == {
        "I50.23": ("kept", 1), "J45.909": ("added", 2), "E11.9": ("kept", 3), "N17.9": ("rejected", None),
    }  # fmt: skip


def test_clicks_on_an_open_chart_and_on_one_given_back_are_no_labels(database: sa.Engine) -> None:
    from medcode_ml.models.warehouse.labels import labels_of_day

    coded_encounters(database)
    at = (NOON + timedelta(seconds=30)).isoformat()
    clicks = [said("N17.9", "accepted", decided_at=at), said("E11.9", "rejected", decided_at=at)]
    record(database, chart("E1", clicks, closed_at=None, outcome=None), chart("E2", DECIDED, outcome="given_back"))
    with database.connect() as connection:
        assert labels_of_day(connection, CLOSED).empty
    assert len(rows(database, review.decision)) == 4
    assert rows(database, review.chart_code) == []
    # the same chart is closed by a later record, and what was clicked before counts
    (done,) = record(database, chart("E1", []))
    assert isinstance(done, Recorded)
    assert done.codes == ("I50.23", "N17.9")


def test_records_sent_again_change_nothing(database: sa.Engine) -> None:
    coded_encounters(database)
    sent = [chart("E1", DECIDED), chart("E2", [said("N17.9", "accepted")])]
    record(database, *sent)
    before = [rows(database, t) for t in (review.chart, review.decision, review.chart_code)]
    again = record(database, *sent)
    assert [(one.decisions, one.known) for one in again if isinstance(one, Recorded)] == [(0, 2), (0, 1)]
    assert [rows(database, t) for t in (review.chart, review.decision, review.chart_code)] == before
    more = chart("E1", [*DECIDED, said("I10", "added")])
    assert record(database, more) == [Refused("the chart is closed: open another of the encounter, by a new opened_at")]


@pytest.mark.parametrize(
    ("sent", "why"),
    [
        (chart("E9", []), "no encounter of that id"),
        (chart("E1", [said("N17.9", "accepted"), said("E11", "added")]), "decision 2: code: E11 is a category"),
        (chart("E1", [said("W44.B0XA", "added"), said("B88.0", "added")]), "decision 2: code: B88.0 is not valid"),
        (chart("E1", [said("Jane Doe", "added")]), "decision 1: code: not written like"),
        (chart("E1", [said("J18.9", "accepted")]), "decision 1: the code was not proposed"),
        (chart("E1", [said("J18.9", "rejected")]), "was not proposed: a code that the coder added is withdrawn"),
        (chart("E1", [said("E11.9", "added")]), "stands in the chart already"),
        (chart("E1", [said("I10", "reordered", place=1)]), "does not stand in the chart"),
        (chart("E1", [said("I50.23", "reordered", place=9)]), "place 9 lies beyond the end"),
        (chart("E1", [said("I10", "withdrawn")]), "nothing was decided on the code"),
        (chart("E1", []), "1 of the proposed codes wait for a decision"),
        (chart("E1", [said(c, "rejected") for c in ("I50.23", "N17.9", "E11.9")]), "no code stands"),
        (chart("E1", [], kind="audit"), "is not in the audit sample"),
        (chart("E1", DECIDED, model_version="coding-before"), "coded by another version since"),
        (chart("E1", DECIDED, opened_at="2026-10-14T00:00:00Z"), "before the day the encounter was received"),
        (chart("E1", DECIDED, closed_at="2026-11-02T00:00:00Z"), "lies in the future"),
        (
            chart("E1", [said("I10", "added", evidence={"document_id": "DE2", "start": 0, "end": 5})]),
            "evidence: lies in no document of the encounter",
        ),
        (
            chart("E1", [said("I10", "added", evidence={"document_id": "DE1", "start": 0, "end": 5000})]),
            "evidence: lies in no document of the encounter",
        ),
    ],
)
def test_what_does_not_fit_is_refused_with_its_reason(database: sa.Engine, sent: dict[str, Any], why: str) -> None:
    coded_encounters(database)
    told = refused(database, sent)
    assert why in told
    assert "Jane" not in told


def test_one_refused_record_costs_no_other(database: sa.Engine) -> None:
    coded_encounters(database)
    found = record(database, chart("E9", []), chart("E1", DECIDED), {"encounter_id": 7})
    assert [type(one) for one in found] == [Refused, Recorded, Refused]


def test_the_code_set_of_the_discharge_date_decides_and_not_that_of_today(database: sa.Engine) -> None:
    """Rule 1: B88.0 was billable on 2025-01-15 and is not on 2026-10-14."""
    coded_encounters(database)
    with database.begin() as connection:
        connection.execute(sa.update(filtered.encounter).values(discharge_date=date(2025, 1, 15)))
    (done,) = record(database, chart("E1", [said("N17.9", "accepted"), said("B88.0", "added")]))
    assert isinstance(done, Recorded)
    assert done.codes[-1] == "B88.0"


def test_coding_anew_changes_no_label_and_closes_no_chart_blindly(database: sa.Engine) -> None:
    from medcode_ml.contracts import coded

    coded_encounters(database)
    record(database, chart("E1", DECIDED), chart("E2", [], closed_at=None, outcome=None))
    before = codes_of(database, "E1")
    with database.begin() as connection:
        connection.execute(sa.update(coded.encounter).values(model_version="coding-later"))
        connection.execute(sa.delete(coded.encounter_code))
    assert codes_of(database, "E1").equals(before)
    (late,) = record(database, chart("E2", [said("I10", "added")]))
    assert late == Refused("the encounter was coded again since the chart was opened: open another, by a new opened_at")


def test_the_newest_labels_count_and_a_chart_before_labels_of_its_day(database: sa.Engine) -> None:
    from medcode_ml.coding.training_set import run_training_set

    coded_encounters(database)
    label = {"encounter_number": "E1", "hospital_id": "H1", "source": "folder", "code": "I10", "line_number": "1"}

    def delivered(day: date, encounter: str) -> dict[str, Any]:
        hospital = "H1" if encounter == "E1" else "H2"
        return row(CODER_LABEL, **{**label, "encounter_number": encounter, "hospital_id": hospital},
                   received_date=day, copy_number=1)  # fmt: skip

    import pandas as pd

    later = CLOSED + timedelta(days=1)
    given = [delivered(CLOSED, "E1"), delivered(later, "E2")]
    with database.begin() as connection:
        names = [c.name for c in CODER_LABEL.columns]
        copy_in(connection, CODER_LABEL, pd.DataFrame(given, columns=names, dtype=object))
    record(database, chart("E1", DECIDED), chart("E2", DECIDED))
    run_training_set(database, CLOSED, later)
    found = {
        (r["encounter_id"], r["received_date"]): (r["label_source"], r["set_aside"])
        for r in rows(database, ml.coding_training_set)
    }
    assert found == {
        ("E1", CLOSED): ("review", None),
        ("E2", CLOSED): ("review", "labelled_again"),
        ("E2", later): ("coder_label", None),
    }
    assert all(a.balances for a in accounts(database, "ml.coding_training_set", CLOSED, later))


def test_an_audit_is_blind_and_measured_with_but_never_learned_from(database: sa.Engine) -> None:
    from medcode_ml.coding.training_set import run_training_set
    from medcode_ml.drift.reading import coding_frames

    coded_encounters(database, 4, audited=4)
    auditor = {"kind": "audit", "coder": "b.auditor"}
    given = [said("I50.23", "added"), said("N17.9", "added"), said("J45.909", "added")]
    found = record(
        database,
        chart("E1", [said("N17.9", "accepted")], coder="b.auditor"),
        chart("E1", given, **auditor),
        chart("E2", [said("N17.9", "accepted")], **auditor),
        chart("E2", given, **auditor, model_version=VERSION),
        chart("E2", given, **auditor),
        chart("E3", given, **auditor),
        chart("E3", [said("N17.9", "accepted")]),
    )
    assert [type(one) for one in found] == [Recorded, Refused, Refused, Refused, Recorded, Recorded, Recorded]
    assert [one.reason.split(":")[0] for one in found if isinstance(one, Refused)] == [
        "coder", "decision 1", "model_version",
    ]  # fmt: skip
    run_training_set(database, CLOSED, CLOSED)
    learned = {r["encounter_id"]: r["label_source"] for r in rows(database, ml.coding_training_set)}
    assert learned == {"E1": "review", "E3": "review"}
    with database.connect() as connection:
        frames = coding_frames(connection, CLOSED, VERSION)
    labelled = dict(zip(frames.labelled["encounter_id"], frames.labelled["codes"], strict=True))
    assert labelled["E2"] == labelled["E3"] == ["I50.23", "N17.9", "J45.909"], "the audit counts before the review"
    audits = {d["chart_id"] for d in rows(database, review.chart) if d["kind"] == "audit"}
    assert all(d["version"] is d["band"] is None for d in rows(database, review.decision) if d["chart_id"] in audits)
    closed = [c for c in rows(database, review.chart) if c["kind"] == "audit" and c["event"] == "closed"]
    assert {(c["stratum"], c["weight"]) for c in closed} == {("review", 10.0)}
    report = feedback_report(database)
    audit = report.audits[report.audits["hospital_id"] == "all"].set_index("figure")
    # E11.9 was proposed in the auto band twice, and the auditor gave it to nobody; I50.23 both times
    assert audit.at["error_auto", "value"] == pytest.approx(0.5)
    assert (audit.at["error_review", "value"], audit.at["error_review", "number"]) == (0.0, 2)
    assert audit.at["missed", "value"] == pytest.approx(1 / 3)
    assert audit.at["coders_principal", "value"] == 1.0
    # of E3's proposals both gave two, the first coder alone one: kappa is 0
    assert audit.at["coders_kappa", "value"] == 0.0
    assert audit.at["coders_f1", "value"] == pytest.approx(4 / 6, abs=1e-3)


def test_figures_are_counted_by_period_hospital_and_band(database: sa.Engine) -> None:
    coded_encounters(database, 4)
    record(
        database,
        chart("E1", DECIDED, active_seconds=90),
        chart("E2", [said("N17.9", "accepted"), said("N17.9", "reordered", place=1)]),
        chart("E3", [said("N17.9", "accepted")], active_seconds=30),
        chart("E4", [], outcome="given_back"),
    )
    report = feedback_report(database, "week", "all")
    assert set(report.shares["period_start"]) == {date(2026, 10, 12)}
    share = report.shares.set_index(["figure", "band"])
    assert (share.at[("accepted", "all"), "number"], share.at[("accepted", "all"), "of"]) == (8, 9)
    assert share.at[("rejected", "review"), "share"] == pytest.approx(1 / 3)
    assert share.at[("reordered", "all"), "number"] == 1
    assert share.at[("untouched", "auto"), "share"] == 1.0
    assert (share.at[("added", "all"), "number"], share.at[("added", "all"), "of"]) == (1, 9)
    assert share.at[("principal_agreement", "all"), "share"] == pytest.approx(2 / 3)
    assert share.at[("unchanged", "all"), "share"] == pytest.approx(1 / 3)
    interval = binomtest(8, 9).proportion_ci(method="wilson")
    assert share.at[("accepted", "all"), "low"] == pytest.approx(interval.low, abs=1e-6)
    assert share.at[("accepted", "all"), "high"] == pytest.approx(interval.high, abs=1e-6)
    assert report.reasons[["reason", "codes"]].values.tolist() == [["not_supported", 1]]
    (time,) = report.times.to_dict("records")
    assert (time["charts"], time["given_back"], time["median_seconds"]) == (3, 1, 90.0)
    assert time["charts_per_hour"] == pytest.approx(3 * 3600 / (90 + 120 + 30))
    assert time["by_clock"] == pytest.approx(1 / 3)
    assert set(feedback_report(database, "day", "H2").shares["hospital_id"]) == {"H2"}


def test_a_pause_is_cut_where_no_client_counts_seconds(database: sa.Engine) -> None:
    coded_encounters(database)
    at = [(NOON + timedelta(minutes=m)).isoformat() for m in (1, 61)]
    decided = [said("N17.9", "accepted", decided_at=at[0]), said("I10", "added", decided_at=at[1])]
    record(database, chart("E1", decided, closed_at=(NOON + timedelta(minutes=62)).isoformat()))
    (closed,) = [c for c in rows(database, review.chart) if c["event"] == "closed"]
    assert (closed["seconds"], closed["seconds_source"]) == (60 + 600 + 60, "clock")


def test_the_commands_load_show_and_measure(
    database: sa.Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from typer.testing import CliRunner

    from medcode_assets.commands import review as commands

    monkeypatch.setattr(commands, "prepared_engine", lambda: database)
    monkeypatch.setenv("COLUMNS", "250")
    coded_encounters(database)
    file = tmp_path / "decisions.jsonl"
    lines = [chart("E1", DECIDED), chart("E9", DECIDED), chart("E2", [said("N17.9", "accepted")])]
    file.write_text("\n".join([*map(json.dumps, lines), "{not json"]) + "\n")
    runner = CliRunner()
    loaded = runner.invoke(commands.review_app, ["load", str(file)])
    assert loaded.exit_code == 0, loaded.output
    assert "2 charts recorded (2 final), 2 lines rejected" in loaded.output
    answers = [json.loads(line) for line in (tmp_path / "decisions.recorded.jsonl").read_text().splitlines()]
    assert answers[0]["codes"] == ["I50.23", "J45.909", "E11.9"]
    aside = (tmp_path / "decisions.recorded.jsonl.rejected.jsonl").read_text().splitlines()
    assert {json.loads(line)["line"] for line in aside} == {2, 4}
    shown = runner.invoke(commands.review_app, ["show", "--encounter", "E1"])
    assert "not_supported" in shown.output
    assert "a.coder" in shown.output
    figures = runner.invoke(commands.review_app, ["figures"])
    assert "principal_agreement" in figures.output
    table = runner.invoke(commands.review_app, ["figures", "--csv", "--by", "week"])
    read = list(csv.DictReader(io.StringIO(table.output)))
    assert {r["table"] for r in read} == {"review", "reason", "time"}
    assert next(r for r in read if r["figure"] == "accepted" and r["band"] == "all")["of"] == "3"
