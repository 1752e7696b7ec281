"""Systems from outside: a program, a model file, a checkpoint, somebody's package.

Conventions: paths are relative to the experiment file's folder; rates in Hz, times in seconds, lengths in frames at the
model's rate. ``sources`` names what a system gives, in its order. Where it names no ``accompaniment``, this is the sum
of all sources but the vocals, or, where there are only vocals, the mixture minus the vocals.

Defines: ``SourcesSystem``, ``CommandSystem``, ``OnnxSystem``, ``TorchCheckpointSystem``, ``PluginSystem``, and
``OutsideSystem``, any of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from string import Formatter
from typing import Annotated, ClassVar, Literal, Self

from pydantic import AfterValidator, Field, JsonValue, StringConstraints, field_validator, model_validator

from stimuli.description.model import StemName
from stimuli.description.system import System

Sha256 = Annotated[str, StringConstraints(pattern=r"^([0-9a-fA-F]{64})?$"), AfterValidator(str.lower)]
FILLED_IN = ("mixture", "output", "target", "folder")


class SourcesSystem(System):
    """A system that says which sources it gives."""

    sources: tuple[StemName, ...] = Field(min_length=1, max_length=16)

    @field_validator("sources")
    @classmethod
    def _each_once(cls, sources: tuple[str, ...]) -> tuple[str, ...]:
        if len(set(sources)) < len(sources):
            raise ValueError("a source is named twice; give each its own name")
        return sources


class CommandSystem(SourcesSystem):
    """Any program: it gets a WAV file and writes one, or a folder of them.

    ``argv`` is the program and its arguments, run without a shell in a temporary folder. Filled in are ``{mixture}``
    (the song as float32 WAV at -14 LUFS), ``{output}`` (where to write: a file, ``{output}.wav``, or a folder that then
    holds ``<source>.wav``), ``{target}`` (the source that is asked for; without it one run gives all) and ``{folder}``
    (where the experiment file lies). Raise ``version`` when the program changes: it is rendered anew then.
    """

    needs: ClassVar[str] = "the program"
    kind: Literal["command"]
    argv: tuple[str, ...] = Field(min_length=1)
    time_limit_s: float = Field(default=3600.0, gt=0, le=7 * 24 * 3600)

    @model_validator(mode="after")
    def _says_where_sound_goes(self) -> Self:
        try:
            fields = {field for text in self.argv for _, field, _, _ in Formatter().parse(text) if field is not None}
        except ValueError as error:
            raise ValueError(f"argv is no template: {error}; double a brace that is meant as such") from None
        if unknown := fields - set(FILLED_IN):
            raise ValueError(
                f"argv uses {sorted(unknown)}; only {{mixture}}, {{output}}, {{target}} and {{folder}} can be filled "
                "in; double a brace that is meant as such"
            )
        if lacking := [name for name in ("mixture", "output") if name not in fields]:
            raise ValueError(f"argv has no {{{lacking[0]}}}: the program would not know where its sound is")
        return self


class _Waveform(SourcesSystem):
    """A network that takes a waveform (1, channels, frames) and answers (1, sources, channels, frames), float32."""

    path: str = Field(min_length=1)
    sha256: Sha256 = ""
    rate_hz: int = Field(default=44_100, ge=8_000, le=192_000)
    channels: Literal[1, 2] = 2
    chunk_frames: int | None = Field(default=None, ge=64)
    overlap: float = Field(default=0.25, ge=0, le=0.5)
    convert: bool = False


class OnnxSystem(_Waveform):
    """A network in an ONNX file, run by onnxruntime on the processor.

    Its one input is a waveform, float32 (1, ``channels``, frames) at ``rate_hz``; its first output is float32
    (1, sources, ``channels``, frames), in the order of ``sources``. With ``chunk_frames`` the song is cut into pieces
    of that length, which overlap by a share of ``overlap`` and are cross-faded. ``sha256`` pins the file. A song of
    another rate or number of channels is refused, or with ``convert`` resampled, duplicated or taken channel by
    channel, and brought back.
    """

    needs: ClassVar[str] = "onnxruntime, the model file"
    packages: ClassVar[Mapping[str, str]] = {"onnxruntime": 'pip install "hidden-reference[onnx]"'}
    kind: Literal["onnx"]


class TorchCheckpointSystem(_Waveform):
    """Weights for an architecture that is known here, in a ``.safetensors`` file or one that torch saved.

    ``architecture`` is its registered name, ``parameters`` what it takes besides. Files are read with ``weights_only``:
    a pickle of whole objects could run anything, and is refused. Rate, channels, chunks and ``convert`` are as for
    ``onnx``.
    """

    needs: ClassVar[str] = "torch, the weights"
    packages: ClassVar[Mapping[str, str]] = {"torch": 'pip install "hidden-reference[torch]"'}
    kind: Literal["torch_checkpoint"]
    architecture: str
    parameters: dict[str, JsonValue] = Field(default_factory=dict)


class PluginSystem(System):
    """A system out of somebody's package, found through the entry points ``hidden_reference.separators``.

    ``system`` is the name under which the package registers it, ``parameters`` what its class is made with.
    """

    needs: ClassVar[str] = "a package that registers it"
    kind: Literal["plugin"]
    system: str = Field(min_length=1)
    parameters: dict[str, JsonValue] = Field(default_factory=dict)


OutsideSystem = CommandSystem | OnnxSystem | TorchCheckpointSystem | PluginSystem
