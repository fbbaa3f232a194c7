"""Labelling effort: what each gesture took, and the sums."""
