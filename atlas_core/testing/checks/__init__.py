"""The contract: one file of plain check functions a kind."""
