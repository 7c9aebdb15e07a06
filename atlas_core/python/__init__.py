"""ATLAS from Python: what ``import atlas_core as atlas`` offers. Light.

The names are made when they are asked for, so that the command line, which imports this package's
parent, stays fast.
"""
