"""From an image to labels: prediction, the fast forms of networks, evaluation."""
