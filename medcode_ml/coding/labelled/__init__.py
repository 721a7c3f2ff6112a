"""Notes with the codes their coders gave them: the layouts they come in, code set, evidence and split."""
