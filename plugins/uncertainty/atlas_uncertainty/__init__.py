"""Uncertainty methods: committees, ensembles, dropout, a model's own variance."""
