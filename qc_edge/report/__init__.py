"""Why a part was judged as it was: gathered, checked again, and told on a terminal or on paper.

`part_report.py` gathers and judges nothing by itself; the other modules put its values into words,
pictures and files. Reads only.
"""
