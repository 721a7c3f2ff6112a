"""The edits of a claim: the Medicare Code Editor's and our own, each with a sentence and a remedy for a person."""
