"""Statistics that evaluation and reports share: a library below the plugins. Light: numpy only."""
