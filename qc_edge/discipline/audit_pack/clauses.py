"""Which clause of which rule a file of the pack answers, and what it does not claim."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Clause:
    """A demand in short, the files that answer it, and what they leave open."""

    rule: str
    demand: str
    files: str
    open: str


CLAUSES = (
    Clause(
        "21 CFR 11.10(e)",
        "secure, computer-generated, time-stamped audit trail of who created, changed or deleted "
        "what, and when; changes obscure nothing",
        "events.csv, records-in-force.csv, people.csv, labels.csv, deletions.csv, verify.json, "
        "chain.csv",
        "people are known by the name that they give or log in with: no electronic signature by "
        "11.50 to 11.300 is claimed, nor that the system as a whole was validated (11.10(a))",
    ),
    Clause(
        "IATF 16949 7.1.5.1.1",
        "measurement systems analysis of each kind of inspection equipment",
        "msa/, spc.html",
        "only studies that were kept with --keep; whether the parts were well chosen",
    ),
    Clause(
        "IATF 16949 7.1.5.2.1",
        "calibration and verification records: identity, as found and as left, out of tolerance "
        "and its impact, software that is used for control",
        "calibration.csv, records/, challenges.csv, challenge_results.csv, holds.csv, software.csv",
        "no traceability to national standards: the station's figures are relative ones; masters "
        "and certificates of other gauges are not in it",
    ),
    Clause(
        "AIAG MSA, 4th edition",
        "attribute agreement and gauge R&R with their verdicts",
        "msa/",
        "stability over months is in spc.html, not in a study; linearity and bias are not studied",
    ),
    Clause(
        "AIAG SPC, 2nd edition",
        "charts of the process with their reference, and what was done on alarms",
        "spc.html, spc.json, events.csv",
        "no capability index: verdicts are no measurements of the part",
    ),
)
