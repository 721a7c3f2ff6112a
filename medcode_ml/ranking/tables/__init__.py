"""The small hand-written tables that ranking knows medicine from; `knowledge.py` reads and explains them."""
