"""What the model card of a ranking model says in words."""

from __future__ import annotations

from medcode_ml.models.card import CardWords
from medcode_ml.models.manifest import Manifest
from medcode_ml.ranking.figures.orders import NAMES
from medcode_ml.ranking.figures.pictures import RELIABILITY, RISK


def card_words(manifest: Manifest) -> CardWords:
    """The words of the card of `manifest`."""
    facts, data, parameters = manifest.facts, manifest.data, manifest.parameters
    review = facts["review"]
    reviewed = (
        f"Below a probability of {review['below']:.3f} an encounter goes to review: of those above, at most "
        f"{parameters['error']:.0%} have the wrong principal, at {parameters['confidence']:.0%} confidence "
        f"(Learn-then-Test); {review['stays']} of {review['of']} stays lie above."
        if review["below"] is not None
        else f"Every encounter goes to review, as no threshold could be certified: {review['because']}."
    )
    return CardWords(
        title="Ranking model: the codes of an encounter in reporting order",
        purpose=(
            "Chooses the principal diagnosis among the codes that may be one, and orders the others, each place with "
            "what decided it. It never adds or drops a code, and reads no DRG, weight or payment."
        ),
        data=(
            f"Learned from {data['stays']} stays of {data['patients']} patients with {data['codes']} codes in the "
            "order of their coders; folds keep the stays of a patient together."
        ),
        training=(
            "The Official Guidelines' own score is where the weights start, and a ridge holds them there: what the "
            "stays do not say stays the guidelines'. The principal is a softmax over the codes that may lead, the rest "
            f"a listwise order ({parameters['network']['loss']}). Boosted trees were fitted on the same folds; "
            f"{facts['decided_by']} decides."
        ),
        calibration=f"Calibrated on {facts['calibrated_on']} ({facts['calibration']}). {reviewed}",
        limits=[
            "It orders as its coders did, habits included; a hospital it has not seen gets none of the habits.",
            "About half of the principals that it misses cannot be told from codes and encounter data alone.",
            "Codes that may lead, forced pairs and blocks of the order come from the guidelines, not from the data.",
        ],
        out_of_scope=[
            "Choosing a principal for its payment.",
            "Deciding which codes are reported.",
            "Sequencing without a coder where the probability is below the threshold.",
        ],
        pictures={
            RISK: "Share of wrong principals against the share of encounters that go on without review",
            RELIABILITY: "Probability said and share found right",
        },
        figure_titles={
            **NAMES,
            "principal_top1_over_guidelines": "principal found, ahead of the guidelines",
            "ndcg_at_10_over_guidelines": "nDCG@10, ahead of the guidelines",
        },
    )
