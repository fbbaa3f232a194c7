"""The network.

It has FCN-32s/16s/8s and their trunks, checkpoints, training, evaluation and prediction. Only this room imports
torch. May import ``core``, ``formats`` and below; no Qt. Add a trunk in `model.backbones`, a training recipe in
`training.recipe`. Importing the package loads nothing heavy; its modules import torch, all but `weights.catalogue`,
`weights.published`, `weights.digests`, `training.resume` and `model.architecture`, which the window reads.
"""

import os

# torch's threads spin while they wait for each other, which on a busy machine makes a step take four times as
# long (measured with two threads on two shared cores). It must be said before torch is first imported.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
