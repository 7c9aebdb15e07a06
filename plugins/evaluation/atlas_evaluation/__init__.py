"""What predictions are worth: split audit, metrics with intervals, exam of trust, verdicts."""
