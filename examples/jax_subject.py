"""JAX as a subject: `jax.lax` and `jax.nn`, with the pullbacks of `jax.vjp`.

What JAX has no function for, such as batch normalization and losses, is written in `jax.numpy`:
judged are its gradients. The functions are those of the reference.
"""

import jax

from reference_tests import Implementation
from reference_tests.references.jax_ import OPERATIONS

subject = Implementation(f"JAX {jax.__version__}", OPERATIONS)
