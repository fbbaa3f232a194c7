"""Imported by the server that children are forked from: torch, loaded once, and everything that a job needs."""

from __future__ import annotations

import PIL.Image
import torch
import torch._dynamo  # the first optimiser imports it, for a second and more

from fcn_studio.fcn import device
from fcn_studio.fcn.inference import predictor
from fcn_studio.fcn.training import train
from fcn_studio.fcn.weights import checkpoint
from fcn_studio.jobs import evaluate, fine_tune, segment
from fcn_studio.jobs.process import child

PIL.Image.init()  # looks for its plugins
torch.set_num_threads(1)  # a thread pool would not survive the fork
LOADED = (device, predictor, train, checkpoint, evaluate, fine_tune, child, segment)
