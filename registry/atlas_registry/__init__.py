"""Discovery and resolution of installed components. Light."""
