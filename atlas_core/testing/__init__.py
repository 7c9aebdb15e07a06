"""The testing kit for component authors: checks, front ends, sample data."""
