"""Crystal features: neighbour graphs, sine Coulomb matrix, matminer's featurizers."""
