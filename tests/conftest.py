"""Profiles of hypothesis: `dev` by hand, `ci` where CI is set, `deep` by --hypothesis-profile."""

from __future__ import annotations

import os

from hypothesis import settings

# Deadlines make numeric tests flaky, so no profile has one.
settings.register_profile("dev", deadline=None, max_examples=25)
settings.register_profile("ci", deadline=None, max_examples=25, derandomize=True, print_blob=True)
settings.register_profile("deep", deadline=None, max_examples=2000)
settings.load_profile("ci" if os.environ.get("CI") else "dev")
