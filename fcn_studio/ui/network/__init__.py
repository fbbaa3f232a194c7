"""The network's side of the window: its process, jobs, predictions, fine-tuning, and the network in use."""
