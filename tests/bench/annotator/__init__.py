"""A simulated annotator, who works with the program's own tools and edits, without a window.

`sight` is what the annotator sees, `times` what a gesture takes, `hand` how it is made, `acts` which acts are
possible, `person` who chooses among them, `arms` the ways of work that are compared, `report` the table.
"""
