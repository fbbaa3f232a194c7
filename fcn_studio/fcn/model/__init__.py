"""The networks themselves.

They are trunks, score layers, upsampling, and the geometry that aligns them.
"""
