"""A station's settings: the TOML a person edits, checked as a whole, and where its files are."""

from qc_edge.settings.bundles import ModelSettings, RecipeSettings
from qc_edge.settings.camera import CameraSettings, Trigger
from qc_edge.settings.change import SettingChange, apply_live, settings_digest, split_changes
from qc_edge.settings.engine import EngineSettings
from qc_edge.settings.incoming import INCOMING, IncomingSettings
from qc_edge.settings.load import load_settings, parse_settings
from qc_edge.settings.model import (
    AnchorSettings,
    InspectSettings,
    LogSettings,
    Role,
    Settings,
    StationSettings,
    StorageSettings,
)
from qc_edge.settings.outside.metrics import MetricsSettings
from qc_edge.settings.outside.output import LineSettings, OutputSettings
from qc_edge.settings.outside.upstream import UpstreamSettings
from qc_edge.settings.paths import StationPaths
from qc_edge.settings.review import ReviewSettings
from qc_edge.settings.view import PartSettings, ViewSettings

__all__ = [
    "INCOMING",
    "AnchorSettings",
    "CameraSettings",
    "EngineSettings",
    "IncomingSettings",
    "InspectSettings",
    "LineSettings",
    "LogSettings",
    "MetricsSettings",
    "ModelSettings",
    "OutputSettings",
    "PartSettings",
    "RecipeSettings",
    "ReviewSettings",
    "Role",
    "SettingChange",
    "Settings",
    "StationPaths",
    "StationSettings",
    "StorageSettings",
    "Trigger",
    "UpstreamSettings",
    "ViewSettings",
    "apply_live",
    "load_settings",
    "parse_settings",
    "settings_digest",
    "split_changes",
]
