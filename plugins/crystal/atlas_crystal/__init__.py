"""Crystal features: neighbor graphs, sine Coulomb matrix, matminer's featurizers."""
