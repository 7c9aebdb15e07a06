"""Ask fitted arms about candidates, for ATLAS."""
