"""Statistical process control: charts of rates and figures against a reference, and what they say.

`rate_chart.py` and `figure_chart.py` are mathematics on values, `examine.py` asks the log,
`drift.py` tells camera from process in words.
"""
