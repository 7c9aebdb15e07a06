"""Trust regions for ATLAS. Light: imports nothing."""
