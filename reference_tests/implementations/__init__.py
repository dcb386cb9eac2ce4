"""Subjects of the judge that come with it."""
