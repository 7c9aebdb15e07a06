"""Splits: random, k-fold, Matbench's own folds and held-out classes of materials."""
