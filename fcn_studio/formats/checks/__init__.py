"""The checks of a data set; `registry` has the table."""
