"""From a YAML file to a plan whose every component is resolved, with all mistakes at once."""
