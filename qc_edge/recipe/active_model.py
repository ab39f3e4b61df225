"""Which bundle is to judge, and why: the activation in force, else the settings.

Opens it and holds it to the record and to the signature that the station demands; never loads an
engine.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from qc_edge.bundles.bundle import Bundle, load_bundle
from qc_edge.bundles.evaluated import check_evaluation
from qc_edge.bundles.signing import check_signature
from qc_edge.domain.activation import Activation
from qc_edge.domain.decisions import DecisionHistory
from qc_edge.engine.engine_thread import EngineThread
from qc_edge.engine.pool import EnginePool
from qc_edge.errors import ModelError
from qc_edge.recipe.changeover.moment import ChangeoverMoment
from qc_edge.recipe.changeover.recipe_in_force import RecipeInForce
from qc_edge.records import activations
from qc_edge.service.logs import LOG
from qc_edge.settings import StationPaths
from qc_edge.settings.bundles import ModelSettings
from qc_edge.settings.paths import shipped


@dataclass(frozen=True, slots=True)
class ActiveModel:
    """A bundle and why it is to judge, in words; `activation` is None where the settings say so."""

    bundle: Bundle
    why: str
    activation: Activation | None = None


class EarlierRecipe(NamedTuple):
    """A changeover whose frames wait in the spool: when, and what judged until then (None: the
    settings), with the engines of its views.
    """

    moment: ChangeoverMoment
    recipe: RecipeInForce | None
    view_engines: Mapping[str, EngineThread]


@dataclass(frozen=True, slots=True)
class OpenedModels:
    """What is to judge, loaded and proven: the station's own model, and by their names the engines
    of views with a bundle of their own. All are held in `engines`. `recipe` is the last changeover,
    `recipe_views` the engines of its views, `earlier_recipes` what judges frames from before it.
    """

    engines: EnginePool
    engine_thread: EngineThread
    active_model: ActiveModel
    view_engines: Mapping[str, EngineThread]
    recipe: RecipeInForce | None = None
    recipe_views: Mapping[str, EngineThread] = field(default_factory=dict)
    earlier_recipes: tuple[EarlierRecipe, ...] = ()


def active_reference(history: DecisionHistory[Activation], settings: ModelSettings) -> str:
    """NAME@VERSION of the bundle in force, or of the one that the first start will open."""
    return history.in_force.bundle if history.in_force else settings.bundle


def open_active_model(paths: StationPaths, settings: ModelSettings) -> ActiveModel:
    """Open the bundle in force. Raises ModelError if it is not what was approved, activated or
    signed.
    """
    activation = activations.load(paths.activations).in_force
    if activation is None:
        return ActiveModel(
            open_signed_bundle(paths, settings, settings.bundle), "the settings name it"
        )
    if activation.bundle != settings.bundle:
        LOG.info(
            "model.bundle = %s has no effect: %s was %s",
            settings.bundle,
            activation.bundle,
            activation.words,
        )
    return open_activated(paths, settings, activation)


def open_activated(
    paths: StationPaths, settings: ModelSettings, activation: Activation
) -> ActiveModel:
    """Open the bundle of an activation. Raises ModelError if it is not what was activated."""
    bundle = open_signed_bundle(paths, settings, activation.bundle)
    if bundle.digest != activation.bundle_sha256:
        raise ModelError(
            f"{bundle.directory} is not the {bundle.reference} that was {activation.words}: its "
            "manifest has "
            f"the digest {bundle.digest[:12]}..., the record says "
            f"{activation.bundle_sha256[:12]}...",
            hint="put the bundle back that was activated, or activate this one: qc-edge model "
            "activate",
        )
    return ActiveModel(bundle, activation.words, activation)


def open_signed_bundle(paths: StationPaths, settings: ModelSettings, reference: str) -> Bundle:
    """Open NAME@VERSION: the station's own, else the one that came with the software.

    Raises ModelError if it is nowhere, not whole, or not signed as the settings demand.
    """
    bundle = load_bundle(reference, [paths.models, shipped("models")])
    LOG.debug("%s: %s", bundle.reference, check_signature(bundle, settings))
    check_evaluation(bundle, settings)
    return bundle
