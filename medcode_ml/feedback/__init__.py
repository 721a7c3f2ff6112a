"""What coders decide about codes: charts recorded as they come in, labels frozen at closing, agreement measured.

Nothing in this room trains, asks for a training or promotes: labels only lie in the tables, with who gave them, until
the retraining asks for them by its own evidence and gates. Clicks on a chart that is still open are no labels at all.
"""
