"""Import of annotations that another program wrote: survey, mapping, matching and merge; and of frames of films.

Both shells run its generators. Nothing is written before every value of the source has a meaning.
"""
