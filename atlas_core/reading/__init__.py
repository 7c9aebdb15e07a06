"""Turn what users write, in files and cells, into materials. Light: numpy only at import."""
