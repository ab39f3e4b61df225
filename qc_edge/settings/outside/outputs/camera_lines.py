"""An [[output]] with protocol = "camera"."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from qc_edge.settings.outside.output import OutputSettings
from qc_edge.settings.outside.outputs.digital import DigitalSettings

_Line = Annotated[str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9]*$", max_length=30)]


class CameraLineSettings(DigitalSettings):
    """Output lines of a Basler camera: a pulse for each part, and nobody answers."""

    protocol: Literal["camera"] = Field(description="Output lines of a Basler camera.")
    camera: str = Field(description="The [[camera]] that has them, of this process.")
    accept: _Line = Field(description="The line that says ACCEPT: Line2, as the camera calls it.")
    reject: _Line | None = Field(default=None, description="The one that says REJECT.")
    hold: _Line | None = Field(
        default=None, description="The one that says HOLD; unset: the line of `reject`."
    )
    ready: _Line | None = Field(
        default=None, description="The one that is active while parts are judged."
    )

    @property
    def wired(self) -> tuple[str | int | None, ...]:
        """Names of the camera's lines."""
        return (self.accept, self.reject, self.hold, self.ready)

    @property
    def owns(self) -> tuple[str, ...]:
        """All lines of the camera: its user outputs are given out once."""
        return (f"the lines of camera {self.camera}",)

    @property
    def place(self) -> str:
        """The camera."""
        return f"camera {self.camera}"


def check_camera_lines(
    outputs: Sequence[OutputSettings], triggers: Mapping[str, str], roles: Collection[str]
) -> None:
    """Hold outputs against the cameras that have lines, each with the line of its trigger (empty:
    none), and the roles of this process. Raises ValueError.
    """
    for output in outputs:
        if not isinstance(output, CameraLineSettings):
            continue
        if output.camera not in triggers:
            known = ", ".join(triggers) or "there is none"
            raise ValueError(
                f"output {output.name}: camera {output.camera!r} is no Basler camera of this "
                f"station ({known})"
            )
        if not {"capture", "inspect"} <= set(roles):
            raise ValueError(
                f"output {output.name}: a camera's lines need both roles in one process, which has "
                f"{', '.join(roles)}"
            )
        if (line := triggers[output.camera]) and line in output.wired:
            raise ValueError(f"output {output.name}: {line} is where the camera is triggered")
