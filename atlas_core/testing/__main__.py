"""The other process of a contract: see ``elsewhere``. Light."""

import sys

from atlas_core.testing.elsewhere import serve

serve(sys.argv[1], int(sys.argv[2]))
