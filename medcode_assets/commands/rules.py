"""`medcode rules ...`: the named rules of filtering as a table, one whole, a hospital's own file verified."""

from __future__ import annotations

import textwrap
from datetime import date, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from medcode_assets.commands.tables import prepared_engine, print_table, today, width

rules_app = typer.Typer(
    name="rules", no_args_is_help=True, help="The named rules of filtering: list, show one, check a file."
)


class UnknownRuleError(ValueError):
    """There is no rule of that name."""


@rules_app.command("list")
def list_rules(
    record: Annotated[str | None, typer.Option(help="Only rules over this kind of record.")] = None,
    owner: Annotated[str | None, typer.Option(help="Only rules of this owner.")] = None,
    severity: Annotated[str | None, typer.Option(help="error, warning, information or scope.")] = None,
) -> None:
    """Print the rules in force, those of MEDCODE_RULES_FILE included, as a table.

    Examples:

        medcode rules list

        medcode rules list --record charge --severity error
    """
    from medcode_ml.filtering.rule import rules

    wanted = {"record": record, "owner": owner, "severity": severity}
    rows = [
        (r.record, r.name, r.severity, r.check, _asks(r), r.owner, r.trade_rule or "")
        for r in rules()
        if all(value is None or getattr(r, key) == value for key, value in wanted.items())
    ]
    print_table(("record", "rule", "severity", "check", "asks", "owner", "trade rule"), rows, wide=4)
    typer.echo(f"{len(rows)} rules; `medcode rules show NAME` prints one whole")


@rules_app.command("show")
def show_rule(name: Annotated[str, typer.Argument(help="Name of the rule.")]) -> None:
    """Print one rule whole, with its examples and whether they behave.

    Example:

        medcode rules show death_agrees_with_status
    """
    import difflib

    from medcode_ml.filtering.examples import outcomes
    from medcode_ml.filtering.rule import rules

    known = {r.name: r for r in rules()}
    if name not in known:
        near = difflib.get_close_matches(name, known, 3) or ["medcode rules list"]
        raise UnknownRuleError(f"no rule {name!r}: see {', '.join(near)}")
    rule = known[name]
    facts = {
        "rule": rule.name, "stands in": rule.where, "record": rule.record, "check": rule.check, "asks": _asks(rule),
        "when": " and ".join(f"{c} is {v}" for c, v in rule.when.items()), "severity": rule.severity,
        "repairs": "misread values, where one reading is confirmed (rule 40)" if rule.repair else "",
        "owner": rule.owner, "trade rule": str(rule.trade_rule or ""), "reason": rule.reason,
    }  # fmt: skip
    for label, text in facts.items():
        if text:
            typer.echo(textwrap.fill(text, width(), initial_indent=f"{label:<11} ", subsequent_indent=" " * 12))
    for wanted, place, answer in outcomes(rule):
        example = (rule.good if wanted else rule.bad)[place]
        shown = " then ".join(", ".join(f"{c}={_short(v)}" for c, v in one.items()) for one in example)
        typer.echo(f"{'passes' if answer else 'fails':<11} {shown}")


@rules_app.command("check")
def check_rules(
    file: Annotated[
        Path | None, typer.Argument(help="A hospital's own file; default MEDCODE_RULES_FILE, if any.")
    ] = None,
) -> None:
    """Verify the table of rules and run every example; with FILE, that file merged over the rules that ship.

    Examples:

        medcode rules check

        medcode rules check my_rules.yaml
    """
    from medcode_ml.filtering.examples import verify
    from medcode_ml.filtering.rule import read_rules, rules

    found = rules() if file is None else read_rules(file)
    number = verify(r for r in found if r.enabled)
    off = sum(not r.enabled for r in found)
    typer.echo(f"{len(found)} rules, {off} of them switched off, {number} examples: all behave")


@rules_app.command("columns")
def list_columns(record: Annotated[str, typer.Argument(help="A kind of record, such as encounter.")]) -> None:
    """Print the columns that a rule over a kind of record may name, and the functions of `ask`.

    Example:

        medcode rules columns charge
    """
    from medcode_ml.filtering.columns import CONTEXT, RECORDS, columns_of
    from medcode_ml.filtering.expression import FUNCTIONS

    if record not in RECORDS:
        raise UnknownRuleError(f"no record {record!r}: choose one of {', '.join(RECORDS)}")
    for name, kind in columns_of(record).items():
        typer.echo(
            f"{name:<28} {kind:<8}{' of its stay, patient, payer or provider' if name in CONTEXT[record] else ''}"
        )
    typer.echo("")
    for usage in FUNCTIONS.values():
        typer.echo(usage)


@rules_app.command("fired")
def rules_fired(
    start: Annotated[datetime | None, typer.Option("--from", formats=["%Y-%m-%d"], help="First received day.")] = None,
    end: Annotated[datetime | None, typer.Option("--to", formats=["%Y-%m-%d"], help="Last; default the first.")] = None,
    rule: Annotated[str | None, typer.Option(help="Only this rule.")] = None,
) -> None:
    """Print how often each rule fired, by day, beside its usual share; a day that stops is marked.

    Examples:

        medcode rules fired --from 2026-10-05

        medcode rules fired --from 2026-10-01 --to 2026-10-31 --rule mbi_valid
    """
    from medcode_ml.filtering.anomaly import fired

    first = start.date() if start else date(1970, 1, 1)
    last = end.date() if end else first if start else today()
    found = fired(prepared_engine(), first, last)
    found = found if rule is None else found[found["rule"] == rule]
    rows = [
        (r.received_date, r.rule, r.checked, r.fired, f"{r.share:.2%}", f"{r.usual_share:.2%}", f"{r.factor:.1f}",
         "stops" if r.stops else "")
        for r in found.itertuples()
    ]  # fmt: skip
    print_table(("day", "rule", "checked", "fired", "share", "usual", "times", ""), rows, wide=1)


def _asks(rule: Any) -> str:
    """What a rule asks, in a line."""
    options = rule.options
    if "ask" in options:
        return str(options["ask"])
    column = ", ".join(rule.columns[:1]) if rule.check != "unique" else ", ".join(rule.columns)
    if "observation" in options:
        return f"{options['observation'][0]} from {options['low']:g} to {options['high']:g} {options['unit']}"
    if rule.check == "range":
        return f"{column} from {options['low']:g} to {options['high']:g}"
    detail = (
        options.get("identifier") or options.get("pattern") or options.get("code_set") or options.get("values") or ""
    )
    if isinstance(detail, list):
        detail = " ".join(detail)
    return f"{column} {detail}".strip()


def _short(value: Any) -> str:
    text = "missing" if value is None else str(value)
    return text if len(text) <= 40 else f"{text[:37]!r}…"
