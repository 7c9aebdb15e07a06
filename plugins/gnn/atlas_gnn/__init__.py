"""Graph neural networks for ATLAS. Light: importing this package imports no torch."""
