"""The networks themselves: trunks, score layers, upsampling, and the geometry that aligns them."""
