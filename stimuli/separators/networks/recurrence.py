"""LSTMs over long sequences: what ``nn.LSTM`` answers, in work space that does not grow with the sequence.

torch computes the gates of a whole sequence at once, eight times its size; here each layer and direction goes over it
in blocks and hands its state on, backwards from the end. Nothing is approximated.

Conventions: sequences (times, batch, features), as ``nn.LSTM`` has them by default. Defines: ``in_blocks``.
"""

from __future__ import annotations

import torch
from torch import nn

BLOCK = 2048


def in_blocks(lstm: nn.LSTM, sequence: torch.Tensor, block: int = BLOCK) -> torch.Tensor:
    """``lstm(sequence)[0]``, in inference: without dropout."""
    for layer in range(lstm.num_layers):
        ways = [_through(one, sequence, block, backwards=way == 1) for way, one in enumerate(_layer(lstm, layer))]
        sequence = torch.cat(ways, dim=2) if len(ways) > 1 else ways[0]
    return sequence


def _through(lstm: nn.LSTM, sequence: torch.Tensor, block: int, *, backwards: bool) -> torch.Tensor:
    made = sequence.new_empty(*sequence.shape[:2], lstm.hidden_size)
    starts, state = range(0, len(sequence), block), None
    for start in reversed(starts) if backwards else starts:
        piece = sequence[start : start + block]
        found, state = lstm(piece.flip(0) if backwards else piece, state)
        made[start : start + block] = found.flip(0) if backwards else found
    return made


def _layer(lstm: nn.LSTM, layer: int) -> list[nn.LSTM]:
    """One layer as networks of one direction each, forwards first."""
    weights = lstm.state_dict()
    found = []
    for ending in [f"_l{layer}", f"_l{layer}_reverse"][: 1 + lstm.bidirectional]:
        own = {f"{name}_l0": weights[f"{name}{ending}"] for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")}
        with torch.device("meta"):
            one = nn.LSTM(own["weight_ih_l0"].shape[1], lstm.hidden_size)
        one.load_state_dict(own, assign=True)
        found.append(one)
    return found
