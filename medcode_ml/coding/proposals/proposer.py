"""The channels together: from charts to the table of proposals.

Ontology terms, learned surface forms, retrieval and the linear channel each name codes; codes that training used in a
category that one of the first two named come along, since a miss is most often a brother of a code seen. What each
channel knows of a code becomes a column, and so does what is said of it in the text and who competes with it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import numpy.typing as npt

from medcode_ml.codes.codeset import CodeSet
from medcode_ml.coding.assertion import AFFIRMED, STRENGTH
from medcode_ml.coding.dictionary import INCLUSION, LEXICON, SHORTENED, TITLE, TURNED
from medcode_ml.coding.proposals.charts import Chart
from medcode_ml.coding.proposals.columns import (
    Found,
    Hits,
    Keys,
    best_other,
    ontology_columns,
    ontology_spans,
    overruled,
    place_within,
    rest,
    retrieved_columns,
    together,
)
from medcode_ml.coding.proposals.forms import Forms
from medcode_ml.coding.proposals.linear import Linear
from medcode_ml.coding.proposals.retrieval import WordingIndex, titles_on
from medcode_ml.coding.proposals.table import SPANS, Floats, Ints, Proposals
from medcode_ml.coding.proposals.titles import TitleWords
from medcode_ml.coding.score import score as ontology_score

LINEAR_MOST = 40
"""Codes of a chart that the linear channel names, the best."""
BROTHERS = 8
"""Codes of a category that come along, the commonest."""
_KINDS = {LEXICON: 5, TITLE: 4, INCLUSION: 3, "measurement": 3, SHORTENED: 2, TURNED: 1}
_AFFIRMED = STRENGTH.index(AFFIRMED)


@dataclass(frozen=True)
class Learned:
    """What the proposals learn from a training set.

    Attributes:
        labels: the codes of the training notes, sorted. counts: notes of each. notes: how many notes there were.
        outside: labels that no release held on the day of their notes; proposed all the same, the corpus has them.
        forms, linear: their channels, over places in `labels`. remembered: the phrases behind the training labels.
    """

    labels: npt.NDArray[np.object_]
    counts: Ints
    notes: int
    outside: frozenset[str]
    forms: Forms
    remembered: WordingIndex
    linear: Linear


class Proposer:
    """Proposes codes of one release; `learned` is None where nothing was trained."""

    def __init__(self, day: date, learned: Learned | None) -> None:
        billable = CodeSet.on(day).codes
        outside = [] if learned is None else learned.outside
        self.codes = np.array(sorted({*billable, *outside}), dtype=object)
        self.learned = learned
        self._place = {code: i for i, code in enumerate(self.codes)}
        self._titles = titles_on(day)
        self._title_words = TitleWords.on(tuple(self.codes))
        self._of_title = np.array([self._place[c] for c in billable], dtype=np.int32)
        width = len(self.codes)
        self.seen = np.zeros(width, dtype=np.float32)
        if learned is not None:
            # a label that this release does not hold is never proposed
            self._of_label = np.array([self._place.get(c, -1) for c in learned.labels], dtype=np.int32)
            held = self._of_label >= 0
            self.seen[self._of_label[held]] = learned.counts[held]
            self._label = np.full(width, -1, dtype=np.int32)
            self._label[self._of_label[held]] = np.nonzero(held)[0]
        categories, self._category = np.unique([c[:3] for c in self.codes], return_inverse=True)
        self._category_seen = np.bincount(self._category, self.seen, minlength=len(categories)).astype(np.float32)
        self._chapter = np.array([ord(c[0]) - 64 for c in self.codes], dtype=np.float32)
        self._depth = np.array([len(c) for c in self.codes], dtype=np.float32)
        self._rest = np.array([rest(c) for c in self.codes], dtype=np.float32)
        members = [i for i in range(width) if self.seen[i] > 0]
        members.sort(key=lambda i: (self._category[i], -self.seen[i]))
        self._members = np.array(members, dtype=np.int32)
        self._member_start = np.searchsorted(self._category[self._members], np.arange(len(categories) + 1))

    def propose(self, charts: Sequence[Chart]) -> Proposals:
        """The table of a batch; keep batches to a few hundred charts."""
        ontology, mentions = self._ontology(charts)
        forms = self._forms(charts, mentions)
        retrieved = self._retrieve(charts, self._titles, self._of_title)
        remembered = self._remember(charts)
        linear = self._linear(charts)
        found = [ontology["key"], forms["key"], retrieved["key"], remembered["key"], linear["key"]]
        found.append(self._brothers(np.unique(np.concatenate(found[:2]))))
        rows = np.unique(np.concatenate(found))
        width = len(self.codes)
        chart, code = (rows // width).astype(np.int32), (rows % width).astype(np.int32)
        columns: dict[str, Floats] = {}
        spans = np.full((len(rows), SPANS, 2), -1, dtype=np.int32)
        if len(ontology["key"]) and "mention" in forms:
            # the least that any of a code's places is overruled
            least = np.full(len(ontology["key"]), np.inf, dtype=np.float32)
            np.minimum.at(least, np.searchsorted(ontology["key"], forms["mention"]), forms["mention_overruled"])
            ontology["values"][:, -1] = np.where(np.isfinite(least), least, np.nan)
        ontology_columns(columns, rows, ontology)
        self._form_columns(columns, rows, forms, spans)
        ontology_spans(spans, rows, ontology)
        retrieved_columns(columns, "retrieved", rows, retrieved, charts, chart, spans)
        retrieved_columns(columns, "remembered", rows, remembered, charts, chart, spans)
        self._linear_columns(columns, rows, linear, chart, code)
        self._code_columns(columns, code)
        columns["title_in_note"], columns["title_in_sentence"] = self._title_words.covered(charts, chart, code, spans)
        self._company_columns(columns, chart, code, charts)
        names = tuple(columns)
        return Proposals(chart, code, self.codes, np.stack([columns[n] for n in names], axis=1), names, spans)

    def _ontology(self, charts: Sequence[Chart]) -> tuple[Found, Hits]:
        """What the ontology coder found, and where; the last column of its values is filled by `_forms`."""
        width = len(self.codes)
        keys: list[int] = []
        values: list[tuple[float, ...]] = []
        spans: list[list[tuple[int, int]]] = []
        for number, chart in enumerate(charts):
            for candidate in chart.coded.candidates.values():
                place = self._place.get(candidate.code)
                if place is None:
                    continue
                supports = candidate.carrying or candidate.supports
                keys.append(number * width + place)
                values.append(
                    (
                        ontology_score(candidate),
                        candidate.accepted,
                        STRENGTH.index(candidate.assertion),
                        len(candidate.supports),
                        len(candidate.carrying),
                        max((_KINDS.get(s.mention.kind, 0) for s in supports), default=0),
                        candidate.chosen_by_words,
                        max((s.mention.end - s.mention.start for s in supports), default=0),
                        bool(candidate.made_of),
                        candidate.alternative,
                        0.0,
                    )
                )
                spans.append(
                    [
                        (
                            chart.place(s.facts.document_id, s.mention.start),
                            chart.place(s.facts.document_id, s.mention.end),
                        )
                        for s in supports[:SPANS]
                    ]
                )
        order = np.argsort(np.array(keys, dtype=np.int64), kind="stable")
        found: Found = {
            "key": np.array(keys, dtype=np.int64)[order],
            "values": np.array(values, dtype=np.float32).reshape(-1, 11)[order],
            "spans": np.array([*spans, None], dtype=object)[:-1][order],
        }
        # alternatives only share the places of the code they stand beside
        places = [
            (key // width, start, end, key % width, value[0])
            for key, value, own in zip(found["key"].tolist(), found["values"].tolist(), found["spans"], strict=True)
            for start, end in own
            if not value[9]
        ]
        flat = np.array(places, dtype=np.float64).reshape(-1, 5)
        numbers = flat[:, :4].astype(np.int64)
        return found, Hits(
            numbers[:, 0],
            numbers[:, 1].astype(np.int32),
            numbers[:, 2].astype(np.int32),
            numbers[:, 3].astype(np.int32),
            flat[:, 4].astype(np.float32),
        )

    def _forms(self, charts: Sequence[Chart], mentions: Hits) -> Found:
        empty = np.zeros(0, dtype=np.int64)
        if self.learned is None:
            return {"key": empty}
        notes = [c.note for c in charts]
        keys = np.concatenate([n.keys for n in notes])
        chart = np.repeat(np.arange(len(notes)), [len(n.keys) for n in notes])
        of, row = self.learned.forms.find(keys)
        held = self._of_label[self.learned.forms.codes[row]] >= 0
        of, row = of[held], row[held]
        first = np.concatenate([n.first for n in notes])[of]
        last = np.concatenate([n.last for n in notes])[of] - 1
        offset = np.r_[0, np.cumsum([len(n.starts) for n in notes])][chart[of]]
        said = np.concatenate([n.said for n in notes])
        start = np.concatenate([n.starts for n in notes])[offset + first]
        end = np.concatenate([n.ends for n in notes])[offset + last]
        code = self._of_label[self.learned.forms.codes[row]]
        heard = np.minimum(said[offset + first], said[offset + last])
        hits = Hits(chart[of], start, end, code, self.learned.forms.chance[row])
        return {
            "key": chart[of].astype(np.int64) * len(self.codes) + code,
            "chart": chart[of], "row": row, "start": start, "end": end, "said": heard,
            "overruled": overruled(hits, together(hits, mentions), len(charts), equal=False),
            "mention": mentions.chart * len(self.codes) + mentions.code,
            "mention_overruled": overruled(mentions, hits, len(charts), equal=True),
            "position": start / np.array([max(len(n.text), 1) for n in notes])[chart[of]],
        }  # fmt: skip

    def _retrieve(self, charts: Sequence[Chart], index: WordingIndex, places: Ints) -> Found:
        found = index.find([c.note for c in charts])
        key = found.note.astype(np.int64) * len(self.codes) + places[found.code]
        rank = np.arange(len(key)) - np.searchsorted(found.note, found.note)
        order = np.argsort(key)
        order = order[places[found.code[order]] >= 0]
        return {
            "key": key[order], "covered": found.covered[order], "weight": found.weight[order],
            "sentence": found.sentence[order], "rank": rank[order],
        }  # fmt: skip

    def _remember(self, charts: Sequence[Chart]) -> Found:
        if self.learned is None:
            none = np.zeros(0, dtype=np.int64)
            return {"key": none, "covered": none, "weight": none, "sentence": none, "rank": none}
        return self._retrieve(charts, self.learned.remembered, self._of_label)

    def _linear(self, charts: Sequence[Chart]) -> Found:
        if self.learned is None:
            return {"key": np.zeros(0, dtype=np.int64)}
        scores = self.learned.linear.scores([c.note for c in charts])
        most = min(LINEAR_MOST, scores.shape[1])
        top = np.argpartition(-scores, most - 1, axis=1)[:, :most]
        key = np.arange(len(charts))[:, None] * len(self.codes) + self._of_label[top].astype(np.int64)
        return {"key": key[self._of_label[top] >= 0], "scores": scores}

    def _brothers(self, keys: Keys) -> Keys:
        """Codes of the training set in the categories of `keys`, at most BROTHERS of each, the commonest first."""
        if self.learned is None or not len(keys):
            return np.zeros(0, dtype=np.int64)
        width = len(self.codes)
        chart, category = keys // width, self._category[keys % width]
        pair = np.unique(chart * len(self._member_start) + category)
        chart, category = pair // len(self._member_start), pair % len(self._member_start)
        start = self._member_start[category]
        count = np.minimum(self._member_start[category + 1] - start, BROTHERS)
        of = np.repeat(np.arange(len(pair)), count)
        ahead = np.arange(len(of)) - np.repeat(np.cumsum(count) - count, count)
        return chart[of] * width + self._members[start[of] + ahead]

    def _form_columns(self, columns: dict[str, Floats], rows: Keys, forms: Found, spans: Ints) -> None:
        names = (
            "form_chance", "form_mass", "form_early_chance", "form_early_mass", "form_notes", "form_likeness",
            "form_size", "form_rival", "form_overruled", "form_said", "form_position", "form_places",
            "form_affirmed", "form_any", "form_affirmed_chance", "form_notes_affirmed", "form_free_chance",
            "form_early_best", "form_mass_best", "form_free_places",
        )  # fmt: skip
        values = {n: np.full(len(rows), np.nan, dtype=np.float32) for n in names}
        columns.update(values)
        if self.learned is None or not len(forms["key"]):
            return
        table = self.learned.forms
        row = forms["row"]
        chance, early = table.chance[row], table.early_chance[row]
        affirmed = forms["said"] == _AFFIRMED
        free = ~(forms["overruled"] > chance)
        # the best place of each code: the likeliest, then the affirmed, then the first
        strength = np.maximum(chance, early) + 0.1 * affirmed + 0.1 * free
        order = np.lexsort((forms["start"], -strength, forms["key"]))
        key = forms["key"][order]
        start = np.nonzero(np.r_[True, key[1:] != key[:-1]])[0]
        at = np.searchsorted(rows, key[start])
        best = order[start]
        for name, array in (
            ("chance", chance), ("mass", table.mass[row]), ("early_chance", early),
            ("early_mass", table.early_mass[row]), ("notes", table.notes[row]), ("likeness", table.likeness[row]),
            ("size", table.size[row]), ("rival", table.rival[row]), ("overruled", forms["overruled"]),
            ("notes_affirmed", table.affirmed[row]),
            ("affirmed_chance", np.minimum(table.mass[row] / (table.affirmed[row] + 1), 1)),
            ("said", forms["said"]), ("position", forms["position"]),
        ):  # fmt: skip
            values[f"form_{name}"][at] = array[best]
        values["form_places"][at] = np.add.reduceat(np.ones(len(order)), start)
        values["form_affirmed"][at] = np.add.reduceat(affirmed[order].astype(float), start)
        values["form_free_places"][at] = np.add.reduceat((free & affirmed)[order].astype(float), start)
        values["form_any"][at] = 1 - np.exp(np.add.reduceat(np.log1p(-np.minimum(early[order], 0.98)), start))
        values["form_free_chance"][at] = np.maximum.reduceat(np.where(free & affirmed, chance, 0)[order], start)
        values["form_early_best"][at] = np.maximum.reduceat(early[order], start)
        values["form_mass_best"][at] = np.maximum.reduceat(table.mass[row][order], start)
        rank = np.arange(len(order)) - np.repeat(start, np.diff(np.r_[start, len(order)]))
        few = rank < SPANS
        where = np.searchsorted(rows, key[few])
        spans[where, rank[few], 0] = forms["start"][order][few]
        spans[where, rank[few], 1] = forms["end"][order][few]

    def _linear_columns(
        self,
        columns: dict[str, Floats],
        rows: Keys,
        linear: Found,
        chart: Ints,
        code: Ints,
    ) -> None:
        score = np.full(len(rows), np.nan, dtype=np.float32)
        rank = np.full(len(rows), np.nan, dtype=np.float32)
        if self.learned is not None:
            label = self._label[code]
            known = label >= 0
            scores = linear["scores"]
            score[known] = scores[chart[known], label[known]]
            ordered = np.sort(scores, axis=1)
            above = np.concatenate([np.searchsorted(own, score[chart == n]) for n, own in enumerate(ordered)])
            rank[known] = (scores.shape[1] - 1 - above)[known].astype(np.float32)
        columns["linear_score"], columns["linear_rank"] = score, rank

    def _code_columns(self, columns: dict[str, Floats], code: Ints) -> None:
        seen, category = self.seen[code], self._category_seen[self._category[code]]
        columns["seen"] = seen
        columns["category_seen"] = category
        columns["category_share"] = (seen / np.maximum(category, 1)).astype(np.float32)
        columns["chapter"] = self._chapter[code]
        columns["depth"] = self._depth[code]
        columns["rest"] = self._rest[code]

    def _company_columns(self, columns: dict[str, Floats], chart: Ints, code: Ints, charts: Sequence[Chart]) -> None:
        """What stands beside a code: the strongest brother of each channel, and how much the chart holds."""
        group = chart.astype(np.int64) * (int(self._category.max()) + 1) + self._category[code]
        for name in (
            "form_early_best",
            "form_chance",
            "ontology_score",
            "linear_score",
            "retrieved_covered",
            "remembered_covered", "title_in_sentence", "title_in_note",
        ):
            own = np.nan_to_num(columns[name], nan=-1.0)
            columns[f"brother_{name}"] = best_other(group, own)
            columns[f"within_{name}"] = place_within(chart, own)
        columns["length"] = np.array([len(c.note.words) for c in charts], dtype=np.float32)[chart]
        columns["proposed"] = np.bincount(chart)[chart].astype(np.float32)
