"""The kinds of component, one file each: what a component receives, and what it promises."""
