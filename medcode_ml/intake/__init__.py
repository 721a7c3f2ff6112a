"""Sources, page reading and page gates: what comes in through the door, as it came."""
