"""Which patient records are one person, and which encounter a misnumbered record belongs to: probabilistic linkage.

`normalise` brings records to comparable forms, `model` says what is compared and what agreement weighs, `training`
estimates the weights from the records themselves, `scoring` weighs pairs, `conflicts` names what forbids a link without
a person's word, `clusters` makes persons of links, `patients` is the whole of it as one pure function, `stage` runs it
on the database, `decisions` records what people decide, `misfiled` finds encounters for records with unknown numbers.
"""
