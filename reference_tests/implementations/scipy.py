"""SciPy as a subject: what it is as a reference is judged by the exact oracle and the others."""

from reference_tests.implementation import Implementation
from reference_tests.references.scipy_ import reference

subject = Implementation(
    "SciPy",
    reference.operations,
    source="from reference_tests.implementations.scipy import subject",
)
