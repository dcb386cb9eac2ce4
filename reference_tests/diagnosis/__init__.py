"""What is wrong: the known mistake that computes what a subject computes, or what is known else.

Known mistakes are simulated, alone and in pairs, and compared with the subject over many cases.
Where none computes the subject's numbers, relations between these and the right ones are sought,
and the parameters under which the subject fails.
"""

from reference_tests.diagnosis.outputs import Diagnosis, diagnose

__all__ = ["Diagnosis", "diagnose"]
