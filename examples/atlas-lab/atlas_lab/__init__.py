"""Four components of a laboratory's own: a data set, a model, a detector, a calibrator."""
