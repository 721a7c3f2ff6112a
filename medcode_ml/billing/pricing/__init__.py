"""Expected payment of a claim, factor by factor, by the contract in force at discharge."""
