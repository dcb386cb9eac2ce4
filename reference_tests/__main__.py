"""``python -m reference_tests`` is the command `reference-tests`."""

import sys

from reference_tests.cli import main

sys.exit(main())
