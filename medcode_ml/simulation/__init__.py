"""The simulated hospital network: deliveries used for development when no hospital is configured. Synthetic.

Clinical content stands in `scenarios`, apart from the machinery beside it. `write_delivery` writes a folder in the
documented layout, which the ordinary folder source reads; what is true about it stands under `_truth` in that folder.
"""

from __future__ import annotations

from medcode_ml.simulation.config import DiseaseWave, NetworkConfig, SimulationError
from medcode_ml.simulation.delivery import write_delivery
from medcode_ml.simulation.network import DayDelivery, Network, simulate

__all__ = ["DayDelivery", "DiseaseWave", "Network", "NetworkConfig", "SimulationError", "simulate", "write_delivery"]
