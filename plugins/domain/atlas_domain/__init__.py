"""Out-of-distribution detectors for ATLAS. Light: imports nothing."""
