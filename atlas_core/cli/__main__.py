"""``python -m atlas_core.cli`` is ``atlas``."""

from atlas_core.cli import main

if __name__ == "__main__":
    main(prog_name="atlas")
