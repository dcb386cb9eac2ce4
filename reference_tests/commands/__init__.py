"""The commands of `reference-tests`, one module each: HELP, `configure` and `run`."""
