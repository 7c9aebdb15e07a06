"""Tables that a run makes: typed, checked, to and from Parquet. Light."""
