"""Whether a model is retrained now. Pure: what is known goes in, a decision with its reason comes out.

However often it is asked, it cannot start a storm: retrainings of a kind lie a cool-down apart, all kinds together stay
within the budget of any 24 hours, and one window of data asks for a champion's successor once (`run_key`).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final

BUDGET_WINDOW: Final = timedelta(hours=24)


class AskedError(ValueError):
    """What was asked for before cannot be read: says what to do."""


@dataclass(frozen=True)
class Policy:
    """What a hospital allows.

    Attributes:
        kinds: kinds of models that are retrained without a person asking.
        labels: labelled encounters since the change, at least.
        window_days: days of labels that are learned from.
        cooldown: between two retrainings of a kind.
        a_day: retrainings of all kinds within 24 hours.
    """

    kinds: tuple[str, ...]
    labels: int
    window_days: int
    cooldown: timedelta
    a_day: int


@dataclass(frozen=True)
class Asked:
    """A retraining that was asked for."""

    kind: str
    at: datetime
    run_key: str


@dataclass(frozen=True)
class Evidence:
    """What the tables say of a kind of model.

    Attributes:
        kind: coding, ranking or amounts.
        version: the champion, or the name of the rules where none is in use.
        changed_since: first received day of the changed world, as the oldest alarm has it; None where none stands.
        alarms: ids of the alarms that stand about it.
        labelled: encounters labelled since then.
        last_day: newest received day that has been evaluated.
        in_shadow: a version that runs beside the champion, if any.
        trained: when versions of the kind were last trained.
        running: a training of the kind is in hand.
        champion: the model in use; None where the rules are.
    """

    kind: str
    version: str
    changed_since: date | None = None
    alarms: tuple[str, ...] = ()
    labelled: int = 0
    last_day: date | None = None
    in_shadow: str | None = None
    trained: tuple[datetime, ...] = ()
    running: bool = False
    champion: str | None = None


@dataclass(frozen=True)
class Retraining:
    """A retraining to ask for.

    Attributes:
        run_key: names kind, champion and window.
        since: first received day to learn from.
        recent_from: first received day of the changed world, from which the test is taken.
        until: last received day.
    """

    run_key: str
    since: date
    recent_from: date
    until: date


@dataclass(frozen=True)
class Decision:
    """What is to be done about a kind of model, and why in words; `retraining` is None where nothing is."""

    kind: str
    reason: str
    retraining: Retraining | None = None


def should_retrain(evidence: Evidence, policy: Policy, asked: Sequence[Asked], now: datetime) -> Decision:
    """Decide on one kind of model.

    Args:
        evidence: of the kind.
        policy: what is allowed.
        asked: what was asked for before, of all kinds.
        now: the time, with its zone.
    """
    e = evidence
    if e.kind not in policy.kinds:
        return _no(e, f"{e.kind} models are retrained by people alone (MEDCODE_RETRAIN_KINDS)")
    if e.changed_since is None or e.last_day is None:
        return _no(e, "no drift alarm stands")
    if e.running:
        return _no(e, "a training is in hand")
    if e.in_shadow is not None:
        return _no(e, f"{e.in_shadow} runs in shadow: it is promoted or retired first")
    if e.labelled < policy.labels:
        return _no(e, f"{e.labelled} labelled encounters since {e.changed_since}, {policy.labels} wanted")
    before = [one.at for one in asked if one.kind == e.kind] + list(e.trained)
    if any(now - at < policy.cooldown for at in before):
        return _no(e, f"trained at {max(before):%Y-%m-%d %H:%M}: a cool-down of {policy.cooldown} lies in between")
    if sum(now - one.at < BUDGET_WINDOW for one in asked) >= policy.a_day:
        return _no(e, f"the {policy.a_day} retrainings of 24 hours are used up")
    run_key = f"{e.kind} {e.version} {e.changed_since} {e.last_day}"
    if any(one.run_key == run_key for one in asked):
        return _no(e, f"asked for already: {run_key}")
    since = min(e.changed_since, e.last_day - timedelta(days=policy.window_days - 1))
    reason = f"drift since {e.changed_since}: alarms {', '.join(e.alarms)}; {e.labelled} encounters labelled since"
    return Decision(e.kind, reason, Retraining(run_key, since, e.changed_since, e.last_day))


def _no(evidence: Evidence, reason: str) -> Decision:
    return Decision(evidence.kind, reason)


def still_counting(asked: Iterable[Asked], policy: Policy, now: datetime) -> list[Asked]:
    """Those of `asked` that budget or cool-down still count; older ones may be forgotten."""
    kept = max(policy.cooldown, BUDGET_WINDOW)
    return [one for one in asked if now - one.at < kept]


def asked_to_json(asked: Iterable[Asked]) -> str:
    """What was asked for, as the sensor keeps it from one look to the next."""
    return json.dumps([{**asdict(one), "at": one.at.isoformat()} for one in asked])


def asked_from_json(text: str | None) -> list[Asked]:
    """What `asked_to_json` wrote; nothing where nothing was kept yet.

    Raises:
        AskedError: it is no such text; to go on as if nothing had been asked for would forget the budget.
    """
    if not text:
        return []
    try:
        rows: list[dict[str, Any]] = json.loads(text)
        return [Asked(row["kind"], datetime.fromisoformat(row["at"]), row["run_key"]) for row in rows]
    except (ValueError, TypeError, KeyError) as error:
        raise AskedError(
            "the sensor's cursor does not say what was asked for: set it to [] in the UI, which forgets the budget of "
            "the last 24 hours"
        ) from error
