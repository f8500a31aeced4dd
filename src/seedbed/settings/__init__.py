"""The settings of a project and its environments, and the source of each value."""

from seedbed.settings.configuration import Configuration, SettingEntry, load_configuration, require_database_url
from seedbed.settings.database_url import DatabaseUrl
from seedbed.settings.environments import Environment, Settings
from seedbed.settings.project import Project, find_project
from seedbed.settings.sources import Origin
from seedbed.settings.url_parser import MalformedUrl, parse_url

__all__ = [
    "Configuration",
    "DatabaseUrl",
    "Environment",
    "MalformedUrl",
    "Origin",
    "Project",
    "SettingEntry",
    "Settings",
    "find_project",
    "load_configuration",
    "parse_url",
    "require_database_url",
]
