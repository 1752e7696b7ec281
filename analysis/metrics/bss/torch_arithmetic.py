"""The dear steps of BSS Eval by torch, in double precision, on a processor or a GPU.

Sound goes to the device block by block, correlations and factors come back: nothing stays there, so that several
worker processes can share one GPU. This is the only module of the room that imports torch.

Defines: ``Torch``, ``refused``.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch

from analysis.errors import PassingError


def refused(device: str) -> str | None:
    """Why torch can't use a device, in double precision and there and back; None if it can."""
    try:
        torch.ones(1, dtype=torch.float64, device=device).cpu()
    except (RuntimeError, AssertionError, TypeError) as error:  # the last one: Apple's GPUs know no doubles
        return f"torch can't use the device {device!r}: {_first_line(error)}; leave --device out"
    return None


class Torch:
    """On a device of torch's; as of any ``Arithmetic``."""

    def __init__(self, device: str) -> None:
        self.device = device

    def products(self, x: np.ndarray, z: np.ndarray, size: int) -> torch.Tensor:
        """As of any arithmetic; the sum stays on the device."""
        with self._failing():
            mine = torch.fft.rfft(self._there(x), size).permute(2, 0, 1)
            theirs = torch.fft.rfft(self._there(z), size).permute(2, 1, 0)
            return torch.matmul(mine.conj(), theirs)

    def lags(self, spectrum: torch.Tensor, size: int, taps: int) -> np.ndarray:
        """As of any arithmetic."""
        with self._failing():
            return torch.fft.irfft(spectrum.permute(1, 2, 0), size)[..., :taps].contiguous().cpu().numpy()

    def cholesky(self, matrix: np.ndarray) -> np.ndarray | None:
        """As of any arithmetic."""
        with self._failing():
            factor, failed = torch.linalg.cholesky_ex(self._there(matrix.T), upper=True)
            return None if failed else np.asfortranarray(factor.cpu().numpy())

    def _there(self, found: np.ndarray) -> torch.Tensor:
        return torch.from_numpy(found).to(self.device)

    @contextmanager
    def _failing(self) -> Iterator[None]:
        """Says what the device says."""
        try:
            yield
        except RuntimeError as error:
            raise PassingError(
                f"torch failed on the device {self.device!r}: {_first_line(error)}; if its memory is full, give fewer "
                "--jobs, or leave --device out"
            ) from None


def _first_line(error: BaseException) -> str:
    """What an error says first; its kind where it says nothing."""
    return next(iter(str(error).strip().splitlines()), type(error).__name__)
