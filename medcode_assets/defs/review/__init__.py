"""What coders decide: the tables that their decisions come into, and how far they agree."""
