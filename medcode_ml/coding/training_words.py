"""What the model card of a coding model says in words."""

from __future__ import annotations

from medcode_ml.models.card import CardWords
from medcode_ml.models.manifest import Manifest


def card_words(manifest: Manifest) -> CardWords:
    """The words of the card of `manifest`."""
    facts, data = manifest.facts, manifest.data
    auto, drop = facts["auto_band"], facts["drop_band"]
    banded = (
        f"Codes from a probability of {auto['value']:.3f} on are in the auto band: at least "
        f"{manifest.parameters['precision']:.0%} of them are right, at {manifest.parameters['confidence']:.0%} "
        "confidence (Learn-then-Test)."
        if auto["value"] is not None
        else f"There is no auto band: {auto['because']}."
    )
    dropped = (
        f"Codes below {drop['value']:.4f} are dropped; that loses at most {manifest.parameters['loss']:.0%} of the "
        "proposed true codes."
        if drop["value"] is not None
        else f"Nothing is dropped for its probability: {drop['because']}."
    )
    recalibrated = facts.get("recalibrated")
    told = "" if recalibrated is None else f"Probabilities and bands of {recalibrated['version']} were set anew. "
    return CardWords(
        title="Coding model: ICD-10-CM codes of clinical documents",
        purpose=(
            "Proposes ICD-10-CM diagnosis codes for the documents of an encounter, each with the text behind it and a "
            "probability, for coders to confirm. Codes in the auto band may go on without them where the hospital's "
            "compliance office agrees."
        ),
        data=(
            f"Learned from {data['charts']} charts with {data['codes']} codes ({data['distinct_codes']} different); "
            f"coders marked the evidence in {data['charts_with_marked_evidence']} of them."
        ),
        training=(
            "Codes are proposed by ontology terms, phrases learned from the labels, retrieval of titles and of marked "
            "phrases, and a linear model; a convolutional network with attention from codes to words and gradient-"
            f"boosted trees score them (the network weighs {facts['network_weight']:.2f}). Every training chart was "
            "scored by parts of the model that had not seen it."
        ),
        calibration=f"{told}Calibrated on {facts['calibrated_on']} ({facts['calibration']}). {banded} {dropped}",
        limits=[
            "It codes as its labels do, errors and habits included; another hospital's charts may want another model.",
            "Codes that no channel proposes cannot be found: see the candidate recall.",
            "Codes seen in few charts are found far less often: see the figures by frequency.",
            "English text only. Present on admission, sequence and DRG are decided elsewhere.",
        ],
        out_of_scope=[
            "Coding without a coder's review outside the auto band.",
            "Clinical decisions of any kind.",
            "Procedure codes (ICD-10-PCS, CPT).",
        ],
        pictures={
            "risk_coverage.png": "Share of wrong codes against the share of codes taken",
            "reliability.png": "Probability said and share found right",
        },
        figure_titles={
            "micro_f1": "micro-F1", "macro_f1": "macro-F1 over true codes", "map": "mean average precision",
            "category_micro_f1": "micro-F1 of categories", "candidate_recall": "candidate recall",
            "auto_precision": "precision of the auto band", "auto_share": "auto band's share of the accepted codes",
        },
    )  # fmt: skip
