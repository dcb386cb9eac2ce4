"""JAX as a subject, on few shapes an operation: each takes it up to a second to compile."""

from reference_tests.implementation import Implementation
from reference_tests.references.jax_ import reference

subject = Implementation(
    "JAX",
    reference.operations,
    source="from reference_tests.implementations.jax import subject",
)
