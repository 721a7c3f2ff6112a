"""When a model is made anew because the world has changed: the decision (pure) and what it is decided on (the tables).

Nothing here trains, promotes or asks for a run: the sensors of Dagster do, with what is answered here.
"""
