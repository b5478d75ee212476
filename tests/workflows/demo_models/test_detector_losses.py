"""Assignments and losses on boxes small enough to check by hand."""

import pytest
import torch

from workflows.demo_models.detector_losses import (
    Targets,
    assign_dense,
    dense_loss,
    generalised_iou,
    match,
    set_loss,
    total,
)

ANCHORS = torch.tensor([[0.25, 0.25], [0.75, 0.25], [0.25, 0.75], [0.75, 0.75]])
CELLS = torch.cat([ANCHORS, torch.full((4, 2), 0.5)], -1)


def one_thing(box, marks=((0.0, 1.0, 0.0),)):
    return Targets(torch.tensor([[box]]), torch.tensor([marks]), torch.ones(1, 1, dtype=torch.bool))


@pytest.mark.parametrize(
    ("second", "expected"),
    [((0.5, 0.5, 0.2, 0.2), 1.0), ((0.5, 0.5, 0.2, 0.1), 0.5), ((0.9, 0.5, 0.2, 0.2), -1 / 3)],
)
def test_generalised_iou_known_boxes_gives_known_values(second, expected):
    first = torch.tensor([0.5, 0.5, 0.2, 0.2])
    assert float(generalised_iou(first, torch.tensor(second))) == pytest.approx(expected, abs=1e-5)


def test_assign_dense_gives_a_thing_its_nearest_cell():
    owner = assign_dense(CELLS[None], ANCHORS, torch.tensor([[[0.75, 0.25, 0.5, 0.5]]]), torch.ones(1, 1).bool(), 1)
    assert owner.tolist() == [[-1, 0, -1, -1]]


def test_assign_dense_padding_gets_nothing():
    boxes = torch.tensor([[[0.75, 0.25, 0.5, 0.5], [0.5, 0.5, 0.5, 0.5]]])
    owner = assign_dense(CELLS[None], ANCHORS, boxes, torch.tensor([[True, False]]), 2)
    assert set(owner.flatten().tolist()) == {0, -1}


def test_match_two_things_takes_the_cheapest_pairs():
    targets = Targets(CELLS[None, [3, 0]], torch.ones(1, 2, 1), torch.ones(1, 2, dtype=torch.bool))
    ((queries, things),) = match(torch.zeros(1, 4, 1), CELLS[None], targets, torch.ones(1, 1, dtype=torch.bool))
    assert dict(zip(queries.tolist(), things.tolist(), strict=True)) == {0: 1, 3: 0}


def test_losses_perfect_answer_are_near_zero():
    targets = one_thing([0.25, 0.25, 0.5, 0.5])
    logits = torch.full((1, 4, 3), -12.0)
    logits[0, 0, 1] = 12.0
    tokens = torch.ones(1, 3, dtype=torch.bool)
    assert float(total(dense_loss(logits, CELLS[None], ANCHORS, targets, tokens, 1))) < 1e-3
    assert float(total(set_loss(logits, CELLS[None], targets, tokens))) < 1e-3


def test_losses_padded_tokens_at_minus_infinity_stay_finite():
    targets = one_thing([0.25, 0.25, 0.5, 0.5])
    logits = torch.zeros(1, 4, 3)
    logits[..., 2] = -torch.inf
    tokens = torch.tensor([[True, True, False]])
    for parts in (
        dense_loss(logits, CELLS[None], ANCHORS, targets, tokens, 1),
        set_loss(logits, CELLS[None], targets, tokens),
    ):
        assert all(torch.isfinite(value) for value in parts.values())


def test_losses_nothing_asked_only_push_scores_down():
    nothing = Targets(torch.full((1, 1, 4), 0.5), torch.zeros(1, 1, 3), torch.zeros(1, 1, dtype=torch.bool))
    logits = torch.zeros(1, 4, 3, requires_grad=True)
    parts = set_loss(logits, CELLS[None], nothing, torch.ones(1, 3, dtype=torch.bool))
    total(parts).backward()
    assert float(parts["l1"]) == float(parts["giou"]) == 0.0
    assert (logits.grad > 0).all()
