"""Versions in stage shadow on a day's live input, beside the champion: the stages' own code, and nothing of it is kept.

What the shadow codes and ranks is written as the stage writes it, grouped as billing groups it, and rolled back: the
same code as for real, and no row of it in any table but `ml.shadow_figure` and `ml.shadow_encounter`.
"""

from medcode_ml.shadow.days import run_shadow

__all__ = ["run_shadow"]
