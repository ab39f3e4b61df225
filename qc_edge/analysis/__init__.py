"""What a change would have done to the parts of the past: another threshold, another model.

Reads the log and the evidence and writes pictures, lists and its own results. Never changes
anything of the station. `replay/` counts what another threshold or model would have made of the
stored verdicts, `comparison/` puts two models, or the line's and its shadow, side by side over the
same inputs; what both need is here.
"""
