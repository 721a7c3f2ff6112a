"""Drift on a real PostgreSQL: a quiet network with a new note style from a known day on, from raw to alarms."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta

import pandas as pd
import pytest
import sqlalchemy as sa

from medcode_ml.coding.batch import MODEL_VERSION
from medcode_ml.contracts import drift, metadata
from medcode_ml.drift.alarms import AlarmError, clear_alarms, raise_alarms
from medcode_ml.drift.evaluation import Row
from medcode_ml.drift.frames import CodingFrames, coding_blocks
from medcode_ml.drift.reference import DriftReferenceError, load_reference, new_reference
from medcode_ml.drift.report import drift_report, metrics_of_day
from medcode_ml.drift.stage import run_drift
from medcode_ml.settings import settings
from medcode_ml.simulation.config import NetworkConfig
from medcode_ml.simulation.delivery import write_delivery
from medcode_ml.store.drift_alarms import alarm_stands, standing_alarms
from medcode_ml.store.frames import read_frame

pytestmark = [pytest.mark.integration, pytest.mark.slow]

FIRST, LAST, SHIFT = date(2026, 9, 1), date(2026, 9, 8), date(2026, 9, 8)
QUIET = SHIFT - timedelta(days=1)
NETWORK = NetworkConfig(
    seed=5, encounters=240, first_day=FIRST, last_day=LAST, scanned_pages=0, note_style="new", note_style_day=SHIFT
)


@pytest.fixture(scope="module")
def network(server_engine: sa.Engine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[sa.Engine]:
    """Eight coded days, five of them for the reference; the notes of the last day are written in another style."""
    from medcode_ml.coding.stage import run_coding
    from medcode_ml.filtering.stage import run_filtering
    from medcode_ml.intake.folder import FolderSource
    from medcode_ml.intake.landing import run_intake
    from medcode_ml.intake.page_store import PageWork
    from medcode_ml.mapping.stage import run_mapping
    from medcode_ml.ranking.stage import run_ranking

    folder = tmp_path_factory.mktemp("drift")
    names = ", ".join(f'"{t.schema}"."{t.name}"' for t in metadata.tables.values())
    with server_engine.begin() as connection:
        connection.execute(sa.text(f"TRUNCATE {names}"))
    source = FolderSource(write_delivery(NETWORK, folder / "delivery"))
    run_intake(server_engine, source, FIRST, LAST, PageWork(folder / "store", 1, 30))
    for stage in (run_mapping, run_filtering, run_coding, run_ranking):
        stage(server_engine, FIRST, LAST)
    yield server_engine
    with server_engine.begin() as connection:
        connection.execute(sa.text(f"TRUNCATE {names}"))


@pytest.fixture(scope="module")
def evaluated(network: sa.Engine) -> Iterator[sa.Engine]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MEDCODE_DRIFT_REFERENCE_DAYS", "5")
        patch.setenv("MEDCODE_DRIFT_LEAST", "15")
        settings.cache_clear()
        run_drift(network, FIRST, LAST)
        yield network
    settings.cache_clear()


def metrics(engine: sa.Engine) -> pd.DataFrame:
    table = drift.drift_metric
    return read_frame(engine, sa.select(table).order_by(*table.primary_key))


def test_days_without_anything_give_nothing(evaluated: sa.Engine) -> None:
    result = run_drift(evaluated, date(2026, 8, 1), date(2026, 8, 2))
    assert set(result.rows.values()) == {0}


def test_the_days_of_the_reference_are_not_tested_and_the_rest_are(evaluated: sa.Engine) -> None:
    found = metrics(evaluated)
    assert set(found["received_date"]) == {date(2026, 9, 6), QUIET, SHIFT}
    assert set(found["kind"]) == {"coding", "ranking"}
    reference = read_frame(evaluated, sa.select(drift.drift_reference)).set_index("kind")
    assert reference.loc["coding", "version"] == MODEL_VERSION
    assert (reference["last_day"] == date(2026, 9, 5)).all()
    assert reference.loc["coding", "labelled"] > 100


def test_the_new_style_is_an_alarm_on_its_first_day_and_no_day_before(evaluated: sa.Engine) -> None:
    found = metrics(evaluated)
    assert not found.loc[found["received_date"] < SHIFT, "alarm"].any()
    alarms = found[found["alarm"]]
    assert "oov_rate" in set(alarms["metric"])
    assert (alarms["p_adjusted"] <= alarms["threshold"]).all()
    standing = standing_alarms(evaluated, "coding")
    assert list(zip(standing["hospital_id"], standing["day"], strict=True)) == [("all", SHIFT)]
    assert alarm_stands(evaluated, "coding", MODEL_VERSION, SHIFT, "HARB")
    assert not alarm_stands(evaluated, "coding", MODEL_VERSION, QUIET)


def test_estimated_performance_is_near_the_realised_one_until_notes_name_things_in_words_nobody_learned(
    evaluated: sa.Engine,
) -> None:
    """Of 30 encounters the stays tell too little to be believed over the scores: there the realised figure is needed.

    What larger days show is held in tests/unit/drift/test_drift_performance.py.
    """
    found = metrics(evaluated)
    whole = found[(found["hospital_id"] == "all") & (found["document_type"] == "all") & (found["window_days"] == 3)]
    quiet, last = (
        whole[whole["received_date"] == day].set_index("metric")["value"].astype(float) for day in (QUIET, SHIFT)
    )
    assert quiet["estimated_micro_f1"] == pytest.approx(quiet["realised_micro_f1"], abs=0.06)
    assert last["realised_micro_f1"] < quiet["realised_micro_f1"] - 0.02


def test_estimates_are_corrected_once_enough_labels_of_days_before_have_come(evaluated: sa.Engine) -> None:
    whole = metrics(evaluated).query("metric == 'estimated_micro_f1' and hospital_id == 'all' and window_days == 1")
    used = {day: notes["corrected_by"] for day, notes in zip(whole["received_date"], whole["notes"], strict=True)}
    assert used[date(2026, 9, 6)] == 0, "the days before it are those of the reference"
    assert 40 <= used[SHIFT] <= 60
    notes = whole.set_index("received_date").loc[SHIFT, "notes"]
    assert notes["factor_right"] != 1.0
    assert 0.5 < notes["uncorrected"] < 1.0


def test_labels_that_come_days_later_are_held_against_what_was_estimated_then(evaluated: sa.Engine) -> None:
    """Charts are closed days after they were coded: what is known of the stay is read from its own day."""
    from medcode_ml.drift.reading import coding_frames

    with evaluated.connect() as connection:
        before = coding_frames(connection, QUIET, MODEL_VERSION)
        own = coding_frames(connection, date(2026, 9, 6), MODEL_VERSION)
        connection.execute(
            sa.text("UPDATE raw.coder_label SET received_date = :later WHERE received_date = :day"),
            {"later": QUIET, "day": date(2026, 9, 6)},
        )
        late = coding_frames(connection, QUIET, MODEL_VERSION)
        named = connection.execute(sa.text("SELECT reference_id FROM ml.drift_reference WHERE kind = 'coding'"))
        reference = load_reference(connection, str(named.scalar_one()))
        connection.rollback()
    assert before.labelled_earlier.empty
    assert set(late.labelled_earlier["encounter_id"]) == set(own.labelled["encounter_id"])
    assert len(late.labelled) == len(before.labelled) + len(own.labelled)
    assert reference.language is not None

    def proved(frames: CodingFrames) -> list[float]:
        blocks = coding_blocks(frames, reference.language, reference.calibration)  # type: ignore[arg-type]
        (rows,) = [block.rows["proved"] for block in blocks if "proved" in block.rows]
        return [len(rows), *rows.sum(0)]

    assert proved(late) == pytest.approx([a + b for a, b in zip(proved(before), proved(own), strict=True)])


def test_a_second_run_changes_nothing_and_raises_nothing_twice(evaluated: sa.Engine) -> None:
    before = metrics(evaluated)
    assert run_drift(evaluated, FIRST, LAST).rows["drift_alarm"] == 0
    pd.testing.assert_frame_equal(before, metrics(evaluated))
    run_drift(evaluated, SHIFT, SHIFT)
    pd.testing.assert_frame_equal(before, metrics(evaluated))


def test_no_table_of_drift_holds_a_text_a_name_or_a_word_that_is_not_public(evaluated: sa.Engine) -> None:
    from medcode_ml.drift.words import UNLISTED, listed_words

    with evaluated.connect() as connection:
        held = " ".join(
            str(connection.execute(sa.text(f"SELECT jsonb_agg(t) FROM ml.{t.name} t")).scalar_one())
            for t in metadata.tables.values()
            if t.name.startswith(("drift_", "audit_")) and t.name != "drift_reference"
        )
        people = connection.execute(sa.text("SELECT DISTINCT last_name FROM raw.patient")).scalars().all()
    assert people
    assert not [name for name in people if name in held]
    told = metrics(evaluated).query("metric == 'domain_auc'")["notes"]
    words = {word for notes in told for word, _ in notes["words"]}
    assert words <= listed_words() | {UNLISTED}
    assert all(notes["documents"] for notes in told)


def test_every_coded_encounter_stands_for_its_share_of_the_audit_sample(evaluated: sa.Engine) -> None:
    sample = read_frame(evaluated, sa.select(drift.audit_sample))
    counts = dict(
        read_frame(evaluated, sa.text("SELECT received_date, count(*) FROM coded.encounter GROUP BY 1")).itertuples(
            index=False, name=None
        )
    )
    weights = sample.groupby("received_date")["weight"].sum()
    assert {day: round(weight) for day, weight in weights.items()} == counts


def test_the_frozen_reference_comes_back_as_it_was(evaluated: sa.Engine) -> None:
    named = read_frame(evaluated, sa.text("SELECT reference_id FROM ml.drift_reference WHERE kind = 'coding'"))
    with evaluated.connect() as connection:
        held = load_reference(connection, named["reference_id"].iloc[0])
    assert held.language is not None
    assert held.sketches["all", "all", "oov_rate"].n > 100
    assert held.calibration.labels_per_expected >= 1.0
    assert min(held.dispersion.values()) >= 1.0


def test_the_report_names_performance_alarms_and_exemplars(evaluated: sa.Engine) -> None:
    report = drift_report(evaluated, LAST)
    assert report.last_day == SHIFT
    assert set(report.performance["metric"]) == {"estimated_micro_f1", "realised_micro_f1"}
    assert len(report.exemplars) == 5
    assert metrics_of_day(evaluated, SHIFT, alarms_only=True)["alarm"].all()
    assert drift_report(evaluated, FIRST).last_day is None


def test_an_alarm_stands_until_it_is_cleared_or_the_model_is_replaced(evaluated: sa.Engine) -> None:
    with pytest.raises(AlarmError, match="no alarm nothing stands"):
        clear_alarms(evaluated, "test", "why", alarm_id="nothing")
    with pytest.raises(AlarmError, match="either one alarm or one kind"):
        clear_alarms(evaluated, "test", "why")
    row = Row("HARB", "all", "oov_rate", 1, 30, 300, p_adjusted=0.0, effect=0.5, alarm=True)
    day = LAST + timedelta(days=30)
    with evaluated.begin() as connection:
        assert raise_alarms(connection, "ranking", "one", day, [row]) == 1
        assert raise_alarms(connection, "ranking", "one", day + timedelta(days=1), [row]) == 0
        assert raise_alarms(connection, "ranking", "two", day + timedelta(days=2), []) == 0
    assert standing_alarms(evaluated, "ranking").empty
    history = read_frame(
        evaluated, sa.text("SELECT event, reason FROM ml.drift_alarm WHERE version = 'one' ORDER BY 1")
    )
    assert list(history["event"]) == ["cleared", "raised"]
    assert history["reason"].iloc[0] == "two took its place"
    assert clear_alarms(evaluated, "q.lead", "template agreed", kind="coding") == 1
    assert standing_alarms(evaluated).empty


def test_a_new_reference_takes_the_place_of_the_old_one_for_later_days(evaluated: sa.Engine) -> None:
    with pytest.raises(DriftReferenceError, match="name more days"):
        new_reference(evaluated, "coding", date(2026, 8, 1), date(2026, 8, 2))
    made = new_reference(evaluated, "coding", date(2026, 9, 2), QUIET)
    run_drift(evaluated, SHIFT, SHIFT)
    own = metrics(evaluated).query("received_date == @SHIFT and kind == 'coding'")
    assert set(own["reference_id"]) == {made.reference_id}
    assert own["alarm"].any()


def test_a_model_is_held_against_the_encounters_kept_apart_and_never_against_those_it_learned_from(
    evaluated: sa.Engine,
) -> None:
    """Scores of charts that a model learned from are too good: as a reference they would make every day a fall."""
    from medcode_ml.drift.reading import coding_frames, own_test
    from medcode_ml.drift.reference import reference_for

    with evaluated.begin() as connection:
        connection.execute(
            sa.text(
                "INSERT INTO ml.coding_model_encounter SELECT :v, encounter_id, encounter_id, "
                "CASE WHEN received_date <= :d THEN 'test' ELSE 'train' END FROM coded.encounter "
                "WHERE received_date <= :last"
            ),
            {"v": MODEL_VERSION, "d": date(2026, 9, 4), "last": date(2026, 9, 5)},
        )
        connection.execute(sa.text("DELETE FROM ml.drift_reference WHERE kind = 'coding'"))
    try:
        with evaluated.connect() as connection:
            apart = own_test(connection, "coding", MODEL_VERSION, LAST)
            learned = coding_frames(connection, date(2026, 9, 5), MODEL_VERSION)
        assert max(apart) == date(2026, 9, 4)
        assert learned.encounters.empty
        assert learned.codes.empty
        made = reference_for(evaluated, "coding", MODEL_VERSION, LAST, 5)
        assert made is not None
        assert made.last_day == date(2026, 9, 4)
        row = read_frame(evaluated, sa.select(drift.drift_reference).where(drift.drift_reference.c.kind == "coding"))
        assert list(row["origin"]) == ["model_test"]
        assert row["encounters"].iloc[0] == sum(map(len, apart.values()))
    finally:
        with evaluated.begin() as connection:
            connection.execute(sa.text("DELETE FROM ml.coding_model_encounter"))


def test_the_commands_print_what_stands(evaluated: sa.Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    from typer.testing import CliRunner

    from medcode_assets.commands import drift as commands

    monkeypatch.setattr(commands, "prepared_engine", lambda: evaluated)
    monkeypatch.setenv("COLUMNS", "250")  # a narrow terminal cuts the last column
    shown = CliRunner().invoke(commands.drift_app, ["show", "--limit", "200"])
    assert shown.exit_code == 0, shown.output
    assert "oov_rate" in shown.output
    assert "alarm" in shown.output
    nothing = CliRunner().invoke(commands.drift_app, ["show", "--day", "2026-01-01"])
    assert "no metric of 2026-01-01" in nothing.output
    every = CliRunner().invoke(commands.drift_app, ["alarms", "--all"])
    assert "took its place" in every.output
    audit = CliRunner().invoke(commands.drift_app, ["audit", "--day", LAST.isoformat()])
    assert "review" in audit.output
    refused = CliRunner().invoke(commands.drift_app, ["clear", "--alarm", "x", "--by", "me", "--note", "n"])
    assert isinstance(refused.exception, AlarmError)
    when = ["--from", "2026-09-02", "--to", "2026-09-07", "--by", "me", "--note", "n"]
    assert "clear" in CliRunner().invoke(commands.drift_app, ["rebase", *when]).output
