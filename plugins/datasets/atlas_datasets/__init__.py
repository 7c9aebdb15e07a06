"""Data sets: four that ship with this distribution, tables, and folders of CIF files."""
