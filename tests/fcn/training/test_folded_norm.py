"""Folding the normalisation for a training."""

from __future__ import annotations

import torch

from fcn_studio.fcn.training.folded_norm import FoldedNorm, fold_norms
from fcn_studio.fcn.weights.catalogue import bundled
from fcn_studio.fcn.weights.checkpoint import load_checkpoint

IMAGES = torch.rand(1, 3, 40, 72)


@torch.inference_mode()
def test_folding_changes_no_score() -> None:
    checkpoint = load_checkpoint(bundled()["voc"])
    folded, usual = fold_norms(checkpoint.build()), checkpoint.build()
    scores = usual(IMAGES)
    usual.load_state_dict(folded.state_dict())
    for network in (folded, usual):
        assert torch.allclose(network(IMAGES), scores, atol=1e-4)
    assert any(isinstance(module, FoldedNorm) for module in folded.modules())


@torch.inference_mode()
def test_a_state_of_before_folding_is_used_as_it_is() -> None:
    usual = load_checkpoint(bundled()["voc"]).build()
    scores, state = usual(IMAGES), usual.state_dict()
    folded = fold_norms(load_checkpoint(bundled()["voc"]).build())
    folded.load_state_dict(state)
    assert torch.allclose(folded.eval()(IMAGES), scores, atol=1e-6)
