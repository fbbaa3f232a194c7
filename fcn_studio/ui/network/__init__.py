"""The network's side of the window.

It has the network's process, jobs, predictions, fine-tuning, and the network in use.
"""
