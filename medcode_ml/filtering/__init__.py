"""Named rules over mapped records: repair, carry or quarantine, with a reason for everything set aside."""
