"""The contract: one file of plain check functions a kind, and ``common`` for every kind."""
