"""The doctor: everything about a station and its box at once, each with a fix. Measures, mends nothing."""

from qc_edge.doctor.examine import Diagnosis, examine
from qc_edge.doctor.host import Host

__all__ = ["Diagnosis", "Host", "examine"]
