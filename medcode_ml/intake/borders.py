"""What a scanner adds around a sheet: the black of its lid, and the punch holes it looks through.

Belongs here: finding both and painting them in the colour of the paper. Nothing is cut off: boxes stay where they are.
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from medcode_ml.intake.measuring import smaller

Grey = NDArray[Any]  #: height x width, 8 bits; OpenCV's annotations do not tell

SKETCH = 800  # longest side in pixels of the copy that is searched
DARK = 0.45  # share of the paper's grey level below which a pixel may be lid or hole
EDGE = 0.012  # share of the longest side by which the eye may miss the outermost pixels
BORDER_LENGTH = 0.06  # share of the longest side that a border is long at least
HOLE = (0.018, 0.05)  # width of a hole as a share of the sheet's shorter side: 4 to 10 mm of a letter page
MARGIN = 0.12  # share of either side within which holes are punched


def without_borders(pixels: Grey, paper: float) -> Grey:
    """The page with lid and holes painted over; the page itself where there are none."""
    height, width = pixels.shape
    factor = min(1.0, SKETCH / max(height, width))
    small = smaller(pixels, max(1, round(width * factor)), max(1, round(height * factor)))
    dark = (small < DARK * paper).astype(np.uint8)
    # a lid is deep: what is left of a dark area after its thin parts (lettering, rules) are gone
    solid = cv2.morphologyEx(dark, cv2.MORPH_OPEN, np.ones((3, 3), np.uint8), borderType=cv2.BORDER_REPLICATE)
    count, labels, boxes, _ = cv2.connectedComponentsWithStats(solid, connectivity=4)
    if count == 1:
        return pixels
    x, y, wide, high, area = (boxes[:, at].astype(float) for at in range(5))
    rows, columns = small.shape
    near = max(1.0, EDGE * max(rows, columns))
    touches = (x <= near) | (y <= near) | (x + wide >= columns - near) | (y + high >= rows - near)
    border = touches & (np.maximum(wide, high) >= BORDER_LENGTH * max(rows, columns))
    size = np.maximum(wide, high) / min(rows, columns)
    round_mark = (size >= HOLE[0]) & (size <= HOLE[1]) & (np.minimum(wide, high) >= 0.75 * np.maximum(wide, high))
    full = np.abs(area / np.maximum(wide * high, 1) - np.pi / 4) < 0.12
    middle_x, middle_y = (x + wide / 2) / columns, (y + high / 2) / rows
    outside = (np.minimum(middle_x, 1 - middle_x) < MARGIN) | (np.minimum(middle_y, 1 - middle_y) < MARGIN)
    taken = border | (round_mark & full & outside)
    taken[0] = False
    if not taken.any():
        return pixels
    mask = taken[labels].astype(np.uint8)
    mask = cv2.dilate(mask, np.ones((5, 5), np.uint8))  # the soft edge, and what opening took
    mask = cv2.resize(mask, (width, height), interpolation=cv2.INTER_NEAREST)
    return np.where(mask > 0, np.uint8(round(paper)), pixels)
