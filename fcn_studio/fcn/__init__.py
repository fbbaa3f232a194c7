"""The network: FCN-32s/16s/8s and their trunks, checkpoints, training, evaluation, prediction. torch lives here.

May import ``core``, ``formats`` and below; no Qt. Add a trunk in `backbones`, a training recipe in `train`.
"""
