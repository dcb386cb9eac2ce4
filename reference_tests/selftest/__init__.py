"""The judge is judged: what it rejects, what it names, and that it wrongs nobody."""
