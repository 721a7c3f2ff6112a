"""The report at the end of a run: what came in, what was set aside, what came out, and what to do next."""

from __future__ import annotations

import resource
from datetime import date

import typer

from medcode_ml.settings import settings
from medcode_ml.store.accounting import accounts
from medcode_ml.store.answer_figures import answer_figures
from medcode_ml.store.database import engine
from medcode_ml.store.figures import RunFigures, run_figures
from medcode_ml.store.revenue import Answered, answered

STAGES = ("raw", "mapped", "filtered", "coded", "ranked", "billed", "raw.answer_file", "billed.remittance")


def print_report(first: date, last: date, *, seconds: float | None = None, accounting: bool = False) -> None:
    """Print the figures of the received days `first` to `last`."""
    figures = run_figures(engine(), first, last)
    say = typer.echo
    say("")
    say(f"records in      {figures.encounters_in} encounters, {figures.documents_in} documents")
    say(f"pages           {figures.pages_in} in, {figures.pages_read} read")
    say(f"quarantined     {sum(n for _, n in figures.quarantined)}")
    for name, count in figures.quarantined:
        say(f"  {count:>6}  {name}")
    say(
        f"codes           {figures.codes_accepted} accepted on {figures.encounters_coded} encounters, "
        f"{figures.evidence} pieces of evidence, {figures.queries} queries"
    )
    for line in _agreement(figures):
        say(line)
    say(f"claims          {figures.claims_ready} ready, {figures.claims_held} held")
    for name, count in figures.held:
        say(f"  {count:>6}  {name}")
    say(f"charges         ${figures.total_charge:,.2f}")
    say(f"expected        ${figures.expected_payment:,.2f} for the claims that are ready")
    for line in (*_answered(first, last), *_standing(answered(engine(), first, last))):
        say(line)
    if accounting or not _balances(first, last):
        _print_accounting(first, last)
    if seconds is not None:
        # Linux counts in kilobytes; children are the processes that read pages
        peak = max(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
        say(f"took            {seconds:.0f} s, at most {peak / 1024:.0f} MB in one process")
    say("")
    say(f"837 files       {figures.interchanges} in {settings().outbox_dir}")
    say("tables          schemas raw, mapped, filtered, coded, ranked, billed; views for SQL consumers in mart")
    say("next            make ui (the Dagster UI), medcode status, medcode --help")


def _answered(first: date, last: date) -> list[str]:
    found = answer_figures(engine(), first, last)
    if not found.files and not found.claims:
        return []
    synthetic = f", {found.synthetic_files} of them synthetic (simulated payers)" if found.synthetic_files else ""
    told = ", ".join(f"{n} {outcome}" for outcome, n in (*found.claims, ("repeated", found.repeated)) if n)
    return [
        f"answers         {found.files} files of insurers{synthetic}",
        f"  paid, denied  {told or 'no claims'}; ${found.paid:,.2f} paid on the matched ones",
        f"denials         {sum(n for _, n in found.denied)} by group, reason and remark",
        *(f"  {n:>6}  {key}" for key, n in found.denied),
    ]


def _standing(told: Answered) -> list[str]:
    if not told.sent:
        return []
    source = " (simulated insurers: synthetic)" if told.synthetic else ""
    longest = f", the longest {told.longest_wait} days" if told.waiting else ""
    lines = [
        f"claims sent     {told.sent}: {told.paid} paid, {told.denied} denied, {told.rejected} rejected, "
        f"{told.waiting} waiting{longest}{source}"
    ]
    if told.paid or told.denied:
        lines.append(f"  allowed       ${told.allowed:,.2f} of ${told.expected:,.2f} expected")
    return lines


def _agreement(figures: RunFigures) -> list[str]:
    if not figures.label_encounters or figures.code_precision is None or figures.code_recall is None:
        return []
    total = figures.code_precision + figures.code_recall
    f1 = 2 * figures.code_precision * figures.code_recall / total if total else 0.0
    return [
        f"coders' labels  {figures.label_encounters} encounters: micro-F1 {f1:.3f} (precision "
        f"{figures.code_precision:.3f}, recall {figures.code_recall:.3f}), same principal "
        f"{figures.principal_agreement or 0:.3f}"
    ]


def _balances(first: date, last: date) -> bool:
    return all(a.balances for stage in STAGES for a in accounts(engine(), stage, first, last))


def _print_accounting(first: date, last: date) -> None:
    typer.echo("accounting      in = carried + set aside")
    for stage in STAGES:
        for a in accounts(engine(), stage, first, last):
            if a.rows_in or a.carried or a.set_aside:
                mark = "" if a.balances else "  DOES NOT BALANCE"
                typer.echo(f"  {stage:<18}{a.unit:<22}{a.rows_in:>8} = {a.carried:>8} + {a.set_aside:>6}{mark}")
