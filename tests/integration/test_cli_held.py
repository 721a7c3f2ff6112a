"""`medcode held ...` on a real database: what a biller reads and decides, what is refused, and what runs again."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from support.billed_days import FIRST, BilledDays
from typer.testing import CliRunner

from medcode_assets.cli import _mistakes, app
from medcode_ml.billing.held import HeldClaimError, held_claims
from medcode_ml.contracts import answers
from medcode_ml.settings import settings

pytestmark = pytest.mark.integration
BY = ("--by", "b.biller", "--note", "two stays on one day")


def said(*argv: str) -> str:
    result = CliRunner().invoke(app, ["held", *argv], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


@pytest.fixture
def two_stays(database: sa.Engine, tmp_path: Path) -> BilledDays:
    """Two stays of one patient on the same days: the claim of the second is held as a duplicate (edit 415)."""
    return BilledDays(database, tmp_path, {FIRST: ["E1", "E2"]})


def held_encounter(engine: sa.Engine) -> str:
    (claim,) = held_claims(engine).to_dict("records")
    return str(claim["encounter_id"])


def test_the_list_counts_by_edit_and_names_the_claims_of_one(two_stays: BilledDays) -> None:
    header, row = said("list").splitlines()
    assert header.split() == ["number", "edit", "claims", "alone", "charges", "oldest", "releasable"]
    assert row.split() == ["415", "duplicate_claim", "1", "1", "1200.00", FIRST.isoformat(), "True"]
    claim = held_encounter(two_stays.engine)
    for edit in ("415", "duplicate_claim"):
        _, one = said("list", "--edit", edit).splitlines()
        assert claim in one.split()
    assert len(said("list", "--edit", "415", "--payer", "NOBODY").splitlines()) == 1
    assert len(said("list", "--hospital", "H9").splitlines()) == 1


def test_a_release_is_shown_waits_for_its_run_and_is_taken_back(two_stays: BilledDays) -> None:
    claim = held_encounter(two_stays.engine)
    before = said("show", claim)
    assert "status                held" in before
    assert "415 duplicate_claim (error)" in before
    assert "released by" not in before
    told = said("release", claim, "--edit", "415", *BY)
    assert told.strip() == (
        f"released; run its day again: medcode run --from {FIRST} --to {FIRST}, or medcode held run"
    )
    two_stays.bill()
    after = said("show", claim)
    assert "status                ready" in after
    assert "released by b.biller: two stays on one day" in after
    # who decided what, oldest first, below the edits
    assert "duplicate_claim" in after.splitlines()[-1]
    assert "b.biller" in after.splitlines()[-1]
    said("withdraw", claim, "--edit", "duplicate_claim", *BY)
    two_stays.bill()
    assert held_encounter(two_stays.engine) == claim
    assert "no decision waits for a run" in said("run")


def test_a_claim_that_was_sent_is_replaced_and_voided_by_the_payers_number(database: sa.Engine, tmp_path: Path) -> None:
    days = BilledDays(database, tmp_path, {FIRST: ["E1"]})
    claim = str(days.claim()["claim_number"])
    days.answers(answers.claim_status, level="claim", status="accepted", payer_control_number="ICN 77")
    days.changes("1300.00")
    days.bill()
    assert "417" in said("list")
    assert said("replace", claim, *BY).startswith("replace; run its day again")
    days.bill()
    shown = said("show", claim)
    assert "frequency_code        7" in shown
    assert "payer_control_number  ICN 77" in shown
    assert said("void", claim, "--number", "ICN 78", *BY).startswith("void; ")
    days.bill()
    assert "frequency_code        8" in said("show", claim)
    assert said("withdraw", claim, *BY).startswith("withdrawn; ")


@pytest.mark.parametrize(
    ("argv", "says"),
    [
        (("release", "CLAIM", "--edit", "301", *BY), "never released"),
        (("release", "CLAIM", "--edit", "999", *BY), "no edit 999"),
        (("release", "CLAIM", "--edit", "415", "--by", " ", "--note", "x"), "--by"),
        (("release", "4711", "--edit", "415", *BY), "no claim or encounter 4711"),
        (("delay-reason", "CLAIM", "--reason", "12", *BY), "no delay reason 12"),
        (("replace", "CLAIM", *BY), "never been sent"),
        (("void", "CLAIM", "--number", "1", *BY), "never been sent"),
        (("withdraw", "CLAIM", *BY), "nothing to withdraw"),
        (("show", "4711"), "no claim or encounter 4711"),
        (("list", "--edit", "999"), "no edit 999"),
    ],
)
def test_what_cannot_be_done_is_told_and_nothing_is_decided(
    held_once: str, server_engine: sa.Engine, argv: tuple[str, ...], says: str
) -> None:
    with pytest.raises(HeldClaimError, match=says):
        said(*[held_once if word == "CLAIM" else word for word in argv])
    assert HeldClaimError in _mistakes(), "the command line tells it in one line"
    with server_engine.connect() as connection:
        assert connection.execute(sa.text("SELECT count(*) FROM review.claim_decision")).scalar_one() == 0


@pytest.fixture(scope="module")
def held_once(server_engine: sa.Engine, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A held claim that no test changes."""
    from medcode_ml.contracts import metadata

    names = ", ".join(f'"{t.schema}"."{t.name}"' for t in metadata.tables.values())
    with server_engine.begin() as connection:
        connection.execute(sa.text(f"TRUNCATE {names}"))
    BilledDays(server_engine, tmp_path_factory.mktemp("held"), {FIRST: ["E1", "E2"]})
    return held_encounter(server_engine)


@pytest.fixture
def lineage_reads(tmp_path: Path) -> Iterator[None]:
    """The lineage takes its deliveries from the folder that `BilledDays` writes, and sends to its outbox."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MEDCODE_SOURCE", "folder")
        patch.setenv("MEDCODE_SOURCE_DIR", str(tmp_path / "delivered"))
        settings.cache_clear()
        yield
    settings.cache_clear()


@pytest.mark.usefixtures("lineage_reads")
def test_days_with_decisions_that_claims_do_not_show_run_again_through_the_lineage(two_stays: BilledDays) -> None:
    """Once, and never again; `--run` is the same run at once, as `medcode quarantine` has it."""
    said("release", held_encounter(two_stays.engine), "--edit", "415", *BY)
    assert len(held_claims(two_stays.engine)) == 1, "a decision alone changes no claim"
    assert f"running {FIRST} again" in said("run")
    assert held_claims(two_stays.engine).empty
    assert "no decision waits for a run" in said("run")
