"""The model card: what a model is for, what it learned from, how well it does and where it must not be used (Markdown).

The facts come from the manifest, the words from the stage that trained the model. Sections follow Mitchell et al. 2019,
"Model Cards for Model Reporting".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from medcode_ml.models.manifest import Figure, Manifest


@dataclass(frozen=True)
class CardWords:
    """The words of a card, one paragraph or list each.

    `pictures` are files of the folder with what they show; `figure_titles` says figures' names in words.
    """

    title: str
    purpose: str
    data: str
    training: str
    calibration: str
    limits: Sequence[str]
    out_of_scope: Sequence[str]
    pictures: Mapping[str, str] = field(default_factory=dict)
    figure_titles: Mapping[str, str] = field(default_factory=dict)


def render_card(manifest: Manifest, words: CardWords) -> str:
    """The card as Markdown."""
    facts = [
        ("Version", manifest.version),
        ("Made", f"{manifest.created} with medcode {manifest.medcode}"),
        ("Code set release", manifest.code_set_release or "none"),
    ]
    parts = [
        f"# {words.title}",
        _table(("", ""), facts),
        "## What it is for",
        words.purpose,
        "## Data",
        words.data,
        _facts(manifest.data),
        "## How it was trained",
        words.training,
        _facts(manifest.parameters),
        "## Figures",
        _figures(manifest.figures, words.figure_titles),
        "## Calibration and bands",
        words.calibration,
        *(f"![{shows}]({name})" for name, shows in words.pictures.items() if name in manifest.files),
        "## Limits",
        _list(words.limits),
        "## Out of scope",
        _list(words.out_of_scope),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _figures(figures: Sequence[Figure], titles: Mapping[str, str]) -> str:
    """One table: a row a figure and part in the order given, a column a rival, 95% intervals in brackets."""
    if not figures:
        return "None were measured: there was no data apart from the training data."
    coders = list(dict.fromkeys(f.coder for f in figures))
    cells: dict[tuple[str, str], dict[str, Figure]] = {}
    for one in figures:
        cells.setdefault((one.name, one.part), {})[one.coder] = one
    rows = []
    for (name, part), by_coder in cells.items():
        counts = {f.count for f in by_coder.values() if f.count is not None}
        count = " / ".join(f"{n:,}" for n in sorted(counts))
        rows.append((titles.get(name, name), part, count, *(_cell(by_coder.get(coder)) for coder in coders)))
    return _table(("figure", "on", "of", *coders), rows) + "\n\nIn brackets: 95% intervals."


def _cell(figure: Figure | None) -> str:
    if figure is None:
        return ""
    interval = "" if figure.low is None or figure.high is None else f" ({figure.low:.3f} to {figure.high:.3f})"
    return f"{figure.value:.3f}{interval}"


def _facts(values: Mapping[str, Any]) -> str:
    flat = flattened(values)
    return _table(("", ""), [(name, str(value)) for name, value in flat.items()]) if flat else ""


def flattened(values: Mapping[str, Any], above: str = "") -> dict[str, Any]:
    """Nested facts on one level, names joined by a dot."""
    flat: dict[str, Any] = {}
    for name, value in values.items():
        if isinstance(value, Mapping):
            flat |= flattened(value, f"{above}{name}.")
        else:
            flat[f"{above}{name}"] = value
    return flat


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    def line(cells: Sequence[str]) -> str:
        return "| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in cells) + " |"

    return "\n".join([line(header), "|" + "---|" * len(header), *(line(row) for row in rows)])


def _list(items: Sequence[str]) -> str:
    return "\n".join(f"- {item}" for item in items)
