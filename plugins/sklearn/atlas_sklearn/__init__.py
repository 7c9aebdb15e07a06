"""Classical models on feature vectors, by scikit-learn."""
