"""What came of a rehearsal: did the loop close, how fast, and what was won back. Pure, of the timeline."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from medcode_assets.rehearsal.plan import NONE, Plan
from medcode_ml.drift.timeline import ALARM, ASKED, IN_USE, SHADOWED, TRAINED, Event, Realised, Timeline, won_back


@dataclass(frozen=True)
class Outcome:
    """What came of it.

    Attributes:
        open: where the loop stopped, in words; "" where it closed.
        detected: days of data until the alarm. asked: until a retraining was asked for. replaced: until the retrained
            model worked; None where it did not come so far. The first day of the shift is day 1.
        requests: retrainings asked for by the sensor. alarms: raised.
        before, shifted, after: realised micro-F1 of the first champion before the shift, of it after the shift, and of
            the retrained one.
    """

    open: str
    detected: int | None
    asked: int | None
    replaced: int | None
    requests: int
    alarms: int
    before: Realised | None
    shifted: Realised | None
    after: Realised | None

    def rows(self) -> list[tuple[str, str]]:
        """The summary as lines of a table."""
        rows = [
            ("days of data until the alarm", _count(self.detected)),
            ("days of data until a retraining was asked for", _count(self.asked)),
            ("days of data until the retrained model works", _count(self.replaced)),
            ("alarms raised", str(self.alarms)),
            ("retrainings asked for by the sensor", str(self.requests)),
            ("micro-F1 before the shift", _figure(self.before)),
            ("micro-F1 after the shift, champion of before", _figure(self.shifted)),
            ("micro-F1 after the shift, retrained model", _figure(self.after)),
        ]
        if self.before and self.shifted and self.after:
            share, low, high = won_back(self.before, self.shifted, self.after)
            said = "nothing was lost" if share != share else f"{share:.0%} (95% interval {low:.0%} to {high:.0%})"
            rows.append(("won back of what was lost", said))
        return rows


def outcome_of(timeline: Timeline, plan: Plan) -> Outcome:
    """What the timeline says of a rehearsal of `plan`; the timeline holds the runs that were asked for."""
    began = plan.nights[0]
    alarms = [e for e in timeline.of(ALARM) if e.day >= began]
    asked = [e for e in timeline.of(ASKED) if e.day >= began]
    after_shift = [e for e in alarms if e.day >= plan.shift_day]
    requested = [e for e in asked if e.day >= plan.shift_day]
    replaced = [e for e in timeline.of(IN_USE) if e.day > plan.shift_day]
    works_from = replaced[-1].day if replaced else None
    days = list(timeline.days["day"])
    first_end = replaced[0].day if replaced else None
    return Outcome(
        open=_open(timeline, plan, alarms, after_shift, requested, works_from),
        detected=_day_number(after_shift, plan.shift_day),
        asked=_day_number(requested, plan.shift_day),
        replaced=None if works_from is None else (works_from - plan.shift_day).days + 1,
        requests=len(asked),
        alarms=len(alarms),
        before=timeline.realised(d for d in days if began <= d < plan.shift_day),
        shifted=timeline.realised(d for d in days if plan.shift_day <= d and (first_end is None or d < first_end)),
        after=timeline.realised(d for d in days if works_from is not None and d >= works_from),
    )


def _open(
    timeline: Timeline, plan: Plan, alarms: list[Event], after: list[Event], asked: list[Event], works: date | None
) -> str:
    """Where the loop stopped."""
    if plan.shift == NONE:
        if alarms:
            return f"nothing changed, and an alarm was raised on {alarms[0].day}: {alarms[0].said}"
        return "" if works is None else f"nothing changed, and the champion was replaced on {works}"
    early = [e for e in alarms if e.day < plan.shift_day]
    if early:
        return f"an alarm was raised on {early[0].day}, before the shift: {early[0].said}"
    if not after:
        return f"no alarm was raised within {plan.days_after} days of the shift"
    if not asked:
        return f"the alarm of {after[0].day} stood, and no retraining was asked for"
    trained = [e for e in timeline.of(TRAINED) if e.day >= plan.shift_day]
    if not trained:
        return f"a retraining was asked for with the days up to {asked[0].day}, and no model came of it"
    shadowed = [e for e in timeline.of(SHADOWED) if e.day >= plan.shift_day]
    if works is None and not shadowed:
        return f"{len(trained)} models were retrained, the last one {trained[-1].version}, and none passed its gates"
    if works is None and timeline.champion == shadowed[-1].version:
        return f"{timeline.champion} became the champion after the last night: let it work, with more --days-after"
    if works is None:
        return f"{shadowed[-1].version} runs in shadow since {shadowed[-1].day} and did not become the champion"
    return ""


def _day_number(events: list[Event], shift_day: date) -> int | None:
    return (events[0].day - shift_day).days + 1 if events else None


def _count(days: int | None) -> str:
    return "none" if days is None else str(days)


def _figure(one: Realised | None) -> str:
    if one is None:
        return "not measured"
    return f"{one.value:.3f} (95% interval {one.low:.3f} to {one.high:.3f}, {one.encounters} encounters)"
