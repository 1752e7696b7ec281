"""The U-net that the cascade is built of: five levels down, dilated convolutions, four up, and an LSTM over time.

Conventions: maps (batch, channels, bins, times), bins and times multiples of 16. Names of the parts are those of the
published weights. Defines: ``Convolved``, ``BaseNet``.
"""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional

DILATIONS = ((4, 2), (8, 4), (12, 6))
"""Of the three dilated convolutions at the bottom, along frequency and time."""


class Convolved(nn.Module):
    """Convolution without bias, batch norm, activation; the size stays, or is halved by a stride of 2."""

    def __init__(
        self,
        channels: tuple[int, int],
        kernel: int = 3,
        stride: int = 1,
        dilation: tuple[int, int] = (1, 1),
        activation: type[nn.Module] = nn.ReLU,
    ) -> None:
        super().__init__()
        padding = (kernel // 2 * dilation[0], kernel // 2 * dilation[1])
        convolution = nn.Conv2d(*channels, kernel, stride, padding, dilation, bias=False)
        self.conv = nn.Sequential(convolution, nn.BatchNorm2d(channels[1]), activation())

    def forward(self, sound: torch.Tensor) -> torch.Tensor:
        """(batch, in, bins, times) to (batch, out, bins / stride, times / stride)."""
        return self.conv(sound)


class _Encoder(nn.Module):
    def __init__(self, wide: int, deep: int) -> None:
        super().__init__()
        self.conv1 = Convolved((wide, deep), stride=2, activation=nn.LeakyReLU)
        self.conv2 = Convolved((deep, deep), activation=nn.LeakyReLU)

    def forward(self, sound: torch.Tensor) -> torch.Tensor:
        return self.conv2(self.conv1(sound))


class _Decoder(nn.Module):
    def __init__(self, deep: int, wide: int) -> None:
        super().__init__()
        self.conv1 = Convolved((deep, wide))

    def forward(self, sound: torch.Tensor, skip: torch.Tensor) -> torch.Tensor:
        larger = functional.interpolate(sound, scale_factor=2, mode="bilinear", align_corners=True)
        return self.conv1(torch.cat([larger, skip], dim=1))


class _MeanOverBins(nn.Module):
    def forward(self, sound: torch.Tensor) -> torch.Tensor:
        return sound.mean(dim=2, keepdim=True)


class _Pyramid(nn.Module):
    """Atrous spatial pyramid pooling: the mean over all bins, each cell by itself, and three widths around it."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        same = (channels, channels)
        self.conv1 = nn.Sequential(_MeanOverBins(), Convolved(same, kernel=1))
        self.conv2 = Convolved(same, kernel=1)
        self.conv3, self.conv4, self.conv5 = (Convolved(same, dilation=dilation) for dilation in DILATIONS)
        self.bottleneck = Convolved((5 * channels, channels), kernel=1)
        self.dropout = nn.Dropout2d(0.1)

    def forward(self, sound: torch.Tensor) -> torch.Tensor:
        views = [conv(sound) for conv in (self.conv2, self.conv3, self.conv4, self.conv5)]
        return self.dropout(self.bottleneck(torch.cat([self.conv1(sound).expand_as(views[0]), *views], dim=1)))


class _OverTime(nn.Module):
    """One more channel: all bins of a frame through a bidirectional LSTM."""

    def __init__(self, channels: int, bins: int, units: int) -> None:
        super().__init__()
        self.conv = Convolved((channels, 1), kernel=1)
        self.lstm = nn.LSTM(bins, units // 2, bidirectional=True)
        self.dense = nn.Sequential(nn.Linear(units, bins), nn.BatchNorm1d(bins), nn.ReLU())

    def forward(self, sound: torch.Tensor) -> torch.Tensor:
        frames = self.conv(sound)[:, 0].permute(2, 0, 1)
        heard, _ = self.lstm(frames)
        return self.dense(heard.flatten(0, 1)).reshape(frames.shape).permute(1, 2, 0)[:, None]


class BaseNet(nn.Module):
    """One net of the cascade.

    Parameters
    ----------
    entering, width : channels in, and out.
    bins : that the LSTM hears: half of those of the input.
    units : of the LSTM, both directions together.
    """

    def __init__(self, entering: int, width: int, bins: int, units: int) -> None:
        super().__init__()
        self.enc1 = Convolved((entering, width))
        self.enc2, self.enc3 = _Encoder(width, 2 * width), _Encoder(2 * width, 4 * width)
        self.enc4, self.enc5 = _Encoder(4 * width, 6 * width), _Encoder(6 * width, 8 * width)
        self.aspp = _Pyramid(8 * width)
        self.dec4, self.dec3 = _Decoder(14 * width, 6 * width), _Decoder(10 * width, 4 * width)
        self.dec2 = _Decoder(6 * width, 2 * width)
        self.lstm_dec2 = _OverTime(2 * width, bins, units)
        self.dec1 = _Decoder(3 * width + 1, width)

    def forward(self, sound: torch.Tensor) -> torch.Tensor:
        """(batch, entering, bins, times) to (batch, width, bins, times)."""
        skips = [self.enc1(sound)]
        for encoder in (self.enc2, self.enc3, self.enc4, self.enc5):
            skips.append(encoder(skips[-1]))
        made = self.aspp(skips.pop())
        for decoder in (self.dec4, self.dec3, self.dec2):
            made = decoder(made, skips.pop())
        return self.dec1(torch.cat([made, self.lstm_dec2(made)], dim=1), skips.pop())
