"""What a change would have done to the parts of the past: another threshold, another model.

Reads the log and the evidence and writes pictures, lists and its own results. Never changes
anything of the station.

`replay_*` counts what another threshold or model would have made of the stored verdicts,
`comparison_*` puts two models side by side over the same inputs, and `shadow_*` does the same for
the model that judges and its shadow.
"""
