"""Weights and networks of other libraries, one module for each; imported where they are used."""
