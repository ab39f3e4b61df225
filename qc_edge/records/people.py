"""As whom a person may act: by the people of the station's page, who log in there."""

from __future__ import annotations

import json
from collections.abc import Collection

from qc_edge.domain.label import PersonRole
from qc_edge.errors import RightsError
from qc_edge.service.owner import acting_as_owner
from qc_edge.settings import StationPaths


def role_of(paths: StationPaths, who: str) -> PersonRole | None:
    """The role of the person of that name; None if the station knows none, or the list of its
    people does not read.
    """
    try:
        with acting_as_owner(paths.state):
            people = json.loads(paths.page_users.read_bytes())["users"]
        (role,) = [each["role"] for each in people if each["name"] == who]
        return PersonRole(role)
    except (OSError, ValueError, KeyError, TypeError):
        return None


def checked_role(
    paths: StationPaths, who: str, allowed: Collection[PersonRole], act: str
) -> PersonRole:
    """The role of `who`, if it is one of those that may `act`. Raises RightsError."""
    role = role_of(paths, who)
    names = " or ".join(allowed)
    if role is None:
        raise RightsError(
            f"{who} is none of the station's people; only {names} may {act}",
            hint=f"sudo qc-edge user {paths.name} add {who} --role {[*allowed][-1]}",
        )
    if role not in allowed:
        raise RightsError(
            f"{who} is {role}; only {names} may {act}", hint=f"qc-edge user {paths.name} lists them"
        )
    return role
