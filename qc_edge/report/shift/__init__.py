"""The shift report: one shift, or one day, in figures, as HTML, PDF, XLSX and CSV. Reads only.

`shift_report.py` gathers it, `tables.py` puts it into tables, and every kind of file is made of
those.
"""
