"""Prompts drawn as pictures, asserted cell by cell."""

import torch

from agent_tools.services.drawn_prompts import SURE, drawn_prompts


def test_drawn_prompts_box_is_sure_inside_unsure_where_it_covers_half_a_cell() -> None:
    drawn = drawn_prompts(4, boxes=torch.tensor([[1.0, 1.0, 2.5, 2.0]]))
    expected = torch.full((1, 4, 4), -SURE)
    expected[0, 1, 1] = SURE
    expected[0, 1, 2] = 0.0
    assert torch.equal(drawn, expected)


def test_drawn_prompts_click_raises_its_place_and_a_negative_one_lowers_it() -> None:
    points = torch.tensor([[[0.5, 0.5], [3.5, 3.5]]])
    drawn = drawn_prompts(4, points, torch.tensor([[1, 0]]))[0]
    assert drawn[0, 0] > SURE
    assert drawn[3, 3] < -SURE
    assert drawn[0, 3].abs() < 1e-5


def test_drawn_prompts_box_cuts_off_an_earlier_mask_outside_it() -> None:
    earlier = torch.full((1, 4, 4), 3.0)
    drawn = drawn_prompts(4, boxes=torch.tensor([[0.0, 0.0, 2.0, 4.0]]), masks=earlier)[0]
    assert torch.equal(drawn[:, :2], torch.full((4, 2), 3.0))
    assert torch.equal(drawn[:, 2:], torch.full((4, 2), -SURE))


def test_drawn_prompts_of_several_things_do_not_mix() -> None:
    boxes = torch.tensor([[0.0, 0.0, 1.0, 1.0], [2.0, 2.0, 4.0, 4.0]])
    together = drawn_prompts(4, boxes=boxes)
    assert torch.equal(together[0], drawn_prompts(4, boxes=boxes[:1])[0])
    assert torch.equal(together[1], drawn_prompts(4, boxes=boxes[1:])[0])
